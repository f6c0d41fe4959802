// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/neuron_scan.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "gnomon/base/error.h"
#include "gnomon/base/interrupt.h"
#include "gnomon/base/random.h"
#include "gnomon/base/threads.h"
#include "gnomon/model/forward.h"
#include "gnomon/stats/column_moments.h"
#include "gnomon/stats/quantile.h"
#include "gnomon/stats/row_sample.h"

namespace gnomon {
namespace {

// Neurons that one thread takes at a time: their part of a batch and their sums stay in cache.
constexpr Index kBlockWidth = 64;

struct Layers {
  Index first;
  Index last;
  Index n() const { return last - first + 1; }
};

Layers checked_layers(const ScanOptions& options, const ModelConfig& config) {
  const Index last_of_model = config.n_layers - 1;
  const Layers layers = {options.first_layer,
                         options.last_layer < 0 ? last_of_model : options.last_layer};
  if (layers.first < 0 || layers.first > layers.last || layers.last > last_of_model) {
    const Index first = std::clamp<Index>(layers.first, 0, last_of_model);
    throw ArgumentError(ErrorCode::out_of_range,
                        fmt::format("layers {}:{}, expected a range within 0:{}", layers.first,
                                    layers.last, last_of_model),
                        fmt::format("the nearest is {}:{}", first,
                                    std::clamp<Index>(layers.last, first, last_of_model)));
  }
  return layers;
}

// Which tokens are groups of their own.
struct TokenGroups {
  std::vector<Index> of_token;  // [d_vocab]
  Index n_group = 0;
  double share_own = 0;
};

TokenGroups token_groups(const std::vector<Index>& n_row_of_token, Index n_row, Index most) {
  std::vector<std::size_t> frequent;
  for (std::size_t id = 0; id < n_row_of_token.size(); ++id) {
    if (n_row_of_token[id] >= 2) frequent.push_back(id);
  }
  std::stable_sort(frequent.begin(), frequent.end(), [&](std::size_t a, std::size_t b) {
    return n_row_of_token[a] > n_row_of_token[b];
  });
  frequent.resize(std::min(frequent.size(), static_cast<std::size_t>(most)));
  TokenGroups groups;
  const auto n_own = static_cast<Index>(frequent.size());
  groups.of_token.assign(n_row_of_token.size(), n_own);
  Index n_own_row = 0;
  for (Index g = 0; g < n_own; ++g) {
    const std::size_t id = frequent[static_cast<std::size_t>(g)];
    groups.of_token[id] = g;
    n_own_row += n_row_of_token[id];
  }
  groups.n_group = n_own + (n_own_row < n_row ? 1 : 0);
  groups.share_own = static_cast<double>(n_own_row) / static_cast<double>(n_row);
  return groups;
}

// Rows of one batch by group, and the number of each of these groups in the scan.
struct BatchGroups {
  Groups rows;
  std::vector<Index> group;

  explicit BatchGroups(const std::vector<Index>& group_of_row) : rows(index_groups(group_of_row)) {
    for (Index g = 0; g < rows.n_group; ++g)
      group.push_back(group_of_row[static_cast<std::size_t>(rows.rows(g).front())]);
  }
};

// The rows of a batch that are scanned.
struct BatchRows {
  struct Text {
    Index text;  // among all
    Index first;
    Index n;
  };
  struct Sampled {
    Index row;
    Index slot;
  };
  std::vector<Index> token;     // of the batch
  std::vector<Index> position;  // of that token in its text
  std::vector<Text> texts;
  std::vector<Sampled> sampled;
  BatchGroups tokens;
  BatchGroups positions;
};

// What is kept of kBlockWidth neurons.
template <class T>
class NeuronBlock {
 public:
  NeuronBlock(Index layer, Index first, Index width, Index n_token_group, Index n_position_group,
              Index n_sample)
      : layer_(layer),
        first_(first),
        width_(width),
        moments_(width),
        tokens_(n_token_group, width),
        positions_(n_position_group, width),
        tops_(kScanTopTexts, width),
        sample_({n_sample, width}) {}

