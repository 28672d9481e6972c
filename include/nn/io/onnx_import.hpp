/// @file
/// Networks from ONNX files, to be run, inspected and trained further.
#pragma once

#include <onnx/onnx_pb.h>

#include <deque>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "nn/core/file.hpp"
#include "nn/io/onnx_import_layers.hpp"
#include "nn/io/safetensors.hpp"
#include "nn/layers/concat.hpp"
#include "nn/layers/residual.hpp"
#include "nn/train/model.hpp"

namespace nn {

/// What an ONNX file may leave open.
struct OnnxImportOptions {
  /// Of one sample, an image as height x width x channels; where the file leaves extents open.
  std::optional<Shape> input_shape{};
};

/// Reads an image-classification network, or one like it, from an ONNX file: one input, one output,
/// layers one after another, with sums (residual blocks) and concatenations of branches between.
/// Images are N x H x W x C here and N x C x H x W there; weights are permuted to suit.
///
/// Operations: Conv, ConvTranspose, Gemm, MatMul and Add of a bias, BatchNormalization, MaxPool,
/// AveragePool (also after Pad), GlobalAveragePool, GlobalMaxPool, ReduceMean over height and
/// width, Relu, LeakyRelu, Clip, PRelu (of one slope), Elu, Selu, Sigmoid, Tanh, Softplus, x *
/// Sigmoid(x), Softmax, Flatten, Reshape (also as `x.view(x.size(0), -1)` is written), Dropout,
/// Identity, Resize (nearest, by whole factors), and Add and Concat of branches.
///
/// @throws FileError when the file is malformed, or has an operation, or a form of one, that cannot
/// be expressed here: the message names the node. Nothing is allocated that the file only claims.
template <class T = float>
[[nodiscard]] Model<Sequential<AnyLayer>, T> load_onnx(const std::filesystem::path& path,
                                                       const OnnxImportOptions& options = {});

/// The same from memory. @throws Error as `load_onnx`.
template <class T = float>
[[nodiscard]] Model<Sequential<AnyLayer>, T> from_onnx(const ::onnx::ModelProto& proto,
                                                       const OnnxImportOptions& options = {});

namespace detail {

/// A graph whose values are known: where each is made, and how the ways to it part and meet.
class OnnxReader {
 public:
  /// @throws Error unless the graph is sorted, each value made once, and only one input open.
  explicit OnnxReader(const ::onnx::ModelProto& proto) : graph_(proto.graph()) {
    require(proto.has_graph(), "it has no graph");
    require(graph_.node_size() <= largest_graph, "it has ", graph_.node_size(),
            " nodes, and at most ", largest_graph, " are read");
    require(graph_.sparse_initializer_size() == 0, "sparse constants are not supported");
    for (const auto& opset : proto.opset_import()) {
      const bool is_standard = opset.domain().empty() || opset.domain() == "ai.onnx";
      if (is_standard) opset_ = opset.version();
    }
    require(opset_ > 0, "it does not say which version of the operations it uses");
    for (const auto& tensor : graph_.initializer()) constants_.add(tensor.name(), tensor);
    find_input();
    for (const auto& node : graph_.node()) place(shorten(node));
    require(graph_.output_size() == 1, "it has ", graph_.output_size(),
            " outputs, and only one is supported");
  }

  /// The layers from the graph's input to its output, for samples of shape `input`.
  [[nodiscard]] ImportedChain read(const Shape& input) {
    const std::string& output = graph_.output(0).name();
    require(values_.contains(output), "nothing makes the output '", output, "'");
    return chain(input_->name(), output, input, 0);
  }

  /// The shape of a sample, as far as the file says; nothing where an extent is open.
  [[nodiscard]] std::optional<Shape> input_shape() const {
    const auto& dims = input_->type().tensor_type().shape().dim();
    require(!dims.empty() && dims.size() <= 5, "its input has ", dims.size(), " axes");
    std::vector<Index> extents;
    for (int i = 1; i < dims.size(); ++i) {
      if (!dims[i].has_dim_value() || dims[i].dim_value() <= 0) return std::nullopt;
      require(dims[i].dim_value() <= largest_sample, "its input is too large");
      extents.push_back(dims[i].dim_value());
    }
    return sample_shape(extents);
  }

  /// @throws Error for samples that no memory should be made for.
  static void require_fits(const Shape& sample) {
    Index size = 1;
    for (Index axis = 0; axis < sample.rank(); ++axis) {
      require(sample[axis] <= largest_sample / std::max<Index>(size, 1), "samples of ", sample,
              " are too large");
      size *= sample[axis];
    }
  }

