#include <doctest/doctest.h>

#include <clocale>
#include <filesystem>
#include <locale>
#include <memory>
#include <optional>
#include <sstream>

#include "nn/core/text_stream.hpp"
#include "nn/data/csv.hpp"
#include "nn/io/safetensors.hpp"
#include "nn/layers/dense.hpp"
#include "nn/layers/flatten.hpp"
#include "nn/train/check_gradients.hpp"
#include "nn/train/checkpoint.hpp"
#include "nn/train/diagnose.hpp"
#include "nn/train/print_progress.hpp"
#include "nn/train/trace.hpp"
#include "nn/viz/bars.hpp"
#include "nn/viz/heat_map.hpp"
#include "nn/viz/plot.hpp"

namespace locale_test {

namespace {

/// Numbers as in German, without an installed locale: 1.234,5.
class Comma final : public std::numpunct<char> {
  [[nodiscard]] char do_decimal_point() const override { return ','; }
  [[nodiscard]] char do_thousands_sep() const override { return '.'; }
  [[nodiscard]] std::string do_grouping() const override { return "\3"; }
};

/// Every new stream has commas, and printf too where the system knows German; until the end of the
/// scope.
class GermanProgram {
 public:
  GermanProgram()
      : c_before_(std::setlocale(LC_ALL, nullptr)),
        before_(std::locale::global(std::locale(std::locale::classic(), new Comma))) {
    std::setlocale(LC_ALL, "de_DE.UTF-8");
  }
  GermanProgram(const GermanProgram&) = delete;
  GermanProgram& operator=(const GermanProgram&) = delete;
  ~GermanProgram() {
    std::locale::global(before_);
    std::setlocale(LC_ALL, c_before_.c_str());
  }

