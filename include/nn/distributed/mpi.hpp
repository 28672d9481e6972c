/// @file
/// Ranks that MPI has started. Needs MPI (the CMake target nn::mpi).
#pragma once

#ifndef OMPI_SKIP_MPICXX
/// Leaves out Open MPI's C++ classes, which do not compile without warnings.
#define OMPI_SKIP_MPICXX 1
#endif
#ifndef MPICH_SKIP_MPICXX
/// Likewise, MPICH's.
#define MPICH_SKIP_MPICXX 1
#endif
#include <mpi.h>

#include <array>
#include <climits>
#include <cstdio>
#include <deque>
#include <exception>
#include <thread>

#include "nn/distributed/share_tasks.hpp"
#include "nn/distributed/shared_batches.hpp"

namespace nn {

/// The processes that `mpirun` (or `srun`) has started with this one:
///
///     int main(int argc, char** argv) {
///       nn::Mpi world(argc, argv);
///       ...
///       nn::fit(model, train, loss, rule, {.communicator = &world});
///
/// There is one in a program, made before all else. When it goes out of scope after a failure, or
/// by an exception, it ends all processes (MPI_Abort), since MPI could wait for ever for one that
/// does not answer.
class Mpi final : public Communicator {
 public:
  /// Starts MPI.
  Mpi(int& argc, char**& argv) { initialize(&argc, &argv); }
  /// Likewise, where the program's arguments are not at hand.
  Mpi() { initialize(nullptr, nullptr); }

  Mpi(const Mpi&) = delete;
  Mpi& operator=(const Mpi&) = delete;

  /// Ends MPI; after a failure, all processes.
  ~Mpi() override {
    if (failed() || std::uncaught_exceptions() > 0) {
      abort();
      return;
    }
    for (Sent& sent : sent_) MPI_Request_free(&sent.request);
    MPI_Comm_free(&world_);
    MPI_Finalize();
  }

  [[nodiscard]] Index rank() const override { return rank_; }
  [[nodiscard]] Index size() const override { return size_; }

  void start(std::span<const std::byte> out, Index to, std::span<std::byte> in,
             Index from) override {
    requests_ = {MPI_REQUEST_NULL, MPI_REQUEST_NULL};
    if (from >= 0) {
      check(MPI_Irecv(in.data(), count(in.size()), MPI_BYTE, static_cast<int>(from), data_tag,
                      world_, requests_.data()));
    }
    if (to >= 0) {
      check(MPI_Isend(out.data(), count(out.size()), MPI_BYTE, static_cast<int>(to), data_tag,
                      world_, &requests_[1]));
    }
  }

  [[nodiscard]] bool progress() override {
    for (int attempt = 0; attempt < 100; ++attempt) {
      int done = 0;
      check(MPI_Testall(2, requests_.data(), &done, MPI_STATUSES_IGNORE));
      if (done != 0) return true;
      std::this_thread::yield();
    }
    return false;
  }

  void tell(Index to, const Notice& notice) override {
    for (int done = 1; done != 0 && !sent_.empty();) {
      MPI_Test(&sent_.front().request, &done, MPI_STATUS_IGNORE);
      if (done != 0) sent_.pop_front();
    }
    Sent& sent = sent_.emplace_back();
    sent.notice = notice;
    MPI_Isend(&sent.notice, static_cast<int>(sizeof(Notice)), MPI_BYTE, static_cast<int>(to),
              notice_tag, world_, &sent.request);
  }

  [[nodiscard]] bool hear(Notice& notice) override {
    int there = 0;
    MPI_Status status;
    check(MPI_Iprobe(MPI_ANY_SOURCE, notice_tag, world_, &there, &status));
    if (there == 0) return false;
    check(MPI_Recv(&notice, static_cast<int>(sizeof(Notice)), MPI_BYTE, status.MPI_SOURCE,
                   notice_tag, world_, MPI_STATUS_IGNORE));
    return true;
  }

 private:
  static constexpr int data_tag = 1;
  static constexpr int notice_tag = 2;

  /// A notice that is under way.
  struct Sent {
    Notice notice;
    MPI_Request request = MPI_REQUEST_NULL;
  };

  void initialize(int* argc, char*** argv) {
    int provided = 0;
    // A rank at work says so from another thread, while this one sends nothing.
    MPI_Init_thread(argc, argv, MPI_THREAD_SERIALIZED, &provided);
    require(provided >= MPI_THREAD_SERIALIZED, "this MPI may be used from one thread only");
    MPI_Comm_dup(MPI_COMM_WORLD, &world_);
    MPI_Comm_set_errhandler(world_, MPI_ERRORS_RETURN);
    MPI_Comm_rank(world_, &rank_);
    MPI_Comm_size(world_, &size_);
  }

  /// Ends all processes, once notices have had time to arrive and others to say what they know.
  [[gnu::cold]] void abort() {
    for (int i = 0; i < 30; ++i) {
      int there = 0;
      MPI_Iprobe(MPI_ANY_SOURCE, notice_tag, world_, &there, MPI_STATUS_IGNORE);
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    MPI_Abort(world_, 1);
  }

  [[nodiscard]] static int count(std::size_t bytes) {
    require(bytes <= INT_MAX, "a message of ", bytes, " bytes is too long for MPI");
    return static_cast<int>(bytes);
  }

  void check(int result) const {
    if (result == MPI_SUCCESS) [[likely]]
      return;
    std::array<char, MPI_MAX_ERROR_STRING> message{};
    int length = 0;
    MPI_Error_string(result, message.data(), &length);
    throw RankError(
        detail::text("rank ", rank(), detail::at_step(step()), ": MPI says: ", message.data()));
  }

  MPI_Comm world_ = MPI_COMM_NULL;
  int rank_ = 0;
  int size_ = 1;
  std::array<MPI_Request, 2> requests_{};
  std::deque<Sent> sent_;
};

}  // namespace nn
