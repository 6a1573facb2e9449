#include "tools/log/block_builder.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <numeric>

#include "zones/dns/reversed_name.h"

namespace weir::log {
namespace {

std::int64_t day_of(std::int64_t ms) {
  return ms >= 0 ? ms / kDayMs : (ms - kDayMs + 1) / kDayMs;
}

// Octets that are equal exactly where the values are.
class KeyOctets {
 public:
  template <class T>
  KeyOctets& number(T value) {
    std::memcpy(octets_ + size_, &value, sizeof value);
    size_ += sizeof value;
    return *this;
  }
  KeyOctets& match(const Match& match) {
    return number(match.list)
        .number(match.detail)
        .number(match.kind)
        .number(match.action)
        .number(match.labels)
        .number(match.flags);
  }
  KeyOctets& address(const IpAddress& address) {
    number(address.family);
    std::memcpy(octets_ + size_, address.octets.data(), address.octets.size());
    size_ += address.octets.size();
    return *this;
  }
  std::string_view view() const { return {octets_, size_}; }

 private:
  char octets_[192];  // nine matches
  std::size_t size_ = 0;
};

// What of a match means something without the look-up that it came from.
Match kept(const Match& match) {
  Match out = match;
  out.below_first = 0;
  out.below_count = 0;
  out.reserved = 0;
  return out;
}

template <class Value, class Make>
std::uint16_t intern_value(Dictionary& dictionary, std::vector<Value>& values, std::string_view key, Make make) {
  const std::uint32_t code = dictionary.intern(key);
  if (code == values.size()) values.push_back(make());
  return static_cast<std::uint16_t>(code);
}

Subject subject_of_key(std::string_view key) {
  Subject subject;
  std::memcpy(&subject.name, key.data(), 2);
  std::memcpy(&subject.ruling, key.data() + 2, 2);
  std::memcpy(&subject.part, key.data() + 4, 2);
  return subject;
}

}  // namespace

void BlockBuilder::clear() {
  times_.clear();
  shapes_of_.clear();
  clients_of_.clear();
  subjects_of_.clear();
  latencies_.clear();
  for (Dictionary* each : {&shapes_, &clients_, &names_, &rulings_, &parts_, &subjects_}) each->clear();
  shape_values_.clear();
  client_values_.clear();
  ruling_values_.clear();
  part_values_.clear();
  last_name_code_.reset();
  parts_.intern({});  // [0]: none
  part_values_.emplace_back();
}

bool BlockBuilder::takes(std::int64_t time_ms, std::size_t rows) const {
  return empty() || (times_.size() + rows <= kBlockRows && day_of(time_ms) == day_of(first_ms_));
}

std::uint16_t BlockBuilder::name_code(const Name& name) {
  if (last_name_code_ && last_name_ == name) return *last_name_code_;
  const ReversedName reversed(name);
  last_name_ = name;
  last_name_code_ = static_cast<std::uint16_t>(names_.intern(reversed.key()));
  return *last_name_code_;
}

void BlockBuilder::add(const Decision& decision) {
  const std::int64_t time_ms = to_ms(decision.time);
  first_ms_ = empty() ? time_ms : std::min(first_ms_, time_ms);
  last_ms_ = empty() ? time_ms : std::max(last_ms_, time_ms);

  const DecisionShape shape{decision.link,  decision.transport, decision.action,    decision.mode,
                            decision.qtype, decision.group,     decision.generation};
  KeyOctets shape_key;
  shape_key.number(shape.link).number(shape.transport).number(shape.action).number(shape.mode).number(shape.qtype);
  shape_key.number(shape.group).number(shape.generation.value);
  const std::uint16_t shape_code = intern_value(shapes_, shape_values_, shape_key.view(), [&] { return shape; });

  KeyOctets client_key;
  client_key.number(decision.client.level).address(decision.client.address).number(decision.client.prefix_length);
  client_key.number(decision.client.pseudonym);
  const std::uint16_t client_code =
      intern_value(clients_, client_values_, client_key.view(), [&] { return decision.client; });

  const auto losers = std::min<std::size_t>(decision.loser_count, decision.losers.size());
  KeyOctets ruling_key;
  ruling_key.match(decision.winner);
  for (std::size_t i = 0; i < losers; ++i) ruling_key.match(decision.losers[i]);
  const std::uint16_t ruling_code = intern_value(rulings_, ruling_values_, ruling_key.view(), [&] {
    Ruling ruling;
    ruling.winner = kept(decision.winner);
    ruling.loser_count = static_cast<std::uint8_t>(losers);
    for (std::size_t i = 0; i < losers; ++i) ruling.losers[i] = kept(decision.losers[i]);
    return ruling;
  });

  std::uint16_t part_code = 0;
  if (!decision.link_name.is_root() || decision.link_address != IpAddress()) {
    const ReversedName reversed(decision.link_name);
    KeyOctets address;
    address.address(decision.link_address);
    const std::string key = std::string(address.view()) + std::string(reversed.key());
    part_code = intern_value(parts_, part_values_, key,
                             [&] { return DecidingPart{decision.link_name.folded(), decision.link_address}; });
  }

  KeyOctets subject_key;
  subject_key.number(name_code(decision.qname)).number(ruling_code).number(part_code);
  subjects_of_.push_back(static_cast<std::uint16_t>(subjects_.intern(subject_key.view())));
  times_.push_back(time_ms);
  shapes_of_.push_back(shape_code);
  clients_of_.push_back(client_code);
  latencies_.push_back(code_of_latency(decision.latency_us));
}

std::uint16_t BlockBuilder::ruling_of_subject(std::uint16_t subject) const {
  return subject_of_key(subjects_.at(subject)).ruling;
}

Block BlockBuilder::build() const {
  Block block;
  const std::size_t rows = times_.size();
  block.header = {class_, static_cast<std::uint32_t>(rows), first_ms_, last_ms_};

  // Names into their order; then subjects into the order of their names.
  std::vector<std::uint32_t> name_order(names_.size());
  std::iota(name_order.begin(), name_order.end(), 0U);
  std::sort(name_order.begin(), name_order.end(),
            [this](std::uint32_t a, std::uint32_t b) { return names_.at(a) < names_.at(b); });
  std::vector<std::uint16_t> sorted_name(names_.size());
  for (std::size_t i = 0; i < name_order.size(); ++i) {
    block.names.add(names_.at(name_order[i]));
    sorted_name[name_order[i]] = static_cast<std::uint16_t>(i);
  }
  std::vector<std::pair<Subject, std::uint32_t>> subjects(subjects_.size());
  for (std::uint32_t code = 0; code < subjects.size(); ++code) {
    subjects[code] = {subject_of_key(subjects_.at(code)), code};
    subjects[code].first.name = sorted_name[subjects[code].first.name];
  }
  std::sort(subjects.begin(), subjects.end(), [](const auto& a, const auto& b) {
    return a.first.name != b.first.name ? a.first.name < b.first.name : a.second < b.second;
  });
  std::vector<std::uint16_t> sorted_subject(subjects.size());
  block.subjects.reserve(subjects.size());
  for (const auto& [subject, code] : subjects) {
    sorted_subject[code] = static_cast<std::uint16_t>(block.subjects.size());
    block.subjects.push_back(subject);
  }

  std::vector<std::uint32_t> row_order(rows);
  std::iota(row_order.begin(), row_order.end(), 0U);
  if (!std::is_sorted(times_.begin(), times_.end())) {
    std::stable_sort(row_order.begin(), row_order.end(),
                     [this](std::uint32_t a, std::uint32_t b) { return times_[a] < times_[b]; });
  }
  block.rows_of_client.assign(client_values_.size(), 0);
  for (auto* column : {&block.shape_of, &block.client_of, &block.subject_of}) column->reserve(rows);
  block.times.reserve(rows);
  block.latency_of.reserve(rows);
  for (const std::uint32_t row : row_order) {
    block.times.push_back(static_cast<std::uint32_t>(times_[row] - first_ms_));
    block.shape_of.push_back(shapes_of_[row]);
    block.client_of.push_back(clients_of_[row]);
    block.subject_of.push_back(sorted_subject[subjects_of_[row]]);
    block.latency_of.push_back(latencies_[row]);
    ++block.rows_of_client[clients_of_[row]];
    ++block.subjects[sorted_subject[subjects_of_[row]]].rows;
  }
  block.shapes = shape_values_;
  block.clients = client_values_;
  block.rulings = ruling_values_;
  block.parts = part_values_;
  return block;
}

std::vector<Block> blocks_of(const RecordBatch& batch) {
  std::map<DecisionClass, BlockBuilder> builders;
  std::vector<Block> blocks;
  for (const RecordBatch::Entry& entry : batch.entries()) {
    if (entry.sort != RecordSort::decision) continue;
    const auto decision = decode_decision(batch.record(entry));
    if (!decision) continue;
    BlockBuilder& builder = builders.try_emplace(decision->decision_class, decision->decision_class).first->second;
    if (!builder.takes(to_ms(decision->time))) {
      blocks.push_back(builder.build());
      builder.clear();
    }
    builder.add(*decision);
  }
  for (const auto& [decision_class, builder] : builders) {
    if (!builder.empty()) blocks.push_back(builder.build());
  }
  return blocks;
}

}  // namespace weir::log