  // `values` of the layer, one row for each row of the batch that is scanned.
  void add(MatrixView<const T> values, const BatchRows& rows) {
    const MatrixView<const T> own = values.columns(first_, width_);
    moments_.add_rows(own);
    tokens_.add_rows(own, rows.tokens.rows, rows.tokens.group);
    positions_.add_rows(own, rows.positions.rows, rows.positions.group);
    for (const BatchRows::Text& text : rows.texts) {
      tops_.add_item(
          own.row_range(text.first, text.n), text.text,
          std::span(rows.position)
              .subspan(static_cast<std::size_t>(text.first), static_cast<std::size_t>(text.n)));
    }
    for (const BatchRows::Sampled& sampled : rows.sampled)
      std::ranges::copy(own.row(sampled.row), sample_.matrix().row(sampled.slot).begin());
  }

  void finish(std::span<NeuronStatistics> neurons) {
    const auto by_token = tokens_.explained(moments_);
    const auto by_position = positions_.explained(moments_);
    const Tensor<double> quantiles = quantiles_of_columns<T>(sample_.matrix(), kScanQuantiles);
    for (Index j = 0; j < width_; ++j) {
      NeuronStatistics& neuron = neurons[static_cast<std::size_t>(j)];
      neuron.layer = layer_;
      neuron.neuron = first_ + j;
      neuron.mean = *moments_.mean(j);
      neuron.sd = moments_.sd(j);
      neuron.min = *moments_.min(j);
      neuron.max = *moments_.max(j);
      neuron.skewness = moments_.skewness(j);
      neuron.share_positive = *moments_.share_positive(j);
      neuron.by_token = by_token[static_cast<std::size_t>(j)];
      neuron.by_position = by_position[static_cast<std::size_t>(j)];
      neuron.top = tops_.top(j);
      for (std::size_t q = 0; q < kScanQuantiles.size(); ++q)
        neuron.quantiles[q] = quantiles.matrix()(static_cast<Index>(q), j);
      if (const auto variance = moments_.variance(j))
        neuron.score = *variance * std::log1p(neuron.max - neuron.min);
    }
  }

  Index first() const { return first_; }
  Index width() const { return width_; }

 private:
  Index layer_;
  Index first_;
  Index width_;
  ColumnMoments moments_;
  ColumnGroupSums tokens_;
  ColumnGroupSums positions_;
  ColumnTops tops_;
  Tensor<T> sample_;  // [sampled row, neuron]
};

template <class T>
[[noreturn]] void throw_not_finite(MatrixView<const T> values, Index layer, const BatchRows& rows,
                                   const NumericError& error) {
  for (const BatchRows::Text& text : rows.texts) {
    for (Index i = text.first; i < text.first + text.n; ++i) {
      for (Index j = 0; j < values.cols; ++j) {
        if (std::isfinite(values(i, j))) continue;
        throw NumericError(
            fmt::format("scan: \"blocks.{}.mlp.hook_post[{}]\" is {} at position {} of text {}",
                        layer, j, values(i, j), rows.position[static_cast<std::size_t>(i)],
                        text.text),
            "gnomon model show names the file; its weights led to an overflow");
      }
    }
  }
  throw NumericError(fmt::format("scan: layer {}: {}", layer, error.what()));
}

template <class T>
class Scanner {
 public:
  Scanner(const Model& model, std::span<const std::vector<TokenId>> texts,
          const ScanOptions& options)
      : model_(model),
        config_(model.config()),
        texts_(texts),
        options_(options),
        layers_(checked_layers(options, config_)) {
    std::vector<Index> n_row_of_token(static_cast<std::size_t>(config_.d_vocab));
    Index longest = 0;
    Index n_own_position = 0;
    for (const std::vector<TokenId>& ids : texts) {
      n_token_ += static_cast<Index>(ids.size());
      longest = std::max(longest, static_cast<Index>(ids.size()));
      for (const Index p : resolve_position(options.position, static_cast<Index>(ids.size()))) {
        ++n_row_of_token[static_cast<std::size_t>(ids[static_cast<std::size_t>(p)])];
        n_own_position += p < kScanOwnPositions ? 1 : 0;
        ++n_row_;
      }
    }
    token_groups_ = token_groups(n_row_of_token, n_row_, options.n_token_groups);
    n_position_group_ = scan_position_group(longest - 1) + 1;
    share_own_position_ = static_cast<double>(n_own_position) / static_cast<double>(n_row_);
    Random random(options.seed, "scan sampled rows");
    sampled_ = sample_rows(n_row_, options.n_sample_rows, random);
    for (Index layer = layers_.first; layer <= layers_.last; ++layer) {
      for (Index first = 0; first < config_.d_mlp; first += kBlockWidth) {
        blocks_.emplace_back(layer, first, std::min(kBlockWidth, config_.d_mlp - first),
                             token_groups_.n_group, n_position_group_,
                             static_cast<Index>(sampled_.size()));
      }
    }
  }

