#include "support/files.hpp"

// Set where the programs are built; the compiler's own __FILE__ may be relative.
#ifndef NN_REPOSITORY
#define NN_REPOSITORY "."
#endif

namespace example {

std::filesystem::path find_file(const std::filesystem::path& path) {
  std::error_code ignored;
  if (path.is_absolute() || std::filesystem::exists(path, ignored)) return path;
  const auto repository = std::filesystem::path(NN_REPOSITORY);
  const auto found = (repository / path).lexically_normal();
  return std::filesystem::exists(found, ignored) ? found : path;
}

}  // namespace example
