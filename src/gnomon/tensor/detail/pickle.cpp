// SPDX-License-Identifier: Apache-2.0
#include "gnomon/tensor/detail/pickle.h"

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "gnomon/base/error.h"
#include "gnomon/base/quote.h"

namespace gnomon::detail {
namespace {

// Opcodes of Python's pickletools, protocol 2.
enum Opcode : unsigned {
  kMark = '(',
  kStop = '.',
  kBinInt = 'J',
  kBinInt1 = 'K',
  kBinInt2 = 'M',
  kNone = 'N',
  kBinPersId = 'Q',
  kReduce = 'R',
  kBinUnicode = 'X',
  kBuild = 'b',
  kGlobal = 'c',
  kBinGet = 'h',
  kLongBinGet = 'j',
  kBinPut = 'q',
  kLongBinPut = 'r',
  kSetItem = 's',
  kTuple = 't',
  kSetItems = 'u',
  kEmptyTuple = ')',
  kEmptyDict = '}',
  kProto = 0x80,
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kTuple3 = 0x87,
  kNewTrue = 0x88,
  kNewFalse = 0x89,
  kLong1 = 0x8a,
};

enum class Kind { none, boolean, integer, text, tuple, dictionary, global, storage, tensor };

constexpr std::array<std::string_view, 9> kKindNames = {"None",     "a boolean", "an integer",
                                                        "a text",   "a tuple",   "a dictionary",
                                                        "a global", "a storage", "a tensor"};

enum class Global { ordered_dict, rebuild_tensor, float_storage };

struct AllowedGlobal {
  std::string_view name;
  Global global;
};
constexpr std::array<AllowedGlobal, 3> kAllowedGlobals = {{
    {"collections OrderedDict", Global::ordered_dict},
    {"torch._utils _rebuild_tensor_v2", Global::rebuild_tensor},
    {"torch FloatStorage", Global::float_storage},
}};

constexpr std::size_t kLongestGlobal = 200;   // bytes of a module or a name
constexpr std::size_t kLongestKey = 19;       // digits of a storage's key
constexpr std::size_t kMostAxes = 8;          // of a tensor
constexpr std::size_t kMostValues = 1 << 17;  // in a pickle: about 30 MB
constexpr Index kMostElements = Index{1} << 31;

using Id = std::size_t;  // of a value; values are never removed, so that cycles do no harm

struct Value {
  Kind kind = Kind::none;
  std::int64_t integer = 0;  // of boolean and integer; a Global
  std::string text;
  std::vector<Id> items;  // of a tuple; of a dictionary key, value, key, value
  PickledTensor tensor;   // of a tensor and, as far as it goes, of a storage
};

class Machine {
 public:
  Machine(std::span<const std::byte> bytes, std::string_view origin)
      : bytes_(bytes), origin_(origin) {}

  std::vector<PickledTensor> run() {
    if (bytes_.size() > kLargestPickle)
      fail(fmt::format("{} bytes, expected at most {}", bytes_.size(), kLargestPickle));
    while (true) {
      opcode_at_ = at_;
      const unsigned opcode = byte();
      if (opcode_at_ == 0 && opcode != kProto)
        fail(fmt::format("opcode 0x{:02x}, expected a pickle of protocol 2", opcode));
      if (opcode == kStop) return finish();
      step(opcode);
    }
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw FileError(fmt::format("\"{}\": byte {}: {}", origin_, opcode_at_, what),
                    "only dictionaries of float32 tensors that torch.save wrote are read, and "
                    "nothing in them is run");
  }

  std::span<const std::byte> take(std::size_t n) {
    if (n > bytes_.size() - at_)
      fail(fmt::format("{} bytes are left of the pickle, expected {}", bytes_.size() - at_, n));
    const auto taken = bytes_.subspan(at_, n);
    at_ += n;
    return taken;
  }
  unsigned byte() { return std::to_integer<unsigned>(take(1)[0]); }
  std::uint32_t u32() {
    std::uint32_t value = 0;
    int shift = 0;
    for (const std::byte b : take(4)) {
      value |= std::to_integer<std::uint32_t>(b) << shift;
      shift += 8;
    }
    return value;
  }
  std::string text(std::size_t n) {
    const auto taken = take(n);
    return {reinterpret_cast<const char*>(taken.data()), taken.size()};
  }
  std::string line() {
    std::string read;
    while (true) {
      const auto c = static_cast<char>(byte());
      if (c == '\n') return read;
      read += c;
      if (read.size() > kLongestGlobal) {
        fail(fmt::format("a global {} that goes on, expected at most {} bytes", quote(read),
                         kLongestGlobal));
      }
    }
  }

