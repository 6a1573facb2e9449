#include "zones/store/present_rules.h"

#include <fcntl.h>
#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <random>

#include "zones/base/descriptor.h"
#include "zones/base/free_with.h"
#include "zones/base/thread_rank.h"
#include "zones/store/codec.h"

namespace weir::store {
namespace {

constexpr std::string_view kTitle = "weir present rules 1\n";
constexpr std::size_t kBlockRules = 128;
constexpr std::size_t kMostBlockRules = 16'384;  // none grows beyond: the next import compares everything
constexpr std::size_t kLeastBlockRules = 16;     // nor are there many that are nearly empty
constexpr std::size_t kBucketRules = 8;          // on average
constexpr std::size_t kScannedShare = 256;       // more than this part of the rules goes: the whole list is read
constexpr std::size_t kWriteBytes = 256U << 10;  // at once
constexpr std::size_t kMaxFileBytes = kMaxPresentRules * 16;

std::uint64_t hash_of(std::string_view key, std::uint64_t seed) {
  return XXH3_64bits_withSeed(key.data(), key.size(), seed);
}

void put_native(std::string& out, std::uint64_t value) {
  char octets[sizeof value];
  std::memcpy(octets, &value, sizeof value);
  out.append(octets, sizeof octets);
}

// Writes in large pieces, and sums up what it wrote.
class CheckedFile {
 public:
  CheckedFile(const std::filesystem::path& file, std::uint64_t seed)
      : file_(::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)),
        sum_(XXH3_createState()),
        good_(file_.get() >= 0 && sum_ != nullptr) {
    if (good_) XXH3_64bits_reset_withSeed(sum_.get(), seed);
  }
  std::string& buffer() { return buffer_; }
  void write_if_full() {
    if (buffer_.size() >= kWriteBytes) write();
  }
  bool finish() {
    write();
    if (!good_) return false;
    put_native(buffer_, XXH3_64bits_digest(sum_.get()));
    write();
    // Begun now, nobody waits for it: else the next small change that is synced would wait for all of it.
    if (good_) (void)::sync_file_range(file_.get(), 0, 0, SYNC_FILE_RANGE_WRITE);
    return good_;
  }

 private:
  void write() {
    give_way();
    if (good_) {
      XXH3_64bits_update(sum_.get(), buffer_.data(), buffer_.size());
      good_ = write_all(file_, buffer_);
    }
    buffer_.clear();
  }

  Descriptor file_;
  std::unique_ptr<XXH3_state_t, FreeWith<XXH3_freeState>> sum_;
  bool good_;
  std::string buffer_;
};

std::string read_whole(const std::filesystem::path& file) {
  std::error_code fault;
  const auto size = std::filesystem::file_size(file, fault);
  if (fault || size > kMaxFileBytes) return {};
  const Descriptor opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (opened.get() < 0) return {};
  std::string text(size, '\0');
  std::size_t done = 0;
  while (done < text.size()) {
    give_way();
    const ssize_t got = read_some(opened, text.data() + done, std::min(kWriteBytes, text.size() - done));
    if (got <= 0) return {};
    done += static_cast<std::size_t>(got);
  }
  return text;
}

}  // namespace

PresentRulesDraft::PresentRulesDraft() : seed_(0) {
  std::random_device random;
  seed_ = static_cast<std::uint64_t>(random()) << 32 | random();
}

void PresentRulesDraft::add(std::string_view key) {
  if (sizes_.empty() || sizes_.back() == kBlockRules) begin_block(key);
  add_hash(hash_of(key, seed_));
}

void PresentRulesDraft::begin_block(std::string_view first_key) {
  if (too_many_) return;
  first_keys_.emplace_back(first_key);
  sizes_.push_back(0);
}

void PresentRulesDraft::add_hash(std::uint64_t hash) {
  if (too_many_) return;
  hashes_.push_back(hash);
  if (++sizes_.back() <= kMostBlockRules && hashes_.size() <= kMaxPresentRules) return;
  too_many_ = true;
  first_keys_ = {};
  sizes_ = {};
  hashes_ = {};
}

