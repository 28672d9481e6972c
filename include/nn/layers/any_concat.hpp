/// @file
/// Concatenations that are known only at run time.
#pragma once

#include <utility>
#include <vector>

#include "nn/layers/any_layer.hpp"
#include "nn/layers/concat.hpp"

namespace nn {

/// A Concat whose branches are known only at run time, as those read from a file.
class AnyConcat : public detail::SideBySide<AnyConcat> {
 public:
  /// The branches in the order of their channels in the output.
  /// @throws Error without any.
  explicit AnyConcat(std::vector<AnyLayer> branches) : branches_(std::move(branches)) {
    require(!branches_.empty(), "a Concat needs at least one branch");
  }

  /// The number of branches.
  [[nodiscard]] Index length() const { return static_cast<Index>(branches_.size()); }

  /// Calls `f(branch)` for branch `index`, as an AnyLayer.
  template <class F>
  void visit(Index index, const F& f) const {
    f(branches_[static_cast<std::size_t>(index)]);
  }

  /// @throws ShapeError unless the branches' outputs agree in all extents but the last.
  [[nodiscard]] Shape output_shape(const Shape& input) const {
    Shape joined = branches_.front().output_shape(input);
    for (std::size_t i = 1; i < branches_.size(); ++i) {
      joined = beside(joined, branches_[i].output_shape(input));
    }
    return joined;
  }

  [[gnu::cold]] void fields(Fields& fields) const {
    fields.layer("Concat");
    for (const AnyLayer& branch : branches_) fields.child(branch);
  }

 private:
  std::vector<AnyLayer> branches_;
};

}  // namespace nn
