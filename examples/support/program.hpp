/// @file
/// What all example programs share: their flags, and what happens when something goes wrong.
///
///     struct Options : example::Flags {
///       std::string model = "cnn";
///     };
///
///     int main(int argc, char** argv) {
///       Options options;
///       example::CommandLine line("part2_classifier", "Trains a classifier of digits.", options,
///                                 {.epochs = 3, .quick_epochs = 1});
///       line.choice("--model", options.model, {"mlp", "cnn"}, "the network");
///       return example::run_program(line, argc, argv, [&] { study(options); });
///     }
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "nn/core/shape.hpp"

namespace example {

/// The flags that every program has.
struct Flags {
  std::filesystem::path data;  ///< where the data sets are: --data, $NN_DATA_DIR or data/
  std::string dataset;         ///< "mnist", "fashion-mnist", ..., where the program offers several
  std::filesystem::path out;   ///< the folder for results, which exists once the program runs
  nn::Index epochs = 0;        ///< passes over the training set
  std::uint64_t seed = 1;      ///< of everything that is random
  nn::Index threads = 0;       ///< 0: one for each processor
  bool quick = false;          ///< a run under a minute that exercises everything
  std::optional<double> expect_accuracy;  ///< the program fails when it measures less

  /// How the program was started, as the page tells it.
  std::string command;
};

/// What a program's common flags are by default, and which of them it has.
struct CommonFlags {
  nn::Index epochs = 0;        ///< 0: the program has no --epochs
  nn::Index quick_epochs = 1;  ///< with --quick, unless --epochs is given
  bool dataset = false;        ///< whether it has --dataset
  bool accuracy = false;       ///< whether it has --expect-accuracy
  bool data = true;            ///< whether it has --data
};

/// Reads a program's flags.
class CommandLine {
 public:
  /// @param flags filled by `parse`, and to be kept until then
  CommandLine(std::string program, std::string description, Flags& flags,
              const CommonFlags& common = {});
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  /// Adds a flag of the program's own, named as in "--width". The target's value is its default.
  void flag(const std::string& name, bool& target, const std::string& description);
  void flag(const std::string& name, nn::Index& target, const std::string& description);
  void flag(const std::string& name, double& target, const std::string& description);
  void flag(const std::string& name, float& target, const std::string& description);
  void flag(const std::string& name, std::string& target, const std::string& description);
  void flag(const std::string& name, std::filesystem::path& target, const std::string& description);
  /// A flag that takes several values: "--widths 16 64 256".
  void flag(const std::string& name, std::vector<nn::Index>& target,
            const std::string& description);
  void flag(const std::string& name, std::vector<std::string>& target,
            const std::string& description);

  /// A flag that takes one of a few words.
  void choice(const std::string& name, std::string& target, const std::vector<std::string>& words,
              const std::string& description);

  /// Whether the user gave the flag.
  [[nodiscard]] bool given(const std::string& name) const;

  /// Reads the arguments.
  /// @return false when help was asked for, and printed
  /// @throws nn::Error for a flag or a value that makes no sense.
  [[nodiscard]] bool parse(int argc, const char* const* argv);

  [[nodiscard]] const std::string& program() const { return program_; }
  [[nodiscard]] const Flags& flags() const { return flags_; }

 private:
  struct Parser;
  std::string program_;
  Flags& flags_;
  CommonFlags common_;
  std::unique_ptr<Parser> parser_;
};

/// Parses the flags, sets the number of threads, makes the folder for results and calls `body`.
/// @return the exit status: 0, or 1 after an error, which is told in one line on stderr
int run_program(CommandLine& line, int argc, const char* const* argv,
                const std::function<void()>& body);

/// @throws nn::Error when --expect-accuracy was given and `measured` is less or no number.
void check_expected_accuracy(const Flags& flags, double measured);

}  // namespace example
