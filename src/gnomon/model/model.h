// SPDX-License-Identifier: Apache-2.0
// in: a model folder or file   out: its sizes, its tokenizer and its weights
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gnomon/model/config.h"
#include "gnomon/model/weights.h"
#include "gnomon/tokens/tokenizer.h"

namespace gnomon {

struct ModelFile {
  std::filesystem::path path;
  std::uintmax_t bytes = 0;
};

// Where a model came from, for provenance.
struct ModelSource {
  std::string name;    // what the file calls itself, else the folder's or file's name
  std::string format;  // "gguf" or "safetensors"
  std::vector<ModelFile> files;
  Index n_parameters = 0;                   // as stored; a tied unembedding counts once
  std::map<std::string, Index> n_by_dtype;  // "Q4_1" -> number of tensors
  // How the weights came from the files': "raw", or a weight_processing_name.
  std::string weights = "raw";
};

// A model file or folder, mapped: a Hugging Face folder (config.json, *.safetensors, tokenizer.json
// or vocab.json and merges.txt) or a GGUF file. Loading reads headers only: what is large is read
// when it is first asked for, from files that must then still be there. Throws FileError, and
// UnsupportedError that names any feature of the file that the forward pass does not have.
class Model {
 public:
  static Model load(const std::filesystem::path& path);

  const ModelConfig& config() const { return config_; }
  const ModelSource& source() const { return source_; }
  // Read when first asked for. Throws FileError and UnsupportedError; FileError also where
  // tokenizer() is asked of a model that has none.
  bool has_tokenizer() const;
  const Tokenizer& tokenizer() const;

  // Made when first asked for; float and double.
  template <class T>
  const Weights<T>& weights() const;

  // This model with some of its parameters replaced. Weights of type T see later changes of
  // `parameters`; those of the other type are converted when they are first asked for. An
  // unembedding or a bias that the files lack may be among them. `weights` is kept as
  // source().weights.
  template <class T>
  Model with_parameters(std::shared_ptr<const ParameterSet<T>> parameters,
                        std::string weights = "raw") const;

  // SHA-256 of the file; of several, SHA-256 of their digests in the order of source().files; with
  // replaced parameters, of that digest and theirs.
  std::string sha256() const;

 private:
  Model() = default;

  ModelConfig config_;
  ModelSource source_;
  std::shared_ptr<const Checkpoint> checkpoint_;
  struct LazyTokenizer;
  std::shared_ptr<LazyTokenizer> tokenizer_;
  struct LazyWeights;
  std::shared_ptr<LazyWeights> weights_;
};

}  // namespace gnomon
