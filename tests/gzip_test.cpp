#include "nn/data/gzip.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>

#include "data_files.hpp"

namespace gzip_test {

using namespace nn;          // NOLINT
using namespace data_files;  // NOLINT

/// `printf 'three gzip bytes' | gzip -9n | xxd -p`
const std::string recorded(
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x2b\xc9\x28\x4a\x4d\x55\x48\xaf\xca\x2c\x50\x48\xaa"
    "\x2c\x49\x2d\x06\x00\xd9\x3b\x86\x41\x10\x00\x00\x00",
    36);

/// What gzip makes of `content`, by zlib's compressor.
std::string gzipped(const std::string& content) {
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string result(deflateBound(&stream, content.size()) + 64, '\0');
  std::string input = content;
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(result.data());
  stream.avail_out = static_cast<uInt>(result.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  deflateEnd(&stream);
  return result.substr(0, result.size() - stream.avail_out);
}

std::string patterned(std::size_t size) {
  std::string content(size, '\0');
  for (std::size_t i = 0; i < size; ++i) content[i] = static_cast<char>((i * i) >> 7U);
  return content;
}

TEST_CASE("what the gzip command has compressed is read") {
  CHECK(gunzip(recorded, 1000) == "three gzip bytes");
}

TEST_CASE("contents of all sizes come back") {
  for (const std::size_t size : {0U, 1U, 65535U, 65536U, 65537U, 1000000U}) {
    const std::string content = patterned(size);
    CHECK(gunzip(gzipped(content), static_cast<Index>(size)) == content);
  }
}

TEST_CASE("members one after another are one content") {
  CHECK(gunzip(recorded + gzipped("") + gzipped(" and more"), 1000) == "three gzip bytes and more");
}

TEST_CASE("more than expected is refused") {
  CHECK(gunzip(recorded, 16) == "three gzip bytes");
  CHECK(contains(message_of([] { (void)gunzip(recorded, 15, "a.gz"); }),
                 "refused to read a.gz: it holds more than the 15 bytes expected"));
  // A thousand times as large as it looks: no more than the bound is ever unpacked.
  const std::string bomb = gzipped(std::string(std::size_t{1} << 26U, 'a'));
  REQUIRE(bomb.size() < 100000);
  CHECK_THROWS_AS((void)gunzip(bomb, 1000), FileError);
  CHECK(detail::gunzip_at_most(bomb, 10, "bomb").capacity() < 100);
}

TEST_CASE("a file cut anywhere is refused") {
  for (std::size_t length = 0; length < recorded.size(); ++length) {
    CAPTURE(length);
    CHECK(contains(message_of([&] { (void)gunzip(recorded.substr(0, length), 1000, "cut.gz"); }),
                   "cut.gz is broken: it ends too early"));
  }
}

TEST_CASE("a file with a changed byte is refused") {
  const std::string content = patterned(5000);
  const std::string whole = gzipped(content);
  for (std::size_t i = 0; i < whole.size(); i += i < 10 || i + 20 > whole.size() ? 1 : 37) {
    if (i >= 3 && i < 10) continue;  // flags, time and system, which checksums do not cover
    std::string changed = whole;
    changed[i] = static_cast<char>(changed[i] ^ 0x10);
    CAPTURE(i);
    CHECK(contains(message_of([&] { (void)gunzip(changed, 100000, "changed.gz"); }), "changed.gz"));
  }
}

TEST_CASE("bytes 0 after the compressed data are ignored") {
  for (const std::size_t zeros : {1U, 2U, 3U, 511U, 100000U}) {
    CAPTURE(zeros);
    const std::string filling(zeros, '\0');
    CHECK(gunzip(recorded + filling, 1000) == "three gzip bytes");
    CHECK(gunzip(recorded + gzipped(" and more") + filling, 1000) == "three gzip bytes and more");
    CHECK(StoredFile("filled.gz", recorded + filling).content() == "three gzip bytes");
  }
}

TEST_CASE("anything else after the compressed data is refused, with its place in the file") {
  const std::string two = gzipped("first") + recorded;
  const auto place = std::to_string(two.size());
  const auto message = [](const std::string& bytes) {
    return message_of([&] { (void)gunzip(bytes, 1000, "tail.gz"); });
  };
  CHECK(message(two + "rubbish") ==
        "tail.gz is broken: its compressed data end at byte " + place +
            " after 21 bytes of content, but 7 bytes that are not gzip's follow from byte " +
            place + " on");
  CHECK(contains(message(two + std::string(300, '\0') + "x"),
                 "but 1 bytes that are not gzip's follow from byte " +
                     std::to_string(two.size() + 300) + " on"));
  CHECK(contains(message(two + std::string(4, '\0') + recorded), "bytes that are not gzip's"));
  CHECK(contains(message(two + "\x1f"), "ends too early, after 21 bytes"));
}

TEST_CASE("a fault in a later member is told by its place in the whole file") {
  std::string second = gzipped(std::string(40, 'b'));
  second[2] = 7;  // no compression that gzip knows
  const std::string first = gzipped("what comes before");
  const std::string message = message_of([&] { (void)gunzip(first + second, 1000, "two.gz"); });
  CHECK(contains(message, "after 17 bytes of content"));
  const std::size_t from = message.find("at byte ");
  REQUIRE(from != std::string::npos);
  const auto told = std::stoul(message.substr(from + 8));
  CHECK(told > first.size());
  CHECK(told <= first.size() + 10);
}

TEST_CASE("a stored file is found with and without .gz") {
  const TemporaryFolder folder;
  const auto plain = folder.write("plain", "as it is");
  folder.write("packed.gz", recorded);
  CHECK(StoredFile(plain).content() == "as it is");
  CHECK(StoredFile(plain).first(2) == "as");
  CHECK(StoredFile(folder.path() / "packed").content() == "three gzip bytes");
  CHECK(StoredFile(folder.path() / "packed.gz").first(5) == "three");
  CHECK(StoredFile(folder.path() / "packed").name() == (folder.path() / "packed.gz").string());

  folder.write("packed", "the plain one comes first");
  CHECK(StoredFile(folder.path() / "packed").content() == "the plain one comes first");
}

TEST_CASE("what is no file is refused by name") {
  const TemporaryFolder folder;
  const auto missing = folder.path() / "missing";
  CHECK(message_of([&] { StoredFile{missing}; }) ==
        "cannot read " + missing.string() + ": there is no such file, nor missing.gz");
  CHECK(contains(message_of([&] { StoredFile{folder.path()}; }),
                 folder.path().string() + ": it is not an ordinary file"));
}

TEST_CASE("without gzip.hpp a compressed file says what it needs") {
  const auto decompressor = std::exchange(detail::gzip_decompressor, nullptr);
  const std::string message = message_of([] { (void)StoredFile("images.gz", recorded).content(); });
  detail::gzip_decompressor = decompressor;
  CHECK(contains(message, "images.gz"));
  CHECK(contains(message, "#include <nn/data/gzip.hpp>"));
  CHECK(contains(message, "nn::zlib"));
}

}  // namespace gzip_test
