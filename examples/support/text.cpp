#include "support/text.hpp"

#include <cmath>
#include <iomanip>

#include "nn/core/number.hpp"
#include "nn/core/text_stream.hpp"

namespace example {

std::string fixed(double value, int decimals) { return nn::format_fixed(value, decimals); }

std::string percent(double share, int decimals) {
  std::string number = fixed(100 * share, decimals);
  // Less than all is not rounded to all.
  while (share < 1 && decimals < 6 && number.starts_with("100")) {
    number = fixed(100 * share, ++decimals);
  }
  return number + " %";
}

std::string thousands(nn::Index value) {
  std::string digits = std::to_string(value < 0 ? -value : value);
  for (auto place = static_cast<nn::Index>(digits.size()) - 3; place > 0; place -= 3) {
    digits.insert(static_cast<std::size_t>(place), ",");
  }
  return value < 0 ? "-" + digits : digits;
}

std::string duration(double seconds) {
  if (seconds < 59.95) return fixed(seconds, seconds < 9.995 ? 1 : 0) + " s";
  nn::TextStream out;
  out << std::setfill('0');
  const auto whole = static_cast<nn::Index>(std::llround(seconds));
  if (whole < 3600) {
    out << whole / 60 << " min " << std::setw(2) << whole % 60 << " s";
  } else {
    out << whole / 3600 << " h " << std::setw(2) << whole / 60 % 60 << " min";
  }
  return out.str();
}

std::string with_spread(double value, double spread, int decimals) {
  return fixed(value, decimals) + " ± " + fixed(spread, decimals);
}

std::string percent_with_spread(double share, double spread, int decimals) {
  return with_spread(100 * share, 100 * spread, decimals) + " %";
}

std::string counted(nn::Index count, const std::string& noun) {
  return thousands(count) + " " + noun + (count == 1 ? "" : "s");
}

std::string listed(const std::vector<std::string>& words) {
  std::string list;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) list += i + 1 < words.size() ? ", " : " and ";
    list += words[i];
  }
  return list;
}

}  // namespace example
