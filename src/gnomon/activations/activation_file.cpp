// SPDX-License-Identifier: Apache-2.0
#include "gnomon/activations/activation_file.h"

#include <fmt/format.h>

#include <iterator>
#include <type_traits>
#include <utility>

#include "gnomon/activations/detail/site_reader.h"
#include "gnomon/activations/gradients.h"
#include "gnomon/base/error.h"
#include "gnomon/tensor/safetensors_writer.h"

namespace gnomon {
namespace {

// Batches that are read before they are written.
constexpr Index kGroupBatches = 8;

std::vector<SiteAt> sites_of(const ActivationsRequest& request, bool gradient) {
  std::vector<SiteAt> sites;
  for (const RequestedSite& one : request.sites) {
    if (one.gradient == gradient) sites.push_back(one.at);
  }
  return sites;
}

// What the file will hold. Tensors that say where the numbers come from are known from the texts.
class FilePlan {
 public:
  FilePlan(const ActivationsRequest& request, std::span<const std::vector<TokenId>> texts,
           const ModelConfig& config, Dtype dtype) {
    for (const bool gradient : {false, true}) {
      for (const SiteAt& at : sites_of(request, gradient))
        add_site(at, activations_name(at, gradient, config), texts, config, dtype);
    }
    std::vector<Index> ids;
    std::vector<Index> offset = {0};
    for (const std::vector<TokenId>& text : texts) {
      ids.insert(ids.end(), text.begin(), text.end());
      offset.push_back(static_cast<Index>(ids.size()));
    }
    add_indices("token_ids", std::move(ids));
    add_indices("text_offset", std::move(offset));
  }

  const std::vector<PlannedTensor>& tensors() const { return tensors_; }

  void write_indices(TensorParts& parts) const {
    for (const auto& [tensor, values] : indices_)
      parts.append(tensor, std::as_bytes(std::span(values)));
  }

  // `group`: of the sites in the file's order, of texts from `first_text` on.
  template <class T>
  void write(TensorParts& parts, const std::vector<Activations<T>>& group,
             std::size_t first_text) const {
    for (std::size_t s = 0; s < group.size(); ++s) {
      const Activations<T>& read = group[s];
      if (!is_pairs(read.at.site)) parts.append(first_tensor_[s], bytes_of(read.values));
      for (std::size_t t = 0; t < read.by_text.size(); ++t)
        parts.append(first_tensor_[s] + first_text + t, bytes_of(read.by_text[t]));
    }
  }

 private:
  template <class T>
  static std::span<const std::byte> bytes_of(const Tensor<T>& tensor) {
    return std::as_bytes(tensor.values());
  }

  void add_site(const SiteAt& at, const std::string& name,
                std::span<const std::vector<TokenId>> texts, const ModelConfig& config,
                Dtype dtype) {
    const std::vector<std::vector<Index>> positions = positions_by_text(at, texts, config);
    std::vector<Index> text, position;
    for (std::size_t t = 0; t < positions.size(); ++t) {
      text.insert(text.end(), positions[t].size(), static_cast<Index>(t));
      position.insert(position.end(), positions[t].begin(), positions[t].end());
    }
    first_tensor_.push_back(tensors_.size());
    if (is_pairs(at.site)) {
      for (std::size_t t = 0; t < texts.size(); ++t) {
        tensors_.push_back({fmt::format("{}/{}", name, t),
                            dtype,
                            {config.n_heads, static_cast<Index>(positions[t].size()),
                             static_cast<Index>(texts[t].size())}});
      }
    } else {
      const Index width = at.site.coordinate ? 1 : site_width(at.site.kind, config);
      tensors_.push_back({name, dtype, {static_cast<Index>(text.size()), width}});
    }
    add_indices(name + "/text", std::move(text));
    add_indices(name + "/position", std::move(position));
  }

  void add_indices(std::string name, std::vector<Index> values) {
    indices_.emplace_back(tensors_.size(), std::move(values));
    tensors_.push_back(
        {std::move(name), Dtype::i64, {static_cast<Index>(indices_.back().second.size())}});
  }

  std::vector<PlannedTensor> tensors_;
  std::vector<std::size_t> first_tensor_;  // of each site
  std::vector<std::pair<std::size_t, std::vector<Index>>> indices_;
};

}  // namespace

template <class T>
void capture_to_file(const Model& model, std::span<const std::vector<TokenId>> texts,
                     const ActivationsRequest& request, const std::filesystem::path& path,
                     const std::function<std::map<std::string, std::string>()>& metadata,
                     const RunOptions& options) {
  const ModelConfig& config = model.config();
  const std::vector<SiteAt> sites = sites_of(request, false);
  const std::vector<SiteAt> gradient_sites = sites_of(request, true);
  check_texts(texts, config);
  for (const SiteAt& at : sites) check_site(at.site, config);
  if (!gradient_sites.empty()) check_gradients(texts, gradient_sites, request.of, config);
  const FilePlan plan(request, texts, config, std::is_same_v<T, float> ? Dtype::f32 : Dtype::f64);

  const Index total = n_tokens_of(texts);
  Index done = 0;
  std::size_t n_read = 0;
  RunOptions group_options = options;
  const auto read_group = [&] {
    const std::size_t last = batch_end(texts, n_read, kGroupBatches * options.batch_tokens);
    const auto group = texts.subspan(n_read, last - n_read);
    std::vector<Activations<T>> read;
    const Index n_pass = Index{!sites.empty()} + Index{!gradient_sites.empty()};
    Index pass = 0;
    group_options.progress = [&](Index group_done, Index group_total) {
      if (options.progress)
        options.progress(done + (pass * group_total + group_done) / n_pass, total);
    };
    try {
      if (!sites.empty()) {
        read = capture<T>(model, group, sites, {}, group_options).activations;
        ++pass;
      }
      if (!gradient_sites.empty()) {
        std::ranges::move(
            capture_gradients<T>(model, group, gradient_sites, request.of, group_options),
            std::back_inserter(read));
      }
    } catch (const NumericError& error) {
      throw NumericError(fmt::format("{} of texts {} to {}", error.what(), n_read, last - 1),
                         error.hint());
    }
    n_read = last;
    done += n_tokens_of(group);
    return read;
  };

  std::vector<Activations<T>> group;
  if (!texts.empty()) group = read_group();
  write_safetensors_in_parts(path, plan.tensors(), metadata(), [&](TensorParts& parts) {
    plan.write_indices(parts);
    plan.write(parts, group, 0);
    while (n_read < texts.size() && parts.can_write()) {
      const std::size_t first_text = n_read;
      group.clear();
      group = read_group();
      plan.write(parts, group, first_text);
    }
  });
}

template void capture_to_file<float>(const Model&, std::span<const std::vector<TokenId>>,
                                     const ActivationsRequest&, const std::filesystem::path&,
                                     const std::function<std::map<std::string, std::string>()>&,
                                     const RunOptions&);
template void capture_to_file<double>(const Model&, std::span<const std::vector<TokenId>>,
                                      const ActivationsRequest&, const std::filesystem::path&,
                                      const std::function<std::map<std::string, std::string>()>&,
                                      const RunOptions&);

}  // namespace gnomon
