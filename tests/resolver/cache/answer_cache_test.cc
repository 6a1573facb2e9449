#include "resolver/cache/answer_cache.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "resolver/cache/answer_matches.h"

namespace weir::answer_cache_test {
namespace {

using Octets = std::vector<std::uint8_t>;

struct Asked {
  explicit Asked(std::string_view text, RecordType type = RecordType::a, bool dnssec_ok = false)
      : name(*Name::parse(text)),
        key{.qname = name.wire(),
            .qname_hash = name.hash(),
            .type = type,
            .record_class = RecordClass::in,
            .dnssec_ok = dnssec_ok,
            .checking_disabled = false} {}
  Asked(const Asked&) = delete;
  Name name;
  AnswerKey key;
};

// Header, question, and `payload` octets of `fill`.
Octets wire_of(const Asked& asked, std::size_t payload, std::uint8_t fill) {
  Octets out(12);
  const Name folded = asked.name.folded();
  out.insert(out.end(), folded.wire().begin(), folded.wire().end());
  out.insert(out.end(), {0, 1, 0, 1});
  out.insert(out.end(), payload, fill);
  return out;
}

struct CacheTest : testing::Test {
  bool put(const Asked& asked, std::span<const std::uint8_t> wire, CacheSeconds expires = 100, NamesEpoch epoch = {1},
           std::span<const std::uint8_t> matches = {}, PutMode mode = PutMode::answer) {
    return cache->put(asked.key,
                      {.wire = wire,
                       .ttl_offsets = offsets,
                       .rcode = Rcode::nxdomain,
                       .security = 2,
                       .inserted = 10,
                       .expires = expires,
                       .ede = EdeCode::network_error,
                       .ede_text = "why",
                       .epoch = epoch,
                       .matches = matches},
                      mode);
  }
  std::optional<Octets> get(const Asked& asked, CacheSeconds now = 50, std::size_t room = 8192,
                            Reading reading = Reading::fresh) {
    Octets out(room);
    AnswerCache::Probe probe = cache->prepare(asked.key);
    cache->locate(probe);
    if (!cache->read(probe, asked.key, now, out, answer, reading)) return std::nullopt;
    out.resize(std::min(room, answer.wire_size));
    return out;
  }

  AnswerCache::Probe located(const Asked& asked) const {
    AnswerCache::Probe probe = cache->prepare(asked.key);
    cache->locate(probe);
    return probe;
  }

