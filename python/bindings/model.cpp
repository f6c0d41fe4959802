// SPDX-License-Identifier: Apache-2.0
// A model, its weights and its tokenizer.
#include "gnomon/model/model.h"

#include <nanobind/stl/map.h>
#include <nanobind/stl/pair.h>

#include "cli/resolve_model.h"
#include "gnomon/base/error.h"
#include "gnomon/directions/neuron_directions.h"
#include "gnomon/model/parameters.h"
#include "gnomon/model/weight_processing.h"
#include "python/bindings/arguments.h"
#include "python/bindings/bindings.h"
#include "python/bindings/calls.h"
#include "python/bindings/records.h"

namespace gnomon::python {
namespace {

// Weights of a model in one precision, and the model that owns them.
struct ModelWeights {
  Model model;
  Precision precision = Precision::float32;
};

struct LayerWeights {
  ModelWeights of;
  Index layer = 0;
};

constexpr const char* kArray = "numpy.typing.NDArray[numpy.float32 | numpy.float64]";

nb::sig getter(const std::string& text) {
  // nb::sig keeps the pointer; signatures live as long as the module.
  return nb::sig((new std::string(text))->c_str());
}

// Calls `use` with the weights of the precision asked for.
template <class Use>
nb::object with_weights(const ModelWeights& of, Use use) {
  if (of.precision == Precision::float32) return use(of.model.weights<float>());
  return use(of.model.weights<double>());
}

template <class T>
nb::object array_of(MatrixView<const T> view, const Model& owner) {
  const std::array<std::size_t, 2> shape = {static_cast<std::size_t>(view.rows),
                                            static_cast<std::size_t>(view.cols)};
  const std::array<std::int64_t, 2> strides = {view.stride, 1};
  return nb::cast(nb::ndarray<nb::numpy, const T>(view.data, 2, shape.data(), keep_alive(owner),
                                                  strides.data()));
}

// [n_in, n_out] whatever the layout, so that y = x @ weight + bias.
template <class T>
nb::object array_of(const WeightView<T>& view, const Model& owner) {
  if (view.data == nullptr) return nb::none();
  // Strides cannot reach outputs that stand in groups: those are copied.
  if (view.groups.size > 0) {
    Tensor<T> copy({view.n_in, view.n_out});
    for (Index i = 0; i < view.n_in; ++i) {
      for (Index o = 0; o < view.n_out; ++o) copy.matrix()(i, o) = view(i, o);
    }
    return owned_array(std::move(copy));
  }
  const std::array<std::size_t, 2> shape = {static_cast<std::size_t>(view.n_in),
                                            static_cast<std::size_t>(view.n_out)};
  const bool in_out = view.layout == WeightLayout::in_out;
  const std::array<std::int64_t, 2> strides = {in_out ? view.stride : 1, in_out ? 1 : view.stride};
  return nb::cast(nb::ndarray<nb::numpy, const T>(view.data, 2, shape.data(), keep_alive(owner),
                                                  strides.data()));
}

template <class T>
nb::object array_of(std::span<const T> values, const Model& owner) {
  if (values.empty()) return nb::none();
  return shared_array(values.data(), {static_cast<Index>(values.size())}, keep_alive(owner));
}

template <class T>
nb::object pair_of(const NormWeights<T>& norm, const Model& owner) {
  return nb::make_tuple(array_of(norm.weight, owner), array_of(norm.bias, owner));
}
template <class T>
nb::object pair_of(const LinearWeights<T>& linear, const Model& owner) {
  if (linear.weight.data == nullptr) return nb::none();
  if (linear.weight.groups.size > 0 && !linear.bias.empty()) {
    std::vector<T> bias;
    for (Index o = 0; o < linear.weight.n_out; ++o) bias.push_back(linear.bias_of(o));
    return nb::make_tuple(array_of(linear.weight, owner), owned_array(std::move(bias)));
  }
  return nb::make_tuple(array_of(linear.weight, owner), array_of(linear.bias, owner));
}

// A member of BlockWeights as (weight, bias).
template <class Choose>
void def_pair(nb::class_<LayerWeights>& python, const char* name, Choose choose, bool may_be_none,
              const char* doc) {
  const std::string pair = std::string("tuple[") + kArray + ", " + kArray + " | None]";
  python.def_prop_ro(
      name,
      [choose](const LayerWeights& self) {
        return with_weights(self.of, [&](const auto& weights) {
          return pair_of(choose(weights.block(self.layer)), self.of.model);
        });
      },
      nb::for_getter(getter(std::string("def ") + name + "(self, /) -> " + pair +
                            (may_be_none ? " | None" : ""))),
      doc);
}

void bind_weights(nb::module_& module) {
  nb::class_<LayerWeights> block(
      module, "BlockWeights",
      "The weights of one block, each as (weight, bias); a bias that the family lacks is None. "
      "Read-only arrays in the memory of the model (of GPT-NeoX's queries, keys and values "
      "copies). "
      "Projections are [n_in, n_out] in every family: "
      "y = x @ weight + bias.");
  def_pair(
      block, "ln_1", [](const auto& b) { return b.ln_1; }, false, "");
  def_pair(
      block, "q_proj", [](const auto& b) { return b.q_proj; }, false, "");
  def_pair(
      block, "k_proj", [](const auto& b) { return b.k_proj; }, false, "");
  def_pair(
      block, "v_proj", [](const auto& b) { return b.v_proj; }, false, "");
  def_pair(
      block, "o_proj", [](const auto& b) { return b.o_proj; }, false, "");
  def_pair(
      block, "ln_2", [](const auto& b) { return b.ln_2; }, false, "");
  def_pair(
      block, "up_proj", [](const auto& b) { return b.up_proj; }, false,
      "W_in of TransformerLens, GPT-2's c_fc.");
  def_pair(
      block, "gate_proj", [](const auto& b) { return b.gate_proj; }, true,
      "None unless the MLP is gated.");
  def_pair(
      block, "down_proj", [](const auto& b) { return b.down_proj; }, false,
      "W_out of TransformerLens, GPT-2's mlp.c_proj: row n is what neuron n writes.");

  nb::class_<ModelWeights> weights(module, "Weights",
                                   "The weights of a model as read-only arrays that share the "
                                   "model's memory; float32 tensors of "
                                   "a file stand where it is mapped. They keep the model alive.");
  const auto matrix = [&weights](const char* name, auto choose, const char* doc) {
    weights.def_prop_ro(
        name,
        [choose](const ModelWeights& self) {
          return with_weights(self,
                              [&](const auto& of) { return array_of(choose(of), self.model); });
        },
        nb::for_getter(getter(std::string("def ") + name + "(self, /) -> " + kArray)), doc);
  };
  matrix(
      "wte", [](const auto& of) { return of.wte(); }, "Token embeddings [d_vocab, d_model].");
  matrix(
      "wpe", [](const auto& of) { return of.wpe(); },
      "Position embeddings [n_ctx, d_model]; no rows unless positions are learned.");
  matrix(
      "unembed", [](const auto& of) { return of.unembed().weight; }, "W_U [d_model, d_vocab].");
  weights
      .def_prop_ro(
          "ln_f",
          [](const ModelWeights& self) {
            return with_weights(self,
                                [&](const auto& of) { return pair_of(of.ln_f(), self.model); });
          },
          nb::for_getter(getter(std::string("def ln_f(self, /) -> tuple[") + kArray + ", " +
                                kArray + " | None]")),
          "The last norm's (weight, bias).")
      .def(
          "block",
          [](const ModelWeights& self, Index layer) {
            if (layer < 0 || layer >= self.model.config().n_layers)
              throw ArgumentError(ErrorCode::out_of_range,
                                  "block " + std::to_string(layer) + ", the model has " +
                                      std::to_string(self.model.config().n_layers));
            return LayerWeights{self, layer};
          },
          nb::arg("layer"), "The weights of one block.");

  Record<NeuronWeights>(
      module, "NeuronWeights",
      "The weights of the MLP around one neuron, in double: pre = ln2_out · read + read_bias "
      "(gated: read is the gate's column), up = ln2_out · up_read, and it writes `write`.")
      .array("read", &NeuronWeights::read)
      .field("read_bias", &NeuronWeights::read_bias)
      .array("up_read", &NeuronWeights::up_read, "Empty unless gated.")
      .array("write", &NeuronWeights::write, "W_out[n].")
      .array("output_bias", &NeuronWeights::output_bias)
      .array("norm_weight", &NeuronWeights::norm_weight, "Of ln2.")
      .array("norm_bias", &NeuronWeights::norm_bias);
  module.def(
      "neuron_weights",
      [](const Model& model, Index layer, Index neuron) {
        return long_call(
            [&] { return neuron_weights(model.config(), model.weights<float>(), layer, neuron); });
      },
      nb::arg("model"), nb::arg("layer"), nb::arg("neuron"),
      "What one neuron reads from the norm's output and writes to the residual stream.");
}

void bind_tokenizer(nb::module_& module) {
  Record<TextSpan>(module, "TextSpan", "Bytes [first, last) of a text.")
      .field("first", &TextSpan::first)
      .field("last", &TextSpan::last);
  Record<Encoding>(module, "Encoding", "Token ids with the bytes that each stands for.")
      .field("ids", &Encoding::ids)
      .field("spans", &Encoding::spans)
      .field("n_dropped_bytes", &Encoding::n_dropped_bytes,
             "Bytes for which the vocabulary has neither a piece nor an unknown token.");
  nb::class_<Tokenizer>(
      module, "Tokenizer",
      "Byte-pair encoding, byte-level or with byte fallback, with the ids of Hugging Face "
      "tokenizers. No token is ever added to a text.")
      .def(
          "encode",
          [](const Tokenizer& self, nb::handle text) { return self.encode(text_bytes(text)); },
          nb::arg("text"), nb::sig("def encode(self, text: str | bytes) -> list[int]"),
          "Token ids of a text.")
      .def(
          "encode_with_offsets",
          [](const Tokenizer& self, nb::handle text) {
            return self.encode_with_offsets(text_bytes(text));
          },
          nb::arg("text"), nb::sig("def encode_with_offsets(self, text: str | bytes) -> Encoding"),
          "Token ids with the bytes that each stands for.")
      .def(
          "decode",
          [](const Tokenizer& self, const Integers& ids, const std::string& errors) {
            const std::span<const Index> given = ids.span();
            const std::string bytes = self.decode(std::vector<TokenId>(given.begin(), given.end()));
            return nb::steal<nb::str>(PyUnicode_DecodeUTF8(
                bytes.data(), static_cast<Py_ssize_t>(bytes.size()), errors.c_str()));
          },
          nb::arg("ids"), nb::arg("errors") = "strict",
          "The text of token ids. Tokens may hold a part of a character, so that their bytes need "
          "not be UTF-8: `errors` is bytes.decode's.")
      .def(
          "decode_bytes",
          [](const Tokenizer& self, const Integers& ids) {
            const std::span<const Index> given = ids.span();
            const std::string bytes = self.decode(std::vector<TokenId>(given.begin(), given.end()));
            return nb::bytes(bytes.data(), bytes.size());
          },
          nb::arg("ids"), "The bytes of token ids.")
      .def("piece", &Tokenizer::piece, nb::arg("id"),
           "The token as the vocabulary has it; a space is 'Ġ' in the byte-level alphabet, '▁' in "
           "SentencePiece's.")
      .def("find", &Tokenizer::find, nb::arg("piece"), "The id of a piece, or None.")
      .def("is_special", &Tokenizer::is_special, nb::arg("id"))
      .def_prop_ro("d_vocab", &Tokenizer::d_vocab)
      .def_prop_ro("bos", &Tokenizer::bos)
      .def_prop_ro("eos", &Tokenizer::eos);
}

std::string model_text(const Model& model) {
  const ModelConfig& config = model.config();
  return "<gnomon.Model " + model.source().name + ": " + config.architecture + ", " +
         std::to_string(config.n_layers) + " layers, d_model " + std::to_string(config.d_model) +
         ", d_mlp " + std::to_string(config.d_mlp) + ">";
}

}  // namespace

void bind_model(nb::module_& module) {
  Record<ModelSource>(module, "ModelSource", "Where a model came from.")
      .field("name", &ModelSource::name)
      .field("format", &ModelSource::format, "'gguf' or 'safetensors'.")
      .value("files",
             [](const ModelSource& self) {
               std::vector<std::string> files;
               for (const ModelFile& file : self.files) files.push_back(file.path.string());
               return files;
             })
      .field("n_parameters", &ModelSource::n_parameters,
             "As stored; a tied unembedding counts once.")
      .field("weights", &ModelSource::weights,
             "'raw', as stored, or the steps of weight processing that were taken.")
      .field("n_by_dtype", &ModelSource::n_by_dtype);
  bind_tokenizer(module);
  nb::class_<Model>(
      module, "Model",
      "A model file or folder, mapped: loading reads headers only. Weights are decoded "
      "when a run first needs them. Safe to use from several threads.")
      .def_static(
          "load",
          [](const std::string& model, const std::string& weights) {
            return long_call([&] {
              const Model stored = Model::load(cli::resolve_model(model));
              stored.has_tokenizer();  // what is wrong with it is said here
              return process_weights(stored, parse_weight_processing(weights, stored.config()));
            });
          },
          nb::arg("model"), nb::arg("weights") = "raw",
          "A Hugging Face folder, a GGUF file, or a name: 'gnomon-books', which comes with Gnomon, "
          "a model in the cache of `gnomon model fetch`, or ORG/NAME[@REV] in the Hugging Face "
          "cache. `weights`: 'raw', as stored; 'transformerlens', the steps that TransformerLens "
          "takes by default; or fold_ln, center_writing_weights, center_unembed, "
          "fold_value_biases with commas between them. The model predicts the same.")
      .def_prop_ro("config", &Model::config, nb::rv_policy::reference_internal)
      .def_prop_ro("source", &Model::source, nb::rv_policy::reference_internal)
      .def_prop_ro("has_tokenizer", &Model::has_tokenizer)
      .def_prop_ro("tokenizer", &Model::tokenizer, nb::rv_policy::reference_internal,
                   "FileError where the model's folder has none.")
      .def(
          "weights",
          [](const Model& self, const std::string& precision) {
            return ModelWeights{self, precision_of(precision)};
          },
          nb::arg("precision") = "float32", "The weights as read-only arrays.")
      .def(
          "sha256", [](const Model& self) { return long_call([&] { return self.sha256(); }); },
          "Of the model's files, in hexadecimal.")
      .def("__repr__", model_text);
  bind_weights(module);
}

}  // namespace gnomon::python
