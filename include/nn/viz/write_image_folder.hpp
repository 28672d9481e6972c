/// @file
/// A data set's images as pictures in folders, one folder a class, as image_folder.hpp reads them.
/// Needs stb (Debian: libstb-dev); the CMake target nn::image brings it.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

#include "nn/data/dataset.hpp"
#include "nn/viz/image.hpp"

namespace nn::viz {

namespace detail {

/// What the folder of a class is called.
[[gnu::cold]] [[nodiscard]] inline std::string folder_of_class(std::string name) {
  std::replace(name.begin(), name.end(), '/', '-');
  require(!name.empty() && !name.starts_with('.'), "no folder can be called as the class '", name,
          "' is; expected a name that does not begin with a dot");
  return name;
}

/// Writes a new file. To wait until each of many files is on the disk would take most of the time;
/// a folder that was not finished is to be written anew anyway.
[[gnu::cold]] inline void write_new_file(const std::filesystem::path& path,
                                         const std::string& content) {
  std::ofstream file(path, std::ios::binary);
  file.write(content.data(), static_cast<std::streamsize>(content.size()));
  file.close();
  require<FileError>(!file.fail(), "cannot write the ", content.size(), " bytes of ", path);
}

}  // namespace detail

/// Which images of a data set become pictures in folders.
struct ImageFolderShare {
  Index per_class = 0;  ///< at most so many of each class, the first; 0: all
};

/// Writes images as PNG pictures, each into the folder of its class, which is called as the class
/// is, with "-" for "/": `folder/cat/17.png` is image 17. `load_image_folder` reads them again; the
/// pictures of a class come sorted by name then, 10 before 2. A class without images has no folder.
/// @return how many were written
/// @throws FileError when the folder is not empty or cannot be written; Error for a class without a
/// name, or with one that begins with a dot or leads to the folder of another class.
[[gnu::cold]] inline Index write_image_folder(const Dataset& data,
                                              const std::filesystem::path& folder,
                                              const ImageFolderShare& share = {}) {
  require(share.per_class >= 0, "cannot write ", share.per_class, " pictures of each class");
  std::vector<std::string> names;
  for (const std::string& name : data.class_names()) {
    names.push_back(detail::folder_of_class(name));
    require(std::count(names.begin(), names.end(), names.back()) == 1,
            "two classes have one folder, ", names.back());
  }
  std::error_code code;
  require<FileError>(
      !std::filesystem::exists(folder, code) || (std::filesystem::is_empty(folder, code) && !code),
      "cannot write pictures into ", folder, ": expected an empty folder, or none");
  std::vector<Index> written(names.size());
  Index together = 0;
  for (Index i = 0; i < data.size(); ++i) {
    const auto place = static_cast<std::size_t>(data.label(i));
    if (share.per_class > 0 && written[place] == share.per_class) continue;
    if (written[place]++ == 0) {
      std::filesystem::create_directories(folder / names[place], code);
      require<FileError>(!code, "cannot make the folder ", folder / names[place], ": ",
                         code.message());
    }
    detail::write_new_file(folder / names[place] / (std::to_string(i) + ".png"),
                           encode_png(Image(data.image(i))));
    ++together;
  }
  return together;
}

}  // namespace nn::viz
