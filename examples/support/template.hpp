/// @file
/// Pages as text files: `examples/pages/NAME.md` holds what a page says, the program the numbers.
///
/// A template is filled first, in Mustache's notation (mustache.github.io, a subset):
///
///     {{accuracy | percent}}           the value of a name, by a filter
///     {{best.loss | fixed 3}}          of a name within a name
///     {{#fell}} ... {{/fell}}          where it is true, or for each item of a list, or within it
///     {{^fell}} ... {{/fell}}          where it is false, null or empty
///     {{^@last}}, {{/@last}}           between the items of a list; {{@index}} counts them from 0
///
/// `{{.}}` is the innermost value itself. A tag that stands alone on its line leaves no line
/// behind. Filters: `percent`, `fixed`, `points` (hundredths) and `signed` (points with a sign),
/// each with decimals; `spread` and `percents` (the mean and the deviation of several runs),
/// likewise; `thousands`, `counted NOUN`, `duration`.
///
/// What comes out is a page in Markdown (a subset), block by block, with empty lines between:
///
///     # Title                          and the question that the page answers after it
///     ## Section                       ### Heading within it
///     => what follows from the numbers
///     > an aside
///     - an item of a list
///     $$ a formula                     ``` code, without empty lines, up to ```
///     ![caption](file.png "words for those who cannot see it")     several: side by side
///     Table: caption                   then | cell | cell |, a line |---|---|, and rows; |* is
///     bold
///     @table name                      one that the program made
///     * 98.7 % | of the test images    a key figure
///
/// Lines of a block are joined by a space, after a \ at their end by nothing.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "support/metrics.hpp"
#include "support/page.hpp"

namespace example {

/// Tables that a program made itself, by name.
using Tables = std::map<std::string, Table>;

/// The template with values in place of names.
/// @throws nn::Error for a name without a value, a value that its filter cannot take, and a section
/// that is not closed.
[[nodiscard]] std::string filled(std::string_view text, const Metrics& values);

/// The page that a Markdown text describes.
/// @throws nn::Error for what is no block of a page, and a table without a name in `tables`.
[[nodiscard]] Page page_from(std::string_view markdown, const Tables& tables = {});

/// The page of examples/pages/NAME.md.
/// @param values what metrics.json has, and what else the page says
/// @throws as above, nn::FileError when there is no such file.
[[nodiscard]] Page page_of(const std::string& name, const Metrics& values,
                           const Tables& tables = {});

/// The first block of examples/pages/NAME.md, for what is said in several places; "" where nothing
/// is left of the file.
/// @throws as above
[[nodiscard]] std::string text_of(const std::string& name, const Metrics& values);

}  // namespace example
