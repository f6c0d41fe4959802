// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/original_remeasure.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <string_view>
#include <utility>

#include "gnomon/analyses/encoded_texts.h"
#include "gnomon/base/error.h"
#include "gnomon/base/quote.h"
#include "gnomon/directions/neuron_directions.h"
#include "gnomon/model/hook_points.h"
#include "gnomon/stats/correlation.h"

namespace gnomon {
namespace {

using Ids = std::vector<std::vector<TokenId>>;

double mean_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

std::vector<double> minus_mean(std::vector<double> values) {
  const double mean = mean_of(values);
  for (double& value : values) value -= mean;
  return values;
}

double dot_of(std::span<const double> a, std::span<const double> b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

// GPT-2's one special token is its first and its last; tokenizer.json does not say so.
std::optional<TokenId> special_token(const Tokenizer& tokenizer,
                                     const std::optional<TokenId>& named) {
  if (named) return named;
  const std::vector<TokenId> ids = tokenizer.encode("<|endoftext|>");
  return ids.size() == 1 ? std::optional(ids[0]) : std::nullopt;
}

class Remeasurer {
 public:
  Remeasurer(const Model& model, const OriginalRun& run, const RunOptions& options)
      : model_(model), run_(run), options_(options) {}

  OriginalRemeasurement measure() && {
    find_site();
    collect_texts();
    found_.model = model_.source().name;
    found_.model_sha256 = model_.sha256();
    found_.labels = variants(
        labels_, [&](Index t) { return ids_[static_cast<std::size_t>(t)]; }, std::ssize(ids_));
    measure_padded();
    measure_projections();
    return std::move(found_);
  }

 private:
  void find_site() {
    if (!run_.layer || !run_.index || run_.layer_type.empty())
      throw ArgumentError(
          "the run does not say its target: no layer, index or layer type is stored");
    if (run_.layer_type != "mlp_out" && run_.layer_type != "resid_post") {
      throw ArgumentError(fmt::format("layer type {}, expected \"mlp_out\" or \"resid_post\"",
                                      quote(run_.layer_type)));
    }
    const ModelConfig& config = model_.config();
    if (run_.d_model && *run_.d_model != config.d_model) {
      throw ArgumentError(
          fmt::format("the run's model has d_model {}, {} has {}", *run_.d_model,
                      quote(model_.source().name), config.d_model),
          fmt::format("--model has to be the run's base model, {}", quote(run_.base_model)));
    }
    found_.site = fmt::format("blocks.{}.hook_{}[{}]", *run_.layer, run_.layer_type, *run_.index);
    parse_site(found_.site, config);
  }

  void collect_texts() {
    std::vector<TextRecord> records;
    std::map<std::string_view, bool> seen;
    for (const OriginalRow& row : run_.rows) {
      if (!seen.emplace(row.text, true).second) continue;
      records.push_back({row.text, run_.data_file, 0, "", ""});
      labels_.push_back(row.activation);
    }
    EncodedTexts encoded = encode_texts(model_, std::move(records));
    if (!encoded.excluded.empty()) {
      throw ArgumentError(ErrorCode::bad_data,
                          fmt::format("{} of the run's texts cannot be read by the model: {}",
                                      encoded.excluded.size(), encoded.excluded.front().why));
    }
    ids_ = std::move(encoded.ids);
    for (std::size_t t = 0; t < ids_.size(); ++t) text_of_[encoded.records[t].text] = t;
  }

  // The vectors at the target's hook point, at the last token of each text.
  Tensor<double> rows_at(const std::string& site, const Ids& ids) const {
    const std::vector<SiteAt> sites = {parse_site(site + "@last", model_.config())};
    const auto result = capture<float>(model_, ids, sites, {}, options_);
    const Tensor<float>& values = result.activations[0].values;
    Tensor<double> rows(values.shape());
    std::ranges::copy(values.values(), rows.data());
    return rows;
  }

  template <class IdsOf>
  std::vector<RemeasuredVariant> variants(const std::vector<double>& stored, IdsOf ids_of,
                                          Index n) const {
    std::vector<RemeasuredVariant> all;
    const std::string site = fmt::format("blocks.{}.hook_{}", *run_.layer, run_.layer_type);
    const Tokenizer& tokenizer = model_.tokenizer();
    const std::optional<TokenId> bos = special_token(tokenizer, tokenizer.bos());
    for (const bool with_bos : {false, true}) {
      if (with_bos && !bos) continue;
      Ids ids;
      bool fits = true;
      for (Index t = 0; t < n; ++t) {
        std::vector<TokenId> text = ids_of(t);
        if (with_bos) text.insert(text.begin(), *bos);
        fits = fits && std::ssize(text) <= model_.config().n_ctx;
        ids.push_back(std::move(text));
      }
      if (!fits) continue;
      const Tensor<double> rows = rows_at(site, ids);
      for (const bool centred : {false, true}) {
        if (centred && model_.config().norm != NormKind::layer_norm) continue;
        RemeasuredVariant variant{with_bos, centred, n, {}, 0, false};
        std::vector<double> measured;
        for (Index t = 0; t < n; ++t) {
          const auto row = rows.matrix().row(t);
          measured.push_back(row[static_cast<std::size_t>(*run_.index)] -
                             (centred ? mean_of(row) : 0));
          variant.largest_difference =
              std::max(variant.largest_difference,
                       std::abs(measured.back() - stored[static_cast<std::size_t>(t)]));
        }
        variant.r = pearson(measured, stored).r;
        variant.reproduces = variant.largest_difference <= kRemeasureTolerance;
        all.push_back(variant);
      }
    }
    return all;
  }

  void measure_padded() {
    constexpr Index kDefaultLength = 512;
    found_.padded_length = run_.max_length.value_or(kDefaultLength);
    const Tokenizer& tokenizer = model_.tokenizer();
    const std::optional<TokenId> pad = special_token(tokenizer, tokenizer.eos());
    std::vector<double> actual;
    std::vector<std::size_t> text;
    std::map<std::string_view, bool> seen;
    for (const OriginalPrediction& row : run_.predictions) {
      const auto known = text_of_.find(row.text);
      if (known == text_of_.end() || !seen.emplace(row.text, true).second) continue;
      actual.push_back(row.actual);
      text.push_back(known->second);
    }
    if (actual.empty()) {
      found_.why_no_padded = "the run has no stored predictions of its texts";
    } else if (!pad) {
      found_.why_no_padded = "the model's tokenizer has no end-of-sequence token";
    } else if (found_.padded_length > model_.config().n_ctx || found_.padded_length < 1) {
      found_.why_no_padded = fmt::format("padding to {} tokens, the model's context has {}",
                                         found_.padded_length, model_.config().n_ctx);
    } else {
      found_.padded = variants(
          actual,
          [&](Index t) {
            std::vector<TokenId> ids = ids_[text[static_cast<std::size_t>(t)]];
            if (std::ssize(ids) < found_.padded_length)
              ids.resize(static_cast<std::size_t>(found_.padded_length), *pad);
            return ids;
          },
          std::ssize(actual));
    }
  }

  void add_projection(std::string name, std::string definition, const std::vector<double>& values) {
    RemeasuredProjection projection{std::move(name), std::move(definition), {}, {}};
    projection.r_texts = pearson(values, labels_).r;
    std::vector<double> by_row;
    std::vector<double> row_labels;
    for (const OriginalRow& row : run_.rows) {
      by_row.push_back(values[text_of_.find(row.text)->second]);
      row_labels.push_back(row.activation);
    }
    projection.r_rows = pearson(by_row, row_labels).r;
    found_.projections.push_back(std::move(projection));
  }

  void measure_projections() {
    const ModelConfig& config = model_.config();
    if (*run_.index >= config.d_mlp || config.gated_mlp) {
      found_.why_no_projections = "the model has no ungated MLP neuron of the target's index";
      return;
    }
    const Index layer = *run_.layer;
    const std::string first = fmt::format("blocks.{}.", layer);
    const std::string last = fmt::format("blocks.{}.hook_resid_post", config.n_layers - 1);
    const NeuronWeights neuron =
        neuron_weights(config, model_.weights<float>(), layer, *run_.index);
    const bool centres = config.norm == NormKind::layer_norm;
    const std::vector<double> read = folded_read(neuron.read, neuron.norm_weight, config.norm);
    std::vector<double> write = neuron.write;
    if (centres) write = minus_mean(std::move(write));

    const auto project = [&](const Tensor<double>& rows, std::span<const double> direction) {
      std::vector<double> values;
      for (Index t = 0; t < rows.shape()[0]; ++t) {
        const auto row = rows.matrix().row(t);
        std::vector<double> stream(row.begin(), row.end());
        if (centres) stream = minus_mean(std::move(stream));
        values.push_back(dot_of(stream, direction));
      }
      return values;
    };
    const Tensor<double> final_stream = rows_at(last, ids_);
    if (const Tensor<float>* weight =
            run_.best_head ? run_.best_head->find("output.weight") : nullptr;
        weight != nullptr && weight->size() == config.d_model) {
      const std::vector<double> head(weight->values().begin(), weight->values().end());
      add_projection("head", last + " times the stored head", project(final_stream, head));
    }
    add_projection("input", first + "hook_resid_pre times W_in of the neuron of that number",
                   project(rows_at(first + "hook_resid_pre", ids_), read));
    add_projection("output", first + "hook_resid_post times its W_out",
                   project(rows_at(first + "hook_resid_post", ids_), write));
    add_projection("neuron_dir", last + " times its W_out", project(final_stream, write));
    std::vector<double> coordinate(static_cast<std::size_t>(config.d_model), 0);
    coordinate[static_cast<std::size_t>(*run_.index)] = 1;
    add_projection("coordinate",
                   fmt::format("{}[{}], the target's own coordinate", last, *run_.index),
                   project(final_stream, coordinate));
    const std::string post = fmt::format("{}mlp.hook_post[{}]", first, *run_.index);
    const Tensor<double> activation = rows_at(post, ids_);
    add_projection("neuron", post + ", the neuron of that number",
                   {activation.values().begin(), activation.values().end()});
  }

  const Model& model_;
  const OriginalRun& run_;
  const RunOptions& options_;
  OriginalRemeasurement found_;
  std::vector<double> labels_;  // of the distinct texts
  Ids ids_;
  std::map<std::string, std::size_t, std::less<>> text_of_;
};

}  // namespace

OriginalRemeasurement remeasure_original_run(const Model& model, const OriginalRun& run,
                                             const RunOptions& options) {
  return Remeasurer(model, run, options).measure();
}

}  // namespace gnomon