  void push(Value value) {
    if (values_.size() == kMostValues) fail(fmt::format("more than {} values", kMostValues));
    values_.push_back(std::move(value));
    stack_.push_back(values_.size() - 1);
  }
  void push_integer(Kind kind, std::int64_t integer) {
    Value value;
    value.kind = kind;
    value.integer = integer;
    push(std::move(value));
  }
  void push_kind(Kind kind) { push_integer(kind, 0); }

  // What stands below the last mark belongs to another list.
  void require_value() const {
    if (stack_.size() <= (marks_.empty() ? 0 : marks_.back()))
      fail("nothing on the stack, expected a value");
  }
  Id top() const {
    require_value();
    return stack_.back();
  }
  Id pop() {
    const Id id = top();
    stack_.pop_back();
    return id;
  }
  std::vector<Id> pop_to_mark() {
    if (marks_.empty()) fail("no mark on the stack, expected one");
    const auto first = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    std::vector<Id> items(first, stack_.end());
    stack_.erase(first, stack_.end());
    marks_.pop_back();
    return items;
  }

  const Value& expect(Id id, Kind kind, std::string_view what) const {
    const Value& value = values_[id];
    if (value.kind != kind) {
      fail(fmt::format("{} is {}, expected {}", what,
                       kKindNames[static_cast<std::size_t>(value.kind)],
                       kKindNames[static_cast<std::size_t>(kind)]));
    }
    return value;
  }

  void push_tuple(std::vector<Id> items) {
    Value tuple;
    tuple.kind = Kind::tuple;
    tuple.items = std::move(items);
    push(std::move(tuple));
  }
  void push_tuple_of(std::size_t n) {
    std::vector<Id> items(n);
    for (std::size_t i = n; i-- > 0;) items[i] = pop();
    push_tuple(std::move(items));
  }

  void step(unsigned opcode) {
    switch (opcode) {
      case kProto:
        if (const unsigned version = byte(); version != 2)
          fail(fmt::format("protocol {}, expected 2", version));
        return;
      case kMark:
        marks_.push_back(stack_.size());
        return;
      case kNone:
        return push_kind(Kind::none);
      case kNewTrue:
        return push_integer(Kind::boolean, 1);
      case kNewFalse:
        return push_integer(Kind::boolean, 0);
      case kBinInt:
        return push_integer(Kind::integer, static_cast<std::int32_t>(u32()));
      case kBinInt1:
        return push_integer(Kind::integer, byte());
      case kBinInt2: {
        const unsigned low = byte();
        return push_integer(Kind::integer, low | byte() << 8);
      }
      case kLong1:
        return push_long();
      case kBinUnicode:
        return push_text();
      case kGlobal:
        return push_global();
      case kEmptyTuple:
        return push_kind(Kind::tuple);
      case kEmptyDict:
        return push_kind(Kind::dictionary);
      case kTuple:
        return push_tuple(pop_to_mark());
      case kTuple1:
        return push_tuple_of(1);
      case kTuple2:
        return push_tuple_of(2);
      case kTuple3:
        return push_tuple_of(3);
      case kBinPut:
        return store(byte());
      case kLongBinPut:
        return store(u32());
      case kBinGet:
        return push_stored(byte());
      case kLongBinGet:
        return push_stored(u32());
      case kBinPersId:
        return push_storage();
      case kReduce:
        return reduce();
      case kSetItem: {
        const Id value = pop();
        const Id key = pop();
        return set_items({key, value});
      }
      case kSetItems:
        return set_items(pop_to_mark());
      case kBuild:
        pop();
        expect(top(), Kind::dictionary, "what gets attributes");
        return;
      default:
        fail(fmt::format("opcode 0x{:02x}, expected one that a dictionary of tensors needs",
                         opcode));
    }
  }

