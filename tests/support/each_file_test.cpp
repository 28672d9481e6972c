#include "support/each_file.hpp"

#include <doctest/doctest.h>

#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

/// What is written to stderr meanwhile.
class CapturedErrors {
 public:
  CapturedErrors() : before_(std::cerr.rdbuf(text_.rdbuf())) {}
  CapturedErrors(const CapturedErrors&) = delete;
  CapturedErrors& operator=(const CapturedErrors&) = delete;
  ~CapturedErrors() { std::cerr.rdbuf(before_); }

  [[nodiscard]] std::string text() const { return text_.str(); }

 private:
  std::ostringstream text_;
  std::streambuf* before_;
};

TEST_CASE("files that are refused are named and counted, and the others used") {
  std::vector<std::string> used;
  const CapturedErrors errors;
  const nn::Index refused =
      example::refused_of({"a.png", "b.png", "c.png", "d.png"}, [&](const std::string& file) {
        if (file == "a.png") throw nn::Error("it is damaged");
        if (file == "c.png") throw nn::FileError("cannot read c.png");
        used.push_back(file);
      });
  CHECK(refused == 2);
  CHECK(used == std::vector<std::string>{"b.png", "d.png"});
  CHECK(errors.text() == "a.png: it is damaged\ncannot read c.png\n");
}

TEST_CASE("what is no error of the library ends the whole") {
  CHECK_THROWS_AS((void)example::refused_of(
                      {"a.png"}, [](const std::string&) { throw std::runtime_error("no memory"); }),
                  std::runtime_error);
}

}  // namespace
