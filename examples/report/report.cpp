// Joins the pages of the parts into one document that needs no other file.
//
//   report CHAPTERS FOLDER quick|full [NAME=VALUE...]
//
// CHAPTERS lists the chapters (see examples/report/chapters), FOLDER has a folder for each and gets
// index.html. The third argument says whether the runs were quick ones; the others are facts for
// the end of the document.

#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "nn/core/error.hpp"
#include "nn/core/file.hpp"
#include "nn/train/build_info.hpp"
#include "support/report.hpp"

namespace {

struct Chapter {
  std::string folder;
  std::string question;
};

std::string trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(" ?");
  const std::size_t end = text.find_last_not_of(' ');
  return begin == std::string::npos ? "" : text.substr(begin, end - begin + 1);
}

/// Lines of "folder | command | question"; others begin with # or are empty.
std::vector<Chapter> read_chapters(const std::filesystem::path& file) {
  std::vector<Chapter> chapters;
  std::istringstream lines(nn::read_file(file));
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line.front() == '#') continue;
    std::istringstream fields(line);
    std::string folder;
    std::string command;
    std::string question;
    std::getline(fields, folder, '|');
    std::getline(fields, command, '|');
    std::getline(fields, question);
    nn::require(!question.empty(), file.string(), ": expected folder | command | question, got ",
                line);
    chapters.push_back({trimmed(folder), trimmed(question)});
  }
  return chapters;
}

std::string lead(bool quick) {
  std::string text =
      "From the first picture of a digit to the last that a network drew: the parts of the course "
      "project, one after another, run and measured on one machine.";
  if (quick) {
    text +=
        " This was a quick run: small shares of the data and few epochs show everything at work, "
        "and the numbers are below those of a full run.";
  }
  return text;
}

/// @throws nn::Error when there is nothing to join, or a page is damaged.
void join(const std::vector<std::string>& arguments) {
  nn::require(arguments.size() >= 3, "usage: report CHAPTERS FOLDER quick|full [NAME=VALUE...]");
  const std::filesystem::path folder = arguments[1];
  example::Report report("Neural networks that read, doubt and draw",
                         lead(arguments[2] == "quick"));
  int count = 0;
  for (const Chapter& chapter : read_chapters(arguments[0])) {
    if (!std::filesystem::exists(folder / chapter.folder / "page.json")) continue;
    report.add(folder / chapter.folder, chapter.question);
    ++count;
  }
  report.open_with(folder / "part2_classifier", "right.png");
  for (const char* chapter :
       {"part3_detector", "part4_gan", "part5_fashion_mnist", "part5_cifar_10"}) {
    report.open_with(folder / chapter);
  }
  nn::require(count > 0, "there are no pages to join in ", folder.string());
  for (std::size_t i = 3; i < arguments.size(); ++i) {
    const std::size_t place = arguments[i].find('=');
    nn::require(place != std::string::npos, "expected NAME=VALUE, got ", arguments[i]);
    report.fact(arguments[i].substr(0, place), arguments[i].substr(place + 1));
  }
  report.fact("Build", nn::build_info());
  report.write(folder / "index.html");
}

}  // namespace

int main(int argc, char** argv) {
  try {
    join({argv + 1, argv + argc});
    return EXIT_SUCCESS;
  } catch (const std::exception& error) {
    std::cerr << "report: " << error.what() << '\n';
    return EXIT_FAILURE;
  }
}
