/// @file
/// How the processes of one training talk to one another.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "nn/distributed/notice.hpp"

namespace nn {

/// The processes (*ranks*) of one training, each with a number from 0 on. `Mpi` (nn/distributed/
/// mpi.hpp) makes one from MPI, `ThreadRanks` (nn/distributed/thread_ranks.hpp) from threads of one
/// process, and `Communicator` itself is that of a process that is alone. Whoever has another
/// transport derives a struct from it that overrides six functions: `rank`, `size`, `start`,
/// `progress`, `tell` and `hear`.
///
/// All that waits gives up after `timeout()`: it throws RankError, which names the rank that does
/// not answer, and before that tells all others to stop. To be used from one thread at a time.
class Communicator {
 public:
  /// That of a process that is alone.
  Communicator() = default;
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;
  virtual ~Communicator() = default;

  /// @{ What a transport has to do.

  /// This process's number.
  [[nodiscard]] virtual Index rank() const { return 0; }
  /// How many processes there are.
  [[nodiscard]] virtual Index size() const { return 1; }

  /// Starts to send `out` to the rank `to` and to receive `in`, which is as long as what will come,
  /// from the rank `from`; either may be none, -1. Both memories stay as they are until `progress`
  /// is true. Messages between two ranks arrive in their order.
  virtual void start(std::span<const std::byte> /*out*/, Index to, std::span<std::byte> /*in*/,
                     Index from) {
    require(to < 0 && from < 0, "a process that is alone sends to ", to, " and receives from ",
            from);
  }
  /// Whether what was started is done. It may wait for a few milliseconds.
  [[nodiscard]] virtual bool progress() { return true; }
  /// Sends a notice past all other messages, without waiting for anything. It may get lost.
  virtual void tell(Index /*to*/, const Notice& /*notice*/) {}
  /// Takes a notice that has come, if there is one.
  [[nodiscard]] virtual bool hear(Notice& /*notice*/) { return false; }
  /// @}

  /// How long a message may take to come, in seconds: as long as the slowest rank computes for a
  /// step, in a callback or for what else is between two messages, and some more. While a rank says
  /// that it is at work (AtWork), the time does not run.
  [[nodiscard]] double timeout() const { return timeout_; }
  /// Sets it.
  /// @throws Error unless it is positive.
  void set_timeout(double seconds) {
    require(seconds > 0, "a timeout of ", seconds, " seconds");
    timeout_ = seconds;
  }

  /// The step of the training that messages name; 0 for none.
  void set_step(Index step) { step_ = step; }
  /// As set.
  [[nodiscard]] Index step() const { return step_; }
  /// The bytes that this rank has sent so far.
  [[nodiscard]] Index bytes_sent() const { return bytes_sent_; }

  /// Sends to one rank and receives from another, both at a time.
  /// @throws RankError when a rank does not answer or says that it has failed.
  void exchange(std::span<const std::byte> out, Index to, std::span<std::byte> in, Index from) {
    require_going();
    start(out, to, in, from);
    if (to >= 0) bytes_sent_ += static_cast<Index>(out.size());
    wait_for(from >= 0 ? from : to);
  }
  /// Sends values that may be copied as bytes to a rank, which receives as many.
  template <class Value>
  requires std::is_trivially_copyable_v<Value>
  void send(std::span<const Value> values, Index to) {
    exchange(std::as_bytes(values), to, {}, -1);
  }
  /// Receives what a rank sends, which has to be as many values.
  template <class Value>
  requires std::is_trivially_copyable_v<Value>
  void receive(std::span<Value> values, Index from) {
    exchange({}, -1, std::as_writable_bytes(values), from);
  }

  /// Gives all ranks the values of rank `root`, along a binary tree.
  template <class Value>
  requires std::is_trivially_copyable_v<Value>
  void broadcast(std::span<Value> values, Index root = 0) {
    broadcast_bytes(std::as_writable_bytes(values), root);
  }

  /// Gives all ranks the parts of all: `values` is that of rank 0, then that of rank 1, ..., of
  /// `counts[rank]` values each, and this rank's is in its place.
  template <class Value>
  requires std::is_trivially_copyable_v<Value>
  void gather(std::span<Value> values, std::span<const Index> counts) {
    std::vector<Index> ends;
    Index end = 0;
    for (const Index count : counts) ends.push_back(end += count);
    const auto part = [&](Index of) {
      const auto place = static_cast<std::size_t>(of);
      return values.subspan(static_cast<std::size_t>(ends[place] - counts[place]),
                            static_cast<std::size_t>(counts[place]));
    };
    for (Index distance = 1; distance < size(); ++distance) {
      const Index from = (rank() - distance + size()) % size();
      exchange(std::as_bytes(part(rank())), (rank() + distance) % size(),
               std::as_writable_bytes(part(from)), from);
    }
  }

  /// Sums each value over the ranks, the same bits on all: over the binary tree that halves the
  /// ranks, the left half taking the odd one.
  template <class Number>
  requires std::is_arithmetic_v<Number>
  void sum(std::span<Number> values) {
    const std::size_t count = values.size();
    std::vector<Number> all(count * static_cast<std::size_t>(size()));
    std::copy(values.begin(), values.end(),
              all.begin() + static_cast<std::ptrdiff_t>(count) * rank());
    gather(std::span<Number>(all),
           std::vector<Index>(static_cast<std::size_t>(size()), static_cast<Index>(count)));
    for (std::size_t i = 0; i < count; ++i) values[i] = sum_of(all, i, count, 0, size());
  }

