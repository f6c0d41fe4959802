// SPDX-License-Identifier: Apache-2.0
#include "gnomon/activations/gradients.h"

#include <fmt/format.h>

#include "gnomon/activations/detail/site_reader.h"
#include "gnomon/activations/next_token.h"
#include "gnomon/base/error.h"
#include "gnomon/base/interrupt.h"
#include "gnomon/model/backward.h"

namespace gnomon {
namespace {

Site site_of_quantity(const std::optional<SiteAt>& of) {
  return of ? of->site : Site{HookKind::logits, -1, std::nullopt};
}

void check_before(std::span<const SiteAt> sites, const Site& quantity, const ModelConfig& config) {
  const auto place = [&](const Site& site) { return std::pair(block_of(site, config), site.kind); };
  for (const SiteAt& at : sites) {
    if (place(at.site) <= place(quantity)) continue;
    throw ArgumentError(
        fmt::format("\"{}\" lies after \"{}\", whose gradient there is 0 by definition",
                    site_at_name(at, config), site_name(quantity, config)),
        "choose a site before the quantity, or another quantity");
  }
}

void check_quantity(const std::optional<SiteAt>& of, std::span<const SiteAt> sites,
                    std::span<const std::vector<TokenId>> texts, const ModelConfig& config) {
  if (of && !of->site.coordinate) {
    throw ArgumentError(fmt::format("\"{}\" has many numbers, expected one to take the gradient of",
                                    site_at_name(*of, config)),
                        "add a coordinate, for example [0]");
  }
  check_before(sites, site_of_quantity(of), config);
  for (std::size_t t = 0; t < texts.size(); ++t) {
    if (!of && texts[t].size() == 1) {
      throw ArgumentError(ErrorCode::bad_data,
                          fmt::format("text {} has one token and therefore no next-token loss", t),
                          "leave it out");
    }
  }
}

// Adds d quantity / d itself to `grad`.
template <class T>
void add_quantity(const HookContext& context, MatrixView<T> grad, const ForwardTrace<T>& trace,
                  const std::optional<SiteAt>& of, std::span<const Index> quantity_tokens) {
  if (of) {
    for (const Index token : quantity_tokens)
      grad(context.row_of(token), *of->site.coordinate) += T{1};
    return;
  }
  next_token_gradient<T>(context, trace.logits.view(), 1, grad);
  for (Index i = 0; i < grad.rows; ++i) {
    const auto token = static_cast<std::size_t>(context.rows[static_cast<std::size_t>(i)]);
    const auto n_predicted =
        static_cast<double>(context.batch.length(context.batch.text[token]) - 1);
    for (T& g : grad.row(i)) g = static_cast<T>(static_cast<double>(g) / n_predicted);
  }
}

// Forward and backward passes over all texts. `kept_rows` says which tokens of a batch the quantity
// is read at, `read` sees its site in the forward pass and `add` adds its gradient there.
template <class T, class KeptRows, class Read, class Add>
std::vector<Activations<T>> run_gradients(const Model& model,
                                          std::span<const std::vector<TokenId>> texts,
                                          std::vector<detail::SiteReader<T>>& readers,
                                          const Site& quantity, const RunOptions& options,
                                          const KeptRows& kept_rows, const Read& read,
                                          const Add& add) {
  const ModelConfig& config = model.config();
  const Index total = n_tokens_of(texts);
  Index done = 0;
  ForwardTrace<T> trace;
  for (std::size_t first = 0; first < texts.size();) {
    check_interrupted();
    const std::size_t last = batch_end(texts, first, options.batch_tokens);
    const PackedBatch batch = pack(texts.subspan(first, last - first));
    const std::vector<Index> kept = kept_rows(first, batch);
    Hooks<T> hooks, grad_hooks;
    hooks.add(quantity.kind, quantity.layer, [&](const HookContext& context, MatrixView<T> values) {
      read(first, context, values);
    });
    grad_hooks.add(quantity.kind, quantity.layer,
                   [&](const HookContext& context, MatrixView<T> grad) {
                     add(first, context, grad, trace, kept);
                   });
    for (detail::SiteReader<T>& reader : readers)
      reader.add_hook(grad_hooks, batch, static_cast<Index>(first));
    run_forward<T>(config, model.weights<T>(), batch, hooks, kept, options.backend, nullptr,
                   &trace);
    run_backward<T>(config, model.weights<T>(), batch, trace, grad_hooks, nullptr, options.backend);
    first = last;
    done += batch.n_token();
    if (options.progress) options.progress(done, total);
  }
  std::vector<Activations<T>> gradients;
  for (detail::SiteReader<T>& reader : readers) gradients.push_back(reader.take());
  return gradients;
}

}  // namespace

void check_gradients(std::span<const std::vector<TokenId>> texts, std::span<const SiteAt> sites,
                     const std::optional<SiteAt>& of, const ModelConfig& config) {
  check_texts(texts, config);
  if (of) check_site(of->site, config);
  for (const SiteAt& at : sites) check_site(at.site, config);
  check_quantity(of, sites, texts, config);
  if (of) positions_by_text(*of, texts, config);
  for (const SiteAt& at : sites) positions_by_text(at, texts, config);
}

template <class T>
std::vector<Activations<T>> capture_gradients(const Model& model,
                                              std::span<const std::vector<TokenId>> texts,
                                              std::span<const SiteAt> sites,
                                              const std::optional<SiteAt>& of,
                                              const RunOptions& options) {
  const ModelConfig& config = model.config();
  check_gradients(texts, sites, of, config);
  std::vector<std::vector<Index>> quantity_positions;
  if (of) quantity_positions = positions_by_text(*of, texts, config);
  std::vector<detail::SiteReader<T>> readers;
  readers.reserve(sites.size());
  for (const SiteAt& at : sites) readers.emplace_back(at, true, texts, config);

  const Site quantity = site_of_quantity(of);
  const auto kept_rows = [&](std::size_t first, const PackedBatch& batch) {
    if (!of) return predicted_rows(batch);
    std::vector<Index> kept;
    for (Index t = 0; t < batch.n_text(); ++t) {
      for (const Index p : quantity_positions[first + static_cast<std::size_t>(t)])
        kept.push_back(batch.offset[static_cast<std::size_t>(t)] + p);
    }
    return kept;
  };
  const auto add = [&](std::size_t, const HookContext& context, MatrixView<T> grad,
                       const ForwardTrace<T>& trace, std::span<const Index> kept) {
    add_quantity<T>(context, grad, trace, of, kept);
  };
  return run_gradients<T>(
      model, texts, readers, quantity, options, kept_rows,
      [](std::size_t, const HookContext&, MatrixView<T>) {}, add);
}

template <class T>
std::vector<Activations<T>> capture_row_gradients(const Model& model,
                                                  std::span<const std::vector<TokenId>> texts,
                                                  std::span<const SiteAt> sites, const Site& of,
                                                  std::span<const Index> position,
                                                  const RowGradient<T>& gradient,
                                                  const RunOptions& options) {
  const ModelConfig& config = model.config();
  check_texts(texts, config);
  check_site(of, config);
  if (of.coordinate)
    throw ArgumentError(fmt::format("capture_row_gradients: \"{}\" is one number, expected a row",
                                    site_name(of, config)));
  if (position.size() != texts.size())
    throw ShapeError(fmt::format("capture_row_gradients: {} positions for {} texts",
                                 position.size(), texts.size()));
  for (std::size_t t = 0; t < texts.size(); ++t) {
    if (position[t] < 0 || position[t] >= static_cast<Index>(texts[t].size()))
      throw ArgumentError(ErrorCode::out_of_range,
                          fmt::format("capture_row_gradients: token {} of text {}, which has {}",
                                      position[t], t, texts[t].size()));
  }
  for (const SiteAt& at : sites) check_site(at.site, config);
  check_before(sites, of, config);
  std::vector<detail::SiteReader<T>> readers;
  readers.reserve(sites.size());
  for (const SiteAt& at : sites) readers.emplace_back(at, true, texts, config);
  const auto kept_rows = [&](std::size_t first, const PackedBatch& batch) {
    std::vector<Index> kept;
    for (Index t = 0; t < batch.n_text(); ++t)
      kept.push_back(batch.offset[static_cast<std::size_t>(t)] +
                     position[first + static_cast<std::size_t>(t)]);
    return kept;
  };
  std::vector<std::vector<double>> row_gradient;  // of each text of the batch
  const auto read = [&](std::size_t first, const HookContext& context, MatrixView<T> values) {
    row_gradient.clear();
    for (Index t = 0; t < context.batch.n_text(); ++t) {
      const std::size_t text = first + static_cast<std::size_t>(t);
      const Index row =
          context.row_of(context.batch.offset[static_cast<std::size_t>(t)] + position[text]);
      row_gradient.push_back(gradient(static_cast<Index>(text), values.row(row)));
      if (static_cast<Index>(row_gradient.back().size()) != values.cols)
        throw ShapeError(
            fmt::format("capture_row_gradients: a gradient of {} numbers for a row of {}",
                        row_gradient.back().size(), values.cols));
    }
  };
  const auto add = [&](std::size_t, const HookContext& context, MatrixView<T> grad,
                       const ForwardTrace<T>&, std::span<const Index> kept) {
    for (std::size_t t = 0; t < kept.size(); ++t) {
      const std::span<T> row = grad.row(context.row_of(kept[t]));
      for (std::size_t c = 0; c < row.size(); ++c) row[c] += static_cast<T>(row_gradient[t][c]);
    }
  };
  return run_gradients<T>(model, texts, readers, of, options, kept_rows, read, add);
}

template std::vector<Activations<float>> capture_gradients<float>(
    const Model&, std::span<const std::vector<TokenId>>, std::span<const SiteAt>,
    const std::optional<SiteAt>&, const RunOptions&);
template std::vector<Activations<double>> capture_gradients<double>(
    const Model&, std::span<const std::vector<TokenId>>, std::span<const SiteAt>,
    const std::optional<SiteAt>&, const RunOptions&);

template std::vector<Activations<float>> capture_row_gradients<float>(
    const Model&, std::span<const std::vector<TokenId>>, std::span<const SiteAt>, const Site&,
    std::span<const Index>, const RowGradient<float>&, const RunOptions&);
template std::vector<Activations<double>> capture_row_gradients<double>(
    const Model&, std::span<const std::vector<TokenId>>, std::span<const SiteAt>, const Site&,
    std::span<const Index>, const RowGradient<double>&, const RunOptions&);

}  // namespace gnomon
