/// @file
/// Data sets of pictures in folders, one folder a class: `animals/cat/1.png`, `animals/dog/2.jpg`.
/// Needs stb (Debian: libstb-dev); the CMake target nn::image brings it.
#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "nn/data/dataset.hpp"
#include "nn/viz/fitting.hpp"
#include "nn/viz/image.hpp"

namespace nn::viz {

/// What is done with a picture of another size than the data set's.
enum class OtherSizes {
  refuse,  ///< an error that names the file
  fit,     ///< the whole picture, made smaller or larger, with borders where its shape differs
  fill,    ///< its middle, made smaller or larger, cut where its shape differs
};

/// How pictures in folders become a data set.
struct ImageFolderOptions {
  Index height = 0;                             ///< of all pictures; 0 for that of the first
  Index width = 0;                              ///< likewise
  OtherSizes other_sizes = OtherSizes::refuse;  ///< what becomes of them
  bool grey = false;                            ///< one channel instead of three
  /// What is not given is chosen by the pictures. Height and width become equal, the median of the
  /// pictures' smaller sides, as a multiple of 4 from 16 to 64; and one channel is enough where all
  /// pictures are grey. A test set is given the format of its training set instead.
  bool choose_format = false;
  Colour background = black;     ///< of borders, for `OtherSizes::fit`
  bool skip_unreadable = false;  ///< files that are no pictures are listed instead of refused
  /// The folders to read, in the order of their labels; empty for all of them, sorted by name. To
  /// give a test set the classes of its training set, even one that it has no pictures of.
  std::vector<std::string> class_names{};
  std::string name{};    ///< of the data set; empty for the folder's
  ImageLimits limits{};  ///< of each file
  Index max_bytes = nn::detail::at_most(std::uint64_t{1} << 33U);  ///< of all pixels
};

/// A file that was skipped.
struct SkippedFile {
  std::filesystem::path path;  ///< as it was found
  std::string reason;          ///< in words
};

/// Pictures from folders.
struct ImageFolder {
  Dataset data;                              ///< one class a folder
  std::vector<std::filesystem::path> files;  ///< where each picture comes from, in their order
  std::vector<SkippedFile> skipped;          ///< what could not be read
};

namespace detail {

[[nodiscard]] inline bool is_hidden(const std::filesystem::path& path) {
  return path.filename().string().starts_with('.');
}

/// The subfolders of a folder by name, sorted; hidden ones are passed over.
[[gnu::cold]] [[nodiscard]] inline std::vector<std::string> subfolders(
    const std::filesystem::path& folder) {
  std::error_code code;
  require<FileError>(std::filesystem::is_directory(folder, code), "cannot read pictures from ",
                     folder, ": it is not a folder");
  std::vector<std::string> names;
  std::filesystem::directory_iterator i(folder, code);
  for (const std::filesystem::directory_iterator end; !code && i != end; i.increment(code)) {
    if (is_hidden(i->path())) continue;
    if (i->is_directory()) {
      names.push_back(i->path().filename().string());
      continue;
    }
    std::string extension = i->path().extension().string();
    for (char& c : extension) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    require<FileError>(extension != ".png" && extension != ".jpg" && extension != ".jpeg",
                       i->path(), ": a picture in no class's folder; expected folders in ", folder,
                       ", one a class, and the pictures in them");
  }
  require<FileError>(!code, "cannot read the folder ", folder, ": ", code.message());
  require<FileError>(!names.empty(), folder,
                     ": there are no folders in it; expected one a class, with its pictures");
  std::sort(names.begin(), names.end());
  return names;
}

/// The files in a folder and the folders below it, sorted; hidden ones are passed over.
[[gnu::cold]] [[nodiscard]] inline std::vector<std::filesystem::path> files_below(
    const std::filesystem::path& folder) {
  std::error_code code;
  std::vector<std::filesystem::path> files;
  std::filesystem::recursive_directory_iterator i(folder, code);
  for (const std::filesystem::recursive_directory_iterator end; !code && i != end;
       i.increment(code)) {
    if (is_hidden(i->path())) {
      i.disable_recursion_pending();
    } else if (!i->is_directory()) {
      files.push_back(i->path());
    }
  }
  require<FileError>(!code, "cannot read the folder ", folder, ": ", code.message());
  std::sort(files.begin(), files.end());
  return files;
}

/// Whether red, green and blue are equal everywhere.
[[nodiscard]] inline bool is_grey(const Image& image) {
  if (image.channels() == 1) return true;
  const Tensor<std::uint8_t>& levels = image.pixels();
  for (Index i = 0; i < levels.size(); i += 3) {
    if (levels[i] != levels[i + 1] || levels[i] != levels[i + 2]) return false;
  }
  return true;
}

/// The side of the squares that pictures become whose smaller sides are `sides`: within what it
/// takes to tell things apart and what there is time to learn from.
[[gnu::cold]] [[nodiscard]] inline Index chosen_side(std::vector<Index> sides) {
  std::sort(sides.begin(), sides.end());
  return std::clamp<Index>(sides[sides.size() / 2] / 4 * 4, 16, 64);
}

/// Reads the pictures of one folder after another into one block of bytes.
class ImageFolderReader {
 public:
  ImageFolderReader(std::filesystem::path folder, const ImageFolderOptions& options)
      : folder_(std::move(folder)), options_(options) {
    require(
        options.height >= 0 && options.width >= 0 && (options.height == 0) == (options.width == 0),
        "pictures of ", options.height, "x", options.width,
        " pixels; expected two positive extents, or 0 for both");
  }

