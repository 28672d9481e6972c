/// @file
/// A layer of a type known only at run time, and chains of them.
#pragma once

#include <memory>
#include <vector>

#include "nn/layers/sequential.hpp"

namespace nn {

/// Holds any layer: one virtual call around the very same code, for networks that are read from a
/// file or drawn in a search. Copies share the layer, which never changes.
class AnyLayer {
 public:
  /// Holds a copy of any layer.
  template <class L>
  requires(!std::same_as<std::remove_cvref_t<L>, AnyLayer>)
      AnyLayer(L layer)  // NOLINT(google-explicit-constructor): any layer is an AnyLayer
      : layer_(std::make_shared<const Holder<L>>(std::move(layer))) {
    assert_layer<L>();
  }

  [[nodiscard]] Shape output_shape(const Shape& input) const { return layer_->output_shape(input); }
  [[nodiscard]] std::string name() const { return layer_->name(); }
  [[nodiscard]] LayerTraits traits() const { return layer_->traits(); }
  [[nodiscard]] Plan plan(const Shape& input) const { return layer_->plan(input); }
  void fields(Fields& fields) const { layer_->fields(fields); }

  template <class T>
  [[nodiscard]] Memory memory(const Plan& plan, Index batch, bool training) const {
    return layer_->memory(T{}, plan, batch, training);
  }
  template <class T>
  void forward(const Context<T>& context, TensorView<const T> x, TensorView<T> y) const {
    layer_->forward(context, x, y);
  }
  template <class T>
  void backward(const Context<T>& context, TensorView<const T> x, TensorView<const T> y,
                TensorView<const T> dy, TensorView<T> dx) const {
    layer_->backward(context, x, y, dy, dx);
  }

  /// The layer held, if it is an `L`; else null.
  template <class L>
  [[nodiscard]] const L* get_if() const {
    if (layer_ == nullptr || layer_->kind != &kind_of<L>) return nullptr;
    return &static_cast<const Holder<L>*>(layer_.get())->layer;
  }

 private:
  /// Its address tells one type of layer from another, without the compiler's type information.
  template <class L>
  static inline char kind_of = 0;

  template <class T>
  struct Passes {
    virtual Memory memory(T, const Plan&, Index batch, bool training) const = 0;
    virtual void forward(const Context<T>&, TensorView<const T> x, TensorView<T> y) const = 0;
    virtual void backward(const Context<T>&, TensorView<const T> x, TensorView<const T> y,
                          TensorView<const T> dy, TensorView<T> dx) const = 0;

   protected:
    ~Passes() = default;
  };

  struct Interface : Passes<float>, Passes<double> {
    using Passes<float>::memory, Passes<double>::memory;
    using Passes<float>::forward, Passes<double>::forward;
    using Passes<float>::backward, Passes<double>::backward;
    explicit Interface(const void* kind_of_layer) : kind(kind_of_layer) {}
    Interface(const Interface&) = delete;
    Interface& operator=(const Interface&) = delete;
    virtual ~Interface() = default;
    virtual Shape output_shape(const Shape& input) const = 0;
    virtual std::string name() const = 0;
    virtual LayerTraits traits() const = 0;
    virtual Plan plan(const Shape& input) const = 0;
    virtual void fields(Fields& fields) const = 0;
    const void* kind;
  };

  template <class L>
  struct Holder final : Interface {
    explicit Holder(L held) : Interface(&kind_of<L>), layer(std::move(held)) {}

    Shape output_shape(const Shape& input) const override { return layer.output_shape(input); }
    std::string name() const override { return name_of(layer); }
    LayerTraits traits() const override { return traits_of(layer); }
    Plan plan(const Shape& input) const override { return plan_of(layer, input); }
    void fields(Fields& fields) const override { nn::detail::describe(layer, fields); }

    Memory memory(float, const Plan& plan, Index batch, bool training) const override {
      return nn::detail::own_memory_of<float>(layer, plan, batch, training);
    }
    void forward(const Context<float>& context, TensorView<const float> x,
                 TensorView<float> y) const override {
      layer.forward(context, x, y);
    }
    void backward(const Context<float>& context, TensorView<const float> x,
                  TensorView<const float> y, TensorView<const float> dy,
                  TensorView<float> dx) const override {
      layer.backward(context, x, y, dy, dx);
    }
    Memory memory(double, const Plan& plan, Index batch, bool training) const override {
      return nn::detail::own_memory_of<double>(layer, plan, batch, training);
    }
    void forward(const Context<double>& context, TensorView<const double> x,
                 TensorView<double> y) const override {
      layer.forward(context, x, y);
    }
    void backward(const Context<double>& context, TensorView<const double> x,
                  TensorView<const double> y, TensorView<const double> dy,
                  TensorView<double> dx) const override {
      layer.backward(context, x, y, dy, dx);
    }

    L layer;
  };

  std::shared_ptr<const Interface> layer_;
};

/// A chain whose layers are known only at run time.
template <>
class Sequential<AnyLayer> : public Chain<Sequential<AnyLayer>> {
 public:
  Sequential() = default;
  /// The chain of the given layers.
  explicit Sequential(std::vector<AnyLayer> layers) : layers_(std::move(layers)) {}

  /// Adds a layer at the end.
  void push_back(AnyLayer layer) { layers_.push_back(std::move(layer)); }

  /// The number of layers.
  [[nodiscard]] Index length() const { return static_cast<Index>(layers_.size()); }
  /// The layers in their order.
  [[nodiscard]] const std::vector<AnyLayer>& layers() const { return layers_; }

  [[nodiscard]] Shape output_shape(const Shape& input) const {
    Shape shape = input;
    for (const AnyLayer& layer : layers_) shape = layer.output_shape(shape);
    return shape;
  }

  [[gnu::cold]] void fields(Fields& fields) const {
    fields.layer("Sequential");
    for (const AnyLayer& layer : layers_) fields.child(layer);
  }

  /// Calls `f(layer)` for layer `index`, as an AnyLayer.
  template <class F>
  void visit(Index index, const F& f) const {
    f(layers_[static_cast<std::size_t>(index)]);
  }

 private:
  std::vector<AnyLayer> layers_;
};

}  // namespace nn
