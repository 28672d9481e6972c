#include "nn/viz/plot.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "nn/viz/heat_map.hpp"
#include "nn/viz/history.hpp"
#include "nn/viz/image.hpp"
#include "nn/viz/labelled_grid.hpp"
#include "nn/viz/probabilities.hpp"

namespace viz_plot_test {

namespace {

namespace fs = std::filesystem;
using namespace nn;       // NOLINT
using namespace nn::viz;  // NOLINT

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

/// A folder of its own for a test, removed at the end.
struct Folder {
  fs::path path = fs::temp_directory_path() / "nn_viz_plot_test";
  Folder() {
    fs::remove_all(path);
    fs::create_directories(path);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { fs::remove_all(path); }

  [[nodiscard]] Index files() const {
    return std::distance(fs::directory_iterator(path), fs::directory_iterator());
  }
};

/// The number of pixels of about the given colour.
Index pixels_of(const Image& image, Colour colour) {
  Index count = 0;
  for (Index y = 0; y < image.height(); ++y) {
    for (Index x = 0; x < image.width(); ++x) {
      const Colour c = image.at(y, x);
      const int distance = std::abs(c.red - colour.red) + std::abs(c.green - colour.green) +
                           std::abs(c.blue - colour.blue);
      if (distance < 12) ++count;
    }
  }
  return count;
}

const std::vector<std::string> digits{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};

}  // namespace

TEST_CASE("curves are drawn in the theme's colours, with their numbers beside the picture") {
  const Folder folder;
  const fs::path path = folder.path / "loss.png";
  plot_curves(
      path,
      {{.name = "training set", .x = {1, 2, 3}, .y = {0.5, 0.25, 0.125}},
       {.name = "test, set", .x = {1, 2, 3}, .y = {0.6, 0.4, not_a_number}, .spread = {0.1, 0, 0}}},
      {.x = {.label = "epoch"}, .y = {.label = "loss"}});
  const Image image = read_image(path);
  CHECK(image.width() == 1280);
  CHECK(image.height() == 800);
  CHECK(pixels_of(image, series_colours[0]) > 1000);
  CHECK(pixels_of(image, series_colours[1]) > 500);
  CHECK(pixels_of(image, white) > image.width() * image.height() / 2);
  CHECK(read_file(folder.path / "loss.csv") ==
        "series,epoch,loss,spread\n"
        "training set,1,0.5,\ntraining set,2,0.25,\ntraining set,3,0.125,\n"
        "\"test, set\",1,0.6,0.1\n\"test, set\",2,0.4,0\n\"test, set\",3,,0\n");
  CHECK(folder.files() == 2);
}

TEST_CASE("the same numbers give the same bytes") {
  const Folder folder;
  for (const char* extension : {".png", ".svg"}) {
    const fs::path first = folder.path / ("a" + std::string(extension));
    const fs::path second = folder.path / ("b" + std::string(extension));
    const std::vector<Curve> curves{{.x = {1, 2, 3}, .y = {3, 2, 2.5}}};
    plot_curves(first, curves);
    plot_curves(second, curves);
    CHECK(read_file(first) == read_file(second));
  }
}

TEST_CASE("nothing in a text reaches a shell or changes the figure's commands") {
  const Folder folder;
  const fs::path witness = folder.path / "witness";
  const std::string touch = "touch " + witness.string();
  const std::vector<std::string> attacks{
      "`" + touch + "`",
      "$(" + touch + ")",
      "'; system('" + touch + "'); '",
      "\"; system \"" + touch + "\"; \"",
      "x\nsystem('" + touch + "')\n",
      "EOD\n! " + touch,
      "@name ${x} %s %d %n 50 % {/=40 a}_b^c&{d} \\",
  };
  for (const std::string& text : attacks) {
    CAPTURE(text);
    const FigureOptions options{.title = text,
                                .x = {.label = text},
                                .y = {.label = text},
                                .lines = {{.at = 1, .label = text}}};
    CHECK_NOTHROW(plot_curves(folder.path / "a.svg",
                              {{.name = text, .x = {1, 2}, .y = {1, 2}}, {.x = {1}, .y = {2}}},
                              options));
    CHECK_NOTHROW(plot_bars(folder.path / "b.svg", {text},
                            {{.name = text, .values = {1}, .labels = {text}}, {.values = {2}}},
                            options));
    CHECK_NOTHROW(plot_heat_map(folder.path / "c.svg", std::vector<double>{1}, {text}, {text},
                                {.title = text, .row_label = text, .column_label = text}));
    CHECK(!fs::exists(witness));
  }
  plot_curves(folder.path / "a.svg", {{.x = {1, 2}, .y = {1, 2}}}, {.title = "it's_{a} <b> & 5 %"});
  CHECK(read_file(folder.path / "a.svg").find("it's_{a} &lt;b> &amp; 5 %") != std::string::npos);
}

TEST_CASE("a path with spaces, quotes and a leading bar is only a path") {
  const Folder folder;
  const fs::path before = fs::current_path();
  fs::current_path(folder.path);
  CHECK_NOTHROW(plot_curves("|touch it's $HOME.png", {{.x = {1, 2}, .y = {1, 2}}}, {.csv = false}));
  fs::current_path(before);
  CHECK(folder.files() == 1);
  CHECK(fs::exists(folder.path / "|touch it's $HOME.png"));
}

TEST_CASE("curves that cannot be shown leave an empty figure, not an error") {
  const Folder folder;
  const fs::path path = folder.path / "a.png";
  for (const bool logarithmic : {false, true}) {
    const FigureOptions options{.x = {.logarithmic = logarithmic},
                                .y = {.logarithmic = logarithmic, .percent = true}};
    CHECK_NOTHROW(plot_curves(path, {{.x = {1, 2}, .y = {not_a_number, infinity}}}, options));
    CHECK_NOTHROW(plot_curves(path, {{}}, options));
    CHECK_NOTHROW(plot_curves(path, {{.x = {0, 0}, .y = {0, 0}}}, options));
    CHECK_NOTHROW(plot_curves(path, {{.x = {5}, .y = {3}}}, options));
    CHECK_NOTHROW(plot_curves(path, {{.x = {-1, 1e-9, 1e9}, .y = {-1, 1e-12, 1e12}}}, options));
  }
}

TEST_CASE("reference lines are drawn, and axes make room for them") {
  const Folder folder;
  const fs::path path = folder.path / "a.png";
  const std::vector<Curve> curves{{.x = {1, 2}, .y = {10, 11}}};
  plot_curves(path, curves);
  const Index without = pixels_of(read_image(path), faint_colour);
  for (const bool vertical : {false, true}) {
    plot_curves(path, curves, {.lines = {{.at = 5.5, .label = "", .vertical = vertical}}});
    CHECK(pixels_of(read_image(path), faint_colour) > without + 300);
    CHECK_NOTHROW(plot_curves(path, curves,
                              {.lines = {{.at = not_a_number, .label = "x", .vertical = vertical},
                                         {.at = -1, .label = "y", .vertical = vertical}}}));
  }
}

TEST_CASE("the label of a horizontal line stands beside the plot, not on the curves") {
  const Folder folder;
  const fs::path path = folder.path / "a.svg";
  const auto label_at = [&](bool vertical) {
    plot_curves(path, {{.x = {1, 2}, .y = {10, 11}}},
                {.lines = {{.at = vertical ? 1.1 : 10.5, .label = "guess", .vertical = vertical}}});
    const std::string svg = read_file(path);
    const std::size_t text = svg.find("guess");
    REQUIRE(text != std::string::npos);
    const std::size_t place = svg.rfind("translate(", text);
    REQUIRE(place != std::string::npos);
    return std::stod(svg.substr(place + 10));
  };
  const double plot_ends = 640 - 80;  // five letters and a margin take less
  CHECK(label_at(false) > plot_ends);
  CHECK(label_at(true) < plot_ends);
}

TEST_CASE("points at the ends of an axis are whole") {
  viz::detail::Extent extent{Axis{}};
  extent.add(10);
  extent.add(20);
  extent.widen(0.02);
  CHECK(extent.low() == doctest::Approx(9.8));
  CHECK(extent.high() == doctest::Approx(20.2));
}

TEST_CASE("a missing gnuplot is named, with the way to get it, and nothing is left behind") {
  const Folder folder;
  const std::string before = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe)
  setenv("PATH", folder.path.c_str(), 1);          // NOLINT(concurrency-mt-unsafe)
  std::string message;
  try {
    plot_curves(folder.path / "a.png", {{.x = {1}, .y = {1}}});
  } catch (const Error& error) {
    message = error.what();
  }
  setenv("PATH", before.c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
  CHECK(message == "gnuplot not found: apt-get install gnuplot-nox");
  CHECK(folder.files() == 0);
}

TEST_CASE("figures that cannot be meant are refused") {
  const Folder folder;
  const fs::path path = folder.path / "a.png";
  CHECK_THROWS_AS(plot_curves(path, {}), Error);
  CHECK_THROWS_WITH_AS(plot_curves(path, {{.name = "rate", .x = {1}, .y = {}}}),
                       "the curve \"rate\" has 1 x for 0 y", Error);
  CHECK_THROWS_AS(plot_curves(path, {{.x = {1}, .y = {1}, .spread = {1, 2}}}), Error);
  CHECK_THROWS_AS(plot_curves(path, {{.x = {1}, .y = {1}}}, {.x = {.min = 2, .max = 1}}), Error);
  CHECK_THROWS_AS(plot_curves(path, {{.x = {1}, .y = {1}}}, {.x = {.logarithmic = true, .min = 0}}),
                  Error);
  CHECK_THROWS_AS(plot_curves(folder.path / "a.gif", {{.x = {1}, .y = {1}}}), Error);
  CHECK_THROWS_AS(plot_curves(folder.path / "none" / "a.png", {{.x = {1}, .y = {1}}}), FileError);
  CHECK_THROWS_AS(plot_bars(path, {}, {}), Error);
  CHECK_THROWS_AS(plot_bars(path, {"a", "b"}, {{.values = {1}}}), Error);
  CHECK_THROWS_AS(plot_histogram(path, {}), Error);
  CHECK_THROWS_AS(plot_histogram(path, {{.values = {1}}}, {}, 0), Error);
  CHECK_THROWS_AS(plot_heat_map(path, std::vector<double>{1, 2, 3}, {"a", "b"}, {"c", "d"}), Error);
  CHECK_THROWS_AS(plot_confusion_matrix(path, std::vector<Index>{1, 2, 3}, {"a", "b"}), Error);
  CHECK_THROWS_AS(plot_predictions(path, {}), Error);
  CHECK_THROWS_AS(plot_predictions(path, std::vector<Prediction>{{Image(2, 2, 1), {}}}), Error);
  CHECK_THROWS_AS(plot_predictions(path, std::vector<Prediction>{{Image(2, 2, 1), {1.0F}, 1}}),
                  Error);
  CHECK(folder.files() == 0);
}

TEST_CASE("bars are as high as their values") {
  const Folder folder;
  const fs::path path = folder.path / "bars.png";
  plot_bars(path, {"one", "two"},
            {{.name = "a", .values = {1, 3}}, {.name = "b", .values = {1, 1}, .spread = {0, 0.5}}});
  const Image image = read_image(path);
  const auto blue = static_cast<double>(pixels_of(image, series_colours[0]));
  const auto orange = static_cast<double>(pixels_of(image, series_colours[1]));
  CHECK(blue / orange == doctest::Approx(2).epsilon(0.1));
  CHECK(read_file(folder.path / "bars.csv") ==
        "category,series,value,spread\none,a,1,\ntwo,a,3,\none,b,1,0\ntwo,b,1,0.5\n");
}

TEST_CASE("a histogram counts every finite value once") {
  const std::vector<double> edges{0, 1, 2, 3};
  const std::vector<double> values{-5, 0, 0.5, 1, 1.99, 3, 7, not_a_number, infinity};
  CHECK(viz::detail::counts_between(values, edges) == std::vector<double>{3, 2, 2});

  viz::detail::Extent extent(Axis{.logarithmic = true});
  for (const double value : {0.0, -1.0, 0.01, 100.0}) extent.add(value);
  const auto ratios = viz::detail::bin_edges(Axis{.logarithmic = true}, extent, 4);
  REQUIRE(ratios.size() == 5);
  CHECK(ratios[1] == doctest::Approx(0.1));
  CHECK(ratios[3] == doctest::Approx(10));

  const Folder folder;
  plot_histogram(folder.path / "h.png", {{"a", {1, 1, 2, 4}}, {"b", {}}}, {.y = {.percent = true}},
                 3);
  CHECK(read_file(folder.path / "h.csv") ==
        "series,from,to,share\na,1,2,0.5\na,2,3,0.25\na,3,4,0.25\nb,1,2,0\nb,2,3,0\nb,3,4,0\n");
  CHECK_NOTHROW(
      plot_histogram(folder.path / "h.png", {{"one", {5}}}, {.y = {.logarithmic = true}}));
  CHECK_NOTHROW(plot_histogram(folder.path / "h.png", {{"none", {not_a_number}}},
                               {.x = {.logarithmic = true}, .y = {.logarithmic = true}}));
}

TEST_CASE("a confusion matrix has blue cells on its diagonal and orange ones elsewhere") {
  const Folder folder;
  const fs::path path = folder.path / "confusion.png";
  const std::vector<Index> counts{97, 3, 0, 0, 100, 0, 0, 0, 0};
  plot_confusion_matrix(path, counts, {"a", "b", "c"});
  const Image image = read_image(path);
  const Colour right = colour_of(0.85, ColourScale::blues);
  const Colour wrong = colour_of(0.63, ColourScale::oranges);
  CHECK(pixels_of(image, right) >
        8000);  // two cells of 54 x 54 pixels at twice the size, with text
  CHECK(pixels_of(image, wrong) > 4000);
  CHECK(read_file(folder.path / "confusion.csv") == ",a,b,c\na,97,3,0\nb,0,100,0\nc,0,0,0\n");
}

TEST_CASE("a heat map leaves what was not measured grey") {
  const Folder folder;
  const fs::path path = folder.path / "map.png";
  plot_heat_map(path, std::vector<double>{0, 1, not_a_number, 0.5}, {"a", "b"}, {"c", "d"},
                {.min = 0, .max = 1, .decimals = -1, .cell = 50});
  const Image image = read_image(path);
  CHECK(pixels_of(image, {224, 224, 224}) == doctest::Approx(96 * 96).epsilon(0.05));
  CHECK(pixels_of(image, colour_of(1, ColourScale::blues)) ==
        doctest::Approx(96 * 96).epsilon(0.05));
  CHECK(read_file(folder.path / "map.csv") == ",c,d\na,0,1\nb,,0.5\n");
  CHECK_NOTHROW(plot_heat_map(path, std::vector<double>(1, not_a_number), {"a"}, {"b"}));
}

TEST_CASE("predictions show their pictures' pixels, right in blue and wrong in orange") {
  const Folder folder;
  const fs::path path = folder.path / "predictions.png";
  const Colour pink{255, 0, 200};
  const Image picture(28, 28, 3, pink);
  const auto area = [&](Index truth, Colour colour) {
    plot_predictions(path, std::vector<Prediction>{{picture, {0.1F, 0.9F}, truth}});
    return pixels_of(read_image(path), colour);
  };
  CHECK(area(1, pink) == doctest::Approx(208 * 208).epsilon(0.03));
  CHECK(area(1, right_colour) > 2000);
  CHECK(area(1, wrong_colour) == 0);
  CHECK(area(0, wrong_colour) > 2000);
  CHECK(area(0, right_colour) == 0);
}

TEST_CASE("a share below the whole is never shown as 100 %") {
  using viz::detail::percent_text;
  CHECK(percent_text(0.5, 0) == "50 %");
  CHECK(percent_text(0.994, 0) == "99 %");
  CHECK(percent_text(0.996, 0) == "99.6 %");
  CHECK(percent_text(0.9996, 0) == "99.96 %");
  CHECK(percent_text(0.99996, 0) == ">99.99 %");
  CHECK(percent_text(0.99996, 1) == ">99.99 %");
  CHECK(percent_text(0.1234, 1) == "12.3 %");
  CHECK(percent_text(1, 1) == "100 %");
  const Folder folder;
  const fs::path path = folder.path / "predictions.svg";
  plot_predictions(path, std::vector<Prediction>{{Image(1, 1, 1), {0.0004F, 0.9996F}, 0}},
                   {.class_names = {"trouser", "dress"}});
  const std::string svg = read_file(path);
  CHECK(svg.find("99.96 %") != std::string::npos);
  CHECK(svg.find("but is trouser") != std::string::npos);
}

TEST_CASE("a labelled grid shows its pictures' pixels and frames where the layout has them") {
  const Folder folder;
  const fs::path path = folder.path / "grid.png";
  const Colour pink{255, 0, 200};
  const std::vector<Image> images{Image(20, 20, 3, pink), Image(20, 20, 3, black),
                                  Image(10, 20, 3, pink)};
  GridOptions options{.gap = 10, .frames = {Colour{0, 0, 250}}, .frame_width = 4};
  options.text_colour = {0, 90, 0};
  write_image_grid(path, images, 2, options);  // without texts, by the library itself
  CHECK((read_image(path) == image_grid(images, 2, options)));

  options.labels = {"one\ntwo", "three"};
  options.row_titles = {"above", "below"};
  options.column_titles = {"left", "right"};
  write_image_grid(path, images, 2, options);
  const Image grid = read_image(path);
  CHECK(pixels_of(grid, pink) == doctest::Approx(80 * 80 + 40 * 80).epsilon(0.01));
  CHECK(pixels_of(grid, black) == doctest::Approx(80 * 80).epsilon(0.01));
  CHECK(pixels_of(grid, {0, 0, 250}) == doctest::Approx(88 * 88 - 80 * 80).epsilon(0.25));
  CHECK(pixels_of(grid, options.text_colour) > 200);
  CHECK_THROWS_AS(write_image_grid(path, {}, 2), Error);
}

TEST_CASE("an ROC curve bounds its axes and shows the area") {
  const Folder folder;
  for (const bool logarithmic : {false, true}) {
    plot_roc(folder.path / "roc.svg", {{"net", {0, 0.001, 1}, {0.5, 0.9, 1}, 0.98765}},
             {.x = {.logarithmic = logarithmic}});
    CHECK(read_file(folder.path / "roc.svg").find("net (area 0.9877)") != std::string::npos);
  }
}

TEST_CASE("axes write numbers as readers like them") {
  CHECK(viz::detail::power_of_ten(-5) == "10⁻⁵");
  CHECK(viz::detail::power_of_ten(-4) == "0.0001");
  CHECK(viz::detail::power_of_ten(4) == "10000");
  CHECK(viz::detail::power_of_ten(12) == "10¹²");
  CHECK(viz::detail::multiple_of_power(2, -2) == "0.02");
  CHECK(viz::detail::multiple_of_power(5, -6) == "5·10⁻⁶");
  CHECK(viz::detail::in_quotes("it's\n") == R"("it\047s ")");
  CHECK(viz::detail::in_tick_quotes("5 %") == R"("5 %%")");
  CHECK(viz::detail::quoted_colour({0, 114, 178}) == R"("#0072b2")");
  CHECK(viz::detail::quoted_colour({0, 114, 178}, 0.0) == R"("#ff0072b2")");
}

TEST_CASE("numbers in a CSV file read back as they were") {
  Csv csv({"name", "value"});
  csv.add("a \"b\", c", 0.1F);
  csv.add(std::string("x\ny"), 1.0 / 3);
  csv.add("n", not_a_number);
  csv.add("i", Index{-7});
  CHECK(csv.text() ==
        "name,value\n\"a \"\"b\"\", c\",0.1\n\"x\ny\",0.3333333333333333\nn,\ni,-7\n");
  CHECK_THROWS_AS(csv.add(1), Error);
}

TEST_CASE("colours of a scale run from its first to its last") {
  CHECK(colour_of(0, ColourScale::blues) == white);
  CHECK(colour_of(-3, ColourScale::viridis) == Colour{68, 1, 84});
  CHECK(colour_of(1, ColourScale::viridis) == Colour{253, 231, 37});
  CHECK(colour_of(0.5, ColourScale::diverging) == Colour{247, 247, 247});
  CHECK(text_on(white) == text_colour);
  CHECK(text_on({0, 60, 112}) == white);
  const Tensor<float> values({1, 3}, {0.0F, 1.0F, std::numeric_limits<float>::quiet_NaN()});
  const Image map = colour_map(values, {0, 1}, ColourScale::blues);
  CHECK(map.at(0, 0) == white);
  CHECK(map.at(0, 1) == Colour{0, 60, 112});
  CHECK(map.at(0, 2) == Colour{224, 224, 224});
}

TEST_CASE("a class without hits has a pale diagonal cell, and no class a share of nothing") {
  const Folder folder;
  const fs::path path = folder.path / "confusion.png";
  // All of "a" are taken for "b"; "c" never occurs.
  plot_confusion_matrix(path, std::vector<Index>{0, 8, 0, 0, 8, 0, 0, 0, 0}, {"a", "b", "c"});
  const Image image = read_image(path);
  const auto cell = doctest::Approx(108 * 108).epsilon(0.15);  // 54 x 54 at twice the size
  CHECK(pixels_of(image, colour_of(0.15, ColourScale::blues)) / 2 == cell);
  CHECK(pixels_of(image, colour_of(0.85, ColourScale::blues)) == cell);
  CHECK(pixels_of(image, colour_of(0.63, ColourScale::oranges)) == cell);
  // Nothing is NaN: but for greys at the edges of letters, of which gnuplot 6 has a few more.
  CHECK(pixels_of(image, Colour{224, 224, 224}) < 1000);
}

TEST_CASE("a band ends at the floor of the plot, but never above its curve") {
  const Curve curve{.name = "loss", .x = {1, 2}, .y = {0.5, 4}, .spread = {2, 1}};
  CHECK(viz::detail::data_block(curve, 0, {}, 0) ==
        "$curve0 << EOD\nNaN NaN NaN NaN\n1 0.5 0 2.5\n2 4 3 5\nEOD\n");
  // On a logarithmic axis the floor is the least value there is.
  CHECK(viz::detail::data_block(curve, 0, {.y = {.logarithmic = true}}, 0.25) ==
        "$curve0 << EOD\nNaN NaN NaN NaN\n1 0.5 0.25 2.5\n2 4 3 5\nEOD\n");
  CHECK(viz::detail::data_block(curve, 0, {}, 0.75) ==
        "$curve0 << EOD\nNaN NaN NaN NaN\n1 0.5 0.5 2.5\n2 4 3 5\nEOD\n");
}

TEST_CASE("more predictions than a figure has room for: the first are drawn, and it says so") {
  const Folder folder;
  const fs::path path = folder.path / "predictions.svg";
  const std::vector<Prediction> many(300, {Image(1, 1, 1), {0.25F, 0.75F}});
  CHECK(most_predictions(3) == 132);
  plot_predictions(path, many, {.title = "answers"});
  CHECK(read_file(path).find("answers: the first 132 of 300") != std::string::npos);
  plot_predictions(path, std::span(many).first(132), {.title = "answers"});
  CHECK(read_file(path).find("the first") == std::string::npos);
}

TEST_CASE("a history is drawn with what was measured of it") {
  const Folder folder;
  const History history{
      .epochs = {{.epoch = 1, .loss = 0.5, .accuracy = 0.75, .validation_loss = 0.625},
                 {.epoch = 2, .loss = 0.25, .accuracy = 0.875, .validation_loss = 0.5}}};
  plot_history(folder.path / "loss.png", history);
  CHECK(read_file(folder.path / "loss.csv") ==
        "series,epoch,loss,spread\ntraining set,1,0.5,\ntraining set,2,0.25,\n"
        "validation set,1,0.625,\nvalidation set,2,0.5,\n");
  // No validation accuracy was measured.
  plot_history(folder.path / "accuracy.png", history, HistoryFigure::accuracy);
  CHECK(read_file(folder.path / "accuracy.csv") ==
        "series,epoch,accuracy,spread\ntraining set,1,0.75,\ntraining set,2,0.875,\n");
  CHECK_THROWS_WITH_AS(plot_history(folder.path / "none.png", History{}),
                       "a history of 0 epochs without a loss cannot be drawn", Error);
}

}  // namespace viz_plot_test