 private:
  std::string c_before_;
  std::locale before_;
};

/// What `make` returns in a program with commas, which is to be what it returns in any other.
template <class Make>
auto same_with_commas(const Make& make) {
  const auto usual = make();
  const GermanProgram german;
  std::ostringstream stream;
  stream << 1234.5;
  CHECK(stream.str() == "1.234,5");  // or this would test nothing
  CHECK(make() == usual);
  return usual;
}

template <class Value>
std::string streamed(const Value& value) {
  std::ostringstream out;  // with the program's locale
  out << value;
  return out.str();
}

nn::Model<nn::Dense> small_model() {
  return nn::Model(nn::Dense{3}, {1500}, nn::ModelOptions{.seed = 1});
}

}  // namespace

TEST_CASE("locale: texts have points") {
  CHECK(same_with_commas([] { return nn::detail::text(1234.5, ' ', 1e-5, ' ', 65536); }) ==
        "1234.5 1e-05 65536");
  CHECK(same_with_commas([] { return nn::detail::fixed(1234567.25, 1); }) == "1234567.2");
  CHECK(same_with_commas([] { return nn::detail::general(0.123456, 3); }) == "0.123");
  CHECK(same_with_commas([] { return nn::detail::scientific(1234.5, 2); }) == "1.23e+03");
  CHECK(nn::detail::general(HUGE_VAL) == "inf");
  CHECK(nn::detail::fixed(-1e300, 2).size() == 305);
  CHECK(same_with_commas([] {
          nn::detail::TextStream out;
          out << 1234.5 << ' ' << 65536;
          return out.str();
        }) == "1234.5 65536");
  CHECK_THROWS_WITH_AS(
      [] {
        const GermanProgram german;
        nn::require(false, "a rate of ", 0.5);
      }(),
      "a rate of 0.5", nn::Error);
}

TEST_CASE("locale: tables are read with points") {
  CHECK(same_with_commas([] {
          return nn::parse_csv("a;b\n1;-1234.5e-1\n", "t.csv", {.separator = ';'}).number(0, 1);
        }) == -123.45);
}

TEST_CASE("locale: a trace is JSON, and tables have points") {
  nn::Trace trace;
  trace.batch = 2000;
  trace.forward_seconds = 0.5;
  trace.rows = {{"0", "Dense{4}", "blocks", 0.00125, 0.5, 12.5, 3.25, 4096}};
  trace.events = {{"Dense{4}", 1234.5, 0.00025, false}};
  CHECK(same_with_commas([&] { return trace.chrome_json(); }).find("\"ts\": 1234500000.000") !=
        std::string::npos);
  CHECK(same_with_commas([&] { return streamed(trace); }).find("1.250 ms") != std::string::npos);
  CHECK(same_with_commas([] {
          return streamed(nn::summary(small_model(), 1024));
        }).find("batches of 1024") != std::string::npos);
  nn::Diagnosis diagnosis;
  diagnosis.first_loss = 2.5;
  diagnosis.steps = 1000;
  CHECK(same_with_commas([&] { return streamed(diagnosis); }).find("after 1000 steps") !=
        std::string::npos);
  CHECK(same_with_commas([] {
          return streamed(nn::GradientCheck{true, 0.5, "element 3"});
        }) == "passed: element 3, relative error 0.5");
}

TEST_CASE("locale: progress has points, in a stream of the user's too") {
  nn::EpochRecord record;
  record.epoch = 1000;
  record.loss = 0.5;
  record.accuracy = 0.875;
  record.validation_loss = 1.25;
  record.validation_accuracy = 0.75;
  record.seconds = 2.5;
  record.images_per_second = 12345;
  CHECK(same_with_commas([&] {
          std::ostringstream out;
          nn::Callback callback = nn::print_progress(out);
          const nn::History history;
          nn::EpochReport report{.record = record, .history = history, .epochs = 2000};
          callback.on_epoch(report);
          return out.str();
        }) ==
        "epoch 1000/2000: loss 0.5, accuracy 87.50 %; validation loss 1.25, accuracy 75.00 %; 2.5 "
        "s, 12345 images/s\n");
}

TEST_CASE("locale: files are the same bytes") {
  const auto model = small_model();
  same_with_commas([&] { return nn::to_safetensors(model).serialize(); });
  nn::Checkpoint checkpoint;
  same_with_commas([&] {
    checkpoint.set("model", model);
    return checkpoint.serialize();
  });
  // What was written without commas is read with them.
  const std::string bytes = nn::to_safetensors(model).serialize();
  const GermanProgram german;
  auto other = nn::Model(nn::Dense{3}, {1500}, nn::ModelOptions{.seed = 2});
  nn::from_safetensors(other, nn::SafetensorsFile::parse(bytes, "a file"));
  CHECK(other.parameters()[4000] == model.parameters()[4000]);
}

TEST_CASE("locale: what gnuplot is given has points") {
  const nn::viz::FigureOptions options{
      .x = {.label = "step", .logarithmic = true},
      .y = {.percent = true, .ticks = {0.125, 1000.5}},
      .lines = {{.at = 0.125, .label = "a"}, {.at = 1500, .label = "b", .vertical = true}},
      .size = {1500, 1100}};
  namespace detail = nn::viz::detail;
  detail::Extent x(options.x);
  x.add(0.5);
  x.add(2500);
  detail::Extent y(options.y);
  y.add(0.25);
  y.add(1234.5);
  const auto commands = same_with_commas([&] {
    return detail::frame_commands(options, x, y, {"one", "another"});
  });
  CHECK(commands.find("1500") != std::string::npos);
  CHECK(commands.find("12.5 %") != std::string::npos);
  const nn::viz::Curve curve{
      .name = "loss", .x = {1000, 2000.5}, .y = {1, 0.5}, .spread = {0.25, 0.125}};
  same_with_commas([&] {
    return detail::data_block(curve, 1000, options, 0) +
           detail::curve_command(curve, 1000, nn::viz::white, false);
  });
  same_with_commas([&] {
    const auto bars = detail::drawn_bars(
        {.name = "rate", .values = {1234.5}, .spread = {0.5}, .labels = {"high"}}, 1000, 3,
        options);
    return bars.data + bars.commands + detail::category_ticks({"one"}, options.size);
  });
  CHECK(same_with_commas([] {
          return detail::terminal("a.png", {1500, 1100});
        }).find("3000,2200") != std::string::npos);
  CHECK(same_with_commas([] { return detail::fixed_text(1234.5, 1); }) == "1234.5");
  CHECK(same_with_commas([] {
          nn::viz::Csv csv({"x", "y"});
          csv.add(1000, 1234.5);
          return csv.text();
        }) == "x,y\n1000,1234.5\n");
}

TEST_CASE("locale: a figure is the same picture") {
  const auto folder =
      std::filesystem::temp_directory_path() / nn::detail::temporary_beside("nn_locale").filename();
  std::filesystem::create_directories(folder);
  same_with_commas([&] {
    nn::viz::plot_curves(folder / "c.svg", {{.name = "loss", .x = {1000, 2500}, .y = {0.125, 3}}});
    return nn::read_file(folder / "c.svg");
  });
  same_with_commas([&] {
    nn::viz::plot_heat_map(folder / "h.svg", std::vector<double>{0.25, 1234.5}, {"a"}, {"b", "c"},
                           {.cell = 1200});
    return nn::read_file(folder / "h.svg");
  });
  std::filesystem::remove_all(folder);
}

}  // namespace locale_test
