// SPDX-License-Identifier: Apache-2.0
#include "gnomon/train/pretrain.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/base/interrupt.h"
#include "gnomon/base/json.h"
#include "gnomon/base/random.h"
#include "gnomon/kernels/dequantize.h"
#include "gnomon/tensor/safetensors.h"
#include "gnomon/train/optimizer.h"

namespace gnomon {
namespace {

namespace fs = std::filesystem;

// Samples of each update of an epoch: whole samples until batch_tokens are together.
std::vector<std::vector<std::size_t>> batches_of(std::span<const std::vector<TokenId>> samples,
                                                 const PretrainOptions& options, Index epoch) {
  std::vector<std::size_t> order(samples.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  Random random(options.seed, fmt::format("pretrain/order/{}", epoch));
  random.shuffle(order);
  std::vector<std::vector<std::size_t>> batches;
  Index n_token = options.batch_tokens;
  for (const std::size_t i : order) {
    const auto length = static_cast<Index>(samples[i].size());
    if (n_token + length > options.batch_tokens) {
      batches.emplace_back();
      n_token = 0;
    }
    batches.back().push_back(i);
    n_token += length;
  }
  return batches;
}

std::vector<OptimizedTensor<float>> tensors_of(ParameterSet<float>& parameters,
                                               const ParameterSet<float>& grad) {
  std::vector<OptimizedTensor<float>> tensors;
  for (auto& [key, entry] : parameters.entries()) {
    tensors.push_back(
        {entry.row.name, entry.values.values(), grad.find(key)->values(), entry.row.is_matrix()});
  }
  return tensors;
}

// What a stored state belongs to: other samples or settings start anew.
std::string fingerprint(std::span<const std::vector<TokenId>> samples,
                        const PretrainOptions& options) {
  std::string text =
      fmt::format("{} {} {} {} {} {} {} {} {} {} {} {} {}", options.epochs, options.batch_tokens,
                  options.optimizer.learning_rate, options.optimizer.beta1, options.optimizer.beta2,
                  options.optimizer.epsilon, options.optimizer.weight_decay,
                  options.schedule.warmup_steps, static_cast<int>(options.schedule.kind),
                  options.schedule.final_fraction, options.clip_norm, options.seed, samples.size());
  for (const auto& sample : samples) text += sha256_hex(std::as_bytes(std::span(sample)));
  return sha256_hex(text);
}

struct Progress {
  Index step = 0;
  double loss_sum = 0;  // of the epoch so far
  Index n_token = 0;
};

void save_state(const fs::path& folder, const std::string& print, const Progress& at,
                const ParameterSet<float>& parameters, const Optimizer<float>& optimizer) {
  const Optimizer<float>::State state = optimizer.state();
  std::vector<StoredTensor> tensors;
  std::size_t i = 0;
  for (const auto& [key, entry] : parameters.entries()) {
    const auto shape = std::vector<Index>{entry.values.size()};
    tensors.push_back(stored("value." + entry.row.name, entry.values));
    tensors.push_back(
        {"first." + entry.row.name, Dtype::f32, shape, std::as_bytes(std::span(state.first[i]))});
    tensors.push_back(
        {"second." + entry.row.name, Dtype::f32, shape, std::as_bytes(std::span(state.second[i]))});
    ++i;
  }
  // One file, so that a kill leaves the old state or the new one.
  write_safetensors(folder / "state.safetensors", tensors,
                    {{"fingerprint", print},
                     {"step", std::to_string(at.step)},
                     {"loss_sum", fmt::format("{:a}", at.loss_sum)},
                     {"n_token", std::to_string(at.n_token)}});
}

Progress load_state(const fs::path& folder, const std::string& print,
                    ParameterSet<float>& parameters, Optimizer<float>& optimizer) {
  Progress at;
  const fs::path path = folder / "state.safetensors";
  if (!fs::exists(path)) return at;
  const SafetensorsFile file(path);
  const auto& metadata = file.metadata();
  const auto found = metadata.find("fingerprint");
  if (found == metadata.end() || found->second != print) {
    throw ArgumentError(
        ErrorCode::incompatible,
        fmt::format("\"{}\" holds an unfinished training of other texts or settings",
                    path.string()),
        "remove it to begin anew, or choose another output folder");
  }
  Optimizer<float>::State state = optimizer.state();
  std::size_t i = 0;
  const auto read = [&](const std::string& name, std::span<float> to) {
    const StoredTensor* tensor = file.find(name);
    if (tensor == nullptr || tensor->dtype != Dtype::f32 ||
        tensor->bytes.size() != to.size_bytes()) {
      throw FileError(
          fmt::format("\"{}\": tensor \"{}\" is missing or has another size", path.string(), name));
    }
    dequantize<float>(to, tensor->dtype, tensor->bytes);
  };
  for (auto& [key, entry] : parameters.entries()) {
    read("value." + entry.row.name, entry.values.values());
    read("first." + entry.row.name, state.first[i]);
    read("second." + entry.row.name, state.second[i]);
    ++i;
  }
  at.step = std::stoll(metadata.at("step"));
  at.loss_sum = std::strtod(metadata.at("loss_sum").c_str(), nullptr);
  at.n_token = std::stoll(metadata.at("n_token"));
  state.n_step = at.step;
  optimizer.restore(std::move(state));
  return at;
}

}  // namespace

std::vector<std::vector<TokenId>> pack_samples(std::span<const std::vector<TokenId>> paragraphs,
                                               std::span<const TokenId> line_feed, Index n_ctx) {
  const auto largest = static_cast<std::size_t>(n_ctx);
  std::vector<std::vector<TokenId>> samples;
  bool open = false;
  for (const std::vector<TokenId>& paragraph : paragraphs) {
    if (paragraph.empty()) continue;
    if (open && samples.back().size() + line_feed.size() + paragraph.size() <= largest) {
      samples.back().insert(samples.back().end(), line_feed.begin(), line_feed.end());
      samples.back().insert(samples.back().end(), paragraph.begin(), paragraph.end());
      continue;
    }
    for (std::size_t first = 0; first < paragraph.size(); first += largest) {
      const std::size_t last = std::min(paragraph.size(), first + largest);
      samples.emplace_back(paragraph.begin() + static_cast<std::ptrdiff_t>(first),
                           paragraph.begin() + static_cast<std::ptrdiff_t>(last));
    }
    open = true;
  }
  return samples;
}

void pretrain(const Model& model, ParameterSet<float>& parameters,
              std::span<const std::vector<TokenId>> samples, const PretrainOptions& options,
              const fs::path& state_folder,
              const std::function<void(const PretrainProgress&)>& progress) {
  if (samples.empty()) throw ArgumentError(ErrorCode::bad_data, "pretrain: no samples");
  ParameterSet<float> grad = zeros_like(parameters);
  Optimizer<float> optimizer(options.optimizer, tensors_of(parameters, grad));
  const std::string print = fingerprint(samples, options);
  Progress at = load_state(state_folder, print, parameters, optimizer);
  std::vector<Index> steps_before;  // of each epoch
  Index n_step = 0;
  for (Index epoch = 0; epoch < options.epochs; ++epoch) {
    steps_before.push_back(n_step);
    n_step += static_cast<Index>(batches_of(samples, options, epoch).size());
  }
  ForwardTrace<float> trace;
  const auto start = std::chrono::steady_clock::now();
  Index n_token_now = 0;
  for (Index epoch = 0; epoch < options.epochs; ++epoch) {
    const auto batches = batches_of(samples, options, epoch);
    for (std::size_t b = 0; b < batches.size(); ++b) {
      if (steps_before[static_cast<std::size_t>(epoch)] + static_cast<Index>(b) < at.step) continue;
      check_interrupted();
      if (b == 0) at.loss_sum = 0, at.n_token = 0;
      Index n_predicted = 0;
      for (const std::size_t i : batches[b])
        n_predicted += static_cast<Index>(samples[i].size()) - 1;
      for (auto& [key, entry] : grad.entries()) std::ranges::fill(entry.values.values(), 0.0F);
      double loss = 0;
      for (std::size_t first = 0; first < batches[b].size();) {
        std::vector<std::vector<TokenId>> part;
        Index n_token = 0;
        while (first < batches[b].size() &&
               (part.empty() || n_token + static_cast<Index>(samples[batches[b][first]].size()) <=
                                    options.part_tokens)) {
          part.push_back(samples[batches[b][first++]]);
          n_token += static_cast<Index>(part.back().size());
        }
        loss +=
            language_model_gradient<float>(model.config(), model.weights<float>(), pack(part),
                                           1 / static_cast<double>(std::max<Index>(1, n_predicted)),
                                           grad, trace, Backend::packed)
                .sum;
        n_token_now += n_token;
      }
      const double norm = std::sqrt(optimizer.grad_sum_of_squares());
      if (!std::isfinite(loss) || !std::isfinite(norm)) {
        throw NumericError(
            fmt::format("pretrain: update {} has a loss of {} and a gradient norm of {}",
                        at.step + 1, loss, norm),
            "a smaller learning rate may help; the stored state is kept");
      }
      const double rate =
          scheduled_rate(options.schedule, options.optimizer.learning_rate, at.step, n_step);
      optimizer.step(rate, clip_factor(norm, options.clip_norm));
      ++at.step;
      at.loss_sum += loss;
      at.n_token += n_predicted;
      if (options.save_every > 0 && at.step % options.save_every == 0 && at.step < n_step)
        save_state(state_folder, print, at, parameters, optimizer);
      const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
      if (progress) {
        progress({at.step, n_step, epoch, at.loss_sum / static_cast<double>(at.n_token), rate,
                  static_cast<double>(n_token_now) / seconds.count()});
      }
    }
  }
  std::error_code ignored;
  fs::remove(state_folder / "state.safetensors", ignored);
}

CountBaselines count_baselines(std::span<const std::vector<TokenId>> training,
                               std::span<const std::vector<TokenId>> held_out, Index d_vocab) {
  std::vector<double> unigram(static_cast<std::size_t>(d_vocab), 1.0);
  std::vector<double> first(static_cast<std::size_t>(d_vocab));
  std::unordered_map<std::int64_t, double> pairs;
  double n_token = static_cast<double>(d_vocab);
  const auto pair_key = [&](TokenId v, TokenId w) {
    return static_cast<std::int64_t>(v) * d_vocab + w;
  };
  for (const auto& sample : training) {
    for (std::size_t i = 0; i < sample.size(); ++i) {
      unigram[static_cast<std::size_t>(sample[i])] += 1;
      n_token += 1;
      if (i == 0) continue;
      first[static_cast<std::size_t>(sample[i - 1])] += 1;
      pairs[pair_key(sample[i - 1], sample[i])] += 1;
    }
  }
  constexpr std::array kTried = {1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0};
  std::array<double, kTried.size()> bigram_loss{};
  double unigram_loss = 0, n_scored = 0;
  for (const auto& sample : held_out) {
    for (std::size_t i = 1; i < sample.size(); ++i) {
      const double p = unigram[static_cast<std::size_t>(sample[i])] / n_token;
      unigram_loss -= std::log(p);
      n_scored += 1;
      const auto found = pairs.find(pair_key(sample[i - 1], sample[i]));
      const double count = found == pairs.end() ? 0 : found->second;
      for (std::size_t k = 0; k < kTried.size(); ++k) {
        bigram_loss[k] -= std::log((count + kTried[k] * p) /
                                   (first[static_cast<std::size_t>(sample[i - 1])] + kTried[k]));
      }
    }
  }
  if (n_scored == 0) throw ArgumentError(ErrorCode::bad_data, "count_baselines: nothing to score");
  const auto best = std::ranges::min_element(bigram_loss);
  return {unigram_loss / n_scored, *best / n_scored,
          kTried[static_cast<std::size_t>(best - bigram_loss.begin())]};
}

std::vector<TokenId> sample_continuation(const Model& model, std::vector<TokenId> ids,
                                         Index n_token, double temperature, Index top,
                                         std::uint64_t seed) {
  if (ids.empty()) throw ArgumentError(ErrorCode::bad_data, "sample_continuation: no tokens");
  if (!(temperature > 0) || top < 1)
    throw ArgumentError("sample_continuation: temperature and top must be positive");
  Random random(seed, "sample");
  const auto n_ctx = static_cast<std::size_t>(model.config().n_ctx);
  for (Index step = 0; step < n_token; ++step) {
    const std::size_t first = ids.size() > n_ctx ? ids.size() - n_ctx : 0;
    const std::vector<std::vector<TokenId>> context = {
        {ids.begin() + static_cast<std::ptrdiff_t>(first), ids.end()}};
    const SiteAt logits{{HookKind::logits, -1, std::nullopt}, {Position::Kind::last, -1}};
    const Tensor<float> values =
        capture<float>(model, context, {&logits, 1}, {}, {}).activations.front().values;
    std::vector<std::pair<float, TokenId>> best;
    for (Index v = 0; v < values.size(); ++v)
      best.emplace_back(values.data()[v], static_cast<TokenId>(v));
    const auto n_top = std::min<std::size_t>(static_cast<std::size_t>(top), best.size());
    std::partial_sort(best.begin(), best.begin() + static_cast<std::ptrdiff_t>(n_top), best.end(),
                      [](const auto& a, const auto& b) { return a.first > b.first; });
    double sum = 0;
    std::vector<double> weight;
    for (std::size_t k = 0; k < n_top; ++k) {
      weight.push_back(std::exp(
          (static_cast<double>(best[k].first) - static_cast<double>(best[0].first)) / temperature));
      sum += weight.back();
    }
    double drawn = random.uniform() * sum;
    std::size_t chosen = 0;
    while (chosen + 1 < n_top && drawn >= weight[chosen]) drawn -= weight[chosen++];
    ids.push_back(best[chosen].second);
  }
  return ids;
}

}  // namespace gnomon
