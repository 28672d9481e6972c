/// @file
/// The parts that pages and reports are made of, as HTML.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/page.hpp"

namespace example::html {

/// Where the pictures of a page come from, and whether they go into the HTML.
struct PictureSource {
  std::filesystem::path folder;
  bool embedded = false;
};

/// The text with the characters that HTML gives a meaning written as entities.
[[nodiscard]] std::string escaped(std::string_view text);

/// A plain text with `code` and **bold** marked up.
[[nodiscard]] std::string marked_up(std::string_view text);

/// The bytes in base 64 (RFC 4648).
[[nodiscard]] std::string base64(std::string_view bytes);

/// Whether a table's cell is a number: whether it begins like one, or is empty or a dash.
[[nodiscard]] bool is_numeric(std::string_view cell);

/// A picture's size on a page, half its pixels (an .svg file's own size).
struct Size {
  double width = 0;
  double height = 0;
};

/// @throws nn::FileError unless the content is that of a PNG or SVG file.
[[nodiscard]] Size picture_size(const std::string& content, const std::string& name);

/// The sections of a page, their headings being of the given level.
/// @param anchor begins the names by which headings can be linked to; empty: none
[[nodiscard]] std::string sections(const Page& page, const PictureSource& source, int level,
                                   const std::string& anchor = {});

[[nodiscard]] std::string facts(const std::vector<std::pair<std::string, std::string>>& facts);

/// A whole document.
[[nodiscard]] std::string document(std::string_view title, std::string_view body);

}  // namespace example::html
