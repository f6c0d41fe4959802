// SPDX-License-Identifier: Apache-2.0
#include <string_view>

#include "fuzz/read_input.h"
#include "gnomon/base/json.h"
#include "gnomon/model/family.h"
#include "gnomon/model/model_config_json.h"

// The input as the config.json of every family, and as a configuration of our own.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const gnomon::Family* family : gnomon::families()) {
    gnomon::test::catch_refusal([&] {
      const gnomon::ModelConfig config =
          family->config_from_json(gnomon::parse_json(text, "config.json"), "config.json");
      gnomon::check_config(config, "config.json");
      gnomon::model_config_from_json(gnomon::model_config_json(config), "config.json");
    });
  }
  gnomon::test::catch_refusal([&] { gnomon::model_config_from_json(text, "config.json"); });
  return 0;
}