  /// Waits until all ranks are here.
  void barrier() {
    char nothing = 0;
    std::vector<char> all(static_cast<std::size_t>(size()), nothing);
    gather(std::span<char>(all), std::vector<Index>(static_cast<std::size_t>(size()), 1));
  }

  /// Tells the other ranks, unless they know, that this one has failed, so that they stop with a
  /// message that says so. Afterwards nothing can be sent.
  [[gnu::cold]] void fail(std::string_view why) {
    if (failed_) return;
    Notice notice{rank(), -1, step_};
    notice.set_text(why);
    tell_all(notice);
  }
  /// Tells the other ranks that this one is alive, though they get no message from it.
  void tell_at_work() {
    for (Index other = 0; other < size(); ++other) {
      if (other != rank()) tell(other, {rank(), Notice::at_work, step_, {}});
    }
  }
  /// Takes the notices that have come, between two messages.
  /// @throws RankError when a rank says that it has failed.
  void take_notices() {
    for (Notice notice; hear(notice);) {
      if (notice.waits_for != Notice::at_work) give_up(static_cast<Index>(notice.origin), &notice);
    }
  }
  /// Whether this rank or one that it heard of has failed.
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  using Clock = std::chrono::steady_clock;

  template <class Number>
  [[nodiscard]] static Number sum_of(const std::vector<Number>& all, std::size_t place,
                                     std::size_t count, Index begin, Index end) {
    if (end - begin == 1) return all[static_cast<std::size_t>(begin) * count + place];
    const Index middle = begin + (end - begin + 1) / 2;
    return static_cast<Number>(sum_of(all, place, count, begin, middle) +
                               sum_of(all, place, count, middle, end));
  }

  void broadcast_bytes(std::span<std::byte> bytes, Index root) {
    const Index place = (rank() - root + size()) % size();
    Index reached = 1;  // how many have the bytes
    for (; reached < size(); reached *= 2) {
      const Index other = place < reached ? place + reached : place - reached;
      if (place >= 2 * reached || other >= size()) continue;
      const Index other_rank = (other + root) % size();
      if (place < reached) {
        exchange(bytes, other_rank, {}, -1);
      } else {
        exchange({}, -1, bytes, other_rank);
      }
    }
  }

  void require_going() const {
    require<RankError>(!failed_, "rank ", rank(), " cannot go on", detail::at_step(step_),
                       ": the training has failed");
  }

  void wait_for(Index other) {
    Clock::time_point begin = Clock::now();
    while (!progress()) {
      Notice notice;
      if (hear(notice)) {
        if (notice.waits_for != Notice::at_work) give_up(other, &notice);
        begin = Clock::now();  // it may be the rank that the one waits for which this one waits for
      }
      if (std::chrono::duration<double>(Clock::now() - begin).count() > timeout_) {
        give_up(other, nullptr);
      }
    }
  }

  [[gnu::cold]] void tell_all(const Notice& notice) {
    failed_ = true;
    for (Index other = 0; other < size(); ++other) {
      if (other != rank()) tell(other, notice);
    }
  }

  /// Tells the others what this rank waits for, finds out what they do, and says who is to blame:
  /// who has failed, or else the last of those that wait for one another, who says nothing. If that
  /// is this rank, who has waited for it.
  [[noreturn, gnu::cold, gnu::noinline]] void give_up(Index other, const Notice* first) {
    std::vector<Notice> notices(static_cast<std::size_t>(size()), Notice{-1, -1, 0, {}});
    const auto keep = [&](const Notice& notice) {
      if (notice.waits_for == Notice::at_work) return false;
      if (notice.origin >= 0 && notice.origin < size()) {
        notices[static_cast<std::size_t>(notice.origin)] = notice;
      }
      return notice.waits_for < 0;
    };
    const bool known = first != nullptr && keep(*first);
    tell_all({rank(), other, step_, {}});
    if (!known) {
      const Clock::time_point begin = Clock::now();
      const std::chrono::duration<double> grace(std::clamp(timeout_ / 10, 0.5, 5.0));
      for (bool done = false; !done && Clock::now() - begin < grace;) {
        Notice notice;
        if (hear(notice)) {
          done = keep(notice);
        } else {
          std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
      }
    }
    for (const Notice& notice : notices) {
      if (notice.origin >= 0 && notice.waits_for < 0) {
        throw RankError(detail::text("rank ", rank(), " stops: rank ", notice.origin, " failed",
                                     detail::at_step(notice.step), ": ", notice.text));
      }
    }
    Index blamed = other;
    Index missed_by = -1;  // who waited for the blamed one
    for (Index i = 0; i < size() && notices[static_cast<std::size_t>(blamed)].origin >= 0; ++i) {
      missed_by = blamed;
      blamed = static_cast<Index>(notices[static_cast<std::size_t>(blamed)].waits_for);
      if (blamed == rank()) break;
    }
    const std::string stops = detail::text("rank ", rank(), " stops", detail::at_step(step_));
    if (blamed == rank()) {
      throw RankError(detail::text(stops, ": rank ", missed_by, " has not heard from it within ",
                                   timeout_, " s"));
    }
    throw RankError(
        detail::text(stops, ": rank ", blamed, " does not answer within ", timeout_, " s"));
  }

  double timeout_ = 60;
  Index step_ = 0;
  Index bytes_sent_ = 0;
  bool failed_ = false;
};

}  // namespace nn
