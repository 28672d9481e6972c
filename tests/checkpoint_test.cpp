#include "nn/train/checkpoint.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "blobs.hpp"
#include "nn/layers/batch_norm.hpp"
#include "nn/layers/dense.hpp"
#include "nn/layers/dropout.hpp"
#include "nn/layers/flatten.hpp"
#include "nn/layers/relu.hpp"
#include "nn/losses/softmax_cross_entropy.hpp"
#include "nn/optim/adam.hpp"
#include "nn/optim/sgd.hpp"
#include "nn/train/fit.hpp"

#ifdef __linux__
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

namespace checkpoint_test {

using nn::Checkpoint;
using nn::Index;

/// A folder of its own that is removed at the end.
class Folder {
 public:
  Folder() {
    static int count = 0;
    // Two copies of the tests may run at once, so the name must not be the same in both.
    const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
    path_ = std::filesystem::temp_directory_path() /
            nn::detail::text("nn-checkpoint-", now, "-", count++);
    std::filesystem::create_directory(path_);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::filesystem::path operator/(const char* name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

/// With all that has a memory: running statistics, dropout, moments.
auto make_model(Index units = 12) {
  return nn::Model(nn::sequential(nn::Flatten{}, nn::Dense{units}, nn::BatchNorm{}, nn::ReLU{},
                                  nn::Dropout{0.25F}, nn::Dense{3}),
                   {6, 6, 1}, {.seed = 3});
}

template <class Model>
std::vector<float> everything(const Model& model) {
  std::vector<float> all(model.parameters().begin(), model.parameters().end());
  all.insert(all.end(), model.state().begin(), model.state().end());
  return all;
}

TEST_CASE("checkpoint: the checksum is CRC-64/XZ") {
  // The check value of the catalogue of parametrised CRC algorithms.
  CHECK(nn::detail::Crc64::of("123456789") == 0x995dc9bbdf1939faU);
  CHECK(nn::detail::Crc64::of("") == 0);
}

TEST_CASE("checkpoint: what is put in comes out") {
  auto model = make_model();
  const nn::Tensor<float> x({4, 6, 6, 1}, 0.5F);
  (void)model.forward(x);
  nn::Tensor<float> dy({4, 3}, 1.0F);
  model.backward(dy);
  nn::Optimizer optimizer(model, nn::Adam{});
  optimizer.step(model);
  optimizer.set_learning_rate(0.25);
  nn::WeightAverage average(model);
  average.update(model);

  Checkpoint checkpoint;
  checkpoint.set("model", model);
  checkpoint.set("optimizer", optimizer);
  checkpoint.set("average", average);
  checkpoint.set("epoch", 7);
  checkpoint.set("note", "as good as new");
  const Folder folder;
  checkpoint.save(folder / "file");

  const Checkpoint loaded = Checkpoint::load(folder / "file");
  auto other = make_model();
  nn::Optimizer other_optimizer(other, nn::Adam{});
  nn::WeightAverage other_average(other);
  loaded.get("model", other);
  loaded.get("optimizer", other_optimizer);
  loaded.get("average", other_average);
  int epoch = 0;
  loaded.get("epoch", epoch);
  CHECK(everything(other) == everything(model));
  CHECK(other.step() == 1);
  CHECK(other_optimizer.steps() == 1);
  CHECK(other_optimizer.learning_rate() == 0.25);
  CHECK(std::equal(optimizer.state().begin(), optimizer.state().end(),
                   other_optimizer.state().begin()));
  CHECK(other_average.updates() == 1);
  CHECK(std::equal(average.parameters().begin(), average.parameters().end(),
                   other_average.parameters().begin()));
  CHECK(epoch == 7);
  CHECK(loaded.text("note") == "as good as new");
  CHECK(loaded.contains("note"));
  CHECK_FALSE(loaded.contains("nothing"));
}

TEST_CASE("checkpoint: what does not fit is refused, and changes nothing") {
  Checkpoint checkpoint;
  checkpoint.set("model", make_model(12));
  auto other = make_model(11);
  const auto before = everything(other);
  CHECK_THROWS_WITH_AS(checkpoint.get("model", other),
                       "the checkpoint was made by another network: it has 1.weight 36x12 where "
                       "this one has 1.weight 36x11",
                       nn::FileError);
  CHECK(everything(other) == before);
  auto same = make_model();
  nn::Optimizer adam(same, nn::Adam{});
  nn::Optimizer sgd(same, nn::SGD{});
  checkpoint.set("optimizer", adam);
  CHECK_THROWS_AS(checkpoint.get("optimizer", sgd), nn::FileError);
  CHECK_THROWS_WITH_AS(checkpoint.get("other", sgd), "the checkpoint holds no 'other.steps'",
                       nn::FileError);
  double wide = 0;
  checkpoint.set("narrow", 1.0F);
  CHECK_THROWS_AS(checkpoint.get("narrow", wide), nn::FileError);
}

TEST_CASE("checkpoint: a broken file is refused wherever it is broken") {
  Checkpoint checkpoint;
  checkpoint.set("a", 1.5);
  checkpoint.set("b", "text");
  const std::string bytes = checkpoint.serialize();
  CHECK_NOTHROW((void)Checkpoint::parse(bytes, "it"));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CAPTURE(size);
    CHECK_THROWS_AS((void)Checkpoint::parse(std::string_view(bytes).substr(0, size), "it"),
                    nn::FileError);
  }
  for (std::size_t place = 0; place < bytes.size(); ++place) {
    CAPTURE(place);
    std::string damaged = bytes;
    damaged[place] = static_cast<char>(damaged[place] ^ 0x40);
    CHECK_THROWS_AS((void)Checkpoint::parse(damaged, "it"), nn::FileError);
  }
  CHECK_THROWS_AS((void)Checkpoint::parse(bytes + "x", "it"), nn::FileError);
  CHECK_THROWS_WITH_AS((void)Checkpoint::parse("\x89PNG...", "it"), "it is not a checkpoint",
                       nn::FileError);
  // Lengths that lie, with a checksum that fits them.
  const std::size_t place = bytes.find('a') - 8;
  for (const std::uint64_t lie : {std::uint64_t{2}, ~std::uint64_t{0}, std::uint64_t{1} << 40U}) {
    std::string lying = bytes;
    std::memcpy(lying.data() + place, &lie, sizeof(lie));
    const std::uint64_t checksum =
        nn::detail::Crc64::of(std::string_view(lying).substr(0, lying.size() - 8));
    std::memcpy(lying.data() + lying.size() - 8, &checksum, sizeof(checksum));
    CHECK_THROWS_AS((void)Checkpoint::parse(lying, "it"), nn::FileError);
  }
  const Folder folder;
  CHECK_THROWS_AS((void)Checkpoint::load(folder / "nothing"), nn::FileError);
  CHECK_THROWS_AS((void)Checkpoint::load(folder / "."), nn::FileError);
}

/// A number as the file holds it.
std::string number(std::uint64_t value) {
  std::string bytes(sizeof(value), '\0');
  std::memcpy(bytes.data(), &value, sizeof(value));
  return bytes;
}

/// What reading a checkpoint whose size and checksum are right says of it: `count` sections are
/// announced, and `content` follows.
std::string refusal(std::uint64_t count, const std::string& content) {
  std::string bytes = Checkpoint().serialize();
  bytes.resize(bytes.size() - 16);  // without the number of sections and the checksum
  const std::string size = number(bytes.size() + 16 + content.size());
  bytes.replace(bytes.size() - 8, 8, size);
  bytes += number(count) + content;
  bytes += number(nn::detail::Crc64::of(bytes));
  try {
    (void)Checkpoint::parse(bytes, "it");
  } catch (const nn::FileError& error) {
    return error.what();
  }
  return "accepted";
}

TEST_CASE("checkpoint: numbers that lie are refused to the byte, whatever the checksum says") {
  const std::string section = number(1) + "a" + number(3) + "xyz";
  CHECK(refusal(1, section) == "accepted");
  CHECK(refusal(0, "") == "accepted");
  CHECK(refusal(1, number(0) + number(0)) == "accepted");  // without a name and without content
  // A content that is said to be longer than it is, by as little as there is: the checksum behind
  // it is no part of it.
  for (const std::uint64_t more : {1U, 7U, 8U, 9U}) {
    CAPTURE(more);
    CHECK(refusal(1, number(1) + "a" + number(3 + more) + "xyz") ==
          nn::detail::text("it is damaged: ", 3 + more, " bytes are announced where 3 are left"));
  }
  CHECK(refusal(1, number(1) + "a" + number(2) + "xyz") == "it is damaged: 1 bytes are left over");
  CHECK(refusal(1, section + std::string(8, '\0')) == "it is damaged: 8 bytes are left over");
  // Nothing is allocated for what is announced: this would be more than there is.
  const std::uint64_t huge = ~std::uint64_t{0};
  const std::string announced = "it is damaged: 18446744073709551615 bytes are announced where ";
  CHECK(refusal(1, number(huge) + "a" + number(3) + "xyz") == announced + "12 are left");
  CHECK(refusal(1, number(1) + "a" + number(huge) + "xyz") == announced + "3 are left");
  CHECK(refusal(1, number(huge - 7) + "a" + number(3) + "xyz").find("it is damaged: ") == 0);
  // More sections than there are, or fewer.
  const std::string over = "it is damaged: 8 bytes are announced where 0 are left";
  CHECK(refusal(2, section) == over);
  CHECK(refusal(huge, section) == over);
  CHECK(refusal(0, section) == "it is damaged: 20 bytes are left over");
  CHECK(refusal(2, section + section) == "it is damaged: it holds 'a' twice");
}

#ifdef __linux__
TEST_CASE("checkpoint: a save that fails leaves the earlier file whole") {
  const Folder folder;
  Checkpoint checkpoint;
  checkpoint.set("number", 1);
  checkpoint.save(folder / "file");
  checkpoint.set("much", std::span<const float>(std::vector<float>(100000)));
  const int child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    // No file may grow beyond 1000 bytes: what a full disk looks like from here.
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{1000, 1000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    try {
      checkpoint.save(folder / "file");
    } catch (const nn::FileError&) {
      ::_exit(42);
    }
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 42);
  int number = 0;
  Checkpoint::load(folder / "file").get("number", number);
  CHECK(number == 1);
  const std::filesystem::directory_iterator files(folder / ".");
  CHECK(std::distance(begin(files), end(files)) == 1);  // nothing is left behind
}
#endif

nn::FitOptions training_options() {
  nn::FitOptions options{.epochs = 4, .batch_size = 20, .seed = 9};
  options.schedule = nn::cosine_schedule();
  options.average_decay = 0.9;
  options.clip_norm = 1;
  options.early_stopping.patience = 3;
  // Augmentation that draws random numbers.
  options.augmentation = [](nn::TensorView<float> image, nn::ImageContext& context) {
    for (float& pixel : image) pixel += static_cast<float>(context.random.normal(0, 0.05));
  };
  return options;
}

/// Trains as the options say. The bytes of all that comes out, times left out.
std::string train(const nn::FitOptions& wanted) {
  nn::FitOptions options = wanted;
  const nn::Dataset data = blobs(230, 1, 80);
  const nn::Dataset validation = blobs(60, 2, 80);
  options.validation = &validation;
  auto model = make_model();
  nn::Optimizer optimizer(model, nn::Adam{.learning_rate = 0.01});
  const nn::History history =
      nn::fit(model, data, nn::SoftmaxCrossEntropy{.label_smoothing = 0.1}, optimizer, options);
  Checkpoint result;
  result.set("model", model);
  result.set("optimizer", optimizer);
  std::vector<nn::EpochRecord> records = history.epochs;
  for (nn::EpochRecord& record : records) record.seconds = record.images_per_second = 0;
  result.set("history", std::span<const nn::EpochRecord>(records));
  return result.serialize();
}

TEST_CASE("fit: stopped anywhere and resumed, it ends in the same bytes") {
  const std::string uninterrupted = train(training_options());
  for (const Index stop : {1, 5, 12, 13, 24, 47, 48}) {
    CAPTURE(stop);
    const Folder folder;
    nn::FitOptions options = training_options();
    options.checkpoint = folder / "file";
    nn::Callback callback;
    callback.on_batch = [stop](nn::BatchReport& report) { report.stop = report.step == stop; };
    options.callbacks = {callback};
    (void)train(options);
    options.callbacks.clear();
    CHECK(train(options) == uninterrupted);
    CHECK(train(options) == uninterrupted);  // a training that was finished, too
  }
}

TEST_CASE("fit: callbacks find the checkpoint of the step before them, whole") {
  const Folder folder;
  nn::FitOptions options{.epochs = 2, .batch_size = 16};
  options.checkpoint = folder / "file";
  options.checkpoint_interval = 1;
  auto model = make_model();
  std::vector<std::string> weights;  // after each step
  Index same = 0;
  const auto compare = [&] {
    same += Checkpoint::load(folder / "file").text("model.parameters") == weights.back() ? 1 : 0;
  };
  nn::Callback callback;
  callback.on_batch = [&](nn::BatchReport& report) {
    if (report.step > 1) compare();
    const auto bytes = std::as_bytes(model.parameters().span());
    weights.emplace_back(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  };
  options.callbacks = {callback};
  nn::fit(model, blobs(64, 1), nn::SoftmaxCrossEntropy{}, nn::Adam{}, options);
  CHECK(weights.size() == 8);
  CHECK(weights[0] != weights[1]);
  compare();  // when fit returns
  CHECK(same == 8);
}

TEST_CASE("fit: that the last checkpoint cannot be written is an error, too") {
  nn::FitOptions options{.epochs = 2, .batch_size = 16};
  const Folder folder;
  std::filesystem::create_directory(folder / "gone");
  options.checkpoint = folder / "gone" / "file";
  nn::Callback callback;
  callback.on_epoch = [&](nn::EpochReport& report) {
    if (report.record.epoch == 2) std::filesystem::remove_all(folder / "gone");
  };
  options.callbacks = {callback};
  auto model = make_model();
  CHECK_THROWS_AS(nn::fit(model, blobs(64, 1), nn::SoftmaxCrossEntropy{}, nn::Adam{}, options),
                  nn::FileError);
}

TEST_CASE("fit: a checkpoint of another training is refused") {
  const Folder folder;
  nn::FitOptions options = training_options();
  options.epochs = 1;
  options.checkpoint = folder / "file";
  (void)train(options);
  options.batch_size = 10;
  CHECK_THROWS_AS((void)train(options), nn::FileError);
  options = training_options();
  options.checkpoint = folder / "file";
  options.seed = 8;
  CHECK_THROWS_AS((void)train(options), nn::FileError);
}

#ifdef __linux__

/// What the test below runs in a program of its own, which it kills.
TEST_CASE("fit: a training to be killed" * doctest::skip()) {
  const char* path = std::getenv("NN_TEST_CHECKPOINT");  // NOLINT(concurrency-mt-unsafe)
  REQUIRE(path != nullptr);
  nn::FitOptions options = training_options();
  options.checkpoint = path;
  options.checkpoint_interval = 1;
  nn::Callback slowly;
  slowly.on_batch = [](nn::BatchReport& /*report*/) {
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
  };
  options.callbacks = {slowly};
  (void)train(options);
}

/// Starts this program again, to train as above, and kills it `milliseconds` after its first
/// checkpoint. Returns whether it was still at work.
bool kill_in_training(const std::filesystem::path& checkpoint, int milliseconds) {
  const int child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::setenv("NN_TEST_CHECKPOINT", checkpoint.c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
    ::execl("/proc/self/exe", "nn_tests", "--test-case=fit: a training to be killed", "--no-skip",
            "--minimal", static_cast<char*>(nullptr));
    ::_exit(1);
  }
  for (int wait = 0; wait < 20000 && !std::filesystem::exists(checkpoint); ++wait) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

TEST_CASE("fit: killed again and again and resumed, it ends in the same bytes") {
  const std::string uninterrupted = train(training_options());
  const Folder folder;
  int kills = 0;
  for (const int milliseconds : {0, 17, 5, 29}) {
    if (kill_in_training(folder / "file", milliseconds)) ++kills;
  }
  CHECK(kills > 0);
  Index batches = 0;
  nn::FitOptions options = training_options();
  options.checkpoint = folder / "file";
  options.checkpoint_interval = 5;
  nn::Callback count;
  count.on_batch = [&](nn::BatchReport& /*report*/) { ++batches; };
  options.callbacks = {count};
  for (const int threads : {1, 2, 3}) {
    CAPTURE(threads);
    // From the same place with every number of threads.
    options.checkpoint = folder / (threads == 1 ? "one" : threads == 2 ? "two" : "three");
    std::filesystem::copy_file(folder / "file", options.checkpoint);
    nn::set_threads(threads);
    batches = 0;
    CHECK(train(options) == uninterrupted);
    CHECK(batches < 48);  // it did go on from there
    nn::set_threads(2);
  }
}

#endif

}  // namespace checkpoint_test
