#include "tools/log/losses.h"

#include <algorithm>
#include <iterator>
#include <numeric>

#include "tools/log/rollup.h"

namespace weir::log {
namespace {

constexpr const char* kJournalKey = "loss/";  // and when it was found: first, last, why
constexpr const char* kRingKey = "lost/";     // and the first moment: last, decisions, octets

std::string journal_key(const MissingRows& loss) {
  return kJournalKey + number_octets(time_octets_value(loss.last_ms));
}

std::string ring_key(std::int64_t first_ms) {
  return kRingKey + number_octets(time_octets_value(first_ms));
}

MissingRows shown(const RingLoss& loss) {
  std::string why;
  if (loss.decisions > 0) why = "a resolver's ring was full";
  if (loss.damaged_bytes > 0)
    why += (why.empty() ? "" : ", and ") + std::to_string(loss.damaged_bytes) +
           " octets of a resolver's ring were damaged";
  return {loss.first_ms, loss.last_ms, loss.decisions, why, MissingRows::Cause::ring};
}

}  // namespace

RingLoss RingLoss::with(const RingLoss& other) const {
  return {std::min(first_ms, other.first_ms), std::max(last_ms, other.last_ms), decisions + other.decisions,
          damaged_bytes + other.damaged_bytes};
}

Result<void> Losses::load() {
  const auto known = database_.iterate(Family::meta);
  for (known->Seek(kJournalKey); known->Valid() && known->key().starts_with(kJournalKey); known->Next()) {
    const std::string_view value = view(known->value());
    if (value.size() < 16) continue;
    journals_.push_back({static_cast<std::int64_t>(number_of(value)),
                         static_cast<std::int64_t>(number_of(value.substr(8))), 0, std::string(value.substr(16)),
                         MissingRows::Cause::journal});
  }
  const std::size_t prefix = std::string_view(kRingKey).size();
  for (known->Seek(kRingKey); known->Valid() && known->key().starts_with(kRingKey); known->Next()) {
    const std::string_view key = view(known->key());
    const std::string_view value = view(known->value());
    if (key.size() != prefix + 8 || value.size() != 24) continue;
    rings_.push_back({static_cast<std::int64_t>(number_of(key.substr(prefix))),
                      static_cast<std::int64_t>(number_of(value)), number_of(value.substr(8)),
                      number_of(value.substr(16))});
  }
  return known->status().ok() ? Result<void>() : Result<void>(database_.error(known->status()));
}

Result<void> Losses::add_journal(std::int64_t first_ms, std::int64_t last_ms, const std::string& why) {
  journals_.push_back({first_ms, last_ms, 0, why, MissingRows::Cause::journal});
  rocksdb::WriteBatch writes;
  writes.Put(database_.family(Family::meta), slice(journal_key(journals_.back())),
             slice(number_octets(time_octets_value(first_ms)) + number_octets(time_octets_value(last_ms)) + why));
  return database_.write(writes);
}

bool Losses::goes_on_with(const RingLoss& loss) const {
  if (rings_.empty()) return false;
  const std::int64_t last_ms = rings_.back().last_ms;
  return loss.first_ms < last_ms - last_ms % kMinuteMs + kMinuteMs;
}

RingLoss Losses::put(const RingLoss& loss, rocksdb::WriteBatch& writes) const {
  RingLoss all = loss;
  if (goes_on_with(loss)) {
    writes.Delete(database_.family(Family::meta), slice(ring_key(rings_.back().first_ms)));
    all = rings_.back().with(loss);
  }
  writes.Put(database_.family(Family::meta), slice(ring_key(all.first_ms)),
             slice(number_octets(time_octets_value(all.last_ms)) + number_octets(all.decisions) +
                   number_octets(all.damaged_bytes)));
  return all;
}

void Losses::keep(const RingLoss& put) {
  if (goes_on_with(put)) rings_.pop_back();
  rings_.push_back(put);
}

void Losses::drop_before(std::int64_t oldest_ms, rocksdb::WriteBatch& writes) {
  std::erase_if(journals_, [&](const MissingRows& loss) {
    if (loss.last_ms >= oldest_ms) return false;
    writes.Delete(database_.family(Family::meta), slice(journal_key(loss)));
    return true;
  });
  std::erase_if(rings_, [&](const RingLoss& loss) {
    if (loss.last_ms >= oldest_ms) return false;
    writes.Delete(database_.family(Family::meta), slice(ring_key(loss.first_ms)));
    return true;
  });
}

std::vector<MissingRows> Losses::find(std::int64_t since_ms, std::int64_t until_ms) const {
  const auto overlaps = [&](const auto& loss) { return loss.last_ms >= since_ms && loss.first_ms < until_ms; };
  std::vector<MissingRows> found;
  std::copy_if(journals_.begin(), journals_.end(), std::back_inserter(found), overlaps);
  std::vector<RingLoss> of_rings;
  std::copy_if(rings_.begin(), rings_.end(), std::back_inserter(of_rings), overlaps);
  if (of_rings.size() > kMostApart) {
    of_rings = {std::accumulate(of_rings.begin() + 1, of_rings.end(), of_rings.front(),
                                [](const RingLoss& sum, const RingLoss& loss) { return sum.with(loss); })};
  }
  for (const RingLoss& loss : of_rings) found.push_back(shown(loss));
  return found;
}

}  // namespace weir::log
