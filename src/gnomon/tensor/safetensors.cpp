// SPDX-License-Identifier: Apache-2.0
#include "gnomon/tensor/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "gnomon/base/error.h"
#include "gnomon/base/quote.h"
#include "gnomon/tensor/detail/safetensors_format.h"

namespace gnomon {
namespace {

using detail::byte_count;
using detail::kDtypes;
using detail::kLengthBytes;
using detail::kLongestHeader;
using detail::kMetadataKey;

static_assert(std::endian::native == std::endian::little, "tensors are used as they are mapped");

std::optional<Dtype> dtype_from_name(std::string_view name) {
  for (const Dtype dtype : kDtypes) {
    if (dtype_info(dtype).name == name) return dtype;
  }
  return std::nullopt;
}

struct HeaderEntry {
  std::string name;
  Dtype dtype = Dtype::f32;
  std::vector<Index> shape;
  std::array<std::uint64_t, 2> offsets{};
  std::size_t n_offset = 0;
  bool has_dtype = false;
  bool has_shape = false;
  bool has_offsets = false;
};

// Accepts the header's grammar and nothing else, so that no tree of an untrusted text is ever
// built.
class HeaderReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit HeaderReader(std::string file) : file_(std::move(file)) {}

  std::vector<HeaderEntry> entries;
  std::map<std::string, std::string> metadata;

  bool null() override { refuse_value("null"); }
  bool boolean(bool value) override { refuse_value(value ? "true" : "false"); }
  bool number_integer(number_integer_t value) override { refuse_value(std::to_string(value)); }
  bool number_float(number_float_t /*value*/, const string_t& text) override { refuse_value(text); }
  bool binary(binary_t& /*value*/) override { refuse_value("binary data"); }

  bool number_unsigned(number_unsigned_t value) override {
    if (place_ == Place::shape) {
      if (value > static_cast<std::uint64_t>(std::numeric_limits<Index>::max())) {
        refuse_value(std::to_string(value));
      }
      entries.back().shape.push_back(static_cast<Index>(value));
    } else if (place_ == Place::offsets && entries.back().n_offset < 2) {
      entries.back().offsets[entries.back().n_offset++] = value;
    } else {
      refuse_value(std::to_string(value));
    }
    return true;
  }

  bool string(string_t& value) override {
    if (place_ == Place::metadata) {
      metadata[key_] = std::move(value);
    } else if (place_ == Place::tensor && key_ == "dtype") {
      const std::optional<Dtype> dtype = dtype_from_name(value);
      if (!dtype) {
        throw UnsupportedError(fmt::format("\"{}\": {} has element type {}, expected one of {}",
                                           file_, where(), quote(value), dtype_names()));
      }
      entries.back().dtype = *dtype;
      entries.back().has_dtype = true;
    } else {
      refuse_value(quote(value));
    }
    return true;
  }

  bool start_object(std::size_t /*size*/) override {
    if (place_ == Place::outside) {
      place_ = Place::header;
    } else if (place_ == Place::header && key_ == kMetadataKey) {
      place_ = Place::metadata;
    } else if (place_ == Place::header) {
      entries.emplace_back().name = key_;
      place_ = Place::tensor;
    } else {
      refuse_value("an object");
    }
    return true;
  }

  bool key(string_t& name) override {
    key_ = std::move(name);
    if (place_ == Place::header) {
      require_new(names_.insert(key_).second);
    } else if (place_ == Place::metadata) {
      require_new(!metadata.contains(key_));
    } else {
      const HeaderEntry& entry = entries.back();
      if (key_ == "dtype") {
        require_new(!entry.has_dtype);
      } else if (key_ == "shape") {
        require_new(!entry.has_shape);
      } else if (key_ == "data_offsets") {
        require_new(!entry.has_offsets);
      } else {
        throw UnsupportedError(
            fmt::format("\"{}\": tensor {} has a field {}, expected \"dtype\", \"shape\" and "
                        "\"data_offsets\" only",
                        file_, quote(entry.name), quote(key_)));
      }
    }
    return true;
  }

  bool end_object() override {
    if (place_ == Place::tensor) {
      const HeaderEntry& entry = entries.back();
      if (!entry.has_dtype || !entry.has_shape || !entry.has_offsets) {
        fail(fmt::format("tensor {} lacks one of \"dtype\", \"shape\" and \"data_offsets\"",
                         quote(entry.name)));
      }
    }
    place_ = place_ == Place::header ? Place::outside : Place::header;
    return true;
  }

  bool start_array(std::size_t /*size*/) override {
    if (place_ == Place::tensor && key_ == "shape") {
      entries.back().has_shape = true;
      place_ = Place::shape;
    } else if (place_ == Place::tensor && key_ == "data_offsets") {
      entries.back().has_offsets = true;
      place_ = Place::offsets;
    } else {
      refuse_value("an array");
    }
    return true;
  }

  bool end_array() override {
    if (place_ == Place::offsets && entries.back().n_offset != 2) {
      fail(fmt::format("{} has {} values, expected 2", where(), entries.back().n_offset));
    }
    place_ = Place::tensor;
    return true;
  }

  bool parse_error(std::size_t position, const std::string& /*token*/,
                   const nlohmann::detail::exception& /*error*/) override {
    fail(fmt::format("the header is not valid JSON at byte {}", position));
  }

 private:
  enum class Place { outside, header, metadata, tensor, shape, offsets };

  [[noreturn]] void fail(const std::string& what) const {
    throw FileError(fmt::format("\"{}\": {}", file_, what));
  }