  NeuronScan run() {
    Index n_done = 0;
    for (std::size_t first = 0; first < texts_.size();) {
      check_interrupted();
      const std::size_t last = batch_end(texts_, first, options_.run.batch_tokens);
      const PackedBatch batch = pack(texts_.subspan(first, last - first));
      run_batch(batch, static_cast<Index>(first));
      first = last;
      n_done += batch.n_token();
      if (options_.run.progress) options_.run.progress(n_done, n_token_);
    }
    return result();
  }

 private:
  void run_batch(const PackedBatch& batch, Index texts_before) {
    const BatchRows rows = rows_of(batch, texts_before);
    Hooks<T> hooks;
    for (Index layer = layers_.first; layer <= layers_.last; ++layer) {
      hooks.add(HookKind::mlp_post, layer, [&](const HookContext& context, MatrixView<T> values) {
        add(context, values, rows);
      });
    }
    const std::span<const Index> kept =
        options_.position.kind == Position::Kind::all ? std::span<const Index>{} : rows.token;
    run_forward<T>(config_, model_.weights<T>(), batch, hooks, kept, options_.run.backend);
  }

  BatchRows rows_of(const PackedBatch& batch, Index texts_before) {
    std::vector<Index> tokens;
    std::vector<Index> positions;
    std::vector<Index> token_group;
    std::vector<Index> position_group;
    std::vector<BatchRows::Text> texts;
    for (Index t = 0; t < batch.n_text(); ++t) {
      const auto first = static_cast<Index>(tokens.size());
      for (const Index p : resolve_position(options_.position, batch.length(t))) {
        const Index token = batch.offset[static_cast<std::size_t>(t)] + p;
        const TokenId id = batch.ids[static_cast<std::size_t>(token)];
        tokens.push_back(token);
        positions.push_back(p);
        token_group.push_back(token_groups_.of_token[static_cast<std::size_t>(id)]);
        position_group.push_back(scan_position_group(p));
      }
      texts.push_back({texts_before + t, first, static_cast<Index>(tokens.size()) - first});
    }
    std::vector<BatchRows::Sampled> sampled;
    const Index end = n_row_done_ + static_cast<Index>(tokens.size());
    for (; n_sampled_ < sampled_.size() && sampled_[n_sampled_] < end; ++n_sampled_)
      sampled.push_back({sampled_[n_sampled_] - n_row_done_, static_cast<Index>(n_sampled_)});
    n_row_done_ = end;
    return {std::move(tokens),  std::move(positions),     std::move(texts),
            std::move(sampled), BatchGroups(token_group), BatchGroups(position_group)};
  }

  void add(const HookContext& context, MatrixView<const T> values, const BatchRows& rows) {
    const auto n_row = static_cast<Index>(rows.token.size());
    if (values.rows != n_row) values = gathered(values, rows.token);
    const Index per_layer = n_block_of_layer();
    const Index first_block = (context.layer - layers_.first) * per_layer;
    std::vector<std::optional<NumericError>> failures(static_cast<std::size_t>(per_layer));
    parallel_for(0, per_layer, 1, [&](Index first, Index last) {
      for (Index b = first; b < last; ++b) {
        try {
          blocks_[static_cast<std::size_t>(first_block + b)].add(values, rows);
        } catch (const NumericError& error) {
          failures[static_cast<std::size_t>(b)] = error;
        }
      }
    });
    // Whichever thread met one first: the message is the same.
    for (const auto& failure : failures) {
      if (failure) throw_not_finite<T>(values, context.layer, rows, *failure);
    }
  }

  MatrixView<const T> gathered(MatrixView<const T> values, std::span<const Index> rows) {
    gathered_.resize(rows.size() * static_cast<std::size_t>(values.cols));
    const MatrixView<T> to(gathered_.data(), static_cast<Index>(rows.size()), values.cols);
    for (std::size_t i = 0; i < rows.size(); ++i)
      std::ranges::copy(values.row(rows[i]), to.row(static_cast<Index>(i)).begin());
    return to;
  }

  Index n_block_of_layer() const { return (config_.d_mlp + kBlockWidth - 1) / kBlockWidth; }

