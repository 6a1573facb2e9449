#include "resolver/server/stale_answers.h"

#include <algorithm>

#include "zones/dns/message.h"

namespace weir {
namespace {

CacheSeconds whole_seconds(std::chrono::milliseconds time) {
  return static_cast<CacheSeconds>(std::chrono::duration_cast<std::chrono::seconds>(time).count());
}

// Behind an alias of an unsigned zone may stand what is signed.
bool holds_signatures(std::span<const std::uint8_t> wire) {
  const auto message = read_message(wire);
  if (!message) return true;
  const auto is_dnssec = [](const Rrset& rrset) {
    return rrset.type == RecordType::rrsig || rrset.type == RecordType::nsec || rrset.type == RecordType::nsec3;
  };
  return std::ranges::any_of(message->answer, is_dnssec) || std::ranges::any_of(message->authority, is_dnssec);
}

}  // namespace

StaleAnswers::StaleAnswers(AnswerCache& answers, const CacheConfig& config)
    : answers_(answers), config_(config), wire_(kMaxCachedAnswer) {}

CacheSeconds StaleAnswers::usable_until(Rcode rcode, CacheSeconds expires) const {
  if (!config_.serve_stale || (rcode != Rcode::noerror && rcode != Rcode::nxdomain)) return expires;
  return expires + std::min(whole_seconds(config_.stale_for), kMaxStale);
}

bool StaleAnswers::read(const AnswerKey& key, CacheSeconds now) {
  AnswerCache::Probe probe = answers_.prepare(key);
  return answers_.locate(probe) && answers_.read(probe, key, now, wire_, found_, Reading::stale_too);
}

bool StaleAnswers::find(const Query& query, CacheSeconds now) {
  if (!config_.serve_stale) return false;
  AnswerKey key = AnswerKey::of(query);
  if (read(key, now)) return found_.expires <= now || found_.stale;
  // Of a zone without signatures both are the same; one that was validated lacks them for who sets DO, and one whose
  // state nobody knows may hold some that who does not set it must not get (RFC 4035 section 3.2.1).
  key.dnssec_ok = !key.dnssec_ok;
  if (!read(key, now) || (found_.expires > now && !found_.stale)) return false;
  const auto security = static_cast<Security>(found_.security);
  return query.dnssec_ok ? security != Security::secure : security == Security::insecure && !holds_signatures(wire());
}

void StaleAnswers::hold(const Query& query, CacheSeconds now) {
  const CacheSeconds until = std::min(found_.stale_until, now + whole_seconds(config_.stale_recheck));
  answers_.put(AnswerKey::of(query), {.wire = wire(),
                                      .ttl_offsets = found_.ttl_offsets(),
                                      .rcode = found_.rcode,
                                      .security = found_.security,
                                      .inserted = found_.inserted,
                                      .expires = until,
                                      .stale_until = found_.stale_until,
                                      .stale = true,
                                      .ede = found_.ede,
                                      .ede_text = found_.ede_text(),
                                      .epoch = found_.epoch,
                                      .matches = found_.matches()});
}

void StaleAnswers::superseded(const Query& query, CacheSeconds now) {
  if (!config_.serve_stale) return;
  AnswerKey key = AnswerKey::of(query);
  answers_.erase_expired(key, now);
  key.dnssec_ok = !key.dnssec_ok;
  answers_.erase_expired(key, now);
}

ExtendedError stale_error(Rcode rcode) {
  return {rcode == Rcode::nxdomain ? EdeCode::stale_nxdomain : EdeCode::stale_answer,
          "no newer answer could be had in time"};
}

StoredReply stale_reply(const Query& query, const CachedAnswer& answer, const CacheConfig& config) {
  StoredReply stored;
  stored.flags = stored_flags(query, answer.rcode, static_cast<Security>(answer.security));
  stored.ttl_offsets = answer.ttl_offsets();
  stored.stale_ttl = static_cast<std::uint32_t>(whole_seconds(config.stale_ttl));
  stored.error = stale_error(answer.rcode);
  return stored;
}

}  // namespace weir
