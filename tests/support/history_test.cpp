#include "support/history.hpp"

#include <doctest/doctest.h>

#include <initializer_list>
#include <limits>
#include <vector>

namespace {

/// A history of epochs with these losses of the validation set.
nn::History history_of(std::initializer_list<double> losses) {
  nn::History history;
  for (const double loss : losses) {
    nn::EpochRecord record;
    record.epoch = static_cast<nn::Index>(history.epochs.size()) + 1;
    record.validation_loss = loss;
    history.epochs.push_back(record);
  }
  return history;
}

TEST_CASE("the network kept is the best epoch's, or the last's where no loss is a number") {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(example::kept_epoch(history_of({0.5, 0.2, 0.3})) == 2);
  CHECK(example::kept_epoch(history_of({nan, 0.2, 0.3, nan})) == 2);
  CHECK(example::kept_epoch(history_of({nan, nan, nan})) == 3);
}

TEST_CASE("an axis names every epoch of a short training, of a long one the first and each fifth") {
  CHECK(example::epoch_ticks(3) == std::vector<double>{1, 2, 3});
  CHECK(example::epoch_ticks(12).size() == 12);
  CHECK(example::epoch_ticks(13) == std::vector<double>{1, 5, 10});
}

}  // namespace