  void push_long() {
    const unsigned n = byte();
    if (n > 8) fail(fmt::format("an integer of {} bytes, expected at most 8", n));
    std::uint64_t value = 0;
    const auto taken = take(n);
    for (unsigned i = 0; i < n; ++i) value |= std::to_integer<std::uint64_t>(taken[i]) << (8 * i);
    // Two's complement of n bytes.
    if (n > 0 && n < 8 && (std::to_integer<unsigned>(taken[n - 1]) & 0x80U) != 0)
      value |= ~std::uint64_t{0} << (8 * n);
    push_integer(Kind::integer, static_cast<std::int64_t>(value));
  }

  void push_text() {
    Value value;
    value.kind = Kind::text;
    value.text = text(u32());
    push(std::move(value));
  }

  void push_global() {
    std::string name = line();
    name += ' ';
    name += line();
    for (const AllowedGlobal& allowed : kAllowedGlobals) {
      if (name == allowed.name)
        return push_integer(Kind::global, static_cast<std::int64_t>(allowed.global));
    }
    fail(fmt::format("global {}, expected {}, {} or {}", quote(name), kAllowedGlobals[0].name,
                     kAllowedGlobals[1].name, kAllowedGlobals[2].name));
  }

  void store(std::uint32_t key) { memo_[key] = top(); }
  void push_stored(std::uint32_t key) {
    const auto found = memo_.find(key);
    if (found == memo_.end()) fail(fmt::format("memo {} is empty, expected a value", key));
    stack_.push_back(found->second);
  }

  bool is_global(Id id, Global global) const {
    return values_[id].kind == Kind::global &&
           values_[id].integer == static_cast<std::int64_t>(global);
  }

  // ("storage", FloatStorage, key, location, number of elements)
  void push_storage() {
    const std::vector<Id> items = expect(pop(), Kind::tuple, "a persistent id").items;
    if (items.size() != 5) {
      fail(
          fmt::format("a persistent id of {} items, expected 5: \"storage\", type, key, location, "
                      "size",
                      items.size()));
    }
    const std::string& word = expect(items[0], Kind::text, "a persistent id's first item").text;
    if (word != "storage")
      fail(fmt::format("a persistent id {}, expected \"storage\"", quote(word)));
    if (!is_global(items[1], Global::float_storage))
      fail("a storage of another type, expected torch FloatStorage");
    Value storage;
    storage.kind = Kind::storage;
    storage.tensor.storage_key = expect(items[2], Kind::text, "a storage's key").text;
    const std::string& key = storage.tensor.storage_key;
    if (key.empty() || key.size() > kLongestKey ||
        key.find_first_not_of("0123456789") != std::string::npos) {
      fail(fmt::format("a storage's key {}, expected decimal digits", quote(key)));
    }
    expect(items[3], Kind::text, "a storage's location");
    storage.tensor.storage_size = expect(items[4], Kind::integer, "a storage's size").integer;
    if (storage.tensor.storage_size < 0 || storage.tensor.storage_size > kMostElements) {
      fail(fmt::format("a storage of {} elements, expected 0 to {}", storage.tensor.storage_size,
                       kMostElements));
    }
    push(std::move(storage));
  }

  void reduce() {
    const std::vector<Id> arguments = expect(pop(), Kind::tuple, "the arguments of a call").items;
    const Id callable = pop();
    if (is_global(callable, Global::ordered_dict)) {
      if (!arguments.empty())
        fail(fmt::format("OrderedDict with {} arguments, expected none", arguments.size()));
      push_kind(Kind::dictionary);
    } else if (is_global(callable, Global::rebuild_tensor)) {
      push_tensor(arguments);
    } else {
      fail("a call of something else than OrderedDict or _rebuild_tensor_v2");
    }
  }

  std::vector<Index> indices(Id id, std::string_view what) const {
    std::vector<Index> read;
    for (const Id item : expect(id, Kind::tuple, what).items) {
      const std::int64_t value = expect(item, Kind::integer, what).integer;
      if (value < 0 || value > kMostElements)
        fail(fmt::format("{} has {}, expected 0 to {}", what, value, kMostElements));
      read.push_back(value);
    }
    if (read.size() > kMostAxes)
      fail(fmt::format("{} has {} axes, expected at most {}", what, read.size(), kMostAxes));
    return read;
  }