  [[nodiscard]] ImageFolder read() {
    const std::vector<std::string> there = subfolders(folder_);
    const std::vector<std::string> classes =
        options_.class_names.empty() ? there : options_.class_names;
    for (const std::string& name : there) {
      require<FileError>(std::find(classes.begin(), classes.end(), name) != classes.end(),
                         folder_ / name, ": the folder is none of the ", classes.size(),
                         " classes");
    }
    if (options_.choose_format && options_.height == 0) choose_size(classes);
    for (std::size_t label = 0; label < classes.size(); ++label)
      read_class(classes[label], static_cast<Label>(label));
    require<FileError>(!labels_.empty(), folder_, ": there are no pictures in its folders");
    Tensor<std::uint8_t> images(shape_.prepended(static_cast<Index>(labels_.size())), bytes_);
    const std::filesystem::path plain = folder_.lexically_normal();  // which may end in a slash
    std::string name = (plain.has_filename() ? plain : plain.parent_path()).filename().string();
    if (!options_.name.empty()) name = options_.name;
    result_.data = Dataset(std::move(images), std::move(labels_), classes, std::move(name));
    return std::move(result_);
  }

 private:
  /// Looks at some hundred pictures from all over the folders. What cannot be read is told later.
  void choose_size(const std::vector<std::string>& classes) {
    std::vector<std::filesystem::path> files;
    std::error_code ignored;
    for (const std::string& name : classes) {
      if (!std::filesystem::exists(folder_ / name, ignored)) continue;
      const std::vector<std::filesystem::path> more = files_below(folder_ / name);
      files.insert(files.end(), more.begin(), more.end());
    }
    std::vector<Index> sides;
    for (std::size_t i = 0; i < files.size(); i += 1 + files.size() / 200) {
      try {
        const Image picture = read_image(files[i], options_.limits);
        sides.push_back(std::min(picture.height(), picture.width()));
      } catch (const FileError&) {
        continue;
      }
    }
    if (!sides.empty()) side_ = chosen_side(std::move(sides));
  }

