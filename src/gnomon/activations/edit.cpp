// SPDX-License-Identifier: Apache-2.0
#include "gnomon/activations/edit.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <utility>

#include "gnomon/activations/detail/site_reader.h"
#include "gnomon/base/error.h"

namespace gnomon {
namespace {

template <class T>
void check_edit(const Edit<T>& edit, const ModelConfig& config) {
  check_site(edit.at.site, config);
  const std::string name = site_at_name(edit.at, config);
  if (edit.mode == EditMode::replace) {
    if (edit.stored == nullptr)
      throw ArgumentError(fmt::format("edit of \"{}\": replace without stored values", name));
    if (is_pairs(edit.at.site)) {
      throw ArgumentError(
          ErrorCode::wrong_site,
          fmt::format("edit of \"{}\": replace is not defined for attention scores and patterns",
                      name));
    }
    if (edit.stored->at.site != edit.at.site) {
      throw ArgumentError(ErrorCode::wrong_site,
                          fmt::format("edit of \"{}\": the stored values are of \"{}\"", name,
                                      site_at_name(edit.stored->at, config)));
    }
  }
  if (edit.mode == EditMode::call) {
    if (!edit.function)
      throw ArgumentError(fmt::format("edit of \"{}\": call without a function", name));
    return;
  }
  const Index width =
      edit.at.site.coordinate || is_pairs(edit.at.site) ? 1 : site_width(edit.at.site.kind, config);
  if (edit.mode == EditMode::replace) {
    const std::vector<Index> expected = {edit.stored->n_row(), width};
    if (edit.stored->values.shape() != expected ||
        edit.stored->position.size() != edit.stored->text.size()) {
      throw ShapeError(fmt::format("edit of \"{}\": the stored values are {}, expected {}", name,
                                   shape_text(edit.stored->values.shape()), shape_text(expected)));
    }
    return;
  }
  const auto n = static_cast<Index>(edit.values.size());
  if (n != 1 && n != width) {
    throw ShapeError(fmt::format("edit of \"{}\": {} values, expected 1 or {}", name, n, width));
  }
  for (const T value : edit.values) {
    if (!std::isfinite(value))
      throw ArgumentError(fmt::format("edit of \"{}\": a value is not finite", name));
  }
}

template <class T>
T edited(EditMode mode, T old, T value) {
  switch (mode) {
    case EditMode::set:
    case EditMode::replace:
      return value;
    case EditMode::add:
      return old + value;
    case EditMode::scale:
      return old * value;
    case EditMode::call:
      break;
  }
  throw InternalError("edited: unknown mode");
}

template <class T>
void write(T& cell, T value, EditEffect& effect) {
  if (std::memcmp(&cell, &value, sizeof(T)) == 0) return;
  effect.n_changed += 1;
  effect.largest_change = std::max(
      effect.largest_change, std::abs(static_cast<double>(value) - static_cast<double>(cell)));
  cell = value;
}

// Row of the stored values for each (text, token).
template <class T>
std::map<std::pair<Index, Index>, Index> stored_rows(const Edit<T>& edit) {
  std::map<std::pair<Index, Index>, Index> rows;
  if (edit.mode != EditMode::replace) return rows;
  for (Index r = 0; r < edit.stored->n_row(); ++r) {
    rows[{edit.stored->text[static_cast<std::size_t>(r)],
          edit.stored->position[static_cast<std::size_t>(r)]}] = r;
  }
  return rows;
}

// The columns of a row that an edit changes.
template <class T>
std::pair<Index, Index> edited_columns(const Edit<T>& edit, Index n_column, Index position) {
  if (edit.at.site.coordinate) return {*edit.at.site.coordinate, *edit.at.site.coordinate + 1};
  return {0, is_pairs(edit.at.site) ? position + 1 : n_column};
}

// Hands the wanted rows to the edit's function and takes back what it made of them.
template <class T>
void call_edit(const Edit<T>& edit, const std::vector<bool>& wanted, Index texts_before,
               const ModelConfig& config, const HookContext& context, MatrixView<T> values,
               EditEffect& effect) {
  const auto n_query = static_cast<Index>(context.rows.size());
  std::vector<Index> chosen;
  std::vector<Index> text;
  std::vector<Index> position;
  for (Index i = 0; i < values.rows; ++i) {
    const auto token =
        static_cast<std::size_t>(context.rows[static_cast<std::size_t>(i % n_query)]);
    if (!wanted[token]) continue;
    chosen.push_back(i);
    text.push_back(context.batch.text[token] + texts_before);
    position.push_back(context.batch.position[token]);
  }
  if (chosen.empty()) return;
  const Index first = edit.at.site.coordinate.value_or(0);
  const Index n_column = edit.at.site.coordinate ? 1 : values.cols;
  Tensor<T> copy({static_cast<Index>(chosen.size()), n_column});
  for (std::size_t r = 0; r < chosen.size(); ++r) {
    const std::span<T> row = values.row(chosen[r]).subspan(first, n_column);
    std::copy(row.begin(), row.end(), copy.matrix().row(static_cast<Index>(r)).begin());
  }
  edit.function({text, position, values.rows / n_query}, copy.matrix());
  for (std::size_t r = 0; r < chosen.size(); ++r) {
    const std::span<const T> row = copy.matrix().row(static_cast<Index>(r));
    const auto [begin, end] = edited_columns(edit, values.cols, position[r]);
    effect.n_row += 1;
    for (Index c = begin; c < end; ++c) {
      const T value = row[static_cast<std::size_t>(c - first)];
      if (!std::isfinite(value)) {
        throw NumericError(
            fmt::format("edit of \"{}\": the function gave {} at token {} of text {}",
                        site_at_name(edit.at, config), value, position[r], text[r]));
      }
      write(values(chosen[r], c), value, effect);
    }
  }
}

}  // namespace

template <class T>
EditSession<T>::EditSession(std::span<const Edit<T>> edits, const ModelConfig& config)
    : edits_(edits), config_(config), effects_(edits.size()) {
  for (const Edit<T>& edit : edits) check_edit(edit, config);
}

template <class T>
void EditSession<T>::add_hooks(Hooks<T>& hooks, const PackedBatch& batch, Index texts_before) {
  for (std::size_t e = 0; e < edits_.size(); ++e) {
    const Edit<T>& edit = edits_[e];
    EditEffect& effect = effects_[e];
    std::vector<bool> wanted(static_cast<std::size_t>(batch.n_token()));
    for (Index t = 0; t < batch.n_text(); ++t) {
      for (const Index p : resolve_position(edit.at.position, batch.length(t))) {
        wanted[static_cast<std::size_t>(batch.offset[static_cast<std::size_t>(t)] + p)] = true;
      }
    }
    if (edit.mode == EditMode::call) {
      hooks.add(edit.at.site.kind, edit.at.site.layer,
                [this, &edit, &effect, wanted = std::move(wanted), texts_before](
                    const HookContext& context, MatrixView<T> values) {
                  call_edit(edit, wanted, texts_before, config_, context, values, effect);
                });
      continue;
    }
    hooks.add(
        edit.at.site.kind, edit.at.site.layer,
        [this, &edit, &effect, wanted = std::move(wanted), rows_of = stored_rows(edit),
         texts_before](const HookContext& context, MatrixView<T> values) {
          const auto n_query = static_cast<Index>(context.rows.size());
          for (Index i = 0; i < values.rows; ++i) {
            const auto token =
                static_cast<std::size_t>(context.rows[static_cast<std::size_t>(i % n_query)]);
            if (!wanted[token]) continue;
            effect.n_row += 1;
            const Index position = context.batch.position[token];
            const auto [first, last] = edited_columns(edit, values.cols, position);
            const T* source = edit.values.data();
            Index step = edit.values.size() > 1 ? 1 : 0;
            if (edit.mode == EditMode::replace) {
              const auto found = rows_of.find({context.batch.text[token] + texts_before, position});
              if (found == rows_of.end()) {
                throw ArgumentError(
                    ErrorCode::out_of_range,
                    fmt::format("edit of \"{}\": no stored value for token {} of text {}",
                                site_at_name(edit.at, config_), position,
                                context.batch.text[token] + texts_before));
              }
              source = edit.stored->values.matrix().row(found->second).data();
              step = 1;
            }
            for (Index c = first; c < last; ++c, source += step) {
              write(values(i, c), edited(edit.mode, values(i, c), *source), effect);
            }
          }
        });
  }
}

template <class T>
std::vector<EditEffect> EditSession<T>::finish() const {
  for (std::size_t e = 0; e < edits_.size(); ++e) {
    if (effects_[e].n_changed == 0 && !edits_[e].may_change_nothing) {
      throw CheckError(fmt::format("the edit of \"{}\" changed nothing at its site ({} rows)",
                                   site_at_name(edits_[e].at, config_), effects_[e].n_row),
                       "declare it as a no-op if that is meant");
    }
  }
  return effects_;
}

template class EditSession<float>;
template class EditSession<double>;

}  // namespace gnomon
