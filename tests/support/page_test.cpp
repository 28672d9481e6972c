#include "support/page.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <limits>
#include <string>

#include "nn/core/error.hpp"
#include "nn/core/file.hpp"
#include "nn/viz/image.hpp"
#include "support/html.hpp"
#include "support/metrics.hpp"
#include "support/report.hpp"

namespace {

namespace fs = std::filesystem;
using example::Page;

/// A folder of its own for a test, removed at the end.
struct Folder {
  fs::path path = fs::temp_directory_path() / "nn_page_test";
  Folder() {
    fs::remove_all(path);
    fs::create_directories(path);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { fs::remove_all(path); }
};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// A page with one block of each kind.
Page full_page() {
  Page page("Cost & <rate>", "Does \"it\" learn?");
  page.paragraph("Before the first section.")
      .section("Results <1>")
      .heading("minor")
      .paragraph("It has **bold**, `a < b` and <script>.")
      .note("a note")
      .conclusion("a conclusion")
      .formula("L = −log p & more")
      .code("if (a < b) {\n  return;\n}")
      .list({"one", "two & three"})
      .picture("a picture.png", "What it <shows>.", "words")
      .pictures({{"a picture.png", "left"}, {"a picture.png", "right"}})
      .table({.caption = "Rates",
              .columns = {"class", "rate"},
              .rows = {{"zero", "99.1 %"}, {"<one>", "–"}},
              .bold_rows = {1}})
      .key_figures({{"99 %", "recognised"}})
      .fact("Seed", "1");
  return page;
}

}  // namespace

TEST_CASE("a page holds everything it was given, with HTML's own characters escaped") {
  const Folder folder;
  nn::viz::write_png(folder.path / "a picture.png", nn::viz::Image(30, 40, 1));
  full_page().write(folder.path);
  const std::string html = nn::read_file(folder.path / "index.html");
  for (const char* part :
       {"<title>Cost &amp; &lt;rate&gt;</title>", "<h1>Cost &amp; &lt;rate&gt;</h1>",
        "Does &quot;it&quot; learn?", "<h2>Results &lt;1&gt;</h2>", "<h3>minor</h3>",
        "<strong>bold</strong>, <code>a &lt; b</code> and &lt;script&gt;.", "L = −log p &amp; more",
        "if (a &lt; b) {\n  return;\n}", "<li>two &amp; three</li>",
        "<img src=\"a%20picture.png\" alt=\"words\" width=\"20\" height=\"15\"",
        "What it &lt;shows&gt;.", "<td>&lt;one&gt;</td><td class=\"number\">–</td>",
        "<tr class=\"bold\">", "<dt>99 %</dt><dd>recognised</dd>", "<dt>Seed</dt><dd>1</dd>"}) {
    CHECK_MESSAGE(contains(html, part), part);
  }
  CHECK(!contains(html, "<script"));
}

TEST_CASE("a page read back is written again as it was") {
  const Folder folder;
  nn::viz::write_png(folder.path / "a picture.png", nn::viz::Image(30, 40, 1));
  full_page().write(folder.path);
  const std::string html = nn::read_file(folder.path / "index.html");
  const std::string json = nn::read_file(folder.path / "page.json");
  Page::read(folder.path).write(folder.path);
  CHECK(nn::read_file(folder.path / "index.html") == html);
  CHECK(nn::read_file(folder.path / "page.json") == json);
}

TEST_CASE("a page that cannot be read is refused by name") {
  const Folder folder;
  CHECK_THROWS_AS(static_cast<void>(Page::read(folder.path)), nn::FileError);
  for (const char* content :
       {"", "{", "[]", "{\"title\": 1}", R"({"title": "t", "lead": "", "sections": [{}]})",
        R"({"title": "t", "lead": "", "sections": [{"heading": "", "blocks": [{"kind": "x"}]}]})",
        R"({"title": "t", "lead": "", "sections": [{"heading": "", "blocks": [{"kind": "table",
            "caption": "", "columns": ["a"], "rows": [["1", "2"]], "bold_rows": []}]}]})"}) {
    CAPTURE(content);
    nn::write_file(folder.path / "page.json", content);
    CHECK_THROWS_WITH_AS(static_cast<void>(Page::read(folder.path)),
                         doctest::Contains("page.json is damaged"), nn::FileError);
  }
}

TEST_CASE("a picture that is missing or of another kind is refused, and the old page stays") {
  const Folder folder;
  Page page("Title", "");
  page.write(folder.path);
  const std::string before = nn::read_file(folder.path / "index.html");
  page.picture("none.png", "");
  CHECK_THROWS_WITH_AS(page.write(folder.path), doctest::Contains("none.png"), nn::FileError);
  nn::write_file(folder.path / "none.png", "text");
  CHECK_THROWS_WITH_AS(page.write(folder.path), doctest::Contains(".png and .svg"), nn::FileError);
  CHECK(nn::read_file(folder.path / "index.html") == before);
}

TEST_CASE("a table whose rows do not fit its columns is refused") {
  Page page("Title", "");
  CHECK_THROWS_AS(page.table({.columns = {"a", "b"}, .rows = {{"1"}}}), nn::Error);
}

