/// @file
/// Independent tasks that the ranks of a communicator share.
#pragma once

#include <algorithm>
#include <cstring>
#include <numeric>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "nn/distributed/at_work.hpp"
#include "nn/distributed/same_training.hpp"
#include "nn/train/checkpoint.hpp"
#include "nn/train/shared_work.hpp"

namespace nn {

namespace detail {

template <class Result>
inline constexpr bool is_plain_vector = false;
template <class Value>
inline constexpr bool is_plain_vector<std::vector<Value>> =
    std::is_trivially_copyable_v<Value> && !std::is_same_v<Value, bool>;

/// What a rank may send to another as the result of a task.
template <class Result>
concept TaskResult = std::is_trivially_copyable_v<Result> || is_plain_vector<Result> ||
    std::is_same_v<Result, std::string> || std::is_same_v<Result, Checkpoint>;

/// A result as bytes.
template <TaskResult Result>
[[nodiscard]] std::string bytes_of_result(const Result& result) {
  if constexpr (std::is_same_v<Result, std::string>) {
    return result;
  } else if constexpr (std::is_same_v<Result, Checkpoint>) {
    return result.serialize();
  } else if constexpr (is_plain_vector<Result>) {
    std::string bytes(result.size() * sizeof(typename Result::value_type), '\0');
    if (!bytes.empty()) std::memcpy(bytes.data(), result.data(), bytes.size());
    return bytes;
  } else {
    std::string bytes(sizeof(Result), '\0');
    std::memcpy(bytes.data(), &result, sizeof(Result));
    return bytes;
  }
}

/// The result whose bytes these are.
template <TaskResult Result>
[[nodiscard]] Result result_of_bytes(std::string bytes) {
  if constexpr (std::is_same_v<Result, std::string>) {
    return bytes;
  } else if constexpr (std::is_same_v<Result, Checkpoint>) {
    return Checkpoint::parse(bytes, "the result of a task");
  } else if constexpr (is_plain_vector<Result>) {
    Result result(bytes.size() / sizeof(typename Result::value_type));
    if (!bytes.empty()) std::memcpy(result.data(), bytes.data(), bytes.size());
    return result;
  } else {
    require(bytes.size() == sizeof(Result), "a rank sent a result of ", bytes.size(),
            " bytes, where it has ", sizeof(Result));
    Result result;
    std::memcpy(&result, bytes.data(), sizeof(Result));
    return result;
  }
}

/// Calls `work`. The others hear of what it throws.
template <class Work>
void or_fail(Communicator& world, const Work& work) {
  try {
    work();
  } catch (const std::exception& error) {
    world.fail(error.what());
    throw;
  }
}

/// The results of all tasks, in their order, on all ranks.
[[gnu::cold]] inline std::vector<std::string> share_task_bytes(
    Communicator& world, Index count, FunctionRef<std::string(Index)> task) {
  const Index ranks = world.size();
  std::vector<std::string> results(static_cast<std::size_t>(count));
  for (Index i = world.rank(); i < count; i += ranks) {
    world.take_notices();
    const AtWork at_work(world);
    results[static_cast<std::size_t>(i)] = task(i);
  }
  // In messages the tasks stand by rank: those of rank 0, then those of rank 1, ...
  std::vector<Index> counts;
  std::vector<Index> sizes;
  std::vector<Index> bytes;
  std::string all;
  for (Index rank = 0; rank < ranks; ++rank) {
    counts.push_back((count - rank + ranks - 1) / ranks);
    for (Index i = rank; i < count; i += ranks) {
      sizes.push_back(static_cast<Index>(results[static_cast<std::size_t>(i)].size()));
    }
  }
  world.gather(std::span<Index>(sizes), std::span<const Index>(counts));
  const Index* size = sizes.data();
  for (Index rank = 0; rank < ranks; ++rank) {
    const Index* const end = size + counts[static_cast<std::size_t>(rank)];
    bytes.push_back(std::accumulate(size, end, Index{0}));
    size = end;
    if (rank != world.rank()) {
      all.resize(all.size() + static_cast<std::size_t>(bytes.back()));
    } else {
      for (Index i = rank; i < count; i += ranks) all += results[static_cast<std::size_t>(i)];
    }
  }
  world.gather(std::span<char>(all), std::span<const Index>(bytes));
  std::size_t begin = 0;
  size = sizes.data();
  for (Index rank = 0; rank < ranks; ++rank) {
    for (Index i = rank; i < count; i += ranks) {
      const auto length = static_cast<std::size_t>(*size++);
      results[static_cast<std::size_t>(i)] = all.substr(begin, length);
      begin += length;
    }
  }
  world.take_notices();
  return results;
}

}  // namespace detail

/// Does `count` tasks that do not depend on one another, such as the trainings of a study, of k
/// folds or from several seeds: each rank every size-th of them, each task once. Returns the
/// results of all, task(0), task(1), ..., on every rank: numbers, structures of numbers, vectors of
/// these, texts, or Checkpoints, which hold models.
///
///     const std::vector<double> accuracies = nn::share_tasks(world, 5, [&](nn::Index fold) {
///       return train_and_measure(folds[fold]);
///     });
///
/// All ranks call it with the same `count`. A task does not use the communicator. Where one fails,
/// the others stop when the tasks that they are at are done.
/// @throws what a task throws, Error when the ranks have other counts, RankError when another rank
/// fails.
template <class Task>
[[nodiscard]] auto share_tasks(Communicator& world, Index count, const Task& task)
    -> std::vector<std::decay_t<std::invoke_result_t<const Task&, Index>>> {
  using Result = std::decay_t<std::invoke_result_t<const Task&, Index>>;
  static_assert(detail::TaskResult<Result>,
                "a task returns a number, a structure of numbers, a vector of these, a text or a "
                "Checkpoint");
  std::vector<Result> results;
  if (world.size() == 1) {
    for (Index i = 0; i < count; ++i) results.push_back(task(i));
    return results;
  }
  detail::require_same(world, detail::text("tasks: ", count, "\n"), "share the same tasks");
  detail::or_fail(world, [&] {
    const auto bytes = [&](Index i) { return detail::bytes_of_result<Result>(task(i)); };
    for (std::string& result : detail::share_task_bytes(world, count, bytes)) {
      results.push_back(detail::result_of_bytes<Result>(std::move(result)));
    }
  });
  return results;
}

/// Shares the parts of some work: each rank a run of them, whose results all ranks get. This is
/// what `evaluate` and `predict` do with a communicator.
/// @throws what the work throws, Error when the ranks do not do the same, RankError when another
/// rank fails.
[[gnu::cold]] inline void share_work(Communicator& world, const detail::WorkInParts& work) {
  const Index ranks = world.size();
  if (ranks == 1) return work.work(0, work.parts);
  const auto first = [&](Index rank) { return work.parts * rank / ranks; };
  const auto begin = [&](Index rank) {
    return std::min(static_cast<std::size_t>(first(rank)) * work.bytes, work.results.size());
  };
  detail::require_same(world,
                       detail::text("batches: ", work.parts, "\nbytes of the results: ",
                                    static_cast<Index>(work.results.size()), "\n"),
                       "share the same work");
  detail::or_fail(world, [&] {
    {
      const AtWork at_work(world);
      work.work(first(world.rank()), first(world.rank() + 1));
    }
    std::vector<Index> counts;
    for (Index rank = 0; rank < ranks; ++rank) {
      counts.push_back(static_cast<Index>(begin(rank + 1) - begin(rank)));
    }
    world.gather(work.results, std::span<const Index>(counts));
    world.take_notices();
  });
}

}  // namespace nn
