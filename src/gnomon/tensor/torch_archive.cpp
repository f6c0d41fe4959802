// SPDX-License-Identifier: Apache-2.0
#include "gnomon/tensor/torch_archive.h"

#include <fmt/format.h>

#include <bit>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "gnomon/base/error.h"
#include "gnomon/base/quote.h"
#include "gnomon/base/zip.h"
#include "gnomon/tensor/detail/pickle.h"

namespace gnomon {
namespace {

constexpr std::string_view kPickleName = "/data.pkl";
constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 30;  // of all tensors together, 1 GiB

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& what) {
  throw FileError(fmt::format("\"{}\": {}", path.string(), what),
                  "expected a file that torch.save wrote of a state_dict");
}

// "head" of the one member "head/data.pkl".
std::string root_of(const ZipFile& zip, const std::filesystem::path& path) {
  std::optional<std::string> root;
  for (const ZipFile::Member& member : zip.members()) {
    if (!member.name.ends_with(kPickleName)) continue;
    const std::string name = member.name.substr(0, member.name.size() - kPickleName.size());
    if (name.find('/') != std::string::npos) continue;
    if (root) {
      fail(path,
           fmt::format("members {} and {} hold a pickle, expected one", quote(*root), quote(name)));
    }
    root = name;
  }
  if (!root) fail(path, "no member NAME/data.pkl");
  return *root;
}

// Every element, last axis fastest.
template <class Take>
void for_each_element(const detail::PickledTensor& tensor, Take take) {
  std::vector<Index> at(tensor.shape.size(), 0);
  for (const Index size : tensor.shape) {
    if (size == 0) return;
  }
  Index element = tensor.offset;
  while (true) {
    take(element);
    std::size_t axis = tensor.shape.size();
    while (axis > 0) {
      --axis;
      element += tensor.strides[axis];
      if (++at[axis] < tensor.shape[axis]) break;
      element -= tensor.strides[axis] * tensor.shape[axis];
      at[axis] = 0;
      if (axis == 0) return;
    }
    if (tensor.shape.empty()) return;
  }
}

float float_at(std::span<const std::byte> bytes, Index element) {
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    bits |= std::to_integer<std::uint32_t>(bytes[static_cast<std::size_t>(element) * 4 + i])
            << (8 * i);
  }
  return std::bit_cast<float>(bits);
}

class StorageReader {
 public:
  StorageReader(const ZipFile& zip, std::string root, std::filesystem::path path)
      : zip_(zip), root_(std::move(root)), path_(std::move(path)) {}

  const std::vector<std::byte>& read(const detail::PickledTensor& tensor) {
    const std::string name = root_ + "/data/" + tensor.storage_key;
    const ZipFile::Member* member = zip_.find(name);
    if (member == nullptr) {
      fail(path_, fmt::format("no member {}, expected the numbers of {}", quote(name),
                              quote(tensor.name)));
    }
    const std::uint64_t expected = static_cast<std::uint64_t>(tensor.storage_size) * 4;
    if (member->size != expected) {
      fail(path_, fmt::format("member {} has {} bytes, expected {} for {} float32", quote(name),
                              member->size, expected, tensor.storage_size));
    }
    const auto found = contents_.find(name);
    if (found != contents_.end()) return found->second;
    spend(expected);
    return contents_.emplace(name, zip_.read(*member, expected)).first->second;
  }

  // Tensors may share a storage, so that a small file can describe many large tensors.
  void spend(std::uint64_t bytes) {
    if (bytes > kMostBytes - spent_)
      fail(path_, fmt::format("tensors of more than {} bytes", kMostBytes));
    spent_ += bytes;
  }

 private:
  const ZipFile& zip_;
  std::string root_;
  std::filesystem::path path_;
  std::map<std::string, std::vector<std::byte>> contents_;
  std::uint64_t spent_ = 0;
};

}  // namespace

std::vector<TorchTensor> read_torch_archive(const std::filesystem::path& path) {
  const ZipFile zip(path);
  const std::string root = root_of(zip, path);
  if (const ZipFile::Member* order = zip.find(root + "/byteorder")) {
    const std::vector<std::byte> content = zip.read(*order, 16);
    const std::string_view text(reinterpret_cast<const char*>(content.data()), content.size());
    if (text != "little") {
      throw UnsupportedError(
          fmt::format("\"{}\": byte order {}, expected \"little\"", path.string(), quote(text)));
    }
  }
  const std::vector<std::byte> pickle =
      zip.read(*zip.find(root + std::string(kPickleName)), detail::kLargestPickle);
  const std::vector<detail::PickledTensor> pickled =
      detail::read_pickled_tensors(pickle, path.string() + ": data.pkl");
  StorageReader storages(zip, root, path);
  std::vector<TorchTensor> tensors;
  for (const detail::PickledTensor& tensor : pickled) {
    const std::vector<std::byte>& bytes = storages.read(tensor);
    std::uint64_t n_element = 1;
    for (const Index size : tensor.shape) n_element *= static_cast<std::uint64_t>(size);
    storages.spend(n_element * 4);
    std::vector<float> values;
    values.reserve(n_element);
    for_each_element(tensor, [&](Index element) { values.push_back(float_at(bytes, element)); });
    tensors.push_back({tensor.name, Tensor<float>(tensor.shape, std::move(values))});
  }
  return tensors;
}

}  // namespace gnomon
