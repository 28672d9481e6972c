// docs/arithmetic.md, to the last bit: what the library computes, against plain scalar loops that
// add in the order and round where that page says.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

#include <nn/kernels/loops.hpp>
#include <nn/kernels/reduce.hpp>
#include <nn/nn.hpp>

#include "kernel_testing.hpp"

namespace nn {
namespace arithmetic_test {
namespace {

/// a * b, rounded: a compiler does not look through a volatile variable.
template <class T>
T times(T a, T b) {
  volatile T result = a * b;
  return result;
}

/// Fused where the processor can.
template <class T>
T fused(T a, T b, T c) {
  return detail::fuses ? std::fma(a, b, c) : times(a, b) + c;
}

template <class T>
T activated(T x, float slope) {
  if (slope == 0) return x < T(0) ? T(0) : x;
  return x > T(0) ? x : times(static_cast<T>(slope), x);
}

/// A sum across lanes, of which there are 16 floats or 8 doubles.
template <class T>
class LaneSum {
 public:
  void add_product(Index i, T a, T b) { lane(i) = fused(a, b, lane(i)); }
  void add(Index i, T x) { lane(i) += x; }
  [[nodiscard]] T total() const {
    std::vector<T> sums = lanes_;
    while (sums.size() > 1) {
      for (std::size_t i = 0; i < sums.size() / 2; ++i) sums[i] = sums[2 * i] + sums[2 * i + 1];
      sums.resize(sums.size() / 2);
    }
    return sums[0];
  }

