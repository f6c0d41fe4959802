// SPDX-License-Identifier: Apache-2.0
#include "gnomon/activations/capture.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "gnomon/base/error.h"
#include "gnomon/base/interrupt.h"

namespace gnomon {
namespace {

bool is_pairs(const Site& site) { return hook_point(site.kind).axes == SiteAxes::pairs; }

// Positions of every text that a site asks for; errors name the text.
std::vector<std::vector<Index>> positions_by_text(const SiteAt& at,
                                                  std::span<const std::vector<TokenId>> texts,
                                                  const ModelConfig& config) {
  std::vector<std::vector<Index>> positions(texts.size());
  Index n_short = 0;
  std::size_t first_short = 0;
  for (std::size_t t = 0; t < texts.size(); ++t) {
    try {
      positions[t] = resolve_position(at.position, static_cast<Index>(texts[t].size()));
    } catch (const ArgumentError&) {
      if (n_short == 0) first_short = t;
      ++n_short;
    }
  }
  if (n_short > 0) {
    throw ArgumentError(
        ErrorCode::out_of_range,
        fmt::format("\"{}\": text {} has {} tokens, too few for this position ({} of {} texts are)",
                    site_at_name(at, config), first_short, texts[first_short].size(), n_short,
                    texts.size()),
        "leave the short texts out or choose a position that every text has");
  }
  return positions;
}

template <class T>
class SiteReader {
 public:
  SiteReader(const SiteAt& at, std::span<const std::vector<TokenId>> texts,
             const ModelConfig& config)
      : positions_(positions_by_text(at, texts, config)), config_(config) {
    result_.at = at;
    for (std::size_t t = 0; t < texts.size(); ++t) {
      first_row_.push_back(result_.n_row());
      for (const Index p : positions_[t]) {
        result_.text.push_back(static_cast<Index>(t));
        result_.position.push_back(p);
      }
    }
    if (is_pairs(at.site)) {
      result_.by_text.resize(texts.size());
    } else {
      const Index width = at.site.coordinate ? 1 : site_width(at.site.kind, config);
      result_.values = Tensor<T>({result_.n_row(), width});
    }
  }

  const SiteAt& at() const { return result_.at; }
  const std::vector<Index>& positions(Index text) const {
    return positions_[static_cast<std::size_t>(text)];
  }

  void add_hook(Hooks<T>& hooks, const PackedBatch& batch, Index texts_before) {
    // Result row of every token of the batch, -1 where it is not asked for.
    std::vector<Index> row_of(static_cast<std::size_t>(batch.n_token()), -1);
    for (Index t = 0; t < batch.n_text(); ++t) {
      const std::vector<Index>& wanted = positions(t + texts_before);
      for (std::size_t i = 0; i < wanted.size(); ++i) {
        row_of[static_cast<std::size_t>(batch.offset[static_cast<std::size_t>(t)] + wanted[i])] =
            first_row_[static_cast<std::size_t>(t + texts_before)] + static_cast<Index>(i);
      }
    }
    hooks.add(at().site.kind, at().site.layer,
              [this, row_of = std::move(row_of), texts_before](const HookContext& context,
                                                               MatrixView<T> values) {
                if (is_pairs(at().site)) {
                  read_pairs(context, values, row_of, context.text + texts_before);
                } else {
                  read_rows(context, values, row_of);
                }
              });
  }

  Activations<T> take() { return std::move(result_); }

 private:
  void read_rows(const HookContext& context, MatrixView<T> values, std::span<const Index> row_of) {
    const MatrixView<T> to = result_.values.matrix();
    for (Index i = 0; i < values.rows; ++i) {
      const Index row = row_of[static_cast<std::size_t>(context.rows[static_cast<std::size_t>(i)])];
      if (row < 0) continue;
      if (at().site.coordinate) {
        to(row, 0) = values(i, *at().site.coordinate);
      } else {
        std::ranges::copy(values.row(i), to.row(row).begin());
      }
    }
  }

  void read_pairs(const HookContext& context, MatrixView<T> values, std::span<const Index> row_of,
                  Index text) {
    const auto n_query = static_cast<Index>(context.rows.size());
    const auto n_wanted = static_cast<Index>(positions(text).size());
    Tensor<T>& to = result_.by_text[static_cast<std::size_t>(text)];
    to = Tensor<T>({config_.n_heads, n_wanted, values.cols});
    for (Index h = 0; h < config_.n_heads; ++h) {
      for (Index i = 0; i < n_query; ++i) {
        const Index row =
            row_of[static_cast<std::size_t>(context.rows[static_cast<std::size_t>(i)])];
        if (row < 0) continue;
        const Index wanted = row - first_row_[static_cast<std::size_t>(text)];
        std::ranges::copy(values.row(h * n_query + i),
                          to.matrix().row(h * n_wanted + wanted).begin());
      }
    }
  }

