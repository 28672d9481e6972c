#include "nn/core/tensor.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <fstream>
#include <limits>
#include <numeric>
#include <sstream>
#include <string>
#include <vector>

namespace tensor_test {

using nn::Arena;
using nn::Index;
using nn::Shape;
using nn::ShapeError;
using nn::Tensor;
using nn::TensorView;

namespace {

/// 0, 1, 2, ...
Tensor<float> counting(const Shape& shape) {
  Tensor<float> tensor(shape);
  std::iota(tensor.begin(), tensor.end(), 0.0F);
  return tensor;
}

#ifdef __linux__

/// What Linux says of the mapping that an address lies in: two letters each, "hg" for large pages.
std::string flags_of_mapping(const void* address) {
  std::ifstream maps("/proc/self/smaps");
  const auto wanted = reinterpret_cast<std::uintptr_t>(address);
  bool inside = false;
  for (std::string line; std::getline(maps, line);) {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    char dash = 0;
    std::istringstream range(line);
    if (range >> std::hex >> begin >> dash >> end && dash == '-') {
      inside = begin <= wanted && wanted < end;
    }
    if (inside && line.starts_with("VmFlags:")) return line;
  }
  return "";
}

#endif

}  // namespace

TEST_CASE("a tensor is row-major, the last axis fastest, and aligned") {
  Tensor<float> tensor = counting({2, 3, 4});
  CHECK(tensor(0, 0, 0) == 0);
  CHECK(tensor(0, 0, 3) == 3);
  CHECK(tensor(0, 2, 1) == 9);
  CHECK(tensor(1, 2, 3) == 23);
  tensor(1, 0, 2) = -1;
  CHECK(tensor[14] == -1);
  for (const Index size : {1, 3, 17, 1000}) {
    const Tensor<double> other({size});
    CHECK(reinterpret_cast<std::uintptr_t>(other.data()) % nn::alignment == 0);
  }
}

TEST_CASE("a tensor is made of a value, of values, of a view, or of nothing") {
  CHECK(Tensor<int>({2, 2}, 7) == Tensor<int>({2, 2}, {7, 7, 7, 7}));
  CHECK(Tensor<int>({3}) == Tensor<int>({3}, {0, 0, 0}));
  CHECK(Tensor<int>({2, 2}) != Tensor<int>({4}));
  const Tensor<float> tensor = counting({2, 3});
  CHECK(Tensor<float>(tensor.view()) == tensor);
  CHECK(Tensor<float>().empty());
  CHECK(Tensor<float>().size() == 0);
  CHECK(TensorView<float>().empty());
  CHECK_THROWS_WITH_AS(Tensor<int>({2, 2}, {1, 2, 3}),
                       "a tensor of shape 2x2 needs 4 values, got 3", ShapeError);
}

TEST_CASE("views share the elements") {
  Tensor<float> tensor = counting({4, 2, 3});
  const TensorView<float> view = tensor;
  view(1, 1, 1) = 100;
  CHECK(tensor(1, 1, 1) == 100);
  CHECK(view.sample(2).shape() == Shape{2, 3});
  CHECK(view.sample(2)(0, 0) == 12);
  CHECK(view.samples(1, 2).shape() == Shape{2, 2, 3});
  CHECK(view.samples(1, 2)(1, 1, 2) == 17);
  CHECK(view.samples(4, 0).empty());
  CHECK(view.reshaped({6, 4})(5, 3) == 23);
  view.fill(2);
  CHECK(tensor == Tensor<float>({4, 2, 3}, 2.0F));
  const TensorView<const float> reader = view;
  CHECK(reader.data() == tensor.data());
  CHECK(reader.span().size() == 24);
}

TEST_CASE("a view of what is not there is refused") {
  const Tensor<float> tensor = counting({4, 2, 3});
  CHECK_THROWS_WITH_AS((void)tensor.sample(4), "sample 4 of a batch of 4", ShapeError);
  CHECK_THROWS_AS((void)tensor.sample(-1), ShapeError);
  CHECK_THROWS_WITH_AS((void)tensor.samples(2, 3), "samples 2 to 5 of a batch of 4", ShapeError);
  CHECK_THROWS_AS((void)tensor.samples(-1, 2), ShapeError);
  CHECK_THROWS_WITH_AS((void)tensor.view().reshaped({5, 5}),
                       "cannot see 4x2x3 as 5x5: 24 elements against 25", ShapeError);
}

TEST_CASE("Eigen sees the last axis as columns, or one sample a row, or a flat array") {
  Tensor<float> tensor = counting({2, 2, 3});
  CHECK(tensor.matrix().rows() == 4);
  CHECK(tensor.matrix().cols() == 3);
  CHECK(tensor.matrix()(3, 1) == 10);
  CHECK(tensor.rows().rows() == 2);
  CHECK(tensor.rows().cols() == 6);
  CHECK(tensor.rows()(1, 0) == 6);
  CHECK(tensor.array().sum() == 66);
  tensor.matrix().col(0).setZero();
  CHECK(tensor(1, 1, 0) == 0);
  const Tensor<float> none({0, 3});
  CHECK(none.matrix().rows() == 0);
  CHECK(none.rows().rows() == 0);
}

TEST_CASE("resizing keeps the order of the elements and takes no memory it has") {
  Tensor<float> tensor = counting({2, 3});
  const float* data = tensor.data();
  tensor.resize({3});
  CHECK(tensor == Tensor<float>({3}, {0.0F, 1.0F, 2.0F}));
  tensor.resize({6});
  CHECK(tensor.data() == data);
  CHECK(tensor == Tensor<float>({6}, {0.0F, 1.0F, 2.0F, 0.0F, 0.0F, 0.0F}));
}

#ifdef __linux__

TEST_CASE("blocks of 4 MiB and more ask for large pages") {
  constexpr std::size_t large = std::size_t{1} << 22;
  const nn::AlignedVector<std::byte> block(large + 100);
  CHECK(reinterpret_cast<std::uintptr_t>(block.data()) % (large / 2) == 0);
  const std::string flags = flags_of_mapping(block.data());
  std::ifstream setting("/sys/kernel/mm/transparent_hugepage/enabled");
  if (flags.empty() || !setting) {
    MESSAGE("this system has no large pages to ask for");
    return;
  }
  CAPTURE(flags);
  CHECK(flags.find(" hg") != std::string::npos);
}

#endif

TEST_CASE("an arena hands out aligned parts, and no more than it has") {
  nn::AlignedVector<std::byte> block(256);
  Arena arena(block.data(), 256);
  auto* first = arena.take<float>(3);
  auto* second = arena.take<double>(8);
  CHECK(reinterpret_cast<std::byte*>(second) - reinterpret_cast<std::byte*>(first) == 64);
  CHECK(reinterpret_cast<std::uintptr_t>(second) % nn::alignment == 0);
  CHECK(arena.bytes_left() == 128);
  Arena copy = arena;
  CHECK(copy.take<char>(1) == arena.take<char>(1));
  CHECK(arena.take<char>(0) != nullptr);
  CHECK_THROWS_WITH_AS((void)arena.take<char>(65), "an arena with 64 bytes left was asked for 128",
                       nn::Error);
  CHECK(nn::bytes_for<float>(0) == 0);
  CHECK(nn::bytes_for<float>(16) == 64);
  CHECK(nn::bytes_for<float>(17) == 128);
}

TEST_CASE("a tensor for which there is no memory says how large it was to be") {
  constexpr Index huge = std::numeric_limits<Index>::max() / 2;  // more bytes than can be counted
  const auto message = [](const auto& make) {
    try {
      make();
    } catch (const nn::Error& error) {
      return std::string(error.what());
    }
    return std::string("nothing was thrown");
  };
  const std::string expected = "there is no memory for " + std::to_string(huge) +
                               " elements of 8 bytes, wanted for a tensor of shape " +
                               std::to_string(huge);
  CHECK(message([&] { Tensor<double>{Shape{huge}}; }) == expected);
  Tensor<double> tensor({2}, {3, 4});
  CHECK(message([&] { tensor.resize({huge}); }) == expected);
  CHECK(tensor == Tensor<double>({2}, {3, 4}));
  nn::AlignedAllocator<double> allocator;
  CHECK_THROWS_AS((void)allocator.allocate(static_cast<std::size_t>(huge)), nn::Error);
  CHECK_THROWS_AS((void)nn::bytes_for<double>(huge), nn::Error);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && !defined(__clang__)
  if constexpr (sizeof(Index) == 8) {  // what can be counted, but is nowhere to be had
    CHECK(message([&] {
            tensor.resize({Index{1} << (sizeof(Index) * 8 - 8), 2});
          }) ==
          "there is no memory for 1152921504606846976 bytes, wanted for a tensor of shape "
          "72057594037927936x2");
  }
#endif
}

}  // namespace tensor_test