 private:
  static constexpr std::size_t count = 64 / sizeof(T);
  T& lane(Index i) { return lanes_[static_cast<std::size_t>(i) % count]; }
  std::vector<T> lanes_ = std::vector<T>(count);
};

template <class T>
Tensor<T> random_tensor(const Shape& shape, std::uint64_t seed) {
  Tensor<T> values(shape);
  Random random(seed);
  for (T& value : values) value = static_cast<T>(random.normal());
  return values;
}

/// How many elements differ in a bit; a zero may have either sign.
template <class T>
Index differences(TensorView<const T> a, TensorView<const T> b) {
  Index count = 0;
  for (Index i = 0; i < a.size(); ++i) count += a[i] == b[i] ? 0 : 1;
  return count;
}

struct Product {
  Index m;
  Index n;
  Index k;
  bool transpose_a;
  bool transpose_b;
  bool accumulate;
  bool bias;
  float slope;
};

template <class T>
T element(const Product& p, bool across, const Tensor<T>& a, const Tensor<T>& b,
          const Tensor<T>& bias, T before, Index i, Index j) {
  const auto left = [&](Index l) { return a[p.transpose_a ? l * p.m + i : i * p.k + l]; };
  const auto right = [&](Index l) { return b[p.transpose_b ? j * p.k + l : l * p.n + j]; };
  if (across) {
    const auto lanes = static_cast<Index>(64 / sizeof(T));
    const Index whole = p.k / lanes * lanes;
    T sum = before;
    for (Index first = 0; first < whole; first += 512) {
      LaneSum<T> block;
      for (Index l = first; l < std::min(first + 512, whole); ++l) {
        block.add_product(l, left(l), right(l));
      }
      sum = first == 0 && !p.accumulate ? block.total() : block.total() + sum;
    }
    for (Index l = whole; l < p.k; ++l) sum = fused(left(l), right(l), sum);
    if (p.bias) sum += bias[j];
    return activated(sum, p.slope);
  }
  T sum = p.bias ? bias[j] : T(0);
  if (p.accumulate) sum += before;
  for (Index l = 0; l < p.k; ++l) sum = fused(left(l), right(l), sum);
  return activated(sum, p.slope);
}

template <class T>
Index wrong_elements(const Product& p) {
  const Tensor<T> a = random_tensor<T>({p.m * p.k}, 1);
  const Tensor<T> b = random_tensor<T>({p.k * p.n}, 2);
  const Tensor<T> bias = random_tensor<T>({p.n}, 3);
  const Tensor<T> before = random_tensor<T>({p.m, p.n}, 4);
  const bool is_row = p.m == 1 && (!p.transpose_b || p.k == 1);
  Index wrong = 0;
  const detail::GemmShape shape{p.transpose_a,
                                p.transpose_b,
                                p.m,
                                p.n,
                                p.k,
                                p.bias || p.slope != 1,
                                kernel_testing::lanes<T>(),
                                64 / sizeof(T)};
  for (const Algorithm algorithm : kernel_testing::algorithms_for(shape)) {
    Tensor<T> c = before;
    gemm(p.transpose_a ? Transpose::yes : Transpose::no,
         p.transpose_b ? Transpose::yes : Transpose::no, p.m, p.n, p.k, a.data(),
         p.transpose_a ? p.m : p.k, b.data(), p.transpose_b ? p.k : p.n, c.data(), p.n,
         p.accumulate, Epilogue<T>{p.bias ? bias.data() : nullptr, {p.slope}}, algorithm);
    const bool across = algorithm == Algorithm::automatic
                            ? p.n <= 3 && p.k >= 32 && !p.transpose_a && !is_row
                            : algorithm == Algorithm::few_columns;
    Tensor<T> expected({p.m, p.n});
    for (Index i = 0; i < p.m; ++i) {
      for (Index j = 0; j < p.n; ++j) {
        expected(i, j) = element(p, across, a, b, bias, before(i, j), i, j);
      }
    }
    wrong += differences<T>(c, expected);
  }
  return wrong;
}

/// A convolution by the definition. Calls visit(output row, column, tap row, column, input row,
/// column) for all taps inside the image, one tap after the other.
template <class Visit>
void for_each_tap(const ConvolutionGeometry& g, const Visit& visit) {
  for (Index ky = 0; ky < g.kernel_height; ++ky) {
    for (Index kx = 0; kx < g.kernel_width; ++kx) {
      for (Index y = 0; y < g.output_height(); ++y) {
        for (Index x = 0; x < g.output_width(); ++x) {
          const Index iy = y * g.stride_height + ky * g.dilation_height - g.pad_top;
          const Index ix = x * g.stride_width + kx * g.dilation_width - g.pad_left;
          if (iy < 0 || iy >= g.height || ix < 0 || ix >= g.width) continue;
          visit(y, x, ky, kx, iy, ix);
        }
      }
    }
  }
}

/// The forward pass, or the gradient of the input: `inputs` to `outputs` channels.
template <class T>
Tensor<T> gathered(const ConvolutionGeometry& g, bool backward, bool across, const Tensor<T>& from,
                   const Tensor<T>& weights, const Tensor<T>& bias) {
  const Index inputs = (backward ? g.filters : g.channels) / g.groups;
  const Index outputs = (backward ? g.channels : g.filters) / g.groups;
  const Index channels = g.channels / g.groups;
  const Index in_size = backward ? g.output_size() : g.input_size();
  const Index out_size = backward ? g.input_size() : g.output_size();
  Tensor<T> result({g.batch * out_size});
  for (Index i = 0; i < result.size(); ++i)
    result[i] = across ? T(0) : bias[i % (outputs * g.groups)];
  std::vector<LaneSum<T>> sums(static_cast<std::size_t>(across ? result.size() : 0));
  for (Index n = 0; n < g.batch; ++n) {
    for_each_tap(g, [&](Index y, Index x, Index ky, Index kx, Index iy, Index ix) {
      const Index outside = (y * g.output_width() + x) * g.filters;
      const Index inside = (iy * g.width + ix) * g.channels;
      for (Index group = 0; group < g.groups; ++group) {
        const T* source =
            from.data() + n * in_size + (backward ? outside : inside) + group * inputs;
        const Index target = n * out_size + (backward ? inside : outside) + group * outputs;
        for (Index o = 0; o < outputs; ++o) {
          for (Index i = 0; i < inputs; ++i) {
            const Index c = backward ? o : i;
            const Index f = (backward ? i : o) + group * g.filters / g.groups;
            const T w = weights[((ky * g.kernel_width + kx) * channels + c) * g.filters + f];
            if (across) {
              sums[static_cast<std::size_t>(target + o)].add_product(i, source[i], w);
            } else {
              result[target + o] = fused(source[i], w, result[target + o]);
            }
          }
        }
      }
    });
  }
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const auto at = static_cast<Index>(i);
    result[at] = sums[i].total() + bias[at % (outputs * g.groups)];
  }
  return result;
}

template <class T>
bool takes_planes(const ConvolutionGeometry& g) {
  const auto lanes = static_cast<Index>(64 / sizeof(T));
  const auto padded = [&](Index size) { return (size + lanes - 1) / lanes * lanes; };
  return g.groups == 1 && g.stride_height == 1 && g.stride_width == 1 && g.channels <= 8 &&
         g.channels % lanes != 0 && g.filters <= 8 &&
         4 * g.filters * padded(g.output_width()) <= 3 * g.output_width() * padded(g.filters);
}

/// The gradient of the weights that the images [begin, end) give.
template <class T>
Tensor<T> weights_of_images(const ConvolutionGeometry& g, bool planes, const Tensor<T>& x,
                            const Tensor<T>& dy, Index begin, Index end, const Tensor<T>& start) {
  const Index channels = g.channels / g.groups;
  Tensor<T> result = start;
  const auto visit = [&](Index n, Index first, Index last, const auto& add) {
    for_each_tap(g, [&](Index y, Index x_at, Index ky, Index kx, Index iy, Index ix) {
      if (y < first || y >= last) return;
      for (Index f = 0; f < g.filters; ++f) {
        const Index group = f / (g.filters / g.groups);
        const T gradient = dy[n * g.output_size() + (y * g.output_width() + x_at) * g.filters + f];
        for (Index c = 0; c < channels; ++c) {
          const T value =
              x[n * g.input_size() + (iy * g.width + ix) * g.channels + group * channels + c];
          add(((ky * g.kernel_width + kx) * channels + c) * g.filters + f, x_at, value, gradient);
        }
      }
    });
  };
  if (!planes) {
    for (Index n = begin; n < end; ++n) {
      visit(n, 0, g.output_height(), [&](Index at, Index, T value, T gradient) {
        result[at] = fused(value, gradient, result[at]);
      });
    }
    return result;
  }
  const auto lanes = static_cast<Index>(64 / sizeof(T));
  const Index row = (g.output_width() + lanes - 1) / lanes * lanes;
  const Index rows =
      std::max<Index>(1, 24 * 1024 / (row * g.filters * static_cast<Index>(sizeof(T))));
  for (Index first = 0; first < g.output_height(); first += rows) {
    for (Index n = begin; n < end; ++n) {
      std::vector<LaneSum<T>> sums(static_cast<std::size_t>(result.size()));
      visit(n, first, first + rows, [&](Index at, Index column, T value, T gradient) {
        sums[static_cast<std::size_t>(at)].add_product(column, value, gradient);
      });
      for (std::size_t i = 0; i < sums.size(); ++i) {
        result[static_cast<Index>(i)] = sums[i].total() + result[static_cast<Index>(i)];
      }
    }
  }
  return result;
}

template <class T>
Tensor<T> weight_gradient(const ConvolutionGeometry& g, bool planes, const Tensor<T>& x,
                          const Tensor<T>& dy, const Tensor<T>& before) {
  const Index bytes = g.weights_size() * static_cast<Index>(sizeof(T));
  const Index parts = std::clamp<Index>((Index{1} << 21) / bytes, 1, std::min<Index>(8, g.batch));
  if (parts == 1) return weights_of_images(g, planes, x, dy, 0, g.batch, before);
  Tensor<T> result = before;
  const Tensor<T> zeros(before.shape());
  for (Index part = 0; part < parts; ++part) {
    const Tensor<T> sum = weights_of_images(g, planes, x, dy, g.batch * part / parts,
                                            g.batch * (part + 1) / parts, zeros);
    for (Index i = 0; i < result.size(); ++i) result[i] += sum[i];
  }
  return result;
}

template <class T>
void check_convolution(const ConvolutionGeometry& g) {
  INFO(g.batch, "x", g.height, "x", g.width, "x", g.channels, " to ", g.filters, ", taps ",
       g.kernel_height, "x", g.kernel_width, ", stride ", g.stride_height, ", groups ", g.groups);
  const Tensor<T> x = random_tensor<T>({g.batch * g.input_size()}, 1);
  const Tensor<T> weights = random_tensor<T>({g.weights_size()}, 2);
  const Tensor<T> dy = random_tensor<T>({g.batch * g.output_size()}, 3);
  const Tensor<T> bias = random_tensor<T>({std::max(g.filters, g.channels)}, 4);
  Tensor<T> y({dy.size()});
  Tensor<T> dx({x.size()});
  AlignedVector<std::byte> memory;
  const auto for_each_algorithm = [&](ConvolutionPass pass, const auto& check) {
    for (Algorithm algorithm :
         kernel_testing::algorithms_for(kernel_testing::problem_of<T>(g, pass))) {
      if (kernel_testing::is_winograd(algorithm)) continue;
      const Index bytes = convolution_scratch_bytes<T>(g, pass, algorithm);
      memory.resize(static_cast<std::size_t>(bytes));
      INFO(to_string(algorithm));
      check(algorithm, Arena(memory.data(), bytes));
    }
  };
  const auto across = [&](Algorithm algorithm, Index inputs, Index outputs) {
    return algorithm == Algorithm::automatic
               ? outputs <= 4 * g.groups &&
                     inputs / g.groups % static_cast<Index>(64 / sizeof(T)) == 0
               : algorithm == Algorithm::dots;
  };
  for_each_algorithm(ConvolutionPass::forward, [&](Algorithm algorithm, const Arena& scratch) {
    convolution_forward(g, x.data(), weights.data(), y.data(), Epilogue<T>{bias.data(), {}},
                        scratch, algorithm);
    CHECK(differences<T>(y, gathered(g, false, across(algorithm, g.channels, g.filters), x, weights,
                                     bias)) == 0);
  });
  for_each_algorithm(
      ConvolutionPass::backward_data, [&](Algorithm algorithm, const Arena& scratch) {
        convolution_backward_data(g, dy.data(), weights.data(), dx.data(),
                                  Epilogue<T>{bias.data(), {}}, scratch, algorithm);
        CHECK(differences<T>(dx, gathered(g, true, across(algorithm, g.filters, g.channels), dy,
                                          weights, bias)) == 0);
      });
  for_each_algorithm(
      ConvolutionPass::backward_weights, [&](Algorithm algorithm, const Arena& scratch) {
        Tensor<T> dw = weights;
        convolution_backward_weights(g, x.data(), dy.data(), dw.data(), true, scratch, algorithm);
        const bool planes =
            algorithm == Algorithm::automatic ? takes_planes<T>(g) : algorithm == Algorithm::planes;
        CHECK(differences<T>(dw, weight_gradient(g, planes, x, dy, weights)) == 0);
      });
}

/// The one-dimensional transforms of F(4, 3), as the page says; `step` is from one value to the
/// next.
template <class T>
class Filtering {
 public:
  static constexpr Index outputs = 4;

