// The trust anchors of one zone as they follow its keys (RFC 5011): what was configured is where it begins, and the
// zone itself says from then on, signed by keys that are trusted already, which keys come and which go.
//
// Sans-I/O and without a clock: observe() is given the DNSKEY RRset as the zone's servers gave it. A value; one thread.
// What it knows is written and read as text, so that it outlives a restart.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "resolver/cache/rrset_cache.h"
#include "resolver/dnssec/trust_anchors.h"
#include "resolver/dnssec/verify.h"

namespace weir {

// Section 4.2. A key that is `missing` is trusted like a valid one; only these two are.
enum class AnchorState : std::uint8_t { add_pend, valid, missing, revoked, removed };
std::string_view to_text(AnchorState state);  // "add-pend"

struct AnchorKey {
  std::vector<std::uint8_t> dnskey;  // RDATA, the REVOKE bit clear
  AnchorState state = AnchorState::add_pend;
  WallTime since;                 // when it came into this state
  std::optional<WallTime> until;  // of add_pend and revoked: when the hold-down ends

  std::uint16_t tag() const;
  bool operator==(const AnchorKey&) const = default;
};

// Sections 2.4.1 and 2.4.2: 30 days both. Shorter only in tests and closed networks.
struct AnchorTimes {
  std::chrono::seconds add_hold_down = std::chrono::hours(30 * 24);
  std::chrono::seconds remove_hold_down = std::chrono::hours(30 * 24);
  // Section 2.3: bounds of the time between two looks, and between a failed one and the next.
  std::chrono::seconds least_refresh = std::chrono::hours(1);
  std::chrono::seconds most_refresh = std::chrono::hours(15 * 24);
};

class AnchorRoll {
 public:
  // Nothing is known yet but what was configured: it is trusted until the first look at the zone.
  AnchorRoll(TrustAnchor configured, AnchorTimes times);

  // What save() wrote. Where `configured` is not what it was then, the administrator has spoken: it begins anew.
  // Errors: corrupt, as file:line:column: what was found, what was expected.
  static Result<std::vector<AnchorRoll>> restore(std::string_view text, std::string_view file,
                                                 const std::vector<TrustAnchor>& configured, AnchorTimes times);
  static std::string save(const std::vector<AnchorRoll>& rolls);

  enum class Seen : std::uint8_t {
    nothing_new,
    changed,  // some key is in another state: `anchor` may be another, and save() writes something else
    refused   // no trusted key has signed it; nothing was taken from it
  };
  // `context.now` is the time; what the checks cost is spent from its budget.
  Seen observe(const SignedRrset& dnskeys, const CheckContext& context);
  void failed(WallTime now);  // it could not be fetched

  const Name& zone() const { return configured_.zone; }
  WallTime next_look() const { return next_look_; }
  std::optional<WallTime> last_good_look() const { return last_good_look_; }
  const std::vector<AnchorKey>& keys() const { return keys_; }
  // What is trusted now. Neither DS nor DNSKEY: all keys were revoked, and the zone is as if it had no anchor
  // (section 5).
  TrustAnchor anchor() const;
  bool followed() const { return !keys_.empty(); }  // a look has taken the place of what was configured

 private:
  bool is_trusted(const SignedRrset& dnskeys, const CheckContext& context) const;
  bool note_revoked(const SignedRrset& dnskeys, const CheckContext& context);
  bool note_present(const Rrset& dnskeys, WallTime now, std::chrono::seconds ttl);
  bool note_absent(const Rrset& dnskeys, WallTime now);
  bool pass_time(WallTime now);
  void plan(const SignedRrset& dnskeys, WallTime now);
  AnchorKey* find(std::span<const std::uint8_t> dnskey);
  static void move(AnchorKey& key, AnchorState state, WallTime now, std::optional<std::chrono::seconds> hold_down = {});

  TrustAnchor configured_;
  AnchorTimes times_;
  std::vector<AnchorKey> keys_;
  WallTime next_look_{};  // at once
  std::optional<WallTime> last_good_look_;
  std::chrono::seconds retry_{0};
};

inline constexpr std::size_t kMaxAnchorKeys = 32;  // of one zone, those that are gone included

}  // namespace weir
