// SPDX-License-Identifier: Apache-2.0
#include "gnomon/activations/detail/clean_runs.h"

#include <algorithm>

#include "gnomon/model/forward.h"

namespace gnomon::detail {
namespace {

// The site whose values are the stream of this key.
Site stream_site(const StreamKey& key, bool at_end_of_block, const ModelConfig& config) {
  if (at_end_of_block || key.first == config.n_layers)
    return {HookKind::resid_post, key.first - 1, std::nullopt};
  return {key.second, key.first, std::nullopt};
}

Index kv_width(const ModelConfig& config) { return config.n_kv_heads * config.d_head; }

// Rows of the batch's tokens that were computed, to the rows of `to` from `first` on.
template <class T>
HookFunction<T> copy_rows(MatrixView<T> to) {
  return [to](const HookContext& context, MatrixView<T> values) {
    for (std::size_t i = 0; i < context.rows.size(); ++i)
      std::ranges::copy(values.row(static_cast<Index>(i)), to.row(context.rows[i]).begin());
  };
}

}  // namespace

template <class T>
Index CleanRuns<T>::bytes_of(const ModelConfig& config, const CleanNeeds& needs, Index n_token,
                             Index read_width) {
  Index numbers = n_token * (static_cast<Index>(needs.streams.size()) * config.d_model +
                             static_cast<Index>(needs.key_layers.size()) * 2 * kv_width(config));
  for (const PointKey& point : needs.points) numbers += site_width(std::get<1>(point), config);
  numbers += static_cast<Index>(needs.reads.size()) * read_width;
  return numbers * static_cast<Index>(sizeof(T));
}

template <class T>
CleanRuns<T>::CleanRuns(const Model& model, std::span<const std::vector<TokenId>> all,
                        std::span<const Index> texts, const CleanNeeds& needs, const Site& read_out,
                        const PatchOptions& options) {
  const ModelConfig& config = model.config();
  Index n_token = 0;
  for (const Index text : texts) {
    first_row_[text] = n_token;
    n_token += static_cast<Index>(all[static_cast<std::size_t>(text)].size());
  }
  for (const auto& [key, at_end] : needs.streams)
    streams_[key] = Tensor<T>({n_token, config.d_model});
  key_views_.resize(static_cast<std::size_t>(config.n_layers));
  value_views_.resize(static_cast<std::size_t>(config.n_layers));
  for (const Index layer : needs.key_layers) {
    keys_[layer] = Tensor<T>({n_token, kv_width(config)});
    values_[layer] = Tensor<T>({n_token, kv_width(config)});
    key_views_[static_cast<std::size_t>(layer)] = keys_[layer].matrix();
    value_views_[static_cast<std::size_t>(layer)] = values_[layer].matrix();
  }
  for (std::size_t first = 0; first < texts.size();) {
    std::size_t last = first;
    Index n = 0;
    do {
      n += static_cast<Index>(all[static_cast<std::size_t>(texts[last++])].size());
    } while (last < texts.size() &&
             n + static_cast<Index>(all[static_cast<std::size_t>(texts[last])].size()) <=
                 options.batch_tokens);
    run_batch(model, all, texts.subspan(first, last - first), needs, read_out, options.backend);
    first = last;
  }
}

template <class T>
void CleanRuns<T>::run_batch(const Model& model, std::span<const std::vector<TokenId>> all,
                             std::span<const Index> texts, const CleanNeeds& needs,
                             const Site& read_out, Backend backend) {
  const ModelConfig& config = model.config();
  std::vector<std::vector<TokenId>> ids;
  std::map<Index, Index> batch_text;
  for (const Index text : texts) {
    batch_text[text] = static_cast<Index>(ids.size());
    ids.push_back(all[static_cast<std::size_t>(text)]);
  }
  const PackedBatch batch = pack(ids);
  const auto token_of = [&](Index text, Index token) {
    return batch.offset[static_cast<std::size_t>(batch_text.at(text))] + token;
  };
  const Index first = first_row_.at(texts.front());
  Hooks<T> hooks;
  for (const auto& [key, at_end] : needs.streams) {
    const Site site = stream_site(key, at_end, config);
    hooks.add(site.kind, site.layer,
              copy_rows<T>(streams_.at(key).matrix().row_range(first, batch.n_token())));
  }
  const bool rotary = config.position == PositionKind::rotary;
  for (const Index layer : needs.key_layers) {
    hooks.add(rotary ? HookKind::rot_k : HookKind::k, layer,
              copy_rows<T>(keys_.at(layer).matrix().row_range(first, batch.n_token())));
    hooks.add(HookKind::v, layer,
              copy_rows<T>(values_.at(layer).matrix().row_range(first, batch.n_token())));
  }
  // One hook for each site, with the tokens that are wanted there.
  std::map<std::pair<Index, HookKind>, std::vector<PointKey>> by_site;
  for (const PointKey& key : needs.points) {
    const auto& [layer, kind, text, token] = key;
    if (batch_text.contains(text)) by_site[{layer, kind}].push_back(key);
  }
  for (const auto& [at, keys] : by_site) {
    const Index layer = hook_point(at.second).per_block ? at.first : Index{-1};
    hooks.add(at.second, layer, [&, keys = keys](const HookContext& context, MatrixView<T> values) {
      for (const PointKey& key : keys) {
        const Index row = context.row_of(token_of(std::get<2>(key), std::get<3>(key)));
        points_[key].assign(values.row(row).begin(), values.row(row).end());
      }
    });
  }
  hooks.add(read_out.kind, read_out.layer, [&](const HookContext& context, MatrixView<T> values) {
    for (const auto& [text, token] : needs.reads) {
      if (!batch_text.contains(text)) continue;
      const Index row = context.row_of(token_of(text, token));
      reads_[{text, token}].assign(values.row(row).begin(), values.row(row).end());
    }
  });

  const auto [last_kind, last_layer] = hooks.last();
  const Index last_block = hook_point(last_kind).per_block ? last_layer : config.n_layers - 1;
  std::vector<Index> kept;
  for (const auto& [text, token] : needs.reads) {
    if (batch_text.contains(text)) kept.push_back(token_of(text, token));
  }
  for (const auto& [layer, kind, text, token] : needs.points) {
    if (layer >= last_block && batch_text.contains(text)) kept.push_back(token_of(text, token));
  }
  std::ranges::sort(kept);
  kept.erase(std::unique(kept.begin(), kept.end()), kept.end());
  run_forward<T>(config, model.weights<T>(), batch, hooks, kept, backend);
}

template class CleanRuns<float>;
template class CleanRuns<double>;

}  // namespace gnomon::detail