  static void input(const T* d, Index step, T* t, Index to) {
    const T d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step], d4 = d[4 * step];
    t[0] = along(d0, 1, along(d2, -2.5, d4));
    pair(along(d2, -2, d4), along(d1, -2, d3), a, t + to, to);
    pair(along(d2, -0.5, d4), along(d1, -0.5, d3), b, t + 3 * to, to);
    t[5 * to] = along(d1, 1, along(d3, -2.5, d[5 * step]));
  }
  static void filter(const T* g, Index step, T* t, Index to) {
    const T g0 = g[0], g1 = g[step], g2 = g[2 * step];
    constexpr double over_a = 1 / (2 * 0.5 * (0.5 - 2));
    constexpr double over_b = 1 / (2 * 2 * (2 - 0.5));
    t[0] = g0;
    pair(times(along(g2, 0.5, g0), static_cast<T>(over_a)), g1, a * over_a, t + to, to);
    pair(times(along(g2, 2, g0), static_cast<T>(over_b)), g1, b * over_b, t + 3 * to, to);
    t[5 * to] = g2;
  }
  static void output(const T* m, Index step, T* y, Index to) {
    const T even_a = m[step] + m[2 * step];
    const T odd_a = m[step] - m[2 * step];
    const T even_b = m[3 * step] + m[4 * step];
    const T odd_b = m[3 * step] - m[4 * step];
    y[0] = (m[0] + even_a) + even_b;
    y[to] = along(odd_a, a, times(odd_b, static_cast<T>(b)));
    y[2 * to] = along(even_a, 0.5, times(even_b, T(2)));
    y[3 * to] = along(odd_a, a * 0.5, times(odd_b, static_cast<T>(b * 2))) + m[5 * step];
  }