  // (storage, offset, shape, strides, requires_grad, backward_hooks)
  void push_tensor(const std::vector<Id>& arguments) {
    if (arguments.size() != 6)
      fail(fmt::format("a tensor of {} arguments, expected 6", arguments.size()));
    Value value;
    value.kind = Kind::tensor;
    value.tensor = expect(arguments[0], Kind::storage, "a tensor's storage").tensor;
    PickledTensor& tensor = value.tensor;
    tensor.offset = expect(arguments[1], Kind::integer, "a tensor's offset").integer;
    tensor.shape = indices(arguments[2], "a tensor's shape");
    tensor.strides = indices(arguments[3], "a tensor's strides");
    expect(arguments[4], Kind::boolean, "requires_grad");
    expect(arguments[5], Kind::dictionary, "backward_hooks");
    require_inside(tensor);
    push(std::move(value));
  }

  // Sizes and strides are at most 2^31, and so are the running values before each step: nothing
  // overflows.
  void require_inside(const PickledTensor& tensor) const {
    if (tensor.shape.size() != tensor.strides.size()) {
      fail(fmt::format("a tensor of {} axes has {} strides", tensor.shape.size(),
                       tensor.strides.size()));
    }
    if (tensor.offset < 0 || tensor.offset > tensor.storage_size) {
      fail(fmt::format("a tensor begins at element {} of a storage of {}", tensor.offset,
                       tensor.storage_size));
    }
    Index n_element = 1;
    for (const Index size : tensor.shape) {
      if (size == 0) return;
      n_element *= size;
      if (n_element > tensor.storage_size) {
        fail(fmt::format("a tensor of at least {} elements in a storage of {}", n_element,
                         tensor.storage_size));
      }
    }
    Index last = tensor.offset;
    for (std::size_t axis = 0; axis < tensor.shape.size() && last < tensor.storage_size; ++axis)
      last += (tensor.shape[axis] - 1) * tensor.strides[axis];
    if (last >= tensor.storage_size) {
      fail(
          fmt::format("a tensor reaches element {} of a storage of {}", last, tensor.storage_size));
    }
  }

  void set_items(const std::vector<Id>& items) {
    if (items.size() % 2 != 0) fail("a key without a value");
    const Id dictionary = top();
    expect(dictionary, Kind::dictionary, "what gets items");
    for (std::size_t i = 0; i < items.size(); i += 2) expect(items[i], Kind::text, "a key");
    std::vector<Id>& stored = values_[dictionary].items;
    stored.insert(stored.end(), items.begin(), items.end());
  }

  std::vector<PickledTensor> finish() const {
    if (at_ != bytes_.size())
      fail(fmt::format("the pickle stops {} bytes before its end", bytes_.size() - at_));
    if (stack_.size() != 1 || !marks_.empty())
      fail(fmt::format("{} values are left, expected one dictionary", stack_.size()));
    const Value& dictionary = expect(stack_[0], Kind::dictionary, "the content");
    std::vector<PickledTensor> tensors;
    std::set<std::string> names;
    for (std::size_t i = 0; i < dictionary.items.size(); i += 2) {
      const std::string& name = values_[dictionary.items[i]].text;
      if (!names.insert(name).second) fail(fmt::format("the key {} stands twice", quote(name)));
      tensors.push_back(expect(dictionary.items[i + 1], Kind::tensor, quote(name)).tensor);
      tensors.back().name = name;
    }
    return tensors;
  }

  std::span<const std::byte> bytes_;
  std::string origin_;
  std::size_t at_ = 0;
  std::size_t opcode_at_ = 0;
  std::vector<Value> values_;
  std::vector<Id> stack_;
  std::vector<std::size_t> marks_;  // sizes of the stack
  std::map<std::uint32_t, Id> memo_;
};

}  // namespace

std::vector<PickledTensor> read_pickled_tensors(std::span<const std::byte> bytes,
                                                std::string_view origin) {
  return Machine(bytes, origin).run();
}

}  // namespace gnomon::detail
