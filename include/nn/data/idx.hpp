/// @file
/// The IDX format (LeCun, Cortes and Burges, "The MNIST database"), and the data sets that come in
/// it. All numbers in it are big-endian: two bytes 0, one for the type of the elements (8: unsigned
/// bytes), one for the number of extents, the extents (32 bits each), the elements.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "nn/data/dataset.hpp"
#include "nn/data/stored_file.hpp"

namespace nn {

/// How a data set's IDX files differ from MNIST's.
struct IdxLayout {
  bool transposed = false;  ///< the columns of an image are stored one after another
  Label first_label = 0;    ///< of the first class
};

namespace detail {

struct IdxHeader {
  Shape shape;
  Index bytes = 0;  ///< of the header itself
};

[[nodiscard]] inline std::uint32_t big_endian(std::string_view bytes, Index position) {
  std::uint32_t number = 0;
  for (const char byte : bytes.substr(static_cast<std::size_t>(position), 4))
    number = number << 8U | static_cast<std::uint8_t>(byte);
  return number;
}

/// A number in base 16, for messages.
struct Hexadecimal {
  std::uint32_t number;
  [[nodiscard]] std::string to_string() const {
    std::string digits = "0x";
    for (unsigned shift = 32; shift > 0; shift -= 4)
      digits += "0123456789abcdef"[number >> (shift - 4) & 0xfU];
    return digits;
  }
};

/// What IDX files of bytes with so many extents hold, for messages.
struct IdxKind {
  Index rank;
  [[nodiscard]] std::string to_string() const {
    if (rank == 1) return "labels";
    if (rank == 3) return "images";
    return text("arrays of ", rank, " axes");
  }
};

/// Checks that a file that starts with `magic` holds bytes, and with `rank` extents unless that is
/// 0. Returns their number.
[[gnu::cold]] [[nodiscard]] inline Index check_idx_magic(std::uint32_t magic, Index rank,
                                                         const std::string& name) {
  constexpr std::uint32_t bytes = 0x0800;
  const auto found = static_cast<Index>(magic & 0xffU);
  const bool is_bytes = magic >> 8U == bytes >> 8U && found >= 1 && found <= Shape::max_rank;
  require<FileError>(is_bytes || rank != 0, name, ": the magic number is ", Hexadecimal{magic},
                     "; expected ", Hexadecimal{bytes + 1}, " to ",
                     Hexadecimal{bytes + static_cast<std::uint32_t>(Shape::max_rank)},
                     ", those of IDX files of bytes");
  if (rank == 0) return found;
  require<FileError>(
      is_bytes && found == rank, name, ": the magic number is ", Hexadecimal{magic},
      is_bytes ? ", that of " : "", is_bytes ? TextPart(IdxKind{found}) : TextPart(""),
      "; expected ", Hexadecimal{bytes + static_cast<std::uint32_t>(rank)}, ", that of ",
      IdxKind{rank}, is_bytes && found + rank == 4 ? " (are the two files swapped?)" : "");
  return found;
}

/// The header of an IDX file of bytes with `rank` extents, or with any number of them for 0.
/// @throws FileError when it is none, or claims more than `StoredFile::max_bytes`.
[[gnu::cold]] [[nodiscard]] inline IdxHeader read_idx_header(const StoredFile& file, Index rank) {
  const std::string start = file.first(4 + 4 * Shape::max_rank);
  const auto length = static_cast<Index>(start.size());
  refuse_other_content(file.name(), start);
  require<FileError>(length >= 4, file.name(), ": it has ", length,
                     " bytes of content, too few for an IDX file");
  IdxHeader header;
  const Index extents = check_idx_magic(big_endian(start, 0), rank, file.name());
  header.bytes = 4 + 4 * extents;
  require<FileError>(length >= header.bytes, file.name(), ": it ends within its header, after ",
                     length, " of ", header.bytes, " bytes");
  Index size = 1;
  for (Index axis = 0; axis < extents; ++axis) {
    const auto extent = static_cast<Index>(big_endian(start, 4 + 4 * axis));
    header.shape.push_back(extent);
    size *= std::max(extent, Index{1});
    require<FileError>(size <= StoredFile::max_bytes, file.name(), ": it claims ", header.shape,
                       axis + 1 < extents ? "x... " : " ", "elements; at most ",
                       StoredFile::max_bytes, " are read");
  }
  return header;
}

[[gnu::cold]] [[nodiscard]] inline Tensor<std::uint8_t> read_idx(const StoredFile& file,
                                                                 Index rank) {
  const IdxHeader header = read_idx_header(file, rank);
  const Index expected = header.bytes + header.shape.size();
  const std::string content = file.first(expected + 1);
  const auto found = static_cast<Index>(content.size());
  require<FileError>(found >= expected, file.name(), ": it is truncated: ", header.shape,
                     " elements take ", expected, " bytes with the header, it has ", found);
  require<FileError>(found <= expected, file.name(), ": it goes on after the ", expected,
                     " bytes that the header and its ", header.shape, " elements take");
  Tensor<std::uint8_t> elements(header.shape);
  std::copy(content.begin() + header.bytes, content.end(), elements.begin());
  return elements;
}

/// Exchanges rows and columns of every image, N x height x width.
[[gnu::cold]] [[nodiscard]] inline Tensor<std::uint8_t> transposed_images(
    const Tensor<std::uint8_t>& images) {
  const Shape& shape = images.shape();
  Tensor<std::uint8_t> result({shape[0], shape[2], shape[1]});
  for (Index n = 0; n < shape[0]; ++n)
    result.sample(n).matrix() = images.sample(n).matrix().transpose();
  return result;
}

/// The labels of a file, counted from 0.
[[gnu::cold]] [[nodiscard]] inline std::vector<Label> read_idx_labels(const StoredFile& file,
                                                                      Index classes, Label first) {
  const Tensor<std::uint8_t> stored = read_idx(file, 1);
  std::vector<Label> labels(stored.begin(), stored.end());
  for (std::size_t i = 0; i < labels.size(); ++i) {
    labels[i] -= first;
    require<FileError>(labels[i] >= 0 && (classes == 0 || labels[i] < classes), file.name(),
                       ": label ", i, " is ", labels[i] + first, "; expected ", first, " to ",
                       classes == 0 ? Index{255} : first + classes - 1);
  }
  return labels;
}

[[gnu::cold]] [[nodiscard]] inline Dataset idx_dataset(const StoredFile& image_file,
                                                       const StoredFile& label_file,
                                                       std::vector<std::string> class_names,
                                                       std::string name,
                                                       const IdxLayout& layout = {}) {
  Tensor<std::uint8_t> images = read_idx(image_file, 3);
  std::vector<Label> labels =
      read_idx_labels(label_file, static_cast<Index>(class_names.size()), layout.first_label);
  const Shape& shape = images.shape();
  require<FileError>(!images.empty(), image_file.name(), ": it holds no images, but ", shape,
                     " pixels");
  require<FileError>(shape.front() == static_cast<Index>(labels.size()), image_file.name(),
                     " holds ", shape.front(), " images, but ", label_file.name(), " ",
                     labels.size(), " labels");
  if (layout.transposed) images = transposed_images(images);
  images.resize({shape[0], shape[1], shape[2], 1});
  return Dataset(std::move(images), std::move(labels), std::move(class_names), std::move(name));
}

}  // namespace detail

/// One of the files that MNIST and its successors come in: `name` is as published, such as
/// train-images-idx3-ubyte; train-images.idx3-ubyte, as some copies have it, and .gz are found too.
/// @throws FileError as StoredFile does.
[[gnu::cold]] [[nodiscard]] inline StoredFile find_idx(const std::filesystem::path& folder,
                                                       const std::string& name) {
  std::string dotted = name;
  dotted.replace(dotted.rfind("-idx"), 1, ".");
  const auto is_there = [&](const std::string& file) {
    std::error_code ignored;
    return std::filesystem::exists(folder / file, ignored) ||
           std::filesystem::exists(folder / (file + ".gz"), ignored);
  };
  return StoredFile(folder / (!is_there(name) && is_there(dotted) ? dotted : name));
}

namespace detail {

/// What the files of a data set like MNIST are called, up to "-images-idx3-ubyte" and
/// "-labels-idx1-ubyte".
struct IdxFiles {
  std::string train = "train";
  std::string test = "t10k";
  IdxLayout layout{};
};

/// The four files that MNIST and its successors come in.
[[gnu::cold]] [[nodiscard]] inline TrainTest load_mnist_like(
    const std::filesystem::path& folder, const std::vector<std::string>& class_names,
    const std::string& name, const IdxFiles& files = {}) {
  std::error_code ignored;
  require<FileError>(std::filesystem::is_directory(folder, ignored), "cannot read ", name, ": ",
                     folder, " is not a folder");
  const auto part = [&](const std::string& file, const char* use) {
    return idx_dataset(find_idx(folder, file + "-images-idx3-ubyte"),
                       find_idx(folder, file + "-labels-idx1-ubyte"), class_names,
                       text(name, ' ', use), files.layout);
  };
  TrainTest result{part(files.train, "training"), part(files.test, "test")};
  require<FileError>(result.train.sample_shape() == result.test.sample_shape(), folder,
                     ": the training images are ", result.train.sample_shape(),
                     ", but the test images ", result.test.sample_shape());
  return result;
}

}  // namespace detail

/// The bytes in an IDX file, in its shape. Where there is no such file, the same name with .gz is
/// tried; for that, some file of the program has to include <nn/data/gzip.hpp>.
/// @throws FileError saying what is wrong when the file is missing, truncated, too long, or not IDX
/// of bytes, before memory is allocated for what it claims.
[[nodiscard]] inline Tensor<std::uint8_t> read_idx(const std::filesystem::path& path) {
  return detail::read_idx(StoredFile(path), 0);
}

/// Grey images and their labels from two IDX files, found and refused as `read_idx` does. Without
/// class names the classes are numbered, from 0 on also where `layout` says that the files do not.
/// @throws FileError also when the files are swapped, do not hold as many labels as images, or a
/// label is beyond the class names.
[[nodiscard]] inline Dataset load_idx(const std::filesystem::path& images,
                                      const std::filesystem::path& labels,
                                      std::vector<std::string> class_names = {},
                                      std::string name = {}, const IdxLayout& layout = {}) {
  return detail::idx_dataset(StoredFile(images), StoredFile(labels), std::move(class_names),
                             std::move(name), layout);
}

/// MNIST's 60,000 training and 10,000 test images of handwritten digits, 28x28x1, from
/// train-images-idx3-ubyte, train-labels-idx1-ubyte and their t10k siblings in `folder`, each
/// possibly with .gz, or with a dot before idx.
/// @throws FileError as `load_idx` does.
[[nodiscard]] inline TrainTest load_mnist(const std::filesystem::path& folder) {
  return detail::load_mnist_like(folder, detail::numbered_classes(10), "MNIST");
}

/// Fashion-MNIST (Xiao, Rasul and Vollgraf, 2017): pictures of clothes, in MNIST's sizes and files.
/// @throws FileError as `load_idx` does.
[[nodiscard]] inline TrainTest load_fashion_mnist(const std::filesystem::path& folder) {
  return detail::load_mnist_like(folder,
                                 {"T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal",
                                  "shirt", "sneaker", "bag", "ankle boot"},
                                 "Fashion-MNIST");
}

}  // namespace nn