 private:
  static constexpr double a = 0.70710678118654752440;
  static constexpr double b = 1.41421356237309504880;

  static T along(T x, double factor, T y) { return fused(static_cast<T>(factor), x, y); }
  static void pair(T even, T odd, double factor, T* t, Index to) {
    t[0] = along(odd, factor, even);
    t[to] = along(odd, -factor, even);
  }
};

/// Those of F(2, 3).
template <class T>
struct SmallFiltering {
  static constexpr Index outputs = 2;

  static void input(const T* d, Index step, T* t, Index to) {
    t[0] = d[0] - d[2 * step];
    t[to] = d[2 * step] + d[step];
    t[2 * to] = d[2 * step] - d[step];
    t[3 * to] = d[3 * step] - d[step];
  }
  static void filter(const T* g, Index step, T* t, Index to) {
    const T even = times(T(0.5), g[0] + g[2 * step]);
    t[0] = g[0];
    t[to] = fused(T(0.5), g[step], even);
    t[2 * to] = fused(T(-0.5), g[step], even);
    t[3 * to] = g[2 * step];
  }
  static void output(const T* m, Index step, T* y, Index to) {
    y[0] = m[0] + (m[step] + m[2 * step]);
    y[to] = m[3 * step] + (m[step] - m[2 * step]);
  }
};

/// A transform along the columns of a From x From matrix, then along the rows of what results.
template <class T, int From, int To, class Transform>
std::array<T, To * To> both_ways(const std::array<T, From * From>& values,
                                 const Transform& transform) {
  std::array<T, To * From> half;
  std::array<T, To * To> result;
  for (Index x = 0; x < From; ++x) transform(values.data() + x, From, half.data() + x, From);
  for (Index y = 0; y < To; ++y) transform(half.data() + y * From, 1, result.data() + y * To, 1);
  return result;
}

/// A forward pass of 3x3 taps with a frame of one pixel, tile by tile.
template <class Transforms, class T>
Tensor<T> filtered(const ConvolutionGeometry& g, const Tensor<T>& x, const Tensor<T>& weights,
                   const Tensor<T>& bias) {
  constexpr Index outputs = Transforms::outputs;
  constexpr Index inputs = outputs + 2;
  constexpr Index all = inputs * inputs;
  Tensor<T> result({g.batch * g.output_size()});
  std::vector<std::array<T, all>> points(static_cast<std::size_t>(g.channels));
  for (Index n = 0; n < g.batch; ++n) {
    for (Index top = 0; top < g.height; top += outputs) {
      for (Index left = 0; left < g.width; left += outputs) {
        for (Index c = 0; c < g.channels; ++c) {
          std::array<T, all> d;
          for (Index i = 0; i < all; ++i) {
            const Index y = top + i / inputs - 1;
            const Index at = left + i % inputs - 1;
            const bool inside = y >= 0 && y < g.height && at >= 0 && at < g.width;
            d[static_cast<std::size_t>(i)] =
                inside ? x[((n * g.height + y) * g.width + at) * g.channels + c] : T(0);
          }
          points[static_cast<std::size_t>(c)] = both_ways<T, inputs, inputs>(d, Transforms::input);
        }
        for (Index f = 0; f < g.filters; ++f) {
          std::array<T, all> sums{};
          for (Index c = 0; c < g.channels; ++c) {
            std::array<T, 9> taps;
            for (Index i = 0; i < 9; ++i) {
              taps[static_cast<std::size_t>(i)] = weights[(i * g.channels + c) * g.filters + f];
            }
            const auto filter = both_ways<T, 3, inputs>(taps, Transforms::filter);
            for (std::size_t i = 0; i < all; ++i) {
              sums[i] = fused(points[static_cast<std::size_t>(c)][i], filter[i], sums[i]);
            }
          }
          const auto y = both_ways<T, inputs, outputs>(sums, Transforms::output);
          for (Index i = 0; i < outputs * outputs; ++i) {
            const Index row = top + i / outputs;
            const Index column = left + i % outputs;
            if (row >= g.height || column >= g.width) continue;
            result[((n * g.height + row) * g.width + column) * g.filters + f] =
                y[static_cast<std::size_t>(i)] + bias[f];
          }
        }
      }
    }
  }
  return result;
}

}  // namespace

