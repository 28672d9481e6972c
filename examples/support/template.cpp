#include "support/template.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "nn/core/error.hpp"
#include "nn/core/file.hpp"
#include "nn/core/text_stream.hpp"
#include "support/files.hpp"
#include "support/text.hpp"

namespace example {

namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\n')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\n')) text.remove_suffix(1);
  return text;
}

/// What comes before `separator`, which is taken off `text` together with it.
std::string_view take_until(std::string_view& text, std::string_view separator) {
  const std::size_t place = std::min(text.find(separator), text.size());
  const std::string_view head = text.substr(0, place);
  text.remove_prefix(std::min(place + separator.size(), text.size()));
  return head;
}

// ---- filling ----

bool is_true(const Metrics& value) {
  if (value.is_boolean()) return value.get<bool>();
  return !value.is_null() && !(value.is_string() && value.get_ref<const std::string&>().empty()) &&
         !(value.is_array() && value.empty());
}

double number(const Metrics& value, std::string_view expression) {
  nn::require(value.is_number(), "{{", expression, "}} is not a number but ", value.dump());
  return value.get<double>();
}

/// How many decimals a filter is to write: `fallback` where it does not say.
int decimals(std::string_view argument, int fallback) {
  if (argument.empty()) return fallback;
  nn::require(argument.size() == 1 && argument[0] >= '0' && argument[0] <= '9',
              "decimals from 0 to 9, not ", argument);
  return argument[0] - '0';
}

std::string by_filter(const Metrics& value, std::string_view filter, std::string_view expression) {
  std::string_view argument = filter;
  const std::string_view name = take_until(argument, " ");
  if (name == "spread" || name == "percents") {
    const double mean = number(value.at("mean"), expression);
    const double deviation = number(value.at("deviation"), expression);
    return name == "spread" ? with_spread(mean, deviation, decimals(argument, 4))
                            : percent_with_spread(mean, deviation, decimals(argument, 2));
  }
  const double x = number(value, expression);
  if (name == "percent") return percent(x, decimals(argument, 2));
  if (name == "fixed") return fixed(x, decimals(argument, 3));
  if (name == "points") return fixed(100 * x, decimals(argument, 2));
  if (name == "signed")
    return (x < 0 ? "−" : "+") + fixed(100 * std::abs(x), decimals(argument, 2));
  if (name == "thousands") return thousands(std::llround(x));
  if (name == "counted") return counted(std::llround(x), std::string(argument));
  if (name == "duration") return duration(x);
  throw nn::Error(nn::text("{{", expression, "}}: there is no filter ", name));
}

/// Fills a template, the names of inner sections hiding those of outer ones.
class Filler {
 public:
  explicit Filler(const Metrics& values) : scopes_{&values} {}

  std::string fill(std::string_view text) {
    std::string result;
    while (!text.empty()) {
      const std::size_t open = text.find("{{");
      if (open == std::string_view::npos) break;
      result += text.substr(0, open);
      text.remove_prefix(open + 2);
      const std::string_view tag = take_until(text, "}}");
      if (tag.starts_with('#') || tag.starts_with('^')) {
        drop_line_of_tag(result, text);
        const std::string_view name = trimmed(tag.substr(1));
        const std::string_view inside = take_section(text, name);
        result += section(inside, name, tag.front() == '#');
      } else if (!tag.starts_with('!')) {
        result += value(tag);
      }
    }
    return result += text;
  }

 private:
  /// A tag alone on its line takes the line with it.
  static void drop_line_of_tag(std::string& before, std::string_view& after) {
    const bool begins = before.empty() || before.back() == '\n';
    if (begins && after.starts_with('\n')) after.remove_prefix(1);
  }

  /// What is inside a section, up to its end, which may hold sections of the same name.
  static std::string_view take_section(std::string_view& text, std::string_view name) {
    int depth = 1;
    for (std::size_t place = text.find("{{"); place != std::string_view::npos;
         place = text.find("{{", place + 2)) {
      const std::size_t end = text.find("}}", place);
      if (end == std::string_view::npos) break;
      const std::string_view tag = text.substr(place + 2, end - place - 2);
      if (tag.empty() || trimmed(tag.substr(1)) != name) continue;
      if (tag.front() == '#' || tag.front() == '^') ++depth;
      if (tag.front() == '/' && --depth == 0) {
        const std::string_view inside = text.substr(0, place);
        text.remove_prefix(end + 2);
        const bool own_line = inside.empty() || inside.back() == '\n';
        if (own_line && text.starts_with('\n')) text.remove_prefix(1);
        return inside;
      }
    }
    throw nn::Error(nn::text("the section {{#", name, "}} is not closed"));
  }

