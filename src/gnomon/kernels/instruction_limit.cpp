// SPDX-License-Identifier: Apache-2.0
#include "gnomon/kernels/instruction_limit.h"

#include <fmt/format.h>

#include "gnomon/base/error.h"
#include "gnomon/base/quote.h"
#include "gnomon/kernels/detail/instruction_set.h"

namespace gnomon {

void limit_instructions(std::string_view name) {
  using detail::InstructionSet;
  if (name == "baseline") return detail::set_highest_instruction_set(InstructionSet::baseline);
  if (name == "avx2") return detail::set_highest_instruction_set(InstructionSet::avx2);
  if (name == "avx512") return detail::set_highest_instruction_set(InstructionSet::avx512);
  throw ArgumentError(
      fmt::format("instruction set {}, expected baseline, avx2 or avx512", quote(name)));
}

}  // namespace gnomon
