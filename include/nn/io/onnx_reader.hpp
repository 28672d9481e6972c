/// @file
/// An ONNX graph, from its input to its output, as a chain of layers.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "nn/io/onnx_channel_order.hpp"
#include "nn/io/onnx_compositions.hpp"
#include "nn/io/onnx_fold.hpp"
#include "nn/io/onnx_import_branches.hpp"
#include "nn/io/onnx_import_layers.hpp"
#include "nn/layers/residual.hpp"

namespace nn::detail {

/// A graph whose values are known: where each is made, and how the ways to it part and meet.
class OnnxReader {
 public:
  /// @throws Error unless the graph is sorted, each value made once, and only one input open.
  explicit OnnxReader(const ::onnx::ModelProto& proto)
      : graph_(proto.graph()),
        opset_(opset_of(proto)),
        folder_(opset_, [this](const std::string& name) { return values_.contains(name); }),
        compositions_(folder_.constants(), opset_,
                      [this](const std::string& name) { return maker_of(name); }) {
    require(proto.has_graph(), "it has no graph");
    require(graph_.node_size() <= largest_graph, "it has ", graph_.node_size(),
            " nodes, and at most ", largest_graph, " are read");
    require(graph_.sparse_initializer_size() == 0, "sparse constants are not supported");
    require(opset_ > 0, "it does not say which version of the operations it uses");
    for (const auto& tensor : graph_.initializer()) folder_.add(tensor);
    find_input();
    for (const auto& node : graph_.node()) place(shorten(compose(node)));
    channels_last_ = read_channels_last(graph_, *input_, folder_.constants(), opset_);
    require(graph_.output_size() == 1, "it has ", graph_.output_size(),
            " outputs, and only one is supported");
  }
  OnnxReader(const OnnxReader&) = delete;
  OnnxReader& operator=(const OnnxReader&) = delete;
  ~OnnxReader() = default;

  /// The layers from the graph's input to its output, for samples of shape `input`.
  [[nodiscard]] ImportedChain read(const Shape& input) {
    const std::string& output = graph_.output(0).name();
    require(values_.contains(output), "nothing makes the output '", output, "'");
    return chain(input_->name(), output, input, is_channels_last(input_->name()), 0);
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
    return sample_shape(extents, is_channels_last(input_->name()));
  }

  /// Tells whether images come in with the channel last in the file, where it leaves that open.
  void settle_input(const Shape& sample) {
    const auto& dims = input_->type().tensor_type().shape().dim();
    if (sample.rank() != 3 || dims.size() != 4) return;
    const auto is = [&](const Shape& extents) {
      for (int axis = 0; axis < 3; ++axis) {
        const Index known = dims[axis + 1].dim_value();
        if (known > 0 && known != extents[axis]) return false;
      }
      return true;
    };
    if (is(sample) && !is({sample[2], sample[0], sample[1]})) {
      channels_last_.insert(input_->name());
    }
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

  static Index opset_of(const ::onnx::ModelProto& proto) {
    Index version = 0;
    for (const auto& opset : proto.opset_import()) {
      const bool is_standard = opset.domain().empty() || opset.domain() == "ai.onnx";
      if (is_standard) version = opset.version();
    }
    return version;
  }

  void find_input() {
    for (const auto& input : graph_.input()) {
      if (folder_.constants().contains(input.name())) continue;
      require(input_ == nullptr, "it has more than one input: ", input.name());
      input_ = &input;
    }
    require(input_ != nullptr && !input_->name().empty(), "it has no input");
    values_[input_->name()] = {};
  }

  [[nodiscard]] OnnxNode view(const ::onnx::NodeProto& node) const {
    return {node, folder_.constants(), opset_};
  }

  /// Notes where a node stands, unless what it gives is constant.
  void place(const ::onnx::NodeProto& proto) {
    const OnnxNode node = view(proto);
    node.expect(proto.domain().empty() || proto.domain() == "ai.onnx", "the domain '",
                proto.domain(), "' is not supported");
    if (folder_.fold(proto)) return;
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
      node.expect(!folder_.constants().contains(output), "it makes the constant '", output, "'");
      const Value value{&proto, dominator, values_.at(*dominator).depth + 1};
      node.expect(values_.emplace(output, value).second, "'", output, "' is made twice");
    }
  }

