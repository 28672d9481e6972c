/// @file
/// Ranks that are threads of one process.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "nn/distributed/share_tasks.hpp"
#include "nn/distributed/shared_batches.hpp"

namespace nn {

/// Communicators for threads of one process, each of which is a rank: to try out and to test what
/// runs on several machines, without any.
///
///     nn::ThreadRanks ranks(3);
///     // in thread r: nn::fit(model, train, loss, rule, {.communicator = &ranks[r]});
class ThreadRanks {
 public:
  /// So many ranks.
  /// @throws Error unless there is at least one.
  explicit ThreadRanks(Index size) {
    require(size > 0, "a group of ", size, " ranks");
    post_ = std::make_unique<Post>();
    post_->size = size;
    post_->messages.resize(static_cast<std::size_t>(size * size));
    post_->notices.resize(static_cast<std::size_t>(size));
    for (Index rank = 0; rank < size; ++rank) {
      ranks_.push_back(std::make_unique<Rank>(*post_, rank));
    }
  }

  /// That of rank `rank`, for the one thread that is it.
  [[nodiscard]] Communicator& operator[](Index rank) {
    return *ranks_[static_cast<std::size_t>(rank)];
  }

 private:
  /// What is under way between all ranks.
  struct Post {
    Index size = 0;
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<std::deque<std::vector<std::byte>>> messages;  // from * size + to
    std::vector<std::deque<Notice>> notices;                   // to
  };

  class Rank final : public Communicator {
   public:
    Rank(Post& post, Index rank) : post_(post), rank_(rank) {}
    [[nodiscard]] Index rank() const override { return rank_; }
    [[nodiscard]] Index size() const override { return post_.size; }
    void start(std::span<const std::byte> out, Index to, std::span<std::byte> in,
               Index from) override {
      in_ = in;
      from_ = from;
      if (to < 0) return;
      const std::lock_guard lock(post_.mutex);
      queue(rank_, to).emplace_back(out.begin(), out.end());
      post_.changed.notify_all();
    }
    [[nodiscard]] bool progress() override {
      if (from_ < 0) return true;
      std::unique_lock lock(post_.mutex);
      auto& messages = queue(from_, rank_);
      auto& notices = post_.notices[static_cast<std::size_t>(rank_)];
      post_.changed.wait_for(lock, std::chrono::milliseconds(10),
                             [&] { return !messages.empty() || !notices.empty(); });
      if (messages.empty()) return false;
      const std::vector<std::byte> message = std::move(messages.front());
      messages.pop_front();
      require(message.size() == in_.size(), "rank ", rank_, " expected ", in_.size(),
              " bytes from rank ", from_, ", which sent ", message.size());
      if (!message.empty()) std::memcpy(in_.data(), message.data(), message.size());
      return true;
    }
    void tell(Index to, const Notice& notice) override {
      const std::lock_guard lock(post_.mutex);
      post_.notices[static_cast<std::size_t>(to)].push_back(notice);
      post_.changed.notify_all();
    }
    [[nodiscard]] bool hear(Notice& notice) override {
      const std::lock_guard lock(post_.mutex);
      auto& notices = post_.notices[static_cast<std::size_t>(rank_)];
      if (notices.empty()) return false;
      notice = notices.front();
      notices.pop_front();
      return true;
    }

   private:
    [[nodiscard]] std::deque<std::vector<std::byte>>& queue(Index from, Index to) {
      return post_.messages[static_cast<std::size_t>(from * post_.size + to)];
    }

    Post& post_;
    Index rank_;
    std::span<std::byte> in_;
    Index from_ = -1;
  };

  std::unique_ptr<Post> post_;
  std::vector<std::unique_ptr<Rank>> ranks_;
};

}  // namespace nn
