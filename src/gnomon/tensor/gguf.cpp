// SPDX-License-Identifier: Apache-2.0
#include "gnomon/tensor/gguf.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <optional>
#include <set>
#include <string_view>
#include <type_traits>
#include <utility>

#include "gnomon/base/error.h"
#include "gnomon/base/quote.h"
#include "gnomon/tensor/tensor.h"

namespace gnomon {
namespace {

static_assert(std::endian::native == std::endian::little, "values are used as they are mapped");

constexpr std::uint64_t kDefaultAlignment = 32;
constexpr std::uint64_t kLongestKey = 65535;  // the format's own limit
constexpr std::uint32_t kMostAxes = 4;        // GGML's
constexpr int kDeepestNesting = 8;
// An element of one byte becomes a value of forty: without a limit of its own a file could ask for
// forty times its size. The largest vocabularies have under 2^20 entries.
constexpr std::uint64_t kMostArrayElements = std::uint64_t{1} << 24;

// Stored numbers of GGUF's value types.
enum class ValueType : std::uint32_t {
  u8 = 0,
  i8 = 1,
  u16 = 2,
  i16 = 3,
  u32 = 4,
  i32 = 5,
  f32 = 6,
  boolean = 7,
  string = 8,
  array = 9,
  u64 = 10,
  i64 = 11,
  f64 = 12,
};

// The fewest bytes that a value takes.
constexpr std::array<std::uint64_t, 13> kFewestBytes = {1, 1, 2, 2, 4, 4, 4, 1, 8, 12, 8, 8, 8};
constexpr std::uint64_t kFewestPairBytes = 8 + 4 + 1;
constexpr std::uint64_t kFewestTensorBytes = 8 + 4 + 4 + 8;

// Stored numbers of GGML's element types. Those without a dtype are named in messages only.
struct ElementType {
  std::uint32_t number;
  std::string_view name;
  std::optional<Dtype> dtype;
};

constexpr std::array kElementTypes = {
    ElementType{0, "F32", Dtype::f32},        ElementType{1, "F16", Dtype::f16},
    ElementType{2, "Q4_0", Dtype::q4_0},      ElementType{3, "Q4_1", Dtype::q4_1},
    ElementType{6, "Q5_0", Dtype::q5_0},      ElementType{7, "Q5_1", Dtype::q5_1},
    ElementType{8, "Q8_0", Dtype::q8_0},      ElementType{9, "Q8_1", std::nullopt},
    ElementType{10, "Q2_K", std::nullopt},    ElementType{11, "Q3_K", std::nullopt},
    ElementType{12, "Q4_K", Dtype::q4_k},     ElementType{13, "Q5_K", Dtype::q5_k},
    ElementType{14, "Q6_K", Dtype::q6_k},     ElementType{15, "Q8_K", std::nullopt},
    ElementType{16, "IQ2_XXS", std::nullopt}, ElementType{17, "IQ2_XS", std::nullopt},
    ElementType{18, "IQ3_XXS", std::nullopt}, ElementType{19, "IQ1_S", std::nullopt},
    ElementType{20, "IQ4_NL", std::nullopt},  ElementType{21, "IQ3_S", std::nullopt},
    ElementType{22, "IQ2_S", std::nullopt},   ElementType{23, "IQ4_XS", std::nullopt},
    ElementType{24, "I8", Dtype::i8},         ElementType{25, "I16", Dtype::i16},
    ElementType{26, "I32", Dtype::i32},       ElementType{27, "I64", Dtype::i64},
    ElementType{28, "F64", Dtype::f64},       ElementType{29, "IQ1_M", std::nullopt},
    ElementType{30, "BF16", Dtype::bf16},     ElementType{34, "TQ1_0", std::nullopt},
    ElementType{35, "TQ2_0", std::nullopt},   ElementType{39, "MXFP4", std::nullopt},
    ElementType{40, "NVFP4", std::nullopt},   ElementType{41, "Q1_0", std::nullopt},
};

// Reads forward through the mapped bytes; `place` says what is being read.
class Cursor {
 public:
  explicit Cursor(const MappedFile& file) : file_(file) {}

  std::string place = "the file header";

  std::uint64_t offset() const { return offset_; }
  std::uint64_t remaining() const { return file_.bytes().size() - offset_; }

  [[noreturn]] void fail(const std::string& what, std::string hint = {}) const {
    throw FileError(
        fmt::format("\"{}\": {} (at byte {}) {}", file_.path().string(), place, offset_, what),
        std::move(hint));
  }

  [[noreturn]] void refuse(const std::string& what) const {
    throw UnsupportedError(fmt::format("\"{}\": {} {}", file_.path().string(), place, what));
  }

