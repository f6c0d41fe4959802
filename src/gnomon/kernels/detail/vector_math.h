// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <numbers>

#include "gnomon/kernels/detail/instruction_set.h"

namespace gnomon::detail {

// Elementary functions without branches or calls, so that loops over them become vector code at -O3
// without -ffast-math. In double they are the standard library's. NaN stays NaN.
//
// The polynomials are minimax fits in double to high-precision values (mpmath) at 400 Chebyshev
// nodes by Lawson's reweighted least squares, coefficients then rounded to float.

// Error at most 1 unit in the last place, also where the result is subnormal; exp(-inf) = 0.
GNOMON_ALWAYS_INLINE float vector_exp(float x) {
  // Beyond these the result is infinite or rounds to 0; written so that NaN passes.
  x = x > 89.0F ? 89.0F : x;
  x = x < -105.0F ? -105.0F : x;
  // x = n ln 2 + r, |r| <= ln 2 / 2. Adding 1.5 2^23 rounds to an integer and leaves it in the low
  // bits.
  constexpr float kRound = 12582912.0F;
  const float shifted = x * 1.44269504F + kRound;
  const float n = shifted - kRound;
  // ln 2 in two parts, of which the first has 15 bits: n times it is exact.
  const float r = (x - n * 0.693145752F) - n * 1.42860677e-6F;
  // exp(r) = 1 + r + r² q(r), relative error of the fit 3.3e-9
  const float q = 0.49999994F +
                  r * (0.16666515F + r * (0.041668456F + r * (0.0083694188F + r * 0.0013813145F)));
  const float p = 1.0F + (r + r * r * q);
  // 2^n in two factors: n reaches -152 and 128, which one exponent field does not hold.
  const std::int32_t whole =
      std::bit_cast<std::int32_t>(shifted) - std::bit_cast<std::int32_t>(kRound);
  const std::int32_t half = whole >> 1;
  const float scale_1 = std::bit_cast<float>((half + 127) << 23);
  const float scale_2 = std::bit_cast<float>((whole - half + 127) << 23);
  return p * scale_1 * scale_2;
}
inline double vector_exp(double x) { return std::exp(x); }

// exp(-a²/2) for a in [0, 15]; error at most 3 units in the last place. a = high + low, high of 12
// bits: high² is exact, so that the exponent's rounding (5e-6 at a = 13) does not reach the result.
GNOMON_ALWAYS_INLINE float vector_exp_half_square(float a) {
  const float high = std::bit_cast<float>((std::bit_cast<std::uint32_t>(a) + 0x800U) & 0xfffff000U);
  const float b = (high - a) * (high + a) * 0.5F;  // |b| < 0.06
  const float exp_b = 1.0F + (b + b * b * (0.5F + b * (0.166666667F + b * 0.0416666667F)));
  return vector_exp(-0.5F * (high * high)) * exp_b;
}

// |x|, at most 15: from there on exp(-x²/2) is 0 in float.
GNOMON_ALWAYS_INLINE float vector_normal_magnitude(float x) {
  const float magnitude = std::bit_cast<float>(std::bit_cast<std::uint32_t>(x) & 0x7fffffffU);
  return magnitude > 15.0F ? 15.0F : magnitude;
}

// The standard normal distribution function Φ(x) = erfc(-x / √2) / 2. Error at most 8 units in the
// last place, also in the far tail.
GNOMON_ALWAYS_INLINE float vector_normal_cdf(float x) {
  const float a = vector_normal_magnitude(x);
  // erfc(z) = exp(-z²) g(z) / (1 + 2z), z = a / √2; g is fitted in t = (z - 3) / (z + 3),
  // error 2.2e-9
  const float z = a * 0.707106781F;
  const float t = (z - 3.0F) / (z + 3.0F);
  float g = -0.000264356961F;
  g = g * t - 0.000767867372F;
  g = g * t + 0.00200769817F;
  g = g * t + 0.00256394711F;
  g = g * t - 0.0238015167F;
  g = g * t + 0.0682957768F;
  g = g * t - 0.119270243F;
  g = g * t + 0.129646480F;
  g = g * t - 0.0475624427F;
  g = g * t - 0.135621145F;
  g = g * t + 1.25300801F;
  const float upper = 0.5F * (g / (1.0F + 2.0F * z)) * vector_exp_half_square(a);
  return x > 0.0F ? 1.0F - upper : upper;
}
inline double vector_normal_cdf(double x) { return 0.5 * std::erfc(-x * std::sqrt(0.5)); }

// The standard normal density exp(-x²/2) / √(2π). Error at most 4 units in the last place, also in
// the far tail.
GNOMON_ALWAYS_INLINE float vector_normal_density(float x) {
  return 0.398942280F * vector_exp_half_square(vector_normal_magnitude(x));
}
inline double vector_normal_density(double x) {
  return 0.5 * std::numbers::sqrt2 * std::numbers::inv_sqrtpi * std::exp(-0.5 * x * x);
}

}  // namespace gnomon::detail
