#include "resolver/server/referring_names.h"

#include <algorithm>
#include <functional>
#include <string_view>

namespace weir {

namespace {

constexpr std::chrono::seconds kClocksApart{1};

}  // namespace

class ReferringNames::Held {
 public:
  explicit Held(Entry& entry) : entry_(entry), mine_(!entry.busy.exchange(true, std::memory_order_acquire)) {}
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  ~Held() {
    if (mine_) entry_.busy.store(false, std::memory_order_release);
  }
  explicit operator bool() const { return mine_; }

 private:
  Entry& entry_;
  bool mine_;
};

ReferringNames::Entry& ReferringNames::entry_of(const IpAddress& client) const {
  const std::string_view octets(reinterpret_cast<const char*>(client.octets.data()), client.octets.size());
  return entries_[std::hash<std::string_view>{}(octets) % kReferringClients];
}

void ReferringNames::note(const IpAddress& client, std::span<const std::uint8_t> qname, WallTime now) {
  if (qname.size() > kMaxNameSize) return;
  const IpAddress plain = client.unmapped();
  Entry& entry = entry_of(plain);
  const Held held(entry);
  if (!held) return;
  entry.client = plain;
  entry.at = now;
  entry.size = static_cast<std::uint8_t>(qname.size());
  std::copy(qname.begin(), qname.end(), entry.name.begin());
}

Name ReferringNames::find(const IpAddress& client, WallTime now) const {
  const IpAddress plain = client.unmapped();
  Entry& entry = entry_of(plain);
  const Held held(entry);
  if (!held) return {};
  // Workers read the clock at different moments; but one that jumped back makes nothing recent.
  const auto age = now - entry.at;
  if (entry.size == 0 || !(entry.client == plain) || age < -kClocksApart || age > kReferringNameLives) return {};
  return Name::from_wire(std::span(entry.name).first(entry.size)).value_or(Name());
}

}  // namespace weir
