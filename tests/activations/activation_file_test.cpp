// SPDX-License-Identifier: Apache-2.0
#include "gnomon/activations/activation_file.h"

#include <gtest/gtest.h>

#include <cstring>

#include "activations/model_cases.h"
#include "gnomon/tensor/safetensors.h"

namespace gnomon::test {
namespace {

template <class T>
std::vector<T> values_of(const SafetensorsFile& file, const std::string& name,
                         const std::vector<Index>& shape) {
  const StoredTensor* tensor = file.find(name);
  if (tensor == nullptr) {
    ADD_FAILURE() << "no tensor " << name;
    return {};
  }
  EXPECT_EQ(tensor->shape, shape) << name;
  std::vector<T> values(tensor->bytes.size() / sizeof(T));
  std::memcpy(values.data(), tensor->bytes.data(), tensor->bytes.size());
  return values;
}

TEST(ActivationFileTest, HoldsWhatWasCaptured) {
  const Model& model = tiny_model(TinyFamily::gpt2);
  const ModelConfig& config = model.config();
  const auto texts = random_texts(config, {3, 5}, 1);
  const std::vector<SiteAt> sites = {parse_site("blocks.1.mlp.hook_post[7]@all", config),
                                     parse_site("blocks.0.hook_resid_post@last", config),
                                     parse_site("blocks.1.attn.hook_pattern@all", config)};
  const auto captured = read<double>(model, texts, sites);
  const TemporaryFolder folder;
  const std::filesystem::path path = folder / "activations.safetensors";
  write_activations<double>(path, captured, texts, config, {{"model", "tiny"}});

  const SafetensorsFile file(path);
  EXPECT_EQ(file.metadata().at("model"), "tiny");
  EXPECT_EQ(values_of<double>(file, "blocks.1.mlp.hook_post[7]@all", {8, 1}),
            (std::vector<double>{captured[0].values.values().begin(),
                                 captured[0].values.values().end()}));
  EXPECT_EQ(values_of<Index>(file, "blocks.1.mlp.hook_post[7]@all/text", {8}),
            (std::vector<Index>{0, 0, 0, 1, 1, 1, 1, 1}));
  EXPECT_EQ(values_of<Index>(file, "blocks.1.mlp.hook_post[7]@all/position", {8}),
            (std::vector<Index>{0, 1, 2, 0, 1, 2, 3, 4}));
  EXPECT_EQ(values_of<Index>(file, "blocks.0.hook_resid_post@last/position", {2}),
            (std::vector<Index>{2, 4}));
  EXPECT_EQ(values_of<double>(file, "blocks.1.attn.hook_pattern@all/1", {4, 5, 5}),
            (std::vector<double>{captured[2].by_text[1].values().begin(),
                                 captured[2].by_text[1].values().end()}));
  EXPECT_EQ(values_of<Index>(file, "token_ids", {8}),
            (std::vector<Index>{texts[0][0], texts[0][1], texts[0][2], texts[1][0], texts[1][1],
                                texts[1][2], texts[1][3], texts[1][4]}));
  EXPECT_EQ(values_of<Index>(file, "text_offset", {3}), (std::vector<Index>{0, 3, 8}));
  EXPECT_EQ(names_in(folder.path()), (std::vector<std::string>{"activations.safetensors"}));
}

}  // namespace
}  // namespace gnomon::test
