/// @file
/// What is known of a network once its input's shape is: the plan by which a model is laid out.
#pragma once

#include <string>
#include <vector>

#include "nn/core/activation.hpp"
#include "nn/core/initializer.hpp"
#include "nn/core/shape.hpp"

namespace nn {

/// What the axes of a variable mean, for files whose libraries order them otherwise.
enum class Axes {
  plain,                   ///< as they are; a vector has one element a feature or channel
  dense,                   ///< inputs x outputs, of flat samples
  matrix,                  ///< inputs x outputs, of anything else
  convolution,             ///< KH x KW x inputs of a group x outputs
  transposed_convolution,  ///< KH x KW x outputs of a group x inputs
};

/// Something a layer asks the model to keep for it: a parameter (learned) or a state (such as
/// running statistics).
struct Variable {
  std::string name;                   ///< "weight"; in a model's plan the whole path, "2.weight"
  Shape shape;                        ///< row-major
  Initializer initializer = zeros();  ///< how it starts
  bool decay = true;        ///< whether weight decay applies: not to biases and normalisation
  Index offset = 0;         ///< of its first element in the model's block; set by the model
  Axes axes = Axes::plain;  ///< what its axes mean
};

/// How a layer treats its buffers, so that its neighbours can save memory and passes over it. The
/// defaults are safe for every layer.
struct LayerTraits {
  /// `forward` may write over its input; `backward` does not read x and may write dx over dy.
  bool in_place = false;
  /// The output is the input in another shape: nothing has to be computed.
  bool view = false;
  /// `backward` may write dx over dy.
  bool gradient_in_place = false;
  /// `backward` reads y, so no later layer may write over it.
  bool reads_output = true;
  /// `forward` applies `Context::activation` to its output.
  bool fuses_activation = false;
  /// `backward` takes the gradient after the activation that it applied.
  bool fuses_activation_gradient = false;
  /// This layer does nothing but apply `activation`, so that the layer before it may do so instead.
  bool is_activation = false;
  /// Where processes share a batch (see batch_sharing.hpp), the layer is given all samples of this
  /// process at once, and not piece by piece: it sums over samples piece by piece by itself, and
  /// what it computes of a sample must be the same bits whatever other samples there are.
  bool whole_batch = false;
  Activation activation{};  ///< the one it applies
  /// Parameter 0 are the weights of a product, whose axes say which its outputs are; parameter 1 is
  /// their bias, also where the layer has none of its own and its plan was given one. Nothing is
  /// done to the result but `Context::activation`.
  bool is_product = false;
  /// Of a layer that normalises channels (as BatchNorm) what it adds to the variance, else 0: in
  /// inference (x - state 0) / sqrt(state 1 + this), times "scale" plus "shift".
  float channel_epsilon = 0;
  /// The layer reads whole numbers below this; 0: it takes any numbers.
  Index tokens = 0;
  /// What the layer computes of a step of a sequence depends on other steps or on its place, and it
  /// cannot go on from one batch to the next (see CarriedState).
  bool whole_sequence = false;
};

/// One layer at its place in a network, and below it the layers it is made of.
struct Plan {
  std::string name;                  ///< as the layer calls itself: "Dense{10}"
  std::string settings;              ///< what its name leaves out, or nothing
  std::string label;                 ///< its name among its neighbours (see Named), or nothing
  std::string path;                  ///< where it stands: "3", "3.1" within a block, "head.1"
  Shape input;                       ///< of one sample
  Shape output;                      ///< of one sample
  std::vector<Variable> parameters;  ///< its own, not its children's
  std::vector<Variable> state;       ///< likewise
  Index carried = 0;                 ///< its elements of a CarriedState, for one sample
  Index multiply_adds = 0;           ///< of one sample's forward pass, without the children's
  LayerTraits traits{};              ///< how it treats its buffers
  std::vector<Plan> children;        ///< what it is made of, in order

  bool folded = false;                ///< whether the layer before does its work (`inference_form`)
  bool keeps_packed_weights = false;  ///< whether what a product makes of its weights before it
                                      ///< multiplies is kept from one prediction to the next, as
                                      ///< they never change (`inference_form`)
  bool trainable = true;      ///< whether its parameters are learned; `Model::freeze` changes it
  bool has_trainable = true;  ///< whether it or a layer below it has parameters that are learned
  Index carried_offset = 0;   ///< how many elements of a CarriedState the layers before it have
  Index number = 0;           ///< counts the layers of a model; a key for random numbers
  Index pieces = 0;  ///< where processes share batches: into how many pieces training passes cut
                     ///< this process's samples; 0 elsewhere

  /// For a chain of layers: which buffer a child writes its output to, and the elements of each
  /// buffer for one sample (see Chain).
  Index buffer = 0;
  std::vector<Index> buffer_sizes;  ///< elements of each buffer for one sample
  /// For a chain that only predicts: how many of its first layers go through a batch by some
  /// samples at a time, so that what one layer writes is in the cache when the next reads it.
  Index leading = 0;
  Index samples_together = 0;  ///< how many that are for each thread

  /// Whether training passes run the layer piece by piece.
  [[nodiscard]] bool is_cut() const {
    return pieces > 0 && children.empty() && !traits.whole_batch;
  }

  /// Calls `visit(plan)` for this layer and all below it, parents first.
  template <class Self, class Visit>
  [[gnu::noinline]] static void for_each(Self& self, const Visit& visit) {
    visit(self);
    for (auto& child : self.children) for_each(child, visit);
  }
};

}  // namespace nn