  std::string where() const {
    switch (place_) {
      case Place::outside:
        return "the header";
      case Place::header:
        return fmt::format("header entry {}", quote(key_));
      case Place::metadata:
        return fmt::format("metadata {}", quote(key_));
      default:
        return fmt::format("{} of tensor {}", quote(key_), quote(entries.back().name));
    }
  }

  std::string expected() const {
    if (place_ == Place::shape || place_ == Place::offsets) {
      return "whole numbers from 0 that fit 63 bits, two of them for \"data_offsets\"";
    }
    if (place_ == Place::metadata) return "text";
    if (place_ == Place::tensor) return key_ == "dtype" ? "text" : "an array of whole numbers";
    return "an object";
  }

  [[noreturn]] void refuse_value(const std::string& found) const {
    fail(fmt::format("{} is {}, expected {}", where(), found, expected()));
  }

  void require_new(bool is_new) const {
    if (!is_new) fail(fmt::format("{} stands twice, expected once", where()));
  }

  static std::string dtype_names() {
    std::string names;
    for (const Dtype dtype : kDtypes) {
      if (!names.empty()) names += ", ";
      names += dtype_info(dtype).name;
    }
    return names;
  }

  std::string file_;
  Place place_ = Place::outside;
  std::string key_;
  std::set<std::string> names_;
};

std::uint64_t header_length(const MappedFile& file) {
  const std::span<const std::byte> bytes = file.bytes();
  const std::string name = file.path().string();
  if (bytes.size() < kLengthBytes) {
    throw FileError(fmt::format("\"{}\" has {} bytes, expected at least the {} of a header length",
                                name, bytes.size(), kLengthBytes));
  }
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), kLengthBytes);
  if (length > kLongestHeader) {
    throw FileError(fmt::format("\"{}\" states a header of {} bytes, expected at most {}", name,
                                length, kLongestHeader),
                    "the file is not in the safetensors format, or it is damaged");
  }
  if (length > bytes.size() - kLengthBytes) {
    throw FileError(fmt::format("\"{}\" states a header of {} bytes, but {} follow", name, length,
                                bytes.size() - kLengthBytes),
                    "the file is cut short; get it again");
  }
  if (length == 0 || bytes[kLengthBytes] != std::byte{'{'}) {
    throw FileError(fmt::format("\"{}\": the header does not begin with '{{'", name),
                    "the file is not in the safetensors format, or it is damaged");
  }
  return length;
}

void check_entry(const std::string& file, const HeaderEntry& entry, std::uint64_t cursor,
                 std::uint64_t data_size) {
  const std::uint64_t begin = entry.offsets[0];
  const std::uint64_t end = entry.offsets[1];
  const auto fail = [&](const std::string& what) {
    throw FileError(fmt::format("\"{}\": tensor {} {}", file, quote(entry.name), what),
                    "the file is damaged or cut short; get it again");
  };
  if (begin > end || end > data_size) {
    fail(fmt::format("has data_offsets [{}, {}], expected a range within the {} bytes of data",
                     begin, end, data_size));
  }
  if (begin != cursor) {
    fail(fmt::format("begins at {}, expected {}: tensors follow each other without overlap or hole",
                     begin, cursor));
  }
  const std::optional<std::uint64_t> expected = byte_count(entry.shape, entry.dtype);
  if (!expected) fail(fmt::format("has shape {}, which has no size", shape_text(entry.shape)));
  if (end - begin != *expected) {
    fail(fmt::format("has {} bytes, expected {} for {} of shape {}", end - begin, *expected,
                     dtype_info(entry.dtype).name, shape_text(entry.shape)));
  }
}

}  // namespace

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path)
    : file_(std::make_shared<const MappedFile>(path)) {
  const std::uint64_t length = header_length(*file_);
  const char* text = reinterpret_cast<const char*>(file_->bytes().data()) + kLengthBytes;
  const std::string name = path.string();
  if (const void* nul = std::memchr(text, 0, length); nul != nullptr) {
    // The JSON reader takes a zero byte for the end of its text.
    throw FileError(fmt::format("\"{}\": the header is not valid JSON at byte {}: a zero byte",
                                name, static_cast<const char*>(nul) - text + 1));
  }
  HeaderReader reader(name);
  nlohmann::json::sax_parse(text, text + length, &reader);

  std::vector<HeaderEntry> entries = std::move(reader.entries);
  metadata_ = std::move(reader.metadata);
  std::stable_sort(entries.begin(), entries.end(), [](const HeaderEntry& a, const HeaderEntry& b) {
    return a.offsets < b.offsets;
  });
  const std::span<const std::byte> data = file_->bytes().subspan(kLengthBytes + length);
  std::uint64_t cursor = 0;
  tensors_.reserve(entries.size());
  for (HeaderEntry& entry : entries) {
    check_entry(name, entry, cursor, data.size());
    const std::uint64_t end = entry.offsets[1];
    index_[entry.name] = tensors_.size();
    tensors_.push_back({std::move(entry.name), entry.dtype, std::move(entry.shape),
                        data.subspan(cursor, end - cursor)});
    cursor = end;
  }
  if (cursor != data.size()) {
    throw FileError(
        fmt::format("\"{}\" has {} bytes of data, expected {}: the end of its last tensor", name,
                    data.size(), cursor),
        "the file is damaged; get it again");
  }
}

const StoredTensor* SafetensorsFile::find(const std::string& name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &tensors_[found->second];
}

}  // namespace gnomon
