#include <nn/kernels/simd/emulated_fma.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include <doctest/doctest.h>

#include "nn/core/random.hpp"

namespace emulated_fma_test {

/// Whether both are the same bits, or both not a number.
bool are_equal(float a, float b) {
  return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b) ||
         (std::isnan(a) && std::isnan(b));
}

/// How many of these differ from the C library's fmaf, which rounds once: alone, and in each lane.
int differences(float a, float b, float c) {
  const float expected = std::fma(a, b, c);
  int count = are_equal(nn::detail::emulated_fma(a, b, c), expected) ? 0 : 1;
  for (int lane = 0; lane < 4; ++lane) {
    nn::detail::FourFloats x = {1, 2, 3, 4};
    nn::detail::FourFloats y = {5, 6, 7, 8};
    nn::detail::FourFloats z = {9, 10, 11, 12};
    x[lane] = a;
    y[lane] = b;
    z[lane] = c;
    const nn::detail::FourFloats result = nn::detail::emulated_fma(x, y, z);
    for (int i = 0; i < 4; ++i) {
      if (!are_equal(result[i], std::fma(x[i], y[i], z[i]))) ++count;
    }
  }
  return count;
}

TEST_CASE("an emulated multiply-add rounds sums between two floats to the nearer one") {
  // 2^-24 (1 - 2^-23) (1 + 2^-23) = 2^-24 - 2^-70 is half of the last place of 1, less what no
  // double that is near 1 can hold: the sum lies below the middle, and a double's is the middle.
  const float half = std::ldexp(1.0F, -24);
  const float below = half * (1 - std::ldexp(1.0F, -23));
  const float odd = 1 + std::ldexp(1.0F, -23);
  CHECK(nn::detail::emulated_fma(below, odd, 1.0F) == 1.0F);
  CHECK(nn::detail::emulated_fma(below, odd, odd) == odd);  // the even neighbour is the upper one
  CHECK(nn::detail::emulated_fma(-below, odd, -odd) == -odd);
  CHECK(differences(below, odd, odd) == 0);
  CHECK(differences(-below, odd, -odd) == 0);
  // In the middle itself, to the even one.
  CHECK(differences(half, 1.0F, 1.0F) == 0);
  CHECK(differences(half, 1.0F, odd) == 0);
}

TEST_CASE("an emulated multiply-add has the bits of the C library's") {
  nn::Random random(7);
  int wrong = 0;
  for (int i = 0; i < 200000; ++i) {
    // Few bits and near exponents, so that products end in the middle between floats often.
    const auto number = [&random](int bits, int reach) {
      const double mantissa = 1 + std::floor(random.uniform() * std::ldexp(1, bits));
      const int exponent = static_cast<int>(random.uniform() * reach) - reach / 2;
      const double sign = random.uniform() < 0.5 ? -1 : 1;
      return static_cast<float>(sign * std::ldexp(mantissa, exponent));
    };
    wrong += differences(number(24, 4), number(24, 4), number(24, 60));
    wrong += differences(number(13, 30), number(13, 30), number(24, 60));
    wrong += differences(number(24, 40), number(24, 40), number(24, 40));
  }
  CHECK(wrong == 0);
  const float infinity = std::numeric_limits<float>::infinity();
  const float most = std::numeric_limits<float>::max();
  for (const float a :
       {0.0F, -0.0F, 1.0F, infinity, -infinity, most, std::numeric_limits<float>::quiet_NaN()}) {
    for (const float b : {0.0F, -1.0F, most, infinity}) {
      for (const float c : {0.0F, -0.0F, 3.0F, -most, infinity, -infinity}) {
        CHECK(differences(a, b, c) == 0);
      }
    }
  }
}

}  // namespace emulated_fma_test
