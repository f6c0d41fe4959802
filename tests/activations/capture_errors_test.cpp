// SPDX-License-Identifier: Apache-2.0
// Inputs that cannot be measured: texts, sites and model files.
#include <gtest/gtest.h>

#include <filesystem>
#include <limits>

#include "activations/expect_error.h"
#include "activations/model_cases.h"

namespace gnomon::test {
namespace {

constexpr TinyFamily kFamilies[] = {TinyFamily::gpt2, TinyFamily::llama, TinyFamily::gpt_neox};

void run(const Model& model, const std::vector<std::vector<TokenId>>& texts, const SiteAt& at) {
  RunOptions options;
  options.batch_tokens = 8;  // several batches: texts are counted across them
  read_one<float>(model, texts, at, {}, options);
  read_one<double>(model, texts, at, {}, options);
}

SiteAt last(HookKind kind, Index layer) {
  return {{kind, layer, std::nullopt}, {Position::Kind::last, -1}};
}

TEST(CaptureErrorsTest, APositionBeyondTheTextNamesTextAndCounts) {
  for (const TinyFamily family : kFamilies) {
    const Model& model = tiny_model(family);
    const auto texts = random_texts(model.config(), {9, 9, 4, 9, 5}, 1);
    SiteAt at = last(HookKind::mlp_post, 1);
    at.site.coordinate = 3;
    at.position = {Position::Kind::index, 5};
    expect_error(ErrorCode::out_of_range,
                 "\"blocks.1.mlp.hook_post[3]@5\": text 2 has 4 tokens, too few for this position "
                 "(2 of 5 texts are)",
                 [&] { run(model, texts, at); });
    at.position.index = -6;
    expect_error(ErrorCode::out_of_range, "text 2 has 4 tokens", [&] { run(model, texts, at); });
    at.position.index = -4;
    EXPECT_NO_THROW(run(model, texts, at));
    expect_error(ErrorCode::out_of_range, "text 2 has 4 tokens", [&] {
      const Edit<double> edit{{at.site, {Position::Kind::index, 4}}, EditMode::add, {1}};
      read_one<double>(model, texts, at, {edit});
    });
  }
}

TEST(CaptureErrorsTest, LayersAndCoordinatesOutOfRange) {
  for (const TinyFamily family : kFamilies) {
    const Model& model = tiny_model(family);
    const auto texts = random_texts(model.config(), {4}, 1);
    expect_error(ErrorCode::out_of_range, "the model has 2 blocks, 0 to 1",
                 [&] { run(model, texts, last(HookKind::resid_post, 2)); });
    expect_error(ErrorCode::out_of_range, "the site has 40 coordinates, 0 to 39", [&] {
      SiteAt at = last(HookKind::mlp_post, 0);
      at.site.coordinate = 40;
      run(model, texts, at);
    });
    expect_error(ErrorCode::out_of_range, "the site has 40 coordinates, 0 to 39",
                 [&] { parse_site("blocks.0.mlp.hook_post[40]", model.config()); });
    expect_error(ErrorCode::out_of_range, "the model has 2 blocks, 0 to 1",
                 [&] { parse_site("blocks.2.mlp.hook_post[4]", model.config()); });
    expect_error(ErrorCode::wrong_site, "has no coordinates",
                 [&] { parse_site("blocks.0.attn.hook_pattern[1]", model.config()); });
  }
}

TEST(CaptureErrorsTest, TextsThatCannotRunAreNamedByTheirNumber) {
  for (const TinyFamily family : kFamilies) {
    const Model& model = tiny_model(family);
    const SiteAt at = last(HookKind::resid_post, 0);
    auto texts = random_texts(model.config(), {9, 9, 4, 49, 5}, 1);
    expect_error(ErrorCode::bad_data, "text 3 has 49 tokens, expected 1 to n_ctx = 48",
                 [&] { run(model, texts, at); });
    texts[3].pop_back();
    EXPECT_NO_THROW(run(model, texts, at));
    texts[4].clear();
    expect_error(ErrorCode::bad_data, "text 4 has 0 tokens", [&] { run(model, texts, at); });
    expect_error(ErrorCode::bad_data, "text 4 has 0 tokens",
                 [&] { run(model, texts, everywhere(HookKind::resid_post, 0)); });
    texts[4] = {1, 280};
    expect_error(ErrorCode::out_of_range, "token 1 of text 4 has id 280, expected 0 to 279",
                 [&] { run(model, texts, at); });
    texts[4] = {-1};
    expect_error(ErrorCode::out_of_range, "token 0 of text 4 has id -1",
                 [&] { run(model, texts, at); });
  }
}

TEST(CaptureErrorsTest, NaNInAnyTensorIsNamedWithItsElement) {
  for (const TinyFamily family : kFamilies) {
    TinyTensors names;
    TinyModelOptions options;
    options.family = family;
    options.change = [&](TinyTensors& tensors) { names = tensors; };
    const TinyModel whole(options);
    for (const auto& [name, tensor] : names) {
      for (const double bad :
           {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
        for (const Dtype dtype : {Dtype::f64, Dtype::f32, Dtype::f16}) {
          options.dtype = dtype;
          options.change = [&, planted = name](TinyTensors& tensors) {
            tensors.at(planted).values.at(7) = bad;
          };
          const TinyModel damaged(options);
          const auto texts = random_texts(damaged.model.config(), {4}, 1);
          expect_error(ErrorCode::numeric,
                       "tensor \"" + name + "\" is not finite at element 7 of " +
                           std::to_string(tensor.values.size()),
                       [&] { run(damaged.model, texts, last(HookKind::logits, -1)); });
        }
      }
    }
  }
}

TEST(CaptureErrorsTest, AnOverflowInTheRunIsAnErrorThatNamesTheSite) {
  for (const TinyFamily family : kFamilies) {
    const Model& model = tiny_model(family);
    const auto texts = random_texts(model.config(), {4, 6}, 1);
    const Edit<float> edit{everywhere(mlp_stream(model.config()), 0),
                           EditMode::scale,
                           {std::numeric_limits<float>::max()}};
    for (const HookKind kind : {HookKind::resid_post, HookKind::pattern}) {
      const SiteAt at = everywhere(kind, kind == HookKind::pattern ? 1 : 0);
      expect_error(ErrorCode::numeric, "\"" + site_at_name(at, model.config()) + "\" is not",
                   [&] { read_one<float>(model, texts, at, {edit}); });
    }
  }
}

TEST(CaptureErrorsTest, AModelFileCutAnywhereIsRefused) {
  for (const TinyFamily family : kFamilies) {
    TinyModelOptions options;
    options.family = family;
    options.dtype = Dtype::f16;
    const TemporaryFolder folder;
    write_tiny_model(folder.path(), options);
    const std::filesystem::path file = folder / "model.safetensors";
    auto size = static_cast<std::int64_t>(std::filesystem::file_size(file));
    for (; size > 0; size = size > 4000 ? size - 997 : size / 2) {
      std::filesystem::resize_file(file, static_cast<std::uintmax_t>(size - 1));
      EXPECT_THROW(Model::load(folder.path()), FileError) << size;
    }
    std::filesystem::remove(file);
    expect_error(ErrorCode::not_found, "holds no model.safetensors",
                 [&] { Model::load(folder.path()); });
    expect_error(ErrorCode::not_found, "does not exist", [&] { Model::load(folder / "none"); });
  }
}

TEST(CaptureErrorsTest, MissingExtraAndMisshapenTensorsAreNamed) {
  for (const TinyFamily family : kFamilies) {
    TinyTensors names;
    TinyModelOptions options;
    options.family = family;
    options.change = [&](TinyTensors& tensors) { names = tensors; };
    const TinyModel whole(options);
    for (const auto& [name, tensor] : names) {
      options.change = [&, left_out = name](TinyTensors& tensors) { tensors.erase(left_out); };
      const std::string local = name.substr(name.find('.') + 1);
      expect_error(ErrorCode::bad_file, local, [&] { TinyModel{options}; });
      options.change = [&, wrong = name](TinyTensors& tensors) {
        TinyTensor& changed = tensors.at(wrong);
        changed.shape.back() += 1;
        changed.values.resize(changed.values.size() +
                              changed.values.size() /
                                  static_cast<std::size_t>(changed.shape.back() - 1));
      };
      expect_error(
          ErrorCode::bad_file,
          name + "\" has shape " +
              [&] {
                std::vector<Index> shape = tensor.shape;
                shape.back() += 1;
                return shape_text(shape) + ", expected " + shape_text(tensor.shape);
              }(),
          [&] { TinyModel{options}; });
    }
    options.change = [](TinyTensors& tensors) { tensors["adapter.weight"] = {{2}, {1, 2}}; };
    expect_error(ErrorCode::unsupported, "adapter.weight", [&] { TinyModel{options}; });
  }
}

}  // namespace
}  // namespace gnomon::test
