// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/study.h"

#include <algorithm>
#include <utility>

#include "gnomon/base/error.h"

namespace gnomon {
namespace {

template <class T>
std::vector<double> to_double(std::span<const T> values) {
  return {values.begin(), values.end()};
}

template <class T>
Tensor<double> to_double_tensor(const Tensor<T>& tensor) {
  return Tensor<double>(tensor.shape(), to_double<T>(tensor.values()));
}

Site block_site(HookKind kind, Index layer) { return {kind, layer, std::nullopt}; }

// The sites of one study, in the order in which they are captured.
std::vector<SiteAt> study_sites(const Target& target, const ModelConfig& config) {
  const Index layer = target.layer();
  const Position position = target.at.position;
  std::vector<SiteAt> sites = {
      target.at,
      {block_site(HookKind::resid_pre, layer), position},
      {block_site(config.parallel_block ? HookKind::attn_out : HookKind::resid_mid, layer),
       position},
      {block_site(HookKind::resid_post, layer), position},
      {block_site(HookKind::resid_post, config.n_layers - 1), position},
  };
  if (target.is_neuron()) {
    sites.push_back({{HookKind::mlp_pre, layer, target.index()}, position});
    sites.push_back({{HookKind::mlp_post, layer, target.index()}, position});
    if (config.gated_mlp)
      sites.push_back({{HookKind::mlp_pre_linear, layer, target.index()}, position});
  }
  return sites;
}

template <class T>
void measure(StudyData& data, const Model& model, const StudyTexts& texts,
             const RunOptions& options) {
  const std::vector<SiteAt> sites = study_sites(data.target, data.config);
  const CaptureResult<T> captured = capture<T>(model, texts.ids, sites, {}, options);
  const std::vector<Activations<T>>& read = captured.activations;
  data.text = read[0].text;
  data.position = read[0].position;
  data.activation = to_double<T>(read[0].values.values());
  data.resid_pre = to_double_tensor(read[1].values);
  (data.config.parallel_block ? data.attn_out : data.resid_mid) = to_double_tensor(read[2].values);
  data.resid_post = to_double_tensor(read[3].values);
  data.resid_final = to_double_tensor(read[4].values);
  if (!data.target.is_neuron()) return;
  data.pre = to_double<T>(read[5].values.values());
  data.post = to_double<T>(read[6].values.values());
  if (data.config.gated_mlp) data.pre_linear = to_double<T>(read[7].values.values());
  data.neuron =
      neuron_weights(data.config, model.weights<T>(), data.target.layer(), data.target.index());
}

}  // namespace

StudyTexts tokenize_texts(const Model& model, std::vector<TextRecord> records,
                          const PrepareOptions& options) {
  EncodedTexts encoded =
      encode_texts(model, std::move(records), {options.deduplicate, options.position});
  StudyTexts texts;
  texts.records = std::move(encoded.records);
  texts.ids = std::move(encoded.ids);
  texts.n_copies = std::move(encoded.n_copies);
  texts.excluded = std::move(encoded.excluded);
  return texts;
}

void group_and_split(StudyTexts& texts, const PrepareOptions& options) {
  NearDuplicateOptions near = options.near;
  near.seed = options.seed;
  texts.groups = group_texts(texts.records, options.rules, near);
  texts.part =
      split_by_group(texts.groups.group_of_row, options.fractions, options.seed).part_of_row;
}

StudyTexts prepare_texts(const Model& model, std::vector<TextRecord> records,
                         const PrepareOptions& options) {
  StudyTexts texts = tokenize_texts(model, std::move(records), options);
  group_and_split(texts, options);
  return texts;
}

StudyTexts prepare_texts(const Model& model, std::vector<TextRecord> records, std::uint64_t seed) {
  PrepareOptions options;
  options.seed = seed;
  return prepare_texts(model, std::move(records), options);
}

StudyData measure_study(const Model& model, const Target& target, const StudyTexts& texts,
                        Precision precision, const RunOptions& options) {
  StudyData data;
  data.config = model.config();
  data.target = target;
  data.precision = precision;
  data.weights = model.source().weights;
  if (precision == Precision::float32) {
    measure<float>(data, model, texts, options);
  } else {
    measure<double>(data, model, texts, options);
  }
  data.describe_rows(texts);
  return data;
}

void StudyData::describe_rows(const StudyTexts& texts) {
  n_token.clear();
  token.clear();
  group.clear();
  part.clear();
  for (std::size_t r = 0; r < text.size(); ++r) {
    const auto t = static_cast<std::size_t>(text[r]);
    n_token.push_back(static_cast<Index>(texts.ids[t].size()));
    token.push_back(texts.ids[t][static_cast<std::size_t>(position[r])]);
    group.push_back(texts.groups.group_of_row[t]);
    part.push_back(texts.part[t]);
  }
}

std::vector<Index> StudyData::rows_of(Part wanted) const {
  std::vector<Index> rows;
  for (std::size_t r = 0; r < part.size(); ++r) {
    if (part[r] == wanted) rows.push_back(static_cast<Index>(r));
  }
  return rows;
}

std::vector<double> StudyData::write() const {
  if (neuron) return neuron->write;
  std::vector<double> basis(static_cast<std::size_t>(config.d_model));
  basis[static_cast<std::size_t>(target.index())] = 1;
  return basis;
}

const Tensor<double>& StudyData::mlp_stream() const {
  return config.parallel_block ? resid_pre : resid_mid;
}

const Tensor<double>& StudyData::stream_at(HookKind kind) const {
  switch (kind) {
    case HookKind::resid_pre:
      return resid_pre;
    case HookKind::resid_mid:
      return resid_mid;
    case HookKind::resid_post:
      return resid_post;
    default:
      throw InternalError("StudyData::stream_at: not a stream");
  }
}

Site StudyData::write_site() const {
  return block_site(written_stream(target.at.site.kind, config), target.layer());
}

Site StudyData::final_site() const { return block_site(HookKind::resid_post, config.n_layers - 1); }

Tensor<double> take_rows(MatrixView<const double> matrix, std::span<const Index> rows) {
  Tensor<double> taken({static_cast<Index>(rows.size()), matrix.cols});
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::ranges::copy(matrix.row(rows[i]), taken.matrix().row(static_cast<Index>(i)).begin());
  }
  return taken;
}

}  // namespace gnomon
