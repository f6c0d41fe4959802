// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace gnomon::detail {

// What the machine's vector units can do. Kernels are compiled for each of these and one is chosen
// when the program runs: `baseline` is what the compiler was told to assume.
enum class InstructionSet { baseline, avx2, avx512 };

// The highest set that the machine has and the functions below allow.
InstructionSet instruction_set();
std::string_view instruction_set_name();  // of that set, for people
// For tests and benches, which compare the sets with each other.
void limit_instruction_set(InstructionSet highest);
// Of instruction_limit.h; limit_instruction_set goes no further.
void set_highest_instruction_set(InstructionSet highest);

#if defined(__x86_64__) && defined(__GNUC__)
#define GNOMON_HAS_X86_TARGETS 1
#define GNOMON_TARGET_AVX2 __attribute__((target("arch=x86-64-v3")))
#define GNOMON_TARGET_AVX512 __attribute__((target("arch=x86-64-v4,prefer-vector-width=512")))
#endif

// A kernel's loops take the instruction set of the function they are inlined into.
#if defined(__GNUC__)
#define GNOMON_ALWAYS_INLINE inline __attribute__((always_inline))
#else
#define GNOMON_ALWAYS_INLINE inline
#endif

// Before a loop that may work in place: iterations touch only their own indices, so that output and
// input are the same or apart, and no check of addresses sends the loop to its scalar version.
#if defined(__clang__)
#define GNOMON_INDEPENDENT_ITERATIONS _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define GNOMON_INDEPENDENT_ITERATIONS _Pragma("GCC ivdep")
#else
#define GNOMON_INDEPENDENT_ITERATIONS
#endif

#ifdef GNOMON_HAS_X86_TARGETS
template <class Kernel, class... Arguments>
GNOMON_TARGET_AVX2 void run_avx2(Arguments... arguments) {
  Kernel::run(arguments...);
}
template <class Kernel, class... Arguments>
GNOMON_TARGET_AVX512 void run_avx512(Arguments... arguments) {
  Kernel::run(arguments...);
}
#endif

// Kernel::run(arguments...), compiled for the instruction set in use. `run` is a static member
// marked GNOMON_ALWAYS_INLINE, as is everything it calls in its loops. The bits do not depend on
// the set: there is no contraction (-ffp-contract=off), and the compiler may not reorder sums.
template <class Kernel, class... Arguments>
void dispatch(Arguments... arguments) {
#ifdef GNOMON_HAS_X86_TARGETS
  switch (instruction_set()) {
    case InstructionSet::avx512:
      return run_avx512<Kernel>(arguments...);
    case InstructionSet::avx2:
      return run_avx2<Kernel>(arguments...);
    case InstructionSet::baseline:
      break;
  }
#endif
  Kernel::run(arguments...);
}

}  // namespace gnomon::detail
