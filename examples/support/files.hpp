/// @file
/// Where the files are that a user names.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace example {

/// The folder of a data set: `name` within `data` or, where there is none, `data` itself if that
/// holds the data set's files. MNIST and Fashion-MNIST, whose files have the same names, are told
/// by the folder's.
std::filesystem::path dataset_folder(const std::filesystem::path& data, const std::string& name);

/// The folder of a data set that a program can do without: as above, beside `data` where that is
/// another data set's own folder, in $NN_DATA_DIR, in the repository's data, or among those that
/// Debian packages. None where none of them holds it.
std::optional<std::filesystem::path> find_dataset(const std::filesystem::path& data,
                                                  const std::string& name);

/// A file by its path or, where there is none and the path is relative, by the same path within the
/// repository that this program was built from, so that examples/weights is found from everywhere.
std::filesystem::path find_file(const std::filesystem::path& path);

}  // namespace example
