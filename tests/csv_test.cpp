#include "nn/data/csv.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <vector>

#include "data_files.hpp"
#include "nn/data/gzip.hpp"

namespace csv_test {

using namespace nn;          // NOLINT
using namespace data_files;  // NOLINT

using Texts = std::vector<std::string>;

Table parsed(const std::string& content, const CsvOptions& options = {}) {
  return parse_csv(content, "t.csv", options);
}

Texts row(const Table& table, Index index) {
  Texts cells;
  for (Index column = 0; column < table.columns(); ++column)
    cells.emplace_back(table.cell(index, column));
  return cells;
}

/// What reading `content` throws.
std::string refusal(const std::string& content, const CsvOptions& options = {}) {
  return message_of([&] { (void)parsed(content, options); });
}

TEST_CASE("a CSV file's header and rows are read") {
  const TemporaryFolder folder;
  const Table table = read_csv(folder.write("t.csv", "name,width\nx,1.5\ny,-2\n"));
  CHECK(table.column_names() == Texts{"name", "width"});
  CHECK(table.size() == 2);
  CHECK(row(table, 0) == Texts{"x", "1.5"});
  CHECK(table.number(1, table.column("width")) == -2);
}

TEST_CASE("a TSV file keeps commas and empty cells") {
  const TemporaryFolder folder;
  const Table table = read_tsv(folder.write("t.tsv", "a\tb\tc\n1,5\t\t x \n\t\t\n"));
  CHECK(row(table, 0) == Texts{"1,5", "", "x"});
  CHECK(row(table, 1) == Texts{"", "", ""});
}

TEST_CASE("a compressed CSV file is read like any other") {
  const TemporaryFolder folder;
  // printf 'a\n7\n' | gzip -9n
  folder.write("t.csv.gz", std::string("\x1f\x8b\x08\0\0\0\0\0\x02\x03\x4b\xe4\x32\xe7\x02\0\x86"
                                       "\x83\x9b\xdf\x04\0\0\0",
                                       24));
  CHECK(read_csv(folder.path() / "t.csv").number(0, 0) == 7);
}

TEST_CASE("cells in quotes may hold separators, quotes and line ends") {
  const Table table = parsed("a,b\n\"x,y\",\"say \"\"no\"\"\"\n\"two\r\nlines\",\"\"\n");
  CHECK(row(table, 0) == Texts{"x,y", "say \"no\""});
  CHECK(row(table, 1) == Texts{"two\r\nlines", ""});
}

TEST_CASE("the ends of lines may be of any kind, and the last may lack") {
  const std::vector<Texts> expected{{"1", "2"}, {"3", "4"}};
  for (const std::string end : {"\n", "\r\n", "\r"}) {
    for (const std::string& last : {std::string(), end, end + "  " + end}) {
      const Table table = parsed("a,b" + end + "1,2" + end + end + "3,4" + last);
      REQUIRE(table.size() == 2);
      CHECK(row(table, 0) == expected[0]);
      CHECK(row(table, 1) == expected[1]);
    }
  }
}

TEST_CASE("a byte order mark is not part of the first column's name") {
  CHECK(parsed("\xef\xbb\xbf"
               "a,b\n1,2\n")
            .column("a") == 0);
  CHECK(contains(refusal(std::string("\xff\xfe"
                                     "a\0",
                                     4)),
                 "t.csv: its text is in UTF-16"));
}

TEST_CASE("spaces around a cell go, those within it and within quotes stay") {
  CHECK(row(parsed("a , b\n one two\t, \" x \" \n"), 0) == Texts{"one two", " x "});
  CHECK(parsed("a , b\n1,2\n").column_names() == Texts{"a", "b"});
}

TEST_CASE("without a header the columns are numbered") {
  const Table table = parsed("1;2,5\n", {.separator = ';', .header = false, .decimal_point = ','});
  CHECK(table.size() == 1);
  CHECK(table.column_names() == Texts{"1", "2"});
  CHECK(table.number(0, 1) == 2.5);
}

TEST_CASE("a header alone is a table without rows") {
  CHECK(parsed("a,b").empty());
  CHECK(parsed("a,b").columns() == 2);
}

TEST_CASE("numbers are read in any spelling of decimals and in no other") {
  const auto number = [](const std::string& cell) {
    return parsed("n\n" + cell + "\n").number(0, 0);
  };
  CHECK(number("12") == 12);
  CHECK(number("+1.5") == 1.5);
  CHECK(number("-.25") == -0.25);
  CHECK(number("1e-3") == 0.001);
  CHECK(number("2.E+2") == 200);
  CHECK(number("0.1") == 0.1);
  for (const std::string cell : {"x", "1x", "1 2", "0x10", "inf", "-infinity", "1e999", "--1",
                                 "+-1", "1.2.3", "e5", "-", "\"1,5\""}) {
    CAPTURE(cell);
    CHECK(contains(message_of([&] { (void)number(cell); }),
                   "t.csv, line 2, column 1 (\"n\"): expected a number, found \""));
  }
  const Table comma = parsed("n\n1.5\n", {.separator = ';', .decimal_point = ','});
  CHECK(contains(message_of([&] { (void)comma.number(0, 0); }), "found \"1.5\""));
}

TEST_CASE("a missing number is refused with line and column") {
  const Table table = parsed("a,b\n1,2\n\n3,NA\n");
  CHECK(table.is_missing(1, 1));
  CHECK_FALSE(table.is_missing(0, 1));
  CHECK(message_of([&] { (void)table.number(1, 1); }) ==
        "t.csv, line 4, column 2 (\"b\"): the value is missing");
  const Table other = parsed("a\nNA\n-9\n", {.missing = {"-9"}});
  CHECK_FALSE(other.is_missing(0, 0));
  CHECK(other.is_missing(1, 0));
}

TEST_CASE("lines are counted through quoted cells of several lines") {
  const Table table = parsed("a,b\r\n\"1\r\n2\n3\r4\",5\r\n6,x\r\n");
  CHECK(table.place(0, 0) == "t.csv, line 2, column 1 (\"a\")");
  CHECK(table.place(1, 1) == "t.csv, line 6, column 2 (\"b\")");
}

TEST_CASE("rows of a table are chosen in any order, with their lines") {
  const Table table = parsed("a\nx\ny\nz\n");
  const std::array<Index, 3> wanted{2, 0, 2};
  const Table part = table.subset(wanted);
  CHECK(part.size() == 3);
  CHECK(part.cell(0, 0) == "z");
  CHECK(part.cell(1, 0) == "x");
  CHECK(part.place(2, 0) == "t.csv, line 4, column 1 (\"a\")");
  const std::array<Index, 1> beyond{3};
  CHECK(message_of<Error>([&] { (void)table.subset(beyond); }) == "row 3 of t.csv, which has 3");
}

TEST_CASE("a column that is not there, or twice, is refused by name") {
  CHECK(message_of<Error>([] { (void)parsed("a,b\n").column("c"); }) ==
        "t.csv: there is no column \"c\"; there are \"a\", \"b\"");
  CHECK(message_of<Error>([] { (void)parsed("a,a\n").column("a"); }) ==
        "t.csv: more than one column is called \"a\"");
}

TEST_CASE("what is no table is refused with its place") {
  CHECK(refusal("") == "t.csv: it holds no header");
  CHECK(refusal("\n \n", {.header = false}) == "t.csv: it holds no rows");
  CHECK(refusal("a,b,c\n1,2,3\n1,2\n") == "t.csv: line 3 has 2 cells; expected 3 as in the header");
  CHECK(refusal("1\n1,2\n", {.separator = '\t', .header = false}) == "nothing was thrown");
  CHECK(refusal("a,b\n1;2\n") ==
        "t.csv: line 2 has 1 cell; expected 2 as in the header (is the separator ','?)");
  CHECK(refusal("a,b\n1,\"x\n2,3\n") ==
        "t.csv, line 2, column 2: the quote that opens the cell is never closed");
  CHECK(contains(refusal("a,b\n\"x\ny\"z,1\n"),
                 "t.csv, line 3, column 1: after the closing quote comes 'z'"));
  CHECK(contains(refusal(std::string("a,b\n1,\0\n", 8)), "t.csv, line 2, column 2: a byte 0"));
  CHECK(contains(refusal("<!DOCTYPE html>"), "t.csv is a web page"));
  CHECK(refusal("a,b\n1,2\n", {.max_cells = 3}) ==
        "refused to read t.csv: it holds more than 3 cells");
}

TEST_CASE("options of a table that contradict each other are refused") {
  const auto message = [](const CsvOptions& options) {
    return message_of<Error>([&] { (void)parsed("a\n", options); });
  };
  CHECK(contains(message({.decimal_point = ','}), "cannot have ',' between its cells and ','"));
  CHECK(contains(message({.separator = '"'}), "cannot have '\"'"));
  CHECK(contains(message({.separator = '\n'}), "cannot have"));
}

}  // namespace csv_test
