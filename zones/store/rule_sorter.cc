#include "zones/store/rule_sorter.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <utility>

#include "zones/store/beside.h"
#include "zones/store/keys.h"

namespace weir::store {
namespace {

constexpr std::size_t kAhead = 16;

std::uint64_t leading_octets(std::string_view text, std::size_t from) {
  std::uint64_t value = 0;
  for (std::size_t i = from; i < from + 8; ++i) {
    value = value << 8 | (i < text.size() ? static_cast<std::uint8_t>(text[i]) : 0);
  }
  return value;
}

}  // namespace

std::string_view Arena::store(std::string_view text) {
  if (text.empty()) return "";  // the root's key
  while (chunk_ < chunks_.size() && chunks_[chunk_].size - at_ < text.size()) {
    ++chunk_;
    at_ = 0;
  }
  if (chunk_ == chunks_.size()) {
    const std::size_t size = std::max(kChunkBytes, text.size());
    chunks_.push_back({std::unique_ptr<char[]>(new char[size]), size});
    at_ = 0;
  }
  char* const to = chunks_[chunk_].octets.get() + at_;
  std::memcpy(to, text.data(), text.size());
  at_ += text.size();
  used_ += text.size();
  return {to, text.size()};
}

void Arena::clear() {
  // What one huge text took is not kept for small ones.
  std::erase_if(chunks_, [](const Chunk& chunk) { return chunk.size > kChunkBytes; });
  chunk_ = 0;
  at_ = 0;
  used_ = 0;
}

// The runs, each with the rule that it gives next, as a heap by key and line.
class RuleSorter::Merge {
 public:
  explicit Merge(RuleSorter& sorter) : sorter_(sorter) {
    for (const auto& run : sorter.runs_) sources_.emplace_back(*run);
    for (Source& source : sources_) push(source);
    memory_ = sorter_.batch_.next(of_memory_);
  }

  bool next(WantedRule& rule) {
    if (taken_ != nullptr) push(*std::exchange(taken_, nullptr));
    if (memory_taken_) memory_ = sorter_.batch_.next(of_memory_);
    memory_taken_ = false;
    if (!status_) return false;
    while (!heap_.empty() || memory_) {
      const bool from_memory = heap_.empty() || (memory_ && comes_before(of_memory_, heap_.front()->rule));
      if (from_memory) {
        rule = of_memory_;
      } else {
        rule = heap_.front()->rule;
      }
      const bool same = has_last_ && rule.key == last_;
      if (!same) {
        last_.assign(rule.key);
        has_last_ = true;
      }
      if (from_memory) {
        memory_taken_ = !same;
        if (same) memory_ = sorter_.batch_.next(of_memory_);
      } else {
        std::pop_heap(heap_.begin(), heap_.end(), later);
        Source* const source = heap_.back();
        heap_.pop_back();
        if (!same) {
          taken_ = source;
        } else {
          push(*source);
        }
      }
      if (!status_) return false;
      if (!same) return true;
    }
    return false;
  }
  const Result<void>& status() const { return status_; }

 private:
  struct Source {
    explicit Source(const Spool& run) : reader(run) {}
    SpoolReader reader;
    WantedRule rule;
  };

  static bool comes_before(const WantedRule& a, const WantedRule& b) {
    const int order = a.key.compare(b.key);
    return order != 0 ? order < 0 : a.line < b.line;
  }
  static bool later(const Source* a, const Source* b) { return comes_before(b->rule, a->rule); }

  // Reads the next rule of a run and puts it where it belongs.
  void push(Source& source) {
    std::string_view record;
    if (!source.reader.next(record)) {
      if (auto status = source.reader.status(); !status) status_ = status;
      return;
    }
    ByteReader reader(record);
    source.rule = {};
    source.rule.key = reader.bytes();
    source.rule.line = reader.varint();
    source.rule.payload = reader.rest();
    if (!reader.ok()) {
      status_ = Error{ErrorCode::corrupt, "the rules of an import are not what was written"};
      return;
    }
    heap_.push_back(&source);
    std::push_heap(heap_.begin(), heap_.end(), later);
  }