  void read_class(const std::string& name, Label label) {
    std::error_code ignored;
    const std::filesystem::path folder = folder_ / name;
    const bool is_given = !options_.class_names.empty();
    if (is_given && !std::filesystem::exists(folder, ignored)) return;
    const std::size_t before = labels_.size();
    for (const std::filesystem::path& file : files_below(folder)) {
      Image image;
      try {
        image = read_image(file, options_.limits);
      } catch (const FileError& error) {
        if (!options_.skip_unreadable) throw;
        result_.skipped.push_back({file, error.what()});
        continue;
      }
      add(image, file, label);
    }
    require<FileError>(is_given || labels_.size() > before, folder,
                       ": there are no pictures in it");
  }

  void add(const Image& image, const std::filesystem::path& file, Label label) {
    if (labels_.empty()) begin(image);
    const Image sized = in_size(image, file);
    if (!options_.grey && shape_[2] == 1 && !is_grey(sized)) become_coloured();
    const Image coloured = shape_[2] == 1 ? to_grey(sized) : to_rgb(sized);
    allow(coloured.pixels().size());
    bytes_.insert(bytes_.end(), coloured.pixels().begin(), coloured.pixels().end());
    labels_.push_back(label);
    result_.files.push_back(file);
  }

  void begin(const Image& first) {
    if (options_.choose_format && options_.height == 0 && side_ == 0) {
      side_ = chosen_side({std::min(first.height(), first.width())});
    }
    const Index channels = options_.grey || options_.choose_format ? 1 : 3;
    shape_ = {first.height(), first.width(), channels};
    if (side_ > 0) shape_ = {side_, side_, channels};
    if (options_.height > 0) shape_ = {options_.height, options_.width, channels};
  }

  /// Three equal channels in place of one, of all pictures so far.
  void become_coloured() {
    shape_ = {shape_[0], shape_[1], 3};
    allow(2 * static_cast<Index>(bytes_.size()));
    std::vector<std::uint8_t> coloured(3 * bytes_.size());
    for (std::size_t i = 0; i < coloured.size(); ++i) coloured[i] = bytes_[i / 3];
    bytes_ = std::move(coloured);
  }

  /// @throws FileError when there are too many bytes with so many more.
  void allow(Index more) const {
    require<FileError>(more <= options_.max_bytes - static_cast<Index>(bytes_.size()),
                       "refused to read ", folder_, ": its pictures take more than ",
                       options_.max_bytes, " bytes");
  }

  [[nodiscard]] Image in_size(const Image& image, const std::filesystem::path& file) const {
    const Index height = shape_[0];
    const Index width = shape_[1];
    if (image.height() == height && image.width() == width) return image;
    if (options_.other_sizes == OtherSizes::fit)
      return fitted(image, height, width, options_.background);
    if (options_.other_sizes == OtherSizes::fill) return filled(image, height, width);
    const bool is_given = options_.height > 0 || side_ > 0;
    throw FileError(nn::detail::text(
        file, ": it has ", image.height(), "x", image.width(), " pixels; expected ", height, "x",
        width, is_given ? "" : " as ", is_given ? std::string() : result_.files.front().string(),
        " (OtherSizes::fit and OtherSizes::fill take any)"));
  }

  std::filesystem::path folder_;
  const ImageFolderOptions& options_;
  ImageFolder result_;
  std::vector<std::uint8_t> bytes_;
  std::vector<Label> labels_;
  Shape shape_;
  Index side_ = 0;  ///< that was chosen
};

}  // namespace detail

/// The PNG and JPEG pictures in the folders of `folder`, each folder a class that is called as it
/// is; classes are sorted by name, and the pictures of a class, which may lie in further folders,
/// by path. Hidden files and folders, whose names begin with a point, are passed over.
/// @throws FileError naming the file that is no such picture, damaged, or of another size where
/// these are refused; naming the folder that has no pictures, is no class, or more than
/// `max_bytes` of them. Error for a size of which one extent is 0.
[[gnu::cold]] [[nodiscard]] inline ImageFolder load_image_folder(
    const std::filesystem::path& folder, const ImageFolderOptions& options = {}) {
  return detail::ImageFolderReader(folder, options).read();
}

}  // namespace nn::viz
