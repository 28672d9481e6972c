/// @file
/// What nn/kernels/convolution.hpp declares.
#ifndef NN_KERNELS_CONVOLUTION_PASSES_HPP
#define NN_KERNELS_CONVOLUTION_PASSES_HPP

#include <algorithm>
#include <cstdint>

#include "nn/kernels/check.hpp"
#include "nn/kernels/convolution.hpp"
#include "nn/kernels/simd/instruction_set.hpp"
#include "nn/kernels/simd/vector.hpp"
#define NN_LIST_OF_CONVOLUTIONS
#include "nn/kernels/choose.hpp"

namespace nn::NN_ENTRANCES {

namespace kernels = detail::NN_ISA;

template <class T>
Index convolution_scratch_bytes(const ConvolutionGeometry& geometry, ConvolutionPass pass,
                                Algorithm algorithm) {
  const detail::ConvolutionProblem problem{geometry, pass, kernels::lanes<T>,
                                           kernels::sum_lanes<T>};
  detail::check(geometry);
  Index bytes = 0;
  const auto make_room_for = [&](Algorithm chosen) {
    kernels::with_kernel<T>(pass, chosen, [&](auto kernel) {
      bytes = std::max(bytes, decltype(kernel)::type::scratch_bytes(problem.gather()));
    });
  };
  if (geometry.batch == 0) return 0;
  if (algorithm == Algorithm::automatic) {
    detail::for_each_choice(problem, make_room_for);
  } else {
    make_room_for(choose(problem, algorithm));
  }
  return bytes;
}

template <class T>
Algorithm convolution(const detail::ConvolutionCall<T>& call, Arena scratch) {
  detail::check(call);
  require(reinterpret_cast<std::uintptr_t>(scratch.data()) % alignof(Index) == 0,  // NOLINT
          "the scratch of a convolution is misaligned");
  detail::ConvolutionCall<T> decided = call;
  decided.algorithm = choose(detail::ConvolutionProblem{call.geometry, call.pass, kernels::lanes<T>,
                                                        kernels::sum_lanes<T>},
                             call.algorithm);
  if (call.geometry.batch * call.geometry.output_size() == 0) {
    detail::convolve_nothing(call);
  } else {
    kernels::with_kernel<T>(call.pass, decided.algorithm, [&](auto kernel) {
      typename decltype(kernel)::type(decided, scratch).run();
    });
  }
  return decided.algorithm;
}

}  // namespace nn::NN_ENTRANCES

#endif  // NN_KERNELS_CONVOLUTION_PASSES_HPP
