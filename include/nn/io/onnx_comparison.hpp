/// @file
/// Whether an ONNX graph says what the exporter writes for a network.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "nn/io/onnx_graph.hpp"
#include "nn/io/onnx_node.hpp"

namespace nn::detail {

/// Goes through two graphs side by side: what the exporter has just written, and a file's. They say
/// the same if each node does the same with the same values, whatever these are called. Weights may
/// have any values, which are then those of the network.
class OnnxComparison {
 public:
  /// @throws Error naming the first node of the file's graph that differs, and how.
  OnnxComparison(OnnxGraph& written, const ::onnx::GraphProto& found)
      : written_(written.graph()), found_(found), held_(written.held()) {
    for (const auto& tensor : written_.initializer()) constants_.add(tensor.name(), tensor);
    for (const auto& tensor : found_.initializer()) found_constants_.add(tensor.name(), tensor);
    require(found_.sparse_initializer_size() == 0, "it has sparse constants");
    match_input();
    for (int i = 0; i < std::min(written_.node_size(), found_.node_size()); ++i) {
      match(written_.node(i), found_.node(i));
    }
    require(written_.node_size() == found_.node_size(), "it has ", found_.node_size(),
            " nodes, and the network ", written_.node_size());
    require(found_.output_size() == 1 &&
                found_.output(0).name() == names_.at(written_.output(0).name()),
            "its output is not that of the network");
  }

  /// The file's constant that is the variable of this name, "2.weight" and the like; null where the
  /// graph has none.
  [[nodiscard]] const ::onnx::TensorProto* variable(const std::string& name) const {
    const auto found = variables_.find(name);
    return found == variables_.end() ? nullptr : found->second;
  }

 private:
  template <class... Parts>
  static void expect(bool is, const ::onnx::NodeProto& node, const Parts&... parts) {
    require(is, node.op_type(), " '", node.name(), "': ", parts...);
  }

  void match_input() {
    std::string name;
    for (const auto& input : found_.input()) {
      if (found_constants_.contains(input.name())) continue;
      require(name.empty() && !input.name().empty(), "it has more than one input");
      name = input.name();
      const auto type = input.type().tensor_type().elem_type();
      require(type == ::onnx::TensorProto::FLOAT ||
                  (type == ::onnx::TensorProto::INT64 && is_only_cast(written_.input(0).name())),
              "its input is of another type than the network's");
    }
    require(!name.empty(), "it has no input");
    name_value(written_.input(0).name(), name);
  }

  /// Whether all nodes that read a value make whole numbers of it first, so that it may consist of
  /// whole numbers itself.
  [[nodiscard]] bool is_only_cast(const std::string& value) const {
    return std::all_of(written_.node().begin(), written_.node().end(), [&](const auto& node) {
      const auto& inputs = node.input();
      return node.op_type() == "Cast" ||
             std::find(inputs.begin(), inputs.end(), value) == inputs.end();
    });
  }

  void name_value(const std::string& written, const std::string& found) {
    require(made_.insert(found).second && !found_constants_.contains(found), "the value '", found,
            "' is made twice");
    names_[written] = found;
  }

  /// How many names there are, without those at the end that are empty.
  template <class Names>
  static int given(const Names& names) {
    int count = names.size();
    while (count > 0 && names[count - 1].empty()) --count;
    return count;
  }

  void match(const ::onnx::NodeProto& written, const ::onnx::NodeProto& found) {
    const bool standard = found.domain().empty() || found.domain() == "ai.onnx";
    expect(standard && found.op_type() == written.op_type(), found, "the network has ",
           written.op_type(), " here");
    expect(given(found.input()) == given(written.input()), found, "it has ", given(found.input()),
           " inputs, and the network's ", given(written.input()));
    for (int i = 0; i < given(found.input()); ++i) {
      match_value(found, i, written.input(i), found.input(i));
    }
    expect(attributes_of(found) == attributes_of(written), found,
           "its attributes are not the network's");
    expect(given(found.output()) == given(written.output()), found,
           "it has other outputs than the network's");
    for (int i = 0; i < given(found.output()); ++i) {
      expect(found.output(i).empty() == written.output(i).empty(), found,
             "it has other outputs than the network's");
      if (!found.output(i).empty()) name_value(written.output(i), found.output(i));
    }
  }

  void match_value(const ::onnx::NodeProto& node, int index, const std::string& written,
                   const std::string& found) {
    if (written.empty() || found.empty()) {
      return expect(written.empty() && found.empty(), node, "input ", index, " is missing");
    }
    if (!constants_.contains(written)) {
      return expect(names_.at(written) == found, node, "input ", index,
                    " is not the value that the network's reads");
    }
    expect(found_constants_.contains(found), node, "input ", index, " is no constant");
    const ::onnx::TensorProto& wanted = constants_.tensor(written);
    const ::onnx::TensorProto& tensor = found_constants_.tensor(found);
    const bool same_form = tensor.data_type() == wanted.data_type() &&
                           std::equal(tensor.dims().begin(), tensor.dims().end(),
                                      wanted.dims().begin(), wanted.dims().end());
    expect(same_form, node, "the constant '", found, "' has another type or other extents");
    const auto held = held_.find(written);
    if (held == held_.end()) {
      bool same = false;
      try {
        same = read_constant(tensor).values == read_constant(wanted).values;
      } catch (const Error& error) {
        expect(false, node, "the constant '", found, "': ", error.what());
      }
      expect(same, node, "the constant '", found, "' has other elements");
      return;
    }
    const auto [entry, is_new] = variables_.emplace(held->second, &tensor);
    expect(is_new || entry->second == &tensor, node, "'", found, "' is not the network's weight");
  }

  /// What the attributes say, by their names.
  [[nodiscard]] static std::map<std::string, std::string> attributes_of(
      const ::onnx::NodeProto& node) {
    std::map<std::string, std::string> all;
    for (::onnx::AttributeProto attribute : node.attribute()) {
      attribute.clear_doc_string();
      all[attribute.name()] = attribute.SerializeAsString();
    }
    return all;
  }

  const ::onnx::GraphProto& written_;
  const ::onnx::GraphProto& found_;
  const std::map<std::string, std::string>& held_;
  OnnxConstants constants_;
  OnnxConstants found_constants_;
  std::map<std::string, std::string> names_;  ///< of computed values: the file's, by those written
  std::set<std::string> made_;                ///< the file's computed values
  std::map<std::string, const ::onnx::TensorProto*> variables_;
};

}  // namespace nn::detail