TEST_CASE_TEMPLATE("Winograd's filtering transforms along columns, then rows", T, float, double) {
  ConvolutionGeometry g;
  g.batch = 2;
  g.height = 7;
  g.width = 9;
  g.channels = 16;
  g.filters = 48;
  g.kernel_height = g.kernel_width = 3;
  g.pad_top = g.pad_bottom = g.pad_left = g.pad_right = 1;
  const Tensor<T> x = random_tensor<T>({g.batch * g.input_size()}, 1);
  const Tensor<T> weights = random_tensor<T>({g.weights_size()}, 2);
  const Tensor<T> bias = random_tensor<T>({g.filters}, 3);
  const auto check = [&](Algorithm winograd, const Tensor<T>& expected) {
    Tensor<T> y({g.batch * g.output_size()});
    const Index bytes = convolution_scratch_bytes<T>(g, ConvolutionPass::forward, winograd);
    AlignedVector<std::byte> memory(static_cast<std::size_t>(bytes));
    convolution_forward(g, x.data(), weights.data(), y.data(), Epilogue<T>{bias.data(), {}},
                        Arena(memory.data(), bytes), winograd);
    CHECK(differences<T>(y, expected) == 0);
  };
  check(Algorithm::winograd_3x3, filtered<Filtering<T>>(g, x, weights, bias));
  check(Algorithm::winograd_3x3_small, filtered<SmallFiltering<T>>(g, x, weights, bias));
}

