/// @file
/// Tensors and views of them: contiguous, row-major, the last axis fastest.
#pragma once

#include <algorithm>
#include <span>
#include <type_traits>
#include <utility>

#include "nn/core/eigen.hpp"
#include "nn/core/memory.hpp"
#include "nn/core/shape.hpp"

namespace nn {

template <class T>
class Tensor;

/// A row-major Eigen matrix, as every view maps to one.
template <class T>
using RowMatrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// `T` elements that somebody else owns, seen in a shape. `TensorView<const T>` only reads.
template <class T>
class TensorView {
 public:
  using value_type = std::remove_const_t<T>;
  /// An Eigen map of constant or mutable elements, as `T` is.
  template <class Plain>
  using MapOf = Eigen::Map<std::conditional_t<std::is_const_v<T>, const Plain, Plain>>;

  TensorView() = default;
  /// Sees the elements from `data` on, as many as the shape has.
  TensorView(T* data, const Shape& shape) : data_(data), shape_(shape) {}

  /// A view that may write converts to one that only reads.
  operator TensorView<const T>() const  // NOLINT(google-explicit-constructor)
      requires(!std::is_const_v<T>) {
    return {data_, shape_};
  }

  [[nodiscard]] T* data() const { return data_; }
  [[nodiscard]] const Shape& shape() const { return shape_; }
  [[nodiscard]] Index size() const { return data_ == nullptr ? 0 : shape_.size(); }
  [[nodiscard]] bool empty() const { return size() == 0; }
  [[nodiscard]] T* begin() const { return data_; }
  [[nodiscard]] T* end() const { return data_ + size(); }
  [[nodiscard]] T& operator[](Index position) const { return data_[position]; }
  [[nodiscard]] std::span<T> span() const { return {data_, static_cast<std::size_t>(size())}; }

  /// The element at the given position, one index an axis, unchecked: `images(n, y, x, c)`.
  template <class... Positions>
  [[nodiscard]] T& operator()(Positions... positions) const {
    Index offset = 0;
    Index axis = 0;
    ((offset = offset * shape_[axis++] + static_cast<Index>(positions)), ...);
    return data_[offset];
  }

  /// The samples [first, first + count) of a batch.
  [[nodiscard]] [[gnu::noinline]] TensorView samples(Index first, Index count) const {
    require<ShapeError>(first >= 0 && count >= 0 && first + count <= shape_.front(), "samples ",
                        first, " to ", first + count, " of a batch of ", shape_.front());
    const Shape one = shape_.without_front();
    return {data_ + first * one.size(), one.prepended(count)};
  }

  /// Sample `index` of a batch, without the batch axis.
  [[nodiscard]] [[gnu::noinline]] TensorView sample(Index index) const {
    require<ShapeError>(index >= 0 && index < shape_.front(), "sample ", index, " of a batch of ",
                        shape_.front());
    const Shape one = shape_.without_front();
    return {data_ + index * one.size(), one};
  }

  /// The same elements in another shape of the same size.
  [[nodiscard]] [[gnu::noinline]] TensorView reshaped(const Shape& shape) const {
    require<ShapeError>(shape.size() == shape_.size(), "cannot see ", shape_, " as ", shape, ": ",
                        shape_.size(), " elements against ", shape.size());
    return {data_, shape};
  }

  /// A matrix whose rows run over the last axis: an NxHxWxC batch becomes (N*H*W) x C.
  [[nodiscard]] auto matrix() const {
    const Index columns = shape_.back();
    return MapOf<RowMatrix<value_type>>(data_, columns == 0 ? 0 : size() / columns, columns);
  }

  /// A matrix with one row a sample: an NxHxWxC batch becomes N x (H*W*C).
  [[nodiscard]] auto rows() const {
    const Index count = shape_.front();
    return MapOf<RowMatrix<value_type>>(data_, count, count == 0 ? 0 : size() / count);
  }

  /// All elements as one Eigen array, for coefficient-wise work.
  [[nodiscard]] auto array() const {
    return MapOf<Eigen::Array<value_type, Eigen::Dynamic, 1>>(data_, size());
  }

  /// Writes `value` to every element.
  void fill(const value_type& value) const requires(!std::is_const_v<T>) {
    std::fill(begin(), end(), value);
  }

 private:
  T* data_ = nullptr;
  Shape shape_{0};
};

/// A tensor that owns its elements, aligned to a cache line.
template <class T>
class Tensor {
 public:
  using value_type = T;

