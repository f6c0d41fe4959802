// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/patch_sweep.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "gnomon/activations/capture.h"
#include "gnomon/activations/gradients.h"
#include "gnomon/analyses/detail/sweep_statistics.h"
#include "gnomon/base/error.h"
#include "gnomon/base/interrupt.h"
#include "gnomon/base/random.h"
#include "gnomon/stats/groups.h"

namespace gnomon {
namespace {

using detail::SweepEffects;

using SiteKey = std::pair<Index, HookKind>;  // layer and kind

SiteKey key_of(const Site& site) { return {site.layer, site.kind}; }

template <class T>
Index bits_that_differ(std::span<const T> a, std::span<const T> b) {
  Index n = 0;
  for (std::size_t c = 0; c < a.size(); ++c) n += std::memcmp(&a[c], &b[c], sizeof(T)) == 0 ? 0 : 1;
  return n;
}

template <class T>
class SweepRun {
 public:
  SweepRun(const Model& model, std::span<const std::vector<TokenId>> texts,
           std::span<const SweepCase> cases, std::span<const SweepCell> cells,
           const SweepMetric<T>& metric, const SweepOptions& options)
      : model_(model),
        config_(model.config()),
        texts_(texts),
        cases_(cases),
        metric_(metric),
        options_(options) {
    check(cells);
    sweep_.direction = options.direction;
    sweep_.metric = metric.kind;
    sweep_.read_out = site_name(metric.read_out.site, config_);
    sweep_.definition = metric.definition;
    sweep_.n_case = n_case();
    sweep_.bootstrap = options.bootstrap;
    sweep_.n_flip = options.n_flip;
    for (const SweepCase& pair : cases_) group_.push_back(pair.group);
    sweep_.n_group = index_groups(group_).n_group;
    for (const SweepCell& cell : cells) {
      CellEffect effect;
      effect.cell = cell;
      effect.name = sweep_cell_name(cell, config_);
      for (Index i = 0; i < n_case(); ++i) effect.n_case += has(cell, i) ? 1 : 0;
      sweep_.cells.push_back(std::move(effect));
    }
    for (const auto& [layer, kind] : sites_of(all_cells())) row_width_ += site_width(kind, config_);
  }

  PatchSweep run() {
    measure_ends();
    std::vector<std::size_t> chosen = all_cells();
    if (options_.attribution) {
      Tensor<double> effects = nothing();
      for (Index first = 0; first < n_case();) first = approximate_chunk(first, effects);
      detail::approximate_cells(effects, sweep_);
      chosen = detail::choose_cells(sweep_, *options_.attribution, options_.seed);
    }
    for (const std::size_t c : chosen) sweep_.cells[c].exact = true;
    Tensor<double> effects = nothing();
    for (Index first = 0; first < n_case();) first = run_chunk(first, chosen, effects);
    detail::measure_cells(effects, group_, options_, sweep_);
    if (options_.attribution)
      sweep_.attribution = detail::attribution_error(sweep_, chosen, *options_.attribution);
    add_checks();
    return std::move(sweep_);
  }

 private:
  // The texts of some pairs: base of pair i at i, other at n + i; and what they hold at some sites.
  struct Chunk {
    Index first = 0;
    Index n = 0;
    std::vector<std::vector<TokenId>> texts;
    std::vector<Index> first_row;  // of each text
    std::map<SiteKey, Tensor<T>> values;

    Index last() const { return first + n; }
    std::span<const T> row(const Site& site, Index text, Index position) const {
      return values.at(key_of(site))
          .matrix()
          .row(first_row[static_cast<std::size_t>(text)] + position);
    }
  };

  Index n_case() const { return static_cast<Index>(cases_.size()); }
  const SweepCase& pair(Index i) const { return cases_[static_cast<std::size_t>(i)]; }
  bool denoises() const { return options_.direction == SweepDirection::denoising; }
  Index base_text(Index i) const { return denoises() ? pair(i).corrupted : pair(i).clean; }
  Index other_text(Index i) const { return denoises() ? pair(i).clean : pair(i).corrupted; }
  const std::vector<TokenId>& text(Index t) const { return texts_[static_cast<std::size_t>(t)]; }
  Index n_token(Index i) const { return static_cast<Index>(text(pair(i).clean).size()); }
  const SweepCell& cell(std::size_t c) const { return sweep_.cells[c].cell; }

