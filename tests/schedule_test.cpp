#include "nn/optim/schedule.hpp"

#include <doctest/doctest.h>

#include <array>

namespace schedule_test {

using doctest::Approx;
using nn::Index;

TEST_CASE("schedules: values by hand") {
  CHECK(nn::constant_schedule()(7, 10) == 1);
  const nn::Schedule step = nn::step_schedule(3, 0.5);
  CHECK(step(0, 10) == 1);
  CHECK(step(2, 10) == 1);
  CHECK(step(3, 10) == 0.5);
  CHECK(step(9, 10) == 0.125);
  const nn::Schedule milestones = nn::milestone_schedule({0.5, 0.75}, 0.1);
  CHECK(milestones(49, 100) == 1);
  CHECK(milestones(50, 100) == 0.1);
  CHECK(milestones(75, 100) == Approx(0.01));
  const nn::Schedule exponential = nn::exponential_schedule(0.0625);
  CHECK(exponential(0, 8) == 1);
  CHECK(exponential(2, 8) == Approx(0.5));
  CHECK(exponential(8, 8) == Approx(0.0625));
  const nn::Schedule linear = nn::linear_schedule(0.2);
  CHECK(linear(0, 8) == 1);
  CHECK(linear(4, 8) == Approx(0.6));
  CHECK(linear(8, 8) == Approx(0.2));
  const nn::Schedule cosine = nn::cosine_schedule();
  CHECK(cosine(0, 12) == 1);
  CHECK(cosine(4, 12) == Approx(0.75));  // cos 60 degrees is a half
  CHECK(cosine(6, 12) == Approx(0.5));
  CHECK(cosine(12, 12) == Approx(0));
  CHECK(nn::cosine_schedule(0.2)(6, 12) == Approx(0.6));
}

TEST_CASE("schedules: one cycle") {
  // Python, after PyTorch's OneCycleLR(max_lr=1, total_steps=20): from math import *
  // a = lambda x, y, p: y + (x - y) / 2 * (cos(pi * p) + 1)
  // [a(1/25, 1, s / 5) if s <= 5 else a(1, 1/25e4, (s - 5) / 14) for s in range(20)]
  const std::array expected{0.040000000000000036,
                            0.1316718427000253,
                            0.3716718427000253,
                            0.6683281572999747,
                            0.9083281572999747,
                            1.0,
                            0.9874640062350873,
                            0.9504846320134737,
                            0.89091617757105,
                            0.8117456539497631,
                            0.7169430017913008,
                            0.6112620219362893,
                            0.500002,
                            0.38874197806371075,
                            0.28306099820869923,
                            0.18825834605023697,
                            0.10908782242895004,
                            0.049519367986526286,
                            0.012539993764912554,
                            4e-06};
  const nn::Schedule schedule = nn::one_cycle_schedule();
  for (std::size_t step = 0; step < expected.size(); ++step) {
    CAPTURE(step);
    CHECK(std::abs(schedule(static_cast<Index>(step), 20) - expected[step]) < 1e-14);
  }
  for (Index steps = 1; steps < 6; ++steps) {  // too short for a cycle, but no 0 / 0
    for (Index step = 0; step < steps; ++step) CHECK(std::isfinite(schedule(step, steps)));
  }
}

TEST_CASE("schedules: warm-up") {
  const nn::Schedule schedule = nn::warm_up_schedule(4, nn::linear_schedule());
  CHECK(schedule(0, 14) == 0.25);
  CHECK(schedule(3, 14) == 1);
  CHECK(schedule(4, 14) == 1);
  CHECK(schedule(9, 14) == Approx(0.5));
  CHECK(nn::warm_up_schedule(0)(0, 10) == 1);
  CHECK(std::isfinite(nn::warm_up_schedule(10, nn::cosine_schedule())(4, 5)));
}

TEST_CASE("schedules: settings that make no sense") {
  CHECK_THROWS_AS((void)nn::step_schedule(0), nn::Error);
  CHECK_THROWS_AS((void)nn::exponential_schedule(0), nn::Error);
  CHECK_THROWS_AS((void)nn::one_cycle_schedule({.warm_up = 1}), nn::Error);
  CHECK_THROWS_AS((void)nn::warm_up_schedule(-1), nn::Error);
}

}  // namespace schedule_test