 private:
  static constexpr int largest_graph = 10'000;
  static constexpr int deepest_nesting = 50;
  static constexpr Index largest_sample = Index{1} << 28U;

  /// A computed value: its node, and the last value that every way from the input to it passes.
  struct Value {
    const ::onnx::NodeProto* node = nullptr;  ///< null for the input
    const std::string* dominator = nullptr;
    Index depth = 0;  ///< dominators up to the input
  };

  void find_input() {
    for (const auto& input : graph_.input()) {
      if (constants_.contains(input.name())) continue;
      require(input_ == nullptr, "it has more than one input: ", input.name());
      input_ = &input;
    }
    require(input_ != nullptr && !input_->name().empty(), "it has no input");
    values_[input_->name()] = {};
  }

  [[nodiscard]] OnnxNode view(const ::onnx::NodeProto& node) const {
    return {node, constants_, opset_};
  }

  /// Notes where a node stands; a Constant joins the constants.
  void place(const ::onnx::NodeProto& proto) {
    const OnnxNode node = view(proto);
    node.expect(proto.domain().empty() || proto.domain() == "ai.onnx", "the domain '",
                proto.domain(), "' is not supported");
    if (proto.op_type() == "Constant") return add_constant(proto);
    if (fold_constant(proto) || fold_size(proto)) return;
    const auto inputs = node.variable_inputs();
    node.expect(!inputs.empty(), "all of its inputs are constants");
    const std::string* dominator = nullptr;
    for (const std::string& input : inputs) {
      const auto found = values_.find(input);
      node.expect(found != values_.end(), "its input '", input, "' is not made before it");
      dominator = dominator == nullptr ? &found->first : common(dominator, &found->first);
    }
    for (const std::string& output : proto.output()) {
      if (output.empty()) continue;
      node.expect(!constants_.contains(output), "it makes the constant '", output, "'");
      const Value value{&proto, dominator, values_.at(*dominator).depth + 1};
      node.expect(values_.emplace(output, value).second, "'", output, "' is made twice");
    }
  }

  void add_constant(const ::onnx::NodeProto& proto) {
    const OnnxNode node = view(proto);
    node.expect(proto.output_size() == 1 && proto.attribute_size() == 1 &&
                    proto.attribute(0).name() == "value" && proto.attribute(0).has_t(),
                "only a tensor can be a constant");
    node.expect(!values_.contains(proto.output(0)), "'", proto.output(0), "' is made twice");
    constants_.add(proto.output(0), proto.attribute(0).t());
  }

  ::onnx::TensorProto& new_constant(const ::onnx::NodeProto& proto) {
    const std::string& name = proto.output(0);
    view(proto).expect(!values_.contains(name), "'", name, "' is made twice");
    ::onnx::TensorProto& tensor = made_.emplace_back();
    constants_.add(name, tensor);
    return tensor;
  }

  /// Whether the node only passes a constant on, which its output then is.
  bool fold_constant(const ::onnx::NodeProto& proto) {
    const OnnxNode node = view(proto);
    const bool reshapes = proto.op_type() == "Reshape";
    if ((!reshapes && proto.op_type() != "Identity") || proto.output_size() != 1 ||
        !node.variable_inputs().empty() || !node.has_input(0)) {
      return false;
    }
    ::onnx::TensorProto tensor = constants_.tensor(proto.input(0));
    if (reshapes) {
      node.expect_attributes({"shape"});
      auto target = node.has_input(1) ? node.whole_numbers(1) : node.integers("shape", {});
      const Index count = checked_count({tensor.dims().begin(), tensor.dims().end()});
      Index known = 1;
      for (std::size_t i = 0; i < target.size(); ++i) {
        if (target[i] == 0 && static_cast<int>(i) < tensor.dims_size()) {
          target[i] = tensor.dims(static_cast<int>(i));
        }
        if (target[i] == -1) continue;
        node.expect(target[i] > 0 && target[i] <= count / known, "a constant of ", count,
                    " elements does not fit");
        known *= target[i];
      }
      const auto open = std::find(target.begin(), target.end(), -1);
      if (open != target.end()) *open = count / known;
      node.expect(std::find(target.begin(), target.end(), -1) == target.end() &&
                      checked_count(target) == count,
                  "a constant of ", count, " elements does not fit");
      tensor.clear_dims();
      for (const Index extent : target) tensor.add_dims(extent);
    }
    new_constant(proto) = std::move(tensor);
    return true;
  }

