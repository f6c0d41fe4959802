// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/erased_loss.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "gnomon/base/error.h"
#include "gnomon/base/interrupt.h"
#include "gnomon/model/forward.h"

namespace gnomon {
namespace {

template <class T>
StreamStart<T> start_at(const Site& site, const ModelConfig& config, MatrixView<const T> stream) {
  switch (site.kind) {
    case HookKind::resid_pre:
      return {site.layer, stream};
    case HookKind::resid_mid:
      return {site.layer, stream, HookKind::resid_mid};
    case HookKind::resid_post:
      return {site.layer + 1, stream};
    default:
      break;
  }
  throw ArgumentError(ErrorCode::wrong_site,
                      fmt::format("erased_losses: \"{}\" is not a stream", site_name(site, config)),
                      "expected hook_resid_pre, hook_resid_mid or hook_resid_post of a block");
}

}  // namespace

template <class T>
ErasedLosses erased_losses(const Model& model, std::span<const std::vector<TokenId>> texts,
                           const Site& site, std::span<const RankOneErasure> maps,
                           const RunOptions& options) {
  const ModelConfig& config = model.config();
  const Weights<T>& weights = model.weights<T>();
  start_at<T>(site, config, {});
  ErasedLosses losses;
  losses.erased.resize(maps.size());
  for (std::size_t first = 0; first < texts.size();) {
    const std::size_t last = batch_end(texts, first, options.batch_tokens);
    const PackedBatch batch = pack(texts.subspan(first, last - first));
    first = last;
    const auto n_predicted = static_cast<Index>(predicted_rows(batch).size());
    if (n_predicted == 0) continue;
    const auto add_loss = [&](LanguageModelLoss& to) {
      return [&to, n_predicted](const HookContext& context, MatrixView<T> logits) {
        to.sum += next_token_loss<T>(context, logits);
        to.n_token += n_predicted;
      };
    };
    Tensor<T> stream({batch.n_token(), config.d_model});
    Hooks<T> hooks;
    hooks.add(site.kind, site.layer, [&](const HookContext&, MatrixView<T> x) {
      std::copy_n(x.data, stream.size(), stream.data());
    });
    hooks.add(HookKind::logits, -1, add_loss(losses.clean));
    run_forward<T>(config, weights, batch, hooks, {}, options.backend);
    Tensor<T> changed({batch.n_token(), config.d_model});
    for (std::size_t m = 0; m < maps.size(); ++m) {
      check_interrupted();
      for (Index i = 0; i < batch.n_token(); ++i) {
        const std::span<const T> row = std::as_const(stream).matrix().row(i);
        const std::vector<double> erased =
            maps[m].erased(std::vector<double>(row.begin(), row.end()));
        std::ranges::transform(erased, changed.matrix().row(i).begin(),
                               [](double x) { return static_cast<T>(x); });
      }
      const StreamStart<T> start = start_at<T>(site, config, std::as_const(changed).matrix());
      Hooks<T> to_logits;
      to_logits.add(HookKind::logits, -1, add_loss(losses.erased[m]));
      run_forward<T>(config, weights, batch, to_logits, {}, options.backend, &start);
    }
  }
  return losses;
}

template ErasedLosses erased_losses<float>(const Model&, std::span<const std::vector<TokenId>>,
                                           const Site&, std::span<const RankOneErasure>,
                                           const RunOptions&);
template ErasedLosses erased_losses<double>(const Model&, std::span<const std::vector<TokenId>>,
                                            const Site&, std::span<const RankOneErasure>,
                                            const RunOptions&);

}  // namespace gnomon
