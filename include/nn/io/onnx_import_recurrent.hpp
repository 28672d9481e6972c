/// @file
/// Recurrent ONNX nodes as layers, and the nodes that put their axes in order.
///
/// ONNX has the steps of a sequence first and the samples second: steps x samples x features. What
/// an LSTM gives has one more axis, of directions: all states are steps x directions x samples x
/// units, the last ones directions x samples x units. Exporters put these right by Transpose,
/// Squeeze, Reshape and Gather, which are followed here until the samples are first again.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "nn/io/onnx_import_chain.hpp"
#include "nn/layers/bidirectional.hpp"
#include "nn/layers/gru.hpp"
#include "nn/layers/lstm.hpp"

namespace nn::detail {

/// Rows of one direction of a constant directions x (gates * units) x ..., whose gates go from
/// ONNX's order to PyTorch's: gate j becomes gate order[j]. `first` is the first gate, as a bias
/// has those of the inputs and those of the recurrences one after the other.
[[nodiscard]] inline OnnxConstant gates_of(const OnnxConstant& constant, Index direction,
                                           const std::vector<Index>& order, Index units,
                                           Index first = 0) {
  const auto gates = static_cast<Index>(order.size());
  const Index columns = constant.extents.size() == 3 ? constant.extents[2] : 1;
  const Index rows = constant.extents[1];
  OnnxConstant result{{gates * units}, {}};
  if (constant.extents.size() == 3) result.extents.push_back(columns);
  result.values.resize(static_cast<std::size_t>(gates * units * columns));
  for (Index gate = 0; gate < gates; ++gate) {
    const auto from =
        constant.values.begin() + (direction * rows + (first + gate) * units) * columns;
    std::copy_n(from, units * columns,
                result.values.begin() + order[static_cast<std::size_t>(gate)] * units * columns);
  }
  return result;
}

/// @throws Error for attributes that would make another layer of it.
inline void expect_plain_recurrence(const OnnxNode& node,
                                    const std::vector<std::string>& activations, Index directions) {
  node.expect_attributes({"activation_alpha", "activation_beta", "activations", "clip", "direction",
                          "hidden_size", "input_forget", "layout", "linear_before_reset",
                          "output_sequence"});
  for (const char* name : {"activation_alpha", "activation_beta", "clip"}) {
    node.expect(!node.has_attribute(name), "the attribute '", name, "' is not supported");
  }
  node.expect(node.integer("input_forget", 0) == 0, "input_forget is not supported");
  node.expect(node.integer("layout", 0) == 0, "only layout 0 is supported");
  std::vector<std::string> wanted;
  for (Index i = 0; i < directions; ++i) {
    wanted.insert(wanted.end(), activations.begin(), activations.end());
  }
  const auto given = node.words("activations");
  node.expect(given.empty() || given == wanted, "only the usual activations are supported");
  node.expect(!node.has_input(4), "sequences of different lengths are not supported");
  node.expect(!node.has_input(7), "peepholes are not supported");
  for (const int state : {5, 6}) {
    if (!node.has_input(state)) continue;
    const auto start = node.constant(state).values;
    node.expect(std::all_of(start.begin(), start.end(), [](double value) { return value == 0; }),
                "only states that begin with zeros are supported");
  }
}

/// An LSTM or a GRU: `order` says which of PyTorch's gates each of ONNX's is.
template <class L>
void import_recurrent(const OnnxNode& node, ImportedChain& chain, const std::vector<Index>& order,
                      const std::vector<std::string>& activations) {
  const std::string direction = node.word("direction", "forward");
  const bool both = direction == "bidirectional";
  node.expect(both || direction == "forward" || direction == "reverse", "the direction '",
              direction, "'");
  const Index directions = both ? 2 : 1;
  expect_plain_recurrence(node, activations, directions);
  node.expect(chain.time == TimeAxes::steps_first && chain.shape.rank() == 2,
              "it expects the steps first and the samples second, and gets samples of ",
              chain.shape, chain.time == TimeAxes::samples_first ? " first" : "");
  const auto gates = static_cast<Index>(order.size());
  const OnnxConstant w = node.constant(1, 3);
  const OnnxConstant r = node.constant(2, 3);
  const Index units = r.extents[2];
  node.expect(
      units > 0 && units <= OnnxNode::largest_extent && node.integer("hidden_size", units) == units,
      units, " units");
  using Extents = std::vector<Index>;
  node.expect(w.extents == Extents{directions, gates * units, chain.shape[1]} &&
                  r.extents == Extents{directions, gates * units, units},
              "its weights do not fit ", units, " units and ", chain.shape[1], " features");
  const bool bias = node.has_input(3);
  OnnxConstant b;
  if (bias) {
    b = node.constant(3, 2);
    node.expect(b.extents == Extents{directions, 2 * gates * units}, "its bias does not fit ",
                units, " units");
  }
  const Index output = node.output_index(chain.wanted);
  node.expect(output == 0 || output == 1, "the state of the cells is not supported");
  L layer;
  layer.units = units;
  layer.return_sequence = output == 0;
  layer.bias = bias;
  std::map<std::string, OnnxConstant> weights;
  for (Index i = 0; i < directions; ++i) {
    const std::string before = both ? std::to_string(i) + "." : "";
    const std::string after = direction == "reverse" || i == 1 ? "_l0_reverse" : "_l0";
    weights[before + "weight_ih" + after] = gates_of(w, i, order, units);
    weights[before + "weight_hh" + after] = gates_of(r, i, order, units);
    if (!bias) continue;
    weights[before + "bias_ih" + after] = gates_of(b, i, order, units);
    weights[before + "bias_hh" + after] = gates_of(b, i, order, units, gates);
  }
  if (both) {
    L backward = layer;
    backward.reverse = true;
    chain.append(Concat<AnyLayer, AnyLayer>(AnyLayer(layer), AnyLayer(backward)),
                 std::move(weights));
  } else {
    layer.reverse = direction == "reverse";
    chain.append(layer, std::move(weights));
  }
  chain.directions = directions;
  chain.time = output == 0 ? TimeAxes::directions_second : TimeAxes::directions_first;
}

/// ONNX has the gates i, o, f, g.
inline void import_lstm(const OnnxNode& node, ImportedChain& chain) {
  node.expect(!node.has_attribute("linear_before_reset"),
              "the attribute 'linear_before_reset' is not supported");
  import_recurrent<LSTM>(node, chain, {0, 3, 1, 2}, {"Sigmoid", "Tanh", "Tanh"});
}

/// ONNX has the gates z, r, n.
inline void import_gru(const OnnxNode& node, ImportedChain& chain) {
  node.expect(node.integer("linear_before_reset", 0) == 1,
              "only linear_before_reset = 1 is supported");
  import_recurrent<GRU>(node, chain, {1, 0, 2}, {"Sigmoid", "Tanh"});
}

/// Whether the node only puts the axes of steps, samples and directions in another order.
[[nodiscard]] inline bool turns_time(const OnnxNode& node, ImportedChain& chain) {
  const std::string& operation = node.operation();
  const auto becomes = [&](TimeAxes from, TimeAxes to) {
    if (chain.time != from) return false;
    chain.time = to;
    return true;
  };
  if (operation == "Transpose") {
    const auto permutation = node.integers("perm", {});
    if (permutation == std::vector<Index>{1, 0, 2} && chain.shape.rank() == 2) {
      return becomes(TimeAxes::samples_first, TimeAxes::steps_first) ||
             becomes(TimeAxes::steps_first, TimeAxes::samples_first);
    }
    return permutation == std::vector<Index>{0, 2, 1, 3} &&
           becomes(TimeAxes::directions_second, TimeAxes::directions_third);
  }
  if (operation == "Squeeze" && chain.directions == 1) {
    if (chain.time == TimeAxes::directions_second) {
      return named_axes(node, 4) == std::vector<Index>{1} &&
             becomes(TimeAxes::directions_second, TimeAxes::steps_first);
    }
    return chain.time == TimeAxes::directions_first &&
           named_axes(node, 3) == std::vector<Index>{0} &&
           becomes(TimeAxes::directions_first, TimeAxes::samples_first);
  }
  if (operation == "Reshape" && chain.time == TimeAxes::directions_third) {
    return node.has_input(1) && node.integer("allowzero", 0) == 0 &&
           node.whole_numbers(1) == std::vector<Index>{0, 0, -1} &&
           becomes(TimeAxes::directions_third, TimeAxes::steps_first);
  }
  return false;
}

/// The last of all states, in the order in which the layer read the steps, is the last state.
inline void take_last_state(const OnnxNode& node, ImportedChain& chain, Index index) {
  const Index steps = chain.shape[0];
  const bool is_last = index == -1 || index == steps - 1;
  const bool is_first = index == 0 || index == -steps;
  const auto attempt = [&](const auto* recurrent) {
    if (recurrent == nullptr || !(recurrent->reverse ? is_first : is_last)) return false;
    auto layer = *recurrent;
    layer.return_sequence = false;
    chain.layers.back().layer = layer;
    chain.shape = Shape{layer.units};
    chain.time = TimeAxes::samples_first;
    return true;
  };
  const bool taken = !chain.layers.empty() && (attempt(chain.layers.back().layer.get_if<LSTM>()) ||
                                               attempt(chain.layers.back().layer.get_if<GRU>()));
  node.expect(taken, "of steps only the last of an LSTM or a GRU can be taken");
}

}  // namespace nn::detail
