#include "nn/data/npy.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <limits>
#include <string>
#include <vector>

#include "data_files.hpp"
#include "nn/data/npz.hpp"

namespace npy_test {

using namespace nn;          // NOLINT
using namespace data_files;  // NOLINT

/// An array file of version 1 with this dictionary and these bytes of elements.
std::string npy(const std::string& dictionary, const std::string& elements) {
  std::string start("\x93NUMPY\x01\0", 8);
  start += static_cast<char>(dictionary.size());
  start += '\0';
  return start + dictionary + elements;
}

std::string header(const std::string& type, const std::string& shape,
                   const std::string& fortran = "False") {
  return "{'descr': '" + type + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }";
}

/// What opening `content` throws.
std::string refusal(const std::string& content) {
  return message_of([&] { (void)NpyArray(content, "a.npy"); });
}

template <class T>
Tensor<T> get(const std::string& content) {
  return NpyArray(content, "a.npy").get<T>();
}

/// Runs a Python program with NumPy in the folder. Returns whether there is one that has it.
bool numpy(const TemporaryFolder& folder, const std::string& program) {
  folder.write("program.py", "import numpy as np\n" + program);
  const std::string change = "cd '" + folder.path().string() + "' && ";
  for (const std::string python : {"python3", "/usr/bin/python3"}) {
    if (std::system((change + python + " -c 'import numpy' 2>/dev/null").c_str()) != 0) continue;
    REQUIRE(std::system((change + python + " program.py").c_str()) == 0);
    return true;
  }
  std::cerr << "skipped: there is no python3-numpy\n";
  return false;
}

TEST_CASE("elements of every type are read, in both orders of bytes") {
  const std::string one("\0\0\x80\x3f", 4);  // 1.0F
  CHECK(get<float>(npy(header("<f4", "(1,)"), one)) == Tensor<float>({1}, {1}));
  const std::string two("\x40\0\0\0\0\0\0\0", 8);  // 2.0
  CHECK(get<double>(npy(header(">f8", "(1,)"), two)) == Tensor<double>({1}, {2}));
  CHECK(get<float>(npy(header(">f8", "()"), two)).shape() == Shape{});
  CHECK(get<int>(npy(header("|i1", "(2,)"), "\xff\x7f")) == Tensor<int>({2}, {-1, 127}));
  CHECK(get<int>(npy(header("|u1", "(2,)"), "\xff\x7f")) == Tensor<int>({2}, {255, 127}));
  CHECK(get<int>(npy(header("<i2", "(1,)"), "\xfe\xff")) == Tensor<int>({1}, {-2}));
  CHECK(get<int>(npy(header(">u2", "(1,)"), "\x01\x02")) == Tensor<int>({1}, {258}));
  CHECK(get<std::int64_t>(npy(header("<i8", "(1,)"), std::string(7, '\0') + "\x80"))[0] ==
        std::numeric_limits<std::int64_t>::min());
  CHECK(get<std::uint64_t>(npy(header("<u8", "(1,)"), std::string(8, '\xff')))[0] ==
        std::numeric_limits<std::uint64_t>::max());
  CHECK(get<std::uint8_t>(npy(header("|b1", "(3,)"), std::string("\1\0\1", 3))) ==
        Tensor<std::uint8_t>({3}, {1, 0, 1}));
}

TEST_CASE("an array in Fortran's order has the same elements") {
  // 1 2 3 / 4 5 6, of which the columns are stored one after another.
  const Tensor<int> expected({2, 3}, {1, 2, 3, 4, 5, 6});
  CHECK(get<int>(npy(header("|u1", "(2, 3)"), "\1\2\3\4\5\6")) == expected);
  CHECK(get<int>(npy(header("|u1", "(2, 3)", "True"), "\1\4\2\5\3\6")) == expected);
}

TEST_CASE("versions 2 and 3 have longer lengths, and dictionaries any order and quotes") {
  const std::string dictionary = "{\"shape\":(2,),\"fortran_order\":False,\"descr\":\"|u1\"}\n";
  for (const char version : {'\2', '\3'}) {
    std::string file = "\x93NUMPY";
    file += version;
    file += '\0';
    file += static_cast<char>(dictionary.size());
    file += std::string(3, '\0') + dictionary + "\x05\x06";
    CHECK(get<int>(file) == Tensor<int>({2}, {5, 6}));
  }
}

TEST_CASE("what a tensor's type cannot hold is refused with its byte") {
  const std::string file = npy(header("<i2", "(2,)"), std::string("\1\0\0\1", 4));
  const auto message = message_of([&] { (void)get<std::uint8_t>(file); });
  CHECK(message == "a.npy, byte " + std::to_string(file.size() - 2) +
                       ": the element 256 is beyond an integer of 1 bytes");
  CHECK(get<float>(file) == Tensor<float>({2}, {1, 256}));
  const std::string negative = npy(header("|i1", "(1,)"), "\xff");
  CHECK(contains(message_of([&] { (void)get<std::uint32_t>(negative); }), "the element -1 is"));
  const std::string great = npy(header(">f8", "(1,)"), std::string("\x7f\xe0\0\0\0\0\0\0", 8));
  CHECK(contains(message_of([&] { (void)get<float>(great); }), "e+307 is beyond a float"));
  const std::string infinite = npy(header(">f8", "(1,)"), std::string("\x7f\xf0\0\0\0\0\0\0", 8));
  CHECK(get<float>(infinite)[0] == std::numeric_limits<float>::infinity());
  CHECK(contains(message_of([&] { (void)get<int>(infinite); }),
                 "its elements are floats (>f8); they do not become integers"));
}

