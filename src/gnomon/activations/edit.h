// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "gnomon/activations/activations.h"
#include "gnomon/model/forward.h"

namespace gnomon {

// What an edit does to the numbers at its site and position.
//   set      x = value        add  x = x + value        scale  x = x value
//   replace  x = the stored value of the same text and token
//   call     x = what a function makes of it
enum class EditMode { set, add, scale, replace, call };

// Which rows a function that edits was given, in the order of the run: token position[i] of text
// text[i], counted among all texts. At attention scores and patterns there is a row for each head
// and query, heads outermost, of one text at a time, as wide as the text is long; n_head is 1
// elsewhere.
struct EditedRows {
  std::span<const Index> text;
  std::span<const Index> position;
  Index n_head = 1;
};
// Changes `values` [rows, width], or [rows, 1] for a single coordinate, in place; called from the
// thread that runs the model, once for each batch. What stands at keys that a query may not see is
// ignored.
template <class T>
using EditFunction = std::function<void(const EditedRows& rows, MatrixView<T> values)>;

// A change of one site during a run. With a coordinate the change touches that number alone, else
// the whole row; at attention scores and patterns it touches the keys that the query may see.
template <class T>
struct Edit {
  SiteAt at;
  EditMode mode = EditMode::set;
  std::vector<T> values;                   // set, add, scale: 1 number, or one for each of the row
  const Activations<T>* stored = nullptr;  // replace
  // An edit that changes no number is an error unless it is meant to: patching a site with its own
  // value.
  bool may_change_nothing = false;
  EditFunction<T> function = {};  // call
};

// What an edit did: the guard against interventions that touch nothing.
struct EditEffect {
  Index n_row = 0;      // rows at the named positions
  Index n_changed = 0;  // numbers whose bits changed
  double largest_change = 0;
};

// Applies edits to the batches of a run and counts what they change. `texts_before` is the number
// of texts in the batches before the current one.
template <class T>
class EditSession {
 public:
  // Throws ArgumentError where an edit does not fit its site. Running throws what a function
  // throws, and NumericError where it leaves a number that is not finite.
  EditSession(std::span<const Edit<T>> edits, const ModelConfig& config);

  void add_hooks(Hooks<T>& hooks, const PackedBatch& batch, Index texts_before);

  // Throws CheckError where an edit changed nothing and was not declared to.
  std::vector<EditEffect> finish() const;

 private:
  std::span<const Edit<T>> edits_;
  const ModelConfig& config_;
  std::vector<EditEffect> effects_;
};

}  // namespace gnomon
