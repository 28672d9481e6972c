#include "nn/core/random.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>
#include <vector>

namespace random_test {

using nn::Index;
using nn::Random;

TEST_CASE("the generator is xoshiro256++") {
  // From state (1, 2, 3, 4), as the published C code (Blackman and Vigna,
  // https://prng.di.unimi.it/xoshiro256plusplus.c) gives it: the first by hand is
  // rotl(1 + 4, 23) + 1 = 41943041; the others with the same recurrence in Python.
  Random random = Random::from_state({1, 2, 3, 4});
  CHECK(random() == 41943041U);
  CHECK(random() == 58720359U);
  CHECK(random() == 3588806011781223U);
  CHECK(random() == 3591011842654386U);
  CHECK(random() == 9228616714210784205U);
}

TEST_CASE("seeds are spread by SplitMix64") {
  // The published C code's first three results for the seed 1234567.
  std::uint64_t state = 1234567;
  CHECK(nn::detail::split_mix(state) == 6457827717110365317U);
  CHECK(nn::detail::split_mix(state) == 3203168211198807973U);
  CHECK(nn::detail::split_mix(state) == 9817491932198370423U);
}

TEST_CASE("equal keys give equal streams, others unrelated ones") {
  CHECK(Random(1, 2, 3) == Random(1, 2, 3));
  CHECK(Random(1, 2, 3)() == Random(1, 2, 3)());
  // All of these are easily confused.
  std::set<std::uint64_t> firsts;
  std::size_t count = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    for (std::uint64_t key = 0; key < 20; ++key) {
      firsts.insert(Random(seed, key)());
      firsts.insert(Random(seed, key, 0)());
      firsts.insert(Random(seed, 0, key, 1)());
      count += 3;
    }
  }
  CHECK(firsts.size() == count);
  // Bits of neighbouring streams agree as often as those of strangers: half of them.
  int differing = 0;
  for (std::uint64_t key = 0; key < 1000; ++key) {
    differing += std::popcount(Random(7, key)() ^ Random(7, key + 1)());
  }
  CHECK(std::abs(differing - 32000) < 5 * std::sqrt(64000.0) / 2);
}

TEST_CASE("a stream goes on where its saved state was") {
  Random random(5);
  for (int i = 0; i < 10; ++i) random();
  Random other = Random::from_state(random.state());
  for (int i = 0; i < 10; ++i) CHECK(other() == random());
}

TEST_CASE("the normal quantile agrees with Python's to the last digits") {
  // python3 -c "from statistics import NormalDist
  // for p in (1e-300, 1e-100, 1e-30, 1e-16, 1e-11, 1e-5, 0.0249, 0.07, 0.08, 0.3, 0.49999, 0.6,
  //           0.93, 0.975, 1 - 1e-10): print(p, repr(NormalDist().inv_cdf(p)))"
  const std::vector<std::pair<double, double>> table{
      {1e-300, -37.0470962993612},       {1e-100, -21.27345356096532},
      {1e-30, -11.464024688443617},      {1e-16, -8.222082216130435},
      {1e-11, -6.706023155495136},       {1e-5, -4.2648907939228256},
      {0.0249, -1.9616778690637862},     {0.07, -1.4757910281791702},
      {0.08, -1.4050715603096322},       {0.3, -0.5244005127080407},
      {0.49999, -2.506628274896002e-05}, {0.6, 0.2533471031357998},
      {0.93, 1.4757910281791708},        {0.975, 1.9599639845400536},
      {1 - 1e-10, 6.361340889697421},
  };
  for (const auto& [probability, quantile] : table) {
    const double found = nn::detail::normal_quantile(probability);
    CHECK(std::abs(found - quantile) <= 2e-15 * std::abs(quantile));
  }
  CHECK(nn::detail::normal_quantile(0.5) == 0);
  static_assert(nn::detail::normal_quantile(0.5) == 0);
}

TEST_CASE("portable logarithm and square root agree with the standard library's") {
  Random random(1);
  for (int i = 0; i < 10000; ++i) {
    const double x = std::exp(random.uniform(-700, 700));
    CHECK(std::abs(nn::detail::portable_log(x) - std::log(x)) <=
          4e-16 * std::max(1.0, std::abs(std::log(x))));
    CHECK(std::abs(nn::detail::portable_sqrt(x) - std::sqrt(x)) <= 4e-16 * std::sqrt(x));
  }
}

TEST_CASE("uniform numbers fill their interval evenly") {
  Random random(2);
  std::vector<int> counts(20);
  double sum = 0;
  const int draws = 200000;
  for (int i = 0; i < draws; ++i) {
    const double value = random.uniform();
    REQUIRE(value >= 0);
    REQUIRE(value < 1);
    ++counts[static_cast<std::size_t>(value * 20)];
    sum += random.uniform(-3, 5);
  }
  double chi_square = 0;
  for (const int count : counts) chi_square += std::pow(count - draws / 20.0, 2) / (draws / 20.0);
  CHECK(chi_square < 43.8);  // 19 degrees of freedom: exceeded once in a thousand seeds
  CHECK(std::abs(sum / draws - 1) < 5 * 8 / std::sqrt(12.0 * draws));
}

