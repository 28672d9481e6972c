#include "support/html.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "nn/core/error.hpp"
#include "nn/core/file.hpp"
#include "nn/core/text_stream.hpp"
#include "nn/viz/image.hpp"
#include "support/style.hpp"
#include "support/text.hpp"

namespace example::html {

namespace {

/// Pictures wider than this may leave the column of text; on a telephone they are scrolled.
constexpr double text_column = 720;

std::string tag(std::string_view name, std::string_view content, std::string_view attributes = {}) {
  nn::TextStream out;
  out << '<' << name << (attributes.empty() ? "" : " ") << attributes << '>' << content << "</"
      << name << '>';
  return out.str();
}

std::string url_of(std::string_view file) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  constexpr std::string_view plain = "-_.~/";
  std::string url;
  for (const char character : file) {
    const auto byte = static_cast<unsigned char>(character);
    if (std::isalnum(byte) != 0 || plain.find(character) != std::string_view::npos) {
      url += character;
    } else {
      url += '%';
      url += digits[byte / 16U];
      url += digits[byte % 16U];
    }
  }
  return url;
}

bool is_svg(const std::string& content) { return content.find("<svg") < 2000; }

std::string data_url(const std::string& content, const std::filesystem::path& path) {
  if (is_svg(content)) return "data:image/svg+xml;base64," + base64(content);
  // The same picture beside it, smaller, for those who have made one.
  const std::filesystem::path webp = std::filesystem::path(path).replace_extension(".webp");
  if (std::filesystem::exists(webp)) {
    return "data:image/webp;base64," + base64(nn::read_file(webp));
  }
  // A palette makes the picture a third of the size.
  const nn::viz::Image picture = nn::viz::decode_image(content, path.string());
  const std::string smaller = nn::viz::encode_png(nn::viz::reduced_colours(picture));
  return "data:image/png;base64," + base64(smaller.size() < content.size() ? smaller : content);
}

struct RenderedPicture {
  std::string html;
  double width = 0;
};

RenderedPicture rendered(const Picture& picture, const PictureSource& source) {
  const std::filesystem::path path = source.folder / picture.file;
  const std::string content = nn::read_file(path);
  const Size size = picture_size(content, path.string());
  const std::string url = source.embedded ? data_url(content, path) : url_of(picture.file);
  const std::string& words = picture.alternative.empty() ? picture.caption : picture.alternative;
  nn::TextStream out;
  out << "<img src=\"" << url << "\" alt=\"" << escaped(words) << "\" width=\"" << size.width
      << "\" height=\"" << size.height << "\" loading=\"" << (source.embedded ? "eager" : "lazy")
      << '"' << (size.width > text_column ? " class=\"large\"" : "") << '>';
  std::string caption;
  if (!picture.caption.empty()) caption = tag("figcaption", marked_up(picture.caption));
  return {tag("figure", tag("div", out.str(), "class=\"scroll\"") + caption), size.width};
}

std::string pictures(const std::vector<Picture>& row, const PictureSource& source) {
  std::string content;
  double width = 0;
  for (const Picture& picture : row) {
    const RenderedPicture one = rendered(picture, source);
    content += one.html + '\n';
    width += one.width;
  }
  const bool wide = width > text_column;
  if (row.size() == 1) return wide ? tag("div", content, "class=\"wide\"") : content;
  return tag("div", content, wide ? "class=\"row wide\"" : "class=\"row\"");
}

std::string table_row(const Table& table, const std::vector<std::string>& cells,
                      const std::vector<bool>& numeric, std::string_view kind) {
  std::string content;
  for (std::size_t column = 0; column < table.columns.size(); ++column) {
    content += tag(kind, marked_up(cells[column]), numeric[column] ? "class=\"number\"" : "");
  }
  return content;
}

std::string rendered(const Table& table) {
  std::vector<bool> numeric(table.columns.size(), true);
  for (const auto& row : table.rows) {
    for (std::size_t column = 0; column < numeric.size(); ++column) {
      numeric[column] = numeric[column] && is_numeric(row[column]);
    }
  }
  nn::TextStream out;
  if (!table.caption.empty()) out << tag("caption", marked_up(table.caption)) << '\n';
  out << tag("thead", tag("tr", table_row(table, table.columns, numeric, "th"))) << "\n<tbody>\n";
  for (std::size_t k = 0; k < table.rows.size(); ++k) {
    const auto& bold = table.bold_rows;
    const bool is_bold =
        std::find(bold.begin(), bold.end(), static_cast<nn::Index>(k)) != bold.end();
    out << tag("tr", table_row(table, table.rows[k], numeric, "td"),
               is_bold ? "class=\"bold\"" : "")
        << '\n';
  }
  out << "</tbody>\n";
  const std::string scroll = tag("div", tag("table", out.str()), "class=\"scroll\"");
  return tag("div", scroll, table.columns.size() > 9 ? "class=\"table wide\"" : "class=\"table\"");
}

std::string rendered(const std::vector<KeyFigure>& figures) {
  std::string content;
  for (const KeyFigure& figure : figures) {
    content += tag("div", tag("dt", escaped(figure.value)) + tag("dd", marked_up(figure.label)));
  }
  return tag("dl", content, "class=\"key\"");
}

std::string rendered(const Block& block, const PictureSource& source, int level) {
  switch (block.kind) {
    case Block::Kind::heading:
      return tag("h" + std::to_string(level + 1), escaped(block.text));
    case Block::Kind::paragraph:
      return tag("p", marked_up(block.text));
    case Block::Kind::note:
      return tag("p", marked_up(block.text), "class=\"note\"");
    case Block::Kind::conclusion:
      return tag("p", marked_up(block.text), "class=\"conclusion\"");
    case Block::Kind::formula:
      return tag("p", escaped(block.text), "class=\"formula\"");
    case Block::Kind::code:
      return tag("pre", tag("code", escaped(block.text)));
    case Block::Kind::pictures:
      return pictures(block.pictures, source);
    case Block::Kind::table:
      return rendered(block.table);
    case Block::Kind::key_figures:
      return rendered(block.figures);
    case Block::Kind::list:
      break;
  }
  std::string content;
  for (const std::string& item : block.items) content += tag("li", marked_up(item));
  return tag("ul", content);
}

/// The number that follows `attribute="` in the opening tag of an SVG file.
double svg_length(const std::string& content, std::string_view attribute) {
  const auto begin = content.find("<svg");
  const auto end = content.find('>', begin);
  const auto place = content.find(nn::text(' ', attribute, "=\""), begin);
  if (place >= end) return 0;
  double length = 0;
  std::from_chars(content.data() + place + attribute.size() + 3, content.data() + end, length);
  return length;
}

double png_extent(const std::string& content, std::size_t place) {
  double value = 0;
  for (std::size_t k = 0; k < 4; ++k) {
    value = value * 256 + static_cast<unsigned char>(content[place + k]);
  }
  return value;
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string result;
  for (const char character : text) {
    switch (character) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      case '\'':
        result += "&#39;";
        break;
      default:
        result += character;
    }
  }
  return result;
}