  template <class T>
  T read() {
    static_assert(std::is_arithmetic_v<T>);
    T value;
    std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
    return value;
  }

  std::string_view text() {
    const auto length = read<std::uint64_t>();
    const std::span<const std::byte> bytes = take(length);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  // A count of items that take at least `fewest_bytes` each.
  std::uint64_t count(std::uint64_t fewest_bytes, std::string_view items) {
    const auto n = read<std::uint64_t>();
    if (n > remaining() / fewest_bytes) {
      fail(fmt::format("states {} {}, but {} bytes follow, enough for {}", n, items, remaining(),
                       remaining() / fewest_bytes),
           "the file is damaged or cut short; get it again");
    }
    return n;
  }

 private:
  std::span<const std::byte> take(std::uint64_t n) {
    if (n > remaining()) {
      fail(fmt::format("needs {} bytes, but {} follow", n, remaining()),
           "the file is damaged or cut short; get it again");
    }
    const std::span<const std::byte> bytes = file_.bytes().subspan(offset_, n);
    offset_ += n;
    return bytes;
  }

  const MappedFile& file_;
  std::uint64_t offset_ = 0;
};

ValueType read_value_type(Cursor& cursor) {
  const auto number = cursor.read<std::uint32_t>();
  if (number >= kFewestBytes.size()) {
    cursor.fail(
        fmt::format("has value type {}, expected 0 to {}", number, kFewestBytes.size() - 1));
  }
  return static_cast<ValueType>(number);
}

class ValueReader {
 public:
  explicit ValueReader(Cursor& cursor) : cursor_(cursor) {}

  GgufValue read(ValueType type, int depth = 0) {
    switch (type) {
      case ValueType::u8:
        return {std::uint64_t{cursor_.read<std::uint8_t>()}};
      case ValueType::i8:
        return {std::int64_t{cursor_.read<std::int8_t>()}};
      case ValueType::u16:
        return {std::uint64_t{cursor_.read<std::uint16_t>()}};
      case ValueType::i16:
        return {std::int64_t{cursor_.read<std::int16_t>()}};
      case ValueType::u32:
        return {std::uint64_t{cursor_.read<std::uint32_t>()}};
      case ValueType::i32:
        return {std::int64_t{cursor_.read<std::int32_t>()}};
      case ValueType::f32:
        return {double{cursor_.read<float>()}};
      case ValueType::boolean:
        return {read_boolean()};
      case ValueType::string:
        return {std::string(cursor_.text())};
      case ValueType::array:
        return {read_array(depth)};
      case ValueType::u64:
        return {cursor_.read<std::uint64_t>()};
      case ValueType::i64:
        return {cursor_.read<std::int64_t>()};
      case ValueType::f64:
        return {cursor_.read<double>()};
    }
    cursor_.fail("has an unknown value type");
  }

 private:
  bool read_boolean() {
    const auto byte = cursor_.read<std::uint8_t>();
    if (byte > 1) cursor_.fail(fmt::format("is the boolean {}, expected 0 or 1", byte));
    return byte == 1;
  }

  GgufValue::Array read_array(int depth) {
    if (depth == kDeepestNesting) {
      cursor_.fail(fmt::format("nests arrays deeper than {} levels", kDeepestNesting));
    }
    const ValueType type = read_value_type(cursor_);
    const std::uint64_t n =
        cursor_.count(kFewestBytes[static_cast<std::size_t>(type)], "array elements");
    n_element_ += n;
    if (n_element_ > kMostArrayElements) {
      cursor_.fail(fmt::format("brings the array elements of the file to {}, expected at most {}",
                               n_element_, kMostArrayElements));
    }
    GgufValue::Array values;
    values.reserve(n);
    for (std::uint64_t i = 0; i < n; ++i) values.push_back(read(type, depth + 1));
    return values;
  }

