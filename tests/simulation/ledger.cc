#include "tests/simulation/ledger.h"

#include <algorithm>

#include "zones/dns/message.h"

namespace weir::simulation {
namespace {

using world::Time;

constexpr Time kResolution = std::chrono::milliseconds(5200);  // of the limit, and of one that was joined
constexpr Time kRounding = std::chrono::seconds(2);            // both caches count whole seconds

std::string seconds(Time time) {
  return std::to_string(static_cast<double>(time.count()) / 1e6) + " s";
}

}  // namespace

bool is_made(const Rrset& rrset, const std::vector<Rrset>& section) {
  return rrset.type == RecordType::cname && std::ranges::any_of(section, [&](const Rrset& dname) {
           return dname.type == RecordType::dname && rrset.owner != dname.owner &&
                  rrset.owner.is_at_or_below(dname.owner);
         });
}

Ledger::Contents Ledger::contents_of(const Rrset& rrset) {
  Contents out{rrset.type, {}};
  for (const auto rdata : rrset.records()) out.second.emplace(rdata.begin(), rdata.end());
  return out;
}

void Ledger::delivered(std::span<const std::uint8_t> octets, Time time) {
  const auto message = read_message(octets);
  if (!message) return;
  for (const auto* section : {&message->answer, &message->authority, &message->additional}) {
    for (const Rrset& rrset : *section) {
      if (rrset.type == RecordType::rrsig || is_made(rrset, *section)) continue;
      // By the wildcard that gave it: names that nobody asked before must not make this program grow.
      Time& expires = expires_[contents_of(rrset)][oracle_.source_of(rrset.owner, time)];
      expires = std::max(expires, time + std::chrono::seconds(rrset.ttl_seconds));
    }
  }
}

void Ledger::forget_before(Time time) {
  for (auto& [contents, owners] : expires_) {
    std::erase_if(owners, [&](const auto& known) { return known.second + kResolution < time; });
  }
  std::erase_if(expires_, [](const auto& known) { return known.second.empty(); });
}

std::size_t Ledger::size() const {
  std::size_t count = 0;
  for (const auto& [contents, owners] : expires_) count += owners.size();
  return count;
}

// What a wildcard gave one name serves the others too.
std::optional<Time> Ledger::expiry_of(const Rrset& rrset, Time time) const {
  const auto found = expires_.find(contents_of(rrset));
  if (found == expires_.end()) return std::nullopt;
  std::optional<Time> out;
  const Name source = oracle_.source_of(rrset.owner, time);
  for (const auto& [owner, expires] : found->second) {
    if (owner != rrset.owner && owner != source && oracle_.source_of(owner, time) != source) continue;
    out = std::max(out.value_or(expires), expires);
  }
  return out;
}

std::string Ledger::check(const Rrset& rrset, Time asked, Time time) const {
  if (rrset.type == RecordType::rrsig) return {};
  const auto found = expiry_of(rrset, time);
  const std::string what = rrset.owner.to_text() + " " + to_text(rrset.type);
  if (!found) return what + ": no authority ever said so";
  const Time slack = asked == time ? Time(0) : kResolution;
  if (asked == time && time >= *found) {
    return what + " has outlived its TTL by " + seconds(time - *found);
  }
  if (time + std::chrono::seconds(rrset.ttl_seconds) >= *found + kRounding + slack) {
    return what + " has a TTL of " + std::to_string(rrset.ttl_seconds) + ", its authority's ends in " +
           seconds(*found - time);
  }
  return {};
}

}  // namespace weir::simulation