  std::vector<std::vector<Index>> positions_;
  const ModelConfig& config_;
  std::vector<Index> first_row_;  // of each text
  Activations<T> result_;
};

// Order in which the forward pass reaches blocks and what lies around them.
Index stage(const Site& site, const ModelConfig& config) {
  if (site.layer >= 0) return site.layer;
  return site.kind < HookKind::resid_pre ? -1 : config.n_layers;
}

// Tokens whose values are wanted in the last block that is reached, or after it.
template <class T>
std::vector<Index> kept_rows(const std::vector<SiteReader<T>>& readers,
                             std::span<const Edit<T>> edits, const PackedBatch& batch,
                             Index texts_before, const ModelConfig& config) {
  Index last = -1;
  for (const SiteReader<T>& reader : readers)
    last = std::max(last, stage(reader.at().site, config));
  for (const Edit<T>& edit : edits) last = std::max(last, stage(edit.at.site, config));
  const Index last_block = std::min(last, config.n_layers - 1);
  std::vector<bool> kept(static_cast<std::size_t>(batch.n_token()));
  for (Index t = 0; t < batch.n_text(); ++t) {
    const Index first = batch.offset[static_cast<std::size_t>(t)];
    for (const SiteReader<T>& reader : readers) {
      if (stage(reader.at().site, config) < last_block) continue;
      for (const Index p : reader.positions(t + texts_before))
        kept[static_cast<std::size_t>(first + p)] = true;
    }
    for (const Edit<T>& edit : edits) {
      if (stage(edit.at.site, config) < last_block) continue;
      for (const Index p : resolve_position(edit.at.position, batch.length(t))) {
        kept[static_cast<std::size_t>(first + p)] = true;
      }
    }
  }
  std::vector<Index> rows;
  for (std::size_t i = 0; i < kept.size(); ++i) {
    if (kept[i]) rows.push_back(static_cast<Index>(i));
  }
  return rows;
}

void require_finite_rows(std::span<const double> values, const std::string& name) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) {
      throw NumericError(
          fmt::format("capture: \"{}\" is not finite at element {}", name, i),
          "gnomon model show names the file; its weights or the edit led to an overflow");
    }
  }
}

// Masked scores are -inf by definition; NaN is nothing's definition.
template <class T>
void require_no_nan(std::span<const T> values, const std::string& name) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(values[i]))
      throw NumericError(fmt::format("capture: \"{}\" is not a number at element {}", name, i),
                         "gnomon model show names the file; its weights or the edit led to it");
  }
}

void require_finite_rows(std::span<const float> values, const std::string& name) {
  const std::vector<double> wide(values.begin(), values.end());
  require_finite_rows(wide, name);
}

}  // namespace

void check_texts(std::span<const std::vector<TokenId>> texts, const ModelConfig& config) {
  for (std::size_t t = 0; t < texts.size(); ++t) {
    const auto n_token = static_cast<Index>(texts[t].size());
    if (n_token == 0 || n_token > config.n_ctx) {
      throw ArgumentError(
          ErrorCode::bad_data,
          fmt::format("text {} has {} tokens, expected 1 to n_ctx = {}", t, n_token, config.n_ctx),
          "leave it out; texts are never cut or padded");
    }
    for (std::size_t p = 0; p < texts[t].size(); ++p) {
      if (texts[t][p] < 0 || texts[t][p] >= config.d_vocab) {
        throw ArgumentError(ErrorCode::out_of_range,
                            fmt::format("token {} of text {} has id {}, expected 0 to {}", p, t,
                                        texts[t][p], config.d_vocab - 1));
      }
    }
  }
}

template <class T>
CaptureResult<T> capture(const Model& model, std::span<const std::vector<TokenId>> texts,
                         std::span<const SiteAt> sites, std::span<const Edit<T>> edits,
                         const RunOptions& options) {
  const ModelConfig& config = model.config();
  check_texts(texts, config);
  for (const SiteAt& at : sites) check_site(at.site, config);
  std::vector<SiteReader<T>> readers;
  readers.reserve(sites.size());
  for (const SiteAt& at : sites) readers.emplace_back(at, texts, config);
  EditSession<T> session(edits, config);
  for (const Edit<T>& edit : edits) positions_by_text(edit.at, texts, config);

  const Index total =
      std::transform_reduce(texts.begin(), texts.end(), Index{0}, std::plus<>(),
                            [](const auto& ids) { return static_cast<Index>(ids.size()); });
  Index done = 0;
  for (std::size_t first = 0; first < texts.size();) {
    check_interrupted();
    const std::size_t last = batch_end(texts, first, options.batch_tokens);
    const PackedBatch batch = pack(texts.subspan(first, last - first));
    const auto texts_before = static_cast<Index>(first);
    Hooks<T> hooks;
    // Edits before readers: what is read at an edited site is what the model goes on with.
    session.add_hooks(hooks, batch, texts_before);
    for (SiteReader<T>& reader : readers) reader.add_hook(hooks, batch, texts_before);
    const std::vector<Index> kept = kept_rows<T>(readers, edits, batch, texts_before, config);
    run_forward<T>(config, model.weights<T>(), batch, hooks, kept, options.backend);
    first = last;
    done += batch.n_token();
    if (options.progress) options.progress(done, total);
  }

  CaptureResult<T> result;
  result.effects = session.finish();
  for (SiteReader<T>& reader : readers) {
    result.activations.push_back(reader.take());
    const Activations<T>& read = result.activations.back();
    require_finite_rows(read.values.values(), site_at_name(read.at, config));
    for (const Tensor<T>& pairs : read.by_text)
      require_no_nan<T>(pairs.values(), site_at_name(read.at, config));
  }
  return result;
}

template CaptureResult<float> capture<float>(const Model&, std::span<const std::vector<TokenId>>,
                                             std::span<const SiteAt>, std::span<const Edit<float>>,
                                             const RunOptions&);
template CaptureResult<double> capture<double>(const Model&, std::span<const std::vector<TokenId>>,
                                               std::span<const SiteAt>,
                                               std::span<const Edit<double>>, const RunOptions&);

}  // namespace gnomon