  bool has(const SweepCell& cell, Index i) const {
    if (cell.at.position.kind != Position::Kind::index) return true;
    const Index p = cell.at.position.index;
    return p >= 0 ? p < n_token(i) : -p <= n_token(i);
  }
  static bool is_whole(const SweepCell& cell) {
    return cell.at.position.kind == Position::Kind::all;
  }

  std::vector<std::size_t> all_cells() const {
    std::vector<std::size_t> cells;
    for (std::size_t c = 0; c < sweep_.cells.size(); ++c) cells.push_back(c);
    return cells;
  }

  Tensor<double> nothing() const {
    Tensor<double> effects({n_case(), static_cast<Index>(sweep_.cells.size())});
    std::ranges::fill(effects.values(), std::numeric_limits<double>::quiet_NaN());
    return effects;
  }

  void check(std::span<const SweepCell> cells) const {
    if (cells.empty()) throw ArgumentError("sweep_patches: no cells to patch");
    if (cases_.empty()) throw ArgumentError("sweep_patches: no pairs of texts");
    for (const SweepCell& cell : cells) {
      check_site(cell.at.site, config_);
      if (block_of(cell.at.site, config_) < 0 || is_pairs(cell.at.site))
        throw ArgumentError(
            ErrorCode::wrong_site,
            fmt::format("sweep_patches: cannot patch \"{}\"", sweep_cell_name(cell, config_)),
            "patch blocks.0.hook_resid_pre for embeddings, hook_z for heads");
    }
    const auto n_text = static_cast<Index>(texts_.size());
    for (Index i = 0; i < n_case(); ++i) {
      for (const Index t : {pair(i).clean, pair(i).corrupted}) {
        if (t < 0 || t >= n_text)
          throw ArgumentError(
              ErrorCode::out_of_range,
              fmt::format("sweep_patches: text {} of pair {}, expected 0 to {}", t, i, n_text - 1));
      }
      if (text(pair(i).clean).size() != text(pair(i).corrupted).size())
        throw ArgumentError(
            ErrorCode::bad_data,
            fmt::format("sweep_patches: the texts of pair {} have {} and {} tokens", i,
                        text(pair(i).clean).size(), text(pair(i).corrupted).size()),
            "texts of a pair have the same number of tokens");
      if (pair(i).read_position < 0 || pair(i).read_position >= n_token(i))
        throw ArgumentError(ErrorCode::out_of_range,
                            fmt::format("sweep_patches: token {} of pair {}, which has {}",
                                        pair(i).read_position, i, n_token(i)));
    }
  }

  std::set<SiteKey> sites_of(const std::vector<std::size_t>& cells) const {
    std::set<SiteKey> sites;
    for (const std::size_t c : cells) sites.insert(key_of(cell(c).at.site));
    return sites;
  }

  // The read-out's row of each text. `stored_of` gives, for some of the texts by their numbers,
  // what replaces a site in them; empty for unchanged runs. One whole run for each distance of the
  // read token from the end, since a run reads all its texts at one.
  template <class StoredOf>
  Tensor<T> read_rows(std::span<const std::vector<TokenId>> texts,
                      std::span<const Index> read_position, const StoredOf& stored_of) const {
    const std::vector<Index>& columns = metric_.read_out.columns;
    const Index width = columns.empty() ? site_width(metric_.read_out.site.kind, config_)
                                        : static_cast<Index>(columns.size());
    Tensor<T> rows({static_cast<Index>(texts.size()), width});
    std::map<Index, std::vector<Index>> by_distance;
    for (std::size_t t = 0; t < texts.size(); ++t)
      by_distance[read_position[t] - static_cast<Index>(texts[t].size())].push_back(
          static_cast<Index>(t));
    for (const auto& [from_end, members] : by_distance) {
      std::vector<std::vector<TokenId>> some;
      for (const Index t : members) some.push_back(texts[static_cast<std::size_t>(t)]);
      const SiteAt at{metric_.read_out.site, {Position::Kind::index, from_end}};
      const std::optional<Activations<T>> stored = stored_of(members);
      std::vector<Edit<T>> edits;
      if (stored) {
        edits.push_back({stored->at, EditMode::replace, {}, &*stored});
        edits.back().may_change_nothing = true;
      }
      RunOptions run;
      run.backend = options_.patch.backend;
      run.batch_tokens = options_.patch.batch_tokens;
      const Activations<T> read =
          std::move(capture<T>(model_, some, {&at, 1}, edits, run).activations.front());
      for (std::size_t m = 0; m < members.size(); ++m) {
        const std::span<const T> from = read.values.matrix().row(static_cast<Index>(m));
        const std::span<T> to = rows.matrix().row(members[m]);
        for (std::size_t c = 0; c < to.size(); ++c)
          to[c] = from[columns.empty() ? c : static_cast<std::size_t>(columns[c])];
      }
    }
    return rows;
  }

