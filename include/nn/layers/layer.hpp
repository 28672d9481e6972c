/// @file
/// The requirements on a layer.
///
/// A layer is a small description: it holds hyper-parameters and never changes. It must have:
///
///     Shape output_shape(const Shape& input) const;      // of one sample; throws ShapeError
///     template <class T>
///     void forward(const Context<T>& context, TensorView<const T> x, TensorView<T> y) const;
///     template <class T>
///     void backward(const Context<T>& context, TensorView<const T> x, TensorView<const T> y,
///                   TensorView<const T> dy, TensorView<T> dx) const;
///
/// x and y are batches: their first axis counts samples. `forward` writes all of y. `backward` gets
/// what `forward` read and wrote, and the loss's gradient with respect to y; it writes all of dx
/// unless `context.wants_input_gradient` is false (dx is then empty), and the gradients of the
/// parameters where `context.wants_gradients()`: written, or added when `context.accumulate`.
///
/// It may have:
///
///     std::string name() const;                                        // "Dense{10}"
///     void fields(Fields& fields);   // its options, for files and checkpoints; see fields.hpp
///     std::string settings() const;  // in place of these, what a checkpoint is to compare
///     std::vector<Variable> parameters(const Shape& input) const;      // learned
///     std::vector<Variable> state(const Shape& input) const;           // kept, not learned
///     template <class T>
///     Memory memory(const Plan& plan, Index batch, bool training) const;  // bytes
///     Index multiply_adds(const Shape& input) const;                   // of one sample
///     LayerTraits traits() const;
///     Index carried(const Shape& input) const;   // of a CarriedState, its elements for one sample
///     Plan plan(const Shape& input) const;             // for layers made of layers
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <vector>

#include "nn/core/memory.hpp"
#include "nn/core/random.hpp"
#include "nn/core/subnormals.hpp"
#include "nn/core/tensor.hpp"
#include "nn/kernels/choose.hpp"
#include "nn/kernels/scratch.hpp"
#include "nn/layers/batch_sharing.hpp"
#include "nn/layers/carried_state.hpp"
#include "nn/layers/fields.hpp"
#include "nn/layers/plan.hpp"
#include "nn/layers/step_mask.hpp"

namespace nn {

/// Sees every layer's outputs and gradients as they are computed: for tracing, and for finding
/// where a NaN came from.
template <class T>
class Observer {
 public:
  Observer() = default;
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;
  virtual ~Observer() = default;
  /// Called before a layer runs.
  virtual void before(const Plan& plan, bool is_backward) = 0;
  /// `result` is y after a forward pass, and dx (possibly empty) after a backward pass.
  virtual void after(const Plan& plan, bool is_backward, TensorView<const T> result) = 0;
  /// Called after a product of a convolutional or dense layer, with the kernel that computed it.
  virtual void computed(const Plan& /*plan*/, ConvolutionPass /*product*/,
                        Algorithm /*algorithm*/) {}
};

/// Everything a layer may use besides its input: its share of what the model owns.
template <class T>
struct Context {
  const Plan* plan = nullptr;  ///< of this layer

  // The model's whole blocks; a layer reaches its part through the functions below.
  const T* parameter_block = nullptr;  ///< all parameters of the model
  T* gradient_block = nullptr;         ///< all gradients of the model
  const T* state_block = nullptr;      ///< all state of the model
  T* new_state_block = nullptr;        ///< the same, in training, to change

  Arena kept;     ///< `Memory::kept` bytes, the same in forward and backward; where weights stay
                  ///< packed, the same in all predictions of so many samples
  Arena scratch;  ///< at least `Memory::scratch` bytes, of use within this call

  bool training = false;                  ///< whether a backward pass follows
  bool weights_are_packed = false;        ///< whether an earlier prediction has filled `kept`
  bool wants_input_gradient = true;       ///< whether dx is to be computed
  bool wants_parameter_gradients = true;  ///< of anything in the model
  bool accumulate = false;                ///< add to the gradients instead of writing them
  Activation activation{};          ///< to apply to y, where the traits say `fuses_activation`;
                                    ///< in `backward` dy is the gradient after it
  std::uint64_t seed = 0;           ///< of this model
  std::uint64_t step = 0;           ///< how many training passes came before
  Observer<T>* observer = nullptr;  ///< sees what is computed, if there is one
  StepMask mask{};                  ///< of x's samples, where they are sequences of some lengths
  CarriedRows<T> carried{};         ///< where x's samples go on from, if they do; to be changed

