#include "zones/link/ring.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <random>
#include <thread>

#include "tests/support/scratch_folder.h"
#include "zones/link/decision.h"
#include "zones/link/ring_memory.h"

namespace weir::ring_test {
namespace {

namespace fs = std::filesystem;

class Ring : public testing::Test {
 protected:
  std::unique_ptr<RingProducer> producer(std::size_t size = 4096) {
    auto opened = RingProducer::open(file_, size);
    EXPECT_TRUE(opened) << opened.error().message;
    return opened ? std::move(*opened) : nullptr;
  }
  std::unique_ptr<RingConsumer> consumer() {
    auto opened = RingConsumer::open(file_);
    EXPECT_TRUE(opened) << opened.error().message;
    return opened ? std::move(*opened) : nullptr;
  }
  void overwrite(off_t at, const void* octets, std::size_t size) {
    const int descriptor = ::open(file_.c_str(), O_RDWR);
    ASSERT_EQ(::pwrite(descriptor, octets, size, at), static_cast<ssize_t>(size));
    ::close(descriptor);
  }

  const test::ScratchFolder directory_;
  const fs::path file_ = ring_file(directory_.path(), 0);
};

// A record whose octets follow from its number, 8 to 1024 octets long.
std::vector<std::uint8_t> numbered(std::uint64_t number) {
  std::vector<std::uint8_t> record(8 + (number * 37) % (kMaxRecordSize - 7));
  std::memcpy(record.data(), &number, 8);
  for (std::size_t i = 8; i < record.size(); ++i) record[i] = static_cast<std::uint8_t>(number + i);
  return record;
}

// Reads a numbered record and checks every octet; nothing when there is none.
template <class Reader>
std::optional<std::uint64_t> next(Reader& reader) {
  std::array<std::uint8_t, kMaxRecordSize> out{};
  const std::size_t size = reader.peek(out);
  if (size == 0) return std::nullopt;
  std::uint64_t number = 0;
  std::memcpy(&number, out.data(), 8);
  const auto expected = numbered(number);
  EXPECT_EQ(size, expected.size());
  EXPECT_EQ(std::memcmp(out.data(), expected.data(), std::min(size, expected.size())), 0);
  return number;
}

TEST_F(Ring, RecordsComeOutInOrderAcrossTheEnd) {
  auto in = producer();
  auto out = consumer();
  std::uint64_t expected = 0;
  for (std::uint64_t number = 0; number < 5000; ++number) {
    ASSERT_TRUE(in->push(numbered(number)));
    if (number % 3 != 2) continue;
    while (const auto got = next(*out)) EXPECT_EQ(*got, expected++);
    out->release();
  }
  EXPECT_EQ(expected, 4998u);
  EXPECT_EQ(in->dropped(), 0u);
  EXPECT_EQ(out->damaged(), 0u);
}

TEST_F(Ring, FullDropsTheNewestAndCounts) {
  auto in = producer();
  auto out = consumer();
  const std::vector<std::uint8_t> record(120, 7);  // 128 with its head: 32 fit into 4096
  for (int i = 0; i < 32; ++i) EXPECT_TRUE(in->push(record)) << i;
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(in->push(record));
  EXPECT_EQ(in->dropped(), 5u);
  EXPECT_EQ(out->dropped(), 5u);

  std::array<std::uint8_t, kMaxRecordSize> octets{};
  EXPECT_EQ(out->peek(octets), 120u);
  EXPECT_FALSE(in->push(record)) << "space comes back at release, not at peek";
  out->release();
  EXPECT_TRUE(in->push(record));
  EXPECT_FALSE(in->push(record));
  int left = 0;
  while (out->peek(octets) != 0) ++left;
  EXPECT_EQ(left, 32);
  EXPECT_EQ(out->dropped(), 7u);
}

TEST_F(Ring, RefusesRecordsOfImpossibleSize) {
  auto in = producer();
  EXPECT_FALSE(in->push({}));
  EXPECT_FALSE(in->push(std::vector<std::uint8_t>(kMaxRecordSize + 1)));
  EXPECT_TRUE(in->push(std::vector<std::uint8_t>(kMaxRecordSize)));
  EXPECT_TRUE(in->push(std::vector<std::uint8_t>(1)));
  EXPECT_EQ(in->dropped(), 2u);
}

TEST_F(Ring, ConsumerThatReopensGoesOnBehindItsLastRelease) {
  auto in = producer();
  for (std::uint64_t number = 0; number < 6; ++number) in->push(numbered(number));
  {
    auto out = consumer();
    EXPECT_EQ(next(*out), 0u);
    EXPECT_EQ(next(*out), 1u);
    out->release();
    EXPECT_EQ(next(*out), 2u);  // peeked, never released: its reader died before it was safe
  }
  auto out = consumer();
  for (std::uint64_t number = 2; number < 6; ++number) EXPECT_EQ(next(*out), number);
  EXPECT_EQ(next(*out), std::nullopt);
}

TEST_F(Ring, ProducerThatReopensKeepsWhatIsUnread) {
  for (std::uint64_t number = 0; number < 6; number += 2) {
    auto in = producer();
    EXPECT_TRUE(in->push(numbered(number)));
    EXPECT_TRUE(in->push(numbered(number + 1)));
  }
  auto out = consumer();
  for (std::uint64_t number = 0; number < 6; ++number) EXPECT_EQ(next(*out), number);
}

TEST_F(Ring, SecondProducerIsRefusedAndHarmsNothing) {
  auto in = producer();
  for (const std::size_t size : {4096, 8192}) {
    const auto second = RingProducer::open(file_, size);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::busy);
  }
  auto out = consumer();
  EXPECT_TRUE(in->push(numbered(1)));
  EXPECT_EQ(next(*out), 1u);
}

TEST_F(Ring, IsForOwnerAndGroupWhateverTheUmask) {
  const mode_t before = ::umask(0177);
  auto in = producer();
  ::umask(before);
  struct stat status{};
  ASSERT_EQ(::stat(file_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0660u);
}

// Killed at any moment of its writing, the producer leaves whole records only, and both sides go on.
TEST_F(Ring, ProducerKilledWhileWriting) {
  {
    auto made = producer(1 << 16);
  }
  auto out = consumer();
  std::mt19937 random(3);
  std::uint64_t last = 0;
  std::uint64_t seen = 0;
  for (int round = 0; round < 20; ++round) {
    const pid_t child = ::fork();
    if (child == 0) {
      auto in = RingProducer::open(file_, 1 << 16);
      if (!in) ::_exit(1);
      for (std::uint64_t number = last + 1;; ++number) (*in)->push(numbered(number));
    }
    ASSERT_GT(child, 0);
    const std::uint64_t enough = seen + 1 + random() % 2000;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (seen < enough && std::chrono::steady_clock::now() < deadline) {
      while (const auto got = next(*out)) {
        ASSERT_GT(*got, last);
        last = *got;
        ++seen;
        if (seen >= enough) break;
      }
      out->release();
    }
    ASSERT_GE(seen, enough);
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status));
    while (const auto got = next(*out)) {
      ASSERT_GT(*got, last);
      last = *got;
      ++seen;
    }
    out->release();
  }
  EXPECT_EQ(out->damaged(), 0u);
}

