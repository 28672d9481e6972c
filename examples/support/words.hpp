/// @file
/// The words of several languages, as Debian's word lists have them.
#pragma once

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nn/core/file.hpp"
#include "nn/nn.hpp"

namespace example {

/// A list of words: of which language, and in which package and file Debian has it.
struct WordList {
  std::string_view language;
  std::string_view file;
  std::string_view package;
};

inline constexpr std::array<WordList, 8> word_lists{{{"English", "american-english", "wamerican"},
                                                     {"German", "ngerman", "wngerman"},
                                                     {"Dutch", "dutch", "wdutch"},
                                                     {"Swedish", "swedish", "wswedish"},
                                                     {"French", "french", "wfrench"},
                                                     {"Spanish", "spanish", "wspanish"},
                                                     {"Italian", "italian", "witalian"},
                                                     {"Portuguese", "portuguese", "wportuguese"}}};

/// The longest word that is taken, in letters.
inline constexpr nn::Index longest_word = 18;

/// The code points of a text in UTF-8; or of one in Latin-1, as some lists are, where it is no
/// UTF-8.
[[nodiscard]] inline std::u32string code_points(std::string_view text) {
  const auto byte = [&](std::size_t at) {
    return static_cast<char32_t>(static_cast<unsigned char>(text[at]));
  };
  std::u32string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char32_t code = byte(i);
    const int more = code < 0x80 ? 0 : code < 0xE0 ? 1 : code < 0xF0 ? 2 : 3;
    bool valid = more == 0 || (code >= 0xC2 && code < 0xF5);
    if (more > 0) code &= char32_t{0x3F} >> more;
    for (int k = 0; k < more && valid; ++k) {
      valid = ++i < text.size() && byte(i) >> 6 == 2;
      if (valid) code = code << 6 | (byte(i) & 0x3F);
    }
    if (!valid) {
      result.clear();
      for (std::size_t at = 0; at < text.size(); ++at) result += byte(at);
      return result;
    }
    result += code;
  }
  return result;
}

/// A Latin letter in lower case, or 0 for any other character.
[[nodiscard]] constexpr char32_t lower_letter(char32_t code) {
  if (code >= U'A' && code <= U'Z') return code + 32;
  if (code >= U'a' && code <= U'z') return code;
  if (code == 0xD7 || code == 0xF7) return 0;                  // the signs of times and divided by
  if (code >= 0xC0 && code <= 0xDE) return code + 32;          // as in Unicode's Latin-1 block
  if (code >= 0xDF && code <= 0xFF) return code;               // likewise
  if (code == 0x152 || code == 0x153) return char32_t{0x153};  // oe in one letter
  return 0;
}

/// A word in lower case; empty where it is none: of fewer than three letters, of too many, or with
/// anything but Latin letters in it.
[[nodiscard]] inline std::u32string word_of(std::u32string_view text) {
  std::u32string word(text);
  for (char32_t& code : word) {
    code = lower_letter(code);
    if (code == 0) return {};
  }
  const auto length = static_cast<nn::Index>(word.size());
  return length >= 3 && length <= longest_word ? word : std::u32string();
}

/// All different words of a text with one in each line, in the order of their code points.
[[nodiscard]] inline std::vector<std::u32string> words_of(std::string_view text) {
  const std::u32string content = code_points(text);
  std::set<std::u32string> words;
  for (std::size_t begin = 0; begin < content.size();) {
    const std::size_t end = std::min(content.find(U'\n', begin), content.size());
    std::u32string word = word_of(std::u32string_view(content).substr(begin, end - begin));
    if (!word.empty()) words.insert(std::move(word));
    begin = end + 1;
  }
  return {words.begin(), words.end()};
}

/// The letters that there are, numbered from 1; 0 is none.
class Letters {
 public:
  /// Those of the words.
  void add(const std::u32string& word) {
    for (const char32_t letter : word) {
      if (letters_.find(letter) == std::u32string::npos) letters_ += letter;
    }
  }
  [[nodiscard]] nn::Index count() const { return static_cast<nn::Index>(letters_.size()); }
  /// The number of a letter; 0 for one that is not there.
  [[nodiscard]] nn::Index number(char32_t letter) const {
    const std::size_t at = letters_.find(letter);
    return at == std::u32string::npos ? 0 : static_cast<nn::Index>(at) + 1;
  }
  /// A word as the network reads it: so many numbers, and 0 after its end.
  [[nodiscard]] nn::Tensor<float> tokens(const std::vector<std::u32string>& words) const {
    nn::Tensor<float> x({static_cast<nn::Index>(words.size()), longest_word});
    for (std::size_t i = 0; i < words.size(); ++i) {
      for (std::size_t k = 0; k < words[i].size(); ++k) {
        x(static_cast<nn::Index>(i), static_cast<nn::Index>(k)) =
            static_cast<float>(number(words[i][k]));
      }
    }
    return x;
  }
  /// A word with a character for each letter, which no letter shares with the end of a line.
  [[nodiscard]] std::string line(const std::u32string& word) const {
    std::string text;
    for (const char32_t letter : word) text += static_cast<char>('\n' + number(letter));
    return text + '\n';
  }

 private:
  std::u32string letters_;
};

/// A word in UTF-8.
[[nodiscard]] inline std::string utf8(const std::u32string& word) {
  std::string text;
  for (const char32_t code : word) {
    if (code < 0x80) {
      text += static_cast<char>(code);
    } else {  // all letters that `lower_letter` knows are below 0x800
      text += static_cast<char>(0xC0 | code >> 6);
      text += static_cast<char>(0x80 | (code & 0x3F));
    }
  }
  return text;
}

}  // namespace example