TEST_CASE_TEMPLATE("a matrix product adds its terms in order, fused, from the bias on", T, float,
                   double) {
  const std::vector<std::array<Index, 3>> sizes{
      {1, 7, 40},  {5, 1, 33},    {9, 2, 700},  {8, 3, 31},   {40, 3, 1100}, {33, 10, 65},
      {70, 13, 9}, {17, 33, 321}, {3, 130, 50}, {65, 129, 1}, {1, 1, 64}};
  for (const auto& [m, n, k] : sizes) {
    for (int way = 0; way < 32; ++way) {
      const Product p{m,
                      n,
                      k,
                      (way & 1) != 0,
                      (way & 2) != 0,
                      (way & 4) != 0,
                      (way & 8) != 0,
                      (way & 16) != 0 ? 0.25F : 1.0F};
      INFO(p.m, "x", p.n, "x", p.k, ", way ", way);
      CHECK(wrong_elements<T>(p) == 0);
    }
  }
}

TEST_CASE_TEMPLATE("a convolution adds the taps and channels in order, fused", T, float, double) {
  const auto geometry = [](Index batch, Index side, Index channels, Index filters, Index kernel,
                           Index pad, Index stride, Index groups) {
    ConvolutionGeometry g;
    g.batch = batch;
    g.height = side;
    g.width = side + 1;
    g.channels = channels;
    g.filters = filters;
    g.kernel_height = g.kernel_width = kernel;
    g.stride_height = g.stride_width = stride;
    g.groups = groups;
    g.pad_top = g.pad_bottom = g.pad_left = g.pad_right = pad;
    return g;
  };
  check_convolution<T>(geometry(3, 13, 1, 6, 5, 2, 1, 1));     // few to few: planes
  check_convolution<T>(geometry(10, 27, 3, 5, 3, 1, 1, 1));    // with a part of several images
  check_convolution<T>(geometry(2, 9, 16, 3, 3, 1, 1, 1));     // across lanes
  check_convolution<T>(geometry(2, 8, 3, 32, 4, 1, 2, 1));     // ... of the gradient; strides
  check_convolution<T>(geometry(2, 7, 13, 21, 3, 1, 1, 1));    // odd channels
  check_convolution<T>(geometry(3, 6, 24, 40, 1, 0, 1, 1));    // 1x1
  check_convolution<T>(geometry(2, 9, 24, 24, 3, 1, 1, 24));   // depthwise
  check_convolution<T>(geometry(2, 9, 20, 20, 3, 1, 2, 20));   // ... not of whole vectors
  check_convolution<T>(geometry(2, 19, 24, 24, 5, 2, 2, 24));  // ... five taps, two pixels apart
  check_convolution<T>(geometry(2, 8, 12, 18, 3, 1, 1, 3));    // groups
  check_convolution<T>(geometry(1, 5, 40, 24, 5, 2, 1, 1));    // a long depth
}

