// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>

#include "gnomon/model/weights.h"
#include "gnomon/tensor/tensor.h"
#include "gnomon/train/reporter_data.h"

namespace gnomon {

// What training cannot change, filled by the first ReportModel that needs it and read by all that
// share it: seeds of one experiment, and a checkpoint that is loaded again. All must be made from
// the same base model and the same data, which ReportModel checks.
template <class T>
struct UnchangedNumbers {
  const Weights<T>* base = nullptr;
  const ReporterData* data = nullptr;
  std::map<Index, Tensor<T>> streams;  // blocks.{key}.hook_resid_pre of all tokens, by block
  Tensor<double> features;             // of all rows, where the model is not trained
};

}  // namespace gnomon
