// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "gnomon/model/hook_points.h"

namespace gnomon::test {

// The folders of tests/golden/models that have golden values of every hook point.
inline auto golden_models() {
  return testing::Values("gpt2-tiny", "gpt2-tiny-inner", "llama-tiny", "llama-tiny-untied",
                         "llama-tiny-llama3", "mistral-tiny", "qwen2-tiny", "gpt-neox-tiny",
                         "gpt-neox-tiny-sequential");
}

// Sites that hold a stream which is compared: what changing one does has golden values of its own.
inline bool is_copy_of_stream(HookKind kind) {
  return kind == HookKind::attn_in || kind == HookKind::q_input || kind == HookKind::k_input ||
         kind == HookKind::v_input || kind == HookKind::mlp_in;
}

// The name of a test of one of them.
template <class Info>
std::string golden_model_name(const Info& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

}  // namespace gnomon::test
