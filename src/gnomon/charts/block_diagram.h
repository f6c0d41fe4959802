// SPDX-License-Identifier: Apache-2.0
// in: a block's operations, its hook points and what was read there   out: the block as a diagram
#pragma once

#include <string>
#include <vector>

#include "gnomon/charts/figure.h"

namespace gnomon {

// A hook point on the wire that leaves its operation.
struct DiagramHook {
  std::string name;                   // "blocks.2.mlp.hook_post"
  bool is_target = false;             // the quantity that is reported
  std::vector<std::string> readings;  // "Input weights: r = +0.26 [−0.50, 0.51]"
};

// An operation with the hook points of what it gives, in the order in which they are computed. On
// the stream itself (`on_stream`) there is no box, but the values that go on to all that follows.
struct DiagramOperation {
  std::string label;  // "ln_2", "attention", "W_in"
  bool on_stream = false;
  bool added_to_stream = false;  // its last hook point is added to the stream
  // Its last hook point is added to the stream only where the next operation's is: what stands in
  // between does not read it.
  bool added_with_next = false;
  bool reads_tokens = false;  // and not the stream
  bool is_gap = false;        // other blocks that are not drawn
  std::vector<DiagramHook> hooks;
};

struct BlockDiagram {
  std::string id = "block";
  std::string title;
  std::string description;
  std::vector<DiagramOperation> operations;
};

// From top to bottom as the forward pass goes: the residual stream is the vertical line at the
// left; operations that read it stand to its right, and what they give is added to it at ⊕. A line
// for each hook point: its dot on the wire, its name, and what is read there.
Figure block_diagram_figure(const BlockDiagram& diagram);

}  // namespace gnomon
