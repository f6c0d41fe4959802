// SPDX-License-Identifier: Apache-2.0
// in: a scan   out: an order of its neurons
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gnomon/analyses/neuron_scan.h"

namespace gnomon {

// An order of the neurons of all scanned layers.
struct NeuronRanking {
  enum class Kind {
    original,      // the largest score first
    standardised,  // the largest standardised score first
    quantile,      // those whose layer_quantile is nearest to `quantile` first
  };
  Kind kind = Kind::original;
  double quantile = 0;
};

// "original", "standardised", "quantile:0.5". Throws ArgumentError (usage).
NeuronRanking parse_ranking(std::string_view text);
std::string ranking_name(const NeuronRanking& ranking);

// Indices into scan.neurons, best first; equal ones by layer and neuron, those without a value
// last.
std::vector<Index> rank_neurons(const NeuronScan& scan, const NeuronRanking& ranking);

}  // namespace gnomon