TEST_CASE_TEMPLATE("a sum across lanes adds neighbours first", T, float, double) {
  for (const Index count : {1, 7, 8, 15, 16, 17, 31, 100, 1000}) {
    const Tensor<T> x = random_tensor<T>({count}, 6);
    LaneSum<T> expected;
    for (Index i = 0; i < count; ++i) expected.add(i, times(x[i], x[i]));
    const T sum = detail::sum_of_terms<T>(count, [&](Index i, const auto& some) {
      const auto value = some.load(x.data() + i);
      return detail::product(value, value);
    });
    CHECK(sum == expected.total());
  }
}

TEST_CASE_TEMPLATE("optimizers round each product and each sum", T, float, double) {
  constexpr Index count = 77;
  const Tensor<T> start = random_tensor<T>({count}, 1);
  const Tensor<T> g = random_tensor<T>({count}, 2);
  const Tensor<T> slot = random_tensor<T>({count}, 3);
  const auto t = [](double value) { return static_cast<T>(value); };
  SUBCASE("SGD") {
    for (const bool nesterov : {false, true}) {
      Tensor<T> w = start;
      Tensor<T> v = slot;
      detail::sgd_step<T>(count, {t(0.1), t(0.01), t(0.9), nesterov}, g.data(), w.data(), v.data());
      for (Index i = 0; i < count; ++i) {
        const T slope = g[i] + times(t(0.01), start[i]);
        const T velocity = times(t(0.9), slot[i]) + slope;
        const T step = nesterov ? slope + times(t(0.9), velocity) : velocity;
        CHECK(v[i] == velocity);
        CHECK(w[i] == start[i] - times(t(0.1), step));
      }
    }
  }
  SUBCASE("Adam") {
    Tensor<T> w = start;
    Tensor<T> m = slot;
    Tensor<T> v({count});
    detail::adam_step<T>(
        count, {t(0.1), t(1.5), t(1e-8), t(0.01), t(0.99), t(0.9), t(0.1), t(0.99), t(0.01)},
        g.data(), w.data(), m.data(), v.data());
    for (Index i = 0; i < count; ++i) {
      const T weight = times(start[i], t(0.99));
      const T slope = g[i] + times(t(0.01), weight);
      const T mean = times(t(0.9), slot[i]) + times(t(0.1), slope);
      const T square = times(t(0.01), times(slope, slope));
      CHECK(m[i] == mean);
      CHECK(v[i] == square);
      const T deviation = times(static_cast<T>(std::sqrt(square)), t(1.5)) + t(1e-8);
      CHECK(w[i] == weight - times(t(0.1), mean) / deviation);
    }
  }
  SUBCASE("RMSProp") {
    Tensor<T> w = start;
    Tensor<T> v({count});
    Tensor<T> mean({count});
    Tensor<T> velocity = slot;
    detail::rms_prop_step<T>(count, {t(0.1), t(1e-8), t(0.01), t(0.9), t(0.1), t(0.5)}, g.data(),
                             w.data(), v.data(), mean.data(), velocity.data());
    for (Index i = 0; i < count; ++i) {
      const T slope = g[i] + times(t(0.01), start[i]);
      const T square = times(t(0.1), times(slope, slope));
      const T average = times(t(0.1), slope);
      CHECK(v[i] == square);
      CHECK(mean[i] == average);
      const T variance = std::max(T(0), square - times(average, average));
      const T step =
          times(t(0.5), slot[i]) + slope / (static_cast<T>(std::sqrt(variance)) + t(1e-8));
      CHECK(velocity[i] == step);
      CHECK(w[i] == start[i] - times(t(0.1), step));
    }
  }
}

