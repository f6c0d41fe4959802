// SPDX-License-Identifier: Apache-2.0
// in: the trace of a forward pass   out: gradients of a loss at every site, and of parameters
#pragma once

#include "gnomon/model/forward.h"
#include "gnomon/model/parameters.h"

namespace gnomon {

// The backward pass of run_forward, for the same configuration, weights and batch.
//
// `grad_hooks` are called at their sites from the last to the first, with the gradient of the loss
// with respect to the tensor at that site, rows as in the forward pass. The loss comes in there: a
// hook at a site that the loss reads adds its derivative; what hooks later in the flow added has
// arrived by then. Other hooks read. At the site where the forward pass ended the gradient starts
// as zero; a hook at a site the forward pass did not reach is an error. The gradient at a residual
// site is that of everything downstream, through the stream and through the branches.
//
// A parameter in `grad` (null: none) receives its gradient, added to what stands there. A tied
// embedding receives both its parts. The pass ends below the first block that a parameter of `grad`
// or a hook needs.
//
// With the packed backend the bits do not depend on the number of threads. Throws ArgumentError as
// above; what a hook throws ends the pass.
template <class T>
void run_backward(const ModelConfig& config, const Weights<T>& weights, const PackedBatch& batch,
                  const ForwardTrace<T>& trace, const Hooks<T>& grad_hooks, ParameterSet<T>* grad,
                  Backend backend);

}  // namespace gnomon
