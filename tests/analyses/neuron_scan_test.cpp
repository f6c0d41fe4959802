// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/neuron_scan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "gnomon/base/error.h"
#include "gnomon/base/random.h"
#include "gnomon/base/threads.h"
#include "gnomon/stats/moments.h"
#include "gnomon/stats/quantile.h"
#include "support/tiny_model.h"

namespace gnomon::test {
namespace {

constexpr TinyFamily kFamilies[] = {TinyFamily::gpt2, TinyFamily::llama, TinyFamily::gpt_neox};
constexpr double kEps = std::numeric_limits<double>::epsilon();

// Texts of few different tokens, of 1 to 40 of them: tokens and positions come again.
std::vector<std::vector<TokenId>> scan_texts(Index n_text, Index n_token_id) {
  Random random(5, "neuron_scan_test");
  std::vector<std::vector<TokenId>> texts;
  for (Index t = 0; t < n_text; ++t) {
    std::vector<TokenId>& ids = texts.emplace_back(1 + random.below(40));
    for (TokenId& id : ids)
      id = static_cast<TokenId>(random.below(static_cast<std::uint64_t>(n_token_id)));
  }
  return texts;
}

// The values of a neuron and where they come from, by `capture`: every value is kept.
struct Rows {
  std::vector<double> value;
  std::vector<Index> text;
  std::vector<Index> position;
  std::vector<TokenId> token;
};

template <class T>
std::vector<Rows> captured_rows(const Model& model, std::span<const std::vector<TokenId>> texts,
                                Index layer, Position position) {
  const std::vector<SiteAt> sites = {{{HookKind::mlp_post, layer, std::nullopt}, position}};
  const Activations<T> read = std::move(capture<T>(model, texts, sites, {}, {}).activations[0]);
  std::vector<Rows> neurons(static_cast<std::size_t>(model.config().d_mlp));
  for (std::size_t n = 0; n < neurons.size(); ++n) {
    for (std::size_t r = 0; r < read.text.size(); ++r) {
      const auto t = static_cast<std::size_t>(read.text[r]);
      neurons[n].value.push_back(
          static_cast<double>(read.values.matrix()(static_cast<Index>(r), static_cast<Index>(n))));
      neurons[n].text.push_back(read.text[r]);
      neurons[n].position.push_back(read.position[r]);
      neurons[n].token.push_back(texts[t][static_cast<std::size_t>(read.position[r])]);
    }
  }
  return neurons;
}

// SS_between / SS_total and the adjusted share, from their definitions in extended precision.
VarianceExplained direct_anova(const std::vector<double>& values, const std::vector<Index>& group) {
  std::map<Index, std::vector<long double>> by_group;
  long double mean = 0;
  const auto n = static_cast<long double>(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    by_group[group[i]].push_back(values[i]);
    mean += values[i] / n;
  }
  long double total = 0;
  long double within = 0;
  for (const auto& [g, members] : by_group) {
    long double own_mean = 0;
    for (const long double v : members) own_mean += v / static_cast<long double>(members.size());
    for (const long double v : members) {
      within += (v - own_mean) * (v - own_mean);
      total += (v - mean) * (v - mean);
    }
  }
  const auto n_group = static_cast<long double>(by_group.size());
  return {static_cast<double>(1 - within / total),
          static_cast<double>(1 - within / (n - n_group) / (total / (n - 1)))};
}

std::vector<ColumnTop> direct_top(const Rows& rows) {
  std::map<Index, ColumnTop> by_text;
  for (std::size_t r = 0; r < rows.value.size(); ++r) {
    const auto [found, is_new] =
        by_text.try_emplace(rows.text[r], ColumnTop{rows.value[r], rows.text[r], rows.position[r]});
    if (!is_new && rows.value[r] > found->second.value)
      found->second = {rows.value[r], rows.text[r], rows.position[r]};
  }
  std::vector<ColumnTop> tops;
  for (const auto& [text, top] : by_text) tops.push_back(top);
  std::stable_sort(tops.begin(), tops.end(),
                   [](const ColumnTop& a, const ColumnTop& b) { return a.value > b.value; });
  tops.resize(std::min(tops.size(), static_cast<std::size_t>(kScanTopTexts)));
  return tops;
}

void expect_statistics(const NeuronStatistics& actual, const Rows& rows,
                       const std::vector<Index>& token_group) {
  SCOPED_TRACE(testing::Message() << "layer " << actual.layer << ", neuron " << actual.neuron);
  Moments moments;
  moments.add(rows.value);
  std::vector<Index> position_group;
  for (const Index p : rows.position) position_group.push_back(scan_position_group(p));
  // The values are the same bits; sums of n of them differ by n eps of their magnitude, which here
  // is at most 30 sd.
  const double tolerance = 30 * static_cast<double>(rows.value.size()) * kEps;
  EXPECT_NEAR(actual.mean, *moments.mean(), tolerance * *moments.sd());
  EXPECT_NEAR(*actual.sd / *moments.sd(), 1, tolerance);
  EXPECT_NEAR(*actual.skewness, *moments.skewness(), 30 * tolerance);
  EXPECT_EQ(actual.min, *moments.min());
  EXPECT_EQ(actual.max, *moments.max());
  const auto n_positive =
      std::count_if(rows.value.begin(), rows.value.end(), [](double v) { return v > 0; });
  EXPECT_EQ(actual.share_positive,
            static_cast<double>(n_positive) / static_cast<double>(rows.value.size()));
  const double range = *moments.max() - *moments.min();
  EXPECT_NEAR(*actual.score / (*moments.variance() * std::log(1 + range)), 1, 2 * tolerance);
  for (const auto& [explained, group] :
       {std::pair{actual.by_token, token_group}, std::pair{actual.by_position, position_group}}) {
    const VarianceExplained expected = direct_anova(rows.value, group);
    ASSERT_TRUE(explained);
    EXPECT_NEAR(explained->eta_squared, expected.eta_squared, tolerance);
    EXPECT_NEAR(explained->adjusted, expected.adjusted, 2 * tolerance);
  }
  EXPECT_EQ(actual.top, direct_top(rows));
}

template <class T>
void expect_scan_as_brute_force(const Model& model, Position position, Precision precision) {
  const auto texts = scan_texts(60, 30);
  ScanOptions options;
  options.position = position;
  options.precision = precision;
  options.run.batch_tokens = 100;
  options.n_sample_rows = 100'000;  // all of them: quantiles are exact
  options.n_token_groups = 1000;
  const NeuronScan scan = scan_neurons(model, texts, options);
  ASSERT_EQ(scan.neurons.size(), 80U);
  EXPECT_EQ(scan.n_text, 60);
  EXPECT_EQ(scan.n_sampled_row, scan.n_row);
  for (Index layer = 0; layer < 2; ++layer) {
    const std::vector<Rows> expected = captured_rows<T>(model, texts, layer, position);
    ASSERT_EQ(scan.n_row, static_cast<Index>(expected[0].value.size()));
    // A token that comes once is in the group of the rest.
    std::map<TokenId, int> count;
    for (const TokenId id : expected[0].token) ++count[id];
    std::vector<Index> token_group;
    for (const TokenId id : expected[0].token) token_group.push_back(count[id] > 1 ? id : -1);
    for (std::size_t n = 0; n < expected.size(); ++n) {
      const NeuronStatistics& neuron = scan.neurons[static_cast<std::size_t>(layer) * 40 + n];
      EXPECT_EQ(neuron.layer, layer);
      EXPECT_EQ(neuron.neuron, static_cast<Index>(n));
      expect_statistics(neuron, expected[n], token_group);
      const std::vector<double> exact = quantiles(expected[n].value, kScanQuantiles);
      EXPECT_TRUE(std::equal(exact.begin(), exact.end(), neuron.quantiles.begin()));
    }
  }
}

TEST(ScanNeurons, EveryStatisticAsComputedFromAllValues) {
  for (const TinyFamily family : kFamilies) {
    const Model& model = tiny_model(family);
    for (const Position::Kind kind : {Position::Kind::all, Position::Kind::last}) {
      SCOPED_TRACE(testing::Message()
                   << model.config().architecture << " " << position_name({kind, -1}));
      expect_scan_as_brute_force<float>(model, {kind, -1}, Precision::float32);
      expect_scan_as_brute_force<double>(model, {kind, -1}, Precision::float64);
    }
  }
}

TEST(ScanNeurons, TheMostFrequentTokensAreGroupsAndTheRestIsOne) {
  const Model& model = tiny_model(TinyFamily::gpt2);
  // Token 3 eight times, token 9 six times, tokens 1, 2, 4 and 5 twice, token 7 once.
  const std::vector<std::vector<TokenId>> texts = {
      {3, 9, 1, 3, 2}, {3, 9, 3, 4}, {9, 5, 3, 9, 7}, {1, 3, 2, 9, 3}, {4, 3, 9, 5}};
  ScanOptions options;
  options.n_token_groups = 2;
  const NeuronScan scan = scan_neurons(model, texts, options);
  EXPECT_EQ(scan.n_row, 23);
  EXPECT_EQ(scan.token.n_group, 3);
  EXPECT_NEAR(scan.token.share_own, 14.0 / 23, 1e-15);
  EXPECT_EQ(scan.position_groups.n_group, 5);
  EXPECT_EQ(scan.position_groups.share_own, 1);
  const std::vector<Rows> rows = captured_rows<float>(model, texts, 1, {Position::Kind::all, -1});
  std::vector<Index> group;
  for (const TokenId id : rows[0].token) group.push_back(id == 3 || id == 9 ? id : -1);
  for (std::size_t n = 0; n < 40; ++n) {
    EXPECT_NEAR(scan.neurons[40 + n].by_token->eta_squared,
                direct_anova(rows[n].value, group).eta_squared, 23 * 30 * kEps);
  }
  // With all tokens told apart, more or the same is explained.
  const NeuronScan finer = scan_neurons(model, texts, {});
  EXPECT_EQ(finer.token.n_group, 7);  // six that come again, and token 7
  for (std::size_t n = 0; n < 80; ++n) {
    EXPECT_GE(finer.neurons[n].by_token->eta_squared,
              scan.neurons[n].by_token->eta_squared - 23 * 30 * kEps);
  }
}

TEST(ScanNeurons, PositionGroupsAreFineAtTheStartAndDoubleAfterwards) {
  for (Index p = 0; p < 32; ++p) EXPECT_EQ(scan_position_group(p), p);
  EXPECT_EQ(scan_position_group(32), 32);
  EXPECT_EQ(scan_position_group(47), 32);
  EXPECT_EQ(scan_position_group(48), 33);
  EXPECT_EQ(scan_position_group(63), 33);
  EXPECT_EQ(scan_position_group(64), 34);
  EXPECT_EQ(scan_position_group(95), 34);
  EXPECT_EQ(scan_position_group(96), 35);
  EXPECT_EQ(scan_position_group(1023), 41);
  EXPECT_EQ(scan_position_group(1024), 42);
}

TEST(ScanNeurons, QuantilesOfSampledRowsAreNearThoseOfAll) {
  const Model& model = tiny_model(TinyFamily::llama);
  const auto texts = scan_texts(200, 200);
  ScanOptions options;
  options.n_sample_rows = 400;
  options.seed = 3;
  const NeuronScan scan = scan_neurons(model, texts, options);
  EXPECT_EQ(scan.n_sampled_row, 400);
  const std::vector<Rows> rows = captured_rows<float>(model, texts, 0, {Position::Kind::all, -1});
  for (std::size_t n = 0; n < 40; ++n) {
    for (std::size_t q = 0; q < kScanQuantiles.size(); ++q) {
      // The share of rows below an estimate misses p by 5 standard errors of 400 draws at most, and
      // by the spacing of the sample.
      const double p = kScanQuantiles[q];
      const double below = percentile_rank(rows[n].value, scan.neurons[n].quantiles[q]);
      EXPECT_NEAR(below, p, 5 * std::sqrt(p * (1 - p) / 400) + 1.0 / 400);
    }
  }
  options.seed = 4;
  EXPECT_NE(scan_neurons(model, texts, options).neurons[0].quantiles, scan.neurons[0].quantiles);
}

// Every number of a scan, in one list.
std::vector<double> all_numbers(const NeuronScan& scan) {
  std::vector<double> numbers;
  for (const NeuronStatistics& neuron : scan.neurons) {
    numbers.insert(numbers.end(), {neuron.mean, *neuron.sd, neuron.min, neuron.max,
                                   *neuron.skewness, neuron.share_positive, *neuron.score,
                                   *neuron.standardised, *neuron.layer_quantile,
                                   neuron.by_token->adjusted, neuron.by_position->adjusted});
    numbers.insert(numbers.end(), neuron.quantiles.begin(), neuron.quantiles.end());
    for (const ColumnTop& top : neuron.top)
      numbers.insert(numbers.end(),
                     {top.value, static_cast<double>(top.item), static_cast<double>(top.place)});
  }
  return numbers;
}

TEST(ScanNeurons, SameBitsWithAnyNumberOfThreads) {
  const Model& model = tiny_model(TinyFamily::gpt2);
  const auto texts = scan_texts(30, 50);
  ScanOptions options;
  options.n_sample_rows = 50;
  const int before = threads();
  std::vector<std::vector<double>> results;
  for (const int n : {1, 2, 5}) {
    set_threads(n);
    results.push_back(all_numbers(scan_neurons(model, texts, options)));
  }
  set_threads(before);
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
}

TEST(ScanNeurons, OneLayerAsAmongAll) {
  const Model& model = tiny_model(TinyFamily::llama);
  const auto texts = scan_texts(20, 50);
  const NeuronScan all = scan_neurons(model, texts, {});
  ScanOptions options;
  options.first_layer = 1;
  options.last_layer = 1;
  const NeuronScan one = scan_neurons(model, texts, options);
  ASSERT_EQ(one.neurons.size(), 40U);
  NeuronScan part = all;
  part.neurons.erase(part.neurons.begin(), part.neurons.begin() + 40);
  EXPECT_EQ(all_numbers(one), all_numbers(part));
}

TEST(ScanNeurons, ScoresAreStandardisedAndRankedWithinTheLayer) {
  const Model& model = tiny_model(TinyFamily::gpt2);
  const NeuronScan scan = scan_neurons(model, scan_texts(20, 50), {});
  for (std::size_t first : {0U, 40U}) {
    Moments logs;
    Moments z;
    std::vector<std::pair<double, double>> by_score;
    for (std::size_t n = first; n < first + 40; ++n) {
      logs.add(std::log(*scan.neurons[n].score));
      z.add(*scan.neurons[n].standardised);
      by_score.emplace_back(*scan.neurons[n].score, *scan.neurons[n].layer_quantile);
    }
    EXPECT_NEAR(*scan.neurons[first].standardised,
                (std::log(*scan.neurons[first].score) - *logs.mean()) / *logs.sd(), 1e-12);
    EXPECT_NEAR(*z.mean(), 0, 1e-13);
    EXPECT_NEAR(*z.sd(), 1, 1e-13);
    std::sort(by_score.begin(), by_score.end());
    for (std::size_t i = 0; i < by_score.size(); ++i)
      EXPECT_EQ(by_score[i].second, static_cast<double>(i) / 39);
  }
}

// A neuron of block 0 that is 0 whatever the text: no input and no bias.
TinyModelOptions with_silent_neuron(Index neuron) {
  TinyModelOptions options;
  options.change = [neuron](TinyTensors& tensors) {
    TinyTensor& weight = tensors.at("transformer.h.0.mlp.c_fc.weight");  // [d_model, d_mlp]
    for (Index i = 0; i < weight.shape[0]; ++i)
      weight.values[static_cast<std::size_t>(i * weight.shape[1] + neuron)] = 0;
    tensors.at("transformer.h.0.mlp.c_fc.bias").values[static_cast<std::size_t>(neuron)] = 0;
  };
  return options;
}

TEST(ScanNeurons, AConstantNeuronHasScoreZeroAndNoShape) {
  const TinyModel tiny(with_silent_neuron(7));
  const NeuronScan scan = scan_neurons(tiny.model, scan_texts(20, 50), {});
  const NeuronStatistics& silent = scan.neurons[7];
  EXPECT_EQ(silent.sd, 0);
  EXPECT_EQ(silent.mean, 0);
  EXPECT_EQ(silent.score, 0);
  EXPECT_EQ(silent.layer_quantile, 0);
  EXPECT_FALSE(silent.skewness);
  EXPECT_FALSE(silent.by_token);
  EXPECT_FALSE(silent.by_position);
  EXPECT_FALSE(silent.standardised);
  EXPECT_EQ(silent.top.size(), 5U);
  EXPECT_TRUE(scan.neurons[8].standardised);
}

TEST(ScanNeurons, OneRow) {
  const Model& model = tiny_model(TinyFamily::gpt2);
  const NeuronScan scan = scan_neurons(model, std::vector<std::vector<TokenId>>{{5}}, {});
  EXPECT_EQ(scan.n_row, 1);
  for (const NeuronStatistics& neuron : scan.neurons) {
    EXPECT_EQ(neuron.mean, neuron.min);
    EXPECT_EQ(neuron.quantiles[3], neuron.mean);
    EXPECT_FALSE(neuron.sd);
    EXPECT_FALSE(neuron.score);
    EXPECT_FALSE(neuron.layer_quantile);
    EXPECT_FALSE(neuron.by_token);
    EXPECT_EQ(neuron.top, (std::vector<ColumnTop>{{neuron.mean, 0, 0}}));
  }
}

std::string error_of(const Model& model, std::span<const std::vector<TokenId>> texts,
                     const ScanOptions& options) {
  try {
    scan_neurons(model, texts, options);
  } catch (const Error& error) {
    return std::string(error_code_row(error.code()).name) + ": " + error.what() + "; " +
           error.hint();
  }
  return "no error";
}

TEST(ScanNeurons, Errors) {
  const Model& model = tiny_model(TinyFamily::gpt2);
  const auto texts = scan_texts(3, 50);
  EXPECT_EQ(error_of(model, {}, {}), "E014: scan: no texts, expected at least 1; ");
  const auto with_layers = [](Index first, Index last) {
    ScanOptions options;
    options.first_layer = first;
    options.last_layer = last;
    return options;
  };
  EXPECT_EQ(error_of(model, texts, with_layers(0, 2)),
            "E012: layers 0:2, expected a range within 0:1; the nearest is 0:1");
  EXPECT_EQ(error_of(model, texts, with_layers(5, 9)),
            "E012: layers 5:9, expected a range within 0:1; the nearest is 1:1");
  EXPECT_EQ(error_of(model, texts, with_layers(1, 0)),
            "E012: layers 1:0, expected a range within 0:1; the nearest is 1:1");
  ScanOptions at_two;
  at_two.position = {Position::Kind::index, 2};
  EXPECT_EQ(error_of(model, texts, at_two),
            "E010: scan: position \"@2\", expected @all or @last; ");
  const std::vector<std::vector<TokenId>> long_text = {{1}, std::vector<TokenId>(49, 1)};
  EXPECT_EQ(error_of(model, long_text, {}).substr(0, 34), "E014: text 1 has 49 tokens, expect");
}

TEST(ScanNeurons, AValueThatIsNotFiniteIsNamed) {
  TinyModelOptions options;
  options.change = [](TinyTensors& tensors) {
    TinyTensor& weight = tensors.at("transformer.h.1.mlp.c_fc.weight");  // [d_model, d_mlp]
    for (Index i = 0; i < weight.shape[0]; ++i)
      weight.values[static_cast<std::size_t>(i * weight.shape[1] + 4)] =
          3e38;  // float32 ends there
  };
  const TinyModel tiny(options);
  const std::string message = error_of(tiny.model, scan_texts(3, 50), {});
  const std::string expected = "E002: scan: \"blocks.1.mlp.hook_post[4]\" is ";
  EXPECT_EQ(message.substr(0, expected.size()), expected);
  EXPECT_NE(message.find(" at position 0 of text 0; "), std::string::npos) << message;
}

}  // namespace
}  // namespace gnomon::test
