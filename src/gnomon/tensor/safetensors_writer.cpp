// SPDX-License-Identifier: Apache-2.0
#include "gnomon/tensor/safetensors_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <ostream>

#include "gnomon/base/error.h"
#include "gnomon/base/quote.h"
#include "gnomon/tensor/detail/safetensors_format.h"
#include "gnomon/tensor/safetensors.h"

namespace gnomon {
namespace {

using OrderedJson = nlohmann::ordered_json;

// Throws where the format cannot hold the tensor.
std::uint64_t size_of(const PlannedTensor& tensor) {
  if (std::ranges::find(detail::kDtypes, tensor.dtype) == detail::kDtypes.end()) {
    throw ArgumentError(
        fmt::format("write_safetensors: tensor {} has element type {}, which the "
                    "format does not have; decode it first",
                    quote(tensor.name), dtype_info(tensor.dtype).name));
  }
  const std::optional<std::uint64_t> size = detail::byte_count(tensor.shape, tensor.dtype);
  if (!size) {
    throw ArgumentError(fmt::format("write_safetensors: tensor {} has shape {}, which has no size",
                                    quote(tensor.name), shape_text(tensor.shape)));
  }
  return *size;
}

// `order` is that of the tensors in the file.
std::string header_text(const std::vector<PlannedTensor>& tensors,
                        const std::vector<std::size_t>& order,
                        const std::map<std::string, std::string>& metadata) {
  OrderedJson header = OrderedJson::object();
  OrderedJson& meta = header[std::string(detail::kMetadataKey)] = metadata;
  if (!metadata.contains("format")) meta["format"] = "pt";
  std::uint64_t offset = 0;
  for (const std::size_t i : order) {
    const PlannedTensor& tensor = tensors[i];
    if (tensor.name == detail::kMetadataKey || header.contains(tensor.name)) {
      throw ArgumentError(fmt::format(
          "write_safetensors: tensor name {} is {}, expected new names", quote(tensor.name),
          tensor.name == detail::kMetadataKey ? "reserved" : "repeated"));
    }
    const std::uint64_t size = size_of(tensor);
    header[tensor.name] = {{"dtype", std::string(dtype_info(tensor.dtype).name)},
                           {"shape", tensor.shape},
                           {"data_offsets", {offset, offset + size}}};
    offset += size;
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const OrderedJson::exception&) {
    throw ArgumentError("write_safetensors: a name or the metadata is not valid UTF-8");
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');
  if (text.size() > detail::kLongestHeader) {
    throw ArgumentError(
        fmt::format("write_safetensors: the header has {} bytes, expected at most {}", text.size(),
                    detail::kLongestHeader));
  }
  return text;
}

template <class T>
StoredTensor stored_view(std::string name, Dtype dtype, const Tensor<T>& tensor) {
  return {std::move(name), dtype, tensor.shape(), std::as_bytes(tensor.values())};
}

}  // namespace

bool TensorParts::can_write() const { return static_cast<bool>(out_); }

void TensorParts::append(std::size_t tensor, std::span<const std::byte> bytes) {
  Place& place = places_.at(tensor);
  if (bytes.size() > place.last - place.next) {
    throw ArgumentError(
        fmt::format("write_safetensors: {} bytes more of planned tensor {}, which "
                    "lacks {}",
                    bytes.size(), tensor, place.last - place.next));
  }
  if (at_ != place.next) out_.seekp(static_cast<std::streamoff>(place.next));
  out_.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  place.next += bytes.size();
  at_ = place.next;
}

void write_safetensors_in_parts(const std::filesystem::path& path,
                                const std::vector<PlannedTensor>& tensors,
                                const std::map<std::string, std::string>& metadata,
                                const std::function<void(TensorParts&)>& fill) {
  std::vector<std::size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) {
    return dtype_info(tensors[a].dtype).block_bytes > dtype_info(tensors[b].dtype).block_bytes;
  });
  const std::string header = header_text(tensors, order, metadata);
  write_file_atomic(path, [&](std::ostream& out) {
    const std::uint64_t length = header.size();
    out.write(reinterpret_cast<const char*>(&length), detail::kLengthBytes);
    out.write(header.data(), static_cast<std::streamsize>(header.size()));
    std::uint64_t at = detail::kLengthBytes + length;
    TensorParts parts(out, at);
    parts.places_.resize(tensors.size());
    for (const std::size_t i : order) {
      parts.places_[i] = {at, at + size_of(tensors[i])};
      at = parts.places_[i].last;
    }
    fill(parts);
    if (!out) return;  // write_file_atomic says why
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      if (parts.places_[i].next == parts.places_[i].last) continue;
      throw ArgumentError(fmt::format("write_safetensors: tensor {} lacks {} bytes",
                                      quote(tensors[i].name),
                                      parts.places_[i].last - parts.places_[i].next));
    }
  });
}

void write_safetensors(const std::filesystem::path& path, const std::vector<StoredTensor>& tensors,
                       const std::map<std::string, std::string>& metadata) {
  std::vector<PlannedTensor> plan;
  for (const StoredTensor& tensor : tensors) {
    plan.push_back({tensor.name, tensor.dtype, tensor.shape});
    const std::uint64_t expected = size_of(plan.back());
    if (expected == tensor.bytes.size()) continue;
    throw ArgumentError(
        fmt::format("write_safetensors: tensor {} has {} bytes, expected {} for {} of shape {}",
                    quote(tensor.name), tensor.bytes.size(), expected,
                    dtype_info(tensor.dtype).name, shape_text(tensor.shape)));
  }
  write_safetensors_in_parts(path, plan, metadata, [&](TensorParts& parts) {
    for (std::size_t i = 0; i < tensors.size(); ++i) parts.append(i, tensors[i].bytes);
  });
}

StoredTensor stored(std::string name, const Tensor<float>& tensor) {
  return stored_view(std::move(name), Dtype::f32, tensor);
}

StoredTensor stored(std::string name, const Tensor<double>& tensor) {
  return stored_view(std::move(name), Dtype::f64, tensor);
}

}  // namespace gnomon
