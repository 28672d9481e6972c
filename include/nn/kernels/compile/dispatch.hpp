/// @file
/// Chooses among the kernels of several instruction sets when the program runs, and defines the
/// functions that layers call as those chosen. Only nn/kernels/compile/all.hpp includes it.
#pragma once

#include <array>
#include <cstdlib>
#include <string>
#include <string_view>

#include "nn/core/error.hpp"
#include "nn/kernels/entrances.hpp"
#include "nn/kernels/simd/instruction_set.hpp"
#include "nn/kernels/table.hpp"

namespace nn::detail {

namespace NN_ISA {
extern const Kernels kernels;
}
#if NN_COMPILES_AVX2
namespace avx2 {
extern const Kernels kernels;
}
#endif
#if NN_COMPILES_AVX512
namespace avx512 {
extern const Kernels kernels;
}
#endif

/// The kernels that this processor can run, from the lowest up; null after the last.
[[nodiscard, gnu::cold]] static std::array<const Kernels*, 4> usable_kernels() {
  std::array<const Kernels*, 4> usable{&NN_ISA::kernels};
  [[maybe_unused]] std::size_t count = 1;
#if NN_COMPILES_AVX512
  __builtin_cpu_init();
#endif
#if NN_COMPILES_AVX2
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
      __builtin_cpu_supports("bmi2")) {
    usable[count++] = &avx2::kernels;
  }
#endif
#if NN_COMPILES_AVX512
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2")) {
    usable[count++] = &avx512::kernels;
  }
#endif
  return usable;
}

[[gnu::cold]] std::string kernels_to_choose_from() {
  std::string names;
  for (const Kernels* usable : usable_kernels()) {
    if (usable == nullptr) break;
    ((names += names.empty() ? "" : ", ") += usable->name);
  }
  return names;
}

[[nodiscard, gnu::cold]] static const Kernels* choose_kernels() {
  const char* const wanted = std::getenv("NN_INSTRUCTION_SET");
  const bool best = wanted == nullptr || *wanted == '\0';
  const Kernels* chosen = nullptr;
  for (const Kernels* usable : usable_kernels()) {
    if (usable != nullptr && (best || usable->name == wanted)) chosen = usable;
  }
  require(chosen != nullptr, "the environment sets NN_INSTRUCTION_SET to \"", wanted,
          "\"; this program on this processor takes: ", kernels_to_choose_from());
  return chosen;
}

const Kernels& kernels_in_use() {
  static const Kernels* const chosen = choose_kernels();
  return *chosen;
}

template <class T>
[[nodiscard]] static const KernelsOf<T>& kernels_in_use_of() {
  if constexpr (sizeof(T) == sizeof(float)) {
    return kernels_in_use().of_float;
  } else {
    return kernels_in_use().of_double;
  }
}

}  // namespace nn::detail

namespace nn::NN_ENTRANCES {

template <class T>
Algorithm gemm(const detail::GemmProblem<T>& problem) {
  return detail::kernels_in_use_of<T>().gemm(problem);
}

template <class T>
void sum_rows(Index rows, Index columns, const T* a, Index lda, T* out, bool accumulate) {
  detail::kernels_in_use_of<T>().sum_rows(rows, columns, a, lda, out, accumulate);
}

template <class T>
Index convolution_scratch_bytes(const ConvolutionGeometry& geometry, ConvolutionPass pass,
                                Algorithm algorithm) {
  return detail::kernels_in_use_of<T>().convolution_scratch_bytes(geometry, pass, algorithm);
}

template <class T>
Algorithm convolution(const detail::ConvolutionCall<T>& call, Arena scratch) {
  return detail::kernels_in_use_of<T>().convolution(call, scratch);
}

}  // namespace nn::NN_ENTRANCES

/// @cond instances
// NOLINTBEGIN(bugprone-macro-parentheses)
namespace nn::detail::NN_ENTRANCES {

#define NN_DISPATCH(T, result, name, member, parameters, arguments) \
  template <class T>                                                \
  result name parameters {                                          \
    return kernels_in_use_of<T>().loops.member arguments;           \
  }
NN_LOOPS(NN_DISPATCH, T)
#undef NN_DISPATCH

#define NN_INSTANCE(T, result, name, member, parameters, arguments) \
  template result name<T> parameters;
NN_LOOPS(NN_INSTANCE, float)
NN_LOOPS(NN_INSTANCE, double)
#undef NN_INSTANCE

}  // namespace nn::detail::NN_ENTRANCES
// NOLINTEND(bugprone-macro-parentheses)
/// @endcond

namespace nn::NN_ENTRANCES {

/// @cond instances
// NOLINTBEGIN(bugprone-macro-parentheses): T is a type
#define NN_INSTANCES(T)                                                                    \
  template Algorithm gemm<T>(const detail::GemmProblem<T>&);                               \
  template void sum_rows<T>(Index, Index, const T*, Index, T*, bool);                      \
  template Index convolution_scratch_bytes<T>(const ConvolutionGeometry&, ConvolutionPass, \
                                              Algorithm);                                  \
  template Algorithm convolution<T>(const detail::ConvolutionCall<T>&, Arena);
NN_INSTANCES(float)
NN_INSTANCES(double)
#undef NN_INSTANCES
// NOLINTEND(bugprone-macro-parentheses)
/// @endcond

}  // namespace nn::NN_ENTRANCES
