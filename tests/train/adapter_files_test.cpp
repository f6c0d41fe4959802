// SPDX-License-Identifier: Apache-2.0
#include "gnomon/train/adapter_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <limits>

#include "gnomon/base/error.h"
#include "gnomon/base/json.h"
#include "gnomon/base/random.h"
#include "gnomon/model/model.h"
#include "gnomon/model/parameters.h"
#include "gnomon/tensor/safetensors.h"
#include "support/temporary_folder.h"

namespace gnomon {
namespace {

using test::names_in;
using test::TemporaryFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Tensor<float> random_tensor(std::vector<Index> shape, Random& random) {
  Tensor<float> tensor(std::move(shape));
  for (float& value : tensor.values()) value = static_cast<float>(random.normal());
  return tensor;
}

// Changes of every projection whose name ends in one of `ends`, of a tiny golden model.
Adapter adapter_of(const std::string& model_name, const std::vector<std::string>& ends) {
  const Model model = Model::load(GNOMON_TEST_DATA "/models/" + model_name);
  Random random(3, "adapter");
  Adapter adapter;
  adapter.rank = 2;
  adapter.alpha = 5;
  adapter.base_model = "tiny";
  for (const ParameterRow& row : model_parameters(model.config())) {
    for (const std::string& end : ends) {
      if (!row.name.ends_with(end)) continue;
      const bool in_out = row.layout == WeightLayout::in_out;
      adapter.fan_in_fan_out = in_out;
      adapter.matrices.push_back({row.name, random_tensor({2, row.shape[in_out ? 0 : 1]}, random),
                                  random_tensor({row.shape[in_out ? 1 : 0], 2}, random)});
    }
  }
  return adapter;
}

Adapter gpt2_adapter() {
  return adapter_of("gpt2-tiny", {"h.0.attn.c_attn.weight", "mlp.c_fc.weight"});
}

std::string message_of(const std::function<void()>& action, ErrorCode code) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

TEST(AdapterFiles, HavePeftsNamesAndFields) {
  const TemporaryFolder folder;
  const Adapter adapter = gpt2_adapter();
  ASSERT_GE(adapter.matrices.size(), 2U);
  write_adapter(folder / "adapter", adapter);
  EXPECT_THAT(names_in(folder / "adapter"),
              ElementsAre("adapter_config.json", "adapter_model.safetensors"));
  const SafetensorsFile file(folder / "adapter/adapter_model.safetensors");
  EXPECT_EQ(file.metadata().at("format"), "pt");
  EXPECT_EQ(file.tensors().size(), 2 * adapter.matrices.size());
  const StoredTensor* a = file.find("base_model.model.transformer.h.0.attn.c_attn.lora_A.weight");
  const StoredTensor* b = file.find("base_model.model.transformer.h.0.attn.c_attn.lora_B.weight");
  ASSERT_NE(a, nullptr);
  ASSERT_NE(b, nullptr);
  EXPECT_EQ(a->shape, adapter.matrices[0].a.shape());
  EXPECT_EQ(b->shape, adapter.matrices[0].b.shape());
  const Json config = read_json_file(folder / "adapter/adapter_config.json");
  EXPECT_EQ(config["peft_type"], "LORA");
  EXPECT_EQ(config["r"], 2);
  EXPECT_EQ(config["lora_alpha"].dump(), "5");
  EXPECT_EQ(config["fan_in_fan_out"], true);
  EXPECT_EQ(config["base_model_name_or_path"], "tiny");
  EXPECT_EQ(config["target_modules"][0], "transformer.h.0.attn.c_attn");
}

TEST(AdapterFiles, LlamaKeys) {
  const TemporaryFolder folder;
  const Adapter adapter = adapter_of("llama-tiny", {"layers.1.mlp.down_proj.weight"});
  ASSERT_EQ(adapter.matrices.size(), 1U);
  write_adapter(folder.path(), adapter);
  const SafetensorsFile file(folder / "adapter_model.safetensors");
  EXPECT_NE(file.find("base_model.model.model.layers.1.mlp.down_proj.lora_A.weight"), nullptr);
  EXPECT_EQ(read_json_file(folder / "adapter_config.json")["fan_in_fan_out"], false);
}

TEST(AdapterFiles, ReadBackTheSame) {
  const TemporaryFolder folder;
  const Adapter adapter = gpt2_adapter();
  write_adapter(folder.path(), adapter);
  const Adapter read = read_adapter(folder.path());
  EXPECT_EQ(read.rank, 2);
  EXPECT_EQ(read.alpha, 5.0);
  EXPECT_EQ(read.base_model, "tiny");
  EXPECT_TRUE(read.fan_in_fan_out);
  ASSERT_EQ(read.matrices.size(), adapter.matrices.size());
  for (const AdapterMatrix& matrix : adapter.matrices) {
    const auto same =
        std::find_if(read.matrices.begin(), read.matrices.end(),
                     [&](const AdapterMatrix& r) { return r.parameter == matrix.parameter; });
    ASSERT_NE(same, read.matrices.end()) << matrix.parameter;
    EXPECT_TRUE(std::equal(same->a.values().begin(), same->a.values().end(),
                           matrix.a.values().begin(), matrix.a.values().end()));
    EXPECT_TRUE(std::equal(same->b.values().begin(), same->b.values().end(),
                           matrix.b.values().begin(), matrix.b.values().end()));
  }
}

TEST(AdapterFiles, ComeFromATrainedLora) {
  const Model model = Model::load(GNOMON_TEST_DATA "/models/gpt2-tiny");
  const ParameterRow row = find_parameter(model.config(), "transformer.h.1.mlp.c_proj.weight");
  ParameterSet<double> base;
  base.insert(row, Tensor<double>(row.shape));
  const LoraAdapter<double> lora(base, 2, 3.5, Random(1, "lora"));
  const Adapter adapter = to_adapter(lora, "gpt2");
  ASSERT_EQ(adapter.matrices.size(), 1U);
  EXPECT_EQ(adapter.matrices[0].parameter, row.name);
  EXPECT_EQ(adapter.alpha, 3.5);
  EXPECT_EQ(adapter.rank, 2);
  EXPECT_TRUE(adapter.fan_in_fan_out);
  EXPECT_EQ(adapter.matrices[0].a.values()[3],
            static_cast<float>(lora.matrices()[0].a.values()[3]));
  EXPECT_EQ(adapter.matrices[0].b.shape(), lora.matrices()[0].b.shape());
}

TEST(AdapterFiles, RefuseWhatPeftWouldMisread) {
  const TemporaryFolder folder;
  const Adapter good = gpt2_adapter();
  const auto refuse = [&](const std::function<void(Adapter&)>& spoil, ErrorCode code) {
    Adapter adapter = good;
    spoil(adapter);
    return message_of([&] { write_adapter(folder / "bad", adapter); }, code);
  };
  refuse([](Adapter& a) { a.matrices.clear(); }, ErrorCode::usage);
  refuse([](Adapter& a) { a.rank = 0; }, ErrorCode::usage);
  EXPECT_THAT(refuse([](Adapter& a) { a.rank = 3; }, ErrorCode::usage),
              HasSubstr("expected [rank, n_in] = [3, n_in]"));
  refuse([](Adapter& a) { a.matrices[1].parameter = a.matrices[0].parameter; }, ErrorCode::usage);
  refuse([](Adapter& a) { a.matrices[0].parameter = "transformer.h.0.attn.c_attn"; },
         ErrorCode::usage);
  refuse([](Adapter& a) { a.matrices[0].parameter = "transformer.wte.weight"; },
         ErrorCode::unsupported);
  EXPECT_THAT(
      refuse(
          [](Adapter& a) { a.matrices[0].b.values()[1] = std::numeric_limits<float>::quiet_NaN(); },
          ErrorCode::bad_data),
      HasSubstr("is nan at 1"));
  EXPECT_FALSE(std::filesystem::exists(folder / "bad"));
}

TEST(AdapterFiles, RefuseAdaptersOfOtherKinds) {
  const TemporaryFolder folder;
  write_adapter(folder.path(), gpt2_adapter());
  const Json good = read_json_file(folder / "adapter_config.json");
  const auto refuse = [&](const char* key, Json value, ErrorCode code) {
    Json changed = good;
    changed[key] = std::move(value);
    folder.write("adapter_config.json", dump_json(changed));
    message_of([&] { read_adapter(folder.path()); }, code);
  };
  refuse("peft_type", "IA3", ErrorCode::unsupported);
  refuse("use_dora", true, ErrorCode::unsupported);
  refuse("use_rslora", true, ErrorCode::unsupported);
  refuse("bias", "all", ErrorCode::unsupported);
  refuse("rank_pattern", {{"h.0", 4}}, ErrorCode::unsupported);
  refuse("r", 3, ErrorCode::bad_file);
  refuse("r", -1, ErrorCode::bad_file);
  refuse("r", "2", ErrorCode::bad_file);
  refuse("lora_alpha", nullptr, ErrorCode::bad_file);
  folder.write("adapter_config.json", "[]");
  message_of([&] { read_adapter(folder.path()); }, ErrorCode::bad_file);
  folder.write("adapter_config.json", dump_json(good));
  std::filesystem::remove(folder / "adapter_model.safetensors");
  message_of([&] { read_adapter(folder.path()); }, ErrorCode::not_found);
}

// Writes the adapters that tools/check_adapter.py loads with PEFT.
TEST(AdapterFiles, ForTheCheckWithPeft) {
  const char* out = std::getenv("GNOMON_ADAPTER_OUT");
  if (out == nullptr) GTEST_SKIP() << "GNOMON_ADAPTER_OUT names no folder; tools/check_adapter.py";
  const std::filesystem::path folder = out;
  write_adapter(folder / "gpt2-tiny", gpt2_adapter());
  write_adapter(folder / "llama-tiny",
                adapter_of("llama-tiny",
                           {"layers.1.mlp.down_proj.weight", "layers.0.self_attn.q_proj.weight"}));
  EXPECT_THAT(names_in(folder), ElementsAre("gpt2-tiny", "llama-tiny"));
}

}  // namespace
}  // namespace gnomon