TEST_CASE("what is no array file is refused with the byte") {
  CHECK(contains(refusal(""), "a.npy: it does not begin"));
  CHECK(contains(refusal(std::string("\x93NUMPY\x04\0\0\0", 10)), "expected 1, 2 or 3"));
  const std::string good = npy(header("|u1", "(2,)"), "ab");
  CHECK(contains(refusal(good.substr(0, 20)), "ends within its header, which takes"));
  CHECK(contains(refusal(good.substr(0, good.size() - 1)),
                 "it is truncated: 2 elements of 1 bytes take " + std::to_string(good.size())));
  CHECK(contains(refusal(good + "c"), "byte " + std::to_string(good.size()) +
                                          ": it goes on after its 2 elements, for 1 bytes"));
  CHECK(contains(refusal(npy(header("<f2", "(1,)"), "ab")),
                 "a.npy, byte 20: elements of type '<f2' are not read"));
  for (const std::string type : {"|O", "<U4", "<c8", "<i3", "|f4", "=f4", "<b1x"}) {
    CAPTURE(type);
    CHECK(contains(refusal(npy(header(type, "(1,)"), "a")), "elements of type '" + type + "'"));
  }
  CHECK(contains(refusal(npy("{'descr': [('x', '<f4')]}", "")), "records of several fields"));
  CHECK(contains(refusal(npy("{'descr': '|u1', 'fortran_order': False}", "")), "lacks"));
  CHECK(contains(refusal(npy("{'descr': '|u1', 'other': 1}", "")), "the key 'other'"));
  CHECK(contains(refusal(npy(header("|u1", "(2"), "")), "expected an extent"));
  CHECK(contains(refusal(npy(header("|u1", "(-2,)"), "")), "expected an extent"));
  CHECK(contains(refusal(npy(header("|u1", "(1, 1, 1, 1, 1, 1, 1)"), "a")), "more than 6 axes"));
  CHECK(contains(refusal(npy(header("|u1", "(0, 99999999999999999999)"), "")), "claims more than"));
  CHECK(contains(refusal(npy(header("|u1", "(65536, 65536)"), "")), "claims more than 2147483648"));
  CHECK(contains(refusal(npy(header("|u1", "(1,)", "Maybe"), "a")), "expected True or False"));
}

TEST_CASE("an array without elements keeps its shape") {
  CHECK(get<float>(npy(header("<f4", "(0, 3)", "True"), "")).shape() == Shape{0, 3});
}

TEST_CASE("what is written is read as the same") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "a.npy";
  const Tensor<float> floats({2, 1, 3}, {1, -2, 3.5F, 0, 1e-30F, 6});
  write_npy(path, floats);
  CHECK(read_npy<float>(path) == floats);
  CHECK((std::filesystem::file_size(path) - 24) % 64 == 0);
  const Tensor<std::int64_t> labels({3}, {1, -5, std::int64_t{1} << 40});
  write_npy(path, labels);
  CHECK(open_npy(path).shape() == Shape{3});
  CHECK(open_npy(path).type() == "<i8");
  CHECK(read_npy<std::int64_t>(path) == labels);
}

TEST_CASE("several arrays are written into one file and read again") {
  const TemporaryFolder folder;
  NpzWriter writer;
  const Tensor<double> x({2, 2}, {1, 2, 3, 4});
  const Tensor<std::uint8_t> y({2}, {7, 8});
  writer.add("x", x);
  writer.add("labels", y);
  writer.write(folder.path() / "a.npz");
  const NpzFile file(folder.path() / "a.npz");
  CHECK(file.names() == std::vector<std::string>{"labels", "x"});
  CHECK(file.get<double>("x") == x);
  CHECK(file.get<std::uint8_t>("labels") == y);
  CHECK(contains(message_of([&] { (void)file.array("z"); }),
                 "a.npz: it holds no array 'z'; it holds 'labels', 'x'"));
  CHECK(contains(message_of<Error>([&] { writer.add("x", x); }), "a second array 'x'"));
}

