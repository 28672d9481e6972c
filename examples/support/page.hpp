/// @file
/// The page on which a program tells what was asked, what was done, what came out and what it
/// means.
///
///     example::Page page("Recognising digits", "How well does a small network read handwriting?");
///     page.key_figures({{percent(accuracy), "of the test images recognised"}});
///     page.section("Learning").paragraph("The loss falls until epoch **4**.");
///     page.picture("loss.png", "Loss on the training and the test set.");
///     page.write(flags.out);
///
/// Texts are plain: every character stands for itself, but for `code` between backquotes and
/// **bold** between double asterisks.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "nn/core/shape.hpp"

namespace example {

/// A picture of the results folder. It is shown at half its pixels, for which nn::viz draws.
struct Picture {
  std::string file = {};         ///< its name in the folder, .png or .svg
  std::string caption = {};      ///< what it shows
  std::string alternative = {};  ///< for readers who cannot see it; empty: the caption
};

/// Columns whose cells are numbers are aligned to the right.
struct Table {
  std::string caption = {};
  std::vector<std::string> columns = {};
  std::vector<std::vector<std::string>> rows = {};
  std::vector<nn::Index> bold_rows = {};  ///< such as the best one
};

/// A number that sums up a result, in large type.
struct KeyFigure {
  std::string value = {};
  std::string label = {};
};

/// One thing on a page. Which members matter is told by the kind.
struct Block {
  enum class Kind {
    heading,
    paragraph,
    note,
    conclusion,
    formula,
    code,
    list,
    pictures,
    table,
    key_figures
  };
  Kind kind = Kind::paragraph;
  std::string text = {};
  std::vector<std::string> items = {};
  std::vector<Picture> pictures = {};
  std::vector<KeyFigure> figures = {};
  Table table = {};
};

struct Section {
  std::string heading = {};  ///< empty for what comes before the first heading
  std::vector<Block> blocks = {};
};

/// A page, built from top to bottom.
class Page {
 public:
  /// @param lead the question that the page answers
  Page(std::string title, std::string lead);

  /// Begins a section; what follows belongs to it.
  Page& section(std::string heading);
  Page& heading(std::string text);  ///< a minor heading within a section
  Page& paragraph(std::string text);
  Page& note(std::string text);        ///< an aside, or what has to be known to read on
  Page& conclusion(std::string text);  ///< what follows from the numbers
  Page& formula(std::string text);
  Page& code(std::string text);
  Page& list(std::vector<std::string> items);
  Page& picture(std::string file, std::string caption, std::string alternative = {});
  Page& pictures(std::vector<Picture> row);  ///< side by side where there is room
  /// @throws nn::Error when a row has more or fewer cells than there are columns.
  Page& table(Table table);
  Page& key_figures(std::vector<KeyFigure> figures);
  /// What it takes to repeat the run, told at the end: seed, threads, build, ...
  Page& fact(std::string name, std::string value);

  [[nodiscard]] const std::string& title() const { return title_; }
  [[nodiscard]] const std::string& lead() const { return lead_; }
  [[nodiscard]] const std::vector<Section>& sections() const { return sections_; }
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& facts() const {
    return facts_;
  }

  /// Writes index.html and, for a report that joins pages, the same content as page.json.
  /// @throws nn::Error when a picture is not in the folder, FileError when a file cannot be
  /// written.
  void write(const std::filesystem::path& folder) const;

  /// The page as one HTML file with its pictures inside.
  [[nodiscard]] std::string self_contained_html(const std::filesystem::path& folder) const;

  /// The page that was written into the folder.
  /// @throws nn::FileError when there is none, or its page.json is damaged.
  [[nodiscard]] static Page read(const std::filesystem::path& folder);

 private:
  Page& add(Block block);

  std::string title_;
  std::string lead_;
  std::vector<Section> sections_;
  std::vector<std::pair<std::string, std::string>> facts_;
};

}  // namespace example