TEST_F(Ring, RefusesWhatIsNoRing) {
  const auto code = [&] {
    const auto opened = RingConsumer::open(file_);
    EXPECT_FALSE(opened);
    EXPECT_NE(opened ? std::string() : opened.error().message, "");
    return opened ? ErrorCode::io : opened.error().code;
  };
  EXPECT_EQ(code(), ErrorCode::not_found);
  {
    std::ofstream(file_) << "x";
  }
  EXPECT_EQ(code(), ErrorCode::corrupt);
  {
    std::ofstream(file_) << std::string(8192, 'x');
  }
  EXPECT_EQ(code(), ErrorCode::corrupt);
  {
    producer();
  }
  const std::uint32_t version = kRingVersion + 1;
  overwrite(8, &version, sizeof version);
  EXPECT_EQ(code(), ErrorCode::incompatible);
  fs::remove(file_);
  for (const std::uintmax_t size : {0, 1, 63, 191, 192, 4095, 4096, 8191, 8193, 1 << 20}) {
    {
      producer();
    }
    fs::resize_file(file_, size);
    EXPECT_EQ(code(), ErrorCode::corrupt) << size;
    fs::remove(file_);
  }
  for (const std::uint64_t capacity : {std::uint64_t{0}, std::uint64_t{4095}, std::uint64_t{8192}, ~std::uint64_t{0},
                                       ~std::uint64_t{0} - 4095, std::uint64_t{1} << 63}) {
    {
      producer();
    }
    overwrite(16, &capacity, sizeof capacity);
    EXPECT_EQ(code(), ErrorCode::corrupt) << capacity;
    fs::remove(file_);
  }
  fs::create_directory(file_);
  EXPECT_NE(code(), ErrorCode::not_found);
}

TEST_F(Ring, ProducerReplacesWhatDoesNotFit) {
  {
    std::ofstream(file_) << "not a ring";
  }
  auto in = producer();
  EXPECT_TRUE(in->push(numbered(1)));
  auto out = consumer();
  EXPECT_EQ(next(*out), 1u);
}

