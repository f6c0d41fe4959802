// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <map>
#include <string>

#include "gnomon/base/error.h"
#include "gnomon/model/model_config_json.h"
#include "gnomon/report/detail/tensor_columns.h"
#include "gnomon/report/study_files.h"

namespace gnomon {
namespace {

using detail::TensorReader;
using detail::TensorWriter;

void check_rows(const TensorReader& reader, const StudyData& data) {
  const std::size_t n = data.text.size();
  const auto n_row = static_cast<Index>(n);
  bool fits = data.position.size() == n && data.group.size() == n && data.part.size() == n &&
              data.activation.size() == n;
  for (const Tensor<double>* stream :
       {&data.resid_pre, data.config.parallel_block ? &data.attn_out : &data.resid_mid,
        &data.resid_post, &data.resid_final}) {
    fits = fits && stream->shape() == std::vector<Index>{n_row, data.config.d_model};
  }
  if (data.target.is_neuron()) {
    fits = fits && data.pre.size() == n && data.post.size() == n;
    fits = fits && (!data.config.gated_mlp || data.pre_linear.size() == n);
    const auto d_model = static_cast<std::size_t>(data.config.d_model);
    fits = fits && data.neuron->read.size() == d_model && data.neuron->write.size() == d_model &&
           data.neuron->norm_weight.size() == d_model &&
           data.neuron->output_bias.size() == d_model &&
           (!data.config.gated_mlp || data.neuron->up_read.size() == d_model) &&
           (data.neuron->norm_bias.empty() || data.neuron->norm_bias.size() == d_model);
  }
  if (!fits || n == 0)
    throw reader.damaged("its tensors do not have one row for each row of the study");
}

}  // namespace

void write_study(const std::filesystem::path& path, const StudyData& data,
                 const ProjectionAnalysis& analysis) {
  TensorWriter writer;
  std::vector<Index> part;
  for (const Part p : data.part) part.push_back(static_cast<Index>(p));
  writer.add("activation", data.activation);
  writer.add("text", data.text);
  writer.add("position", data.position);
  writer.add("group", data.group);
  writer.add("part", part);
  writer.add("resid_pre", data.resid_pre);
  if (data.config.parallel_block) {
    writer.add("attn_out", data.attn_out);
  } else {
    writer.add("resid_mid", data.resid_mid);
  }
  writer.add("resid_post", data.resid_post);
  writer.add("resid_final", data.resid_final);
  writer.add("pre", data.pre);
  writer.add("pre_linear", data.pre_linear);
  writer.add("post", data.post);
  const std::vector<double> head_bias = {analysis.head.bias};
  const std::vector<double> mean_gradient = {analysis.mean_gradient.gate,
                                             analysis.mean_gradient.up};
  std::vector<double> read_bias;
  writer.add("head.weight", analysis.head.weight);
  writer.add("head.bias", head_bias);
  writer.add("mean_gradient", mean_gradient);
  if (data.neuron) {
    read_bias = {data.neuron->read_bias};
    writer.add("neuron.read", data.neuron->read);
    writer.add("neuron.read_bias", read_bias);
    writer.add("neuron.up_read", data.neuron->up_read);
    writer.add("neuron.write", data.neuron->write);
    writer.add("neuron.output_bias", data.neuron->output_bias);
    writer.add("neuron.norm_weight", data.neuron->norm_weight);
    writer.add("neuron.norm_bias", data.neuron->norm_bias);
  }
  std::map<std::string, std::string> metadata = {
      {"target", site_at_name(data.target.at, data.config)},
      {"precision", std::string(precision_name(data.precision))},
      {"model_config", model_config_json(data.config)}};
  // Absent where they are raw, as in files from before there was a choice.
  if (data.weights != "raw") metadata["weights"] = data.weights;
  writer.write(path, metadata);
}

StoredStudy read_study(const std::filesystem::path& path) {
  const TensorReader reader(path);
  StoredStudy study;
  StudyData& data = study.data;
  data.config = model_config_from_json(reader.metadata("model_config"), path.string());
  data.target = make_target(parse_site(reader.metadata("target"), data.config), data.config);
  const std::string& precision = reader.metadata("precision");
  if (precision != "float32" && precision != "float64")
    throw reader.damaged(fmt::format("precision \"{}\"", precision));
  data.precision = precision == "float32" ? Precision::float32 : Precision::float64;
  data.weights = reader.metadata_or("weights", "raw");
  data.activation = reader.numbers("activation");
  data.text = reader.indices("text");
  data.position = reader.indices("position");
  data.group = reader.indices("group");
  for (const Index p : reader.indices("part")) {
    if (p < 0 || p > 2) throw reader.damaged(fmt::format("part {}, expected 0 to 2", p));
    data.part.push_back(static_cast<Part>(p));
  }
  data.resid_pre = reader.matrix("resid_pre");
  if (data.config.parallel_block) {
    data.attn_out = reader.matrix("attn_out");
  } else {
    data.resid_mid = reader.matrix("resid_mid");
  }
  data.resid_post = reader.matrix("resid_post");
  data.resid_final = reader.matrix("resid_final");
  data.pre = reader.numbers_or_empty("pre");
  data.pre_linear = reader.numbers_or_empty("pre_linear");
  data.post = reader.numbers_or_empty("post");
  study.head.weight = reader.numbers("head.weight");
  const std::vector<double> bias = reader.numbers("head.bias");
  const std::vector<double> gradient = reader.numbers("mean_gradient");
  if (study.head.weight.size() != static_cast<std::size_t>(data.config.d_model) ||
      bias.size() != 1 || gradient.size() != 2) {
    throw reader.damaged("the head does not fit the model's width");
  }
  study.head.bias = bias[0];
  study.mean_gradient = {gradient[0], gradient[1]};
  if (data.target.is_neuron()) {
    NeuronWeights neuron;
    neuron.read = reader.numbers("neuron.read");
    const std::vector<double> read_bias = reader.numbers("neuron.read_bias");
    if (read_bias.size() != 1)
      throw reader.damaged("tensor \"neuron.read_bias\" has not one number");
    neuron.read_bias = read_bias[0];
    neuron.up_read = reader.numbers_or_empty("neuron.up_read");
    neuron.write = reader.numbers("neuron.write");
    neuron.output_bias = reader.numbers("neuron.output_bias");
    neuron.norm_weight = reader.numbers("neuron.norm_weight");
    neuron.norm_bias = reader.numbers_or_empty("neuron.norm_bias");
    data.neuron = std::move(neuron);
  }
  check_rows(reader, data);
  return study;
}

}  // namespace gnomon
