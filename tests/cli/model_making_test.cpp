// SPDX-License-Identifier: Apache-2.0
// `gnomon model init` and `gnomon model check`.
#include <gtest/gtest.h>

#include <fstream>
#include <limits>

#include "gnomon/base/file.h"
#include "gnomon/base/json.h"
#include "gnomon/model/hub_cache.h"
#include "gnomon/model/model.h"
#include "gnomon/model/model_folder.h"
#include "gnomon/report/text_table.h"
#include "run_command.h"
#include "support/temporary_folder.h"

namespace gnomon {
namespace {

using test::run_gnomon;

std::vector<std::string> init_arguments(const std::string& family, const std::string& out) {
  return {"model",     "init", "--family",  family, "--n-layers", "2",
          "--d-model", "24",   "--n-heads", "4",    "--d-vocab",  "50",
          "--n-ctx",   "32",   "--seed",    "11",   "--out",      out};
}

TEST(ModelInit, EveryFamilyLoadsAndHoldsItsIdentities) {
  const test::TemporaryFolder folder;
  for (const std::string family : {"gpt2", "llama", "mistral", "qwen2"}) {
    const std::string out = (folder / family).string();
    const auto made = run_gnomon(init_arguments(family, out));
    ASSERT_EQ(made.exit_status, 0) << made.err;
    const Model model = Model::load(out);
    EXPECT_EQ(model.config().architecture, family);
    EXPECT_EQ(model.config().n_layers, 2);
    EXPECT_EQ(model.config().d_mlp, 96);
    EXPECT_EQ(model.config().n_ctx, 32);

    const auto checked = run_gnomon({"model", "check", out, "--json"});
    ASSERT_EQ(checked.exit_status, 0) << checked.err;
    const Json json = Json::parse(checked.out);
    EXPECT_TRUE(json["passed"].get<bool>());
    EXPECT_EQ(json["n_parameters"], model.source().n_parameters);
    for (const Json& identity : json["identities"]) {
      EXPECT_EQ(identity["float32"]["status"], "pass") << identity;
      EXPECT_EQ(identity["float64"]["status"], "pass") << identity;
    }
    // One rounding of float32 is 6e-8; a site that were computed in float32 on both sides, or from
    // other weights, would be at 0 or far above.
    double largest = 0;
    for (const Json& site : json["sites"]) largest = std::max(largest, site["gap"].get<double>());
    EXPECT_GT(largest, 1e-8);
    EXPECT_LT(largest, 1e-4);
  }
}

TEST(ModelInit, SameSeedSameBytes) {
  const test::TemporaryFolder folder;
  const std::string a = (folder / "a").string(), b = (folder / "b").string();
  ASSERT_EQ(run_gnomon(init_arguments("qwen2", a)).exit_status, 0);
  ASSERT_EQ(run_gnomon(init_arguments("qwen2", b)).exit_status, 0);
  EXPECT_EQ(Model::load(a).sha256(), Model::load(b).sha256());
  auto other = init_arguments("qwen2", (folder / "c").string());
  other[other.size() - 3] = "12";
  ASSERT_EQ(run_gnomon(other).exit_status, 0);
  EXPECT_NE(Model::load(a).sha256(), Model::load(folder / "c").sha256());
}

TEST(ModelInit, LikeAFolderTakesItsSizesAndTokenizer) {
  const test::TemporaryFolder folder;
  const std::string like = GNOMON_TEST_DATA "/models/qwen2-tiny";
  const std::string out = (folder / "like").string();
  const auto made = run_gnomon({"model", "init", "--like", like, "--out", out});
  ASSERT_EQ(made.exit_status, 0) << made.err;
  const Model model = Model::load(out), original = Model::load(like);
  EXPECT_EQ(model.config().rotary_frequency, original.config().rotary_frequency);
  EXPECT_EQ(model.config().tied_unembedding, original.config().tied_unembedding);
  EXPECT_EQ(model.config().norm_eps, original.config().norm_eps);
  EXPECT_EQ(model.source().n_parameters, original.source().n_parameters);
  EXPECT_TRUE(model.has_tokenizer());
}

TEST(ModelInit, RefusesWhatItCannotMake) {
  const test::TemporaryFolder folder;
  const std::string out = (folder / "new").string();
  auto unknown = init_arguments("gpt3", out);
  EXPECT_NE(run_gnomon(unknown).err.find("gpt2"), std::string::npos);
  EXPECT_EQ(run_gnomon({"model", "init", "--family", "gpt2", "--out", out}).exit_status, 2);
  EXPECT_EQ(run_gnomon({"model", "init", "--out", out}).exit_status, 2);
  auto odd = init_arguments("gpt2", out);
  odd[9] = "5";
  EXPECT_NE(run_gnomon(odd).err.find("expected a multiple"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(out));
  folder.write("file", "kept");
  const auto occupied = run_gnomon(init_arguments("gpt2", folder.path().string()));
  EXPECT_EQ(occupied.exit_status, 2);
  EXPECT_EQ(read_text_file(folder / "file"), "kept");
  // Llama 3's scaled frequencies have no single theta.
  const auto scaled = run_gnomon(
      {"model", "init", "--like", GNOMON_TEST_DATA "/models/llama-tiny-llama3", "--out", out});
  EXPECT_NE(scaled.err.find("scaled frequencies"), std::string::npos) << scaled.err;
}

TEST(ModelCheck, NamesTheTensorAndIndexOfANaN) {
  const test::TemporaryFolder folder;
  const Model model = Model::load(GNOMON_TEST_DATA "/models/gpt2-tiny");
  ParameterSet<float> parameters = copy_parameters<float>(model, model_parameters(model.config()));
  const ParameterRow row = find_parameter(model.config(), "transformer.h.1.mlp.c_fc.weight");
  parameters.find(row.key)->values()[17] = std::numeric_limits<float>::quiet_NaN();
  std::filesystem::create_directories(folder / "bad");
  write_model_folder(folder / "bad", model.config(), parameters, Dtype::f32);
  const auto result = run_gnomon({"model", "check", (folder / "bad").string()});
  EXPECT_NE(result.exit_status, 0);
  EXPECT_NE(result.err.find("h.1.mlp.c_fc.weight"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("17"), std::string::npos) << result.err;
}

TEST(ModelCheck, ComparesFilesOfTheHubWithTheHashesThatNameThem) {
  const std::filesystem::path stored = GNOMON_TEST_DATA "/models/llama-tiny";
  const test::TemporaryFolder cache;
  const HubRepository repository(cache.path(), parse_hub_id("org/name"));
  repository.prepare();
  const std::string commit(40, 'c');
  const auto add = [&](const std::string& file, const std::string& etag) {
    write_file_atomic(repository.blob(etag), read_text_file(stored / file));
    repository.add_to_snapshot(commit, file, repository.blob(etag), HubPlacing::link);
  };
  const std::string weights = sha256_file(stored / "model.safetensors");
  // git hash-object config.json
  const std::string config = "3b656bc8e443235a246fafabd97276b4ff553d1b";
  add("model.safetensors", weights);
  add("config.json", config);
  // git hash-object tokenizer.json
  const std::string tokenizer = "cc60885caff7119fa7450965859e7646dacf5004";
  add("tokenizer.json", tokenizer);
  const std::string folder = repository.snapshot(commit).string();

  const auto whole = run_gnomon({"model", "check", folder, "--json"});
  ASSERT_EQ(whole.exit_status, 0) << whole.err;
  const Json files = Json::parse(whole.out)["files"];
  ASSERT_EQ(files.size(), 3u);
  EXPECT_EQ(files[2]["hub_hash"], tokenizer);
  EXPECT_EQ(files[0]["hub_hash"], weights);
  EXPECT_EQ(files[1]["hub_hash"], config);
  EXPECT_NE(run_gnomon({"model", "check", folder}).out.find("hash names"), std::string::npos);
  const auto copied = run_gnomon({"model", "check", stored.string(), "--json"});
  EXPECT_TRUE(Json::parse(copied.out)["files"][0]["hub_hash"].is_null());

  for (const std::string& etag : {tokenizer, config, weights}) {
    std::string changed = read_text_file(repository.blob(etag));
    changed.back() = changed.back() == ' ' ? '\n' : ' ';
    if (etag == weights) changed[changed.size() - 2] ^= 1;
    write_file_atomic(repository.blob(etag), changed);
    const auto damaged = run_gnomon({"model", "check", folder});
    EXPECT_EQ(damaged.exit_status, 3) << damaged.out;
    EXPECT_NE(
        damaged.err.find("has other content than the Hugging Face hub's, whose hash is " + etag),
        std::string::npos)
        << damaged.err;
    EXPECT_NE(damaged.err.find("remove \"" + repository.blob(etag).string()), std::string::npos)
        << damaged.err;
  }
}

TEST(ModelCheck, TextFitsTheTerminal) {
  const auto result = run_gnomon({"model", "check", GNOMON_TEST_DATA "/models/mistral-tiny"});
  ASSERT_EQ(result.exit_status, 0) << result.err;
  for (const std::string& line : test::lines_of(result.out)) {
    if (line.find("models/mistral-tiny") != std::string::npos) continue;  // paths are not broken
    EXPECT_LE(display_width(line), 80) << line;
  }
}

}  // namespace
}  // namespace gnomon