TEST_CASE("a self-contained page refers to no other file") {
  const Folder folder;
  nn::viz::write_png(folder.path / "a picture.png", nn::viz::Image(30, 40, 3, {1, 2, 3}));
  const std::string html = full_page().self_contained_html(folder.path);
  CHECK(contains(html, "src=\"data:image/png;base64,iVBORw0KGgo"));
  CHECK(!contains(html, "a%20picture.png"));
}

TEST_CASE("a report joins pages under their questions") {
  const Folder folder;
  nn::viz::write_png(folder.path / "a picture.png", nn::viz::Image(30, 40, 1));
  full_page().write(folder.path);
  example::Report report("Report", "All of it.");
  report.add(folder.path, "What is < asked?");
  report.add(folder.path, "");
  report.fact("Machine", "two cores");
  report.write(folder.path / "report.html");
  const std::string html = nn::read_file(folder.path / "report.html");
  for (const char* part :
       {"<h1>Report</h1>", "What is &lt; asked?", "href=\"#chapter-1\"", "id=\"chapter-1\"",
        "href=\"#chapter-2-1\"", "<h3 id=\"chapter-2-1\">Results &lt;1&gt;</h3>",
        "<dt>Machine</dt><dd>two cores</dd>", "<h4>minor</h4>"}) {
    CHECK_MESSAGE(contains(html, part), part);
  }
  CHECK(!contains(html, "a%20picture.png"));
  CHECK_THROWS_AS(report.add(folder.path / "none", ""), nn::FileError);
}

TEST_CASE("a report opens with numbers and a picture of the chapters that it is told") {
  const Folder folder;
  nn::viz::write_png(folder.path / "answers.png", nn::viz::Image(30, 40, 1));
  Page("Digits", "Which?")
      .key_figures({{"98 %", "of all"}, {"3 s", "of training"}})
      .write(folder.path);
  example::Report report("Report", "All of it.");
  report.add(folder.path, "");
  report.open_with(folder.path / "none", "lost.png");
  report.open_with(folder.path, "answers.png");
  report.write(folder.path / "report.html");
  const std::string html = nn::read_file(folder.path / "report.html");
  const std::string before_contents = html.substr(0, html.find("<nav"));
  CHECK(contains(before_contents, "<dt>98 %</dt><dd>of all (Digits)</dd>"));
  CHECK(!contains(before_contents, "of training"));
  CHECK(contains(before_contents, "<img src=\"data:image/png;base64,"));
}

TEST_CASE("marks that do not close stand for themselves") {
  CHECK(example::html::marked_up("2 ** 3 and `x") == "2 ** 3 and `x");
  CHECK(example::html::marked_up("``") == "``");
  CHECK(example::html::marked_up("****") == "****");
  CHECK(example::html::marked_up("**a `b**` c**") == "<strong>a `b</strong>` c**");
  CHECK(example::html::marked_up("`**`") == "<code>**</code>");
  CHECK(example::html::marked_up("") == "");
}

TEST_CASE("base 64 is that of RFC 4648, section 10") {
  CHECK(example::html::base64("") == "");
  CHECK(example::html::base64("f") == "Zg==");
  CHECK(example::html::base64("fo") == "Zm8=");
  CHECK(example::html::base64("foo") == "Zm9v");
  CHECK(example::html::base64("foobar") == "Zm9vYmFy");
  CHECK(example::html::base64("\xff\xfe") == "//4=");
}

TEST_CASE("cells are numbers when they begin like one") {
  for (const char* cell : {"1", "-0.5", "−3", "99.1 %", "< 0.001", "", "–", "±2", "NaN", "**7**"}) {
    CHECK_MESSAGE(example::html::is_numeric(cell), cell);
  }
  for (const char* cell : {"zero", "SGD", "n/a"}) {
    CHECK_MESSAGE(!example::html::is_numeric(cell), cell);
  }
}

TEST_CASE("a picture is shown at half its pixels, a drawing at its own size") {
  const std::string png = nn::viz::encode_png(nn::viz::Image(100, 300, 1));
  CHECK(example::html::picture_size(png, "a.png").width == 150);
  CHECK(example::html::picture_size(png, "a.png").height == 50);
  const std::string svg = "<?xml?>\n<svg \n width=\"640\" height=\"400\"\n viewBox=\"0 0 1 1\">";
  CHECK(example::html::picture_size(svg, "a.svg").width == 640);
  CHECK(example::html::picture_size(svg, "a.svg").height == 400);
}

TEST_CASE("metrics keep their order and read back") {
  const Folder folder;
  example::Metrics metrics;
  metrics["zeta"] = 0.5;
  metrics["alpha"] = std::numeric_limits<double>::quiet_NaN();
  metrics["history"].push_back({{"epoch", 1}, {"loss", 0.25}});
  example::write_metrics(folder.path, metrics);
  CHECK(nn::read_file(folder.path / "metrics.json") ==
        "{\n  \"zeta\": 0.5,\n  \"alpha\": null,\n  \"history\": [\n    {\n      \"epoch\": 1,\n"
        "      \"loss\": 0.25\n    }\n  ]\n}\n");
  CHECK(example::read_metrics(folder.path)["history"][0]["loss"] == 0.25);
  nn::write_file(folder.path / "metrics.json", "{");
  CHECK_THROWS_AS(static_cast<void>(example::read_metrics(folder.path)), nn::FileError);
}
