// SPDX-License-Identifier: Apache-2.0
// Part of a test program: with GNOMON_INSTRUCTION_SET it runs as on a machine that has no more.
#include <cstdlib>

#include "gnomon/kernels/instruction_limit.h"

namespace gnomon::test {
namespace {

[[maybe_unused]] const bool kLimited = [] {
  const char* const name = std::getenv("GNOMON_INSTRUCTION_SET");
  if (name != nullptr) limit_instructions(name);
  return name != nullptr;
}();

}  // namespace
}  // namespace gnomon::test
