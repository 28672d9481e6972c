#include "support/page.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "nn/core/error.hpp"
#include "nn/core/file.hpp"
#include "support/html.hpp"

namespace example {

namespace {

using Json = nlohmann::ordered_json;

/// The kinds as page.json names them, in the order of Block::Kind.
constexpr std::array<const char*, 10> kinds{"heading", "paragraph",  "note", "conclusion",
                                            "formula", "code",       "list", "pictures",
                                            "table",   "key_figures"};

Json to_json(const Block& block) {
  Json json{{"kind", kinds.at(static_cast<std::size_t>(block.kind))}};
  if (!block.text.empty()) json["text"] = block.text;
  if (!block.items.empty()) json["items"] = block.items;
  for (const Picture& picture : block.pictures) {
    json["pictures"].push_back({{"file", picture.file},
                                {"caption", picture.caption},
                                {"alternative", picture.alternative}});
  }
  for (const KeyFigure& figure : block.figures) {
    json["figures"].push_back({{"value", figure.value}, {"label", figure.label}});
  }
  if (block.kind == Block::Kind::table) {
    json["caption"] = block.table.caption;
    json["columns"] = block.table.columns;
    json["rows"] = block.table.rows;
    json["bold_rows"] = block.table.bold_rows;
  }
  return json;
}

Block block_from(const Json& json) {
  Block block;
  const auto name = json.at("kind").get<std::string>();
  const auto place = std::find(kinds.begin(), kinds.end(), name);
  nn::require<nn::FileError>(place != kinds.end(), "a block of the kind \"", name, '"');
  block.kind = static_cast<Block::Kind>(place - kinds.begin());
  block.text = json.value("text", "");
  block.items = json.value("items", std::vector<std::string>());
  for (const Json& picture : json.value("pictures", Json::array())) {
    block.pictures.push_back({picture.at("file").get<std::string>(),
                              picture.at("caption").get<std::string>(),
                              picture.at("alternative").get<std::string>()});
  }
  for (const Json& figure : json.value("figures", Json::array())) {
    block.figures.push_back(
        {figure.at("value").get<std::string>(), figure.at("label").get<std::string>()});
  }
  if (block.kind == Block::Kind::table) {
    block.table = {json.at("caption").get<std::string>(),
                   json.at("columns").get<std::vector<std::string>>(),
                   json.at("rows").get<std::vector<std::vector<std::string>>>(),
                   json.at("bold_rows").get<std::vector<nn::Index>>()};
  }
  return block;
}

void check(const Table& table) {
  for (const auto& row : table.rows) {
    nn::require(row.size() == table.columns.size(), "the table \"", table.caption,
                "\" has a row of ", row.size(), " cells for ", table.columns.size(), " columns");
  }
}

std::string body(const Page& page, const html::PictureSource& source) {
  std::string result = "<h1>" + html::escaped(page.title()) + "</h1>\n";
  if (!page.lead().empty()) {
    result += "<p class=\"lead\">" + html::marked_up(page.lead()) + "</p>\n";
  }
  result += html::sections(page, source, 2);
  if (!page.facts().empty()) result += "<footer>\n" + html::facts(page.facts()) + "</footer>\n";
  return result;
}

}  // namespace

Page::Page(std::string title, std::string lead)
    : title_(std::move(title)), lead_(std::move(lead)), sections_(1) {}

Page& Page::add(Block block) {
  sections_.back().blocks.push_back(std::move(block));
  return *this;
}

Page& Page::section(std::string heading) {
  sections_.push_back({.heading = std::move(heading)});
  return *this;
}
Page& Page::heading(std::string text) {
  return add({.kind = Block::Kind::heading, .text = std::move(text)});
}
Page& Page::paragraph(std::string text) { return add({.text = std::move(text)}); }
Page& Page::note(std::string text) {
  return add({.kind = Block::Kind::note, .text = std::move(text)});
}
Page& Page::conclusion(std::string text) {
  return add({.kind = Block::Kind::conclusion, .text = std::move(text)});
}
Page& Page::formula(std::string text) {
  return add({.kind = Block::Kind::formula, .text = std::move(text)});
}
Page& Page::code(std::string text) {
  return add({.kind = Block::Kind::code, .text = std::move(text)});
}
Page& Page::list(std::vector<std::string> items) {
  return add({.kind = Block::Kind::list, .items = std::move(items)});
}
Page& Page::picture(std::string file, std::string caption, std::string alternative) {
  return pictures({{std::move(file), std::move(caption), std::move(alternative)}});
}
Page& Page::pictures(std::vector<Picture> row) {
  return add({.kind = Block::Kind::pictures, .pictures = std::move(row)});
}
Page& Page::table(Table table) {
  check(table);
  return add({.kind = Block::Kind::table, .table = std::move(table)});
}
Page& Page::key_figures(std::vector<KeyFigure> figures) {
  return add({.kind = Block::Kind::key_figures, .figures = std::move(figures)});
}
Page& Page::fact(std::string name, std::string value) {
  facts_.emplace_back(std::move(name), std::move(value));
  return *this;
}

void Page::write(const std::filesystem::path& folder) const {
  nn::write_file(folder / "index.html",
                 html::document(title_, body(*this, {.folder = folder, .embedded = false})));
  Json json{{"title", title_}, {"lead", lead_}};
  for (const auto& [name, value] : facts_) json["facts"].push_back({name, value});
  for (const Section& section : sections_) {
    Json blocks = Json::array();
    for (const Block& block : section.blocks) blocks.push_back(to_json(block));
    json["sections"].push_back({{"heading", section.heading}, {"blocks", std::move(blocks)}});
  }
  nn::write_file(folder / "page.json",
                 json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
}

std::string Page::self_contained_html(const std::filesystem::path& folder) const {
  return html::document(title_, body(*this, {.folder = folder, .embedded = true}));
}

Page Page::read(const std::filesystem::path& folder) {
  const std::filesystem::path file = folder / "page.json";
  const std::string content = nn::read_file(file);
  try {
    const Json json = Json::parse(content);
    Page page(json.at("title").get<std::string>(), json.at("lead").get<std::string>());
    page.sections_.clear();
    for (const Json& section : json.at("sections")) {
      page.sections_.push_back({.heading = section.at("heading").get<std::string>()});
      for (const Json& block : section.at("blocks")) {
        page.add(block_from(block));
        check(page.sections_.back().blocks.back().table);
      }
    }
    for (const Json& fact : json.value("facts", Json::array())) {
      page.fact(fact.at(0).get<std::string>(), fact.at(1).get<std::string>());
    }
    return page;
  } catch (const std::exception& error) {
    throw nn::FileError(nn::text(file.string(), " is damaged: ", error.what()));
  }
}

}  // namespace example
