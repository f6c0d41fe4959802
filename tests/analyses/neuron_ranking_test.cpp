// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/neuron_ranking.h"

#include <gtest/gtest.h>

#include "gnomon/base/error.h"

namespace gnomon {
namespace {

// Two layers of three neurons; neuron 1 of layer 0 is constant.
NeuronScan small_scan() {
  NeuronScan scan;
  const auto add = [&](Index layer, Index neuron, double score, std::optional<double> standardised,
                       double layer_quantile) {
    NeuronStatistics& added = scan.neurons.emplace_back();
    added.layer = layer;
    added.neuron = neuron;
    added.score = score;
    added.standardised = standardised;
    added.layer_quantile = layer_quantile;
  };
  add(0, 0, 5, 0.7, 1);
  add(0, 1, 0, std::nullopt, 0);
  add(0, 2, 1, -0.7, 0.5);
  add(1, 0, 40, -1.1, 0);
  add(1, 1, 90, 0.9, 1);
  add(1, 2, 60, 0.2, 0.5);
  return scan;
}

TEST(RankNeurons, ByEachRanking) {
  const NeuronScan scan = small_scan();
  using Order = std::vector<Index>;
  EXPECT_EQ(rank_neurons(scan, parse_ranking("original")), (Order{4, 5, 3, 0, 2, 1}));
  EXPECT_EQ(rank_neurons(scan, parse_ranking("standardised")), (Order{4, 0, 5, 2, 3, 1}));
  // Equal distances: by layer and neuron.
  EXPECT_EQ(rank_neurons(scan, parse_ranking("quantile:0.5")), (Order{2, 5, 0, 1, 3, 4}));
  EXPECT_EQ(rank_neurons(scan, parse_ranking("quantile:1")), (Order{0, 4, 2, 5, 1, 3}));
  EXPECT_EQ(rank_neurons(scan, parse_ranking("quantile:0")), (Order{1, 3, 2, 5, 0, 4}));
}

TEST(ParseRanking, NamesReadBack) {
  for (const char* name :
       {"original", "standardised", "quantile:0.5", "quantile:0.975", "quantile:0", "quantile:1"}) {
    EXPECT_EQ(ranking_name(parse_ranking(name)), name);
  }
}

std::string error_of(const std::string& text) {
  try {
    parse_ranking(text);
  } catch (const ArgumentError& error) {
    return error.what();
  }
  return "no error";
}

TEST(ParseRanking, Errors) {
  EXPECT_EQ(error_of("orignal"),
            "ranking \"orignal\", expected original, standardised or quantile:Q with Q from 0 to "
            "1; did you mean \"original\"?");
  EXPECT_EQ(error_of(""),
            "ranking \"\", expected original, standardised or quantile:Q with Q from "
            "0 to 1");
  for (const char* text : {"quantile:", "quantile:1.5", "quantile:-0.1", "quantile:0.5x",
                           "quantile:nan", "quantile: 0.5"}) {
    EXPECT_EQ(error_of(text),
              "ranking \"" + std::string(text) + "\", expected quantile:Q with Q from 0 to 1");
  }
}

}  // namespace
}  // namespace gnomon
