#include "nn/core/version.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "data_files.hpp"

namespace version_test {

TEST_CASE("the packages name the version of the headers") {
  const std::string version(nn::version());
  const auto names = [](const char* file, const std::string& words) {
    const std::ifstream stream(data_files::tests_folder.parent_path() / file);
    std::ostringstream content;
    content << stream.rdbuf();
    return content.str().find(words) != std::string::npos;
  };
  CHECK(names("packaging/vcpkg/vcpkg.json", "\"version\": \"" + version + '"'));
  CHECK(names("docs/how-to/install.md", "requires(\"nn/" + version + "\")"));
}

}  // namespace version_test
