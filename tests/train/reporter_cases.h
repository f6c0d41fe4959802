// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "gnomon/activations/capture.h"
#include "gnomon/train/report_model.h"
#include "support/tiny_model.h"

namespace gnomon::test {

// Random texts of the tiny model with a neuron of block 0 at the last token; every fifth text is
// for validation, every fifth for the test.
inline std::shared_ptr<ReporterData> tiny_reporter_data(const Model& model, Index n_text = 40,
                                                        std::vector<Index> neurons = {3}) {
  const ModelConfig& config = model.config();
  auto data = std::make_shared<ReporterData>();
  std::vector<Index> lengths;
  for (Index t = 0; t < n_text; ++t) lengths.push_back(2 + t % 7);
  data->ids = random_texts(config, lengths, 5);
  std::vector<SiteAt> sites;
  for (const Index neuron : neurons) {
    sites.push_back({{HookKind::mlp_post, 0, neuron}, {Position::Kind::last, -1}});
    data->targets.push_back(make_target(sites.back(), config));
  }
  data->feature_site = {{HookKind::resid_post, config.n_layers - 1, std::nullopt},
                        {Position::Kind::last, -1}};
  const auto measured = capture<float>(model, data->ids, sites, {}, {}).activations;
  data->activation = Tensor<double>({n_text, static_cast<Index>(neurons.size())});
  for (Index t = 0; t < n_text; ++t) {
    data->text.push_back(t);
    data->position.push_back(lengths[static_cast<std::size_t>(t)] - 1);
    data->group.push_back(t);
    data->part.push_back(t % 5 == 0 ? Part::val : t % 5 == 1 ? Part::test : Part::train);
    for (std::size_t n = 0; n < neurons.size(); ++n)
      data->activation.matrix()(t, static_cast<Index>(n)) =
          static_cast<double>(measured[n].values.matrix()(t, 0));
  }
  resolve_feature_positions(*data);
  return data;
}

}  // namespace gnomon::test