  Tensor() = default;

  /// Elements of value `fill`. @throws Error when there is not so much memory.
  explicit Tensor(const Shape& shape, const T& fill = T{}) { set_shape(shape, fill); }

  /// @throws ShapeError unless there are as many values as the shape has elements.
  Tensor(const Shape& shape, std::span<const T> values) : Tensor(shape) {
    require<ShapeError>(static_cast<Index>(values.size()) == shape.size(), "a tensor of shape ",
                        shape, " needs ", shape.size(), " values, got ", values.size());
    std::copy(values.begin(), values.end(), elements_.begin());
  }
  /// Likewise, from values written out.
  Tensor(const Shape& shape, std::initializer_list<T> values)
      : Tensor(shape, std::span<const T>(values.begin(), values.size())) {}

  /// A copy of what a view shows.
  explicit Tensor(TensorView<const T> view)
      : Tensor(view.shape(), std::span<const T>(view.span())) {}

  /// As the view's of the same name.
  /// @{
  [[nodiscard]] TensorView<T> view() { return {elements_.data(), shape_}; }
  [[nodiscard]] TensorView<const T> view() const { return {elements_.data(), shape_}; }
  operator TensorView<T>() { return view(); }              // NOLINT(google-explicit-constructor)
  operator TensorView<const T>() const { return view(); }  // NOLINT(google-explicit-constructor)

  [[nodiscard]] T* data() { return elements_.data(); }
  [[nodiscard]] const T* data() const { return elements_.data(); }
  [[nodiscard]] const Shape& shape() const { return shape_; }
  [[nodiscard]] Index size() const { return static_cast<Index>(elements_.size()); }
  [[nodiscard]] bool empty() const { return elements_.empty(); }
  [[nodiscard]] T* begin() { return data(); }
  [[nodiscard]] T* end() { return data() + size(); }
  [[nodiscard]] const T* begin() const { return data(); }
  [[nodiscard]] const T* end() const { return data() + size(); }
  [[nodiscard]] T& operator[](Index position) { return data()[position]; }
  [[nodiscard]] const T& operator[](Index position) const { return data()[position]; }
  template <class... Positions>
  [[nodiscard]] T& operator()(Positions... positions) {
    return view()(positions...);
  }
  template <class... Positions>
  [[nodiscard]] const T& operator()(Positions... positions) const {
    return view()(positions...);
  }

  [[nodiscard]] std::span<T> span() { return view().span(); }
  [[nodiscard]] std::span<const T> span() const { return view().span(); }
  [[nodiscard]] auto matrix() { return view().matrix(); }
  [[nodiscard]] auto matrix() const { return view().matrix(); }
  [[nodiscard]] auto rows() { return view().rows(); }
  [[nodiscard]] auto rows() const { return view().rows(); }
  [[nodiscard]] auto array() { return view().array(); }
  [[nodiscard]] auto array() const { return view().array(); }
  [[nodiscard]] TensorView<T> sample(Index index) { return view().sample(index); }
  [[nodiscard]] TensorView<const T> sample(Index index) const { return view().sample(index); }
  [[nodiscard]] TensorView<T> samples(Index first, Index count) {
    return view().samples(first, count);
  }
  [[nodiscard]] TensorView<const T> samples(Index first, Index count) const {
    return view().samples(first, count);
  }
  /// @}

  /// Writes `value` to every element.
  void fill(const T& value) { view().fill(value); }

  /// Gives the tensor another shape. The elements keep their order; new ones are `T{}`. Memory is
  /// allocated only when the size outgrows every earlier one.
  /// @throws Error when there is not so much memory; the tensor is then as it was.
  void resize(const Shape& shape) { set_shape(shape, T{}); }

  bool operator==(const Tensor&) const = default;

 private:
  [[gnu::noinline]] void set_shape(const Shape& shape, const T& fill) {
    const auto count = static_cast<std::size_t>(shape.size());
    try {
      if (count > elements_.max_size()) detail::fail_for_memory(count, sizeof(T));
      elements_.resize(count, fill);
    } catch (const Error& error) {
      detail::fail<Error>({error.what(), ", wanted for a tensor of shape ", shape});
    }
    shape_ = shape;
  }

  AlignedVector<T> elements_;
  Shape shape_{0};
};

}  // namespace nn
