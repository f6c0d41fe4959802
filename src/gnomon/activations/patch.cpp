// SPDX-License-Identifier: Apache-2.0
#include "gnomon/activations/patch.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "gnomon/activations/capture.h"
#include "gnomon/activations/detail/clean_runs.h"
#include "gnomon/base/error.h"
#include "gnomon/base/interrupt.h"
#include "gnomon/base/random.h"

namespace gnomon {
namespace {

using detail::CleanNeeds;
using detail::CleanRuns;
using detail::order_of;
using detail::PatchStart;
using detail::PointKey;
using detail::StreamKey;

template <class T>
T edited(EditMode mode, T old, T value) {
  if (mode == EditMode::set) return value;
  return mode == EditMode::add ? old + value : old * value;
}

// The row of the patched site after the change.
template <class T>
void edit_row(const Patch<T>& patch, const std::vector<T>& values, std::span<T> row) {
  const bool one = values.size() == 1;
  if (patch.site.coordinate) {
    T& cell = row[static_cast<std::size_t>(*patch.site.coordinate)];
    cell = edited(patch.mode, cell, values.front());
    return;
  }
  for (std::size_t i = 0; i < row.size(); ++i)
    row[i] = edited(patch.mode, row[i], values[one ? 0 : i]);
}

// Calls `each` with the position and values of every patched token.
template <class T, class Each>
void for_tokens(const Patch<T>& patch, const Each& each) {
  each(patch.position, patch.values);
  for (const PatchedToken<T>& token : patch.more) each(token.position, token.values);
}

// A patch and what was found out about it beforehand.
struct Planned {
  std::size_t patch;  // among all
  PatchStart start;
  Index first;  // token at which the changed run begins
};

template <class T>
class PatchRun {
 public:
  PatchRun(const Model& model, std::span<const std::vector<TokenId>> texts,
           std::span<const Patch<T>> patches, const PatchReadOut& read_out,
           const PatchOptions& options)
      : model_(model),
        config_(model.config()),
        texts_(texts),
        patches_(patches),
        site_(read_out.site),
        columns_(read_out.columns),
        options_(options) {
    check();
    if (columns_.empty()) {
      columns_.resize(static_cast<std::size_t>(read_width_));
      std::iota(columns_.begin(), columns_.end(), Index{0});
    }
  }

  PatchResult<T> run() {
    plan();
    const auto n_column = static_cast<Index>(columns_.size());
    result_.values = Tensor<T>({static_cast<Index>(patches_.size()), n_column});
    result_.effects.resize(patches_.size());
    result_.clean_row.resize(patches_.size());
    for (std::size_t p = 0; p < patches_.size(); ++p) {
      const auto found = clean_rows_.try_emplace({patches_[p].text, patches_[p].read_position},
                                                 static_cast<Index>(clean_rows_.size()));
      result_.clean_row[p] = found.first->second;
    }
    result_.clean = Tensor<T>({static_cast<Index>(clean_rows_.size()), n_column});
    for (auto text = by_text_.cbegin(); text != by_text_.cend();) text = run_chunk(text);
    for (const T value : result_.values.values()) {
      if (!std::isfinite(value))
        throw NumericError(
            fmt::format("run_patches: a read-out of \"{}\" is not finite",
                        site_name(site_, config_)),
            "a patched value far outside of its range overflows: choose a smaller one");
    }
    return std::move(result_);
  }

 private:
  using ByText = std::map<Index, std::vector<std::size_t>>;

  void check() {
    check_site(site_, config_);
    if (site_.coordinate || is_pairs(site_))
      throw ArgumentError(ErrorCode::wrong_site,
                          fmt::format("run_patches: cannot read \"{}\": a site's row is read",
                                      site_name(site_, config_)),
                          "name columns for single numbers");
    read_width_ = site_width(site_.kind, config_);
    for (const Index column : columns_) {
      if (column < 0 || column >= read_width_)
        throw ArgumentError(ErrorCode::out_of_range,
                            fmt::format("run_patches: column {} of \"{}\", expected 0 to {}",
                                        column, site_name(site_, config_), read_width_ - 1));
    }
    std::vector<bool> checked(texts_.size());
    for (const Patch<T>& patch : patches_) {
      check_patch(patch);
      const auto text = static_cast<std::size_t>(patch.text);
      if (!checked[text]) check_texts(texts_.subspan(text, 1), config_);
      checked[text] = true;
    }
  }

