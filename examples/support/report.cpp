#include "support/report.hpp"

#include "nn/core/error.hpp"
#include "nn/core/file.hpp"
#include "nn/core/text_stream.hpp"
#include "support/html.hpp"

namespace example {

namespace {

std::string chapter_anchor(std::size_t chapter) { return nn::text("chapter-", chapter + 1); }

std::string link(const std::string& anchor, const std::string& text) {
  return "<a href=\"#" + anchor + "\">" + text + "</a>";
}

std::string contents(const std::string& anchor, const Page& page, std::size_t chapter) {
  nn::TextStream out;
  out << "<li>"
      << link(anchor, nn::text("<span class=\"count\">", chapter + 1, "</span>",
                               html::escaped(page.title())));
  std::string inner;
  for (std::size_t k = 0; k < page.sections().size(); ++k) {
    const std::string& heading = page.sections()[k].heading;
    if (heading.empty()) continue;
    inner += "<li>" + link(nn::text(anchor, '-', k), html::escaped(heading)) + "</li>\n";
  }
  if (!inner.empty()) out << "\n<ol>\n" << inner << "</ol>";
  out << "</li>\n";
  return out.str();
}

/// The best numbers and one picture, before the contents.
std::string opening(const std::vector<KeyFigure>& figures, const std::filesystem::path& picture) {
  Page page("", "");
  if (!figures.empty()) page.key_figures(figures);
  if (!picture.empty()) page.picture(picture.filename().string(), "", "what the network answers");
  return html::sections(page, {.folder = picture.parent_path(), .embedded = true}, 2);
}

}  // namespace

void Report::add(const std::filesystem::path& folder, std::string question) {
  chapters_.push_back({Page::read(folder), folder, std::move(question)});
}

void Report::open_with(const std::filesystem::path& folder, const std::string& picture) {
  for (const Chapter& chapter : chapters_) {
    if (chapter.folder != folder) continue;
    for (const Block& block : chapter.page.sections().front().blocks) {
      if (block.kind != Block::Kind::key_figures || block.figures.empty()) continue;
      const KeyFigure& first = block.figures.front();
      figures_.push_back({first.value, first.label + " (" + chapter.page.title() + ")"});
      break;
    }
    if (!picture.empty() && std::filesystem::exists(folder / picture)) {
      opening_picture_ = folder / picture;
    }
  }
}

void Report::fact(std::string name, std::string value) {
  facts_.emplace_back(std::move(name), std::move(value));
}

void Report::write(const std::filesystem::path& file) const {
  nn::TextStream out;
  out << "<h1>" << html::escaped(title_) << "</h1>\n<p class=\"lead\">" << html::marked_up(lead_)
      << "</p>\n"
      << opening(figures_, opening_picture_) << "<nav aria-label=\"Contents\">\n<ol>\n";
  for (std::size_t k = 0; k < chapters_.size(); ++k) {
    out << contents(chapter_anchor(k), chapters_[k].page, k);
  }
  out << "<li>" << link("repeat", "<span class=\"count\"></span>How to repeat this") << "</li>\n"
      << "</ol>\n</nav>\n";
  for (std::size_t k = 0; k < chapters_.size(); ++k) {
    const Chapter& chapter = chapters_[k];
    out << "<section class=\"chapter\" id=\"" << chapter_anchor(k) << "\">\n";
    if (!chapter.question.empty()) {
      out << "<p class=\"question\">" << html::marked_up(chapter.question) << "</p>\n";
    }
    out << "<h2><span class=\"count\">" << k + 1 << "</span> "
        << html::escaped(chapter.page.title()) << "</h2>\n<p class=\"lead\">"
        << html::marked_up(chapter.page.lead()) << "</p>\n"
        << html::sections(chapter.page, {.folder = chapter.folder, .embedded = true}, 3,
                          chapter_anchor(k))
        << "</section>\n";
  }
  out << "<section class=\"chapter\" id=\"repeat\">\n<h2>How to repeat this</h2>\n"
      << html::facts(facts_);
  for (const Chapter& chapter : chapters_) {
    if (chapter.page.facts().empty()) continue;
    out << "<h3>" << html::escaped(chapter.page.title()) << "</h3>\n"
        << html::facts(chapter.page.facts());
  }
  out << "</section>\n";
  nn::write_file(file, html::document(title_, out.str()));
}

}  // namespace example