  /// Whether the node takes part in working out a shape that keeps the number of samples, as
  /// exporters write `x.view(x.size(0), -1)`: Shape, Gather of its first number, Unsqueeze and
  /// Concat with constants. The last becomes a constant, with 0 (the same as before) in front.
  bool fold_size(const ::onnx::NodeProto& proto) {
    const OnnxNode node = view(proto);
    const std::string& operation = proto.op_type();
    if (proto.input_size() == 0 || proto.output_size() != 1) return false;
    const std::string& first = proto.input(0);
    if (operation == "Shape" && values_.contains(first)) {
      node.expect_attributes({});
      return shapes_.insert(proto.output(0)).second;
    }
    if (shapes_.contains(first)) {
      node.expect(operation == "Gather" && node.axis(0, 1) == 0 &&
                      node.whole_numbers(1) == std::vector<Index>{0},
                  "of a computed shape only the number of samples is supported");
      return batches_.insert(proto.output(0)).second;
    }
    if (!batches_.contains(first)) return false;
    if (operation == "Unsqueeze") return batches_.insert(proto.output(0)).second;
    node.expect(operation == "Concat", "the number of samples is only supported in a shape");
    ::onnx::TensorProto shape;
    shape.set_data_type(::onnx::TensorProto::INT64);
    shape.add_int64_data(0);
    for (int i = 1; i < proto.input_size(); ++i) {
      for (const Index extent : node.whole_numbers(i)) shape.add_int64_data(extent);
    }
    shape.add_dims(shape.int64_data_size());
    new_constant(proto) = std::move(shape);
    return true;
  }

  /// A Concat whose first inputs are all those of one before it takes that one's output instead: so
  /// densely connected layers are one chain.
  const ::onnx::NodeProto& shorten(const ::onnx::NodeProto& proto) {
    if (proto.op_type() != "Concat" || proto.output_size() != 1) return proto;
    const std::vector<std::string> inputs(proto.input().begin(), proto.input().end());
    std::string axis = std::to_string(view(proto).integer("axis", 1));
    const auto* result = &proto;
    for (std::size_t count = inputs.size() - 1; count > 1; --count) {
      const auto found =
          joined_.find({axis, {inputs.begin(), inputs.begin() + static_cast<Index>(count)}});
      if (found == joined_.end()) continue;
      ::onnx::NodeProto& shorter = rewritten_.emplace_back(proto);
      shorter.clear_input();
      shorter.add_input(found->second);
      for (std::size_t i = count; i < inputs.size(); ++i) shorter.add_input(inputs[i]);
      result = &shorter;
      break;
    }
    joined_.emplace(std::pair(axis, inputs), proto.output(0));
    return *result;
  }

  /// The last value that the ways to both pass (Cooper, Harvey and Kennedy, "A simple, fast
  /// dominance algorithm", 2001).
  const std::string* common(const std::string* a, const std::string* b) const {
    while (*a != *b) {
      const Value& value_a = values_.at(*a);
      const Value& value_b = values_.at(*b);
      if (value_a.depth >= value_b.depth)
        a = value_a.dominator;
      else
        b = value_b.dominator;
    }
    return a;
  }

  /// The layers from value `from` to value `to`. Walks back along dominators: between two of them
  /// is one node, or branches that it joins.
  ImportedChain chain(const std::string& from, const std::string& to, const Shape& input,
                      int nesting) {
    require(nesting <= deepest_nesting, "its branches are nested more than ", deepest_nesting,
            " deep");
    std::vector<const ::onnx::NodeProto*> nodes;
    for (const std::string* value = &to; *value != from;) {
      const Value& known = values_.at(*value);
      const OnnxNode node = view(*known.node);
      node.expect(known.node->output(0) == *value, "only its first output is supported");
      node.expect(used_.insert(known.node).second,
                  "it stands in two branches, which cannot be expressed");
      nodes.push_back(known.node);
      value = known.dominator;
    }
    ImportedChain result;
    result.shape = input;
    const auto& dims = input_->type().tensor_type().shape().dim();
    if (!dims.empty() && dims[0].has_dim_value()) result.batch = dims[0].dim_value();
    for (auto node = nodes.rbegin(); node != nodes.rend(); ++node) {
      append(view(**node), result, nesting);
    }
    require(!result.has_rows, "a Reshape that takes samples apart is not undone");
    require(!result.pending_padding, "a Pad node is followed by none that can take it in");
    return result;
  }

