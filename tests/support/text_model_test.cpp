#include "support/text_model.hpp"

#include <doctest/doctest.h>

#include <string>

#include "support/counting_model.hpp"

namespace {

using example::Alphabet;
using nn::Index;

const std::string verse =
    "the cat sat on the mat; the rat sat on the cat, and the cat and the rat sat on the mat. ";

/// The verse so many times.
std::string verses(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += verse;
  return text;
}

TEST_CASE("an alphabet numbers the characters of a text, and knows no others") {
  const Alphabet alphabet("banana\n");
  CHECK(alphabet.characters() == "\nabn");
  CHECK(alphabet.numbers("nab") == std::vector<Index>{3, 1, 2});
  CHECK(alphabet[3] == 'n');
  CHECK_THROWS_WITH_AS((void)alphabet.number('x'), doctest::Contains("'x'"), nn::Error);
}

TEST_CASE("a text ends with its validation part and its test part") {
  const std::string text = verses(300);
  const example::TextParts parts = example::parts_of(text);
  CHECK(std::string(parts.training) + std::string(parts.validation) + std::string(parts.test) ==
        text);
  CHECK(parts.validation.size() == text.size() / 20);
  CHECK(parts.test.size() == text.size() / 20);
  CHECK_THROWS_WITH_AS(example::parts_of("short"), doctest::Contains("5 characters"), nn::Error);
}

TEST_CASE("counting gives probabilities, by the rule of Witten and Bell") {
  // After nothing: a and b twice each, so (2 + 2 / 3) / (4 + 2) of three characters; c has the
  // rest.
  const example::CountingModel model("abab", 3, 3);
  CHECK(model.probability("", 'a', 3) == doctest::Approx((2 + 2.0 / 3) / 6));
  CHECK(model.probability("", 'c', 3) == doctest::Approx((2.0 / 3) / 6));
  // After a: b twice, of one kind.
  CHECK(model.probability("a", 'b', 3) == doctest::Approx((2 + (2 + 2.0 / 3) / 6) / 3));
  CHECK(model.probability("a", 'b', 0) == model.probability("", 'b', 3));
  CHECK(model.probability("c", 'b', 3) == model.probability("", 'b', 3));
  for (const std::string before : {"", "a", "ab", "ba", "cc", "bab"}) {
    double sum = 0;
    for (const char next : {'a', 'b', 'c'}) sum += model.probability(before, next, 3);
    CHECK(sum == doctest::Approx(1));
  }
  CHECK(model.bits("ca", 3) == doctest::Approx(-std::log2(model.probability("c", 'a', 3))));
}

TEST_CASE("each batch of a text goes on where the one before ended, and asks for what comes next") {
  std::vector<Index> text(200);
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<Index>(i);
  example::TextBatches batches(text, {.steps = 8, .samples = 3});
  REQUIRE(batches.count() == 7);  // of 66 characters each
  for (const Index shift : {0, 7}) {
    for (Index batch = 0; batch < batches.count(); ++batch) {
      batches.make(batch, shift);
      for (Index i = 0; i < 24; ++i) {
        const Index place = i / 8 * 66 + shift + batch * 8 + i % 8;
        CHECK(batches.inputs()[i] == static_cast<float>(place));
        CHECK(batches.targets()[i] == place + 1);
      }
    }
  }
  CHECK_THROWS_WITH_AS(example::TextBatches(text, {.steps = 128, .samples = 3}),
                       doctest::Contains("too few"), nn::Error);
}

TEST_CASE("networks read a text alike in samples and character by character") {
  const std::string text = verses(2);
  const Alphabet alphabet(text);
  for (const std::string name : {"lstm", "gru", "transformer"}) {
    CAPTURE(name);
    const example::TextSizes sizes{.network = name, .steps = 16, .units = 8, .blocks = 1};
    const example::TextModel model(example::text_network(sizes, alphabet.size()),
                                   nn::Shape{sizes.steps}, {.seed = 3});
    CHECK(example::carries(model) == (name != "transformer"));
    // As far as a sample reaches, the transformer sees all before, too.
    const std::vector<Index> numbers =
        alphabet.numbers(text.substr(0, name == "transformer" ? 17 : text.size()));
    example::Writer writer(model);
    double sum = 0;
    for (std::size_t i = 0; i + 1 < numbers.size(); ++i) {
      sum += example::bits_of(writer.read(numbers[i]), numbers[i + 1]);
    }
    CHECK(example::bits_of(model, numbers) ==
          doctest::Approx(sum / static_cast<double>(numbers.size() - 1)).epsilon(1e-6));
  }
}

TEST_CASE("what a network writes is a function of the seed, and of its own characters") {
  const Alphabet alphabet(verse);
  const example::TextModel model(
      example::text_network({.network = "gru", .units = 8}, alphabet.size()), nn::Shape{128},
      {.seed = 3});
  const auto write = [&](std::uint64_t seed) {
    return example::write_text(model, alphabet, "the ", 40, 1, nn::Random(seed));
  };
  CHECK(write(1) == write(1));
  CHECK(write(1) != write(2));
  CHECK(write(1).size() == 40);
  CHECK_THROWS_WITH_AS((void)example::write_text(model, alphabet, "", 40, 1, nn::Random(1)),
                       doctest::Contains("prompt"), nn::Error);
}

}  // namespace
