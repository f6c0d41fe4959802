// SPDX-License-Identifier: Apache-2.0
#include "gnomon/activations/activation_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "activations/expect_error.h"
#include "activations/model_cases.h"
#include "gnomon/base/error.h"
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

const std::map<std::string, std::string> kMetadata = {{"model", "tiny"}};

TEST(ActivationFileTest, HoldsWhatWasCaptured) {
  const Model& model = tiny_model(TinyFamily::gpt2);
  const ModelConfig& config = model.config();
  const auto texts = random_texts(config, {3, 5}, 1);
  const std::vector<SiteAt> sites = {parse_site("blocks.1.mlp.hook_post[7]@all", config),
                                     parse_site("blocks.0.hook_resid_post@last", config),
                                     parse_site("blocks.1.attn.hook_pattern@all", config)};
  const auto captured = read<double>(model, texts, sites);
  ActivationsRequest request;
  for (const SiteAt& at : sites) request.sites.push_back({at, false});
  const TemporaryFolder folder;
  const std::filesystem::path path = folder / "activations.safetensors";
  capture_to_file<double>(model, texts, request, path, [] { return kMetadata; }, {});

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

std::string bytes_of(const std::filesystem::path& path) {
  const MappedFile file(path);
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

// More texts than are held together, with all kinds of tensors.
TEST(ActivationFileTest, GroupsGiveTheBytesOfOne) {
  for (const TinyFamily family : {TinyFamily::gpt2, TinyFamily::llama}) {
    const Model& model = tiny_model(family);
    const ModelConfig& config = model.config();
    const auto texts = random_texts(config, {3, 5, 2, 7, 4, 4, 6, 2, 3, 8, 5, 2}, 7);
    ActivationsRequest request;
    for (const char* site :
         {"blocks.1.hook_resid_post_grad@all", "blocks.1.mlp.hook_post@last",
          "blocks.0.attn.hook_attn_scores@all", "blocks.0.hook_resid_mid@-2",
          "blocks.0.attn.hook_pattern_grad@last", "blocks.1.mlp.hook_post[7]@all"})
      request.sites.push_back(parse_requested_site(site, config));
    const TemporaryFolder folder;
    RunOptions options;
    capture_to_file<float>(
        model, texts, request, folder / "whole", [] { return kMetadata; }, options);
    options.batch_tokens = 1;  // groups of eight tokens
    Index n_asked = 0;
    std::vector<Index> done;
    options.progress = [&](Index n, Index total) {
      EXPECT_EQ(total, 51);
      done.push_back(n);
    };
    capture_to_file<float>(
        model, texts, request, folder / "groups", [&] { return ++n_asked, kMetadata; }, options);
    EXPECT_TRUE(bytes_of(folder / "whole") == bytes_of(folder / "groups"));
    EXPECT_EQ(n_asked, 1);
    EXPECT_TRUE(std::ranges::is_sorted(done));
    EXPECT_EQ(done.back(), 51);
    EXPECT_EQ(names_in(folder.path()), (std::vector<std::string>{"groups", "whole"}));
  }
}

TEST(ActivationFileTest, AnErrorOnTheWayLeavesWhatWasThere) {
  const Model& model = tiny_model(TinyFamily::gpt2);
  const ModelConfig& config = model.config();
  const auto texts = random_texts(config, {3, 5, 8}, 1);
  ActivationsRequest request;
  request.sites.push_back(parse_requested_site("blocks.1.hook_resid_post@all", config));
  const TemporaryFolder folder;
  const auto path = folder.write("activations.safetensors", "before");
  RunOptions options;
  options.batch_tokens = 1;
  options.progress = [](Index done, Index) {
    if (done > 8) throw NumericError("stopped");
  };
  EXPECT_THROW(capture_to_file<float>(
                   model, texts, request, path, [] { return kMetadata; }, options),
               NumericError);
  EXPECT_EQ(bytes_of(path), "before");
  EXPECT_EQ(names_in(folder.path()), (std::vector<std::string>{"activations.safetensors"}));
  // Texts are checked before the first is read, and named by their number among all.
  request.sites.push_back(parse_requested_site("blocks.1.hook_resid_post_grad@all", config));
  auto with_short = texts;
  with_short.push_back({1});
  options.progress = [](Index, Index) { ADD_FAILURE() << "a text was read"; };
  expect_error(ErrorCode::bad_data, "text 3 has one token", [&] {
    capture_to_file<float>(
        model, with_short, request, path, [] { return kMetadata; }, options);
  });
}

}  // namespace
}  // namespace gnomon::test