  Tensor<T> clean_rows(std::span<const std::vector<TokenId>> texts,
                       std::span<const Index> read_position) const {
    return read_rows(texts, read_position,
                     [](const std::vector<Index>&) { return std::optional<Activations<T>>(); });
  }

  std::vector<Index> read_positions(Index first, Index last) const {
    std::vector<Index> positions;
    for (Index i = first; i < last; ++i) positions.push_back(pair(i).read_position);
    return positions;
  }

  // The metric of both ends of every pair.
  void measure_ends() {
    double squares = 0;
    double magnitude = 0;
    for (Index first = 0; first < n_case();) {
      const Index last = chunk_end(first, {});
      const std::vector<Index> positions = read_positions(first, last);
      std::vector<std::vector<TokenId>> base, other;
      for (Index i = first; i < last; ++i) {
        base.push_back(text(base_text(i)));
        other.push_back(text(other_text(i)));
      }
      const Tensor<T> base_rows = clean_rows(base, positions);
      const Tensor<T> other_rows = clean_rows(other, positions);
      for (Index i = first; i < last; ++i) {
        sweep_.base.push_back(metric_.value(pair(i), base_rows.matrix().row(i - first)));
        sweep_.other.push_back(metric_.value(pair(i), other_rows.matrix().row(i - first)));
        const double d = sweep_.other.back() - sweep_.base.back();
        squares += d * d;
        magnitude =
            std::max({magnitude, std::abs(sweep_.base.back()), std::abs(sweep_.other.back())});
      }
      first = last;
    }
    sweep_.total_rms = std::sqrt(squares / static_cast<double>(n_case()));
    sweep_.smallest_total = patch_tolerance<T>(config_) * magnitude;
    if (!(sweep_.total_rms > sweep_.smallest_total))
      sweep_.why_not_normalised =
          "the two runs of the pairs differ in the metric by no more than rounding";
  }

  // Pairs from `first` on that are worked on together, with patches of these cells.
  Index chunk_end(Index first, const std::vector<std::size_t>& cells) const {
    Index n_whole = 0;
    for (const std::size_t c : cells) n_whole += is_whole(cell(c)) ? 1 : 0;
    const Index n_single = static_cast<Index>(cells.size()) - n_whole;
    const Index read_width = metric_.read_out.columns.empty()
                                 ? site_width(metric_.read_out.site.kind, config_)
                                 : static_cast<Index>(metric_.read_out.columns.size());
    const Index budget = options_.patch.memory_budget / 2;
    Index bytes = 0;
    Index last = first;
    for (; last < n_case(); ++last) {
      const Index more =
          static_cast<Index>(sizeof(T)) * (2 * n_token(last) * (row_width_ + read_width) +
                                           static_cast<Index>(cells.size()) * read_width +
                                           (n_single + n_whole * n_token(last)) * config_.d_model);
      if (last > first && bytes + more > budget) break;
      bytes += more;
    }
    return last;
  }

  Chunk make_chunk(Index first, Index last, const std::set<SiteKey>& sites) const {
    check_interrupted();
    Chunk chunk;
    chunk.first = first;
    chunk.n = last - first;
    for (Index i = first; i < last; ++i) chunk.texts.push_back(text(base_text(i)));
    for (Index i = first; i < last; ++i) chunk.texts.push_back(text(other_text(i)));
    Index row = 0;
    for (const std::vector<TokenId>& ids : chunk.texts) {
      chunk.first_row.push_back(row);
      row += static_cast<Index>(ids.size());
    }
    std::vector<SiteAt> at;
    for (const auto& [layer, kind] : sites)
      at.push_back({{kind, layer, std::nullopt}, {Position::Kind::all, 0}});
    RunOptions run;
    run.backend = options_.patch.backend;
    run.batch_tokens = options_.patch.batch_tokens;
    std::vector<Activations<T>> captured = capture<T>(model_, chunk.texts, at, {}, run).activations;
    for (Activations<T>& site : captured)
      chunk.values.emplace(key_of(site.at.site), std::move(site.values));
    return chunk;
  }