  void check_patch(const Patch<T>& patch) const {
    check_site(patch.site, config_);
    const std::string name = site_name(patch.site, config_);
    if (block_of(patch.site, config_) < 0 || is_pairs(patch.site)) {
      throw ArgumentError(ErrorCode::wrong_site,
                          fmt::format("run_patches: cannot patch \"{}\"", name),
                          "patch blocks.0.hook_resid_pre for embeddings, hook_z for heads; scores "
                          "and patterns take edits of gnomon/activations/edit.h");
    }
    if (patch.text < 0 || patch.text >= static_cast<Index>(texts_.size()))
      throw ArgumentError(ErrorCode::out_of_range,
                          fmt::format("run_patches: text {}, expected 0 to {}", patch.text,
                                      static_cast<Index>(texts_.size()) - 1));
    const auto n_token = static_cast<Index>(texts_[static_cast<std::size_t>(patch.text)].size());
    const auto check_token = [&](Index position) {
      if (position < 0 || position >= n_token)
        throw ArgumentError(ErrorCode::out_of_range,
                            fmt::format("run_patches: token {} of text {}, which has {}", position,
                                        patch.text, n_token));
    };
    check_token(patch.read_position);
    if (patch.mode == EditMode::replace || patch.mode == EditMode::call)
      throw ArgumentError(fmt::format("run_patches: mode {} at \"{}\", expected set, add or scale",
                                      patch.mode == EditMode::replace ? "replace" : "call", name));
    const Index width = patch.site.coordinate ? 1 : site_width(patch.site.kind, config_);
    Index before = -1;
    for_tokens(patch, [&](Index position, const std::vector<T>& values) {
      check_token(position);
      if (position <= before)
        throw ArgumentError(
            fmt::format("run_patches: token {} of \"{}\" after token {}, expected them to ascend",
                        position, name, before));
      before = position;
      const auto n = static_cast<Index>(values.size());
      if (n != 1 && n != width)
        throw ArgumentError(
            fmt::format("run_patches: {} values for \"{}\", expected 1 or {}", n, name, width));
      if (!std::ranges::all_of(values, [](T value) { return std::isfinite(value); }))
        throw ArgumentError(fmt::format("run_patches: a value for \"{}\" is not finite", name));
    });
  }

  // The sites whose rows, added in this order with the change of the patched one, are the start's
  // stream: as the forward pass adds them. Empty where the stream itself is patched.
  std::vector<HookKind> summands(HookKind kind) const {
    if (kind != HookKind::mlp_out && kind != HookKind::attn_out) return {};
    if (config_.parallel_block) return {HookKind::resid_pre, HookKind::attn_out, HookKind::mlp_out};
    return {kind == HookKind::mlp_out ? HookKind::resid_mid : HookKind::resid_pre, kind};
  }

  PointKey point_of(const Patch<T>& patch, HookKind kind, Index position) const {
    return {block_of(patch.site, config_), kind, patch.text, position};
  }

  // Where the changed run begins, or nothing where no patched token reaches the read-out. Without
  // attention in between only the token that is read does.
  std::optional<Planned> plan_of(std::size_t p) const {
    const Patch<T>& patch = patches_[p];
    if (order_of(patch.site, config_) > order_of(site_, config_)) return std::nullopt;
    const PatchStart start = detail::patch_start(patch.site, site_, config_);
    const bool mixes = detail::passes_attention(start, site_, config_);
    std::optional<Index> first;
    for_tokens(patch, [&](Index position, const std::vector<T>&) {
      if (!first && (mixes ? position <= patch.read_position : position == patch.read_position))
        first = position;
    });
    if (!first) return std::nullopt;
    return Planned{p, start, *first};
  }

  // The patched tokens of a planned run, by their positions in it.
  template <class Each>
  void for_run_tokens(const Planned& planned, const Each& each) const {
    const Patch<T>& patch = patches_[planned.patch];
    for_tokens(patch, [&](Index position, const std::vector<T>& values) {
      if (position >= planned.first && position <= patch.read_position) each(position, values);
    });
  }

  void plan() {
    starts_.resize(patches_.size());
    const Index last_block = std::min(block_of(site_, config_), config_.n_layers - 1);
    for (std::size_t p = 0; p < patches_.size(); ++p) {
      by_text_[patches_[p].text].push_back(p);
      starts_[p] = plan_of(p);
      if (!starts_[p]) continue;
      const PatchStart& start = starts_[p]->start;
      shared_.streams[{start.layer, start.at}] =
          detail::is_start_stream(start, site_) && site_.kind == HookKind::resid_post;
      if (detail::is_start_stream(start, site_) || starts_[p]->first == 0) continue;
      for (Index layer = detail::first_attention(start); layer <= last_block; ++layer)
        shared_.key_layers.insert(layer);
    }
  }