bool PresentRulesDraft::write(const std::filesystem::path& file, const ListState& of) const {
  if (too_many_ || hashes_.size() < sizes_.size() * kLeastBlockRules || hashes_.size() != of.rules) return false;
  CheckedFile out(file, seed_);
  std::string& text = out.buffer();
  text += kTitle;
  put_u64(text, seed_);
  put_u64(text, of.rules);
  for (const std::uint64_t lane : of.sum) put_u64(text, lane);
  put_varint(text, sizes_.size());
  const std::uint64_t* hash = hashes_.data();
  for (std::size_t block = 0; block < sizes_.size(); ++block) {
    put_bytes(text, first_keys_[block]);
    put_varint(text, sizes_[block]);
    text.append(reinterpret_cast<const char*>(hash), sizes_[block] * sizeof *hash);
    hash += sizes_[block];
    out.write_if_full();
  }
  return out.finish();
}

std::shared_ptr<PresentRules> PresentRules::read(const std::filesystem::path& file, const ListState& of) {
  std::shared_ptr<PresentRules> rules(new PresentRules);
  if (of.rules == 0 || of.rules > kMaxPresentRules || !rules->take(read_whole(file), of)) return nullptr;
  return rules;
}

bool PresentRules::take(std::string_view text, const ListState& of) {
  std::uint64_t check = 0;
  if (!text.starts_with(kTitle) || text.size() < kTitle.size() + 2 * sizeof check) return false;
  const std::string_view checked = text.substr(0, text.size() - sizeof check);
  std::memcpy(&check, text.data() + checked.size(), sizeof check);
  ByteReader reader(checked.substr(kTitle.size()));
  seed_ = reader.u64();
  if (XXH3_64bits_withSeed(checked.data(), checked.size(), seed_) != check) return false;
  rules_ = reader.u64();
  for (std::uint64_t& lane : sum_) lane = reader.u64();
  if (!is_of(of)) return false;

  struct Block {
    std::string_view hashes;
    std::uint64_t hash(std::size_t i) const {
      std::uint64_t value = 0;
      std::memcpy(&value, hashes.data() + i * sizeof value, sizeof value);
      return value;
    }
    std::size_t size() const { return hashes.size() / sizeof(std::uint64_t); }
  };
  std::vector<Block> blocks;
  starts_.assign(rules_ / kBucketRules + 2, 0);
  std::uint64_t rules = 0;
  for (std::uint64_t left = reader.varint(); left > 0 && reader.ok(); --left) {
    first_keys_.emplace_back(reader.bytes());
    blocks.push_back({reader.take(reader.varint() * sizeof(std::uint64_t))});
    rules += blocks.back().size();
  }
  if (!reader.ok() || !reader.at_end() || rules != rules_) return false;
  for (const Block& block : blocks) {
    give_way();
    for (std::size_t i = 0; i < block.size(); ++i) ++starts_[bucket_of(block.hash(i)) + 1];
  }
  for (std::size_t i = 1; i < starts_.size(); ++i) starts_[i] += starts_[i - 1];
  std::vector<std::uint32_t> at(starts_.begin(), starts_.end() - 1);
  hashes_.resize(rules_);
  blocks_.resize(rules_);
  marks_.resize(rules_);
  for (std::size_t number = 0; number < blocks.size(); ++number) {
    give_way();
    for (std::size_t i = 0; i < blocks[number].size(); ++i) {
      const std::uint64_t hash = blocks[number].hash(i);
      const std::uint32_t place = at[bucket_of(hash)]++;
      hashes_[place] = hash;
      blocks_[place] = static_cast<std::uint32_t>(number);
    }
  }
  return true;
}

// By the hash's upper half, scaled to the number of buckets.
std::size_t PresentRules::bucket_of(std::uint64_t hash) const {
  return static_cast<std::size_t>((hash >> 32) * (starts_.size() - 1) >> 32);
}