  // A cell's values at one token: of text `from` where it is the cell's, else of the base.
  std::vector<T> cell_values(const Chunk& chunk, const SweepCell& cell, Index i, Index from,
                             Index position) const {
    const CellColumns columns = cell_columns(cell, config_);
    const std::span<const T> source = chunk.row(cell.at.site, from, position);
    const auto part = source.subspan(static_cast<std::size_t>(columns.first),
                                     static_cast<std::size_t>(columns.n));
    if (cell.at.site.coordinate) return {part.begin(), part.end()};
    const std::span<const T> own = chunk.row(cell.at.site, i, position);
    std::vector<T> values(own.begin(), own.end());
    std::ranges::copy(part, values.begin() + columns.first);
    return values;
  }

  // Sets the cell to what it holds in the other text. Tokens after the one that is read change
  // nothing and are left as they are.
  Patch<T> cell_patch(const Chunk& chunk, const SweepCell& one, Index i) const {
    const Index read = pair(chunk.first + i).read_position;
    std::vector<Index> positions = resolve_position(one.at.position, n_token(chunk.first + i));
    while (positions.size() > 1 && positions.back() > read) positions.pop_back();
    const auto values = [&](Index position) {
      return cell_values(chunk, one, i, chunk.n + i, position);
    };
    Patch<T> patch{
        i, one.at.site, positions.front(), read, EditMode::set, values(positions.front()), {}};
    for (std::size_t k = 1; k < positions.size(); ++k)
      patch.more.push_back({positions[k], values(positions[k])});
    return patch;
  }

  Index run_chunk(Index first, const std::vector<std::size_t>& chosen, Tensor<double>& effects) {
    const Index last = chunk_end(first, chosen);
    const Chunk chunk = make_chunk(first, last, sites_of(chosen));
    std::vector<Patch<T>> patches;
    std::vector<std::pair<Index, std::size_t>> place;  // pair and cell of each patch
    for (Index i = 0; i < chunk.n; ++i) {
      for (const std::size_t c : chosen) {
        if (!has(cell(c), first + i)) continue;
        patches.push_back(cell_patch(chunk, cell(c), i));
        place.emplace_back(first + i, c);
        (is_whole(cell(c)) ? sweep_.n_whole_patch : sweep_.n_patch) += 1;
      }
    }
    if (!patches.empty()) {
      const PatchResult<T> result =
          run_patches<T>(model_, chunk.texts, patches, metric_.read_out, patch_options());
      for (std::size_t p = 0; p < patches.size(); ++p) {
        const auto [i, c] = place[p];
        effects.matrix()(i, static_cast<Index>(c)) =
            metric_.value(pair(i), result.values.matrix().row(static_cast<Index>(p))) -
            sweep_.base[static_cast<std::size_t>(i)];
      }
      recheck(chunk, patches, result);
    }
    if (first == 0) check_full_restoration(chunk);
    if (options_.progress) options_.progress(last, n_case());
    return last;
  }

  PatchOptions patch_options() const {
    PatchOptions options = options_.patch;
    options.progress = nullptr;
    return options;
  }

  // What replaces the cell's site in the base texts `members` of the chunk.
  Activations<T> stored_cell(const Chunk& chunk, const SweepCell& cell,
                             const std::vector<Index>& members) const {
    Activations<T> stored;
    stored.at = cell.at;
    std::vector<T> values;
    for (std::size_t m = 0; m < members.size(); ++m) {
      const Index i = members[m];
      for (Index p = 0; p < n_token(chunk.first + i); ++p) {
        stored.text.push_back(static_cast<Index>(m));
        stored.position.push_back(p);
        const std::vector<T> row = cell_values(chunk, cell, i, chunk.n + i, p);
        values.insert(values.end(), row.begin(), row.end());
      }
    }
    const auto n_row = static_cast<Index>(stored.text.size());
    stored.values = Tensor<T>({n_row, static_cast<Index>(values.size()) / n_row});
    std::ranges::copy(values, stored.values.data());
    return stored;
  }

  Tensor<T> whole_rows(const Chunk& chunk, const SweepCell& cell, Index n) const {
    return read_rows(std::span(chunk.texts).first(static_cast<std::size_t>(n)),
                     read_positions(chunk.first, chunk.first + n),
                     [&](const std::vector<Index>& members) {
                       return std::optional(stored_cell(chunk, cell, members));
                     });
  }