TEST_F(Ring, ConsumerFollowsAReplacedFile) {
  auto in = producer(4096);
  auto out = consumer();
  in->push(numbered(1));
  in->push(numbered(2));
  in.reset();
  in = producer(8192);
  in->push(numbered(3));
  for (std::uint64_t number = 1; number <= 3; ++number) EXPECT_EQ(next(*out), number);
  EXPECT_EQ(next(*out), std::nullopt);
  out->release();
  in->push(numbered(4));
  EXPECT_EQ(next(*out), 4u);
}

TEST_F(Ring, ConsumerSurvivesAFileThatIsCutUnderIt) {
  auto in = producer(1 << 16);
  in->push(numbered(1));
  auto out = consumer();
  in.reset();
  fs::resize_file(file_, 0);
  EXPECT_EQ(next(*out), std::nullopt);  // a touch of its pages would be a SIGBUS
  out->release();
  EXPECT_EQ(out->damaged(), 0u);
  EXPECT_EQ(out->dropped(), 0u);
  in = producer(1 << 16);
  in->push(numbered(2));
  EXPECT_EQ(next(*out), 2u);
}

TEST_F(Ring, ScribblesCostRecordsNothingElse) {
  std::mt19937_64 random(5);
  std::uint64_t lost_rounds = 0;
  for (int round = 0; round < 300; ++round) {
    auto in = producer();
    auto out = consumer();
    for (std::uint64_t number = 0; number < 6; ++number) in->push(numbered(number));
    std::uint64_t garbage[3] = {random(), random(), random()};
    const off_t at = round % 3 == 0   ? static_cast<off_t>(64 + random() % 128)  // the counters
                     : round % 3 == 1 ? static_cast<off_t>(4096 + 8 * (random() % 85))
                                      : static_cast<off_t>(4096 + random() % 680);
    overwrite(at, garbage, sizeof garbage);
    std::array<std::uint8_t, kMaxRecordSize> octets{};
    for (int i = 0; i < 10; ++i) (void)out->peek(octets);
    if (out->damaged() != 0) ++lost_rounds;
    out->release();
    // Whatever was hit, the ring heals: at the latest the second push after a release gets through.
    in->push(numbered(100));
    for (int i = 0; i < 10; ++i) (void)out->peek(octets);
    out->release();
    ASSERT_TRUE(in->push(numbered(101))) << round;
    EXPECT_EQ(next(*out), 101u) << round;
    out.reset();
    in.reset();
    fs::remove(file_);
  }
  EXPECT_GT(lost_rounds, 150u);
}

TEST_F(Ring, FindsFilesInTheOrderOfTheWorkers) {
  EXPECT_TRUE(find_ring_files(directory_ / "absent").empty());
  for (const unsigned worker : {10u, 2u, 0u}) {
    ASSERT_TRUE(RingProducer::open(ring_file(directory_.path(), worker), 4096));
  }
  for (const char* other : {"decisions-.ring", "decisions-x.ring", "decisions-1.ring.new", "decisions.ring", "x"}) {
    std::ofstream(directory_ / other) << "";
  }
  const std::vector<fs::path> expected{ring_file(directory_.path(), 0), ring_file(directory_.path(), 2),
                                       ring_file(directory_.path(), 10)};
  EXPECT_EQ(find_ring_files(directory_.path()), expected);
}

// Both sides over one mapping, so that a thread sanitizer sees every access of both.
TEST(RingMemory, TwoThreadsPassAMillionRecords) {
  constexpr std::uint64_t kCapacity = 1 << 16;
  constexpr std::uint64_t kRecords = 1000000;
  alignas(64) RingHeader header{};
  std::vector<std::uint64_t> words(kCapacity / 8);
  const RingMemory memory{&header, reinterpret_cast<std::uint8_t*>(words.data()), kCapacity};
  RingWriter writer(memory);
  RingReader reader(memory);
  std::thread thread([&] {
    std::array<std::uint8_t, 64> record{};
    for (std::uint64_t number = 0; number < kRecords;) {
      std::memcpy(record.data(), &number, 8);
      if (writer.push(std::span(record).first(8 + number % 57))) {
        ++number;
      } else {
        std::this_thread::yield();
      }
    }
  });
  std::uint64_t expected = 0;
  std::array<std::uint8_t, kMaxRecordSize> out{};
  while (expected < kRecords) {
    const std::size_t size = reader.peek(out);
    if (size == 0) {
      reader.release();
      std::this_thread::yield();
      continue;
    }
    std::uint64_t number = 0;
    std::memcpy(&number, out.data(), 8);
    ASSERT_EQ(number, expected);
    ASSERT_EQ(size, 8 + expected % 57);
    if (++expected % 64 == 0) reader.release();
  }
  thread.join();
  EXPECT_EQ(reader.damaged(), 0u);
}

}  // namespace
}  // namespace weir::ring_test
