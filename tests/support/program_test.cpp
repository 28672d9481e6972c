#include "support/program.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <new>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "nn/core/error.hpp"

namespace {

namespace fs = std::filesystem;

/// What a run of a program with the given arguments leaves behind.
struct Run {
  example::Flags flags;
  std::string model = "cnn";
  std::vector<nn::Index> widths{16, 64};
  bool given_model = false;
  int status = -1;
  std::string out;
  std::string error;
};

/// Redirects a stream into a text while in scope.
struct Caught {
  std::ostream& stream;
  std::ostringstream text{};
  std::streambuf* before = stream.rdbuf(text.rdbuf());
  explicit Caught(std::ostream& caught) : stream(caught) {}
  Caught(const Caught&) = delete;
  Caught& operator=(const Caught&) = delete;
  ~Caught() { stream.rdbuf(before); }
};

Run run(
    std::vector<const char*> arguments, const std::function<void()>& body = [] {}) {
  arguments.insert(arguments.begin(), "build/demo");
  Run result;
  example::CommandLine line("demo", "Shows.", result.flags,
                            {.epochs = 5, .quick_epochs = 2, .dataset = true, .accuracy = true});
  line.choice("--model", result.model, {"mlp", "cnn"}, "the network");
  line.flag("--widths", result.widths, "of the hidden layer");
  const Caught out(std::cout);
  const Caught error(std::cerr);
  result.status =
      example::run_program(line, static_cast<int>(arguments.size()), arguments.data(), body);
  result.out = out.text.str();
  result.error = error.text.str();
  if (result.status == 0) result.given_model = line.given("--model");
  return result;
}

/// Makes programs write into a folder of the test's own.
struct Folder {
  fs::path before = fs::current_path();
  fs::path path = fs::temp_directory_path() / "nn_program_test";
  Folder() {
    fs::remove_all(path);
    fs::create_directories(path);
    fs::current_path(path);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    fs::current_path(before);
    fs::remove_all(path);
  }
};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a program without arguments runs with its defaults") {
  const Folder folder;
  const Run result = run({});
  CHECK(result.status == 0);
  CHECK(result.flags.out == fs::path("out/demo"));
  CHECK(fs::is_directory("out/demo"));
  CHECK(result.flags.epochs == 5);
  CHECK(result.flags.seed == 1);
  CHECK(result.flags.dataset == "mnist");
  CHECK(!result.flags.quick);
  CHECK(result.flags.command == "examples/run demo");
  CHECK(!result.given_model);
}

TEST_CASE("flags are read, and told as the command that repeats the run") {
  const Folder folder;
  const Run result =
      run({"--model", "mlp", "--out=there", "--data", "a b", "--seed", "18446744073709551615",
           "--widths", "8", "32", "--epochs", "7", "--quick"});
  CHECK(result.status == 0);
  CHECK(result.model == "mlp");
  CHECK(result.given_model);
  CHECK(result.flags.data == fs::path("a b"));
  CHECK(result.flags.seed == 18446744073709551615U);
  CHECK(result.widths == std::vector<nn::Index>{8, 32});
  CHECK(result.flags.epochs == 7);
  CHECK(result.flags.command ==
        "examples/run demo --model mlp --seed 18446744073709551615 --widths 8 32 --epochs 7 "
        "--quick");
}

TEST_CASE("a quick run has fewer epochs unless they are given") {
  const Folder folder;
  CHECK(run({"--quick"}).flags.epochs == 2);
}

TEST_CASE("help names every flag and succeeds without running") {
  const Folder folder;
  bool ran = false;
  const Run result = run({"--help"}, [&] { ran = true; });
  CHECK(result.status == 0);
  CHECK(!ran);
  for (const char* flag : {"--data", "--dataset", "--out", "--epochs", "--seed", "--threads",
                           "--quick", "--expect-accuracy", "--model", "--widths"}) {
    CHECK_MESSAGE(contains(result.out, flag), flag);
  }
}

TEST_CASE("wrong flags end in one line and status 1") {
  const Folder folder;
  const std::vector<std::vector<const char*>> wrong{
      {"--modle", "mlp"}, {"--model", "rnn"},   {"--epochs", "0"},          {"--epochs", "many"},
      {"--seed", "-1"},   {"--threads", "-1"},  {"--expect-accuracy", "2"}, {"--out"},
      {"stray"},          {"--widths", "wide"},
  };
  for (const auto& arguments : wrong) {
    CAPTURE(std::string(arguments.front()));
    bool ran = false;
    const Run result = run(arguments, [&] { ran = true; });
    CHECK(result.status == 1);
    CHECK(!ran);
    CHECK(result.error.rfind("demo: ", 0) == 0);
    CHECK(std::count(result.error.begin(), result.error.end(), '\n') == 1);
  }
}

TEST_CASE("errors of any kind end in one line and status 1") {
  const Folder folder;
  CHECK(run({}, [] { throw nn::FileError("no\ndata"); }).error == "demo: no data\n");
  CHECK(run({}, [] { throw std::runtime_error("odd"); }).status == 1);
  CHECK(run({}, [] { throw std::bad_alloc(); }).error == "demo: there is not enough memory\n");
  CHECK(run({}, [] { throw 7; }).error == "demo: an unknown error\n");
}

TEST_CASE("a folder for results that is a file is refused") {
  const Folder folder;
  const std::string file = (folder.path / "file").string();
  std::ofstream(file) << "text";
  const Run result = run({"--out", file.c_str()});
  CHECK(result.status == 1);
  CHECK(contains(result.error, "--out: cannot make the folder"));
}

TEST_CASE("an accuracy below the expected one is an error, and so is none") {
  example::Flags flags;
  CHECK_NOTHROW(example::check_expected_accuracy(flags, 0.1));
  flags.expect_accuracy = 0.99;
  CHECK_NOTHROW(example::check_expected_accuracy(flags, 0.99));
  CHECK_THROWS_WITH_AS(example::check_expected_accuracy(flags, 0.98),
                       "the accuracy is 0.9800, less than the 0.9900 that was expected", nn::Error);
  CHECK_THROWS_AS(example::check_expected_accuracy(flags, std::nan("")), nn::Error);
}