  void recheck(const Chunk& chunk, const std::vector<Patch<T>>& patches,
               const PatchResult<T>& result) {
    const Index n = (options_.n_recheck * chunk.n + n_case() - 1) / n_case();
    if (n == 0) return;
    const std::uint64_t seed = options_.seed + static_cast<std::uint64_t>(chunk.first);
    const std::span<const Patch<T>> all(patches);
    const PatchRecheck check =
        recheck_patches<T>(model_, chunk.texts, all, metric_.read_out, result, n, seed);
    n_rechecked_ += check.n;
    largest_relative_ = std::max(largest_relative_, check.largest_relative);

    // Some of the patches again, read one token before the change; and some that change nothing.
    std::vector<Patch<T>> before, no_ops;
    Random random(seed, "sweep/checks");
    std::vector<std::size_t> order(patches.size());
    for (std::size_t p = 0; p < order.size(); ++p) order[p] = p;
    random.shuffle(order);
    for (const std::size_t p : order) {
      if (static_cast<Index>(no_ops.size()) == n) break;
      Patch<T> same = patches[p];
      const auto own_values = [&](Index position) -> std::vector<T> {
        const std::span<const T> own = chunk.row(same.site, same.text, position);
        if (same.site.coordinate) return {own[static_cast<std::size_t>(*same.site.coordinate)]};
        return {own.begin(), own.end()};
      };
      same.values = own_values(same.position);
      for (PatchedToken<T>& token : same.more) token.values = own_values(token.position);
      no_ops.push_back(std::move(same));
      if (patches[p].position == 0) continue;
      before.push_back(patches[p]);
      before.back().read_position = patches[p].position - 1;
    }
    const PatchResult<T> unchanged =
        run_patches<T>(model_, chunk.texts, no_ops, metric_.read_out, patch_options());
    for (std::size_t p = 0; p < no_ops.size(); ++p)
      n_no_op_changed_ += bits_that_differ<T>(unchanged.values.matrix().row(static_cast<Index>(p)),
                                              unchanged.clean.matrix().row(unchanged.clean_row[p]));
    n_no_op_ += static_cast<Index>(no_ops.size());
    if (before.empty()) return;
    const PatchResult<T> earlier =
        run_patches<T>(model_, chunk.texts, before, metric_.read_out, patch_options());
    const PatchRecheck earlier_check = recheck_patches<T>(
        model_, chunk.texts, std::span<const Patch<T>>(before), metric_.read_out, earlier, n, seed);
    n_before_ += earlier_check.n;
    largest_before_ = std::max(largest_before_, earlier_check.largest_difference);
  }

  // P5: the whole stream that enters the first block is the run.
  void check_full_restoration(const Chunk& chunk) {
    constexpr Index kPairs = 4;
    const Index n = std::min(chunk.n, kPairs);
    const SweepCell stream{{{HookKind::resid_pre, 0, std::nullopt}, {Position::Kind::all, 0}},
                           std::nullopt};
    // The stream alone, of these pairs alone.
    const Chunk some = make_chunk(chunk.first, chunk.first + n, {key_of(stream.at.site)});
    const Tensor<T> patched = whole_rows(some, stream, n);
    const Tensor<T> other = clean_rows(std::span(some.texts).subspan(static_cast<std::size_t>(n)),
                                       read_positions(some.first, some.last()));
    n_not_restored_ =
        bits_that_differ<T>(std::as_const(patched).values(), std::as_const(other).values());
  }

