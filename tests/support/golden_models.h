// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace gnomon::test {

// The folders of tests/golden/models that have golden values of every hook point.
inline auto golden_models() {
  return testing::Values("gpt2-tiny", "gpt2-tiny-inner", "llama-tiny", "llama-tiny-untied",
                         "llama-tiny-llama3", "mistral-tiny", "qwen2-tiny", "gpt-neox-tiny",
                         "gpt-neox-tiny-sequential");
}

// The name of a test of one of them.
template <class Info>
std::string golden_model_name(const Info& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

}  // namespace gnomon::test