  void add_needs(const std::vector<std::size_t>& patches, CleanNeeds& needs) const {
    for (const std::size_t p : patches) {
      const Patch<T>& patch = patches_[p];
      for_tokens(patch, [&](Index position, const std::vector<T>&) {
        needs.points.insert(point_of(patch, patch.site.kind, position));
        if (!starts_[p] || starts_[p]->start.by_hook) return;
        for (const HookKind summand : summands(patch.site.kind))
          needs.points.insert(point_of(patch, summand, position));
      });
      needs.reads.insert({patch.text, patch.read_position});
    }
  }

  // As many texts from `first` on as fit the budget.
  ByText::const_iterator run_chunk(ByText::const_iterator first) {
    CleanNeeds needs = shared_;
    std::vector<Index> texts;
    std::vector<Planned> planned;
    Index bytes = 0;
    auto text = first;
    for (; text != by_text_.end(); ++text) {
      CleanNeeds own = shared_;
      add_needs(text->second, own);
      const Index more = CleanRuns<T>::bytes_of(
          config_, own, static_cast<Index>(texts_[static_cast<std::size_t>(text->first)].size()),
          read_width_);
      if (more > options_.memory_budget) {
        throw Error(ErrorCode::out_of_resources,
                    fmt::format("run_patches: text {} needs {} bytes, the budget is {}",
                                text->first, more, options_.memory_budget),
                    "raise the budget, or patch fewer sites and tokens at a time");
      }
      if (!texts.empty() && bytes + more > options_.memory_budget) break;
      bytes += more;
      add_needs(text->second, needs);
      texts.push_back(text->first);
      for (const std::size_t p : text->second) {
        if (starts_[p]) planned.push_back(*starts_[p]);
      }
    }
    result_.held_bytes = std::max(result_.held_bytes, bytes);
    const CleanRuns<T> clean(model_, texts_, texts, needs, site_, options_);
    for (auto t = first; t != text; ++t) {
      for (const std::size_t p : t->second) record_clean(p, clean);
    }
    std::ranges::stable_sort(planned, {}, &Planned::start);
    for (std::size_t begin = 0; begin < planned.size();) {
      check_interrupted();
      std::size_t end = begin;
      Index n_token = 0;
      do {
        n_token += n_run_tokens(planned[end++]);
      } while (end < planned.size() && planned[end].start == planned[begin].start &&
               n_token + n_run_tokens(planned[end]) <= options_.batch_tokens);
      run_batch(std::span<const Planned>(planned).subspan(begin, end - begin), clean);
      begin = end;
    }
    for (auto t = first; t != text; ++t) n_done_ += static_cast<Index>(t->second.size());
    if (options_.progress) options_.progress(n_done_, static_cast<Index>(patches_.size()));
    return text;
  }

  void write(std::size_t patch, std::span<const T> row) {
    const std::span<T> to = result_.values.matrix().row(static_cast<Index>(patch));
    for (std::size_t c = 0; c < columns_.size(); ++c)
      to[c] = row[static_cast<std::size_t>(columns_[c])];
  }

  // The clean read-out, also as the changed one until that is known, and the change at the site.
  void record_clean(std::size_t p, const CleanRuns<T>& clean) {
    const Patch<T>& patch = patches_[p];
    write(p, clean.read(patch.text, patch.read_position));
    std::ranges::copy(result_.values.matrix().row(static_cast<Index>(p)),
                      result_.clean.matrix().row(result_.clean_row[p]).begin());
    PatchEffect& effect = result_.effects[p];
    effect.reaches = starts_[p].has_value();
    double squares = 0;
    for_tokens(patch, [&](Index position, const std::vector<T>& values) {
      const std::span<const T> old = clean.point(point_of(patch, patch.site.kind, position));
      std::vector<T> row(old.begin(), old.end());
      edit_row<T>(patch, values, row);
      for (std::size_t i = 0; i < row.size(); ++i) {
        const double change = static_cast<double>(row[i]) - static_cast<double>(old[i]);
        squares += change * change;
        effect.largest_change = std::max(effect.largest_change, std::abs(change));
      }
      if (!patch.site.coordinate || position != patch.position) return;
      const auto c = static_cast<std::size_t>(*patch.site.coordinate);
      effect.old_value = static_cast<double>(old[c]);
      effect.new_value = static_cast<double>(row[c]);
    });
    effect.change_norm = std::sqrt(squares);
  }

  Index n_run_tokens(const Planned& planned) const {
    return patches_[planned.patch].read_position - planned.first + 1;
  }

