// SPDX-License-Identifier: Apache-2.0
#include "gnomon/train/reporter.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "gnomon/base/error.h"
#include "gnomon/kernels/cross_entropy.h"
#include "gnomon/stats/ridge.h"
#include "gnomon/train/option_names.h"

namespace gnomon {
namespace {

void require_varying(MatrixView<const double> labels) {
  if (labels.rows < 2) {
    throw ArgumentError(ErrorCode::bad_data,
                        fmt::format("{} training rows, expected at least 2", labels.rows));
  }
  for (Index t = 0; t < labels.cols; ++t) {
    const std::vector<double> values = column(labels, t);
    const auto [low, high] = std::ranges::minmax(values);
    if (low < high) continue;
    throw ArgumentError(ErrorCode::bad_data,
                        fmt::format("target {} never varies: it is {} on all {} training rows", t,
                                    low, labels.rows),
                        "gnomon scan lists neurons that vary on these texts");
  }
}

BinCode make_code(const ReporterOptions& options, const std::vector<double>& values, Index n_bin) {
  return options.binning == Binning::equal_width ? equal_width_bins(values, n_bin)
                                                 : equal_count_bins(values, n_bin);
}

// Two bins with the edge at 0. Throws where the training rows are all in one.
BinCode on_off_code(const std::vector<double>& values) {
  BinCode code;
  code.means = {0, 0};
  code.n = {0, 0};
  for (const double value : values) {
    // An activation of exactly 0 is off.
    const std::size_t k = value > 0 ? 1 : 0;
    code.means[k] += value;
    ++code.n[k];
  }
  for (const std::size_t k : {std::size_t{0}, std::size_t{1}}) {
    if (code.n[k] == 0) {
      throw ArgumentError(
          ErrorCode::bad_data,
          fmt::format("on_off: all {} training activations are {} 0", values.size(),
                      k == 0 ? "above" : "at or below"),
          "a digit or regression reporter has no such threshold; gnomon scan shows the share of "
          "positive values of every neuron");
    }
    code.means[k] /= static_cast<double>(code.n[k]);
  }
  // The edge belongs to the bin above it in encode; 0 itself is off.
  code.edges = {std::nextafter(0.0, 1.0)};
  return code;
}

std::vector<std::string> token_words(ReporterKind kind) {
  if (kind == ReporterKind::on_off) return {"off", "on"};
  std::vector<std::string> words;
  for (int d = 0; d < 10; ++d) words.push_back(std::to_string(d));
  return words;
}

}  // namespace

Reporter Reporter::with_head(const ReporterOptions& options, MatrixView<const double> labels,
                             MatrixView<const double> training_features, Random random) {
  if (options.kind != ReporterKind::regression && options.kind != ReporterKind::classification)
    throw InternalError("Reporter::with_head: a token reporter has no head");
  require_varying(labels);
  Reporter reporter;
  reporter.options_ = options;
  reporter.n_target_ = labels.cols;
  reporter.labels_ = scaling_of(labels);
  if (options.kind == ReporterKind::classification) {
    for (Index t = 0; t < labels.cols; ++t)
      reporter.codes_.push_back(make_code(options, column(labels, t), options.n_bin));
  }
  reporter.head_.emplace(scaling_of(training_features), options.hidden, reporter.n_output(),
                         std::move(random));
  return reporter;
}

Reporter Reporter::with_tokens(const ReporterOptions& options, MatrixView<const double> labels,
                               const Tokenizer& tokenizer) {
  if (options.kind != ReporterKind::digit && options.kind != ReporterKind::on_off)
    throw InternalError("Reporter::with_tokens: a head reporter has no tokens");
  if (labels.cols != 1) {
    throw ArgumentError(
        fmt::format("a {} reporter reports one target, found {}", option_name(options.kind),
                    labels.cols),
        "the model's next token is one; a regression reporter takes several targets");
  }
  if (!options.hidden.empty()) {
    throw ArgumentError(
        fmt::format("a {} reporter has no hidden layers", option_name(options.kind)),
        "it reports through the model's own unembedding");
  }
  require_varying(labels);
  Reporter reporter;
  reporter.options_ = options;
  reporter.n_target_ = 1;
  reporter.labels_ = scaling_of(labels);
  reporter.words_ = token_words(options.kind);
  for (const std::string& word : reporter.words_) {
    // A word that continues a text begins with a space; vocabularies that have no such token for
    // a digit split it, and the report is then the bare digit.
    std::vector<TokenId> ids = tokenizer.encode(" " + word);
    if (ids.size() != 1) ids = tokenizer.encode(word);
    if (ids.size() != 1) {
      throw ArgumentError(
          ErrorCode::bad_data,
          fmt::format("\"{}\" is {} tokens in this vocabulary, expected one", word, ids.size()),
          "use a regression or classification reporter with this model");
    }
    reporter.tokens_.push_back(ids.front());
  }
  if (std::set<TokenId>(reporter.tokens_.begin(), reporter.tokens_.end()).size() !=
      reporter.tokens_.size()) {
    throw ArgumentError(ErrorCode::bad_data,
                        "two of the reporter's words are the same token in this vocabulary");
  }
  const std::vector<double> values = column(labels, 0);
  reporter.codes_.push_back(options.kind == ReporterKind::on_off ? on_off_code(values)
                                                                 : make_code(options, values, 10));
  return reporter;
}

Reporter Reporter::from_parts(Parts parts) {
  Reporter reporter;
  reporter.options_ = std::move(parts.options);
  reporter.n_target_ = static_cast<Index>(parts.labels.mean.size());
  reporter.labels_ = std::move(parts.labels);
  reporter.codes_ = std::move(parts.codes);
  reporter.head_ = std::move(parts.head);
  reporter.tokens_ = std::move(parts.tokens);
  reporter.words_ = std::move(parts.words);
  return reporter;
}

Index Reporter::n_class() const { return codes_.empty() ? 1 : codes_.front().n_bin(); }

Tensor<double> Reporter::reports(MatrixView<const double> outputs) const {
  if (!uses_bins()) return labels_.from_unit(outputs);
  const Index k = n_class();
  Tensor<double> result({outputs.rows, n_target_});
  Tensor<double> probability({outputs.rows, k});
  for (Index t = 0; t < n_target_; ++t) {
    softmax_forward<double>(probability.matrix(), outputs.columns(t * k, k));
    for (Index i = 0; i < outputs.rows; ++i) {
      result.matrix()(i, t) =
          codes_[static_cast<std::size_t>(t)].expected(std::as_const(probability).matrix().row(i));
    }
  }
  return result;
}

Reporter::Loss Reporter::loss(MatrixView<const double> outputs, MatrixView<const double> labels,
                              Index n_total) const {
  Loss result;
  result.row.resize(static_cast<std::size_t>(outputs.rows));
  result.grad_output = Tensor<double>({outputs.rows, outputs.cols});
  const MatrixView<double> grad = result.grad_output.matrix();
  const double each = 1 / static_cast<double>(n_target_);
  const double weight = each / static_cast<double>(n_total);
  if (!uses_bins()) {
    const Tensor<double> wanted = labels_.to_unit(labels);
    for (Index i = 0; i < outputs.rows; ++i) {
      for (Index t = 0; t < n_target_; ++t) {
        const double error = outputs(i, t) - wanted.matrix()(i, t);
        result.row[static_cast<std::size_t>(i)] += each * error * error / 2;
        grad(i, t) = weight * error;
      }
    }
    return result;
  }
  const Index k = n_class();
  const std::vector<double> weights(static_cast<std::size_t>(outputs.rows), weight);
  std::vector<double> losses(static_cast<std::size_t>(outputs.rows));
  for (Index t = 0; t < n_target_; ++t) {
    const std::vector<Index> label = classes(column(labels, t), t);
    cross_entropy_forward<double>(losses, outputs.columns(t * k, k), label);
    for (std::size_t i = 0; i < losses.size(); ++i) result.row[i] += each * losses[i];
    cross_entropy_backward<double>(grad.columns(t * k, k), outputs.columns(t * k, k), label,
                                   weights);
  }
  return result;
}

std::vector<Index> Reporter::classes(std::span<const double> activation, Index target) const {
  return codes_[static_cast<std::size_t>(target)].encode(activation);
}

std::vector<Index> Reporter::most_likely(MatrixView<const double> outputs, Index target) const {
  std::vector<Index> result;
  for (Index i = 0; i < outputs.rows; ++i) {
    const std::span<const double> row = outputs.columns(target * n_class(), n_class()).row(i);
    result.push_back(std::ranges::max_element(row) - row.begin());
  }
  return result;
}

std::vector<double> Reporter::report_gradient(std::span<const double> outputs, Index target) const {
  std::vector<double> gradient(outputs.size());
  const auto first = static_cast<std::size_t>(target * n_class());
  if (!uses_bins()) {
    gradient[first] = labels_.sd[static_cast<std::size_t>(target)];
    return gradient;
  }
  // report = Σ p_k m_k with p = softmax(o): d report / d o_k = p_k (m_k - report).
  const auto k = static_cast<std::size_t>(n_class());
  const MatrixView<const double> row(outputs.data() + first, 1, n_class());
  Tensor<double> probability({1, n_class()});
  softmax_forward<double>(probability.matrix(), row);
  const BinCode& code = codes_[static_cast<std::size_t>(target)];
  const double report = code.expected(std::as_const(probability).values());
  for (std::size_t c = 0; c < k; ++c)
    gradient[first + c] = probability.data()[c] * (code.means[c] - report);
  return gradient;
}

void Reporter::set_ridge(MatrixView<const double> features, MatrixView<const double> labels,
                         std::span<const Index> groups, std::uint64_t seed) {
  if (options_.kind != ReporterKind::regression || !head_->is_linear()) {
    throw ArgumentError("a ridge head is a linear regression head",
                        "set reporter kind regression and no hidden layers");
  }
  const Tensor<double> wanted = labels_.to_unit(labels);
  for (Index t = 0; t < n_target_; ++t) {
    RidgeCvOptions ridge;
    ridge.seed = seed;
    ridge.scaling = FeatureScaling::unit_variance;
    const RidgeCv cv =
        fit_ridge_cross_validated(features, column(wanted.matrix(), t), groups, ridge);
    head_->set_linear(t, cv.fit.weight, cv.fit.bias);
  }
}

}  // namespace gnomon
