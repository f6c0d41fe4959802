// SPDX-License-Identifier: Apache-2.0
#include "gnomon/activations/capture.h"

#include <fmt/format.h>

#include <algorithm>

#include "gnomon/activations/detail/site_reader.h"
#include "gnomon/base/error.h"
#include "gnomon/base/interrupt.h"

namespace gnomon {
namespace {

// Tokens whose values are wanted in the last block that is reached, or after it.
template <class T>
std::vector<Index> kept_rows(const std::vector<detail::SiteReader<T>>& readers,
                             std::span<const Edit<T>> edits, const PackedBatch& batch,
                             Index texts_before, const ModelConfig& config) {
  Index last = -1;
  for (const detail::SiteReader<T>& reader : readers)
    last = std::max(last, block_of(reader.at().site, config));
  for (const Edit<T>& edit : edits) last = std::max(last, block_of(edit.at.site, config));
  const Index last_block = std::min(last, config.n_layers - 1);
  std::vector<bool> kept(static_cast<std::size_t>(batch.n_token()));
  for (Index t = 0; t < batch.n_text(); ++t) {
    const Index first = batch.offset[static_cast<std::size_t>(t)];
    for (const detail::SiteReader<T>& reader : readers) {
      if (block_of(reader.at().site, config) < last_block) continue;
      for (const Index p : reader.positions(t + texts_before))
        kept[static_cast<std::size_t>(first + p)] = true;
    }
    for (const Edit<T>& edit : edits) {
      if (block_of(edit.at.site, config) < last_block) continue;
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
  std::vector<detail::SiteReader<T>> readers;
  readers.reserve(sites.size());
  for (const SiteAt& at : sites) readers.emplace_back(at, false, texts, config);
  EditSession<T> session(edits, config);
  for (const Edit<T>& edit : edits) positions_by_text(edit.at, texts, config);

  const Index total = n_tokens_of(texts);
  Index done = 0;
  for (std::size_t first = 0; first < texts.size();) {
    check_interrupted();
    const std::size_t last = batch_end(texts, first, options.batch_tokens);
    const PackedBatch batch = pack(texts.subspan(first, last - first));
    const auto texts_before = static_cast<Index>(first);
    Hooks<T> hooks;
    // Edits before readers: what is read at an edited site is what the model goes on with.
    session.add_hooks(hooks, batch, texts_before);
    for (detail::SiteReader<T>& reader : readers) reader.add_hook(hooks, batch, texts_before);
    const std::vector<Index> kept = kept_rows<T>(readers, edits, batch, texts_before, config);
    run_forward<T>(config, model.weights<T>(), batch, hooks, kept, options.backend);
    first = last;
    done += batch.n_token();
    if (options.progress) options.progress(done, total);
  }

  CaptureResult<T> result;
  result.effects = session.finish();
  for (detail::SiteReader<T>& reader : readers) result.activations.push_back(reader.take());
  return result;
}

template CaptureResult<float> capture<float>(const Model&, std::span<const std::vector<TokenId>>,
                                             std::span<const SiteAt>, std::span<const Edit<float>>,
                                             const RunOptions&);
template CaptureResult<double> capture<double>(const Model&, std::span<const std::vector<TokenId>>,
                                               std::span<const SiteAt>,
                                               std::span<const Edit<double>>, const RunOptions&);

}  // namespace gnomon