  // The stream's row at a patched token with the change made.
  void change_stream(const Patch<T>& patch, Index position, const std::vector<T>& values,
                     const CleanRuns<T>& clean, std::span<T> row) const {
    const std::span<const T> old = clean.point(point_of(patch, patch.site.kind, position));
    if (patch.site.kind == HookKind::mlp_post) {
      const auto neuron = static_cast<std::size_t>(*patch.site.coordinate);
      const double delta = static_cast<double>(edited(patch.mode, old[neuron], values.front())) -
                           static_cast<double>(old[neuron]);
      if (delta == 0) return;
      const WeightView<T>& w_out = model_.weights<T>().block(patch.site.layer).down_proj.weight;
      for (std::size_t c = 0; c < row.size(); ++c) {
        row[c] = static_cast<T>(
            static_cast<double>(row[c]) +
            delta * static_cast<double>(w_out(*patch.site.coordinate, static_cast<Index>(c))));
      }
      return;
    }
    const std::vector<HookKind> terms = summands(patch.site.kind);
    if (terms.empty()) return edit_row<T>(patch, values, row);
    std::vector<T> changed(old.begin(), old.end());
    edit_row<T>(patch, values, changed);
    for (const HookKind term : terms) {
      const std::span<const T> values_of = term == patch.site.kind
                                               ? std::span<const T>(changed)
                                               : clean.point(point_of(patch, term, position));
      for (std::size_t c = 0; c < row.size(); ++c)
        row[c] = term == terms.front() ? values_of[c] : row[c] + values_of[c];
    }
  }

  void run_batch(std::span<const Planned> batch, const CleanRuns<T>& clean) {
    const PatchStart& start = batch.front().start;
    Index n_token = 0;
    for (const Planned& planned : batch) n_token += n_run_tokens(planned);
    const MatrixView<T> stream = stream_.resize(n_token, config_.d_model);
    const MatrixView<const T> from = clean.stream({start.layer, start.at});
    PackedBatch packed;
    packed.offset.push_back(0);
    std::vector<EarlierTokens> earlier;
    std::vector<Index> read_rows;
    for (const Planned& planned : batch) {
      const Patch<T>& patch = patches_[planned.patch];
      const Index first_row = clean.first_row(patch.text);
      const Index first = packed.n_token();
      for (Index p = planned.first; p <= patch.read_position; ++p) {
        packed.ids.push_back(
            texts_[static_cast<std::size_t>(patch.text)][static_cast<std::size_t>(p)]);
        packed.position.push_back(p);
        packed.text.push_back(packed.n_text());
        std::ranges::copy(from.row(first_row + p), stream.row(first + p - planned.first).begin());
      }
      packed.offset.push_back(packed.n_token());
      earlier.push_back({planned.first, first_row});
      read_rows.push_back(packed.n_token() - 1);
      if (start.by_hook) continue;
      for_run_tokens(planned, [&](Index position, const std::vector<T>& values) {
        change_stream(patch, position, values, clean, stream.row(first + position - planned.first));
      });
    }
    if (detail::is_start_stream(start, site_)) {
      for (std::size_t i = 0; i < batch.size(); ++i)
        write(batch[i].patch, stream.row(read_rows[i]));
      return;
    }
    Hooks<T> hooks;
    if (start.by_hook) add_edits(hooks, batch, packed);
    hooks.add(site_.kind, site_.layer, [&](const HookContext& context, MatrixView<T> values) {
      for (std::size_t i = 0; i < batch.size(); ++i)
        write(batch[i].patch, values.row(context.row_of(read_rows[i])));
    });
    const bool all_begin =
        std::ranges::all_of(earlier, [](const EarlierTokens& e) { return e.n_token == 0; });
    StreamStart<T> at{start.layer, stream, start.at};
    if (!all_begin && detail::first_attention(start) < config_.n_layers) {
      at.earlier = earlier;
      at.earlier_keys = clean.keys();
      at.earlier_values = clean.values();
    }
    run_forward<T>(config_, model_.weights<T>(), packed, hooks, read_rows, options_.backend, &at);
    result_.n_token_run += packed.n_token();
  }

  void add_edits(Hooks<T>& hooks, std::span<const Planned> batch, const PackedBatch& packed) const {
    const Site& site = patches_[batch.front().patch].site;
    hooks.add(site.kind, site.layer, [&, this](const HookContext& context, MatrixView<T> values) {
      for (std::size_t i = 0; i < batch.size(); ++i) {
        for_run_tokens(batch[i], [&](Index position, const std::vector<T>& written) {
          const Index token = packed.offset[i] + position - batch[i].first;
          const auto found = std::ranges::lower_bound(context.rows, token);
          // In the last block a token that is not read is no longer computed here.
          if (found == context.rows.end() || *found != token) return;
          edit_row<T>(patches_[batch[i].patch], written, values.row(found - context.rows.begin()));
        });
      }
    });
  }