TEST_CASE("a damaged archive is refused by name") {
  NpzWriter writer;
  writer.add("x", Tensor<std::uint8_t>({2}, {7, 8}));
  const std::string good = writer.encode();
  const auto message = [](std::string content) {
    return message_of([&] { (void)NpzFile(std::move(content), "a.npz").array("x"); });
  };
  CHECK(message(good) == "nothing was thrown");
  CHECK(contains(message("PK"), "a.npz: it does not begin as a zip archive"));
  CHECK(contains(message(good.substr(0, good.size() - 1)), "it is truncated"));
  std::string damaged = good;
  damaged[good.find("\x07\x08")] = 9;
  CHECK(contains(message(damaged), "a.npz/x.npy is broken: its checksum is not"));
  const auto directory = good.find("PK\x01\x02");
  damaged = good;
  damaged[directory + 10] = 12;
  CHECK(contains(message(damaged), "x.npy in it is compressed by method 12"));
  damaged = good;
  damaged[directory + 8] = 1;
  CHECK(contains(message(damaged), "x.npy in it is encrypted"));
  damaged = good;
  damaged[directory + 27] = '\xff';
  CHECK(contains(message(damaged), "x.npy in it claims 42"));
  damaged = good;
  damaged[directory + 24] = 9;
  CHECK(contains(message(damaged), "but the archive's directory says 9"));
  damaged = good;
  damaged[directory + 10] = 8;
  CHECK(contains(message(damaged), "its compressed data do not become the"));
  damaged = good;
  damaged[directory] = 'Q';
  CHECK(contains(message(damaged), "byte " + std::to_string(directory) + ": expected an entry"));
  damaged = good;
  damaged[directory + 44] = '\x7f';
  CHECK(contains(message(damaged), "expected its header at byte"));
}

TEST_CASE("NumPy's own files are read: every type, order, version and compression") {
  const TemporaryFolder folder;
  const std::string program = R"(
a = np.arange(-12, 12).reshape(2, 3, 4)
for t in "<f4 >f4 <f8 >f8 i1 <i2 >i2 <i4 >i4 <i8 >i8".split():
    np.save(t[-2:] + ("b" if t[0] == ">" else "l"), a.astype(t))
    np.save(t[-2:] + ("b" if t[0] == ">" else "l") + "f", np.asfortranarray(a.astype(t)))
for t in "u1 <u2 >u2 <u4 >u4 <u8 >u8".split():
    np.save(t[-2:] + ("b" if t[0] == ">" else "l"), (a + 12).astype(t))
    np.save(t[-2:] + ("b" if t[0] == ">" else "l") + "f", np.asfortranarray((a + 12).astype(t)))
np.save("bool", a > 0)
for version in (2, 3):
    with open("version%d.npy" % version, "wb") as f:
        np.lib.format.write_array(f, a, (version, 0))
np.savez("stored", x=a, y=np.float32(2.5))
np.savez_compressed("deflated", x=np.zeros((300, 1000)), y=a.T)
)";
  if (!numpy(folder, program)) return;
  const auto file = [&](const std::string& name) { return folder.path() / (name + ".npy"); };
  Index files = 0;
  for (const std::string type : {"f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"}) {
    for (const std::string order : {"l", "b", "lf", "bf"}) {
      if (!std::filesystem::exists(file(type + order))) continue;  // of one byte, without an order
      const auto found = read_npy<double>(file(type + order));
      CHECK(found.shape() == Shape{2, 3, 4});
      const double first = type[0] == 'u' ? 0 : -12;
      double wrong = 0;
      for (Index i = 0; i < found.size(); ++i)
        wrong += std::abs(found[i] - (first + static_cast<double>(i)));
      CHECK(wrong == 0);
      ++files;
    }
  }
  CHECK(files == 36);
  const auto truths = read_npy<int>(file("bool"));
  CHECK(truths[12] == 0);
  CHECK(truths[13] == 1);
  for (const std::string version : {"version2", "version3"})
    CHECK(read_npy<int>(file(version))(1, 2, 3) == 11);
  const NpzFile stored(folder.path() / "stored.npz");
  CHECK(stored.get<int>("x")(0, 1, 2) == -6);
  CHECK(stored.get<float>("y")[0] == 2.5F);
  const NpzFile deflated(folder.path() / "deflated.npz");
  CHECK(deflated.get<float>("x") == Tensor<float>({300, 1000}));
  CHECK(deflated.array("y").shape() == Shape{4, 3, 2});
  CHECK(deflated.get<int>("y")(2, 1, 0) == -6);
}

TEST_CASE("NumPy reads what is written") {
  const TemporaryFolder folder;
  write_npy(folder.path() / "a.npy", Tensor<float>({2, 3}, {1, 2, 3, 4, 5, 6.5F}));
  write_npy(folder.path() / "b.npy", Tensor<std::int16_t>({1}, {-3}));
  NpzWriter writer;
  writer.add("x", Tensor<double>({2}, {1, 2}));
  writer.add("y", Tensor<std::uint8_t>(Shape{}, {9}));
  writer.write(folder.path() / "c.npz");
  const std::string program = R"(
a, b, c = np.load("a.npy"), np.load("b.npy"), np.load("c.npz")
assert a.dtype == np.float32 and a.tolist() == [[1, 2, 3], [4, 5, 6.5]], a
assert b.dtype == np.int16 and b.tolist() == [-3], b
assert sorted(c.files) == ["x", "y"] and c["x"].tolist() == [1, 2], c.files
assert c["y"].shape == () and c["y"] == 9 and c["y"].dtype == np.uint8
open("seen", "w").write("all")
)";
  if (numpy(folder, program)) CHECK(read_file(folder.path() / "seen") == "all");
}

}  // namespace npy_test
