// SPDX-License-Identifier: Apache-2.0
#include "support/tiny_model.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <set>
#include <stdexcept>
#include <string_view>

#include "gnomon/base/json.h"
#include "gnomon/base/random.h"
#include "gnomon/base/threads.h"
#include "gnomon/tensor/safetensors.h"

namespace gnomon::test {
namespace {

constexpr Index kModelWidth = 24;
constexpr Index kHeads = 4;
constexpr Index kKeyValueHeads = 2;
constexpr Index kHeadWidth = kModelWidth / kHeads;
constexpr Index kMlpWidth = 40;
constexpr Index kContext = 48;
constexpr Index kVocabulary = 280;  // more than the tokenizer has, as in many real models

// Normal numbers of the stream named like the tensor, so that one tensor's size shifts no other.
class TensorMaker {
 public:
  explicit TensorMaker(std::uint64_t seed) : seed_(seed) {}

  void add(const std::string& name, std::vector<Index> shape, double mean, double sd) {
    Index n = 1;
    for (const Index axis : shape) n *= axis;
    Random random(seed_, name);
    TinyTensor tensor{std::move(shape), {}};
    for (Index i = 0; i < n; ++i) tensor.values.push_back(mean + sd * random.normal());
    tensors_[name] = std::move(tensor);
  }
  void add_weight(const std::string& name, std::vector<Index> shape, Index n_in) {
    add(name + ".weight", std::move(shape), 0, 1.2 / std::sqrt(static_cast<double>(n_in)));
  }
  void add_gain(const std::string& name) { add(name + ".weight", {kModelWidth}, 1, 0.3); }
  void add_bias(const std::string& name, Index n) { add(name + ".bias", {n}, 0.05, 0.3); }
  void add_norm(const std::string& name) {
    add_gain(name);
    add_bias(name, kModelWidth);
  }

  TinyTensors take() { return std::move(tensors_); }

