#include "nn/data/sha256.hpp"

#include <doctest/doctest.h>

#include <string>

#include "data_files.hpp"
#include "nn/data/gzip.hpp"

namespace sha256_test {

TEST_CASE("the checksums of known texts") {
  // Each by `printf TEXT | sha256sum`; the first two are also in FIPS 180-4's examples.
  CHECK(nn::sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(nn::sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(nn::sha256("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  // python3 -c 'import hashlib; print(hashlib.sha256(b"a" * N).hexdigest())': the lengths around
  // which the padding takes one more block.
  CHECK(nn::sha256(std::string(55, 'a')) ==
        "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318");
  CHECK(nn::sha256(std::string(64, 'a')) ==
        "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb");
  CHECK(nn::sha256(std::string(1000000, 'a')) ==
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("a file's checksum is that of its uncompressed content") {
  const data_files::TemporaryFolder folder;
  // printf abc | gzip -9n
  folder.write("abc.gz", std::string("\x1f\x8b\x08\0\0\0\0\0\x02\x03\x4b\x4c\x4a\x06\0\xc2\x41\x24"
                                     "\x35\x03\0\0\0",
                                     23));
  CHECK(nn::sha256_of_file(folder.path() / "abc") == nn::sha256("abc"));
}

TEST_CASE("MNIST's test labels are the original ones") {
  const auto folder = data_files::real_data("mnist");
  if (folder.empty()) return;
  CHECK(nn::sha256_of_file(folder / "t10k-labels-idx1-ubyte") ==
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2");
}

}  // namespace sha256_test
