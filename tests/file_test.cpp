#include "nn/core/file.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

namespace file_test {

namespace fs = std::filesystem;

/// A folder of this test's own, empty at first and gone at the end.
struct Folder {
  fs::path path = fs::temp_directory_path() / ("nn_file_test_" + std::to_string(::getpid()));
  Folder() {
    fs::remove_all(path);
    fs::create_directories(path / "store");
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { fs::remove_all(path); }
  [[nodiscard]] fs::path operator/(const char* name) const { return path / name; }
  /// How many names there are in it and its "store".
  [[nodiscard]] auto entries() const {
    return std::distance(fs::recursive_directory_iterator(path), {});
  }
};

fs::perms permissions(const fs::path& path) { return fs::status(path).permissions(); }

TEST_CASE("a file is written whole, replaced, and nothing else is left in its folder") {
  const Folder folder;
  nn::write_file(folder / "a.txt", "first");
  CHECK(nn::read_file(folder / "a.txt") == "first");
  nn::write_file(folder / "a.txt", "second");
  CHECK(nn::read_file(folder / "a.txt") == "second");
  CHECK(folder.entries() == 2);
}

TEST_CASE("a symbolic link stays, and what it leads to is written") {
  const Folder folder;
  nn::write_file(folder / "store/1.bin", "old");
  fs::create_symlink(folder / "store/1.bin", folder / "absolute.bin");
  fs::create_symlink("store/1.bin", folder / "relative.bin");
  fs::create_symlink("../relative.bin", folder / "store/chain.bin");
  for (const char* name : {"absolute.bin", "relative.bin", "store/chain.bin"}) {
    CAPTURE(name);
    nn::write_file(folder / name, std::string("by ") + name);
    CHECK(fs::is_symlink(folder / name));
    CHECK_FALSE(fs::is_symlink(folder / "store/1.bin"));
    CHECK(nn::read_file(folder / "store/1.bin") == std::string("by ") + name);
  }
  CHECK(folder.entries() == 5);
}

TEST_CASE("the target of a dangling link is created, where there is a folder for it") {
  const Folder folder;
  fs::create_symlink("store/new.bin", folder / "latest.bin");
  nn::write_file(folder / "latest.bin", "new");
  CHECK(fs::is_symlink(folder / "latest.bin"));
  CHECK(nn::read_file(folder / "store/new.bin") == "new");
  fs::create_symlink("nowhere/new.bin", folder / "lost.bin");
  CHECK_THROWS_AS(nn::write_file(folder / "lost.bin", "new"), nn::FileError);
  fs::create_symlink("round.bin", folder / "round.bin");
  CHECK_THROWS_WITH_AS(nn::write_file(folder / "round.bin", "new"),
                       doctest::Contains("leads nowhere"), nn::FileError);
  CHECK(fs::is_symlink(folder / "round.bin"));
}

TEST_CASE("what is no ordinary file is refused and stays what it is") {
  const Folder folder;
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  fs::create_symlink("/dev/null", folder / "null");
  fs::create_symlink("pipe", folder / "link");
  for (const char* name : {"pipe", "null", "link"}) {
    CAPTURE(name);
    CHECK_THROWS_WITH_AS(nn::write_file(folder / name, "x"),
                         doctest::Contains("it is not an ordinary file"), nn::FileError);
  }
  CHECK(fs::is_fifo(folder / "pipe"));
  CHECK(fs::is_symlink(folder / "null"));
  CHECK(fs::is_character_file("/dev/null"));
  CHECK_THROWS_WITH_AS(nn::write_file(folder / "store", "x"), doctest::Contains("it is a folder"),
                       nn::FileError);
  CHECK(folder.entries() == 4);
}

TEST_CASE("a file that is written again keeps its permissions and its owner") {
  const Folder folder;
  for (const auto mode : {0600U, 0640U, 0755U, 0444U}) {
    CAPTURE(mode);
    fs::remove(folder / "private.bin");
    nn::write_file(folder / "private.bin", "old");
    fs::permissions(folder / "private.bin", static_cast<fs::perms>(mode));
    fs::remove(folder / "link.bin");
    fs::create_symlink("private.bin", folder / "link.bin");
    nn::write_file(folder / "link.bin", "new");
    CHECK(nn::read_file(folder / "private.bin") == "new");
    CHECK(permissions(folder / "private.bin") == static_cast<fs::perms>(mode));
  }
  if (::geteuid() == 0) {  // others may give nothing away
    REQUIRE(::chown((folder / "private.bin").c_str(), 4321, 1234) == 0);
    nn::write_file(folder / "private.bin", "newer");
    struct stat now {};
    REQUIRE(::stat((folder / "private.bin").c_str(), &now) == 0);
    CHECK(now.st_uid == 4321);
    CHECK(now.st_gid == 1234);
  }
}

}  // namespace file_test
