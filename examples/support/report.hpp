/// @file
/// Several pages joined into one document with a table of contents.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "support/page.hpp"

namespace example {

/// One HTML file that needs no other: the pictures are inside, so that it opens from a USB stick.
class Report {
 public:
  Report(std::string title, std::string lead) : title_(std::move(title)), lead_(std::move(lead)) {}

  /// Adds the page that a program wrote into `folder` as the next chapter.
  /// @param question the question of the course that the page answers, in one line
  /// @throws nn::FileError when there is no page
  void add(const std::filesystem::path& folder, std::string question);

  /// Puts a chapter's first key figure at the beginning of the document and, where one is named, a
  /// picture of its folder.
  /// @param folder that of a chapter that was added; any other is passed over
  /// @param picture a file in it, passed over if it is not there
  void open_with(const std::filesystem::path& folder, const std::string& picture = {});

  /// What it takes to repeat the runs, told at the end beside the facts of each page.
  void fact(std::string name, std::string value);

  /// @throws nn::FileError when a picture is missing or the file cannot be written.
  void write(const std::filesystem::path& file) const;

 private:
  struct Chapter {
    Page page;
    std::filesystem::path folder;
    std::string question;
  };

  std::string title_;
  std::string lead_;
  std::vector<Chapter> chapters_;
  std::vector<std::pair<std::string, std::string>> facts_;
  std::vector<KeyFigure> figures_;         // at the beginning
  std::filesystem::path opening_picture_;  // likewise; or none
};

}  // namespace example