  void append(const OnnxNode& node, ImportedChain& chain, int nesting) {
    const auto inputs = node.variable_inputs();
    const std::size_t before = chain.layers.size();
    node.expect(!chain.channels_last || node.operation() == "Flatten",
                "after a Transpose only Flatten is supported");
    node.expect(!chain.has_rows || node.operation() == "BatchNormalization" ||
                    node.operation() == "Reshape",
                "after a Reshape that takes samples apart only BatchNormalization is supported");
    try {
      if (inputs.size() > 1) {
        node.expect(!chain.pending_padding, "a Pad node before it is not supported");
        join(node, inputs, chain, nesting);
      } else {
        const auto found = onnx_operations().find(node.operation());
        node.expect(found != onnx_operations().end(), "this operation is not supported");
        node.expect(node.operation() == "Add" || node.variable_index() == 0,
                    "only its first input may be computed");
        const bool padded = chain.pending_padding.has_value();
        found->second(node, chain);
        node.expect(!padded || !chain.pending_padding || node.operation() == "Identity",
                    "a Pad node before it is not supported");
      }
    } catch (const ShapeError& error) {
      node.refuse(error.what());
    }
    if (chain.layers.size() > before) require_fits(chain.shape);
  }

  /// A node that joins branches.
  void join(const OnnxNode& node, const std::vector<std::string>& inputs, ImportedChain& chain,
            int nesting) {
    const std::string* from = inputs.data();
    for (const std::string& input : inputs) from = common(from, &input);
    const std::string start = *from;
    std::vector<ImportedChain> branches;
    for (const std::string& input : inputs) {
      branches.push_back(this->chain(start, input, chain.shape, nesting + 1));
      node.expect(!branches.back().channels_last, "Transpose in a branch is not supported");
    }
    if (node.operation() == "Mul" && is_silu(branches)) {
      node.expect_attributes({});
      return chain.append(SiLU{});
    }
    const Index rank = branches[0].shape.rank() + 1;
    std::map<std::string, OnnxConstant> weights;
    std::vector<AnyLayer> layers;
    for (ImportedChain& branch : branches) {
      layers.push_back(gather(std::move(branch), std::to_string(layers.size()) + ".", weights));
    }
    if (node.operation() == "Add") {
      node.expect_attributes({});
      node.expect(layers.size() == 2, "it has ", layers.size(), " inputs");
      chain.append(Residual<AnyLayer, AnyLayer>(layers[0], layers[1]), std::move(weights));
    } else if (node.operation() == "Concat") {
      node.expect_attributes({"axis"});
      const Index axis = node.axis(1, rank);
      node.expect(axis == (rank == 4 ? 1 : rank - 1), "only the axis of the channels is supported");
      chain.append(concat_of(node, layers), std::move(weights));
    } else {
      node.refuse("this operation on two computed values is not supported");
    }
  }

  /// x * Sigmoid(x).
  static bool is_silu(const std::vector<ImportedChain>& branches) {
    if (branches.size() != 2) return false;
    const bool first = branches[0].layers.empty();
    const auto& other = branches[first ? 1 : 0].layers;
    return (first || branches[1].layers.empty()) && other.size() == 1 &&
           other[0].layer.get_if<Sigmoid>() != nullptr;
  }

  template <std::size_t... I>
  static AnyLayer make_concat(const std::vector<AnyLayer>& branches,
                              std::index_sequence<I...> /*all*/) {
    return Concat(branches[I]...);
  }
  static AnyLayer concat_of(const OnnxNode& node, const std::vector<AnyLayer>& branches) {
    switch (branches.size()) {
      case 2:
        return make_concat(branches, std::make_index_sequence<2>{});
      case 3:
        return make_concat(branches, std::make_index_sequence<3>{});
      case 4:
        return make_concat(branches, std::make_index_sequence<4>{});
      case 5:
        return make_concat(branches, std::make_index_sequence<5>{});
      case 6:
        return make_concat(branches, std::make_index_sequence<6>{});
      case 7:
        return make_concat(branches, std::make_index_sequence<7>{});
      case 8:
        return make_concat(branches, std::make_index_sequence<8>{});
      default:
        node.refuse("it joins ", branches.size(), " branches; at most 8 are supported");
    }
  }

