// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "gnomon/model/config.h"

namespace gnomon {

// A configuration in Gnomon's own names, for files that must be understood without the model.
// `origin` names the source in messages. Reading throws FileError.
std::string model_config_json(const ModelConfig& config);
ModelConfig model_config_from_json(std::string_view text, std::string_view origin);

}  // namespace gnomon