TEST_CASE_TEMPLATE("layer normalisation sums across lanes", T, float, double) {
  constexpr Index columns = 37;
  const Tensor<T> x = random_tensor<T>({3, columns}, 5);
  Model<LayerNorm, T> model(LayerNorm{}, {columns});
  const TensorView<const T> y = model.forward(x);
  for (Index row = 0; row < 3; ++row) {
    LaneSum<T> sum;
    for (Index i = 0; i < columns; ++i) sum.add(i, x(row, i));
    const T mean = sum.total() / T(columns);
    LaneSum<T> squares;
    for (Index i = 0; i < columns; ++i) squares.add(i, times(x(row, i) - mean, x(row, i) - mean));
    const T variance = squares.total() / T(columns);
    const T inverse = T(1) / static_cast<T>(std::sqrt(variance + static_cast<T>(1e-5F)));
    for (Index i = 0; i < columns; ++i) CHECK(y(row, i) == times(x(row, i) - mean, inverse));
  }
}

TEST_CASE_TEMPLATE("batch normalisation folds the rows that it takes side by side", T, float,
                   double) {
  constexpr Index channels = 3;
  constexpr Index width = 48;  // 16 rows side by side
  constexpr Index rows = 37;
  const Tensor<T> x = random_tensor<T>({rows, channels}, 5);
  Model<BatchNorm, T> model(BatchNorm{}, {channels});
  const TensorView<const T> y = model.forward(x);
  for (Index c = 0; c < channels; ++c) {
    const auto folded = [&](const auto& term) {
      std::vector<T> sums(static_cast<std::size_t>(width / channels));
      for (Index row = 0; row < rows; ++row) {
        sums[static_cast<std::size_t>(row) % sums.size()] += term(x(row, c) - x(0, c));
      }
      T sum = sums[0];
      for (std::size_t i = 1; i < sums.size(); ++i) sum += sums[i];
      return sum;
    };
    const T share = T(1) / T(rows);
    const T mean = times(folded([](T value) { return value; }), share);
    const T squares = folded([&](T value) { return times(value - mean, value - mean); });
    const T variance = squares / T(rows) + static_cast<T>(1e-5F);
    const T inverse = T(1) / static_cast<T>(std::sqrt(variance));
    for (Index row = 0; row < rows; ++row) {
      CHECK(y(row, c) == times(x(row, c) - (x(0, c) + mean), inverse));
    }
  }
}

}  // namespace arithmetic_test
}  // namespace nn
