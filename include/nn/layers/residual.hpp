/// @file
/// Residual blocks.
#pragma once

#include "nn/kernels/loops.hpp"
#include "nn/layers/branches.hpp"
#include "nn/layers/flatten.hpp"
#include "nn/layers/sequential.hpp"

namespace nn {

/// y = body(x) + shortcut(x) (He et al., "Deep residual learning for image recognition", 2016). The
/// shortcut is the input itself, unless another is given: a projection, where the body changes the
/// shape. An activation after the block is applied while adding.
///
///     residual(Conv2D{.filters = 16, .padding = 1}, BatchNorm{}, ReLU{},
///              Conv2D{.filters = 16, .padding = 1}, BatchNorm{})
///     Residual{sequential(Conv2D{.filters = 32, .stride = 2, .padding = 1}, ...),
///              Conv2D{.filters = 32, .kernel = 1, .stride = 2}}
template <class Body, class Shortcut = Identity>
class Residual : public Branches<Residual<Body, Shortcut>>,
                 private detail::LayerTuple<Body, Shortcut> {
 public:
  /// Adds the shortcut's output to the body's.
  constexpr explicit Residual(const Body& body, const Shortcut& shortcut = {})
      : detail::LayerTuple<Body, Shortcut>(body, shortcut) {}

  using detail::LayerTuple<Body, Shortcut>::length;
  using detail::LayerTuple<Body, Shortcut>::visit;
  /// What the sum adds to.
  [[nodiscard]] constexpr const Body& body() const { return this->template get<0>(); }
  /// What the input passes through on its way to the sum.
  [[nodiscard]] constexpr const Shortcut& shortcut() const { return this->template get<1>(); }

  [[nodiscard]] std::string name() const { return "Residual"; }
  [[gnu::cold]] void fields(Fields& fields) const {
    fields.layer("Residual");
    fields.child(body());
    fields.child(shortcut());
  }

  /// @throws ShapeError unless body and shortcut give the same shape.
  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const {
    return same(body().output_shape(input), shortcut().output_shape(input));
  }

 private:
  friend Branches<Residual>;
  static constexpr bool sums = true;

  static constexpr Shape same(const Shape& from_body, const Shape& from_shortcut) {
    require<ShapeError>(from_body == from_shortcut, "the body gives ", from_body,
                        " and the shortcut ", from_shortcut,
                        ", which cannot be added; give Residual{body, shortcut} a shortcut that "
                        "changes the shape as the body does");
    return from_body;
  }
  [[nodiscard]] Shape join_shapes(const Plan& plan) const {
    return same(plan.children[0].output, plan.children[1].output);
  }
  [[nodiscard]] Index additions(const Plan& plan) const { return plan.output.size(); }

  template <class T>
  void join(const Context<T>& context, Index branch, TensorView<const T> from,
            TensorView<T> y) const {
    if (branch == 0 && from.data() == y.data()) return;
    constexpr Index piece = Index{1} << 15;
    parallel_for_pieces(y.size(), piece, [&](Index begin, Index end) {
      if (branch == 0) {
        std::copy(from.data() + begin, from.data() + end, y.data() + begin);
      } else {
        detail::add_and_activate(end - begin, from.data() + begin, context.activation,
                                 y.data() + begin);
      }
    });
  }

  template <class T>
  TensorView<const T> gradient_of(const Context<T>& /*context*/, Index /*branch*/,
                                  TensorView<const T> dy, T* /*buffer*/) const {
    return dy;
  }
};

/// The residual block whose body is `layers`, one after another, and whose shortcut is the input.
template <class... Layers>
[[nodiscard]] constexpr auto residual(const Layers&... layers) {
  return Residual<Sequential<Layers...>>(sequential(layers...));
}

}  // namespace nn
