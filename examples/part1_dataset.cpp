// Part 1: loads the base of handwritten digits and looks at it from every side.

#include <nn/viz/bars.hpp>
#include <nn/viz/grid.hpp>
#include <nn/viz/image.hpp>
#include <nn/viz/plot.hpp>

#include <cmath>
#include <iostream>

#include "support/classifier.hpp"

namespace {

using nn::Dataset;
using nn::Index;
using nn::Label;

struct Options : example::Flags {};

/// One of the four files of a base, and the checksum of its uncompressed content as published.
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
  example::Metrics found = example::Metrics::object();  ///< the checksum of each file
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
  nn::viz::write_png(options.out / "examples.png",
                     nn::viz::image_grid(images, columns, {.row_titles = train.class_names()}));
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
  nn::viz::write_png(options.out / "moments.png",
                     nn::viz::image_grid(means, train.classes(),
                                         {.row_titles = {"mean", "deviation"},
                                          .column_titles = train.class_names()}));
  return spread;
}

void draw_counts(const Options& options, const nn::TrainTest& base) {
  const auto doubles = [](const std::vector<Index>& counts) {
    return std::vector<double>(counts.begin(), counts.end());
  };
  nn::viz::plot_bars(options.out / "classes.png", base.train.class_names(),
                     {{.name = "learning base", .values = doubles(base.train.class_counts())},
                      {.name = "test base", .values = doubles(base.test.class_counts())}},
                     {.title = "Images of each class", .y = {.label = "images"}});
}

/// What the values of all pixels of the learning base are like.
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
      {.title = "How often each pixel value occurs in the learning base",
       .x = {.label = "pixel value", .min = 0.0, .max = 255.0},
       .y = {.label = "pixels", .logarithmic = true}});
}

example::Table count_table(const nn::TrainTest& base) {
  example::Table table{.caption = "Images of each class in the two bases.",
                       .columns = {"class", "learning base", "share", "test base", "share"}};
  const std::vector<Index> train = base.train.class_counts();
  const std::vector<Index> test = base.test.class_counts();
  const auto share = [](Index part, Index all) {
    return example::percent(static_cast<double>(part) / static_cast<double>(all));
  };
  for (std::size_t k = 0; k < train.size(); ++k) {
    table.rows.push_back({base.train.class_names()[k], example::thousands(train[k]),
                          share(train[k], base.train.size()), example::thousands(test[k]),
                          share(test[k], base.test.size())});
  }
  table.rows.push_back({"together", example::thousands(base.train.size()), "",
                        example::thousands(base.test.size()), ""});
  table.bold_rows = {static_cast<Index>(train.size())};
  return table;
}

void study(const Options& options) {
  const std::filesystem::path folder = example::dataset_folder(options.data, "mnist");
  const nn::TrainTest base = nn::load_mnist(folder);
  const Checks checks = check_files(folder);
  draw_examples(options, base.train);
  const std::vector<double> spread = draw_moments(options, base.train);
  draw_counts(options, base);
  const Pixels pixels = pixels_of(base.train);
  draw_pixels(options, pixels);

  const std::vector<Index> counts = base.train.class_counts();
  const auto [fewest, most] = std::minmax_element(counts.begin(), counts.end());
  const auto [steady, varied] = std::minmax_element(spread.begin(), spread.end());
  const auto name = [&](auto begin, auto place) {
    return base.train.class_names()[static_cast<std::size_t>(place - begin)];
  };

  example::Metrics metrics;
  metrics["dataset"] = "mnist";
  metrics["original"] = checks.original;
  metrics["sha256"] = checks.found;
  metrics["learning_base"] = base.train.size();
  metrics["test_base"] = base.test.size();
  metrics["learning_base_counts"] = counts;
  metrics["test_base_counts"] = base.test.class_counts();
  metrics["pixel_mean"] = pixels.mean;
  metrics["pixel_deviation"] = pixels.deviation;
  metrics["black_share"] = pixels.black;
  metrics["mean_deviation_by_class"] = spread;
  example::write_metrics(options.out, metrics);

  example::Page page("The base of handwritten digits",
                     "What does the base contain that the networks of the next parts learn from?");
  page.key_figures({{example::thousands(base.train.size()), "images to learn from"},
                    {example::thousands(base.test.size()), "images to test with"},
                    {std::to_string(base.train.classes()), "classes"},
                    {"28 × 28", "grey pixels in an image"}});
  page.section("The images")
      .paragraph(
          "MNIST (LeCun, Cortes and Burges, 1998) holds digits written by some 500 employees and "
          "students, each centred in 28x28 pixels from 0 (paper) to 255 (ink).")
      .picture("examples.png", "The first images of each class in the learning base.");
  page.section("The protocol")
      .paragraph(
          "A network is trained on the **learning base** of " +
          example::thousands(base.train.size()) +
          " images alone and judged on the **test "
          "base** of " +
          example::thousands(base.test.size()) +
          " others, by other hands. What is measured on the test base tells what the network "
          "makes of digits it never saw; it stays so only as long as nothing is chosen by it.")
      .table(count_table(base))
      .picture("classes.png", "The number of images of each class.");
  page.conclusion(
      "The classes are nearly but not exactly balanced: the rarest digit of the learning "
      "base is " +
      name(counts.begin(), fewest) + " with " + example::thousands(*fewest) +
      " images, the most frequent " + name(counts.begin(), most) + " with " +
      example::thousands(*most) + ", " +
      example::percent(static_cast<double>(*most) / static_cast<double>(*fewest) - 1, 0) +
      " more. Always answering " + name(counts.begin(), most) + " would be right " +
      example::percent(static_cast<double>(*most) / static_cast<double>(base.train.size()), 1) +
      " of the time: the least that a classifier has to beat.");
  page.section("What the images of a class share")
      .paragraph(
          "The mean image of a class shows what its members have in common, the "
          "standard-deviation image where they differ: bright where some have ink and others "
          "have not.")
      .picture("moments.png",
               "Mean (black 0, white 255) and standard deviation (black 0, white 128) "
               "of each pixel, class by class.");
  page.conclusion("The " + name(spread.begin(), steady) +
                  " varies least (mean deviation of a pixel " + example::fixed(*steady, 1) +
                  "), the " + name(spread.begin(), varied) + " most (" +
                  example::fixed(*varied, 1) +
                  "). The strokes' ends and edges vary, their middle does "
                  "not.");
  page.section("The values of the pixels")
      .paragraph("Most of an image is paper.")
      .picture("pixels.png", "The histogram of the pixel values, on a logarithmic scale.");
  page.conclusion(example::percent(pixels.black, 1) + " of all pixels are 0 and " +
                  example::percent(pixels.grey, 1) + " are neither 0 nor 255. The mean is " +
                  example::fixed(pixels.mean, 2) + ", the standard deviation " +
                  example::fixed(pixels.deviation, 2) +
                  "; networks get (value - mean) / deviation, so that their inputs are of size 1.");
  page.section("Is it the original?").table(checks.table);
  page.conclusion(
      checks.original
          ? "All four files are the published ones, to the last bit."
          : "At least one file is not the published one: results may differ from others'.");
  example::add_facts(page, options, base.train);
  page.write(options.out);
  std::cout << (checks.original ? "the base is the original" : "the base is NOT the original")
            << "\npage: " << (options.out / "index.html").string() << '\n';
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  example::CommandLine line("part1_dataset", "Looks at the base of handwritten digits.", options);
  return example::run_program(line, argc, argv, [&] { study(options); });
}
