#include "support/progress.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include <limits>
#include <sstream>
#include <string>

#include "support/text.hpp"

namespace {

using example::Progress;

/// A stream and a clock that stand still until they are told to move.
struct Stage {
  std::ostringstream out{};
  double now = 100;

  [[nodiscard]] example::ProgressOptions options(bool terminal) {
    return {.steps_per_epoch = 4,
            .images_per_step = 50,
            .label = "cnn",
            .out = &out,
            .terminal = terminal,
            .columns = 80,
            .seconds = [this] { return now; }};
  }
};

}  // namespace

TEST_CASE("without a terminal there is one plain line an epoch") {
  Stage stage;
  {
    Progress progress(8, stage.options(false));
    for (nn::Index step = 1; step <= 8; ++step) {
      stage.now += 10;
      progress.update(step, 1.0 / static_cast<double>(step), 0.5);
    }
  }
  CHECK(stage.out.str() ==
        "cnn  epoch 1/2  loss 0.2500  accuracy 50.00 %  5 images/s  0:40 left\n"
        "cnn  epoch 2/2  loss 0.1250  accuracy 50.00 %  5 images/s  1:20\n");
}

TEST_CASE("speed and time left are those of this run, not of the one that it goes on from") {
  Stage stage;
  Progress progress(12, stage.options(false));
  for (nn::Index step = 5; step <= 8; ++step) {
    stage.now += 10;
    progress.update(step, 1, 0.5);
  }
  CHECK(stage.out.str() ==
        "cnn  epoch 2/3  loss 1.0000  accuracy 50.00 %  5 images/s  0:40 left\n");
}

TEST_CASE("on a terminal the line is rewritten at most ten times a second") {
  Stage stage;
  Progress progress(8, stage.options(true));
  stage.now += 1;
  progress.update(1, 0.5, 0.25);
  const std::string first = stage.out.str();
  CHECK(first.find("\r\x1b[Kcnn  |") == 0);
  CHECK(first.find("epoch 1/2 loss 0.5000 accuracy 25.00 %") != std::string::npos);
  CHECK(first.find('\n') == std::string::npos);
  stage.now += 0.05;
  progress.update(2, 0.5, 0.25);
  CHECK(stage.out.str() == first);
  stage.now += 0.06;
  progress.update(3, 0.5, 0.25);
  CHECK(stage.out.str().size() > first.size());
  progress.update(4, 0.5, 0.25);  // the end of an epoch is always shown, and stays
  CHECK(stage.out.str().back() == '\n');
}

TEST_CASE("on a narrow terminal the bar goes, then the end of the line") {
  for (const nn::Index columns : {60, 20}) {
    Stage stage;
    auto options = stage.options(true);
    options.columns = columns;
    Progress progress(8, options);
    progress.update(1, 0.5, 0.25);
    const std::string line = stage.out.str().substr(4);  // after the rewinding
    CHECK(line.find('|') == std::string::npos);
    CHECK(static_cast<nn::Index>(line.size()) < columns + 1);
  }
}

TEST_CASE("a note does not run into the bar, and the end closes the line once") {
  Stage stage;
  Progress progress(8, stage.options(true));
  progress.update(1, 0.5, 0.25);
  progress.note("test accuracy 98 %");
  CHECK(stage.out.str().find("\r\x1b[Ktest accuracy 98 %\n") != std::string::npos);
  stage.now += 1;
  progress.update(2, 0.5, 0.25);
  progress.finish();
  const std::string text = stage.out.str();
  CHECK(text.back() == '\n');
  progress.finish();
  CHECK(stage.out.str() == text);
}

TEST_CASE("steps without epochs are told in tenths") {
  Stage stage;
  Progress progress(20,
                    {.out = &stage.out, .terminal = false, .seconds = [&] { return stage.now; }});
  for (nn::Index step = 1; step <= 20; ++step) progress.update(step);
  const std::string text = stage.out.str();
  CHECK(std::count(text.begin(), text.end(), '\n') == 10);
  CHECK(text.find("10 %") == 0);
  CHECK(text.find("100 %  0:00") != std::string::npos);
}

TEST_CASE("numbers that do not exist are left out, and odd steps do no harm") {
  Stage stage;
  Progress progress(0,
                    {.out = &stage.out, .terminal = false, .seconds = [&] { return stage.now; }});
  progress.update(-5);
  progress.update(99, std::numeric_limits<double>::quiet_NaN(), 0.5);
  CHECK(stage.out.str() == "100 %  accuracy 50.00 %  0:00\n");
}

TEST_CASE("numbers are written for readers") {
  CHECK(example::thousands(0) == "0");
  CHECK(example::thousands(999) == "999");
  CHECK(example::thousands(1000) == "1,000");
  CHECK(example::thousands(-1234567) == "-1,234,567");
  CHECK(example::percent(0.98765) == "98.77 %");
  CHECK(example::percent(0.99998) == "99.998 %");
  CHECK(example::percent(0.996, 0) == "99.6 %");
  CHECK(example::percent(1) == "100.00 %");
  CHECK(example::percent_with_spread(0.9731, 0.0012) == "97.31 ± 0.12 %");
  CHECK(example::duration(0.04) == "0.0 s");
  CHECK(example::duration(9.99) == "10.0 s");
  CHECK(example::duration(59.9) == "60 s");
  CHECK(example::duration(65) == "1 min 05 s");
  CHECK(example::duration(3725) == "1 h 02 min");
  CHECK(example::counted(1, "image") == "1 image");
  CHECK(example::counted(2000, "image") == "2,000 images");
}
