// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/cosines.h"

#include <algorithm>
#include <cmath>

#include "gnomon/analyses/detail/stream_space.h"
#include "gnomon/directions/direction.h"
#include "gnomon/kernels/linear_algebra.h"
#include "gnomon/stats/moments.h"
#include "gnomon/stats/quantile.h"

namespace gnomon {
namespace {

using Column = std::vector<double>;
using detail::matrix_times;
using detail::row_of;
using detail::StreamSpace;

double cosine_of(const Column& a, const Column& b) {
  const double lengths = norm(a) * norm(b);
  return lengths > 0 ? dot(a, b) / lengths : 0;
}

CosineResult with_null(const std::string& name, const std::string& space,
                       const std::string& definition, double value, const Column& null) {
  CosineResult cosine{
      name, space, definition, value, std::nullopt, std::nullopt, static_cast<Index>(null.size())};
  if (null.size() < 2) return cosine;
  Column magnitudes;
  for (const double c : null) magnitudes.push_back(std::abs(c));
  cosine.percentile = 100 * percentile_rank(magnitudes, std::abs(value));
  Moments moments;
  moments.add(null);
  cosine.null_sd = moments.sd();
  return cosine;
}

// Cosines of `vector` with the rows of `others`, which may be none.
Column cosines_with(const Column& vector, const Tensor<double>& others, const StreamSpace& space) {
  Column cosines;
  for (Index k = 0; k < others.matrix().rows; ++k)
    cosines.push_back(cosine_of(vector, space.of(row_of(others, k))));
  return cosines;
}

std::vector<Index> other_neurons(const StudyData& data) {
  std::vector<Index> others;
  for (Index n = 0; data.neuron && n < data.config.d_mlp; ++n) {
    if (n != data.target.index()) others.push_back(n);
  }
  return others;
}

Tensor<double> covariance_of(const StudyData& data, std::span<const Index> rows) {
  const Tensor<double> features = take_rows(data.resid_final.matrix(), rows);
  CovarianceAccumulator accumulator(features.matrix().cols);
  accumulator.add_rows(features.matrix());
  return accumulator.covariance();
}

// cos(Σ^½ w, Σ^-½ u) = w·u / sqrt(wᵀΣw uᵀΣ⁻¹u) with Σ + shrinkage in place of Σ: the cosine in the
// coordinates in which the features are uncorrelated and of equal variance.
CosineResult whitened_cosine(Tensor<double> covariance, double shrinkage, const Column& head,
                             const Column& write, const Tensor<double>& other_writes) {
  const Index d = covariance.matrix().rows;
  for (Index i = 0; i < d; ++i) covariance.matrix()(i, i) += shrinkage;
  const Index n_other = other_writes.matrix().rows;
  Tensor<double> right({d, 1 + n_other});
  for (Index i = 0; i < d; ++i) {
    right.matrix()(i, 0) = write[static_cast<std::size_t>(i)];
    for (Index k = 0; k < n_other; ++k) right.matrix()(i, 1 + k) = other_writes.matrix()(k, i);
  }
  const Tensor<double> solved = cholesky_solve(covariance.matrix(), right.matrix());
  const double head_length = std::sqrt(dot(head, matrix_times(covariance, head)));
  Column values;
  for (Index k = 0; k <= n_other; ++k) {
    double product = 0;
    double squared_length = 0;
    for (Index i = 0; i < d; ++i) {
      product += head[static_cast<std::size_t>(i)] * right.matrix()(i, k);
      squared_length += right.matrix()(i, k) * solved.matrix()(i, k);
    }
    const double lengths = head_length * std::sqrt(std::max(squared_length, 0.0));
    values.push_back(lengths > 0 ? product / lengths : 0);
  }
  return with_null(
      "head, output (whitened)", "whitened",
      "cos(Σ^½ w, Σ^-½ u) of head and write, Σ of the training features with the ridge's λ/n",
      values.front(), Column(values.begin() + 1, values.end()));
}

double shrinkage_of(const Tensor<double>& covariance, double ridge_lambda, std::size_t n_row) {
  const Index d = covariance.matrix().rows;
  double trace = 0;
  for (Index i = 0; i < d; ++i) trace += covariance.matrix()(i, i);
  // The floor keeps a covariance of fewer rows than columns invertible where lambda is 0.
  return std::max(ridge_lambda / static_cast<double>(n_row),
                  1e-10 * trace / static_cast<double>(d));
}

// What reads and writes are compared with.
struct Written {
  Column head;   // in the space of the stream
  Column write;  // likewise
  Tensor<double> other_writes;
};

void add_read(std::vector<CosineResult>& table, const std::string& name, const StudyData& data,
              const StreamSpace& space, const Column& read, const Tensor<double>& other_reads,
              const Written& written) {
  const Column folded = folded_read(read, data.neuron->norm_weight, data.config.norm);
  const Tensor<double> other_folded =
      folded_reads(other_reads, data.neuron->norm_weight, data.config.norm);
  table.push_back(
      with_null("head, " + name, space.name(),
                "head weight against what the neuron reads of the stream, norm folded in",
                cosine_of(written.head, folded), cosines_with(written.head, other_folded, space)));
  Column pairs;
  for (Index k = 0; k < other_folded.matrix().rows; ++k) {
    pairs.push_back(cosine_of(row_of(other_folded, k), space.of(row_of(written.other_writes, k))));
  }
  table.push_back(with_null(name + ", output", space.name(),
                            "what the neuron reads, norm folded in, against what it writes",
                            cosine_of(folded, written.write), pairs));
}

}  // namespace

template <class T>
std::vector<CosineResult> cosine_table(const StudyData& data, const Weights<T>& weights,
                                       const LinearHead& head, double ridge_lambda,
                                       std::span<const Index> training_rows) {
  const StreamSpace space(data.config.norm);
  const std::vector<Index> others = other_neurons(data);
  const Index layer = data.target.layer();
  Written written{space.of(head.weight), space.of(data.write()), {}};
  if (data.neuron) written.other_writes = write_directions(weights, layer, others);

  std::vector<CosineResult> table;
  table.push_back(with_null("head, output", space.name(),
                            "head weight against what the target writes",
                            cosine_of(written.head, written.write),
                            cosines_with(written.head, written.other_writes, space)));
  const Tensor<double> covariance = covariance_of(data, training_rows);
  const Column pattern = space.of(matrix_times(covariance, head.weight));
  table.push_back(with_null("head pattern, output", space.name(),
                            "Σ w of the head against what the target writes (Haufe et al. 2014)",
                            cosine_of(pattern, written.write),
                            cosines_with(pattern, written.other_writes, space)));
  table.push_back(whitened_cosine(covariance,
                                  shrinkage_of(covariance, ridge_lambda, training_rows.size()),
                                  head.weight, data.write(), written.other_writes));
  if (!data.neuron) return table;

  add_read(table, data.config.gated_mlp ? "input_gate" : "input", data, space, data.neuron->read,
           read_directions(data.config, weights, layer, others), written);
  if (data.config.gated_mlp) {
    add_read(table, "input_up", data, space, data.neuron->up_read,
             up_read_directions(weights, layer, others), written);
  }
  return table;
}

template std::vector<CosineResult> cosine_table<float>(const StudyData&, const Weights<float>&,
                                                       const LinearHead&, double,
                                                       std::span<const Index>);
template std::vector<CosineResult> cosine_table<double>(const StudyData&, const Weights<double>&,
                                                        const LinearHead&, double,
                                                        std::span<const Index>);

}  // namespace gnomon
