/// @file
/// A stream whose numbers are the same in every locale.
#pragma once

#include <locale>
#include <sstream>

namespace nn {

/// A stream into a text, for what programs read: numbers have a point and no separators, whatever
/// locale the program has set (a std::ostringstream takes the global one).
class TextStream : public std::ostringstream {
 public:
  /// An empty text.
  TextStream() { imbue(std::locale::classic()); }
};

namespace detail {
using nn::TextStream;
}  // namespace detail

}  // namespace nn
