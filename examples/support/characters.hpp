/// @file
/// Texts as sequences of characters.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "nn/core/error.hpp"
#include "nn/core/shape.hpp"

namespace example {

/// The different characters of a text (bytes, so that of UTF-8 each letter beyond ASCII is several)
/// and their numbers.
class Alphabet {
 public:
  /// Those that `text` has, in the order of their codes.
  explicit Alphabet(std::string_view text) {
    places_.fill(-1);
    for (const char character : text) places_[code(character)] = 0;
    for (std::size_t i = 0; i < places_.size(); ++i) {
      if (places_[i] < 0) continue;
      places_[i] = static_cast<nn::Index>(characters_.size());
      characters_ += static_cast<char>(i);
    }
  }

  /// How many there are.
  [[nodiscard]] nn::Index size() const { return static_cast<nn::Index>(characters_.size()); }
  /// All of them.
  [[nodiscard]] const std::string& characters() const { return characters_; }
  /// The character of a number in [0, size()).
  [[nodiscard]] char operator[](nn::Index number) const {
    return characters_[static_cast<std::size_t>(number)];
  }
  /// The number of a character. @throws nn::Error when the text had none such.
  [[nodiscard]] nn::Index number(char character) const {
    const nn::Index place = places_[code(character)];
    const bool printable = character >= ' ' && character <= '~';
    nn::require(place >= 0, "the character ",
                printable ? nn::text('\'', character, '\'') : nn::text("of code ", code(character)),
                " does not occur in the text that is learned from");
    return place;
  }
  /// The numbers of all characters of a text. @throws as above
  [[nodiscard]] std::vector<nn::Index> numbers(std::string_view text) const {
    std::vector<nn::Index> result;
    result.reserve(text.size());
    for (const char character : text) result.push_back(number(character));
    return result;
  }

 private:
  [[nodiscard]] static std::size_t code(char character) {
    return static_cast<unsigned char>(character);
  }

  std::string characters_;
  std::array<nn::Index, 256> places_{};
};

/// A text in three parts, the last two from its end.
struct TextParts {
  std::string_view training;
  std::string_view validation;
  std::string_view test;
};

/// Of a text's characters, 90 % to learn from, 5 % to choose by, and the last 5 %, which are looked
/// at once.
/// @throws nn::Error when it is too short for that.
inline TextParts parts_of(std::string_view text) {
  nn::require(text.size() >= 20'000, "the text has ", text.size(),
              " characters, and at least 20,000 are needed");
  const std::size_t part = text.size() / 20;
  const std::size_t learned = text.size() - 2 * part;
  return {text.substr(0, learned), text.substr(learned, part), text.substr(learned + part)};
}

}  // namespace example