 private:
  std::uint64_t seed_;
  TinyTensors tensors_;
};

TinyTensors gpt2_tensors(const TinyModelOptions& options) {
  TensorMaker make(options.seed);
  make.add("transformer.wte.weight", {kVocabulary, kModelWidth}, 0.3, 0.8);
  make.add("transformer.wpe.weight", {kContext, kModelWidth}, -0.1, 0.3);
  const auto add_linear = [&](const std::string& name, Index n_in, Index n_out) {
    make.add_weight(name, {n_in, n_out}, n_in);
    make.add_bias(name, n_out);
  };
  for (Index layer = 0; layer < options.n_layers; ++layer) {
    const std::string block = fmt::format("transformer.h.{}.", layer);
    make.add_norm(block + "ln_1");
    add_linear(block + "attn.c_attn", kModelWidth, 3 * kModelWidth);
    add_linear(block + "attn.c_proj", kModelWidth, kModelWidth);
    make.add_norm(block + "ln_2");
    add_linear(block + "mlp.c_fc", kModelWidth, kMlpWidth);
    add_linear(block + "mlp.c_proj", kMlpWidth, kModelWidth);
  }
  make.add_norm("transformer.ln_f");
  return make.take();
}

TinyTensors llama_tensors(const TinyModelOptions& options) {
  TensorMaker make(options.seed);
  make.add("model.embed_tokens.weight", {kVocabulary, kModelWidth}, 0.3, 0.8);
  const auto add_linear = [&](const std::string& name, Index n_in, Index n_out) {
    make.add_weight(name, {n_out, n_in}, n_in);
  };
  constexpr Index kKeyValueWidth = kKeyValueHeads * kHeadWidth;
  for (Index layer = 0; layer < options.n_layers; ++layer) {
    const std::string block = fmt::format("model.layers.{}.", layer);
    make.add_gain(block + "input_layernorm");
    add_linear(block + "self_attn.q_proj", kModelWidth, kModelWidth);
    add_linear(block + "self_attn.k_proj", kModelWidth, kKeyValueWidth);
    add_linear(block + "self_attn.v_proj", kModelWidth, kKeyValueWidth);
    add_linear(block + "self_attn.o_proj", kModelWidth, kModelWidth);
    make.add_gain(block + "post_attention_layernorm");
    add_linear(block + "mlp.gate_proj", kModelWidth, kMlpWidth);
    add_linear(block + "mlp.up_proj", kModelWidth, kMlpWidth);
    add_linear(block + "mlp.down_proj", kMlpWidth, kModelWidth);
  }
  make.add_gain("model.norm");
  add_linear("lm_head", kModelWidth, kVocabulary);
  return make.take();
}

TinyTensors gpt_neox_tensors(const TinyModelOptions& options) {
  TensorMaker make(options.seed);
  make.add("gpt_neox.embed_in.weight", {kVocabulary, kModelWidth}, 0.3, 0.8);
  const auto add_linear = [&](const std::string& name, Index n_in, Index n_out) {
    make.add_weight(name, {n_out, n_in}, n_in);
    make.add_bias(name, n_out);
  };
  for (Index layer = 0; layer < options.n_layers; ++layer) {
    const std::string block = fmt::format("gpt_neox.layers.{}.", layer);
    make.add_norm(block + "input_layernorm");
    add_linear(block + "attention.query_key_value", kModelWidth, 3 * kModelWidth);
    add_linear(block + "attention.dense", kModelWidth, kModelWidth);
    make.add_norm(block + "post_attention_layernorm");
    add_linear(block + "mlp.dense_h_to_4h", kModelWidth, kMlpWidth);
    add_linear(block + "mlp.dense_4h_to_h", kMlpWidth, kModelWidth);
  }
  make.add_norm("gpt_neox.final_layer_norm");
  make.add_weight("embed_out", {kVocabulary, kModelWidth}, kModelWidth);
  return make.take();
}

TinyTensors tensors_of(const TinyModelOptions& options) {
  switch (options.family) {
    case TinyFamily::gpt2:
      return gpt2_tensors(options);
    case TinyFamily::llama:
      return llama_tensors(options);
    case TinyFamily::gpt_neox:
      return gpt_neox_tensors(options);
  }
  throw std::invalid_argument("write_tiny_model: unknown family");
}

Json config_json(const TinyModelOptions& options) {
  if (options.family == TinyFamily::gpt_neox) {
    return {{"model_type", "gpt_neox"},
            {"num_hidden_layers", options.n_layers},
            {"hidden_size", kModelWidth},
            {"num_attention_heads", kHeads},
            {"intermediate_size", kMlpWidth},
            {"max_position_embeddings", kContext},
            {"vocab_size", kVocabulary},
            {"layer_norm_eps", 1e-5},
            {"rotary_emb_base", 10000},
            {"rotary_pct", 0.7},
            {"use_parallel_residual", true},
            {"tie_word_embeddings", false},
            {"hidden_act", "gelu"}};
  }
  if (options.family == TinyFamily::gpt2) {
    return {{"model_type", "gpt2"},        {"n_layer", options.n_layers},
            {"n_embd", kModelWidth},       {"n_head", kHeads},
            {"n_inner", kMlpWidth},        {"n_positions", kContext},
            {"vocab_size", kVocabulary},   {"layer_norm_epsilon", 1e-5},
            {"tie_word_embeddings", true}, {"activation_function", "gelu_new"}};
  }
  return {{"model_type", "llama"},
          {"num_hidden_layers", options.n_layers},
          {"hidden_size", kModelWidth},
          {"num_attention_heads", kHeads},
          {"num_key_value_heads", kKeyValueHeads},
          {"intermediate_size", kMlpWidth},
          {"max_position_embeddings", kContext},
          {"vocab_size", kVocabulary},
          {"rms_norm_eps", 1e-5},
          {"rope_theta", 10000.0},
          {"tie_word_embeddings", false},
          {"hidden_act", "silu"}};
}

// GPT-2's byte-level alphabet (encoder.py of openai/gpt-2): printable Latin-1 bytes are themselves,
// the others U+0100 and upwards in order.
std::array<std::string, 256> byte_characters() {
  std::array<std::string, 256> characters;
  unsigned next = 0x100;
  for (unsigned byte = 0; byte < 256; ++byte) {
    const bool printable =
        (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    const unsigned code = printable ? byte : next++;
    if (code < 0x80) {
      characters[byte] = std::string(1, static_cast<char>(code));
    } else {
      characters[byte] = {static_cast<char>(0xc0 | code >> 6),
                          static_cast<char>(0x80 | (code & 0x3f))};
    }
  }
  return characters;
}

Json tokenizer_json() {
  const std::array<std::string, 256> characters = byte_characters();
  const std::string& space = characters[' '];
  const std::vector<std::array<std::string, 2>> merges = {
      {"t", "h"}, {"th", "e"}, {space, "the"}, {"i", "n"}, {"e", "r"}, {space, "a"}, {"o", "n"},
  };
  Json vocab;
  for (unsigned byte = 0; byte < 256; ++byte) vocab[characters[byte]] = byte;
  Json pairs = Json::array();
  int id = 256;
  for (const auto& [left, right] : merges) {
    vocab[left + right] = id++;
    pairs.push_back(left + " " + right);
  }
  const Json end = {
      {"id", id},        {"content", "<|endoftext|>"}, {"single_word", false}, {"lstrip", false},
      {"rstrip", false}, {"normalized", false},        {"special", true}};
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", Json::array({end})},
          {"normalizer", nullptr},
          {"pre_tokenizer",
           {{"type", "ByteLevel"},
            {"add_prefix_space", false},
            {"trim_offsets", true},
            {"use_regex", true}}},
          {"post_processor", nullptr},
          {"decoder",
           {{"type", "ByteLevel"},
            {"add_prefix_space", true},
            {"trim_offsets", true},
            {"use_regex", true}}},
          {"model",
           {{"type", "BPE"},
            {"dropout", nullptr},
            {"unk_token", nullptr},
            {"continuing_subword_prefix", nullptr},
            {"end_of_word_suffix", nullptr},
            {"fuse_unk", false},
            {"byte_fallback", false},
            {"vocab", vocab},
            {"merges", pairs}}}};
}

// IEEE 754 binary16, to nearest even; too small becomes 0, too large infinity.
std::uint16_t half_bits(double value) {
  const auto sign = static_cast<std::uint16_t>(std::signbit(value) ? 0x8000 : 0);
  if (std::isnan(value)) return static_cast<std::uint16_t>(sign | 0x7e00);
  const double magnitude = std::abs(value);
  if (magnitude >= 65520) return static_cast<std::uint16_t>(sign | 0x7c00);
  if (magnitude < 0x1p-14) {
    return static_cast<std::uint16_t>(sign | static_cast<int>(std::nearbyint(magnitude * 0x1p24)));
  }
  int exponent = 0;
  const double fraction = std::frexp(magnitude, &exponent);                   // in [0.5, 1)
  const auto mantissa = static_cast<int>(std::nearbyint(fraction * 0x1p11));  // 1024 to 2048
  const int bits = ((exponent + 13) << 10) + mantissa;
  return static_cast<std::uint16_t>(sign | bits);
}

std::vector<std::byte> encode(const std::vector<double>& values, Dtype dtype) {
  std::vector<std::byte> bytes;
  const auto append = [&](auto number) {
    const auto* first = reinterpret_cast<const std::byte*>(&number);
    bytes.insert(bytes.end(), first, first + sizeof(number));
  };
  for (const double value : values) {
    switch (dtype) {
      case Dtype::f64:
        append(value);
        break;
      case Dtype::f32:
        append(static_cast<float>(value));
        break;
      case Dtype::f16:
        append(half_bits(value));
        break;
      default:
        throw std::invalid_argument("write_tiny_model: dtype is not f64, f32 or f16");
    }
  }
  return bytes;
}

// A tiny model is done before a second thread wakes up, and on a busy machine waiting for one takes
// most of the time. Tests of threads set their own number.
[[maybe_unused]] const bool kOneThread = [] {
  set_threads(1);
  return true;
}();

}  // namespace

std::string_view family_name(TinyFamily family) {
  return family == TinyFamily::gpt2 ? "gpt2" : family == TinyFamily::llama ? "llama" : "gpt_neox";
}

std::string embedding_name(TinyFamily family) {
  return family == TinyFamily::gpt2    ? "transformer.wte.weight"
         : family == TinyFamily::llama ? "model.embed_tokens.weight"
                                       : "gpt_neox.embed_in.weight";
}

std::string read_weight_name(TinyFamily family, Index layer) {
  if (family == TinyFamily::gpt2) return fmt::format("transformer.h.{}.mlp.c_fc.weight", layer);
  if (family == TinyFamily::llama)
    return fmt::format("model.layers.{}.mlp.gate_proj.weight", layer);
  return fmt::format("gpt_neox.layers.{}.mlp.dense_h_to_4h.weight", layer);
}

std::size_t read_weight_place(TinyFamily family, Index i, Index n) {
  return static_cast<std::size_t>(family == TinyFamily::gpt2 ? i * kMlpWidth + n
                                                             : n * kModelWidth + i);
}

void write_tiny_model(const std::filesystem::path& folder, const TinyModelOptions& options) {
  TinyTensors tensors = tensors_of(options);
  if (options.change) options.change(tensors);
  std::vector<std::vector<std::byte>> bytes;
  std::vector<StoredTensor> views;
  for (const auto& [name, tensor] : tensors) {
    bytes.push_back(encode(tensor.values, options.dtype));
    views.push_back({name, options.dtype, tensor.shape, bytes.back()});
  }
  write_safetensors(folder / "model.safetensors", views, {});
  std::ofstream(folder / "config.json") << config_json(options).dump(2);
  std::ofstream(folder / "tokenizer.json") << tokenizer_json().dump(2);
}

TinyModel::TinyModel(const TinyModelOptions& options)
    : model([&] {
        write_tiny_model(folder.path(), options);
        return Model::load(folder.path());
      }()) {}

const Model& tiny_model(TinyFamily family, Index n_layers) {
  static std::map<std::pair<TinyFamily, Index>, TinyModel> models;
  const std::pair<TinyFamily, Index> key(family, n_layers);
  auto found = models.find(key);
  if (found == models.end()) {
    TinyModelOptions options;
    options.family = family;
    options.n_layers = n_layers;
    found = models.try_emplace(key, options).first;
  }
  return found->second.model;
}

std::vector<std::vector<TokenId>> random_texts(const ModelConfig& config,
                                               const std::vector<Index>& lengths,
                                               std::uint64_t seed) {
  Random random(seed, "random texts");
  std::vector<std::vector<TokenId>> texts;
  for (const Index length : lengths) {
    std::vector<TokenId>& text = texts.emplace_back();
    for (Index p = 0; p < length; ++p) {
      text.push_back(
          static_cast<TokenId>(random.below(static_cast<std::uint64_t>(config.d_vocab))));
    }
  }
  return texts;
}

std::vector<TextRecord> short_texts(Index n, std::uint64_t seed) {
  static constexpr std::array<std::string_view, 24> kWords = {
      "the",   "a",    "on",     "in",    "under", "rain",  "stone", "river",
      "three", "warm", "other",  "never", "bird",  "where", "north", "a",
      "iron",  "eats", "winter", "seven", "quiet", "oh",    "the",   "lane"};
  Random random(seed, "short texts");
  std::set<std::string> seen;
  std::vector<TextRecord> records;
  while (static_cast<Index>(records.size()) < n) {
    std::string text;
    const std::uint64_t n_word = 2 + random.below(4);
    for (std::uint64_t w = 0; w < n_word; ++w) {
      if (w > 0) text += ' ';
      text += kWords[random.below(kWords.size())];
    }
    if (!seen.insert(text).second) continue;
    const auto line = static_cast<std::int64_t>(records.size() + 1);
    records.push_back({text, fmt::format("short:{}", line), line, ""});
  }
  return records;
}

std::vector<SiteAt> all_sites(const ModelConfig& config) {
  std::vector<SiteAt> sites;
  for (const std::string& name : hook_names(config)) {
    SiteAt at = parse_site(name, config);
    at.position = {Position::Kind::all, 0};
    sites.push_back(at);
  }
  return sites;
}

}  // namespace gnomon::test