  Cursor& cursor_;
  std::uint64_t n_element_ = 0;
};

void read_magic_and_version(Cursor& cursor) {
  std::array<char, 4> magic{};
  for (char& c : magic) c = cursor.read<char>();
  if (std::string_view(magic.data(), magic.size()) != "GGUF") {
    cursor.fail(
        fmt::format("begins with {}, expected \"GGUF\"", quote({magic.data(), magic.size()})),
        "the file is not in the GGUF format");
  }
  const auto version = cursor.read<std::uint32_t>();
  if (version != 0 && (version & 0xffffU) == 0) {
    cursor.refuse("is of a big-endian GGUF file, expected little-endian");
  }
  if (version != 2 && version != 3) {
    cursor.refuse(fmt::format("has GGUF version {}, expected 2 or 3", version));
  }
}

std::map<std::string, GgufValue> read_metadata(Cursor& cursor, std::uint64_t n_pair) {
  std::map<std::string, GgufValue> metadata;
  ValueReader values(cursor);
  for (std::uint64_t i = 0; i < n_pair; ++i) {
    cursor.place = fmt::format("metadata key {} of {}", i + 1, n_pair);
    const std::string key(cursor.text());
    if (key.empty() || key.size() > kLongestKey) {
      cursor.fail(fmt::format("has {} bytes, expected 1 to {}", key.size(), kLongestKey));
    }
    cursor.place = fmt::format("key {}", quote(key));
    if (metadata.contains(key)) cursor.fail("stands twice, expected once");
    const ValueType type = read_value_type(cursor);
    metadata.emplace(key, values.read(type));
  }
  return metadata;
}

Dtype read_element_type(Cursor& cursor) {
  const auto number = cursor.read<std::uint32_t>();
  for (const ElementType& type : kElementTypes) {
    if (type.number != number) continue;
    if (!type.dtype)
      cursor.refuse(fmt::format("has element type {}, which is not decoded", type.name));
    return *type.dtype;
  }
  cursor.refuse(fmt::format("has element type number {}, which is not known", number));
}

struct TensorInfo {
  StoredTensor tensor;
  std::uint64_t offset = 0;  // from the beginning of the data
  std::uint64_t bytes = 0;
};

std::vector<Index> read_shape(Cursor& cursor) {
  const auto n_axis = cursor.read<std::uint32_t>();
  if (n_axis > kMostAxes) {
    cursor.fail(fmt::format("has {} axes, expected at most {}", n_axis, kMostAxes));
  }
  std::vector<Index> shape(n_axis);
  std::uint64_t n = 1;
  // The file has the fastest axis first.
  for (auto axis = shape.rbegin(); axis != shape.rend(); ++axis) {
    const auto size = cursor.read<std::uint64_t>();
    constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<Index>::max());
    if (size > kMost || (size > 0 && n > kMost / size)) {
      cursor.fail(fmt::format(
          "has an axis of {} elements, so that their number does not fit 63 bits", size));
    }
    n *= size;
    *axis = static_cast<Index>(size);
  }
  return shape;
}

std::uint64_t byte_count(const Cursor& cursor, const StoredTensor& tensor) {
  const DtypeInfo& info = dtype_info(tensor.dtype);
  const Index n_col = tensor.shape.empty() ? 1 : tensor.shape.back();
  if (n_col % info.block_size != 0) {
    cursor.fail(fmt::format("has rows of {} elements, expected a multiple of {} for {}", n_col,
                            info.block_size, info.name));
  }
  std::uint64_t n_block = 1;
  for (const Index axis : tensor.shape) n_block *= static_cast<std::uint64_t>(axis);
  n_block /= static_cast<std::uint64_t>(info.block_size);
  const auto block_bytes = static_cast<std::uint64_t>(info.block_bytes);
  if (n_block > std::numeric_limits<std::uint64_t>::max() / block_bytes) {
    cursor.fail(
        fmt::format("has shape {}, whose bytes cannot be counted", shape_text(tensor.shape)));
  }
  return n_block * block_bytes;
}

std::vector<TensorInfo> read_tensor_infos(Cursor& cursor, std::uint64_t n_tensor,
                                          std::uint64_t alignment) {
  std::vector<TensorInfo> infos;
  infos.reserve(n_tensor);
  std::set<std::string_view> names;
  for (std::uint64_t i = 0; i < n_tensor; ++i) {
    cursor.place = fmt::format("tensor {} of {}", i + 1, n_tensor);
    TensorInfo info;
    const std::string_view name = cursor.text();
    info.tensor.name = name;
    cursor.place = fmt::format("tensor {}", quote(name));
    if (!names.insert(name).second) cursor.fail("stands twice, expected once");
    info.tensor.shape = read_shape(cursor);
    info.tensor.dtype = read_element_type(cursor);
    info.bytes = byte_count(cursor, info.tensor);
    info.offset = cursor.read<std::uint64_t>();
    if (info.offset % alignment != 0) {
      cursor.fail(fmt::format("begins at {}, expected a multiple of {}", info.offset, alignment));
    }
    infos.push_back(std::move(info));
  }
  return infos;
}

void place_tensors(Cursor& cursor, std::vector<TensorInfo>& infos,
                   std::span<const std::byte> data) {
  std::vector<TensorInfo*> by_offset;
  by_offset.reserve(infos.size());
  for (TensorInfo& info : infos) {
    cursor.place = fmt::format("tensor {}", quote(info.tensor.name));
    if (info.offset > data.size() || info.bytes > data.size() - info.offset) {
      cursor.fail(
          fmt::format("takes {} bytes from {}, expected a range within the {} bytes of data",
                      info.bytes, info.offset, data.size()),
          "the file is damaged or cut short; get it again");
    }
    info.tensor.bytes = data.subspan(info.offset, info.bytes);
    if (info.bytes > 0) by_offset.push_back(&info);
  }
  std::sort(by_offset.begin(), by_offset.end(),
            [](const TensorInfo* a, const TensorInfo* b) { return a->offset < b->offset; });
  for (std::size_t i = 1; i < by_offset.size(); ++i) {
    const TensorInfo& before = *by_offset[i - 1];
    if (before.offset + before.bytes > by_offset[i]->offset) {
      cursor.place = fmt::format("tensor {}", quote(by_offset[i]->tensor.name));
      cursor.fail(fmt::format("begins at {}, inside tensor {}, which ends at {}",
                              by_offset[i]->offset, quote(before.tensor.name),
                              before.offset + before.bytes));
    }
  }
}

FileError wrong_type(const std::filesystem::path& path, const std::string& key,
                     std::string_view expected) {
  return FileError(fmt::format("\"{}\": key {} is not {}", path.string(), quote(key), expected));
}

const GgufValue* find_value(const std::map<std::string, GgufValue>& metadata,
                            const std::string& key) {
  const auto found = metadata.find(key);
  return found == metadata.end() ? nullptr : &found->second;
}

std::optional<std::int64_t> as_integer(const GgufValue& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value.value)) return *number;
  const auto* number = std::get_if<std::uint64_t>(&value.value);
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (number == nullptr || *number > kMost) return std::nullopt;
  return static_cast<std::int64_t>(*number);
}