  Index whole_batch = 0;  ///< where a prediction goes through a batch part by part: its samples

  BatchSharing* sharing = nullptr;  ///< by which processes share this batch, if they do
  T* piece_gradients = nullptr;     ///< then its blocks, laid out as all gradients are
  Index parameter_count = 0;        ///< then the size of such a block
  Index first_sample = 0;           ///< the place of x's first sample in the whole batch

  /// Parameter `index` of this layer, in the order of its `parameters()`.
  [[nodiscard]] TensorView<const T> parameter(Index index) const {
    return view(parameter_block, plan->parameters, index);
  }
  /// Parameter 1, of layers that are products: their bias, or null when there is none.
  [[nodiscard]] const T* bias() const {
    return plan->parameters.size() > 1 ? parameter(1).data() : nullptr;
  }
  /// Where the gradient of parameter `index` goes.
  [[nodiscard]] TensorView<T> gradient(Index index) const {
    return view(gradient_block, plan->parameters, index);
  }
  /// State `index` of this layer, to read.
  [[nodiscard]] TensorView<const T> state(Index index) const {
    return view(state_block, plan->state, index);
  }
  /// State `index` of this layer, to change; in training only.
  [[nodiscard]] TensorView<T> new_state(Index index) const {
    return view(new_state_block, plan->state, index);
  }

  /// The memory for a product by this layer's weights, in the forward pass: that which stays
  /// filled, or scratch.
  [[nodiscard]] ProductScratch product_scratch() const {
    if (!plan->keeps_packed_weights) return scratch;
    return {kept, weights_are_packed};
  }

  /// Whether this layer's parameter gradients are to be computed.
  [[nodiscard]] bool wants_gradients() const {
    return wants_parameter_gradients && plan->trainable && !plan->parameters.empty();
  }

  /// How many samples to choose a kernel for where it must not depend on those given: of a batch
  /// that processes share, or that a prediction goes through part by part. Else 0.
  [[nodiscard]] Index chosen_for() const {
    return sharing != nullptr ? sharing->smallest_piece() : whole_batch;
  }

  /// Tells the observer, if there is one, which kernel computed a product of this layer.
  void computed(ConvolutionPass product, Algorithm algorithm) const {
    if (observer != nullptr) [[unlikely]]
      observer->computed(*plan, product, algorithm);
  }

  /// Random numbers for one sample of x in this layer and step: the same in forward and backward,
  /// and whatever thread asks.
  [[nodiscard]] Random random(Index sample) const {
    return Random(seed, step, static_cast<std::uint64_t>(plan->number),
                  static_cast<std::uint64_t>(first_sample + sample));
  }

  /// The context of a layer that this one is made of; the caller sets its memory.
  [[nodiscard]] Context for_child(Index index) const {
    Context child = *this;
    child.plan = &plan->children[static_cast<std::size_t>(index)];
    child.activation = {};
    return child;
  }

