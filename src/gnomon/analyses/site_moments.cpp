// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/site_moments.h"

#include <fmt/format.h>

#include "gnomon/activations/text_positions.h"
#include "gnomon/base/error.h"
#include "gnomon/tokens/packed_batch.h"

namespace gnomon {

template <class T>
std::vector<SiteMoments> capture_moments(const Model& model,
                                         std::span<const std::vector<TokenId>> texts,
                                         std::span<const SiteAt> sites, const RunOptions& options) {
  const ModelConfig& config = model.config();
  check_texts(texts, config);
  std::vector<SiteMoments> all;
  for (const SiteAt& at : sites) {
    check_site(at.site, config);
    positions_by_text(at, texts, config);
    if (is_pairs(at.site)) {
      throw ArgumentError(
          fmt::format(
              "capture_moments: \"{}\" has a row as wide as its text, expected a site whose "
              "rows are alike",
              site_at_name(at, config)),
          "capture it and summarise each text");
    }
    all.push_back({at, ColumnMoments(at.site.coordinate ? 1 : site_width(at.site.kind, config))});
  }
  const Index total = n_tokens_of(texts);
  Index done = 0;
  RunOptions batch_options = options;
  batch_options.progress = nullptr;
  for (std::size_t first = 0; first < texts.size();) {
    const std::size_t last = batch_end(texts, first, options.batch_tokens);
    const auto batch = texts.subspan(first, last - first);
    const auto read = capture<T>(model, batch, sites, {}, batch_options).activations;
    for (std::size_t s = 0; s < read.size(); ++s)
      all[s].moments.template add_rows<T>(read[s].values.matrix());
    first = last;
    done += n_tokens_of(batch);
    if (options.progress) options.progress(done, total);
  }
  return all;
}

template std::vector<SiteMoments> capture_moments<float>(const Model&,
                                                         std::span<const std::vector<TokenId>>,
                                                         std::span<const SiteAt>,
                                                         const RunOptions&);
template std::vector<SiteMoments> capture_moments<double>(const Model&,
                                                          std::span<const std::vector<TokenId>>,
                                                          std::span<const SiteAt>,
                                                          const RunOptions&);

}  // namespace gnomon
