#include "zones/dns/reader.h"

#include <gtest/gtest.h>

#include <vector>

namespace weir::reader_test {
namespace {

using Octets = std::vector<std::uint8_t>;

TEST(Reader, IsSticky) {
  const Octets octets = {1, 2, 3, 4, 5, 6, 7};
  Reader reader(octets);
  EXPECT_EQ(reader.u8(), 1);
  EXPECT_EQ(reader.u16(), 0x0203);
  EXPECT_EQ(reader.remaining(), 4U);
  EXPECT_EQ(reader.u32(), 0x04050607U);
  EXPECT_TRUE(reader.ok());
  EXPECT_EQ(reader.u8(), 0);
  EXPECT_FALSE(reader.ok());
  reader.seek(0);
  EXPECT_EQ(reader.u8(), 0);
  EXPECT_FALSE(reader.ok());
}

TEST(Reader, SeekStaysInside) {
  const Octets octets = {1, 2};
  Reader reader(octets);
  reader.seek(2);
  EXPECT_TRUE(reader.ok());
  reader.seek(3);
  EXPECT_FALSE(reader.ok());
}

struct Row {
  const char* what;
  Octets message;
  std::size_t at;
  const char* name;  // nullptr: refused
  std::size_t next;
};

TEST(Reader, Names) {
  const Row rows[] = {
      {"root", {0}, 0, ".", 1},
      {"plain", {3, 'o', 'r', 'g', 0, 9}, 0, "org", 5},
      {"pointer", {3, 'o', 'r', 'g', 0, 1, 'a', 0xC0, 0}, 5, "a.org", 9},
      {"pointer to a pointer", {3, 'o', 'r', 'g', 0, 1, 'a', 0xC0, 0, 1, 'b', 0xC0, 5}, 9, "b.a.org", 13},
      {"pointer to the root label", {0, 0xC0, 0}, 1, ".", 3},
      {"empty message", {}, 0, nullptr, 0},
      {"no end", {3, 'o', 'r', 'g'}, 0, nullptr, 0},
      {"label cut off", {3, 'o'}, 0, nullptr, 0},
      {"pointer to itself", {0xC0, 0}, 0, nullptr, 0},
      {"pointer forwards", {0xC0, 2, 0}, 0, nullptr, 0},
      {"pointer past the end", {0xC0, 9}, 0, nullptr, 0},
      {"pointer cut off", {0, 0xC0}, 1, nullptr, 0},
      {"loop over a label", {1, 'a', 0xC0, 0}, 0, nullptr, 0},
      {"two pointers at each other", {0xC0, 2, 0xC0, 0}, 2, nullptr, 0},
      {"reserved label type 01", {0x41, 0}, 0, nullptr, 0},
      {"reserved label type 10", {0x81, 0}, 0, nullptr, 0},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.what);
    Reader reader(row.message);
    reader.seek(row.at);
    const Name name = reader.name();
    EXPECT_EQ(reader.ok(), row.name != nullptr);
    if (row.name == nullptr) continue;
    EXPECT_EQ(name.to_text(), row.name);
    EXPECT_EQ(reader.position(), row.next);
  }
}

TEST(Reader, NamesAtTheirLimits) {
  Octets message;
  for (int i = 0; i < 127; ++i) message.insert(message.end(), {1, 'a'});
  message.push_back(0);
  {
    Reader reader(message);
    EXPECT_EQ(reader.name().label_count(), 127U);
    EXPECT_TRUE(reader.ok());
  }
  message.insert(message.end(), {1, 'b', 0xC0, 0});  // 128 labels, 257 octets
  Reader reader(message);
  reader.seek(255);
  (void)reader.name();
  EXPECT_FALSE(reader.ok());
}

// A chain of pointers, each one octet pair before: never longer than kMaxCompressionPointers.
TEST(Reader, PointerChainsAreBounded) {
  for (const unsigned pointers : {kMaxCompressionPointers, kMaxCompressionPointers + 1}) {
    Octets message = {0};
    std::size_t last = 0;
    for (unsigned i = 0; i < pointers; ++i) {
      const std::size_t here = message.size();
      message.push_back(static_cast<std::uint8_t>(0xC0 | last >> 8));
      message.push_back(static_cast<std::uint8_t>(last));
      last = here;
    }
    Reader reader(message);
    reader.seek(last);
    (void)reader.name();
    EXPECT_EQ(reader.ok(), pointers <= kMaxCompressionPointers);
  }
}

}  // namespace
}  // namespace weir::reader_test