TEST_CASE("numbers below a bound are equally likely, and the bound is checked") {
  Random random(3);
  std::vector<int> counts(7);
  for (int i = 0; i < 70000; ++i) ++counts[static_cast<std::size_t>(random.below(7))];
  double chi_square = 0;
  for (const int count : counts) chi_square += std::pow(count - 10000, 2) / 10000.0;
  CHECK(chi_square < 22.5);  // 6 degrees of freedom: once in a thousand seeds
  constexpr int high = std::numeric_limits<Index>::digits - 2;  // 61; with sizes of 32 bits, 29
  constexpr Index bound = Index{3} << high;
  for (int i = 0; i < 1000; ++i) {
    const Index large = random.below(bound);
    CHECK(large >= 0);
    CHECK(large < bound);
  }
  // 2^64 numbers do not go evenly into 3 * 2^61 results: without rejection, products would give
  // those with a remainder of 2 too rarely, and remainders those of the last third.
  std::vector<int> remainders(3);
  std::vector<int> thirds(3);
  for (int i = 0; i < 30000; ++i) {
    const Index value = random.below(bound);
    ++remainders[static_cast<std::size_t>(value % 3)];
    ++thirds[static_cast<std::size_t>(value / (Index{1} << high))];
  }
  for (const std::vector<int>& found : {remainders, thirds}) {
    for (const int count : found) CHECK(std::abs(count - 10000) < 5 * std::sqrt(30000 * 2 / 9.0));
  }
  CHECK(random.below(1) == 0);
  CHECK_THROWS_AS((void)random.below(0), nn::Error);
  CHECK_THROWS_AS((void)random.below(-5), nn::Error);
}

TEST_CASE("normal numbers have the moments they should have") {
  Random random(4);
  const int draws = 200000;
  double mean = 0;
  double square = 0;
  double fourth = 0;
  int beyond_two = 0;
  for (int i = 0; i < draws; ++i) {
    const double value = random.normal();
    mean += value / draws;
    square += value * value / draws;
    fourth += std::pow(value, 4) / draws;
    if (std::abs(value) > 2) ++beyond_two;
  }
  // Five standard deviations of each.
  CHECK(std::abs(mean) < 5 / std::sqrt(draws));
  CHECK(std::abs(square - 1) < 5 * std::sqrt(2.0 / draws));
  CHECK(std::abs(fourth - 3) < 5 * std::sqrt(96.0 / draws));
  const double p = 0.04550026389635842;
  CHECK(std::abs(beyond_two - p * draws) < 5 * std::sqrt(p * (1 - p) * draws));
  CHECK(Random(1).normal(10, 0) == 10);
  const double shifted = Random(9).normal(5, 3);
  CHECK(shifted == doctest::Approx(5 + 3 * Random(9).normal()));
}

TEST_CASE("bernoulli says yes as often as it should") {
  Random random(5);
  int yes = 0;
  for (int i = 0; i < 100000; ++i) yes += random.bernoulli(0.3) ? 1 : 0;
  CHECK(std::abs(yes - 30000) < 5 * std::sqrt(100000 * 0.21));
  CHECK_FALSE(random.bernoulli(0));
  CHECK(random.bernoulli(1));
}

TEST_CASE("a shuffle is a permutation, every one equally likely") {
  std::vector<int> items(100);
  std::iota(items.begin(), items.end(), 0);
  std::vector<int> shuffled = items;
  Random random(6);
  random.shuffle(std::span<int>(shuffled));
  CHECK(shuffled != items);
  std::sort(shuffled.begin(), shuffled.end());
  CHECK(shuffled == items);
  std::vector<int> counts(24);
  for (int i = 0; i < 24000; ++i) {
    std::vector<int> four{0, 1, 2, 3};
    random.shuffle(std::span<int>(four));
    // The number of the permutation, in the factorial number system.
    int number = 0;
    for (std::size_t k = 0; k < 4; ++k) {
      int smaller = 0;
      for (std::size_t j = k + 1; j < 4; ++j) smaller += four[j] < four[k] ? 1 : 0;
      number = number * static_cast<int>(4 - k) + smaller;
    }
    ++counts[static_cast<std::size_t>(number)];
  }
  double chi_square = 0;
  for (const int count : counts) chi_square += std::pow(count - 1000, 2) / 1000.0;
  CHECK(chi_square < 49.7);  // 23 degrees of freedom: once in a thousand seeds
  std::vector<int> none;
  random.shuffle(std::span<int>(none));
}

TEST_CASE("the compiler can draw random numbers") {
  constexpr std::uint64_t first = Random(1)();
  CHECK(first == Random(1)());
  constexpr double value = Random(1).normal();
  // At run time multiply-adds may be fused.
  CHECK(std::abs(value - Random(1).normal()) <= 1e-15);
}

}  // namespace random_test
