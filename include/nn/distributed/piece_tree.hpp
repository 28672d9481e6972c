/// @file
/// The binary tree over which pieces of a batch are summed.
#pragma once

#include <vector>

#include "nn/core/error.hpp"
#include "nn/core/shape.hpp"

namespace nn {

/// A binary tree over leaves 0, 1, ..., each node of which halves its leaves, the left half taking
/// the odd one. A node is the run of leaves below it.
class PieceTree {
 public:
  /// A run of leaves.
  struct Node {
    Index begin = 0;  ///< the first leaf
    Index end = 0;    ///< behind the last one
    bool operator==(const Node&) const = default;
  };

  /// A tree of so many leaves, at least one.
  explicit PieceTree(Index leaves) : leaves_(leaves) {
    require(leaves > 0, "a tree of ", leaves, " leaves");
  }

  /// How many there are.
  [[nodiscard]] Index leaves() const { return leaves_; }

  /// Whether two neighbouring nodes are the two halves of one.
  [[nodiscard]] bool are_halves(const Node& left, const Node& right) const {
    Node node{0, leaves_};
    while (node.end - node.begin > 1) {
      const Index middle = node.begin + (node.end - node.begin + 1) / 2;
      if (node.begin == left.begin && node.end == right.end) {
        return middle == left.end && middle == right.begin;
      }
      if (right.end <= middle) {
        node.end = middle;
      } else if (left.begin >= middle) {
        node.begin = middle;
      } else {
        return false;
      }
    }
    return false;
  }

 private:
  Index leaves_;
};

/// Sums nodes of a tree from left to right, as they come: on a stack, on which two halves become
/// the node above them.
class NodeStack {
 public:
  /// Of this tree, without any node.
  explicit NodeStack(const PieceTree& tree) : tree_(tree) {}

  /// Puts the next node on the stack. Returns how often the topmost node is then to be added to the
  /// one below it.
  Index push(const PieceTree::Node& node) {
    nodes_.push_back(node);
    Index joins = 0;
    while (nodes_.size() > 1 && tree_.are_halves(nodes_[nodes_.size() - 2], nodes_.back())) {
      nodes_[nodes_.size() - 2].end = nodes_.back().end;
      nodes_.pop_back();
      ++joins;
    }
    return joins;
  }

  /// What is on the stack, the first node first: after a run of leaves, the whole subtrees of it.
  [[nodiscard]] const std::vector<PieceTree::Node>& nodes() const { return nodes_; }

 private:
  PieceTree tree_;
  std::vector<PieceTree::Node> nodes_;
};

}  // namespace nn
