// SPDX-License-Identifier: Apache-2.0
#include "gnomon/activations/detail/site_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "gnomon/base/error.h"

namespace gnomon::detail {
namespace {

// Masked scores are -inf by definition; NaN is nothing's definition.
template <class T>
void require_numbers(std::span<const T> values, bool infinity_allowed, const std::string& name) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isfinite(values[i]) || (infinity_allowed && std::isinf(values[i]))) continue;
    throw NumericError(
        fmt::format("capture: \"{}\" is not finite at element {}", name, i),
        "gnomon model show names the file; its weights or the edit led to an overflow");
  }
}

}  // namespace

template <class T>
SiteReader<T>::SiteReader(const SiteAt& at, bool gradient,
                          std::span<const std::vector<TokenId>> texts, const ModelConfig& config)
    : positions_(positions_by_text(at, texts, config)), config_(config) {
  result_.at = at;
  result_.gradient = gradient;
  for (std::size_t t = 0; t < texts.size(); ++t) {
    first_row_.push_back(result_.n_row());
    for (const Index p : positions_[t]) {
      result_.text.push_back(static_cast<Index>(t));
      result_.position.push_back(p);
    }
  }
  if (is_pairs(at.site)) {
    result_.by_text.resize(texts.size());
  } else {
    const Index width = at.site.coordinate ? 1 : site_width(at.site.kind, config);
    result_.values = Tensor<T>({result_.n_row(), width});
  }
}

template <class T>
void SiteReader<T>::add_hook(Hooks<T>& hooks, const PackedBatch& batch, Index texts_before) {
  // Result row of every token of the batch, -1 where it is not asked for.
  std::vector<Index> row_of(static_cast<std::size_t>(batch.n_token()), -1);
  for (Index t = 0; t < batch.n_text(); ++t) {
    const std::vector<Index>& wanted = positions(t + texts_before);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      row_of[static_cast<std::size_t>(batch.offset[static_cast<std::size_t>(t)] + wanted[i])] =
          first_row_[static_cast<std::size_t>(t + texts_before)] + static_cast<Index>(i);
    }
  }
  hooks.add(at().site.kind, at().site.layer,
            [this, row_of = std::move(row_of), texts_before](const HookContext& context,
                                                             MatrixView<T> values) {
              if (is_pairs(at().site)) {
                read_pairs(context, values, row_of, context.text + texts_before);
              } else {
                read_rows(context, values, row_of);
              }
            });
}

template <class T>
void SiteReader<T>::read_rows(const HookContext& context, MatrixView<T> values,
                              std::span<const Index> row_of) {
  const MatrixView<T> to = result_.values.matrix();
  for (Index i = 0; i < values.rows; ++i) {
    const Index row = row_of[static_cast<std::size_t>(context.rows[static_cast<std::size_t>(i)])];
    if (row < 0) continue;
    if (at().site.coordinate) {
      to(row, 0) = values(i, *at().site.coordinate);
    } else {
      std::ranges::copy(values.row(i), to.row(row).begin());
    }
  }
}

template <class T>
void SiteReader<T>::read_pairs(const HookContext& context, MatrixView<T> values,
                               std::span<const Index> row_of, Index text) {
  const auto n_query = static_cast<Index>(context.rows.size());
  const auto n_wanted = static_cast<Index>(positions(text).size());
  Tensor<T>& to = result_.by_text[static_cast<std::size_t>(text)];
  to = Tensor<T>({config_.n_heads, n_wanted, values.cols});
  for (Index h = 0; h < config_.n_heads; ++h) {
    for (Index i = 0; i < n_query; ++i) {
      const Index row = row_of[static_cast<std::size_t>(context.rows[static_cast<std::size_t>(i)])];
      if (row < 0) continue;
      const Index wanted = row - first_row_[static_cast<std::size_t>(text)];
      std::ranges::copy(values.row(h * n_query + i),
                        to.matrix().row(h * n_wanted + wanted).begin());
    }
  }
}

template <class T>
Activations<T> SiteReader<T>::take() {
  const std::string name = activations_name(result_.at, result_.gradient, config_);
  require_numbers<T>(result_.values.values(), false, name);
  for (const Tensor<T>& pairs : result_.by_text) require_numbers<T>(pairs.values(), true, name);
  return std::move(result_);
}

template class SiteReader<float>;
template class SiteReader<double>;

}  // namespace gnomon::detail