  NeuronScan result() {
    NeuronScan scan;
    scan.config = config_;
    scan.first_layer = layers_.first;
    scan.last_layer = layers_.last;
    scan.position = options_.position;
    scan.precision = options_.precision;
    scan.seed = options_.seed;
    scan.n_text = static_cast<Index>(texts_.size());
    scan.n_row = n_row_;
    scan.n_sampled_row = static_cast<Index>(sampled_.size());
    scan.token = {token_groups_.n_group, token_groups_.share_own};
    scan.position_groups = {n_position_group_, share_own_position_};
    scan.neurons.resize(static_cast<std::size_t>(layers_.n() * config_.d_mlp));
    const std::span<NeuronStatistics> neurons(scan.neurons);
    parallel_for(0, static_cast<Index>(blocks_.size()), 1, [&](Index first, Index last) {
      for (Index b = first; b < last; ++b) {
        NeuronBlock<T>& block = blocks_[static_cast<std::size_t>(b)];
        const Index layer = b / n_block_of_layer();
        block.finish(
            neurons.subspan(static_cast<std::size_t>(layer * config_.d_mlp + block.first()),
                            static_cast<std::size_t>(block.width())));
      }
    });
    return scan;
  }

  const Model& model_;
  const ModelConfig& config_;
  std::span<const std::vector<TokenId>> texts_;
  const ScanOptions& options_;
  Layers layers_;
  Index n_token_ = 0;
  Index n_row_ = 0;
  TokenGroups token_groups_;
  Index n_position_group_ = 0;
  double share_own_position_ = 0;
  std::vector<Index> sampled_;  // rows of the whole scan, ascending
  std::size_t n_sampled_ = 0;   // of these, how many have passed
  Index n_row_done_ = 0;
  std::vector<NeuronBlock<T>> blocks_;  // layer by layer
  std::vector<T> gathered_;
};

// Rank in the layer and standardised score.
void compare_in_layer(std::span<NeuronStatistics> neurons) {
  std::vector<std::size_t> order(neurons.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (!neurons.front().score) return;  // one row: no variance anywhere
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return *neurons[a].score < *neurons[b].score;
  });
  const auto largest_rank = static_cast<double>(std::max<std::size_t>(neurons.size() - 1, 1));
  for (std::size_t i = 0; i < order.size(); ++i)
    neurons[order[i]].layer_quantile = static_cast<double>(i) / largest_rank;
  std::vector<double> logs;
  for (const NeuronStatistics& neuron : neurons) {
    if (*neuron.score > 0) logs.push_back(std::log(*neuron.score));
  }
  ColumnMoments moments(1);
  moments.add_rows(MatrixView<const double>(logs.data(), static_cast<Index>(logs.size()), 1));
  const std::optional<double> sd = moments.sd(0);
  if (!sd || *sd == 0) return;
  for (NeuronStatistics& neuron : neurons) {
    if (*neuron.score > 0) neuron.standardised = (std::log(*neuron.score) - *moments.mean(0)) / *sd;
  }
}

template <class T>
NeuronScan scan_in(const Model& model, std::span<const std::vector<TokenId>> texts,
                   const ScanOptions& options) {
  NeuronScan scan = Scanner<T>(model, texts, options).run();
  const auto width = static_cast<std::size_t>(scan.config.d_mlp);
  for (std::size_t first = 0; first < scan.neurons.size(); first += width)
    compare_in_layer(std::span(scan.neurons).subspan(first, width));
  return scan;
}

}  // namespace

Index scan_position_group(Index position) {
  if (position < kScanOwnPositions) return position;
  const auto octave_of = [](Index p) {
    return static_cast<Index>(std::bit_width(static_cast<std::uint64_t>(p))) - 1;
  };
  const Index octave = octave_of(position);
  const Index half = (position >> (octave - 1)) & 1;
  return kScanOwnPositions + 2 * (octave - octave_of(kScanOwnPositions)) + half;
}

NeuronScan scan_neurons(const Model& model, std::span<const std::vector<TokenId>> texts,
                        const ScanOptions& options) {
  if (texts.empty())
    throw ArgumentError(ErrorCode::bad_data, "scan: no texts, expected at least 1");
  check_texts(texts, model.config());
  if (options.position.kind == Position::Kind::index) {
    throw ArgumentError(fmt::format("scan: position \"{}\", expected @all or @last",
                                    position_name(options.position)));
  }
  return options.precision == Precision::float32 ? scan_in<float>(model, texts, options)
                                                 : scan_in<double>(model, texts, options);
}

}  // namespace gnomon
