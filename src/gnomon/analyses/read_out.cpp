// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/read_out.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "gnomon/base/error.h"
#include "gnomon/base/interrupt.h"
#include "gnomon/directions/direction.h"
#include "gnomon/model/backward.h"

namespace gnomon {
namespace {

// The site that the report is computed from: a head's, or the logits.
Site report_site(const Reporter& reporter, const ReporterData& data) {
  return reporter.has_head() ? data.feature_site.site : Site{HookKind::logits, -1, std::nullopt};
}

void check_site_of_read_out(const Site& site, const Site& read, const ModelConfig& config) {
  check_site(site, config);
  const std::string name = site_name(site, config);
  if (!is_stream_site(site)) {
    throw ArgumentError(
        ErrorCode::wrong_site,
        fmt::format("\"{}\" is not the residual stream, in which neurons write: directions there "
                    "are of another space",
                    name),
        "compare at the stream after the target's block, blocks.L.hook_resid_post");
  }
  const auto place = [&](const Site& s) { return std::pair(block_of(s, config), s.kind); };
  if (place(site) > place(read)) {
    throw ArgumentError(ErrorCode::wrong_site,
                        fmt::format("\"{}\" lies after \"{}\", which the report is read from", name,
                                    site_name(read, config)),
                        "choose a site at or before it");
  }
}

Index token_position(const ReporterData& data, Index row, ReadOutToken token) {
  const auto r = static_cast<std::size_t>(row);
  return token == ReadOutToken::feature ? data.feature_position[r] : data.position[r];
}

// One row of each of some texts, packed.
struct OneRowEach {
  std::vector<std::size_t> out;  // index into the rows asked for
  PackedBatch packed;
  std::vector<Index> feature_token, site_token;  // of the batch
  std::vector<Index> kept;
};

OneRowEach make_batch(const ReporterData& data, std::span<const Index> rows,
                      std::vector<std::size_t> out, ReadOutToken token) {
  OneRowEach batch;
  batch.out = std::move(out);
  std::vector<std::vector<TokenId>> ids;
  for (const std::size_t i : batch.out)
    ids.push_back(data.ids[static_cast<std::size_t>(data.text[static_cast<std::size_t>(rows[i])])]);
  batch.packed = pack(ids);
  for (std::size_t k = 0; k < batch.out.size(); ++k) {
    const Index first = batch.packed.offset[k];
    const Index row = rows[batch.out[k]];
    batch.feature_token.push_back(first + token_position(data, row, ReadOutToken::feature));
    batch.site_token.push_back(first + token_position(data, row, token));
  }
  batch.kept = batch.feature_token;
  batch.kept.insert(batch.kept.end(), batch.site_token.begin(), batch.site_token.end());
  std::ranges::sort(batch.kept);
  batch.kept.erase(std::unique(batch.kept.begin(), batch.kept.end()), batch.kept.end());
  return batch;
}

// Batches of at most options.batch_tokens in which every text has one row.
std::vector<std::vector<std::size_t>> one_row_of_each_text(const ReporterData& data,
                                                           std::span<const Index> rows,
                                                           Index batch_tokens) {
  std::map<Index, std::vector<std::size_t>> of_text;
  for (std::size_t i = 0; i < rows.size(); ++i)
    of_text[data.text[static_cast<std::size_t>(rows[i])]].push_back(i);
  std::vector<std::vector<std::size_t>> batches;
  for (std::size_t rank = 0;; ++rank) {
    Index n_token = batch_tokens;
    bool any = false;
    for (const auto& [text, own] : of_text) {
      if (rank >= own.size()) continue;
      any = true;
      const auto length = std::ssize(data.ids[static_cast<std::size_t>(text)]);
      if (n_token + length > batch_tokens) {
        batches.emplace_back();
        n_token = 0;
      }
      batches.back().push_back(own[rank]);
      n_token += length;
    }
    if (!any) return batches;
  }
}

// The report's derivative at the site it is computed from, added to the gradient there.
template <class T>
void add_report(const HookContext& context, MatrixView<T> grad, const OneRowEach& batch,
                const Reporter& reporter, const Site& read, const Tensor<double>& at_read) {
  for (std::size_t i = 0; i < batch.out.size(); ++i) {
    const Index row = context.row_of(batch.feature_token[i]);
    const std::span<const double> own = at_read.matrix().row(static_cast<Index>(i));
    for (std::size_t c = 0; c < own.size(); ++c) {
      const Index column = !reporter.has_head() ? static_cast<Index>(reporter.tokens()[c])
                                                : read.coordinate.value_or(static_cast<Index>(c));
      grad(row, column) += static_cast<T>(own[c]);
    }
  }
}

// d report / d (features, or logits of the reporter's tokens), [n, n_feature or n_output].
Tensor<double> gradients_where_read(const Reporter& reporter, const Tensor<double>& values,
                                    Index target) {
  if (reporter.has_head()) return head_gradients(reporter, values.matrix(), target);
  Tensor<double> gradients(values.shape());
  for (Index i = 0; i < values.matrix().rows; ++i) {
    std::ranges::copy(reporter.report_gradient(values.matrix().row(i), target),
                      gradients.matrix().row(i).begin());
  }
  return gradients;
}

template <class T>
void run_batch(const ReportModel<T>& model, Index target, const Site& site, const OneRowEach& batch,
               const RunOptions& options, ForwardTrace<T>& trace, Tensor<double>& gradients) {
  const Reporter& reporter = model.reporter();
  const ModelConfig& config = model.model().config();
  const Site read = report_site(reporter, model.data());
  const auto n = static_cast<Index>(batch.out.size());
  Tensor<double> values(
      {n, reporter.has_head() ? reporter.head().n_feature() : reporter.n_output()});
  Hooks<T> hooks;
  hooks.add(read.kind, read.layer, [&](const HookContext& context, MatrixView<T> at_site) {
    for (Index i = 0; i < n; ++i) {
      const Index row = context.row_of(batch.feature_token[static_cast<std::size_t>(i)]);
      for (Index c = 0; c < values.matrix().cols; ++c) {
        const Index column =
            reporter.has_head()
                ? read.coordinate.value_or(c)
                : static_cast<Index>(reporter.tokens()[static_cast<std::size_t>(c)]);
        values.matrix()(i, c) = static_cast<double>(at_site(row, column));
      }
    }
  });
  run_forward<T>(config, model.model().template weights<T>(), batch.packed, hooks, batch.kept,
                 options.backend, nullptr, &trace);
  const Tensor<double> at_read = gradients_where_read(reporter, values, target);
  Hooks<T> grad_hooks;
  grad_hooks.add(read.kind, read.layer, [&](const HookContext& context, MatrixView<T> grad) {
    add_report(context, grad, batch, reporter, read, at_read);
  });
  grad_hooks.add(site.kind, site.layer, [&](const HookContext& context, MatrixView<T> grad) {
    for (std::size_t i = 0; i < batch.out.size(); ++i) {
      const Index row = context.row_of(batch.site_token[i]);
      for (Index c = 0; c < grad.cols; ++c)
        gradients.matrix()(static_cast<Index>(batch.out[i]), c) = static_cast<double>(grad(row, c));
    }
  });
  run_backward<T>(config, model.model().template weights<T>(), batch.packed, trace, grad_hooks,
                  nullptr, options.backend);
}

std::string origin_of(const Reporter& reporter, const Site& read, const Site& site,
                      const ModelConfig& config) {
  if (site.kind == read.kind && site.layer == read.layer) {
    return linear_head(reporter, 0) ? "head weights" : "gradient of the report through the head";
  }
  return fmt::format("gradient of the report through the model from {}", site_name(read, config));
}

}  // namespace

bool is_stream_site(const Site& site) {
  return site.kind == HookKind::resid_pre || site.kind == HookKind::resid_mid ||
         site.kind == HookKind::resid_post;
}

std::optional<LinearHead> linear_head(const Reporter& reporter, Index target) {
  if (!reporter.has_head() || reporter.uses_bins() || !reporter.head().is_linear())
    return std::nullopt;
  const double sd = reporter.labels().sd[static_cast<std::size_t>(target)];
  LinearHead head{reporter.head().linear_weight(target), 0};
  for (double& weight : head.weight) weight *= sd;
  head.bias = reporter.labels().mean[static_cast<std::size_t>(target)] +
              sd * reporter.head().linear_bias(target);
  return head;
}

Tensor<double> head_gradients(const Reporter& reporter, MatrixView<const double> features,
                              Index target) {
  if (!reporter.has_head()) throw InternalError("head_gradients: a token reporter has no head");
  Tensor<double> gradients({features.rows, features.cols});
  const auto linear = linear_head(reporter, target);
  const Tensor<double> outputs = reporter.head().forward(features);
  for (Index i = 0; i < features.rows; ++i) {
    const std::span<double> own = gradients.matrix().row(i);
    if (linear) {
      std::ranges::copy(linear->weight, own.begin());
      continue;
    }
    const std::vector<double> of_output = reporter.report_gradient(outputs.matrix().row(i), target);
    const MatrixView<const double> row(features.row(i).data(), 1, features.cols);
    for (std::size_t k = 0; k < of_output.size(); ++k) {
      if (of_output[k] == 0) continue;
      const std::vector<double> direction =
          reporter.head().read_direction(row, static_cast<Index>(k));
      for (std::size_t c = 0; c < direction.size(); ++c) own[c] += of_output[k] * direction[c];
    }
  }
  return gradients;
}

template <class T>
Tensor<double> report_gradients(const ReportModel<T>& model, Index target, const Site& site,
                                ReadOutToken token, std::span<const Index> rows,
                                const RunOptions& options) {
  const ReporterData& data = model.data();
  const ModelConfig& config = model.model().config();
  const Site read = report_site(model.reporter(), data);
  check_site_of_read_out(site, read, config);
  Tensor<double> gradients({static_cast<Index>(rows.size()), config.d_model});
  ForwardTrace<T> trace;
  for (auto& out : one_row_of_each_text(data, rows, options.batch_tokens)) {
    check_interrupted();
    run_batch(model, target, site, make_batch(data, rows, std::move(out), token), options, trace,
              gradients);
  }
  return gradients;
}

void summarise(ReadOut& read_out) {
  const MatrixView<const double> g = std::as_const(read_out.gradient).matrix();
  const auto d = static_cast<std::size_t>(g.cols);
  const auto n = static_cast<double>(g.rows);
  read_out.mean.assign(d, 0);
  std::vector<double> unit(d, 0);
  read_out.n_zero = 0;
  for (Index i = 0; i < g.rows; ++i) {
    const double length = std::sqrt(dot(g.row(i), g.row(i)));
    if (length == 0) ++read_out.n_zero;
    for (std::size_t c = 0; c < d; ++c) {
      const double value = g(i, static_cast<Index>(c));
      read_out.mean[c] += value / n;
      if (length > 0) unit[c] += value / length;
    }
  }
  const auto n_direction = static_cast<double>(g.rows - read_out.n_zero);
  if (n_direction == 0) return;
  const double mean_length = norm(read_out.mean);
  read_out.resultant = norm(unit) / n_direction;
  if (mean_length == 0) return;
  read_out.mean_cosine = dot(unit, read_out.mean) / (n_direction * mean_length);
  double squares = 0;
  for (Index i = 0; i < g.rows; ++i) {
    for (std::size_t c = 0; c < d; ++c) {
      const double off = g(i, static_cast<Index>(c)) - read_out.mean[c];
      squares += off * off;
    }
  }
  read_out.spread = std::sqrt(squares / n) / mean_length;
}

template <class T>
ReadOut read_out_at_feature(const ReportModel<T>& model, Index target, std::span<const Index> rows,
                            const RunOptions& options) {
  const ReporterData& data = model.data();
  const Reporter& reporter = model.reporter();
  const ModelConfig& config = model.model().config();
  ReadOut read_out;
  read_out.site = data.feature_site.site;
  read_out.site.coordinate.reset();
  read_out.rows.assign(rows.begin(), rows.end());
  const Site read = report_site(reporter, data);
  check_site_of_read_out(read_out.site, read, config);
  read_out.origin = origin_of(reporter, read, read_out.site, config);
  const auto coordinate = data.feature_site.site.coordinate;
  if (const auto head = linear_head(reporter, target)) {
    read_out.constant = true;
    read_out.gradient = Tensor<double>({1, config.d_model});
    for (std::size_t c = 0; c < head->weight.size(); ++c)
      read_out.gradient.matrix()(0, coordinate.value_or(static_cast<Index>(c))) = head->weight[c];
  } else if (reporter.has_head() && !coordinate) {
    read_out.gradient = head_gradients(reporter, model.features(rows).matrix(), target);
  } else {
    read_out.gradient =
        report_gradients(model, target, read_out.site, ReadOutToken::feature, rows, options);
  }
  summarise(read_out);
  return read_out;
}

template <class T>
ReadOut read_out_at(const ReportModel<T>& model, Index target, const Site& site,
                    std::span<const Index> rows, const RunOptions& options) {
  ReadOut read_out;
  read_out.site = site;
  read_out.token = ReadOutToken::target;
  read_out.rows.assign(rows.begin(), rows.end());
  read_out.gradient = report_gradients(model, target, site, ReadOutToken::target, rows, options);
  read_out.origin = origin_of(model.reporter(), report_site(model.reporter(), model.data()), site,
                              model.model().config());
  summarise(read_out);
  return read_out;
}

#define GNOMON_INSTANTIATE(T)                                                                     \
  template Tensor<double> report_gradients(const ReportModel<T>&, Index, const Site&,             \
                                           ReadOutToken, std::span<const Index>,                  \
                                           const RunOptions&);                                    \
  template ReadOut read_out_at_feature(const ReportModel<T>&, Index, std::span<const Index>,      \
                                       const RunOptions&);                                        \
  template ReadOut read_out_at(const ReportModel<T>&, Index, const Site&, std::span<const Index>, \
                               const RunOptions&);
GNOMON_INSTANTIATE(float)
GNOMON_INSTANTIATE(double)
#undef GNOMON_INSTANTIATE

}  // namespace gnomon
