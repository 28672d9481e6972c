// What a training leaves in files while it runs: a table, and the best network so far.
#include <doctest/doctest.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "blobs.hpp"
#include "nn/io/save_best.hpp"
#include "nn/layers/dense.hpp"
#include "nn/layers/flatten.hpp"
#include "nn/losses/softmax_cross_entropy.hpp"
#include "nn/optim/sgd.hpp"
#include "nn/train/csv_log.hpp"
#include "nn/train/fit.hpp"

namespace training_files_test {

using namespace nn;  // NOLINT

auto make_model() { return Model(sequential(Flatten{}, Dense{3}), {6, 6, 1}, {.seed = 1}); }

/// A folder that is gone at the end.
class Folder {
 public:
  Folder()
      : path_(std::filesystem::temp_directory_path() /
              detail::text("nn-training-",
                           std::chrono::steady_clock::now().time_since_epoch().count())) {
    std::filesystem::create_directories(path_);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::string file(const char* name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

std::vector<std::vector<std::string>> table_in(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::vector<std::string>> table;
  for (std::string line; std::getline(file, line);) {
    std::vector<std::string> cells(1);
    for (const char c : line) {
      if (c == ',') {
        cells.emplace_back();
      } else {
        cells.back() += c;
      }
    }
    table.push_back(cells);
  }
  return table;
}

TEST_CASE("a training's table has every epoch, as soon as it is over") {
  const Folder folder;
  const Dataset data = blobs(40, 1);
  auto model = make_model();
  std::vector<std::size_t> lines;
  Callback look;
  look.on_epoch = [&](EpochReport& /*report*/) {
    lines.push_back(table_in(folder.file("log.csv")).size());
  };
  FitOptions options{.epochs = 3, .batch_size = 20};
  options.callbacks = {csv_log(folder.file("log.csv")), look};
  const History history = fit(model, data, SoftmaxCrossEntropy{}, SGD{}, options);
  CHECK(lines == std::vector<std::size_t>{2, 3, 4});
  const auto table = table_in(folder.file("log.csv"));
  CHECK(table[0] == std::vector<std::string>{"epoch", "steps", "loss", "accuracy",
                                             "validation_loss", "validation_accuracy",
                                             "learning_rate", "seconds", "images_per_second"});
  for (std::size_t i = 0; i < 3; ++i) {
    const std::vector<std::string>& cells = table[i + 1];
    REQUIRE(cells.size() == 9);
    CHECK(cells[0] == std::to_string(i + 1));
    CHECK(cells[1] == std::to_string(2 * (i + 1)));
    CHECK(std::strtod(cells[2].c_str(), nullptr) == history.epochs[i].loss);
    CHECK(std::strtod(cells[3].c_str(), nullptr) == history.epochs[i].accuracy);
    CHECK(cells[4].empty());  // nothing was validated
    CHECK(cells[6] == "0.01");
  }
  // The same callback for another training: a new table.
  auto again = make_model();
  options.epochs = 1;
  (void)fit(again, data, SoftmaxCrossEntropy{}, SGD{}, options);
  CHECK(table_in(folder.file("log.csv")).size() == 2);
}

TEST_CASE("a training that goes on goes on with its table, without gaps or doubles") {
  const Folder folder;
  const Dataset data = blobs(40, 1);
  const auto train = [&](Index epochs, bool fails) {
    auto model = make_model();
    FitOptions options{.epochs = epochs, .batch_size = 20};
    options.checkpoint = folder.file("checkpoint");
    Callback fail;
    fail.on_epoch = [=](EpochReport& report) {
      if (fails && report.record.epoch == 3) throw Error("power cut");
    };
    options.callbacks = {csv_log(folder.file("log.csv")), fail};
    return fit(model, data, SoftmaxCrossEntropy{}, SGD{}, options);
  };
  // The third epoch is in the table, but not in the checkpoint.
  CHECK_THROWS_WITH_AS(train(5, true), "power cut", Error);
  CHECK(table_in(folder.file("log.csv")).size() == 4);
  const History history = train(5, false);
  const auto table = table_in(folder.file("log.csv"));
  REQUIRE(table.size() == 6);
  for (std::size_t i = 0; i < 5; ++i) {
    CHECK(table[i + 1][0] == std::to_string(i + 1));
    CHECK(std::strtod(table[i + 1][2].c_str(), nullptr) == history.epochs[i].loss);
  }
}

TEST_CASE("a table that cannot be written ends the training") {
  const Folder folder;
  auto model = make_model();
  FitOptions options{.epochs = 1, .batch_size = 20};
  options.callbacks = {csv_log(folder.file("missing/log.csv"))};
  CHECK_THROWS_AS((void)fit(model, blobs(40, 1), SoftmaxCrossEntropy{}, SGD{}, options), FileError);
}

TEST_CASE("the best network so far is in the file, averaged weights as they were measured") {
  const Folder folder;
  const Dataset train = blobs(40, 1);
  const Dataset test = blobs(40, 2);
  auto model = make_model();
  std::vector<std::vector<float>> weights;
  Callback note;
  note.on_epoch = [&](EpochReport& /*report*/) {
    weights.emplace_back(model.parameters().begin(), model.parameters().end());
  };
  // Uphill from the fifth epoch on.
  FitOptions options{.epochs = 12, .batch_size = 8, .validation = &test, .average_decay = 0.5};
  options.schedule = [](Index step, Index /*steps*/) { return step < 20 ? 1.0 : -1.0; };
  options.callbacks = {save_best(model, folder.file("best.safetensors")), note};
  const History history =
      fit(model, train, SoftmaxCrossEntropy{}, SGD{.learning_rate = 0.1}, options);
  const Index best = history.best();
  CAPTURE(best);
  CHECK(best + 1 < 12);  // else nothing would be shown
  auto loaded = make_model();
  load(loaded, folder.file("best.safetensors"));
  CHECK(std::vector<float>(loaded.parameters().begin(), loaded.parameters().end()) ==
        weights[static_cast<std::size_t>(best)]);
  CHECK(evaluate(loaded, test, SoftmaxCrossEntropy{}).loss ==
        history.epochs[static_cast<std::size_t>(best)].validation_loss);
}

}  // namespace training_files_test
