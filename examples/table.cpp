// A table in a CSV file: a network tells the species of penguins from measurements with gaps, and
// another their mass in grams.

#include <nn/data/csv.hpp>
#include <nn/data/feature_scaling.hpp>
#include <nn/data/table_dataset.hpp>
#include <nn/nn.hpp>
#include <nn/train/regression_metrics.hpp>

#include <cstdlib>
#include <iostream>

namespace {

/// A training and a test set: what is missing, and how features are scaled, is learned from the
/// first alone.
struct Parts {
  nn::TensorDataset train;
  nn::TensorDataset test;

  Parts(const nn::Table& table, const nn::TableColumns& columns) {
    const auto rows =
        nn::split_indices(nn::table_dataset(table, columns), {{0.7, 0.3}}, {.seed = 1});
    const nn::Table training_rows = table.subset(rows[0]);
    const nn::TableEncoding encoding(training_rows, columns);
    train = nn::table_dataset(training_rows, encoding);
    test = nn::table_dataset(table.subset(rows[1]), encoding);
    const auto scaling = nn::standardization_of(train.inputs());
    train = train.with_inputs(scaling.applied(train.inputs()));
    test = test.with_inputs(scaling.applied(test.inputs()));
  }
};

/// Bill, flipper, island and sex: with the mean for what was not measured, and a category of its
/// own for the sex that is not known.
std::vector<nn::TableColumn> features() {
  return {nn::number_column("bill_length_mm", nn::Missing::mean),
          nn::number_column("bill_depth_mm", nn::Missing::mean),
          nn::number_column("flipper_length_mm", nn::Missing::mean), nn::category_column("island"),
          nn::filled_category_column("sex", "unknown")};
}

/// Which species is it?
void classify(const nn::Table& table) {
  const Parts parts(table, {features(), {nn::category_column("species")}});
  nn::Model model(nn::sequential(nn::Dense{16}, nn::ReLU{}, nn::Dense{parts.train.classes()}),
                  parts.train.sample_shape(), {.seed = 1});
  const nn::SoftmaxCrossEntropy loss{.class_weights =
                                         nn::balanced_class_weights(parts.train.class_counts())};
  nn::fit(model, parts.train, loss, nn::Adam{.learning_rate = 0.01F},
          {.epochs = 40, .batch_size = 16, .seed = 1});
  const double accuracy = nn::accuracy(model, parts.test);
  std::cout << "Species: " << 100 * accuracy << " % of " << parts.test.size()
            << " penguins of the test set are recognised.\n";
  nn::require(accuracy >= 0.97, "expected 97 % at least");
}

/// How heavy is it?
void estimate(const nn::Table& table) {
  auto given = features();
  given.push_back(nn::category_column("species"));
  const Parts parts(table, {given, {nn::number_column("body_mass_g", nn::Missing::median)}});
  const auto scaling = nn::standardization_of(parts.train.targets());
  const auto train = parts.train.with_targets(scaling.applied(parts.train.targets()));
  nn::Model model(nn::sequential(nn::Dense{16}, nn::Tanh{}, nn::Dense{1}), train.sample_shape(),
                  {.seed = 1});
  nn::fit(model, train, nn::MeanSquaredError{}, nn::Adam{.learning_rate = 0.01F},
          {.epochs = 40, .batch_size = 16, .seed = 1});
  const auto grams = scaling.undone(nn::predict(model, parts.test));
  const auto metrics = nn::regression_metrics(grams, parts.test.targets());
  std::cout << "Mass: off by " << metrics.mean_absolute_error << " g in the mean, "
            << metrics.root_mean_squared_error << " g root mean square; R^2 " << metrics.r_squared
            << ".\n";
  nn::require(metrics.r_squared >= 0.8, "expected an R^2 of 0.8 at least");
}

}  // namespace

int main() {
  try {
    const nn::Table table = nn::read_csv(NN_TABLES "/penguins.csv");
    std::cout << table.size() << " penguins, of which " << table.columns() << " things are known\n";
    classify(table);
    estimate(table);
    return EXIT_SUCCESS;
  } catch (const nn::Error& error) {
    std::cerr << "table: " << error.what() << '\n';
    return EXIT_FAILURE;
  }
}