  // Attribution patching: d metric / d cell of the base run times the difference.
  Index approximate_chunk(Index first, Tensor<double>& effects) {
    const Index last = chunk_end(first, {});
    std::set<SiteKey> sites;
    const auto reads = [&](const SiteKey& key) {
      const Site site{key.second, key.first, std::nullopt};
      const auto place = [&](const Site& s) { return std::pair(block_of(s, config_), s.kind); };
      return place(site) <= place(metric_.read_out.site);
    };
    for (const SiteKey& key : sites_of(all_cells())) {
      if (reads(key)) sites.insert(key);
    }
    const Chunk chunk = make_chunk(first, last, sites);
    std::vector<SiteAt> at;
    for (const auto& [layer, kind] : sites)
      at.push_back({{kind, layer, std::nullopt}, {Position::Kind::all, 0}});
    const auto gradient = [&](Index t, std::span<const T> row) {
      const std::vector<Index>& columns = metric_.read_out.columns;
      if (columns.empty()) return metric_.gradient(pair(first + t), row);
      std::vector<T> some;
      for (const Index column : columns) some.push_back(row[static_cast<std::size_t>(column)]);
      const std::vector<double> of_columns =
          metric_.gradient(pair(first + t), std::span<const T>(some));
      std::vector<double> all(row.size());
      for (std::size_t c = 0; c < columns.size(); ++c)
        all[static_cast<std::size_t>(columns[c])] = of_columns[c];
      return all;
    };
    RunOptions run;
    run.backend = options_.patch.backend;
    run.batch_tokens = options_.patch.batch_tokens;
    std::map<SiteKey, Tensor<T>> gradients;
    if (!at.empty()) {
      for (Activations<T>& site : capture_row_gradients<T>(
               model_, std::span(chunk.texts).first(static_cast<std::size_t>(chunk.n)), at,
               metric_.read_out.site, read_positions(first, last), gradient, run))
        gradients.emplace(key_of(site.at.site), std::move(site.values));
    }
    for (std::size_t c = 0; c < sweep_.cells.size(); ++c) {
      const SweepCell& one = cell(c);
      const auto found = gradients.find(key_of(one.at.site));
      const CellColumns columns = cell_columns(one, config_);
      for (Index i = first; i < last; ++i) {
        if (!has(one, i)) continue;
        double effect = 0;
        for (const Index p : resolve_position(one.at.position, n_token(i))) {
          if (found == gradients.end()) break;
          const std::span<const T> own = chunk.row(one.at.site, i - first, p);
          const std::span<const T> source = chunk.row(one.at.site, chunk.n + i - first, p);
          const std::span<const T> slope =
              std::as_const(found->second)
                  .matrix()
                  .row(chunk.first_row[static_cast<std::size_t>(i - first)] + p);
          for (Index k = columns.first; k < columns.first + columns.n; ++k) {
            const auto s = static_cast<std::size_t>(k);
            effect += static_cast<double>(slope[s]) *
                      (static_cast<double>(source[s]) - static_cast<double>(own[s]));
          }
        }
        effects.matrix()(i, static_cast<Index>(c)) = effect;
      }
    }
    return last;
  }

  void add_checks() {
    if (n_rechecked_ > 0) {
      sweep_.checks.push_back(make_check(
          "P7", "patched runs that compute what a patch reaches give what whole runs give",
          largest_relative_ / patch_tolerance<T>(config_), 1,
          fmt::format("largest difference of {} read-outs as a fraction of its rounding bound",
                      n_rechecked_)));
      sweep_.checks.push_back(
          make_check("P3", "a cell set to its own value changes nothing",
                     static_cast<double>(n_no_op_changed_), 0,
                     fmt::format("numbers of {} read-outs that differ in any bit", n_no_op_)));
    }
    if (n_before_ > 0)
      sweep_.checks.push_back(make_check(
          "P6", "tokens before the patched one do not change", largest_before_, 0,
          fmt::format("largest difference of {} whole runs, read one token before", n_before_)));
    sweep_.checks.push_back(
        make_check("P5", "the whole stream of the other text gives the other text's run",
                   static_cast<double>(n_not_restored_), 0,
                   "numbers of read-outs that differ in any bit, blocks.0.hook_resid_pre@all"));
  }

  const Model& model_;
  const ModelConfig& config_;
  std::span<const std::vector<TokenId>> texts_;
  std::span<const SweepCase> cases_;
  const SweepMetric<T>& metric_;
  const SweepOptions& options_;
  std::vector<Index> group_;
  Index row_width_ = 0;  // of all sites together
  PatchSweep sweep_;
  Index n_rechecked_ = 0;
  double largest_relative_ = 0;
  Index n_no_op_ = 0;
  Index n_no_op_changed_ = 0;
  Index n_before_ = 0;
  double largest_before_ = 0;
  Index n_not_restored_ = 0;
};

}  // namespace

std::string_view sweep_direction_name(SweepDirection direction) {
  return direction == SweepDirection::denoising ? "denoising" : "noising";
}

template <class T>
PatchSweep sweep_patches(const Model& model, std::span<const std::vector<TokenId>> texts,
                         std::span<const SweepCase> cases, std::span<const SweepCell> cells,
                         const SweepMetric<T>& metric, const SweepOptions& options) {
  return SweepRun<T>(model, texts, cases, cells, metric, options).run();
}

template PatchSweep sweep_patches<float>(const Model&, std::span<const std::vector<TokenId>>,
                                         std::span<const SweepCase>, std::span<const SweepCell>,
                                         const SweepMetric<float>&, const SweepOptions&);
template PatchSweep sweep_patches<double>(const Model&, std::span<const std::vector<TokenId>>,
                                          std::span<const SweepCase>, std::span<const SweepCell>,
                                          const SweepMetric<double>&, const SweepOptions&);

}  // namespace gnomon
