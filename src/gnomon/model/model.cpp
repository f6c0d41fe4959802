// SPDX-License-Identifier: Apache-2.0
#include "gnomon/model/model.h"

#include <fmt/format.h>

#include <mutex>
#include <type_traits>

#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/model/checkpoint.h"
#include "gnomon/model/gguf_tokenizer.h"
#include "gnomon/model/parameters.h"
#include "gnomon/tokens/tokenizer_json.h"

namespace gnomon {
namespace {

namespace fs = std::filesystem;

std::shared_ptr<const Tokenizer> folder_tokenizer(const fs::path& folder) {
  if (fs::exists(folder / "tokenizer.json")) {
    return std::make_shared<const Tokenizer>(read_tokenizer_json(folder / "tokenizer.json"));
  }
  if (fs::exists(folder / "vocab.json") && fs::exists(folder / "merges.txt")) {
    return std::make_shared<const Tokenizer>(
        read_vocab_and_merges(folder / "vocab.json", folder / "merges.txt"));
  }
  return nullptr;
}

std::shared_ptr<const Tokenizer> checked_tokenizer(const fs::path& path,
                                                   const Checkpoint& checkpoint) {
  const GgufFile* gguf = checkpoint.gguf();
  auto tokenizer = gguf == nullptr ? folder_tokenizer(path) : gguf_tokenizer(*gguf);
  if (tokenizer && tokenizer->d_vocab() > checkpoint.config().d_vocab) {
    throw FileError(fmt::format("\"{}\": the tokenizer has {} tokens, the embedding {} rows",
                                path.string(), tokenizer->d_vocab(), checkpoint.config().d_vocab));
  }
  return tokenizer;
}

}  // namespace

struct Model::LazyTokenizer {
  fs::path path;
  std::shared_ptr<const Checkpoint> checkpoint;
  std::mutex mutex;
  bool is_read = false;
  std::shared_ptr<const Tokenizer> tokenizer;

  const Tokenizer* get() {
    const std::scoped_lock lock(mutex);
    if (!is_read) tokenizer = checked_tokenizer(path, *checkpoint);
    is_read = true;
    return tokenizer.get();
  }
};

struct Model::LazyWeights {
  std::shared_ptr<const Checkpoint> checkpoint;
  std::shared_ptr<const ParameterSet<float>> replaced_float;
  std::shared_ptr<const ParameterSet<double>> replaced_double;
  std::mutex mutex;
  std::unique_ptr<Weights<float>> in_float;
  std::unique_ptr<Weights<double>> in_double;

  template <class T>
  std::shared_ptr<const ParameterSet<T>> replaced() {
    if constexpr (std::is_same_v<T, float>) {
      if (!replaced_float && replaced_double)
        replaced_float = std::make_shared<ParameterSet<T>>(converted<T>(*replaced_double));
      return replaced_float;
    } else {
      if (!replaced_double && replaced_float)
        replaced_double = std::make_shared<ParameterSet<T>>(converted<T>(*replaced_float));
      return replaced_double;
    }
  }
};

Model Model::load(const fs::path& path) {
  Model model;
  if (fs::is_directory(path)) {
    model.checkpoint_ = Checkpoint::load_folder(path);
  } else if (fs::exists(path)) {
    model.checkpoint_ = Checkpoint::load_gguf(path);
  } else {
    throw FileError(ErrorCode::not_found, fmt::format("\"{}\" does not exist", path.string()),
                    "a model is a folder with config.json and *.safetensors, or a .gguf file");
  }
  model.config_ = model.checkpoint_->config();
  model.source_ = model.checkpoint_->source();
  model.weights_ = std::make_shared<LazyWeights>();
  model.weights_->checkpoint = model.checkpoint_;
  model.tokenizer_ = std::make_shared<LazyTokenizer>();
  model.tokenizer_->path = path;
  model.tokenizer_->checkpoint = model.checkpoint_;
  return model;
}

bool Model::has_tokenizer() const { return tokenizer_->get() != nullptr; }

const Tokenizer& Model::tokenizer() const {
  const Tokenizer* tokenizer = tokenizer_->get();
  if (tokenizer == nullptr) {
    throw FileError(
        ErrorCode::not_found, fmt::format("model \"{}\" has no tokenizer", source_.name),
        "put the model's tokenizer.json, or vocab.json and merges.txt, into its folder");
  }
  return *tokenizer;
}

template <class T>
const Weights<T>& Model::weights() const {
  const std::scoped_lock lock(weights_->mutex);
  std::unique_ptr<Weights<T>>& made = [&]() -> std::unique_ptr<Weights<T>>& {
    if constexpr (std::is_same_v<T, float>) {
      return weights_->in_float;
    } else {
      return weights_->in_double;
    }
  }();
  if (!made)
    made = std::make_unique<Weights<T>>(checkpoint_, config_, weights_->template replaced<T>());
  return *made;
}

template <class T>
Model Model::with_parameters(std::shared_ptr<const ParameterSet<T>> parameters,
                             std::string weights) const {
  if (weights_->replaced_float || weights_->replaced_double)
    throw ArgumentError("with_parameters: the model has replaced parameters already");
  Model changed = *this;
  changed.source_.weights = std::move(weights);
  if (parameters->contains({WeightKind::lm_head, 0, false}))
    changed.config_.tied_unembedding = false;
  changed.weights_ = std::make_shared<LazyWeights>();
  changed.weights_->checkpoint = checkpoint_;
  if constexpr (std::is_same_v<T, float>) {
    changed.weights_->replaced_float = std::move(parameters);
  } else {
    changed.weights_->replaced_double = std::move(parameters);
  }
  return changed;
}

std::string Model::sha256() const {
  std::string digests;
  for (const ModelFile& file : source_.files) digests += sha256_file(file.path);
  const std::string stored = source_.files.size() == 1 ? digests : sha256_hex(digests);
  if (weights_->replaced_float) return sha256_hex(stored + weights_->replaced_float->sha256());
  if (weights_->replaced_double) return sha256_hex(stored + weights_->replaced_double->sha256());
  return stored;
}

template Model Model::with_parameters(std::shared_ptr<const ParameterSet<float>>, std::string) const;
template Model Model::with_parameters(std::shared_ptr<const ParameterSet<double>>,
                                      std::string) const;
template const Weights<float>& Model::weights<float>() const;
template const Weights<double>& Model::weights<double>() const;

}  // namespace gnomon
