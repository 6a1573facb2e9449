#include "resolver/cache/entry_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

namespace weir::entry_table_test {
namespace {

constexpr std::size_t kPlenty = 1 << 30;

Name name(const std::string& text) {
  return *Name::parse(text);
}

std::vector<std::uint8_t> octets(const std::string& text) {
  return {text.begin(), text.end()};
}

std::string text_of(const Entry* entry) {
  return entry == nullptr ? "-" : std::string(entry->payload().begin(), entry->payload().end());
}

TEST(EntryTable, KeysAreNameKindAndTypeWithoutCase) {
  EntryTable table;
  table.insert({name("www.example"), 'd', RecordType::a}, {}, octets("address"), kPlenty);
  table.insert({name("www.example"), 'd', RecordType::aaaa}, {}, octets("longer address"), kPlenty);
  table.insert({name("www.example"), 'x'}, {}, octets("denied"), kPlenty);
  EXPECT_EQ(text_of(table.find({name("WWW.Example"), 'd', RecordType::a})), "address");
  EXPECT_EQ(text_of(table.find({name("www.example"), 'd', RecordType::aaaa})), "longer address");
  EXPECT_EQ(text_of(table.find({name("www.example"), 'x'})), "denied");
  EXPECT_EQ(text_of(table.find({name("www.example"), 'd', RecordType::mx})), "-");
  EXPECT_EQ(text_of(table.find({name("example"), 'x'})), "-");
  EXPECT_EQ(table.entries(), 3U);
  table.erase_all(name("www.EXAMPLE"));
  EXPECT_EQ(table.entries(), 0U);
  EXPECT_EQ(table.size_bytes(), 0U);
}

TEST(EntryTable, WhatDoesNotFitAloneIsNotKept) {
  EntryTable table;
  const EntryKey key{name("a.example"), 'd', RecordType::a};
  ASSERT_NE(table.insert(key, {}, octets("small"), 200), nullptr);
  EXPECT_EQ(table.insert(key, {}, std::vector<std::uint8_t>(300), 200), nullptr);
  EXPECT_EQ(table.find(key), nullptr);
  EXPECT_EQ(table.size_bytes(), 0U);
}

TEST(EntryTable, DropsWhatWasNotUsed) {
  EntryTable table;
  const std::size_t one = table.insert({name("kept.example"), 'd'}, {}, octets("x"), kPlenty)->size_bytes();
  const std::size_t capacity = one * 100;
  for (int i = 0; i < 2000; ++i) {
    const Name other = name("n" + std::to_string(i) + ".example");
    table.insert({other, 'd'}, {}, octets("x"), capacity);
    ASSERT_LE(table.size_bytes(), capacity);
    ASSERT_NE(table.find({name("kept.example"), 'd'}), nullptr) << i;
  }
  EXPECT_GT(table.entries(), 80U);
}

// Against std::map, with names of few enough kinds that runs form, and erases that make runs close up.
TEST(EntryTable, AgreesWithAMap) {
  std::mt19937 random(5);
  EntryTable table;
  std::map<std::pair<std::string, char>, std::string> model;
  for (int i = 0; i < 200'000; ++i) {
    const std::string owner = "n" + std::to_string(random() % 3000) + ".example";
    const char kind = "dxzf"[random() % 4];
    const Name at = name(owner);
    switch (random() % 4) {
      case 0:
        table.erase({at, kind});
        model.erase({owner, kind});
        break;
      case 1:
        if (random() % 8 == 0) {
          table.erase_all(at);
          for (const char each : {'d', 'x', 'z', 'f'}) model.erase({owner, each});
        }
        break;
      default:
        table.insert({at, kind}, {}, octets(std::to_string(i)), kPlenty);
        model[{owner, kind}] = std::to_string(i);
    }
    const auto known = model.find({owner, kind});
    ASSERT_EQ(text_of(table.find({at, kind})), known == model.end() ? "-" : known->second);
    ASSERT_EQ(table.entries(), model.size());
  }
  for (const auto& [key, payload] : model) ASSERT_EQ(text_of(table.find({name(key.first), key.second})), payload);
  std::size_t bytes = 0;
  table.for_each([&](const Entry& entry) { bytes += entry.size_bytes(); });
  EXPECT_EQ(bytes, table.size_bytes());
}

// Types at one name share its hash, as names of an attacker may: the run that a look-up walks has an end.
TEST(EntryTable, CollidingEntriesPushEachOtherOut) {
  EntryTable table;
  const Name crowded = name("crowded.example");
  for (unsigned type = 1; type <= 5000; ++type)
    table.insert({crowded, 'd', static_cast<RecordType>(type)}, {}, octets("x"), kPlenty);
  EXPECT_LE(table.entries(), 256U);
  EXPECT_NE(table.find({crowded, 'd', static_cast<RecordType>(5000)}), nullptr);
  for (int i = 0; i < 1000; ++i) table.insert({name("n" + std::to_string(i)), 'd'}, {}, octets("y"), kPlenty);
  unsigned found = 0;
  for (int i = 0; i < 1000; ++i) found += table.find({name("n" + std::to_string(i)), 'd'}) != nullptr ? 1 : 0;
  EXPECT_GE(found, 900U) << "but for those whose home lies in the crowd";
}

}  // namespace
}  // namespace weir::entry_table_test
