// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "gnomon/analyses/original_sampling.h"
#include "gnomon/base/json.h"
#include "support/torch_archive_bytes.h"

namespace gnomon::test {

// A run as the original program writes it, small and with figures known beforehand: 200 rows that
// are 100 draws of its generator twice over; labels 10 + first + rest / 10, by the numbers of the
// two sentences; a head of 64 weights that is the draws of seed 42.
struct OriginalRunFiles {
  std::string strategy = "after_target";
  double training_loss = 0.5;     // of the last epoch
  double evaluation_loss = 50.0;  // of the same rows
  float head_change = 0;          // added to every weight; not 0: a trained head
  bool actual_is_label = false;
  Index width = 64;  // d_model
  Index max_length = 512;
  std::vector<double> actual;  // of the test rows; empty: as actual_is_label says

  std::vector<std::string> texts;
  std::vector<double> labels;

  void make_rows() {
    for (const ChoicePair& pair : numpy_choice_pairs(100, 20, 15, kOriginalSeed)) {
      texts.push_back("First sentence " + std::string(1, static_cast<char>('A' + pair.first)) +
                      ". And the rest " + std::string(1, static_cast<char>('a' + pair.second)) +
                      ".");
      labels.push_back(10 + static_cast<double>(pair.first) +
                       static_cast<double>(pair.second) / 10);
    }
    for (std::size_t i = 0; i < 100; ++i) {
      texts.push_back(texts[i]);
      labels.push_back(labels[i]);
    }
  }

  static void put(const std::filesystem::path& file, std::string_view content) {
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << content;
  }

  double variance(Index first, Index count) const {
    const std::vector<Index> order = torch_permutation(200, kOriginalSeed);
    double mean = 0;
    double square = 0;
    for (Index i = first; i < first + count; ++i) {
      const double label = labels[static_cast<std::size_t>(order[static_cast<std::size_t>(i)])];
      mean += label / static_cast<double>(count);
      square += label * label / static_cast<double>(count);
    }
    return square - mean * mean;
  }

  std::string head() const {
    const Tensor<double> init = torch_linear_normal(1, width, 0.02, kOriginalSeed);
    std::vector<float> weight;
    for (const double value : init.values())
      weight.push_back(static_cast<float>(value) + head_change);
    return torch_head(weight, head_change == 0 ? 0.0F : 0.25F);
  }

  void write(const std::filesystem::path& folder) {
    if (texts.empty()) make_rows();
    const std::string stem = "neuron_l1_n5_20250101_000000";
    std::string csv = "text,activation\n";
    for (std::size_t i = 0; i < texts.size(); ++i)
      csv += texts[i] + "," + Json(labels[i]).dump() + "\n";
    put(folder / "datasets" / (stem + ".csv"), csv);
    put(folder / "datasets" / (stem + "_metadata.json"),
        Json{{"layer", 1},
             {"neuron_idx", 5},
             {"layer_type", "mlp_out"},
             {"num_samples", 200},
             {"num_bins", nullptr},
             {"dataset_info", {{"max_length", max_length}}}}
            .dump());
    const std::filesystem::path model = folder / "models" / stem;
    const Json config = {{"head_type", "regression"}, {"target_layer", 1},   {"target_neuron", 5},
                         {"layer_type", "mlp_out"},   {"token_pos", "last"}, {"feature_layer", -1},
                         {"base_model_name", "gpt2"}, {"d_model", width}};
    for (const char* which : {"best_model", "final_model"}) {
      put(model / which / "config.json", config.dump());
      put(model / which / "head.pt", head());
    }
    const auto metrics = [&](double mse, double label_variance) {
      return Json{{"mse", mse}, {"mae", 1.0}, {"r2_score", 1 - mse / label_variance}};
    };
    const double train_variance = variance(0, 140);
    const double val_variance = variance(140, 30);
    put(model / "training_metrics.json",
        Json{{"train_loss", {9.0, training_loss}},
             {"val_loss", {8.0, 7.5}},
             {"train_metrics",
              {metrics(60, train_variance), metrics(evaluation_loss, train_variance)}},
             {"val_metrics", {metrics(8, val_variance), metrics(7, val_variance)}},
             {"best_val_loss", 7.5},
             {"best_epoch", 1},
             {"train_time", 3.5},
             {"unfreezing", {{"strategy", strategy}}}}
            .dump());
    const std::vector<Index> order = torch_permutation(200, kOriginalSeed);
    std::string predictions = "text,actual,predicted,error\n";
    for (std::size_t i = 170; i < 200; ++i) {
      const auto row = static_cast<std::size_t>(order[i]);
      const double value = !actual.empty()   ? actual[i - 170]
                           : actual_is_label ? labels[row]
                                             : 40 + static_cast<double>(texts[row][15] - 'A') / 10;
      predictions += "\"" + texts[row] + "\"," + Json(value).dump() + ",30.0," +
                     Json(30.0 - value).dump() + "\n";
    }
    put(model / "prediction_samples_test_20250101_000100.csv", predictions);
    put(folder / "introspection_summary_20250101_000000.json",
        Json{{"model", "gpt2-small"},
             {"target",
              {{"layer", 1}, {"neuron", 5}, {"layer_type", "mlp_out"}, {"token_position", "last"}}},
             {"dataset", {{"csv_path", "output/datasets/" + stem + ".csv"}}},
             {"training",
              {{"head_type", "regression"},
               {"feature_layer", -1},
               {"batch_size", 16},
               {"epochs", 4},
               {"learning_rate", 1e-4},
               {"unfreeze_strategy", strategy}}},
             {"results", {{"correlation", 0.5}, {"mse", 100.0}, {"report_path", "output/r.txt"}}},
             {"performance_summary", {{"mse", 100.0}, {"mse_improvement_pct", 90.0}}}}
            .dump());
    put(folder / "introspection_log_20250101_000000.log",
        "t - neural_introspection - INFO - Loaded 100 sample texts\n"
        "t - neural_introspection - INFO -   Score: 48.2056, Variance: 15.9491, Range: 19.5418\n"
        "t - neural_introspection - INFO - Testing on new examples:\n"
        "t - neural_introspection - INFO - Example 1:\n"
        "t - neural_introspection - INFO -   Text: " +
            texts[0].substr(0, 20) +
            "...\n"
            "t - neural_introspection - INFO -   Raw model output: 12.5\n"
            "t - neural_introspection - INFO -   Denormalized: 12.500000\n"
            "t - neural_introspection - INFO -   Actual: 13.500000\n");
    put(folder / "introspection_report_20250101_000100.txt",
        "Performance Metrics\n---\nMean Error: -11.5\nError Std: 0.25\n\n");
    put(folder / "projection_analysis_results_l1_n5.json",
        Json{{"projections",
              {{"input", {{"correlation", -0.36}, {"r_squared", 0.1296}, {"p_value", 0.0}}}}}}
            .dump());
  }
};

}  // namespace gnomon::test