  std::string section(std::string_view inside, std::string_view name, bool wanted) {
    const Metrics& value = find(name);
    if (!wanted) return is_true(value) ? "" : fill(inside);
    if (!is_true(value)) return "";
    if (!value.is_array()) return within(value, inside);
    std::string result;
    for (std::size_t i = 0; i < value.size(); ++i) {
      const Metrics place{{"@first", i == 0}, {"@last", i + 1 == value.size()}, {"@index", i}};
      scopes_.push_back(&place);
      result += within(value[i], inside);
      scopes_.pop_back();
    }
    return result;
  }

  std::string within(const Metrics& value, std::string_view inside) {
    scopes_.push_back(&value);
    std::string result = fill(inside);
    scopes_.pop_back();
    return result;
  }

  std::string value(std::string_view expression) {
    std::string_view filter = expression;
    const std::string_view name = trimmed(take_until(filter, "|"));
    const Metrics& value = find(name);
    filter = trimmed(filter);
    if (!filter.empty()) return by_filter(value, filter, trimmed(expression));
    if (value.is_string()) return value.get<std::string>();
    nn::require(value.is_number_integer(), "{{", name, "}} is no text but ", value.dump());
    return value.dump();
  }

  const Metrics& find(std::string_view path) {
    if (path == ".") return *scopes_.back();
    std::string_view rest = path;
    const std::string first(take_until(rest, "."));
    const auto scope = std::find_if(scopes_.rbegin(), scopes_.rend(), [&](const Metrics* values) {
      return values->is_object() && values->contains(first);
    });
    nn::require(scope != scopes_.rend(), "{{", path, "}} has no value");
    const Metrics* value = &(*scope)->at(first);
    while (!rest.empty()) {
      const std::string key(take_until(rest, "."));
      nn::require(value->is_object() && value->contains(key), "{{", path, "}} has no value");
      value = &value->at(key);
    }
    return *value;
  }

  std::vector<const Metrics*> scopes_;
};

// ---- blocks ----

/// The lines of a block as one text.
std::string joined(const std::vector<std::string_view>& lines) {
  std::string text;
  for (const std::string_view line : lines) {
    if (text.ends_with('\\')) {
      text.pop_back();
    } else if (!text.empty()) {
      text += ' ';
    }
    text += trimmed(line);
  }
  return text;
}

/// The lines between those of three backquotes, as they stand.
std::string code_of(const std::vector<std::string_view>& lines) {
  std::string code;
  for (std::size_t i = 1; i + 1 < lines.size(); ++i) {
    code += (i > 1 ? "\n" : "") + std::string(lines[i]);
  }
  return code;
}

/// "![caption](file "alternative")"
Picture picture_from(std::string_view line) {
  nn::require(line.ends_with(')'), "not a picture: ", line);
  line.remove_prefix(2);
  line.remove_suffix(1);
  const std::size_t middle = line.rfind("](");
  nn::require(middle != std::string_view::npos, "not a picture: ", line);
  std::string_view file = line.substr(middle + 2);
  Picture picture{.caption = std::string(line.substr(0, middle))};
  picture.file = trimmed(take_until(file, " \""));
  if (file.ends_with('"')) file.remove_suffix(1);
  picture.alternative = file;
  return picture;
}

/// The cells between bars.
std::vector<std::string> cells_of(std::string_view row) {
  std::vector<std::string> cells;
  row.remove_prefix(1);
  while (row.find('|') != std::string_view::npos) cells.emplace_back(trimmed(take_until(row, "|")));
  return cells;
}

Table table_from(const std::vector<std::string_view>& lines) {
  Table table;
  std::vector<std::string_view> caption;
  for (const std::string_view line : lines) {
    if (!line.starts_with('|')) {
      caption.push_back(line);
    } else if (line.starts_with("|---")) {
      continue;
    } else if (table.columns.empty()) {
      table.columns = cells_of(line);
    } else {
      if (line.ends_with('*')) table.bold_rows.push_back(static_cast<nn::Index>(table.rows.size()));
      table.rows.push_back(cells_of(line));
    }
  }
  table.caption = joined(caption).substr(7);  // after "Table: "
  return table;
}