  RuleSorter& sorter_;
  std::deque<Source> sources_;
  std::vector<Source*> heap_;
  Source* taken_ = nullptr;  // gave the last rule, which points into it
  WantedRule of_memory_;
  bool memory_ = false;
  bool memory_taken_ = false;
  std::string last_;
  bool has_last_ = false;
  Result<void> status_;
};

RuleSorter::RuleSorter(std::filesystem::path folder, std::size_t memory, std::shared_ptr<PresentRules> present)
    : folder_(std::move(folder)), memory_(memory), present_(std::move(present)) {}

RuleSorter::~RuleSorter() = default;

Result<void> RuleSorter::add(const SourcedRule& rule) {
  Looked& next = looked_[++added_ % kLooked];
  if (auto settled = settle(next); !settled) return settled;
  std::string& text = next.record;
  text.assign(sizeof(Record), '\0');
  Record record{.line = rule.line, .key_size = 0, .payload_size = 0};
  const auto payload = encode_payload(rule.rule);
  if (payload) {
    const Digest digest = hash_(*payload);
    append_rule_key(text, rule.rule, true, {reinterpret_cast<const char*>(digest.data()), digest.size()});
  } else {
    append_rule_key(text, rule.rule, false, {});
  }
  record.key_size = static_cast<std::uint32_t>(text.size() - sizeof(Record));
  if (present_) {
    next.hash = present_->hash(std::string_view(text).substr(sizeof(Record)));
    present_->expect_bucket(next.hash);
  }
  if (payload) {
    text += *payload;
    record.payload_size = static_cast<std::uint32_t>(payload->size());
  }
  std::memcpy(text.data(), &record, sizeof record);
  if (present_) {
    const Looked& earlier = looked_[(added_ - kLooked / 2) % kLooked];
    if (!earlier.record.empty()) present_->expect_rule(earlier.hash);
    return {};
  }
  auto kept = keep(text);
  text.clear();
  return kept;
}

Result<void> RuleSorter::settle(Looked& looked) {
  if (looked.record.empty()) return {};
  auto kept = present_->mark(looked.hash) ? Result<void>() : keep(looked.record);
  looked.record.clear();
  return kept;
}

Result<void> RuleSorter::keep(std::string_view record) {
  batch_.add(record);
  return batch_.size_bytes() < memory_ / 2 ? Result<void>() : spill();
}

RuleSorter::Record RuleSorter::record_of(const Item& item) {
  Record record;
  std::memcpy(&record, item.record, sizeof record);
  return record;
}

std::string_view RuleSorter::key_of(const Item& item) {
  return {item.record + sizeof(Record), record_of(item).key_size};
}

WantedRule RuleSorter::rule_of(const Item& item) {
  const Record record = record_of(item);
  WantedRule rule;
  rule.key = {item.record + sizeof(Record), record.key_size};
  rule.line = record.line;
  rule.payload = {item.record + sizeof(Record) + record.key_size, record.payload_size};
  return rule;
}

void RuleSorter::Batch::add(std::string_view record) {
  const char* const stored = arena_.store(record).data();
  Item item{0, 0, stored};
  const std::string_view key = key_of(item);
  item.high = leading_octets(key, 0);
  item.low = leading_octets(key, 8);
  items_.push_back(item);
}

void RuleSorter::Batch::sort() {
  const auto less = [](const Item& a, const Item& b) {
    if (a.high != b.high) return a.high < b.high;
    if (a.low != b.low) return a.low < b.low;
    if (const int order = key_of(a).compare(key_of(b)); order != 0) return order < 0;
    return record_of(a).line < record_of(b).line;
  };
  if (!std::is_sorted(items_.begin(), items_.end(), less)) std::sort(items_.begin(), items_.end(), less);
  at_ = 0;
}

bool RuleSorter::Batch::next(WantedRule& rule) {
  if (at_ == items_.size()) return false;
  // Sorted, the records lie anywhere in memory: without asking ahead, waiting for them was a ninth of an import.
  if (at_ + kAhead < items_.size()) __builtin_prefetch(items_[at_ + kAhead].record);
  rule = rule_of(items_[at_]);
  for (++at_; at_ < items_.size() && key_of(items_[at_]) == rule.key;) ++at_;
  return true;
}

void RuleSorter::Batch::clear() {
  items_.clear();
  arena_.clear();
  at_ = 0;
}

Result<void> RuleSorter::spill() {
  if (auto written = wait_for_run(); !written) return written;
  std::swap(batch_, written_batch_);
  writing_ = run_beside([this] { return write_run(); });
  return {};
}

Result<void> RuleSorter::write_run() {
  written_batch_.sort();
  written_run_ = std::make_unique<Spool>(folder_, 0);
  WantedRule rule;
  std::string record;
  while (written_batch_.next(rule)) {
    record.clear();
    put_bytes(record, rule.key);
    put_varint(record, rule.line);
    record += rule.payload;
    written_run_->add(record);
  }
  written_batch_.clear();
  return written_run_->finish();
}

Result<void> RuleSorter::wait_for_run() {
  if (!writing_.valid()) return {};
  if (auto written = writing_.get(); !written) return written;
  runs_.push_back(std::move(written_run_));
  return {};
}

Result<void> RuleSorter::sort() {
  for (std::size_t i = 1; i <= kLooked; ++i) {
    if (auto settled = settle(looked_[(added_ + i) % kLooked]); !settled) return settled;
  }
  batch_.sort();
  if (auto written = wait_for_run(); !written) return written;
  if (!runs_.empty()) {
    written_batch_ = {};  // its memory is not needed while the runs are read
    merge_ = std::make_unique<Merge>(*this);
  }
  return status();
}

bool RuleSorter::next(WantedRule& rule) {
  return merge_ ? merge_->next(rule) : batch_.next(rule);
}

Result<void> RuleSorter::status() const {
  return merge_ ? merge_->status() : Result<void>();
}

}  // namespace weir::store
