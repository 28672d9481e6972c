/// @file
/// Figures through gnuplot, which is run as a program of its own. Nothing of a title or a path ever
/// reaches a shell.
#pragma once

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

#include <array>
#include <cctype>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>

#include "nn/core/error.hpp"
#include "nn/core/file.hpp"
#include "nn/core/text_stream.hpp"
#include "nn/viz/csv.hpp"
#include "nn/viz/theme.hpp"

/// The environment of this process.
extern "C" char** environ;  // NOLINT: POSIX has it declared by the program

namespace nn::viz::detail {

/// A text in gnuplot's double quotes. Everything that gnuplot might not take literally (quotes,
/// backquotes, which run commands, and its own doubled single quote, which it misreads at the
/// beginning of a text) is written as an octal escape; what would end the line becomes a space.
[[nodiscard]] inline std::string in_quotes(std::string_view text) {
  constexpr std::string_view harmless = " #%&()*+,-./:;<=>?[]^_{|}~!";
  std::string result = "\"";
  for (const char character : text) {
    const auto byte = static_cast<unsigned char>(character);
    const bool letter = byte >= 128 || std::isalnum(byte) != 0;
    if (byte < 32 || byte == 127) {
      result += ' ';
    } else if (letter || harmless.find(character) != std::string_view::npos) {
      result += character;
    } else {
      for (const unsigned shift : {6U, 3U, 0U}) {
        if (shift == 6U) result += '\\';
        result += static_cast<char>('0' + (byte >> shift & 7U));
      }
    }
  }
  return result + '"';
}

[[nodiscard]] inline std::string replaced(std::string text, std::string_view from,
                                          std::string_view to) {
  for (auto place = text.find(from); place != std::string::npos;
       place = text.find(from, place + to.size())) {
    text.replace(place, from.size(), to);
  }
  return text;
}

/// A text beside an axis, which gnuplot takes for a format of the value.
[[nodiscard]] inline std::string in_tick_quotes(std::string_view text) {
  return in_quotes(replaced(std::string(text), "%", "%%"));
}

[[nodiscard]] inline std::string quoted_colour(Colour colour) { return in_quotes(hex(colour)); }

/// A colour of which only the share `opacity` covers what is below it.
[[nodiscard]] inline std::string quoted_colour(Colour colour, double opacity) {
  constexpr std::string_view digits = "0123456789abcdef";
  const auto clear = static_cast<std::size_t>((1 - opacity) * 255 + 0.5);
  const std::string alpha{digits[clear / 16], digits[clear % 16]};
  return in_quotes("#" + alpha + hex(colour).substr(1));
}

/// The longest side of a figure, in pixels of a page.
inline constexpr Index longest_side = 8000;

/// The lines that choose the format by the extension of `path`, the size and the font.
/// @throws Error for an extension other than .png and .svg.
[[nodiscard]] inline std::string terminal(const std::filesystem::path& path,
                                          const FigureSize& size) {
  require(size.width >= 100 && size.height >= 60 && size.width <= longest_side &&
              size.height <= longest_side,
          "a figure of ", size.width, "x", size.height, " pixels; expected 100x60 to ",
          longest_side, "x", longest_side);
  nn::detail::TextStream out;
  if (path.extension() == ".png") {
    out << "set terminal pngcairo noenhanced size " << 2 * size.width << ',' << 2 * size.height
        << " fontscale 2 linewidth 2 pointscale 2";
  } else {
    require(path.extension() == ".svg", "figures are written as .png or .svg, not as ",
            path.filename().string());
    out << "set terminal svg noenhanced standalone size " << size.width << ',' << size.height
        << " fontscale 1.333 background '#ffffff'";
  }
  out << " font '" << figure_font << ',' << figure_points << "'\nset encoding utf8\n";
  return out.str();
}

/// Runs `gnuplot SCRIPT` and waits for its end.
/// @return its exit status
/// @throws Error when there is no such program.
inline int run_gnuplot(const std::filesystem::path& script, const std::filesystem::path& messages) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 2, messages.c_str(), O_WRONLY | O_CREAT | O_TRUNC,
                                   0600);
  std::string program = "gnuplot";
  std::string bare = "-d";  // without the user's own settings
  std::string file = script.string();
  const std::array<char*, 4> arguments{program.data(), bare.data(), file.data(), nullptr};
  pid_t child = 0;
  const int failed = posix_spawnp(&child, "gnuplot", &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  require(failed != ENOENT, "gnuplot not found: apt-get install gnuplot-nox");
  require(failed == 0, "cannot run gnuplot: ", nn::detail::system_reason(failed));
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    require(errno == EINTR, "lost sight of gnuplot: ", nn::detail::system_reason(errno));
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// Whether gnuplot is installed, and no program that stands in for it. Asked once.
[[nodiscard]] inline bool has_gnuplot() {
  static const bool found = [] {
    try {
      return run_gnuplot("/dev/null", "/dev/null") == 0;  // which draws nothing
    } catch (const Error&) {
      return false;
    }
  }();
  return found;
}

/// Puts right what gnuplot's SVG lacks: fonts for readers without the first one, bold type, and
/// pictures whose pixels stay square.
[[nodiscard]] inline std::string finished_svg(std::string text) {
  const std::string name(figure_font);
  const std::string family = name + ", Verdana, Helvetica, Arial, sans-serif\"";
  text = replaced(std::move(text), "font-family=\"" + name + ":Bold\"",
                  R"(font-weight="bold" font-family=")" + family);
  text = replaced(std::move(text), "font-family=\"" + name + "\"", "font-family=\"" + family);
  return replaced(std::move(text), "<image ", "<image style='image-rendering: pixelated' ");
}

/// Has gnuplot carry out `commands` and puts the figure in place, whole or not at all.
/// @throws FileError when the file cannot be written, Error when gnuplot is missing or complains.
inline void draw(const std::filesystem::path& path, const FigureSize& size,
                 std::string_view commands) {
  const std::filesystem::path place = nn::detail::writable_place(path);
  // An absolute name can begin neither with "|", which gnuplot takes for a command, nor with "~".
  using Temporary = nn::detail::RemovedAtEnd;
  Temporary figure(std::filesystem::absolute(nn::detail::temporary_beside(place)));
  const Temporary script(figure.path.string() + ".gnuplot");
  const Temporary messages(figure.path.string() + ".messages");
  std::ofstream file(script.path);
  file << terminal(path, size) << "set output " << in_quotes(figure.path.string()) << '\n'
       << commands << "\nset output\n";
  file.close();
  require<FileError>(!file.fail(), "cannot write ", script.path.string());

  const int status = run_gnuplot(script.path, messages.path);
  require(status == 0, "gnuplot could not draw ", path.string(), " (status ", status,
          "): ", read_file(messages.path));
  std::error_code code;
  require<FileError>(std::filesystem::file_size(figure.path, code) > 0 && !code,
                     "gnuplot wrote nothing into ", path.string());
  if (path.extension() == ".svg") {
    write_file(path, finished_svg(read_file(figure.path)));
  } else {
    nn::detail::rename_into_place(figure, place);
  }
}

}  // namespace nn::viz::detail
