// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gnomon/model/family.h"

namespace gnomon {

const Family& gpt2_family();
const Family& llama_family();
const Family& mistral_family();
const Family& qwen2_family();
const Family& gpt_neox_family();

}  // namespace gnomon
