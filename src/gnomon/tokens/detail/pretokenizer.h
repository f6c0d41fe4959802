// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "gnomon/tokens/tokenizer_spec.h"

namespace gnomon::detail {

// Cuts a text into pretokens; safe to use from several threads.
class Pretokenizer {
 public:
  explicit Pretokenizer(const std::vector<PretokenStep>& steps);
  ~Pretokenizer();
  Pretokenizer(Pretokenizer&&) noexcept;
  Pretokenizer& operator=(Pretokenizer&&) noexcept;

  // Where each pretoken of `text`, which is well-formed UTF-8, ends; the last entry is text.size().
  std::vector<std::size_t> ends(std::string_view text) const;

 private:
  struct Step;
  std::vector<Step> steps_;
};

}  // namespace gnomon::detail
