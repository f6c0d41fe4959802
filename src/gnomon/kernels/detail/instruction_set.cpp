// SPDX-License-Identifier: Apache-2.0
#include "gnomon/kernels/detail/instruction_set.h"

#include <algorithm>
#include <atomic>

namespace gnomon::detail {
namespace {

InstructionSet machine_instruction_set() {
#ifdef GNOMON_HAS_X86_TARGETS
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                    __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512vl");
  if (avx2 && avx512) return InstructionSet::avx512;
  if (avx2) return InstructionSet::avx2;
#endif
  return InstructionSet::baseline;
}

std::atomic<InstructionSet>& highest_instruction_set() {
  static std::atomic<InstructionSet> highest{machine_instruction_set()};
  return highest;
}

std::atomic<InstructionSet>& instruction_set_in_use() {
  static std::atomic<InstructionSet> in_use{highest_instruction_set().load()};
  return in_use;
}

}  // namespace

InstructionSet instruction_set() {
  return instruction_set_in_use().load(std::memory_order_relaxed);
}

std::string_view instruction_set_name() {
  switch (instruction_set()) {
    case InstructionSet::avx512:
      return "AVX-512";
    case InstructionSet::avx2:
      return "AVX2";
    case InstructionSet::baseline:
      break;
  }
  return "the compiler's own instructions";
}

void limit_instruction_set(InstructionSet highest) {
  instruction_set_in_use() = std::min(highest, highest_instruction_set().load());
}

void set_highest_instruction_set(InstructionSet highest) {
  highest_instruction_set() = std::min(highest, machine_instruction_set());
  limit_instruction_set(highest);
}

}  // namespace gnomon::detail
