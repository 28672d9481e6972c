#include "nn/distributed/communicator.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <numeric>
#include <thread>

#include "nn/distributed/piece_tree.hpp"
#include "ranks.hpp"

namespace communicator_test {

using nn::Index;

TEST_CASE("PieceTree: every run of leaves ends in the fewest whole subtrees") {
  // Of 8 leaves, 3 ranks have 0-1, 2-4 and 5-7.
  const nn::PieceTree tree(8);
  const auto nodes_of = [&](Index begin, Index end) {
    nn::NodeStack stack(tree);
    for (Index leaf = begin; leaf < end; ++leaf) (void)stack.push({leaf, leaf + 1});
    return stack.nodes();
  };
  using Nodes = std::vector<nn::PieceTree::Node>;
  CHECK(nodes_of(0, 8) == Nodes{{0, 8}});
  CHECK(nodes_of(0, 2) == Nodes{{0, 2}});
  CHECK(nodes_of(2, 5) == Nodes{{2, 4}, {4, 5}});
  CHECK(nodes_of(5, 8) == Nodes{{5, 6}, {6, 8}});
  CHECK(nodes_of(1, 7) == Nodes{{1, 2}, {2, 4}, {4, 6}, {6, 7}});
}

TEST_CASE("PieceTree: the left half has the odd leaf") {
  const nn::PieceTree tree(5);
  CHECK(tree.are_halves({0, 3}, {3, 5}));
  CHECK(tree.are_halves({0, 2}, {2, 3}));
  CHECK(tree.are_halves({3, 4}, {4, 5}));
  CHECK_FALSE(tree.are_halves({1, 2}, {2, 3}));
  CHECK_FALSE(tree.are_halves({0, 2}, {2, 5}));
}

TEST_CASE("NodeStack: joins are counted as the halves become complete") {
  nn::NodeStack stack(nn::PieceTree(4));
  CHECK(stack.push({0, 1}) == 0);
  CHECK(stack.push({1, 2}) == 1);
  CHECK(stack.push({2, 3}) == 0);
  CHECK(stack.push({3, 4}) == 2);
}

TEST_CASE("Communicator: a process that is alone needs no other") {
  nn::Communicator alone;
  CHECK(alone.rank() == 0);
  CHECK(alone.size() == 1);
  std::vector<float> values{1.5F, -2};
  alone.sum(std::span<float>(values));
  alone.broadcast(std::span<float>(values));
  alone.barrier();
  CHECK(values == std::vector<float>{1.5F, -2});
  CHECK(alone.bytes_sent() == 0);
  CHECK_THROWS_WITH_AS(alone.send(std::span<const float>(values), 1),
                       "a process that is alone sends to 1 and receives from -1", nn::Error);
}

TEST_CASE("Communicator: every rank gets the root's values, for any number of ranks and root") {
  for (const Index size : {1, 2, 3, 5, 8}) {
    for (Index root = 0; root < size; ++root) {
      std::atomic<int> right = 0;
      const auto errors = run_ranks(size, [&](nn::Communicator& world) {
        std::vector<Index> values(3, world.rank());
        world.broadcast(std::span<Index>(values), root);
        if (values == std::vector<Index>(3, root)) ++right;
      });
      CHECK(joined(errors).empty());
      CHECK(right == size);
    }
  }
}

TEST_CASE("Communicator: parts of different lengths are gathered in the order of the ranks") {
  std::atomic<int> right = 0;
  const auto errors = run_ranks(4, [&](nn::Communicator& world) {
    const std::vector<Index> counts{2, 0, 1, 3};
    std::vector<int> values(6, -1);
    const int own[] = {10, 11, 20, 30, 31, 32};
    const std::size_t first[] = {0, 2, 2, 3};
    const auto rank = static_cast<std::size_t>(world.rank());
    for (std::size_t i = 0; i < static_cast<std::size_t>(counts[rank]); ++i) {
      values[first[rank] + i] = own[first[rank] + i];
    }
    world.gather(std::span<int>(values), std::span<const Index>(counts));
    if (values == std::vector<int>(std::begin(own), std::end(own))) ++right;
  });
  CHECK(joined(errors).empty());
  CHECK(right == 4);
}

TEST_CASE("Communicator: sums are those of the tree, to the last bit, on every rank") {
  // In float, (a + b) + (c + d) is 0 here and ((a + b) + c) + d is 1.
  const float terms[] = {1e8F, -1e8F, 1.0F, 1e-9F};
  const float five[] = {1.0F, 1e8F, -1e8F, 3.0F, 4.0F};
  const float tree_of_five = ((five[0] + five[1]) + five[2]) + (five[3] + five[4]);
  for (const Index size : {4, 5}) {
    std::atomic<int> right = 0;
    const auto errors = run_ranks(size, [&](nn::Communicator& world) {
      const auto rank = static_cast<std::size_t>(world.rank());
      float value = size == 4 ? terms[rank] : five[rank];
      world.sum(std::span<float>(&value, 1));
      const float expected =
          size == 4 ? (terms[0] + terms[1]) + (terms[2] + terms[3]) : tree_of_five;
      if (value == expected) ++right;
    });
    CHECK(joined(errors).empty());
    CHECK(right == size);
  }
}

TEST_CASE("Communicator: a message between two ranks arrives, and is counted") {
  Index sent = 0;
  std::vector<double> received(2);
  const auto errors = run_ranks(2, [&](nn::Communicator& world) {
    if (world.rank() == 0) {
      const double values[] = {1, 2};
      world.send(std::span<const double>(values), 1);
      sent = world.bytes_sent();
    } else {
      world.receive(std::span<double>(received), 0);
    }
    world.barrier();
  });
  CHECK(joined(errors).empty());
  CHECK(received == std::vector<double>{1, 2});
  CHECK(sent == 16);
}

TEST_CASE("Communicator: what one rank fails of, all others say") {
  const auto begin = std::chrono::steady_clock::now();
  const auto errors = run_ranks(3, [&](nn::Communicator& world) {
    world.set_step(17);
    if (world.rank() == 1) {
      world.fail("the disk is full");
      throw nn::Error("the disk is full");
    }
    world.barrier();
  });
  CHECK(errors[0] == "rank 0 stops: rank 1 failed at step 17: the disk is full");
  CHECK(errors[2] == "rank 2 stops: rank 1 failed at step 17: the disk is full");
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(30));
}