  const Model& model_;
  const ModelConfig& config_;
  std::span<const std::vector<TokenId>> texts_;
  std::span<const Patch<T>> patches_;
  Site site_;
  std::vector<Index> columns_;
  PatchOptions options_;
  Index read_width_ = 0;

  std::vector<std::optional<Planned>> starts_;  // empty where a patch cannot reach the read-out
  ByText by_text_;
  CleanNeeds shared_;  // streams and layers, the same for all texts
  std::map<std::pair<Index, Index>, Index> clean_rows_;
  Buffer<T> stream_;
  Index n_done_ = 0;
  PatchResult<T> result_;
};

}  // namespace

template <class T>
PatchResult<T> run_patches(const Model& model, std::span<const std::vector<TokenId>> texts,
                           std::span<const Patch<T>> patches, const PatchReadOut& read_out,
                           const PatchOptions& options) {
  return PatchRun<T>(model, texts, patches, read_out, options).run();
}

template <class T>
PatchRecheck recheck_patches(const Model& model, std::span<const std::vector<TokenId>> texts,
                             std::span<const Patch<T>> patches, const PatchReadOut& read_out,
                             const PatchResult<T>& result, Index n, std::uint64_t seed) {
  std::vector<Index> drawn(patches.size());
  std::iota(drawn.begin(), drawn.end(), Index{0});
  Random random(seed, "patch/recheck");
  random.shuffle(drawn);
  if (static_cast<Index>(drawn.size()) > n) drawn.resize(static_cast<std::size_t>(n));
  PatchRecheck check;
  for (const Index p : drawn) {
    const Patch<T>& patch = patches[static_cast<std::size_t>(p)];
    std::vector<Edit<T>> edits;
    for_tokens(patch, [&](Index position, const std::vector<T>& values) {
      edits.push_back({{patch.site, {Position::Kind::index, position}}, patch.mode, values});
      edits.back().may_change_nothing = true;
    });
    const SiteAt at{read_out.site, {Position::Kind::index, patch.read_position}};
    const auto plain = capture<T>(model, texts.subspan(static_cast<std::size_t>(patch.text), 1),
                                  {&at, 1}, edits, {});
    const std::span<const T> row = plain.activations.front().values.values();
    const std::span<const T> patched = result.values.matrix().row(p);
    double difference = 0;
    double magnitude = 0;
    for (std::size_t c = 0; c < patched.size(); ++c) {
      const auto column =
          read_out.columns.empty() ? c : static_cast<std::size_t>(read_out.columns[c]);
      const double value = static_cast<double>(row[column]);
      difference = std::max(difference, std::abs(value - static_cast<double>(patched[c])));
      magnitude = std::max(magnitude, std::abs(value));
    }
    ++check.n;
    check.largest_difference = std::max(check.largest_difference, difference);
    check.largest_value = std::max(check.largest_value, magnitude);
    if (difference > 0)
      check.largest_relative = std::max(check.largest_relative, difference / magnitude);
  }
  return check;
}

template <class T>
double patch_tolerance(const ModelConfig& config) {
  // Higham and Mary 2019, theorem 2.4, as in analyses/rounding.h: 8 sqrt(n) u, once in the patched
  // block and once for every block that may follow.
  return 8 * std::sqrt(static_cast<double>(config.d_mlp)) *
         static_cast<double>(std::numeric_limits<T>::epsilon()) / 2 *
         static_cast<double>(config.n_layers);
}

template PatchResult<float> run_patches<float>(const Model&, std::span<const std::vector<TokenId>>,
                                               std::span<const Patch<float>>, const PatchReadOut&,
                                               const PatchOptions&);
template PatchResult<double> run_patches<double>(const Model&,
                                                 std::span<const std::vector<TokenId>>,
                                                 std::span<const Patch<double>>,
                                                 const PatchReadOut&, const PatchOptions&);
template PatchRecheck recheck_patches<float>(const Model&, std::span<const std::vector<TokenId>>,
                                             std::span<const Patch<float>>, const PatchReadOut&,
                                             const PatchResult<float>&, Index, std::uint64_t);
template PatchRecheck recheck_patches<double>(const Model&, std::span<const std::vector<TokenId>>,
                                              std::span<const Patch<double>>, const PatchReadOut&,
                                              const PatchResult<double>&, Index, std::uint64_t);
template double patch_tolerance<float>(const ModelConfig&);
template double patch_tolerance<double>(const ModelConfig&);

}  // namespace gnomon