  /// The node that makes a value, if it is one of the graph's.
  [[nodiscard]] const ::onnx::NodeProto* maker_of(const std::string& name) const {
    if (const auto found = values_.find(name); found != values_.end()) return found->second.node;
    const auto shape = shapes_.find(name);
    return shape == shapes_.end() ? nullptr : shape->second;
  }

  /// The last node of a composition takes its place.
  const ::onnx::NodeProto& compose(const ::onnx::NodeProto& proto) {
    view(proto).expect(proto.op_type() != "GatedLinearUnit", "this operation is not supported");
    if (proto.op_type() == "Shape" && proto.output_size() == 1) shapes_[proto.output(0)] = &proto;
    const bool standard = proto.domain().empty() || proto.domain() == "ai.onnx";
    auto found = standard ? compositions_.shorten(proto) : std::nullopt;
    return found ? rewritten_.emplace_back(std::move(*found)) : proto;
  }

  /// Whether a value, if it is an image, is read as one with the channel last in the file.
  [[nodiscard]] bool is_channels_last(const std::string& value) const {
    return channels_last_.contains(value);
  }

  /// A Concat whose first inputs are all those of one before it takes that one's output instead: so
  /// densely connected layers are one chain.
  const ::onnx::NodeProto& shorten(const ::onnx::NodeProto& proto) {
    if (proto.op_type() != "Concat" || proto.output_size() != 1) return proto;
    const std::vector<std::string> inputs(proto.input().begin(), proto.input().end());
    std::string axis = std::to_string(view(proto).integer("axis", 1));
    const auto* result = &proto;
    for (std::size_t count = inputs.size(); count-- > 2;) {
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
                      bool channels_last, int nesting) {
    require(nesting <= deepest_nesting, "its branches are nested more than ", deepest_nesting,
            " deep");
    std::vector<std::pair<const ::onnx::NodeProto*, const std::string*>> nodes;
    for (const std::string* value = &to; *value != from;) {
      const Value& known = values_.at(*value);
      const OnnxNode node = view(*known.node);
      const std::string& operation = node.operation();
      node.expect(known.node->output(0) == *value || operation == "LSTM" || operation == "GRU",
                  "only its first output is supported");
      node.expect(used_.insert(known.node).second,
                  "it stands in two branches, which cannot be expressed");
      nodes.emplace_back(known.node, value);
      value = known.dominator;
    }
    ImportedChain result;
    result.shape = input;
    result.channels_last = channels_last;
    const Index type = input_->type().tensor_type().elem_type();
    result.whole =
        nesting == 0 && (type == ::onnx::TensorProto::INT64 || type == ::onnx::TensorProto::INT32);
    const auto& dims = input_->type().tensor_type().shape().dim();
    if (!dims.empty() && dims[0].has_dim_value()) result.batch = dims[0].dim_value();
    for (auto node = nodes.rbegin(); node != nodes.rend(); ++node) {
      result.wanted = *node->second;
      result.makes_channels_last = is_channels_last(result.wanted);
      append(view(*node->first), result, nesting);
    }
    require(result.time == TimeAxes::samples_first,
            "what it gives has not the axis of the samples first");
    require(!result.whole, "it gives whole numbers");
    require(!result.has_rows, "a Reshape that takes samples apart is not undone");
    require(!result.pending_padding, "a Pad node is followed by none that can take it in");
    return result;
  }

  void append(const OnnxNode& node, ImportedChain& chain, int nesting) {
    const auto inputs = node.variable_inputs();
    const std::size_t before = chain.layers.size();
    node.expect(!chain.has_rows || node.operation() == "BatchNormalization" ||
                    node.operation() == "Reshape",
                "after a Reshape that takes samples apart only BatchNormalization is supported");
    if (inputs.size() == 1 && turns_time(node, chain)) return;
    expect_order(node, chain);
    try {
      if (inputs.size() > 1) {
        node.expect(!chain.pending_padding, "a Pad node before it is not supported");
        join(node, inputs, chain, nesting);
      } else {
        const auto found = onnx_operations().find(node.operation());
        node.expect(found != onnx_operations().end(), "this operation is not supported");
        node.expect(
            node.operation() == "Add" || node.operation() == "Gather" || node.variable_index() == 0,
            "only its first input may be computed");
        const bool padded = chain.pending_padding.has_value();
        found->second(node, chain);
        node.expect(!padded || !chain.pending_padding || node.operation() == "Identity" ||
                        node.operation() == "Transpose",
                    "a Pad node before it is not supported");
      }
    } catch (const ShapeError& error) {
      node.refuse(error.what());
    }
    if (chain.layers.size() > before) require_fits(chain.shape);
  }

  /// Refuses what expects samples first, or numbers that are not tokens, where there are others.
  static void expect_order(const OnnxNode& node, const ImportedChain& chain) {
    static const std::set<std::string> any_time{"Dropout", "GRU", "Gather", "Identity", "LSTM"};
    static const std::set<std::string> whole{"Cast",    "Flatten", "Gather",   "Identity",
                                             "Reshape", "Squeeze", "Unsqueeze"};
    const std::string& operation = node.operation();
    node.expect(chain.time == TimeAxes::samples_first || any_time.contains(operation),
                "it gets values whose first axis is not that of the samples");
    node.expect(!chain.whole || whole.contains(operation), "it gets whole numbers");
  }

  /// A node that joins branches.
  void join(const OnnxNode& node, const std::vector<std::string>& inputs, ImportedChain& chain,
            int nesting) {
    const std::string* from = inputs.data();
    for (const std::string& input : inputs) from = common(from, &input);
    const std::string start = *from;
    std::vector<ImportedChain> branches;
    for (const std::string& input : inputs) {
      branches.push_back(this->chain(start, input, chain.shape, chain.channels_last, nesting + 1));
      node.expect(branches.back().shape.rank() != 3 ||
                      branches.back().channels_last == branches.front().channels_last,
                  "images with the channel first and last cannot be joined");
    }
    chain.channels_last = branches.front().channels_last;
    if (node.operation() == "Mul") {
      node.expect_attributes({});
      return append_product(node, branches, chain);
    }
    const Index rank = branches[0].shape.rank() + 1;
    const Index channels = channel_axis(branches[0]);
    std::map<std::string, OnnxConstant> weights;
    std::vector<AnyLayer> layers;
    for (ImportedChain& branch : branches) {
      layers.push_back(
          gather_branch(std::move(branch), std::to_string(layers.size()) + ".", weights));
    }
    if (node.operation() == "Add") {
      node.expect_attributes({});
      node.expect(layers.size() == 2, "it has ", layers.size(), " inputs");
      chain.append(Residual<AnyLayer, AnyLayer>(layers[0], layers[1]), std::move(weights));
    } else if (node.operation() == "Concat") {
      node.expect_attributes({"axis"});
      const Index axis = node.axis(1, rank);
      node.expect(axis == channels, "only the axis of the channels is supported");
      chain.append(concat_of(node, layers), std::move(weights));
    } else {
      node.refuse("this operation on two computed values is not supported");
    }
  }

  const ::onnx::GraphProto& graph_;
  Index opset_;
  OnnxFolder folder_;
  OnnxCompositions compositions_;
  std::map<std::string, const ::onnx::NodeProto*> shapes_;  ///< nodes that give a value's shape
  std::deque<::onnx::NodeProto> rewritten_;                 ///< nodes put more simply
  std::map<std::pair<std::string, std::vector<std::string>>, std::string> joined_;
  const ::onnx::ValueInfoProto* input_ = nullptr;
  std::set<std::string> channels_last_;  ///< values, see is_channels_last
  std::map<std::string, Value> values_;
  std::set<const ::onnx::NodeProto*> used_;
};

}  // namespace nn::detail
