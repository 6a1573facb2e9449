#include "zones/dns/writer.h"

#include <gtest/gtest.h>

#include <array>

#include "zones/dns/reader.h"

namespace weir::writer_test {
namespace {

TEST(Writer, NumbersAndBounds) {
  std::array<std::uint8_t, 8> out{};
  Writer writer(out);
  writer.u8(1);
  writer.u16(0x0203);
  writer.u32(0x04050607);
  EXPECT_TRUE(writer.ok());
  EXPECT_EQ(writer.room(), 1U);
  writer.u16(1);
  EXPECT_FALSE(writer.ok());
  EXPECT_EQ(writer.size(), 7U);
  writer.u8(1);  // sticky, though it would fit
  EXPECT_EQ(writer.size(), 7U);
  writer.rewind(1);
  EXPECT_TRUE(writer.ok());
  writer.patch_u16(0, 0xFFFF);  // past what was written: nothing happens
  EXPECT_EQ(out[0], 1);
}

TEST(Writer, CompressesAgainstEarlierNamesAndReadsBack) {
  const char* names[] = {"www.example.org", "mail.example.org", "example.org", "www.example.org", "org", ".",
                         "WWW.example.org", "x.y.example.net"};
  std::array<std::uint8_t, 512> out{};
  Writer writer(out);
  std::vector<std::size_t> sizes;
  for (const char* text : names) {
    const std::size_t before = writer.size();
    writer.name(*Name::parse(text));
    sizes.push_back(writer.size() - before);
  }
  EXPECT_EQ(sizes, (std::vector<std::size_t>{17, 7, 2, 2, 2, 1, 6, 17}));
  Reader reader(writer.written());
  for (const char* text : names) EXPECT_EQ(reader.name().to_text(), text);  // case and all
  EXPECT_TRUE(reader.ok());
}

TEST(Writer, ANameCutOffIsNoTarget) {
  std::array<std::uint8_t, 10> out{};
  Writer writer(out);
  writer.name(*Name::parse("www.example.org"));
  EXPECT_FALSE(writer.ok());
  writer.rewind(0);
  writer.name(*Name::parse("a.org"));
  EXPECT_TRUE(writer.ok());
  Reader reader(writer.written());
  EXPECT_EQ(reader.name().to_text(), "a.org");
}

TEST(Writer, RewindForgetsNamesPastIt) {
  std::array<std::uint8_t, 64> out{};
  Writer writer(out);
  writer.u8(0);
  writer.name(*Name::parse("example.org"));
  writer.rewind(1);
  writer.name(*Name::parse("www.example.org"));
  EXPECT_EQ(writer.size(), 18U);
}

TEST(Writer, ManyNamesStayCorrect) {
  std::vector<std::uint8_t> out(65535);
  Writer writer(out);
  std::vector<Name> names;
  for (int i = 0; i < 2000; ++i) names.push_back(*Name::parse("n" + std::to_string(i) + ".z" + std::to_string(i % 90)));
  for (const Name& name : names) writer.name(name);
  ASSERT_TRUE(writer.ok());
  Reader reader(writer.written());
  for (const Name& name : names) EXPECT_EQ(reader.name(), name);
}

}  // namespace
}  // namespace weir::writer_test
