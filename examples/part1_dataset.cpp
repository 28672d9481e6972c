// Part 1: loads the data set of handwritten digits and looks at it from every side.

#include <nn/viz/bars.hpp>
#include <nn/viz/labelled_grid.hpp>
#include <nn/viz/plot.hpp>

#include <cmath>
#include <iostream>

#include "support/classifier.hpp"
#include "support/template.hpp"

namespace {

using example::Metrics;
using nn::Dataset;
using nn::Index;
using nn::Label;

struct Options : example::Flags {};

/// One of the four files of the data set, and the checksum of its uncompressed content as
/// published.
struct PublishedFile {
  std::string name;
  std::string sha256;
};

const std::vector<PublishedFile> mnist_files{
    {"train-images-idx3-ubyte", "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"},
    {"train-labels-idx1-ubyte", "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"},
    {"t10k-images-idx3-ubyte", "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"},
    {"t10k-labels-idx1-ubyte", "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"}};

/// What checking the four files gave.
struct Checks {
  bool original = true;
  Metrics found = Metrics::object();  ///< the checksum of each file
  example::Table table{.caption = "The four files: SHA-256 of their uncompressed content.",
                       .columns = {"file", "SHA-256", "as published"}};
};

Checks check_files(const std::filesystem::path& folder) {
  Checks checks;
  for (const PublishedFile& file : mnist_files) {
    const std::string found = nn::sha256(nn::find_idx(folder, file.name).content());
    const bool same = found == file.sha256;
    checks.original = checks.original && same;
    checks.found[file.name] = found;
    checks.table.rows.push_back(
        {file.name, "`" + found.substr(0, 16) + "…`", same ? "yes" : "**no**"});
  }
  return checks;
}

/// The mean of each pixel over the images of one class, and its standard deviation.
struct Moments {
  nn::Tensor<float> mean;
  nn::Tensor<float> deviation;
};

Moments moments_of(const Dataset& data, Label label) {
  const Index pixels = data.sample_shape().size();
  std::vector<double> sums(static_cast<std::size_t>(pixels));
  std::vector<double> squares(sums.size());
  double count = 0;
  for (Index i = 0; i < data.size(); ++i) {
    if (data.label(i) != label) continue;
    ++count;
    const auto image = data.image(i);
    for (Index p = 0; p < pixels; ++p) {
      const double value = image[p];
      sums[static_cast<std::size_t>(p)] += value;
      squares[static_cast<std::size_t>(p)] += value * value;
    }
  }
  Moments moments{nn::Tensor<float>(data.sample_shape()), nn::Tensor<float>(data.sample_shape())};
  for (Index p = 0; p < pixels; ++p) {
    const double mean = sums[static_cast<std::size_t>(p)] / count;
    const double variance = squares[static_cast<std::size_t>(p)] / count - mean * mean;
    moments.mean[p] = static_cast<float>(mean);
    moments.deviation[p] = static_cast<float>(std::sqrt(std::max(variance, 0.0)));
  }
  return moments;
}

void draw_examples(const Options& options, const Dataset& train) {
  constexpr Index columns = 14;
  std::vector<nn::viz::Image> images;
  for (Label label = 0; label < train.classes(); ++label) {
    const Dataset of_class = nn::images_of_class(train, label);
    for (Index i = 0; i < columns; ++i) images.emplace_back(of_class.image(i));
  }
  nn::viz::write_image_grid(options.out / "examples.png", images, columns,
                            {.row_titles = train.class_names()});
}

/// Draws the mean and the deviation of each class; returns the mean deviation of a pixel, by class.
std::vector<double> draw_moments(const Options& options, const Dataset& train) {
  std::vector<nn::viz::Image> means;
  std::vector<nn::viz::Image> deviations;
  std::vector<double> spread;
  for (Label label = 0; label < train.classes(); ++label) {
    const Moments moments = moments_of(train, label);
    means.push_back(nn::viz::to_image(moments.mean, {0, 255}));
    deviations.push_back(nn::viz::to_image(moments.deviation, {0, 128}));
    spread.push_back(moments.deviation.array().cast<double>().mean());
  }
  means.insert(means.end(), deviations.begin(), deviations.end());
  nn::viz::write_image_grid(
      options.out / "moments.png", means, train.classes(),
      {.row_titles = {"mean", "deviation"}, .column_titles = train.class_names()});
  return spread;
}

void draw_counts(const Options& options, const nn::TrainTest& sets) {
  const auto doubles = [](const std::vector<Index>& counts) {
    return std::vector<double>(counts.begin(), counts.end());
  };
  nn::viz::plot_bars(options.out / "classes.png", sets.train.class_names(),
                     {{.name = "training set", .values = doubles(sets.train.class_counts())},
                      {.name = "test set", .values = doubles(sets.test.class_counts())}},
                     {.title = "Images of each class", .y = {.label = "images"}});
}

/// What the values of all pixels of the training set are like.
struct Pixels {
  std::vector<Index> counts = std::vector<Index>(256);
  double mean = 0;
  double deviation = 0;
  double black = 0;  ///< share of pixels with value 0
  double grey = 0;   ///< share of pixels between 1 and 254
};

Pixels pixels_of(const Dataset& data) {
  Pixels pixels;
  for (Index i = 0; i < data.size(); ++i) {
    for (const std::uint8_t value : data.image(i)) ++pixels.counts[value];
  }
  double all = 0;
  double squares = 0;
  for (std::size_t value = 0; value < pixels.counts.size(); ++value) {
    const auto count = static_cast<double>(pixels.counts[value]);
    all += count;
    pixels.mean += count * static_cast<double>(value);
    squares += count * static_cast<double>(value * value);
  }
  pixels.mean /= all;
  pixels.deviation = std::sqrt(squares / all - pixels.mean * pixels.mean);
  pixels.black = static_cast<double>(pixels.counts.front()) / all;
  pixels.grey = 1 - pixels.black - static_cast<double>(pixels.counts.back()) / all;
  return pixels;
}

void draw_pixels(const Options& options, const Pixels& pixels) {
  std::vector<double> values;
  std::vector<double> counts;
  for (std::size_t value = 0; value < pixels.counts.size(); ++value) {
    values.push_back(static_cast<double>(value));
    counts.push_back(static_cast<double>(pixels.counts[value]));
  }
  nn::viz::plot_curves(
      options.out / "pixels.png",
      {{.name = "pixels", .x = values, .y = counts, .style = nn::viz::CurveStyle::steps}},
      {.title = "How often each pixel value occurs in the training set",
       .x = {.label = "pixel value", .min = 0.0, .max = 255.0},
       .y = {.label = "pixels", .logarithmic = true}});
}

/// Each class in both sets.
Metrics class_findings(const nn::TrainTest& sets) {
  const std::vector<Index> train = sets.train.class_counts();
  const std::vector<Index> test = sets.test.class_counts();
  const auto share = [](Index part, Index all) {
    return static_cast<double>(part) / static_cast<double>(all);
  };
  Metrics rows = Metrics::array();
  for (std::size_t k = 0; k < train.size(); ++k) {
    rows.push_back({{"name", sets.train.class_names()[k]},
                    {"training", train[k]},
                    {"training_share", share(train[k], sets.train.size())},
                    {"test", test[k]},
                    {"test_share", share(test[k], sets.test.size())}});
  }
  return {{"count", train.size()}, {"rows", rows}};
}

/// What the page says beside the metrics.
Metrics findings_of(const nn::TrainTest& sets, const Pixels& pixels,
                    const std::vector<double>& spread) {
  const std::vector<Index> counts = sets.train.class_counts();
  const auto [fewest, most] = std::minmax_element(counts.begin(), counts.end());
  const auto [steady, varied] = std::minmax_element(spread.begin(), spread.end());
  const auto name = [&](auto begin, auto place) {
    return sets.train.class_names()[static_cast<std::size_t>(place - begin)];
  };
  const auto often = static_cast<double>(*most);
  return {{"classes", class_findings(sets)},
          {"fewest", {{"name", name(counts.begin(), fewest)}, {"images", *fewest}}},
          {"most",
           {{"name", name(counts.begin(), most)},
            {"images", *most},
            {"more", often / static_cast<double>(*fewest) - 1},
            {"share", often / static_cast<double>(sets.train.size())}}},
          {"steady", {{"name", name(spread.begin(), steady)}, {"spread", *steady}}},
          {"varied", {{"name", name(spread.begin(), varied)}, {"spread", *varied}}},
          {"grey_share", pixels.grey}};
}

void study(const Options& options) {
  const std::filesystem::path folder = example::dataset_folder(options.data, "mnist");
  const nn::TrainTest sets = nn::load_mnist(folder);
  const Checks checks = check_files(folder);
  draw_examples(options, sets.train);
  const std::vector<double> spread = draw_moments(options, sets.train);
  draw_counts(options, sets);
  const Pixels pixels = pixels_of(sets.train);
  draw_pixels(options, pixels);

  Metrics values;
  values["dataset"] = "mnist";
  values["original"] = checks.original;
  values["sha256"] = checks.found;
  values["learning_base"] = sets.train.size();
  values["test_base"] = sets.test.size();
  values["learning_base_counts"] = sets.train.class_counts();
  values["test_base_counts"] = sets.test.class_counts();
  values["pixel_mean"] = pixels.mean;
  values["pixel_deviation"] = pixels.deviation;
  values["black_share"] = pixels.black;
  values["mean_deviation_by_class"] = spread;
  example::write_metrics(options.out, values);

  values.update(findings_of(sets, pixels, spread));
  example::Page page = example::page_of("part1_dataset", values, {{"files", checks.table}});
  example::add_facts(page, options, sets.train);
  page.write(options.out);
  std::cout << (checks.original ? "the data set is the original"
                                : "the data set is NOT the original")
            << "\npage: " << (options.out / "index.html").string() << '\n';
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  example::CommandLine line("part1_dataset", "Looks at the data set of handwritten digits.",
                            options);
  return example::run_program(line, argc, argv, [&] { study(options); });
}
