// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "gnomon/activations/capture.h"
#include "support/tiny_model.h"

namespace gnomon::test {

// Every property holds for every kind of block and both scalars.
template <class T, TinyFamily F>
struct ModelCase {
  using Scalar = T;
  static constexpr TinyFamily family = F;
};
using ModelCases =
    ::testing::Types<ModelCase<float, TinyFamily::gpt2>, ModelCase<double, TinyFamily::gpt2>,
                     ModelCase<float, TinyFamily::llama>, ModelCase<double, TinyFamily::llama>,
                     ModelCase<float, TinyFamily::gpt_neox>,
                     ModelCase<double, TinyFamily::gpt_neox>>;

struct ModelCaseNames {
  template <class Case>
  static std::string GetName(int) {
    return std::string(family_name(Case::family)) +
           (sizeof(typename Case::Scalar) == 4 ? "_float" : "_double");
  }
};

template <class T>
bool same_bits(std::span<const T> a, std::span<const T> b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size_bytes()) == 0);
}

template <class T>
bool same_bits(const Activations<T>& a, const Activations<T>& b) {
  if (a.text != b.text || a.position != b.position || a.by_text.size() != b.by_text.size())
    return false;
  bool same = same_bits<T>(a.values.values(), b.values.values());
  for (std::size_t t = 0; t < a.by_text.size(); ++t)
    same = same && same_bits<T>(a.by_text[t].values(), b.by_text[t].values());
  return same;
}

inline SiteAt everywhere(HookKind kind, Index layer) {
  return {{kind, layer, std::nullopt}, {Position::Kind::all, 0}};
}


template <class T>
std::vector<Activations<T>> read(const Model& model, const std::vector<std::vector<TokenId>>& texts,
                                 const std::vector<SiteAt>& sites,
                                 const std::vector<Edit<T>>& edits = {},
                                 const RunOptions& options = {}) {
  return capture<T>(model, texts, sites, edits, options).activations;
}

template <class T>
Activations<T> read_one(const Model& model, const std::vector<std::vector<TokenId>>& texts,
                        const SiteAt& site, const std::vector<Edit<T>>& edits = {},
                        const RunOptions& options = {}) {
  return std::move(read<T>(model, texts, {site}, edits, options).front());
}

// The row of token `position` of text `text`.
template <class T>
std::span<const T> row_of(const Activations<T>& activations, Index text, Index position) {
  for (Index r = 0; r < activations.n_row(); ++r) {
    if (activations.text[static_cast<std::size_t>(r)] == text &&
        activations.position[static_cast<std::size_t>(r)] == position) {
      return activations.values.matrix().row(r);
    }
  }
  ADD_FAILURE() << "no row for token " << position << " of text " << text;
  return {};
}

}  // namespace gnomon::test