std::uint64_t PresentRules::hash(std::string_view key) const {
  return hash_of(key, seed_);
}

void PresentRules::expect_bucket(std::uint64_t hash) const {
  __builtin_prefetch(&starts_[bucket_of(hash)]);
}

void PresentRules::expect_rule(std::uint64_t hash) const {
  const std::size_t at = starts_[bucket_of(hash)];
  if (at < hashes_.size()) __builtin_prefetch(&hashes_[at]);
}

std::size_t PresentRules::find(std::uint64_t hash) const {
  const std::size_t bucket = bucket_of(hash);
  for (std::size_t at = starts_[bucket]; at < starts_[bucket + 1]; ++at) {
    if (hashes_[at] == hash) return at;
  }
  return kNowhere;
}

bool PresentRules::mark(std::uint64_t hash) {
  const std::size_t at = find(hash);
  if (at == kNowhere) return false;
  marked_ += marks_[at] ? 0 : 1;
  marks_[at] = true;
  return true;
}

bool PresentRules::is_marked(std::string_view key) const {
  const std::size_t at = find(hash(key));
  return at != kNowhere && marks_[at];
}

std::vector<PresentRules::Range> PresentRules::ranges_with_missing() const {
  if (missing() == 0) return {};
  if (missing() > hashes_.size() / kScannedShare) return {{first_keys_.front(), {}}};
  std::vector<bool> wanted(first_keys_.size());
  for (std::size_t at = 0; at < marks_.size(); ++at) {
    if (!marks_[at]) wanted[blocks_[at]] = true;
  }
  std::vector<Range> ranges;
  for (std::size_t block = 0; block < wanted.size(); ++block) {
    if (!wanted[block]) continue;
    const std::string_view end = block + 1 < first_keys_.size() ? std::string_view(first_keys_[block + 1]) : "";
    if (!ranges.empty() && ranges.back().end == first_keys_[block]) {
      ranges.back().end = end;
    } else {
      ranges.push_back({first_keys_[block], end});
    }
  }
  return ranges;
}

void PresentRules::add(std::string_view key) {
  if (added_.empty() && key < first_keys_.front()) lowest_added_ = key;
  auto block = added_.empty() ? first_keys_.begin() : first_keys_.begin() + added_.back().block;
  // Most rules that come lie behind the one before, by little where many come.
  if (block + 1 != first_keys_.end() && *(block + 1) <= key)
    block = std::upper_bound(block + 1, first_keys_.end(), key) - 1;
  added_.push_back({static_cast<std::uint32_t>(block - first_keys_.begin()), hash_of(key, seed_)});
}

PresentRulesDraft PresentRules::next() const {
  // Of each block what stays, counted and put in its place.
  std::vector<std::uint32_t> ends(first_keys_.size() + 1, 0);
  for (std::size_t at = 0; at < marks_.size(); ++at) ends[blocks_[at] + 1] += marks_[at] ? 1 : 0;
  for (std::size_t i = 1; i < ends.size(); ++i) ends[i] += ends[i - 1];
  std::vector<std::uint32_t> to(ends.begin(), ends.end() - 1);
  std::vector<std::uint64_t> stay(marked_);
  for (std::size_t at = 0; at < marks_.size(); ++at) {
    if (marks_[at]) stay[to[blocks_[at]]++] = hashes_[at];
  }
  PresentRulesDraft draft(seed_);
  auto added = added_.begin();
  for (std::size_t block = 0; block < first_keys_.size(); ++block) {
    give_way();
    draft.begin_block(block == 0 && !lowest_added_.empty() ? lowest_added_ : first_keys_[block]);
    for (std::size_t i = ends[block]; i < ends[block + 1]; ++i) draft.add_hash(stay[i]);
    for (; added != added_.end() && added->block == block; ++added) draft.add_hash(added->hash);
  }
  return draft;
}

}  // namespace weir::store