template <class T>
const T* find_typed(const GgufFile& file, const std::string& key, std::string_view expected) {
  const GgufValue* value = find_value(file.metadata(), key);
  if (value == nullptr) return nullptr;
  const T* typed = std::get_if<T>(&value->value);
  if (typed == nullptr) throw wrong_type(file.path(), key, expected);
  return typed;
}

}  // namespace

GgufFile::GgufFile(const std::filesystem::path& path)
    : file_(std::make_shared<const MappedFile>(path)) {
  Cursor cursor(*file_);
  read_magic_and_version(cursor);
  const std::uint64_t n_tensor = cursor.count(kFewestTensorBytes, "tensors");
  const std::uint64_t n_pair = cursor.count(kFewestPairBytes, "metadata pairs");
  metadata_ = read_metadata(cursor, n_pair);

  const std::int64_t alignment = integer_or("general.alignment", kDefaultAlignment);
  if (alignment <= 0 || !std::has_single_bit(static_cast<std::uint64_t>(alignment))) {
    throw FileError(fmt::format("\"{}\": key \"general.alignment\" is {}, expected a power of two",
                                path.string(), alignment));
  }
  const auto step = static_cast<std::uint64_t>(alignment);
  std::vector<TensorInfo> infos = read_tensor_infos(cursor, n_tensor, step);

  const std::uint64_t padding = (step - cursor.offset() % step) % step;
  const std::span<const std::byte> data = padding <= cursor.remaining()
                                              ? file_->bytes().subspan(cursor.offset() + padding)
                                              : std::span<const std::byte>();
  place_tensors(cursor, infos, data);
  tensors_.reserve(infos.size());
  for (TensorInfo& info : infos) {
    index_[info.tensor.name] = tensors_.size();
    tensors_.push_back(std::move(info.tensor));
  }
}

const StoredTensor* GgufFile::find(const std::string& name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &tensors_[found->second];
}

const std::string* GgufFile::find_string(const std::string& key) const {
  return find_typed<std::string>(*this, key, "text");
}

const GgufValue::Array* GgufFile::find_array(const std::string& key) const {
  return find_typed<GgufValue::Array>(*this, key, "an array");
}

std::int64_t GgufFile::integer(const std::string& key) const {
  const GgufValue* value = find_value(metadata_, key);
  if (value == nullptr) {
    throw FileError(fmt::format("\"{}\" lacks the key {}", path().string(), quote(key)));
  }
  const std::optional<std::int64_t> number = as_integer(*value);
  if (!number) throw wrong_type(path(), key, "a whole number of 63 bits");
  return *number;
}

std::int64_t GgufFile::integer_or(const std::string& key, std::int64_t fallback) const {
  return has(key) ? integer(key) : fallback;
}

double GgufFile::number_or(const std::string& key, double fallback) const {
  const GgufValue* value = find_value(metadata_, key);
  if (value == nullptr) return fallback;
  if (const auto* number = std::get_if<double>(&value->value)) return *number;
  return static_cast<double>(integer(key));
}

bool GgufFile::boolean_or(const std::string& key, bool fallback) const {
  const bool* value = find_typed<bool>(*this, key, "true or false");
  return value == nullptr ? fallback : *value;
}

}  // namespace gnomon
