#include "support/word_counting.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace {

using example::Letters;
using example::word_of;
using example::words_of;

TEST_CASE("words are read from UTF-8, and from Latin-1 where it is none") {
  CHECK(example::code_points("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80") ==
        U"a\u00E9\u20AC\U0001F600");
  CHECK(example::code_points("caf\xE9\n") == U"caf\u00E9\n");
  for (const char* broken : {"\xC3", "\xE2\x82", "\xC3(", "\x80", "\xC0\x80", "\xF8\x88\x80\x80"}) {
    CAPTURE(broken);
    CHECK(example::code_points(broken).size() == std::string(broken).size());
  }
}

TEST_CASE("a word is Latin letters in lower case, neither too few nor too many") {
  CHECK(word_of(U"\u00C9t\u00E9") == U"\u00E9t\u00E9");
  CHECK(word_of(U"Stra\u00DFe") == U"stra\u00DFe");
  CHECK(word_of(U"\u0152uvre") == U"\u0153uvre");
  CHECK(word_of(U"abcdefghijklmnopqr").size() == 18);
  for (const auto* none : {U"", U"ab", U"dog's", U"x-ray", U"a\u00D7b", U"abcdefghijklmnopqrs"}) {
    CHECK(word_of(none).empty());
  }
}

TEST_CASE("a list has each word once, whatever its case, and needs no line end") {
  CHECK(words_of("Rose\nrose\n\nbut\nit's\r\nlily") ==
        std::vector<std::u32string>{U"but", U"lily", U"rose"});
  CHECK(words_of("").empty());
}

TEST_CASE("letters are numbered as they come, and words are filled up with 0") {
  Letters letters;
  letters.add(U"noon");
  letters.add(U"\u00E9n");
  CHECK(letters.count() == 3);
  CHECK(letters.number(U'\u00E9') == 3);
  CHECK(letters.number(U'z') == 0);
  const nn::Tensor<float> x = letters.tokens({U"no", U"zo\u00E9"});
  CHECK(x.shape() == nn::Shape{2, example::longest_word});
  CHECK(x(0, 0) == 1);
  CHECK(x(0, 1) == 2);
  CHECK(x(0, 2) == 0);
  CHECK(x(1, 0) == 0);
  CHECK(x(1, 2) == 3);
  CHECK(letters.line(U"on") == std::string{'\n' + 2, '\n' + 1, '\n'});
}

TEST_CASE("words are written as they were read") {
  CHECK(example::utf8(U"s\u0153ur") == "s\xC5\x93ur");
  for (const char* word : {"m\xC3\xBCtze", "gar\xC3\xA7on", "ma\xC3\xB1o"}) {
    CHECK(example::utf8(example::code_points(word)) == word);
  }
}

TEST_CASE("counting tells languages by what follows what, and by runs as long as that takes") {
  // All languages have the same letters; an even and the next odd one the same pairs of them.
  Letters letters;
  letters.add(U"abcdefghi");
  const auto words = [](std::uint64_t seed, nn::Index count) {
    example::Words result;
    nn::Random random(seed);
    for (nn::Index language = 0; language < 8; ++language) {
      const nn::Index step = language / 2 + 1;
      for (nn::Index i = 0; i < count; ++i) {
        std::u32string word;
        nn::Index at = random.below(9);
        for (nn::Index k = 0; k < 8; ++k) {
          word += U'a' + static_cast<char32_t>(at);
          at = (at + (language % 2 == 0 || k % 4 < 2 ? step : 9 - step)) % 9;
        }
        result.add(word, language);
      }
    }
    return result;
  };
  const example::Counting counting =
      example::count(words(1, 200), words(2, 50), words(3, 50), letters);
  CHECK(counting.test.accuracy() == 1);
  CHECK(counting.validation_accuracy == 1);
  CHECK(counting.test.actual(3) == 50);
}

}  // namespace