  /// A branch as one layer; its weights are put among those of the layer that has the branches.
  static AnyLayer gather(ImportedChain branch, const std::string& prefix,
                         std::map<std::string, OnnxConstant>& weights) {
    if (branch.layers.empty()) return Identity{};
    Sequential<AnyLayer> layers;
    for (std::size_t i = 0; i < branch.layers.size(); ++i) {
      for (auto& [name, constant] : branch.layers[i].weights) {
        weights[prefix + std::to_string(i) + "." + name] = std::move(constant);
      }
      layers.push_back(branch.layers[i].layer);
    }
    return layers;
  }

  const ::onnx::GraphProto& graph_;
  Index opset_ = 0;
  OnnxConstants constants_;
  std::deque<::onnx::TensorProto> made_;     ///< constants worked out here
  std::deque<::onnx::NodeProto> rewritten_;  ///< nodes put more simply
  std::map<std::pair<std::string, std::vector<std::string>>, std::string> joined_;
  std::set<std::string> shapes_;   ///< values that are a computed value's shape
  std::set<std::string> batches_;  ///< values that are the number of samples
  const ::onnx::ValueInfoProto* input_ = nullptr;
  std::map<std::string, Value> values_;
  std::set<const ::onnx::NodeProto*> used_;
};

/// The weights of imported layers as a file of PyTorch's, whose order of axes is ONNX's.
[[nodiscard]] inline SafetensorsFile weights_of(const ImportedChain& chain) {
  SafetensorsFile file;
  for (std::size_t i = 0; i < chain.layers.size(); ++i) {
    for (const auto& [name, constant] : chain.layers[i].weights) {
      Shape shape;
      for (const Index extent : constant.extents) shape.push_back(extent);
      file.put(std::to_string(i) + "." + name,
               {ElementType::f64, shape, encode<double>(ElementType::f64, constant.values)});
    }
  }
  return file;
}

[[nodiscard]] inline Sequential<AnyLayer> network_of(const ImportedChain& chain) {
  Sequential<AnyLayer> network;
  for (const ImportedLayer& imported : chain.layers) network.push_back(imported.layer);
  return network;
}

/// Where a flat sample made from an image goes out of the network, it has the channel first in
/// ONNX, and no weights after it to be permuted: so the flattening has to do it. (Unless the file
/// itself puts the channels last.) Where one comes in, nothing can.
inline void settle_flat_ends(ImportedChain& chain, const Shape& input) {
  const Plan plan = plan_of(network_of(chain), input);
  const FlatOrders orders(plan);
  require(orders.input(plan).rank() == 1,
          "it makes images of a flat input, channel first, which "
          "cannot be expressed");
  if (chain.channels_last || orders.output(plan).rank() == 1) return;
  for (auto layer = chain.layers.rbegin(); layer != chain.layers.rend(); ++layer) {
    if (layer->layer.get_if<Flatten>() == nullptr) continue;
    layer->layer = FlattenChannelsFirst{};
    return;
  }
  throw Error("its output is an image made flat within a branch, which cannot be expressed");
}

}  // namespace detail

template <class T>
Model<Sequential<AnyLayer>, T> from_onnx(const ::onnx::ModelProto& proto,
                                         const OnnxImportOptions& options) {
  detail::OnnxReader reader(proto);
  const std::optional<Shape> input =
      options.input_shape ? options.input_shape : reader.input_shape();
  require(input.has_value(), "its input's extents are open; give them as .input_shape");
  detail::OnnxReader::require_fits(*input);
  detail::ImportedChain chain = reader.read(*input);
  if (chain.layers.empty()) chain.append(Identity{});
  detail::settle_flat_ends(chain, *input);
  Model<Sequential<AnyLayer>, T> model(detail::network_of(chain), *input);
  from_safetensors(model, detail::weights_of(chain), {.layout = WeightLayout::pytorch});
  return model;
}

template <class T>
Model<Sequential<AnyLayer>, T> load_onnx(const std::filesystem::path& path,
                                         const OnnxImportOptions& options) {
  const std::string content = read_file(path, std::numeric_limits<std::int32_t>::max());
  try {
    ::onnx::ModelProto proto;
    require(proto.ParseFromString(content), "it is no ONNX file");
    return from_onnx<T>(proto, options);
  } catch (const Error& error) {
    throw FileError(detail::text("cannot read ", path.string(), ": ", error.what()));
  }
}

}  // namespace nn