TEST_CASE("Communicator: a rank that does not answer is named by all, not one that waits for it") {
  // A ring: 0 receives from 3, 3 from 2, 2 from 1, and 1 does nothing.
  const auto errors = run_ranks(
      4,
      [&](nn::Communicator& world) {
        world.set_step(5);
        if (world.rank() == 1) return;
        int value = 0;
        world.receive(std::span<int>(&value, 1), (world.rank() + 3) % 4);
      },
      1, 1.0);
  CHECK(errors[0] == "rank 0 stops at step 5: rank 1 does not answer within 1 s");
  CHECK(errors[1].empty());
  CHECK(errors[2] == "rank 2 stops at step 5: rank 1 does not answer within 1 s");
  CHECK(errors[3] == "rank 3 stops at step 5: rank 1 does not answer within 1 s");
}

TEST_CASE("Communicator: a rank that was given up says who has waited for it") {
  // 0 waits for 2 and 1 for 0, while 2 is silent until both have given up.
  std::atomic<int> given_up = 0;
  const auto errors = run_ranks(
      3,
      [&](nn::Communicator& world) {
        world.set_step(5);
        while (world.rank() == 2 && given_up < 2) std::this_thread::yield();
        int value = 0;
        try {
          world.receive(std::span<int>(&value, 1), (world.rank() + 2) % 3);
        } catch (const nn::RankError&) {
          ++given_up;
          throw;
        }
      },
      1, 1.0);
  CHECK(errors[0] == "rank 0 stops at step 5: rank 2 does not answer within 1 s");
  CHECK(errors[1] == "rank 1 stops at step 5: rank 2 does not answer within 1 s");
  CHECK(errors[2] == "rank 2 stops at step 5: rank 0 has not heard from it within 1 s");
}

TEST_CASE("Communicator: nothing is sent after a failure, and a timeout has to be positive") {
  nn::Communicator alone;
  CHECK_THROWS_WITH_AS(alone.set_timeout(0), "a timeout of 0 seconds", nn::Error);
  alone.fail("why not");
  CHECK(alone.failed());
  CHECK_THROWS_AS(alone.exchange({}, -1, {}, -1), nn::RankError);
}

TEST_CASE("Communicator: a message of another length is refused") {
  const auto errors = run_ranks(2, [&](nn::Communicator& world) {
    int values[2] = {};
    if (world.rank() == 0) {
      world.send(std::span<const int>(values, 1), 1);
    } else {
      world.receive(std::span<int>(values, 2), 0);
    }
  });
  CHECK(errors[1] == "rank 1 expected 8 bytes from rank 0, which sent 4");
}

}  // namespace communicator_test