 private:
  template <class Element>
  static TensorView<Element> view(Element* block, const std::vector<Variable>& variables,
                                  Index index) {
    const Variable& variable = variables[static_cast<std::size_t>(index)];
    return {block + variable.offset, variable.shape};
  }
};

namespace detail {

template <class L>
concept HasOutputShape = requires(const L& layer, const Shape& input) {
  { layer.output_shape(input) } -> std::convertible_to<Shape>;
};

template <class L, class T>
concept HasForward = requires(const L& layer, const Context<T>& context, TensorView<const T> x,
                              TensorView<T> y) {
  layer.forward(context, x, y);
};

template <class L, class T>
concept HasBackward = requires(const L& layer, const Context<T>& context, TensorView<const T> x,
                               TensorView<T> dx) {
  layer.backward(context, x, x, x, dx);
};

}  // namespace detail

/// A type that can stand in a network; see the top of this file.
template <class L>
concept Layer = detail::HasOutputShape<L> && detail::HasForward<L, float> &&
    detail::HasBackward<L, float> && std::copy_constructible<L>;

/// Names what a type lacks to be a Layer, one message each.
template <class L>
constexpr void assert_layer() {
  static_assert(detail::HasOutputShape<L>,
                "a layer needs: Shape output_shape(const Shape& input) const");
  static_assert(detail::HasForward<L, float>,
                "a layer needs: template <class T> void forward(const Context<T>&, "
                "TensorView<const T> x, TensorView<T> y) const");
  static_assert(detail::HasBackward<L, float>,
                "a layer needs: template <class T> void backward(const Context<T>&, "
                "TensorView<const T> x, TensorView<const T> y, TensorView<const T> dy, "
                "TensorView<T> dx) const");
  static_assert(std::copy_constructible<L>, "a layer must be copyable");
}

/// What the layer calls itself, or "Layer".
template <class L>
[[nodiscard]] std::string name_of(const L& layer) {
  if constexpr (requires { layer.name(); }) {
    return layer.name();
  } else {
    return "Layer";
  }
}

/// The layer's traits, or the safe defaults.
template <class L>
[[nodiscard]] constexpr LayerTraits traits_of(const L& layer) {
  if constexpr (requires { layer.traits(); }) {
    return layer.traits();
  } else {
    return {};
  }
}

namespace detail {

/// What the layer says of itself.
template <class T, class L>
[[nodiscard]] Memory own_memory_of(const L& layer, const Plan& plan, Index batch, bool training) {
  if constexpr (requires { layer.template memory<T>(plan, batch, training); }) {
    return layer.template memory<T>(plan, batch, training);
  } else {
    return {};
  }
}

/// How many samples the largest of the pieces has into which `batch` are cut.
[[nodiscard]] inline Index largest_piece(const Plan& plan, Index batch) {
  return (batch + plan.pieces - 1) / plan.pieces;
}

}  // namespace detail

/// The bytes the layer needs for `batch` samples of `T`, as planned.
template <class T, class L>
[[nodiscard]] Memory memory_of(const L& layer, const Plan& plan, Index batch, bool training) {
  const bool cut = training && plan.is_cut();
  Memory memory = detail::own_memory_of<T>(
      layer, plan, cut ? detail::largest_piece(plan, batch) : batch, training);
  if (cut) memory.kept = plan.pieces * bytes_for<std::byte>(memory.kept);
  // Whatever else a layer says: nothing comes after a prediction.
  if (!training && plan.children.empty() && !plan.keeps_packed_weights) memory.kept = 0;
  return memory;
}

namespace detail {

/// Has a layer tell its options, or says that it does not.
template <class L>
[[gnu::cold]] void describe(const L& layer, Fields& fields) {
  if constexpr (HasFields<L>) {
    // NOLINTNEXTLINE(performance-unnecessary-copy-initialization): fields may take them to change
    L copy(layer);
    copy.fields(fields);
  } else {
    fields.undescribed(name_of(layer));
  }
}

}  // namespace detail

/// The plan of a layer, and of all below it, for samples of shape `input`.
/// @throws ShapeError when the input does not fit.
template <class L>
[[gnu::cold, gnu::noinline]] [[nodiscard]] Plan plan_of(const L& layer, const Shape& input) {
  if constexpr (requires { layer.plan(input); }) {
    return layer.plan(input);
  } else {
    Plan plan;
    plan.name = name_of(layer);
    plan.input = input;
    plan.output = layer.output_shape(input);
    plan.traits = traits_of(layer);
    if constexpr (requires { layer.settings(); }) {
      plan.settings = layer.settings();
    } else if constexpr (detail::HasFields<L>) {
      detail::UnshownSettings unshown;
      detail::describe(layer, unshown);
      plan.settings = unshown.text();
    }
    if constexpr (requires { layer.parameters(input); }) plan.parameters = layer.parameters(input);
    if constexpr (requires { layer.state(input); }) plan.state = layer.state(input);
    if constexpr (requires { layer.carried(input); }) plan.carried = layer.carried(input);
    for (const Variable& variable : plan.parameters) (void)variable.shape.size();  // countable
    if constexpr (requires { layer.multiply_adds(input); }) {
      plan.multiply_adds = layer.multiply_adds(input);
    }
    return plan;
  }
}

}  // namespace nn