  std::unique_ptr<AnswerCache> cache = std::move(*AnswerCache::make(2 << 20));
  CachedAnswer answer;
  std::vector<std::uint16_t> offsets = {40, 56};
};

TEST_F(CacheTest, GivesBackAllThatWasPut) {
  const Asked asked("www.example.org");
  const Octets wire = wire_of(asked, 50, 7);
  const Octets matches = {1, 2, 3, 4, 5};
  ASSERT_TRUE(put(asked, wire, 100, {9}, matches));
  EXPECT_EQ(get(Asked("WWW.example.ORG")), wire);
  EXPECT_EQ(answer.rcode, Rcode::nxdomain);
  EXPECT_EQ(answer.security, 2);
  EXPECT_EQ(answer.inserted, 10U);
  EXPECT_EQ(answer.expires, 100U);
  EXPECT_EQ(answer.epoch, NamesEpoch{9});
  EXPECT_EQ(answer.ede, EdeCode::network_error);
  EXPECT_EQ(answer.ede_text(), "why");
  EXPECT_EQ(std::vector(answer.ttl_offsets().begin(), answer.ttl_offsets().end()), offsets);
  EXPECT_EQ(Octets(answer.matches().begin(), answer.matches().end()), matches);
  EXPECT_EQ(cache->entries(), 1U);
}

TEST_F(CacheTest, KeysDifferInEveryPart) {
  const Asked asked("www.example.org");
  ASSERT_TRUE(put(asked, wire_of(asked, 10, 1)));
  EXPECT_FALSE(get(Asked("www.example.com")));
  EXPECT_FALSE(get(Asked("ww.wexample.org")));
  EXPECT_FALSE(get(Asked("www.example.org", RecordType::aaaa)));
  EXPECT_FALSE(get(Asked("www.example.org", RecordType::a, true)));
  Asked other("www.example.org");
  other.key.checking_disabled = true;
  EXPECT_FALSE(get(other));
  other.key.checking_disabled = false;
  other.key.record_class = RecordClass::ch;
  EXPECT_FALSE(get(other));
  EXPECT_TRUE(get(asked));
}

TEST_F(CacheTest, ExactlyCaseIsFoldedAndNothingElse) {
  // Octets that differ in bit 5 alone and are no letters: '@' and '`', '[' and '{'.
  const Asked at("a@[.example");
  ASSERT_TRUE(put(at, wire_of(at, 10, 1)));
  EXPECT_TRUE(get(Asked("A@[.EXAMPLE")));
  EXPECT_FALSE(get(Asked("a`[.example")));
  EXPECT_FALSE(get(Asked("a@{.example")));
}

TEST_F(CacheTest, ExpiresAndIsReplaced) {
  const Asked asked("www.example.org");
  ASSERT_TRUE(put(asked, wire_of(asked, 10, 1), 60));
  EXPECT_TRUE(get(asked, 59));
  EXPECT_FALSE(get(asked, 60));
  ASSERT_TRUE(put(asked, wire_of(asked, 300, 2), 90));
  EXPECT_EQ(get(asked, 60), wire_of(asked, 300, 2));
  EXPECT_EQ(cache->entries(), 1U);
}

TEST_F(CacheTest, ASmallBufferGetsTheBeginning) {
  const Asked asked("www.example.org");
  const Octets wire = wire_of(asked, 2000, 3);
  ASSERT_TRUE(put(asked, wire));
  EXPECT_EQ(get(asked, 50, 512), Octets(wire.begin(), wire.begin() + 512));
  EXPECT_EQ(answer.wire_size, wire.size());
}

TEST_F(CacheTest, TooLargeIsNotCached) {
  const Asked asked("www.example.org");
  EXPECT_FALSE(put(asked, wire_of(asked, 8192, 3)));
  EXPECT_TRUE(put(asked, wire_of(asked, 8000, 3)));
}

TEST_F(CacheTest, NewMatchesReplaceOlderOnesOfTheSameAnswerOnly) {
  const Asked asked("www.example.org");
  const Octets wire = wire_of(asked, 10, 1);
  const Octets old_matches = {1};
  const Octets new_matches = {2};
  EXPECT_FALSE(put(asked, wire, 100, {5}, new_matches, PutMode::matches)) << "nothing there to add to";
  ASSERT_TRUE(put(asked, wire, 100, {3}, old_matches));
  EXPECT_FALSE(put(asked, wire, 100, {3}, new_matches, PutMode::matches)) << "not newer";
  EXPECT_FALSE(put(asked, wire, 101, {4}, new_matches, PutMode::matches)) << "another answer by now";
  ASSERT_TRUE(put(asked, wire, 100, {4}, new_matches, PutMode::matches));
  ASSERT_TRUE(get(asked));
  EXPECT_EQ(answer.epoch, NamesEpoch{4});
  EXPECT_EQ(answer.matches()[0], 2);
}

TEST_F(CacheTest, HitsAreCountedInSamples) {
  const Asked asked("www.example.org");
  ASSERT_TRUE(put(asked, wire_of(asked, 10, 1)));
  AnswerCache::Probe probe = cache->prepare(asked.key);
  ASSERT_TRUE(cache->locate(probe));
  cache->add_hits(probe, 64);
  cache->add_hits(probe, 64);
  EXPECT_EQ(cache->hits(probe), 128U);
  EXPECT_TRUE(get(asked));
}

TEST_F(CacheTest, FlushesANameOrASubtree) {
  for (const char* name : {"example.org", "www.example.org", "a.www.example.org", "badexample.org"}) {
    const Asked asked(name);
    ASSERT_TRUE(put(asked, wire_of(asked, 10, 1)));
  }
  const Asked both("example.org", RecordType::aaaa);
  ASSERT_TRUE(put(both, wire_of(both, 10, 1)));
  const auto at = cache->list(*Name::parse("example.ORG"), false, 10);
  ASSERT_EQ(at.size(), 2U);
  for (const AnswerCache::Listed& each : at) {
    EXPECT_EQ(each.name.to_text(), "example.org");
    EXPECT_TRUE(each.type == RecordType::a || each.type == RecordType::aaaa);
    EXPECT_EQ(each.rcode, Rcode::nxdomain);
    EXPECT_GT(each.expires, 0U);
  }
  EXPECT_EQ(cache->list(*Name::parse("example.org"), true, 10).size(), 4U);
  EXPECT_EQ(cache->list(Name(), true, 3).size(), 3U);
  EXPECT_EQ(cache->flush(*Name::parse("EXAMPLE.org"), false), 2U);
  EXPECT_TRUE(get(Asked("www.example.org")));
  EXPECT_EQ(cache->flush(*Name::parse("example.org"), true), 2U);
  EXPECT_TRUE(get(Asked("badexample.org")));
  EXPECT_EQ(cache->entries(), 1U);
  EXPECT_EQ(cache->flush(Name(), true), 1U);
  EXPECT_EQ(cache->used_bytes(), 0U);
}

TEST_F(CacheTest, MemoryIsBoundedAndWhatIsUsedStays) {
  const Asked favourite("favourite.example");
  ASSERT_TRUE(put(favourite, wire_of(favourite, 60, 9)));
  for (int i = 0; i < 60000; ++i) {
    const Asked asked("n" + std::to_string(i) + ".example");
    put(asked, wire_of(asked, 60, static_cast<std::uint8_t>(i)));
    if (i % 50 != 0) continue;
    ASSERT_TRUE(get(favourite)) << i;
  }
  EXPECT_LE(cache->used_bytes(), 2U << 20);
  EXPECT_GT(cache->entries(), 5000U);
  EXPECT_EQ(get(favourite), wire_of(favourite, 60, 9));
}

TEST_F(CacheTest, MemoryMovesBetweenSizes) {
  for (const std::size_t payload : {40U, 7000U, 40U, 1500U}) {
    // Long enough for the class to take over most of the arena from the one before.
    for (int i = 0; i < 40000; ++i) {
      const Asked asked("n" + std::to_string(i) + ".example");
      put(asked, wire_of(asked, payload, static_cast<std::uint8_t>(i)));
    }
    EXPECT_GT(cache->used_bytes(), 1U << 20) << payload;
    EXPECT_LE(cache->used_bytes(), 2U << 20) << payload;
    unsigned found = 0;
    for (int i = 39800; i < 40000; ++i) {
      const Asked asked("n" + std::to_string(i) + ".example");
      const auto got = get(asked);
      if (!got) continue;
      EXPECT_EQ(*got, wire_of(asked, payload, static_cast<std::uint8_t>(i)));
      ++found;
    }
    EXPECT_GT(found, 30U) << payload;
  }
}

// Readers must never see a mixture of two entries: each answer says throughout which name and version it is of.
TEST(AnswerCacheThreads, ReadersNeverSeeATornEntry) {
  const auto cache = std::move(*AnswerCache::make(2 << 20));
  constexpr int kNames = 8;
  constexpr std::uint64_t kEnough = 100'000;  // answers read while they were being replaced
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  constexpr int kWriters = 2;
  constexpr int kReaders = 2;
  constexpr std::size_t kSizes[] = {20, 90, 400, 1500, 6000};
  std::vector<std::unique_ptr<Asked>> names;
  for (int i = 0; i < kNames; ++i) names.push_back(std::make_unique<Asked>("name" + std::to_string(i) + ".example"));
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> torn{0};
  std::atomic<std::uint64_t> hits{0};
  std::vector<std::thread> threads;
  for (int w = 0; w < kWriters; ++w) {
    threads.emplace_back([&, w] {
      std::mt19937 random(static_cast<unsigned>(w));
      std::vector<std::uint16_t> offsets;
      for (int round = 0; hits.load() < kEnough && std::chrono::steady_clock::now() < end; ++round) {
        const unsigned which = random() % kNames;
        const auto version = static_cast<std::uint8_t>(random());
        const Octets wire = wire_of(*names[which], kSizes[random() % std::size(kSizes)], version);
        offsets.assign(version % 20, version);
        const Octets matches(version % 50, version);
        cache->put(names[which]->key, {.wire = wire,
                                       .ttl_offsets = offsets,
                                       .rcode = Rcode::noerror,
                                       .security = 0,
                                       .inserted = version,
                                       .expires = 1000,
                                       .ede = std::nullopt,
                                       .ede_text = {},
                                       .epoch = {version},
                                       .matches = matches});
        if (round % 1000 == 0) cache->flush(names[which]->name, false);
      }
      stop.store(true);
    });
  }
  for (int r = 0; r < kReaders; ++r) {
    threads.emplace_back([&, r] {
      std::mt19937 random(static_cast<unsigned>(100 + r));
      CachedAnswer answer;
      Octets out(8192);
      while (!stop.load()) {
        const Asked& asked = *names[random() % kNames];
        AnswerCache::Probe probe = cache->prepare(asked.key);
        if (!cache->locate(probe) || !cache->read(probe, asked.key, 500, out, answer)) continue;
        hits.fetch_add(1);
        const auto version = static_cast<std::uint8_t>(answer.inserted);
        bool good = answer.epoch.value == version && answer.ttl_offsets().size() == version % 20U &&
                    answer.matches().size() == version % 50U;
        for (std::size_t i = 12 + asked.name.size() + 4; i < answer.wire_size; ++i) good &= out[i] == version;
        for (const std::uint16_t offset : answer.ttl_offsets()) good &= offset == version;
        for (const std::uint8_t octet : answer.matches()) good &= octet == version;
        if (!good) torn.fetch_add(1);
        if (random() % 64 == 0) cache->add_hits(probe, 64);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(torn.load(), 0U);
  EXPECT_GE(hits.load(), kEnough);
}

TEST(AnswerMatchesCoding, ComesBackAndRefusesWhatItDidNotMake) {
  AnswerMatches parts(3);
  parts[0].name = *Name::parse("www.example.org");
  parts[0].matches.matches.resize(2);
  parts[0].matches.matches[1].list = 17;
  parts[0].matches.lists_below = {4, 5};
  parts[0].matches.shared_suffix_labels = 2;
  parts[1].part = AnswerPart::alias;
  parts[1].name = *Name::parse("cdn.example");
  parts[2].part = AnswerPart::address;
  parts[2].address = *IpAddress::parse("2001:db8::1");
  parts[2].matches.matches.resize(1);
  Octets octets;
  encode_matches(parts, octets);
  EXPECT_EQ(count_parts(octets), 3U);
  AnswerMatches back;
  ASSERT_TRUE(decode_matches(octets, back));
  ASSERT_EQ(back.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(back[i].part, parts[i].part);
    EXPECT_EQ(back[i].name, parts[i].name);
    EXPECT_EQ(back[i].address, parts[i].address);
    EXPECT_EQ(back[i].matches.matches, parts[i].matches.matches);
    EXPECT_EQ(back[i].matches.lists_below, parts[i].matches.lists_below);
    EXPECT_EQ(back[i].matches.shared_suffix_labels, parts[i].matches.shared_suffix_labels);
  }
  for (std::size_t size = 0; size < octets.size(); ++size)
    EXPECT_FALSE(decode_matches(std::span(octets).first(size), back)) << size;
}

// Of this process, in octets.
std::size_t resident_memory() {
  std::ifstream file("/proc/self/statm");
  std::size_t all = 0;
  std::size_t resident = 0;
  file >> all >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

// A huge page is cleared when it is first touched: milliseconds that a worker must not spend. (Page faults cannot be
// counted here: under ThreadSanitizer most of them are those of its shadow.)
TEST(AnswerCacheMemory, PreparedMemoryIsPresentBeforeItIsTouched) {
  constexpr std::size_t kLeast = 1 << 20;
  auto cache = AnswerCache::make(64 << 20);
  ASSERT_TRUE(cache);
  const std::size_t made = resident_memory();
  (*cache)->prepare_memory();
  const std::size_t prepared = resident_memory();
  EXPECT_GE(prepared, made + kLeast);
  (*cache)->prepare_memory();
  EXPECT_LT(resident_memory(), prepared + kLeast);
}

TEST_F(CacheTest, WhatHasExpiredIsReadByThoseWhoTakeIt) {
  const Asked asked("www.example.org");
  const Octets wire = wire_of(asked, 20, 7);
  NewAnswer made{.wire = wire,
                 .ttl_offsets = offsets,
                 .inserted = 10,
                 .expires = 100,
                 .stale_until = 300,
                 .ede = {},
                 .ede_text = {},
                 .epoch = {1},
                 .matches = {}};
  cache->put(asked.key, made);
  EXPECT_TRUE(get(asked, 99, 8192, Reading::stale_too));
  EXPECT_FALSE(answer.stale);
  EXPECT_FALSE(get(asked, 100));
  EXPECT_TRUE(get(asked, 100, 8192, Reading::stale_too));
  EXPECT_EQ(answer.stale_until, 300U);
  EXPECT_TRUE(get(asked, 299, 8192, Reading::stale_too));
  EXPECT_FALSE(get(asked, 300, 8192, Reading::stale_too));
  // The bound of the field: not for ever by a wrap.
  made.stale_until = 100 + kMaxStale + 5;
  made.stale = true;
  cache->put(asked.key, made);
  EXPECT_TRUE(get(asked, 99 + kMaxStale, 8192, Reading::stale_too));
  EXPECT_TRUE(answer.stale);
  EXPECT_FALSE(get(asked, 100 + kMaxStale, 8192, Reading::stale_too));
  // Other fields of the same word are not touched by hits.
  const AnswerCache::Probe probe = located(asked);
  cache->add_hits(probe, 0xFFFFFFFF);
  cache->add_hits(probe, 64);
  EXPECT_EQ(cache->hits(probe), 0xFFFFFFU);
  EXPECT_TRUE(get(asked, 99 + kMaxStale, 8192, Reading::stale_too));
}

TEST_F(CacheTest, ARefreshIsClaimedOnce) {
  const Asked asked("www.example.org");
  put(asked, wire_of(asked, 20, 7));
  ASSERT_TRUE(get(asked));
  EXPECT_TRUE(cache->claim_refresh(located(asked)));
  EXPECT_FALSE(cache->claim_refresh(located(asked)));
  put(asked, wire_of(asked, 20, 8));
  EXPECT_TRUE(cache->claim_refresh(located(asked)));
}

TEST_F(CacheTest, OnlyWhatIsOverIsErasedAsExpired) {
  const Asked asked("www.example.org");
  put(asked, wire_of(asked, 20, 7));
  cache->erase_expired(asked.key, 99);
  EXPECT_TRUE(get(asked, 99));
  cache->erase_expired(asked.key, 100);
  EXPECT_EQ(cache->entries(), 0U);
  EXPECT_EQ(cache->used_bytes(), 0U);
}

}  // namespace
}  // namespace weir::answer_cache_test
