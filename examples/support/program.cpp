#include "support/program.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <system_error>

#include "nn/core/error.hpp"
#include "nn/core/parallel.hpp"
#include "support/text.hpp"

namespace example {

namespace {

std::filesystem::path default_data() {
  const char* folder = std::getenv("NN_DATA_DIR");  // NOLINT(concurrency-mt-unsafe): before threads
  return folder != nullptr && *folder != '\0' ? folder : "data";
}

/// The message of an error, in one line.
std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}

/// An argument as a shell would have to be given it.
std::string shell_word(const std::string& argument) {
  constexpr const char* plain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=+,./:";
  if (!argument.empty() && argument.find_first_not_of(plain) == std::string::npos) return argument;
  std::string quoted = "'";
  for (const char character : argument) {
    quoted += character == '\'' ? "'\\''" : std::string(1, character);
  }
  return quoted + "'";
}

/// What is wrong with a number that must not be negative, or "".
std::string refuse_sign(const std::string& number) {
  return !number.empty() && number.front() == '-' ? "Value " + number + " is negative" : "";
}

void make_folder(const std::filesystem::path& folder) {
  std::error_code code;
  std::filesystem::create_directories(folder, code);
  nn::require<nn::FileError>(std::filesystem::is_directory(folder),
                             "--out: cannot make the folder ", folder.string(), ": ",
                             code ? code.message() : "there is a file of that name");
}

}  // namespace

struct CommandLine::Parser {
  CLI::App app;

  template <class T>
  CLI::Option* add(const std::string& name, T& target, const std::string& description) {
    return app.add_option(name, target, description)->capture_default_str();
  }
};

CommandLine::CommandLine(std::string program, std::string description, Flags& flags,
                         const CommonFlags& common)
    : program_(std::move(program)),
      flags_(flags),
      common_(common),
      parser_(std::make_unique<Parser>()) {
  parser_->app.description(std::move(description));
  parser_->app.name(program_);
  parser_->app.get_formatter()->column_width(32);
  flags_.data = default_data();
  flags_.out = std::filesystem::path("out") / program_;
  flags_.epochs = common.epochs;
  if (common.data) {
    flag("--data", flags_.data, "the folder of the data sets ($NN_DATA_DIR, or data)");
  }
  if (common.dataset) {
    flags_.dataset = "mnist";
    choice("--dataset", flags_.dataset, {"mnist", "fashion-mnist"}, "the images to learn");
  }
  flag("--out", flags_.out, "the folder for pictures, numbers and the page");
  if (common.epochs > 0) {
    parser_->add("--epochs", flags_.epochs, "passes over the training set")
        ->check(CLI::Range(nn::Index{1}, nn::Index{1'000'000}));
  }
  parser_->add("--seed", flags_.seed, "of everything that is random")
      ->check(refuse_sign);  // else -1 would be taken for the largest number
  parser_->add("--threads", flags_.threads, "0: one for each processor")
      ->check(CLI::Range(nn::Index{0}, nn::Index{4096}));
  flag("--quick", flags_.quick, "a run under a minute that exercises everything");
  if (common.accuracy) {
    parser_->app
        .add_option("--expect-accuracy", flags_.expect_accuracy,
                    "fail when the test accuracy is less, such as 0.99")
        ->check(CLI::Range(0.0, 1.0));
  }
}

CommandLine::~CommandLine() = default;

void CommandLine::flag(const std::string& name, bool& target, const std::string& description) {
  parser_->app.add_flag(name, target, description);
}
void CommandLine::flag(const std::string& name, nn::Index& target, const std::string& description) {
  parser_->add(name, target, description);
}
void CommandLine::flag(const std::string& name, double& target, const std::string& description) {
  parser_->add(name, target, description);
}
void CommandLine::flag(const std::string& name, float& target, const std::string& description) {
  parser_->add(name, target, description);
}
void CommandLine::flag(const std::string& name, std::string& target,
                       const std::string& description) {
  parser_->add(name, target, description);
}
void CommandLine::flag(const std::string& name, std::filesystem::path& target,
                       const std::string& description) {
  parser_->add(name, target, description);
}
void CommandLine::flag(const std::string& name, std::vector<nn::Index>& target,
                       const std::string& description) {
  parser_->add(name, target, description);
}

void CommandLine::flag(const std::string& name, std::vector<std::string>& target,
                       const std::string& description) {
  parser_->add(name, target, description);
}

void CommandLine::choice(const std::string& name, std::string& target,
                         const std::vector<std::string>& words, const std::string& description) {
  parser_->add(name, target, description)->check(CLI::IsMember(words));
}

bool CommandLine::given(const std::string& name) const {
  return parser_->app.get_option(name)->count() > 0;
}

bool CommandLine::parse(int argc, const char* const* argv) {
  try {
    parser_->app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    std::cout << parser_->app.help();
    return false;
  } catch (const CLI::ParseError& error) {
    throw nn::Error(error.what() + std::string("; --help lists the flags"));
  }
  if (flags_.quick && common_.epochs > 0 && !given("--epochs")) {
    flags_.epochs = common_.quick_epochs;
  }
  // Where results and data lie is this machine's affair; all else is needed to repeat the run.
  flags_.command = "examples/run " + program_;
  for (int k = 1; k < argc; ++k) {
    const std::string argument = argv[k];
    if (argument == "--out" || argument == "--data") {
      ++k;
    } else if (argument.rfind("--out=", 0) != 0 && argument.rfind("--data=", 0) != 0) {
      flags_.command += " " + shell_word(argument);
    }
  }
  return true;
}

int run_program(CommandLine& line, int argc, const char* const* argv,
                const std::function<void()>& body) {
  const auto fail = [&line](const std::string& message) {
    std::cout.flush();
    std::cerr << line.program() << ": " << one_line(message) << '\n';
    return 1;
  };
  try {
    if (!line.parse(argc, argv)) return 0;
    if (line.flags().threads > 0) nn::set_threads(static_cast<int>(line.flags().threads));
    make_folder(line.flags().out);
    body();
    return 0;
  } catch (const std::bad_alloc&) {
    return fail("there is not enough memory");
  } catch (const std::exception& error) {
    return fail(error.what());
  } catch (...) {
    return fail("an unknown error");
  }
}

void check_expected_accuracy(const Flags& flags, double measured) {
  if (!flags.expect_accuracy) return;
  nn::require(measured >= *flags.expect_accuracy, "the accuracy is ", fixed(measured, 4),
              ", less than the ", fixed(*flags.expect_accuracy, 4), " that was expected");
}

}  // namespace example
