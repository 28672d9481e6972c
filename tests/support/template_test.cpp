#include "support/template.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "nn/core/error.hpp"

namespace {

using example::filled;
using example::Metrics;
using example::Page;

/// What it throws, or "nothing".
template <class Function>
std::string message_of(const Function& function) {
  try {
    function();
  } catch (const nn::Error& error) {
    return error.what();
  }
  return "nothing";
}

TEST_CASE("a template's names are replaced by their values") {
  const Metrics values{{"name", "Adam"}, {"steps", 1234}, {"best", {{"loss", 0.5}}}};
  CHECK(filled("{{name}} took {{ steps }}.", values) == "Adam took 1234.");
  CHECK(filled("{{best.loss | fixed 2}}", values) == "0.50");
  CHECK(filled("no {single} braces", values) == "no {single} braces");
}

TEST_CASE("filters write numbers as readers like them") {
  const Metrics values{{"share", 0.98765}, {"fall", -0.0123},
                       {"count", 1},       {"many", 12345.0},
                       {"seconds", 83.0},  {"spread", {{"mean", 0.5}, {"deviation", 0.0123}}}};
  CHECK(filled("{{share | percent}}", values) == "98.77 %");
  CHECK(filled("{{share | percent 0}}", values) == "99 %");
  CHECK(filled("{{share | points 1}}", values) == "98.8");
  CHECK(filled("{{fall | signed}} {{share | signed 1}}", values) == "−1.23 +98.8");
  CHECK(filled("{{count | counted epoch}}, {{many | counted epoch}}", values) ==
        "1 epoch, 12,345 epochs");
  CHECK(filled("{{many | thousands}}", values) == "12,345");
  CHECK(filled("{{seconds | duration}}", values) == "1 min 23 s");
  CHECK(filled("{{spread | spread 3}}", values) == "0.500 ± 0.012");
  CHECK(filled("{{spread | percents}}", values) == "50.00 ± 1.23 %");
}

TEST_CASE("sections are there when their value is, once for each item of a list") {
  const Metrics values{{"yes", true},
                       {"no", false},
                       {"nothing", nullptr},
                       {"zero", 0},
                       {"empty", Metrics::array()},
                       {"object", {{"inner", "i"}}},
                       {"rules", {{{"name", "SGD"}}, {{"name", "Adam"}}}},
                       {"outer", "o"}};
  CHECK(filled("{{#yes}}a{{/yes}}{{^yes}}b{{/yes}}", values) == "a");
  CHECK(filled("{{#no}}a{{/no}}{{^no}}b{{/no}}", values) == "b");
  CHECK(filled("{{#nothing}}a{{/nothing}}{{^nothing}}b{{/nothing}}", values) == "b");
  CHECK(filled("{{#empty}}a{{/empty}}{{^empty}}b{{/empty}}", values) == "b");
  CHECK(filled("{{#zero}}a number is there{{/zero}}", values) == "a number is there");
  CHECK(filled("{{#object}}{{inner}}{{outer}}{{/object}}", values) == "io");
  CHECK(filled("{{#rules}}{{name}}{{^@last}}, {{/@last}}{{/rules}}", values) == "SGD, Adam");
  CHECK(filled("{{#rules}}{{@index}}{{#@first}}f{{/@first}}{{/rules}}", values) == "0f1");
  CHECK(filled("{{#outer}}<{{.}}>{{/outer}}", values) == "<o>");
  CHECK(filled("{{#yes}}{{#yes}}a{{/yes}}b{{/yes}}", values) == "ab");
}

TEST_CASE("tags alone on their lines leave no lines behind") {
  const Metrics values{{"list", {1, 2}}, {"no", false}};
  CHECK(filled("a\n{{#list}}\n{{.}}\n{{/list}}\nb\n", values) == "a\n1\n2\nb\n");
  CHECK(filled("a\n{{#no}}\nc\n{{/no}}\nb\n", values) == "a\nb\n");
}

TEST_CASE("what a template lacks is named") {
  const Metrics values{{"text", "a"}, {"number", 0.5}};
  CHECK(message_of([&] { (void)filled("{{lost}}", values); }) == "{{lost}} has no value");
  CHECK(message_of([&] { (void)filled("{{#lost}}{{/lost}}", values); }) == "{{lost}} has no value");
  CHECK(message_of([&] { (void)filled("{{text | percent}}", values); }) ==
        "{{text | percent}} is not a number but \"a\"");
  CHECK(message_of([&] { (void)filled("{{number}}", values); }) == "{{number}} is no text but 0.5");
  CHECK(message_of([&] { (void)filled("{{number | round}}", values); }) ==
        "{{number | round}}: there is no filter round");
  CHECK(message_of([&] { (void)filled("{{#text}}a", values); }) ==
        "the section {{#text}} is not closed");
}

TEST_CASE("Markdown becomes a page, block by block") {
  const example::Table made{.caption = "made", .columns = {"x"}, .rows = {{"1"}}};
  const Page page = example::page_from(
      "# A title\n\nA question\nof two lines?\n\n"
      "* 98 % | of all\n* 3 | seeds\n\n"
      "## A section\n\nJoined \\\nby nothing\\\n.\n\n> An aside.\n\n=> It follows.\n\n"
      "$$ a = b\n\n- one\n- two\n\n### Heading\n\n"
      "![First.](a.png)\n![Second (2).](b.png \"in words\")\n\n"
      "Table: A\ncaption\n| a | b |\n|---|---|\n| 1 | |\n| 2 | x |*\n\n@table made\n\n"
      "```\nfor:\n  step\n```\n",
      {{"made", made}});
  CHECK(page.title() == "A title");
  CHECK(page.lead() == "A question of two lines?");
  REQUIRE(page.sections().size() == 2);
  REQUIRE(page.sections()[0].blocks.size() == 1);
  CHECK(page.sections()[0].blocks[0].figures[0].value == "98 %");
  CHECK(page.sections()[0].blocks[0].figures[1].label == "seeds");
  CHECK(page.sections()[1].heading == "A section");
  const std::vector<example::Block>& blocks = page.sections()[1].blocks;
  REQUIRE(blocks.size() == 10);
  CHECK(blocks[0].text == "Joined by nothing.");
  CHECK(blocks[1].kind == example::Block::Kind::note);
  CHECK(blocks[1].text == "An aside.");
  CHECK(blocks[2].kind == example::Block::Kind::conclusion);
  CHECK(blocks[2].text == "It follows.");
  CHECK(blocks[3].text == "a = b");
  CHECK(blocks[4].items == std::vector<std::string>{"one", "two"});
  CHECK(blocks[5].kind == example::Block::Kind::heading);
  REQUIRE(blocks[6].pictures.size() == 2);
  CHECK(blocks[6].pictures[0].file == "a.png");
  CHECK(blocks[6].pictures[1].caption == "Second (2).");
  CHECK(blocks[6].pictures[1].alternative == "in words");
  CHECK(blocks[7].table.caption == "A caption");
  CHECK(blocks[7].table.columns == std::vector<std::string>{"a", "b"});
  CHECK(blocks[7].table.rows == std::vector<std::vector<std::string>>{{"1", ""}, {"2", "x"}});
  CHECK(blocks[7].table.bold_rows == std::vector<nn::Index>{1});
  CHECK(blocks[8].table.caption == "made");
  CHECK(blocks[9].kind == example::Block::Kind::code);
  CHECK(blocks[9].text == "for:\n  step");
}

TEST_CASE("Markdown that is no page is refused") {
  CHECK(message_of([] { (void)example::page_from("Text"); }) ==
        "a page begins with \"# Title\" and its question");
  CHECK(message_of([] { (void)example::page_from("# T\n\nQ\n\n@table lost"); }) ==
        "there is no table for @table lost");
  CHECK(message_of([] { (void)example::page_of("nowhere", {}); }).find("pages/nowhere.md") !=
        std::string::npos);
}

TEST_CASE("a file of a few sentences gives the one that its values ask for") {
  const auto sentence = [](const Metrics& lost, const Metrics& won, const Metrics& copies) {
    return example::text_of("part4_gan_collapse",
                            {{"lost", lost}, {"won", won}, {"copies", copies}});
  };
  CHECK(sentence("", nullptr, nullptr).empty());
  CHECK(sentence("1, 7", nullptr, nullptr) ==
        "The generator has collapsed: it hardly draws these classes at all: 1, 7.");
  CHECK(sentence("", 0.9876, nullptr) ==
        "The discriminator has won: it tells 98.8 % of the generated images, and the generator has "
        "nothing left to learn from it.");
  CHECK(sentence("", nullptr, 0.25) ==
        "The generator copies: 25.0 % of its images are nearer to a training image than 99 of 100 "
        "test images are.");
  CHECK(message_of([] {
          (void)example::text_of("part4_gan_collapse", {{"lost", ""}});
        }).find("part4_gan_collapse.md: {{won}} has no value") != std::string::npos);
  CHECK_THROWS_AS((void)example::text_of("nowhere", {}), nn::FileError);
}

}  // namespace
