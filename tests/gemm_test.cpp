#include "nn/kernels/gemm.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "kernel_testing.hpp"
#include "nn/kernels/gemm/blocks.hpp"
#include "reference.hpp"

namespace gemm_test {

namespace {

using kernel_testing::random_values;
using kernel_testing::tolerance;
using nn::Index;

/// With `gaps`, rows are longer than what the product reads of them.
template <class T>
void check_gemm(Index m, Index n, Index k, bool ta, bool tb, bool accumulate, bool with_epilogue,
                bool gaps, std::mt19937& generator) {
  CAPTURE(m);
  CAPTURE(n);
  CAPTURE(k);
  CAPTURE(ta);
  CAPTURE(tb);
  CAPTURE(accumulate);
  CAPTURE(with_epilogue);
  CAPTURE(gaps);
  const Index lda = (ta ? m : k) + (gaps ? 3 : 0);
  const Index ldb = (tb ? k : n) + (gaps ? 1 : 0);
  const Index ldc = n + (gaps ? 2 : 0);
  const auto a = random_values<T>(lda * (ta ? k : m), generator);
  const auto b = random_values<T>(ldb * (tb ? n : k), generator);
  const auto bias = random_values<T>(n, generator);
  auto c = random_values<T>(ldc * m, generator);
  auto expected = c;
  if (!accumulate) {  // whatever is there must not matter, nor what lies between the rows change
    for (Index i = 0; i < m; ++i)
      for (Index j = 0; j < n; ++j)
        c[static_cast<std::size_t>(i * ldc + j)] = std::numeric_limits<T>::quiet_NaN();
  }
  reference::gemm(ta, tb, m, n, k, a.data(), lda, b.data(), ldb, expected.data(), ldc, accumulate);
  nn::Epilogue<T> epilogue;
  if (with_epilogue) epilogue = {bias.data(), {0.25F}};
  const auto start = c;
  const nn::detail::GemmShape shape{
      ta, tb, m, n, k, with_epilogue, kernel_testing::lanes<T>(), 64 / sizeof(T)};
  for (const nn::Algorithm algorithm : kernel_testing::algorithms_for(shape)) {
    CAPTURE(nn::to_string(algorithm));
    c = start;
    nn::gemm(ta ? nn::Transpose::yes : nn::Transpose::no,
             tb ? nn::Transpose::yes : nn::Transpose::no, m, n, k, a.data(), lda, b.data(), ldb,
             c.data(), ldc, accumulate, epilogue, algorithm);
    double worst = 0;
    for (Index i = 0; i < m; ++i) {
      for (Index j = 0; j < ldc; ++j) {
        const auto at = static_cast<std::size_t>(i * ldc + j);
        double want = static_cast<double>(expected[at]);
        if (with_epilogue && j < n) {
          want += static_cast<double>(bias[static_cast<std::size_t>(j)]);
          want = want > 0 ? want : 0.25 * want;
        }
        const double error = std::abs(static_cast<double>(c[at]) - want);
        worst = error > worst || std::isnan(error) ? error : worst;
      }
    }
    CHECK(worst < tolerance<T>(k));
  }
}

}  // namespace

TEST_CASE_TEMPLATE("gemm agrees with the definition for every transpose and odd size", T, float,
                   double) {
  std::mt19937 generator(1);
  const Index sizes[] = {1, 2, 3, 5, 6, 7, 8, 13, 16, 17, 31, 33, 48, 50, 65};
  const auto pick = [&] { return sizes[generator() % std::size(sizes)]; };
  for (int round = 0; round < 60; ++round) {
    for (int flags = 0; flags < 32; ++flags) {
      check_gemm<T>(pick(), pick(), pick(), (flags & 1) != 0, (flags & 2) != 0, (flags & 4) != 0,
                    (flags & 8) != 0, (flags & 16) != 0, generator);
    }
  }
}

TEST_CASE_TEMPLATE("gemm agrees with the definition where it is cut into blocks", T, float,
                   double) {
  std::mt19937 generator(2);
  for (int flags = 0; flags < 32; ++flags) {
    const auto check = [&](Index m, Index n, Index k) {
      check_gemm<T>(m, n, k, (flags & 1) != 0, (flags & 2) != 0, (flags & 4) != 0, (flags & 8) != 0,
                    (flags & 16) != 0, generator);
    };
    check(64, 10, 700);
    check(131, 150, 300);
    check(1, 300, 600);
    check(300, 1, 520);
    check(1100, 1, 261);  // a column of several pieces, and of several blocks of k
    check(30, 3, 1030);
    check(61, 1030, 1);
  }
}

TEST_CASE_TEMPLATE("gemm agrees with the definition wherever there is more than one block", T,
                   float, double) {
  std::mt19937 generator(5);
  const Index deep = 2 * nn::detail::most_depth<T> + 3;
  const Index tall = 9 * nn::detail::panel_columns<T> + 5;  // three blocks of a narrow product
  for (int flags = 0; flags < 32; ++flags) {
    const auto check = [&](Index m, Index n, Index k) {
      check_gemm<T>(m, n, k, (flags & 1) != 0, (flags & 2) != 0, (flags & 4) != 0, (flags & 8) != 0,
                    (flags & 16) != 0, generator);
    };
    for (const Index narrow : {1, 2, 3, 5, 7, 9, 15}) {
      check(tall, narrow, 5);
      check(33, narrow, deep);
      check(tall, narrow, 531);  // of columns as dot products, two blocks and less than a vector
    }
    check(1, 1029, 5);  // a row: two pieces, and two blocks of k with what is left of a panel
    check(1, 37, 515);
    check(2 * nn::detail::GemmBlocking::most_m + 7, 33, 4);
    check(13, 2 * nn::detail::GemmBlocking::most_n + 9, 4);
    check(13, 45, deep);
    check(nn::detail::GemmBlocking::most_m + 1, nn::detail::GemmBlocking::most_n + 1, deep / 2 + 1);
    check(7, 1100, 3);  // a block so wide that A is packed where vectors are long
  }
}

TEST_CASE("gemm of an empty sum writes zeros, or what was there, and the epilogue") {
  const float bias[] = {1, -2};
  float c[] = {5, 5};
  nn::gemm<float>(nn::Transpose::no, nn::Transpose::no, 1, 2, 0, nullptr, 0, nullptr, 2, c, 2,
                  false, {bias, {0}});
  CHECK(c[0] == 1);
  CHECK(c[1] == 0);
  nn::gemm<float>(nn::Transpose::no, nn::Transpose::no, 1, 2, 0, nullptr, 0, nullptr, 2, c, 2,
                  true);
  CHECK(c[0] == 1);
}

TEST_CASE("gemm refuses what cannot be meant, and says what") {
  std::vector<float> numbers(64, 1.0F);
  float* const at = numbers.data();
  using nn::Transpose;
  const auto multiply = [](Index m, Index n, Index k, const float* a, Index lda, const float* b,
                           Index ldb, float* c, Index ldc, const float* bias = nullptr) {
    nn::gemm(Transpose::no, Transpose::no, m, n, k, a, lda, b, ldb, c, ldc, false,
             nn::Epilogue<float>{bias, {}});
  };
  const auto refused = [&](const char* why, Index m, Index n, Index k, const float* a, Index lda,
                           const float* b, Index ldb, float* c, Index ldc,
                           const float* bias = nullptr) {
    CHECK_THROWS_WITH_AS(multiply(m, n, k, a, lda, b, ldb, c, ldc, bias), why, nn::Error);
  };
  const float* const a = at;
  const float* const b = at + 16;
  float* const c = at + 32;
  refused("C cannot be -2 x 3", -2, 3, 4, a, 4, b, 3, c, 3);
  refused("A cannot be 2 x -4", 2, 3, -4, a, 4, b, 3, c, 3);
  refused("rows of A are 4 elements long, but only 3 apart", 2, 3, 4, a, 3, b, 3, c, 3);
  refused("rows of B are 3 elements long, but only 2 apart", 2, 3, 4, a, 4, b, 2, c, 3);
  refused("rows of C are 3 elements long, but only 0 apart", 2, 3, 4, a, 4, b, 3, c, 0);
  refused("B is a null pointer, but has 4 x 3 elements", 2, 3, 4, a, 4, nullptr, 3, c, 3);
  constexpr Index huge = std::numeric_limits<Index>::max();
  refused("C is too large", 2, 3, 4, a, 4, b, 3, c, huge);
  refused("C overlaps A", 2, 3, 4, a, 4, b, 3, at + 7, 3);
  refused("C overlaps B", 2, 3, 4, a, 4, b, 3, at + 14, 3);
  refused("C overlaps the bias", 2, 3, 4, a, 4, b, 3, c, 3, c + 5);
  const auto* const odd = reinterpret_cast<const float*>(reinterpret_cast<const char*>(at) + 2);
  refused("A does not start at a multiple of the 4 bytes of its elements", 2, 3, 4, odd, 4, b, 3, c,
          3);
  // Columns of the same rows may take turns: A and C here are the halves of rows of 8.
  std::vector<float> both(16, 1.0F);
  multiply(2, 4, 4, both.data(), 8, at, 4, both.data() + 4, 8);
  CHECK(both == std::vector<float>{1, 1, 1, 1, 4, 4, 4, 4, 1, 1, 1, 1, 4, 4, 4, 4});
  refused("C overlaps A", 2, 4, 4, both.data(), 8, at, 4, both.data() + 3, 8);
}

TEST_CASE_TEMPLATE("gemm of no rows, columns or terms", T, float, double) {
  const std::vector<T> bias{1, -2, 3, 4, 5, 6, 7, 8, 9};
  for (const bool ta : {false, true}) {
    for (const bool tb : {false, true}) {
      for (const Index m : {0, 1, 5, 70}) {
        for (const Index n : {0, 1, 3, 9}) {
          for (const Index k : {0, 40}) {
            if (m != 0 && n != 0 && k != 0) continue;
            const std::vector<T> a(static_cast<std::size_t>(m * k), T(1));
            const std::vector<T> b(static_cast<std::size_t>(k * n), T(1));
            std::vector<T> c(static_cast<std::size_t>(m * n), T(7));
            nn::gemm(ta ? nn::Transpose::yes : nn::Transpose::no,
                     tb ? nn::Transpose::yes : nn::Transpose::no, m, n, k, a.data(), ta ? m : k,
                     b.data(), tb ? k : n, c.data(), n, false, nn::Epilogue<T>{bias.data(), {0}});
            Index wrong = 0;
            for (std::size_t i = 0; i < c.size(); ++i) {
              wrong += c[i] == std::max(T(0), bias[i % static_cast<std::size_t>(n)]) ? 0 : 1;
            }
            CHECK(wrong == 0);
          }
        }
      }
    }
  }
  std::vector<T> sums{1, 2};
  nn::sum_rows<T>(0, 2, nullptr, 2, sums.data(), true);
  CHECK(sums == std::vector<T>{1, 2});
  nn::sum_rows<T>(0, 2, nullptr, 2, sums.data(), false);
  CHECK(sums == std::vector<T>{0, 0});
  CHECK_THROWS_WITH_AS(nn::sum_rows<T>(2, 2, sums.data(), 2, sums.data(), false),
                       "the result overlaps the matrix", nn::Error);
}

TEST_CASE("gemm gives the same bits for any number of threads") {
  std::mt19937 generator(3);
  const int before = nn::threads();
  // Rows are cut into columns for several threads, or not, by how wide they are.
  const std::array<Index, 3> shapes[] = {{100, 170, 333}, {1, 5, 2500},   {1, 100, 2500},
                                         {1, 128, 2500},  {1, 200, 2500}, {1, 1100, 700}};
  for (const std::array<Index, 3>& shape : shapes) {
    const Index m = shape[0];
    const Index n = shape[1];
    const Index k = shape[2];
    CAPTURE(m);
    CAPTURE(n);
    const auto a = random_values<float>(m * k, generator);
    const auto b = random_values<float>(k * n, generator);
    std::vector<float> one(static_cast<std::size_t>(m * n));
    for (int count = 1; count <= 3; ++count) {
      nn::set_threads(count);
      std::vector<float> many(one.size());
      nn::gemm(nn::Transpose::no, nn::Transpose::no, m, n, k, a.data(), k, b.data(), n, many.data(),
               n);
      if (count == 1) one = many;
      CHECK(one == many);
    }
  }
  nn::set_threads(before);
}

TEST_CASE_TEMPLATE("sum_rows adds every row once", T, float, double) {
  std::mt19937 generator(4);
  for (const Index rows : {1, 7, 64, 1000, 5000}) {
    for (const Index columns : {1, 3, 8, 10, 33, 64, 300}) {
      const Index lda = columns + (rows % 2 == 0 ? 0 : 2);
      const auto a = random_values<T>(rows * lda, generator);
      for (const bool accumulate : {false, true}) {
        std::vector<T> out(static_cast<std::size_t>(columns),
                           accumulate ? T(2) : std::numeric_limits<T>::quiet_NaN());
        nn::sum_rows(rows, columns, a.data(), lda, out.data(), accumulate);
        for (Index j = 0; j < columns; ++j) {
          double want = accumulate ? 2 : 0;
          for (Index i = 0; i < rows; ++i)
            want += static_cast<double>(a[static_cast<std::size_t>(i * lda + j)]);
          CHECK(std::abs(static_cast<double>(out[static_cast<std::size_t>(j)]) - want) <
                4 * tolerance<T>(rows));
        }
      }
    }
  }
}

TEST_CASE_TEMPLATE("sum_rows gives the same bits for any number of threads", T, float, double) {
  std::mt19937 generator(6);
  const int before = nn::threads();
  for (const Index rows : {5, 700, 4099, 20011}) {
    for (const Index columns : {1, 10, 64, 300}) {
      CAPTURE(rows);
      CAPTURE(columns);
      const auto a = random_values<T>(rows * columns, generator);
      std::vector<T> expected;
      for (int count = 1; count <= 3; ++count) {
        CAPTURE(count);
        nn::set_threads(count);
        std::vector<T> out(static_cast<std::size_t>(columns));
        nn::sum_rows(rows, columns, a.data(), columns, out.data(), false);
        if (count == 1) expected = out;
        CHECK(out == expected);
      }
      // Which is the sum, too: every row once.
      for (Index j = 0; j < columns; ++j) {
        double want = 0;
        for (Index i = 0; i < rows; ++i) {
          want += static_cast<double>(a[static_cast<std::size_t>(i * columns + j)]);
        }
        CHECK(std::abs(static_cast<double>(expected[static_cast<std::size_t>(j)]) - want) <
              4 * tolerance<T>(rows));
      }
    }
  }
  nn::set_threads(before);
}

}  // namespace gemm_test