std::string marked_up(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const std::size_t place = std::min(text.find('`'), text.find("**"));
    const std::string_view mark = place < text.size() && text[place] == '`' ? "`" : "**";
    const std::size_t inside = place == std::string_view::npos ? place : place + mark.size();
    const std::size_t end = inside == std::string_view::npos ? inside : text.find(mark, inside);
    if (end == std::string_view::npos || end == inside) {  // nothing that closes: plain characters
      const std::size_t plain = std::min(inside, text.size());
      result += escaped(text.substr(0, plain));
      text.remove_prefix(plain);
      continue;
    }
    result += escaped(text.substr(0, place));
    const std::string_view content = text.substr(inside, end - inside);
    result += mark == "`" ? tag("code", escaped(content)) : tag("strong", marked_up(content));
    text.remove_prefix(end + mark.size());
  }
  return result;
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string result;
  result.reserve(bytes.size() / 3 * 4 + 4);
  for (std::size_t k = 0; k < bytes.size(); k += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - k);
    unsigned group = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      group = group << 8U | (i < count ? static_cast<unsigned char>(bytes[k + i]) : 0U);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      result += i <= count ? digits[group >> (18U - 6U * i) & 63U] : '=';
    }
  }
  return result;
}

bool is_numeric(std::string_view cell) {
  for (const std::string_view mark : {"−", "≤", "≥", "±", "≈", "–", "—", "∞"}) {
    if (cell.substr(0, mark.size()) == mark) return true;
  }
  while (!cell.empty() &&
         std::string_view("+-.<>=~* ").find(cell.front()) != std::string_view::npos) {
    cell.remove_prefix(1);
  }
  return cell.empty() || std::isdigit(static_cast<unsigned char>(cell.front())) != 0 ||
         cell == "NaN";
}

Size picture_size(const std::string& content, const std::string& name) {
  if (content.substr(0, 8) == "\x89PNG\r\n\x1a\n" && content.size() > 24) {
    return {png_extent(content, 16) / 2, png_extent(content, 20) / 2};
  }
  nn::require<nn::FileError>(is_svg(content), name, ": a page shows .png and .svg pictures only");
  return {svg_length(content, "width"), svg_length(content, "height")};
}

std::string sections(const Page& page, const PictureSource& source, int level,
                     const std::string& anchor) {
  nn::TextStream out;
  const auto& all = page.sections();
  for (std::size_t k = 0; k < all.size(); ++k) {
    const std::string id = anchor.empty() ? "" : nn::text("id=\"", anchor, '-', k, '"');
    if (!all[k].heading.empty()) {
      out << tag("h" + std::to_string(level), escaped(all[k].heading), id) << '\n';
    }
    for (const Block& block : all[k].blocks) out << rendered(block, source, level) << '\n';
  }
  return out.str();
}

std::string facts(const std::vector<std::pair<std::string, std::string>>& facts) {
  std::string content;
  for (const auto& [name, value] : facts) {
    content += tag("dt", escaped(name)) + tag("dd", marked_up(value)) + '\n';
  }
  return tag("dl", content, "class=\"facts\"");
}

std::string document(std::string_view title, std::string_view body) {
  return nn::text(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
      escaped(title), "</title>\n<style>", style, "</style>\n</head>\n<body>\n<main>\n", body,
      "</main>\n</body>\n</html>\n");
}

}  // namespace example::html
