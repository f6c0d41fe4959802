// SPDX-License-Identifier: Apache-2.0
#include "gnomon/kernels/dequantize.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "gnomon/base/error.h"
#include "gnomon/base/threads.h"

namespace gnomon {
namespace {

// About half a millisecond of work: on a busy machine, waiting for a thread costs more than that.
constexpr std::int64_t kElementsPerThread = 1 << 19;

template <class V>
V load(const std::uint8_t* p) {
  V value;
  std::memcpy(&value, p, sizeof(V));
  return value;
}

// IEEE binary16. In integers, and by one product whose operands are normal: the conversion neither
// needs F16C nor changes where the processor flushes subnormals to zero.
float half(std::uint16_t bits) {
  const std::uint32_t sign = std::uint32_t{bits & 0x8000U} << 16;
  const std::uint32_t rest = bits & 0x7fffU;
  const std::uint32_t subnormal = std::bit_cast<std::uint32_t>(static_cast<float>(rest) * 0x1p-24F);
  const std::uint32_t normal = (rest << 13) + (112U << 23);
  const std::uint32_t infinite_or_nan = (rest << 13) | 0x7f800000U;
  const std::uint32_t finite = rest < 0x0400U ? subnormal : normal;
  return std::bit_cast<float>(sign | (rest < 0x7c00U ? finite : infinite_or_nan));
}

float half_at(const std::uint8_t* p) { return half(load<std::uint16_t>(p)); }

template <class T>
void decode_f64(const std::uint8_t* p, T* y) {
  *y = static_cast<T>(load<double>(p));
}

template <class T>
void decode_f32(const std::uint8_t* p, T* y) {
  *y = static_cast<T>(load<float>(p));
}

template <class T>
void decode_f16(const std::uint8_t* p, T* y) {
  *y = static_cast<T>(half_at(p));
}

template <class T>
void decode_bf16(const std::uint8_t* p, T* y) {
  *y = static_cast<T>(std::bit_cast<float>(std::uint32_t{load<std::uint16_t>(p)} << 16));
}

// The blocks of 32: y = d q, or y = d q + m. The low nibbles are the first 16 elements. In the
// formats of five bits, bit i of a 32-bit word is the high bit of element i.

template <class T>
void decode_q4_0(const std::uint8_t* p, T* y) {
  const float d = half_at(p);
  const std::uint8_t* q = p + 2;
  for (int i = 0; i < 16; ++i) y[i] = static_cast<T>(d * static_cast<float>((q[i] & 15) - 8));
  for (int i = 0; i < 16; ++i) y[i + 16] = static_cast<T>(d * static_cast<float>((q[i] >> 4) - 8));
}

template <class T>
void decode_q4_1(const std::uint8_t* p, T* y) {
  const float d = half_at(p);
  const float m = half_at(p + 2);
  const std::uint8_t* q = p + 4;
  for (int i = 0; i < 16; ++i) y[i] = static_cast<T>(d * static_cast<float>(q[i] & 15) + m);
  for (int i = 0; i < 16; ++i) y[i + 16] = static_cast<T>(d * static_cast<float>(q[i] >> 4) + m);
}

int high_bit(std::uint32_t word, int i) { return static_cast<int>((word >> i) & 1U) << 4; }

template <class T>
void decode_q5_0(const std::uint8_t* p, T* y) {
  const float d = half_at(p);
  const auto high = load<std::uint32_t>(p + 2);
  const std::uint8_t* q = p + 6;
  for (int i = 0; i < 16; ++i) {
    const int low_half = ((q[i] & 15) | high_bit(high, i)) - 16;
    const int high_half = ((q[i] >> 4) | high_bit(high, i + 16)) - 16;
    y[i] = static_cast<T>(d * static_cast<float>(low_half));
    y[i + 16] = static_cast<T>(d * static_cast<float>(high_half));
  }
}

template <class T>
void decode_q5_1(const std::uint8_t* p, T* y) {
  const float d = half_at(p);
  const float m = half_at(p + 2);
  const auto high = load<std::uint32_t>(p + 4);
  const std::uint8_t* q = p + 8;
  for (int i = 0; i < 16; ++i) {
    const int low_half = (q[i] & 15) | high_bit(high, i);
    const int high_half = (q[i] >> 4) | high_bit(high, i + 16);
    y[i] = static_cast<T>(d * static_cast<float>(low_half) + m);
    y[i + 16] = static_cast<T>(d * static_cast<float>(high_half) + m);
  }
}

template <class T>
void decode_q8_0(const std::uint8_t* p, T* y) {
  const float d = half_at(p);
  for (int i = 0; i < 32; ++i) {
    y[i] = static_cast<T>(static_cast<float>(static_cast<std::int8_t>(p[2 + i])) * d);
  }
}

// The blocks of 256, "K": eight groups of 32 with a scale and a minimum of six bits each, packed
// into twelve bytes.
struct GroupScale {
  float scale;
  float minimum;
};

GroupScale group_scale(const std::uint8_t* packed, int group) {
  if (group < 4) {
    return {static_cast<float>(packed[group] & 63), static_cast<float>(packed[group + 4] & 63)};
  }
  const int scale = (packed[group + 4] & 15) | ((packed[group - 4] >> 6) << 4);
  const int minimum = (packed[group + 4] >> 4) | ((packed[group] >> 6) << 4);
  return {static_cast<float>(scale), static_cast<float>(minimum)};
}

template <class T>
void decode_q4_k(const std::uint8_t* p, T* y) {
  const float d = half_at(p);
  const float d_minimum = half_at(p + 2);
  const std::uint8_t* q = p + 16;
  for (int group = 0; group < 8; ++group) {
    const GroupScale packed = group_scale(p + 4, group);
    const float scale = d * packed.scale;
    const float minimum = d_minimum * packed.minimum;
    const std::uint8_t* row = q + 32 * (group / 2);
    const int shift = 4 * (group % 2);
    for (int i = 0; i < 32; ++i) {
      y[32 * group + i] =
          static_cast<T>(scale * static_cast<float>((row[i] >> shift) & 15) - minimum);
    }
  }
}

template <class T>
void decode_q5_k(const std::uint8_t* p, T* y) {
  const float d = half_at(p);
  const float d_minimum = half_at(p + 2);
  const std::uint8_t* high = p + 16;
  const std::uint8_t* q = p + 48;
  for (int group = 0; group < 8; ++group) {
    const GroupScale packed = group_scale(p + 4, group);
    const float scale = d * packed.scale;
    const float minimum = d_minimum * packed.minimum;
    const std::uint8_t* row = q + 32 * (group / 2);
    const int shift = 4 * (group % 2);
    for (int i = 0; i < 32; ++i) {
      const int value = ((row[i] >> shift) & 15) | (((high[i] >> group) & 1) << 4);
      y[32 * group + i] = static_cast<T>(scale * static_cast<float>(value) - minimum);
    }
  }
}

// Sixteen groups of 16 with a signed scale of eight bits; two halves of 128 elements, in each of
// which the quarters share bytes: nibbles of 64 bytes, pairs of bits of 32 bytes.
template <class T>
void decode_q6_k(const std::uint8_t* p, T* y) {
  const float d = half_at(p + 208);
  for (int quarter = 0; quarter < 8; ++quarter) {
    const std::uint8_t* low = p + 64 * (quarter / 4) + 32 * (quarter % 2);
    const std::uint8_t* high = p + 128 + 32 * (quarter / 4);
    const int low_shift = 4 * (quarter % 4 / 2);
    const int high_shift = 2 * (quarter % 4);
    for (int group = 0; group < 2; ++group) {
      const auto packed = static_cast<std::int8_t>(p[192 + 2 * quarter + group]);
      const float scale = d * static_cast<float>(packed);
      for (int i = 16 * group; i < 16 * group + 16; ++i) {
        const int value = ((low[i] >> low_shift) & 15) | (((high[i] >> high_shift) & 3) << 4);
        y[32 * quarter + i] = static_cast<T>(scale * static_cast<float>(value - 32));
      }
    }
  }
}

template <class T>
using DecodeBlocks = void (*)(const std::uint8_t*, T*, std::int64_t);

template <class T, std::int64_t block_bytes, std::int64_t block_size,
          void (*decode)(const std::uint8_t*, T*)>
void decode_blocks(const std::uint8_t* p, T* y, std::int64_t n_block) {
  for (std::int64_t b = 0; b < n_block; ++b) decode(p + b * block_bytes, y + b * block_size);
}

template <class T>
DecodeBlocks<T> decoder(Dtype dtype) {
  switch (dtype) {
    case Dtype::f64:
      return decode_blocks<T, 8, 1, decode_f64<T>>;
    case Dtype::f32:
      return decode_blocks<T, 4, 1, decode_f32<T>>;
    case Dtype::f16:
      return decode_blocks<T, 2, 1, decode_f16<T>>;
    case Dtype::bf16:
      return decode_blocks<T, 2, 1, decode_bf16<T>>;
    case Dtype::q4_0:
      return decode_blocks<T, 18, 32, decode_q4_0<T>>;
    case Dtype::q4_1:
      return decode_blocks<T, 20, 32, decode_q4_1<T>>;
    case Dtype::q5_0:
      return decode_blocks<T, 22, 32, decode_q5_0<T>>;
    case Dtype::q5_1:
      return decode_blocks<T, 24, 32, decode_q5_1<T>>;
    case Dtype::q8_0:
      return decode_blocks<T, 34, 32, decode_q8_0<T>>;
    case Dtype::q4_k:
      return decode_blocks<T, 144, 256, decode_q4_k<T>>;
    case Dtype::q5_k:
      return decode_blocks<T, 176, 256, decode_q5_k<T>>;
    case Dtype::q6_k:
      return decode_blocks<T, 210, 256, decode_q6_k<T>>;
    default:
      throw UnsupportedError(fmt::format(
          "dequantize: element type {}, expected a floating-point type", dtype_info(dtype).name));
  }
}

}  // namespace

template <class T>
void dequantize(std::span<T> values, Dtype dtype, std::span<const std::byte> bytes) {
  const DecodeBlocks<T> decode = decoder<T>(dtype);
  const DtypeInfo& info = dtype_info(dtype);
  const auto n_value = static_cast<std::int64_t>(values.size());
  const std::int64_t n_block = n_value / info.block_size;
  if (n_value % info.block_size != 0 ||
      static_cast<std::int64_t>(bytes.size()) != n_block * info.block_bytes) {
    throw ShapeError(
        fmt::format("dequantize: {} values of {} from {} bytes, expected {} bytes for "
                    "every {} values",
                    n_value, info.name, bytes.size(), info.block_bytes, info.block_size));
  }
  const auto* p = reinterpret_cast<const std::uint8_t*>(bytes.data());
  const std::int64_t grain = std::max<std::int64_t>(1, kElementsPerThread / info.block_size);
  parallel_for(0, n_block, grain, [&](std::int64_t first, std::int64_t last) {
    decode(p + first * info.block_bytes, values.data() + first * info.block_size, last - first);
  });
}

template void dequantize<float>(std::span<float>, Dtype, std::span<const std::byte>);
template void dequantize<double>(std::span<double>, Dtype, std::span<const std::byte>);

}  // namespace gnomon
