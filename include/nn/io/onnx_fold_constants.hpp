/// @file
/// ONNX operations on constants, whose elements are moved but not changed.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "nn/io/onnx_node.hpp"

namespace nn::detail {

/// Calls visit(position in the result, position in the constant) for each element of a box of the
/// constant: `first` is where it begins, `extents` its size, and axis k of the result is axis
/// order[k] of the constant.
template <class Visit>
void for_each_in_box(const std::vector<Index>& whole, const std::vector<Index>& first,
                     const std::vector<Index>& extents, const std::vector<Index>& order,
                     const Visit& visit) {
  const std::size_t rank = whole.size();
  std::vector<Index> strides(rank, 1);
  for (std::size_t axis = rank; axis-- > 1;) strides[axis - 1] = strides[axis] * whole[axis];
  Index from = 0;
  Index count = 1;
  for (std::size_t axis = 0; axis < rank; ++axis) {
    from += first[axis] * strides[axis];
    count *= extents[axis];
  }
  std::vector<Index> position(rank, 0);
  for (Index to = 0; to < count; ++to) {
    visit(to, from);
    for (std::size_t k = rank; k-- > 0;) {
      const auto axis = static_cast<std::size_t>(order[k]);
      from += strides[axis];
      if (++position[axis] < extents[axis]) break;
      from -= strides[axis] * extents[axis];
      position[axis] = 0;
    }
  }
}

[[nodiscard]] inline std::vector<Index> axes_in_order(std::size_t rank) {
  std::vector<Index> order;
  for (std::size_t axis = 0; axis < rank; ++axis) order.push_back(static_cast<Index>(axis));
  return order;
}

/// A Transpose of a constant.
[[nodiscard]] inline OnnxConstant transposed_constant(const OnnxNode& node) {
  node.expect_attributes({"perm"});
  const OnnxConstant from = node.constant(0);
  std::vector<Index> backwards = axes_in_order(from.extents.size());
  std::reverse(backwards.begin(), backwards.end());
  const std::vector<Index> order = node.integers("perm", backwards);
  node.expect(std::is_permutation(order.begin(), order.end(), backwards.begin(), backwards.end()),
              "perm does not fit a constant of ", from.extents.size(), " axes");
  OnnxConstant to{{}, std::vector<double>(from.values.size())};
  for (const Index axis : order) to.extents.push_back(from.extents[static_cast<std::size_t>(axis)]);
  const std::vector<Index> start(order.size(), 0);
  for_each_in_box(from.extents, start, from.extents, order, [&](Index there, Index here) {
    to.values[static_cast<std::size_t>(there)] = from.values[static_cast<std::size_t>(here)];
  });
  return to;
}

/// A Slice of a constant, in steps of 1.
[[nodiscard]] inline OnnxConstant sliced_constant(const OnnxNode& node) {
  node.expect_attributes({"axes", "ends", "starts"});
  const OnnxConstant from = node.constant(0);
  const auto rank = static_cast<Index>(from.extents.size());
  const auto numbers = [&](int index, const char* name, std::vector<Index> otherwise) {
    return node.has_input(index) ? node.whole_numbers(index)
                                 : node.integers(name, std::move(otherwise));
  };
  const auto starts = numbers(1, "starts", {});
  const auto ends = numbers(2, "ends", {});
  const auto axes = numbers(3, "axes", axes_in_order(starts.size()));
  node.expect(starts.size() == ends.size() && starts.size() == axes.size(),
              "starts, ends and axes are not equally many");
  std::vector<Index> first(from.extents.size(), 0);
  std::vector<Index> extents = from.extents;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    node.expect(axes[i] >= -rank && axes[i] < rank, "axis ", axes[i], " of a constant with ", rank);
    const auto axis = static_cast<std::size_t>(axes[i] < 0 ? axes[i] + rank : axes[i]);
    const Index extent = from.extents[axis];
    const auto place = [extent](Index number) {
      return std::clamp<Index>(number < 0 ? number + extent : number, 0, extent);
    };
    first[axis] = place(starts[i]);
    extents[axis] = std::max<Index>(place(ends[i]) - first[axis], 0);
  }
  if (node.has_input(4)) {
    for (const Index step : node.whole_numbers(4)) {
      node.expect(step == 1, "of constants only steps of 1 are supported");
    }
  }
  OnnxConstant to{extents, std::vector<double>(static_cast<std::size_t>(checked_count(extents)))};
  for_each_in_box(
      from.extents, first, extents, axes_in_order(first.size()), [&](Index there, Index here) {
        to.values[static_cast<std::size_t>(there)] = from.values[static_cast<std::size_t>(here)];
      });
  return to;
}

/// A Concat of constants.
[[nodiscard]] inline OnnxConstant joined_constants(const OnnxNode& node, int count) {
  node.expect_attributes({"axis"});
  OnnxConstant all = node.constant(0);
  const auto rank = static_cast<Index>(all.extents.size());
  const Index named = node.axis(0, rank);
  node.expect(named < rank, "axis ", named, " of constants with ", rank);
  const auto axis = static_cast<std::size_t>(named);
  // Everything behind the axis is a run, and runs of the constants stand one after another.
  Index outer = 1;
  for (std::size_t i = 0; i < axis; ++i) outer *= all.extents[i];
  std::vector<std::vector<double>> parts{std::move(all.values)};
  for (int i = 1; i < count; ++i) {
    OnnxConstant next = node.constant(i);
    std::vector<Index> extents = next.extents;
    node.expect(extents.size() == all.extents.size(), "constants of different ranks");
    const Index added = extents[axis];
    extents[axis] = all.extents[axis];
    node.expect(extents == all.extents, "constants that do not fit together");
    all.extents[axis] += added;
    parts.push_back(std::move(next.values));
  }
  all.values.clear();
  for (Index run = 0; run < outer; ++run) {
    for (const auto& part : parts) {
      const Index length = static_cast<Index>(part.size()) / outer;
      all.values.insert(all.values.end(), part.begin() + run * length,
                        part.begin() + (run + 1) * length);
    }
  }
  return all;
}

}  // namespace nn::detail