/// "* value | label"
KeyFigure key_figure_from(std::string_view line) {
  line.remove_prefix(2);
  const std::string_view value = trimmed(take_until(line, "|"));
  return {std::string(value), std::string(trimmed(line))};
}

template <class Make>
auto each(const std::vector<std::string_view>& lines, const Make& make) {
  std::vector<decltype(make(lines.front()))> result;
  for (const std::string_view line : lines) result.push_back(make(line));
  return result;
}

/// The text of lines after the mark with which the first begins.
std::string after(std::string_view mark, std::vector<std::string_view> lines) {
  lines.front().remove_prefix(mark.size());
  return joined(lines);
}

void add(Page& page, const std::vector<std::string_view>& lines, const Tables& tables) {
  const std::string_view first = lines.front();
  if (first.starts_with("## ")) {
    page.section(after("## ", lines));
  } else if (first.starts_with("### ")) {
    page.heading(after("### ", lines));
  } else if (first.starts_with("=> ")) {
    page.conclusion(after("=> ", lines));
  } else if (first.starts_with("> ")) {
    page.note(after("> ", lines));
  } else if (first.starts_with("$$ ")) {
    page.formula(after("$$ ", lines));
  } else if (first.starts_with("```")) {
    page.code(code_of(lines));
  } else if (first.starts_with("- ")) {
    page.list(each(lines, [](std::string_view line) { return std::string(line.substr(2)); }));
  } else if (first.starts_with("![")) {
    page.pictures(each(lines, picture_from));
  } else if (first.starts_with("Table: ")) {
    page.table(table_from(lines));
  } else if (first.starts_with("* ")) {
    page.key_figures(each(lines, key_figure_from));
  } else if (first.starts_with("@table ")) {
    const auto place = tables.find(after("@table ", lines));
    nn::require(place != tables.end(), "there is no table for ", first);
    page.table(place->second);
  } else {
    page.paragraph(joined(lines));
  }
}

/// The lines of a text, in blocks with empty lines between.
std::vector<std::vector<std::string_view>> blocks_of(std::string_view text) {
  std::vector<std::vector<std::string_view>> blocks(1);
  while (!text.empty()) {
    const std::string_view line = take_until(text, "\n");
    if (!trimmed(line).empty()) {
      blocks.back().push_back(line);
    } else if (!blocks.back().empty()) {
      blocks.emplace_back();
    }
  }
  if (blocks.back().empty()) blocks.pop_back();
  return blocks;
}

/// What `make` makes of the filled template examples/pages/NAME.md, which errors name.
template <class Make>
auto from_file(const std::string& name, const Metrics& values, const Make& make) {
  const std::filesystem::path file = find_file("examples/pages/" + name + ".md");
  try {
    return make(filled(nn::read_file(file), values));
  } catch (const nn::FileError&) {
    throw;
  } catch (const nn::Error& error) {
    throw nn::Error(nn::text(file.string(), ": ", error.what()));
  }
}

}  // namespace

std::string filled(std::string_view text, const Metrics& values) {
  return Filler(values).fill(text);
}

Page page_from(std::string_view markdown, const Tables& tables) {
  const std::vector<std::vector<std::string_view>> blocks = blocks_of(markdown);
  nn::require(blocks.size() > 1 && blocks[0].front().starts_with("# "),
              "a page begins with \"# Title\" and its question");
  Page page(after("# ", blocks[0]), joined(blocks[1]));
  for (std::size_t i = 2; i < blocks.size(); ++i) add(page, blocks[i], tables);
  return page;
}

Page page_of(const std::string& name, const Metrics& values, const Tables& tables) {
  return from_file(name, values,
                   [&](std::string_view markdown) { return page_from(markdown, tables); });
}

std::string text_of(const std::string& name, const Metrics& values) {
  return from_file(name, values, [](std::string_view text) {
    const std::vector<std::vector<std::string_view>> blocks = blocks_of(text);
    return blocks.empty() ? std::string() : joined(blocks.front());
  });
}

}  // namespace example
