#include "resolver/dnssec/anchor_roll.h"

#include <algorithm>

#include "resolver/dnssec/rrsig.h"

namespace weir {
namespace {

using std::chrono::seconds;

constexpr std::uint8_t kRevokeBit = 0x80;  // of the second octet of the flags (section 7)
constexpr seconds kFailedRetry = std::chrono::hours(1);

std::vector<std::uint8_t> without_revoke(std::span<const std::uint8_t> dnskey) {
  std::vector<std::uint8_t> out(dnskey.begin(), dnskey.end());
  if (out.size() > 1) out[1] &= static_cast<std::uint8_t>(~kRevokeBit);
  return out;
}

// Only keys that say of themselves that they are secure entry points become anchors (section 2.2).
bool is_candidate(const PublicKey& key) {
  return key.is_zone_key() && key.is_secure_entry_point() && key.protocol() == 3 && key.usable();
}

bool is_trusted_state(AnchorState state) {
  return state == AnchorState::valid || state == AnchorState::missing;
}

// The shortest time that a signature over the RRset has left, and the original TTL that it names.
struct SignedTimes {
  seconds left{0};
  seconds original_ttl{0};
};
SignedTimes times_of(const SignedRrset& dnskeys, WallTime now) {
  SignedTimes out;
  bool any = false;
  for (const auto rdata : dnskeys.signatures.records()) {
    const auto rrsig = parse_rrsig(rdata);
    if (!rrsig) continue;
    const seconds left(seconds_left(*rrsig, now));
    if (!any || left < out.left) out.left = left;
    out.original_ttl = seconds(rrsig->original_ttl_seconds);
    any = true;
  }
  return out;
}

}  // namespace

std::string_view to_text(AnchorState state) {
  switch (state) {
    case AnchorState::add_pend:
      return "add-pend";
    case AnchorState::valid:
      return "valid";
    case AnchorState::missing:
      return "missing";
    case AnchorState::revoked:
      return "revoked";
    case AnchorState::removed:
      return "removed";
  }
  return "";
}

std::uint16_t AnchorKey::tag() const {
  return key_tag(dnskey);
}

AnchorRoll::AnchorRoll(TrustAnchor configured, AnchorTimes times) : configured_(std::move(configured)), times_(times) {}

AnchorKey* AnchorRoll::find(std::span<const std::uint8_t> dnskey) {
  const std::vector<std::uint8_t> wanted = without_revoke(dnskey);
  const auto found = std::ranges::find(keys_, wanted, &AnchorKey::dnskey);
  return found == keys_.end() ? nullptr : &*found;
}

void AnchorRoll::move(AnchorKey& key, AnchorState state, WallTime now, std::optional<seconds> hold_down) {
  key.state = state;
  key.since = now;
  key.until.reset();
  if (hold_down) key.until = now + *hold_down;
}

TrustAnchor AnchorRoll::anchor() const {
  if (!followed()) return configured_;
  TrustAnchor out = configured_;
  out.ds = Rrset();
  out.dnskeys = Rrset();
  out.ds.owner = out.dnskeys.owner = configured_.zone;
  out.ds.type = RecordType::ds;
  out.dnskeys.type = RecordType::dnskey;
  for (const AnchorKey& key : keys_) {
    if (is_trusted_state(key.state)) out.dnskeys.add(key.dnskey);
  }
  return out;
}

bool AnchorRoll::is_trusted(const SignedRrset& dnskeys, const CheckContext& context) const {
  const TrustAnchor trusted = anchor();
  if (trusted.ds.empty() && trusted.dnskeys.empty()) return false;
  return authenticate_dnskeys(trusted.ds, trusted.dnskeys, dnskeys.rrset, dnskeys.signatures, context).outcome ==
         AuthenticatedKeys::Outcome::secure;
}

// Section 2.1: the key's own signature over the set in which it says that it is revoked is enough, whoever else signed.
bool AnchorRoll::note_revoked(const SignedRrset& dnskeys, const CheckContext& context) {
  bool changed = false;
  for (const auto rdata : dnskeys.rrset.records()) {
    const auto key = PublicKey::from_dnskey(rdata);
    if (!key || !key->is_revoked()) continue;
    AnchorKey* known = find(rdata);
    if (known == nullptr || known->state == AnchorState::revoked || known->state == AnchorState::removed) continue;
    if (known->state == AnchorState::add_pend) continue;  // nobody trusts it yet; it is gone from the set, as it were
    const SignatureCheck check = verify_with_key(dnskeys.rrset, dnskeys.signatures, configured_.zone, *key, context);
    if (check.outcome != SignatureOutcome::secure) continue;
    move(*known, AnchorState::revoked, context.now, times_.remove_hold_down);
    changed = true;
  }
  return changed;
}

bool AnchorRoll::note_present(const Rrset& dnskeys, WallTime now, seconds ttl) {
  bool changed = false;
  for (const auto rdata : dnskeys.records()) {
    const auto key = PublicKey::from_dnskey(rdata);
    if (!key || key->is_revoked() || !is_candidate(*key)) continue;
    AnchorKey* known = find(rdata);
    if (known == nullptr) {
      if (keys_.size() >= kMaxAnchorKeys) continue;
      AnchorKey fresh;
      fresh.dnskey.assign(rdata.begin(), rdata.end());
      move(fresh, AnchorState::add_pend, now, std::max(times_.add_hold_down, ttl));
      keys_.push_back(std::move(fresh));
      changed = true;
    } else if (known->state == AnchorState::missing) {
      move(*known, AnchorState::valid, now);
      changed = true;
    } else if (known->state == AnchorState::add_pend && *known->until <= now) {
      move(*known, AnchorState::valid, now);
      changed = true;
    }
  }
  return changed;
}

bool AnchorRoll::note_absent(const Rrset& dnskeys, WallTime now) {
  const auto is_present = [&](const AnchorKey& key) { return dnskeys.contains(key.dnskey); };  // revoked it is another
  // A key that waits and is not there has to begin again (section 2.2).
  bool changed = std::erase_if(keys_, [&](const AnchorKey& key) {
                   return key.state == AnchorState::add_pend && !is_present(key);
                 }) > 0;
  for (AnchorKey& key : keys_) {
    if (key.state != AnchorState::valid || is_present(key)) continue;
    move(key, AnchorState::missing, now);
    changed = true;
  }
  return changed;
}

bool AnchorRoll::pass_time(WallTime now) {
  bool changed = false;
  for (AnchorKey& key : keys_) {
    if (key.state != AnchorState::revoked || *key.until > now) continue;
    move(key, AnchorState::removed, now);
    changed = true;
  }
  return changed;
}

// Section 2.3: half of what TTL and signatures leave, within bounds; a tenth after a failure.
void AnchorRoll::plan(const SignedRrset& dnskeys, WallTime now) {
  const SignedTimes times = times_of(dnskeys, now);
  const seconds shorter = std::min(times.original_ttl, times.left);
  next_look_ = now + std::clamp(shorter / 2, times_.least_refresh, times_.most_refresh);
  retry_ =
      std::clamp(shorter / 10, times_.least_refresh, std::max<seconds>(times_.least_refresh, std::chrono::hours(24)));
}

void AnchorRoll::failed(WallTime now) {
  next_look_ = now + (retry_.count() > 0 ? retry_ : std::min<seconds>(kFailedRetry, times_.least_refresh));
}

AnchorRoll::Seen AnchorRoll::observe(const SignedRrset& dnskeys, const CheckContext& context) {
  const WallTime now = context.now;
  const bool revoked = note_revoked(dnskeys, context);
  if (!is_trusted(dnskeys, context)) {
    failed(now);
    return revoked ? Seen::changed : Seen::refused;
  }
  bool changed = revoked;
  if (!followed()) {
    // The first look: the keys that were configured are valid at once, whatever else is there has to wait.
    const auto trusted_ds = usable_ds(configured_.ds, context.algorithms).records;
    for (const auto rdata : dnskeys.rrset.records()) {
      const auto key = PublicKey::from_dnskey(rdata);
      if (!key || key->is_revoked() || !key->is_zone_key()) continue;
      const bool named =
          std::ranges::any_of(trusted_ds, [&](const Ds& ds) { return matches(ds, configured_.zone, rdata); }) ||
          configured_.dnskeys.contains(rdata);
      if (!named || keys_.size() >= kMaxAnchorKeys) continue;
      AnchorKey valid;
      valid.dnskey.assign(rdata.begin(), rdata.end());
      move(valid, AnchorState::valid, now);
      keys_.push_back(std::move(valid));
      changed = true;
    }
  }
  changed |= note_absent(dnskeys.rrset, now);
  changed |= note_present(dnskeys.rrset, now, times_of(dnskeys, now).original_ttl);
  changed |= pass_time(now);
  last_good_look_ = now;
  plan(dnskeys, now);
  return changed ? Seen::changed : Seen::nothing_new;
}

}  // namespace weir
