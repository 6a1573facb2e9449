// An answer that was stored and patched for a client is the answer that would have been built for it.
//
// Input: age in seconds, a query with its length, then a message whose records are the answer.
#include <array>

#include "resolver/cache/answer_cache.h"
#include "resolver/server/answer_builder.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/support/messages.h"

namespace weir::fuzz {
namespace {

constexpr CacheSeconds kInserted = 1000;

void run_down(std::vector<Rrset>& rrsets, std::uint32_t age, const Query& query) {
  for (Rrset& rrset : rrsets) {
    rrset.ttl_seconds -= std::min(rrset.ttl_seconds, age);
    if (rrset.owner == query.name()) rrset.owner = query.name();  // the client's own case
  }
}

// Header, question, records and OPT from scratch.
std::vector<std::uint8_t> build_whole(const Query& query, ResolutionResult result, std::uint32_t age) {
  std::vector<std::uint8_t> out(65'535);
  Writer writer(out);
  begin_reply(writer, query, {.rcode = result.rcode});
  std::array<std::uint16_t, 3> counts{};
  std::size_t section = 0;
  for (auto* rrsets : {&result.answer, &result.authority, &result.additional}) {
    run_down(*rrsets, age, query);
    for (const Rrset& rrset : *rrsets) {
      rrset.write(writer, rrset.ttl_seconds);
      counts[section] = static_cast<std::uint16_t>(counts[section] + rrset.size());
    }
    ++section;
  }
  set_counts(out, counts[0], counts[1], counts[2]);
  finish_reply(writer, out, query, result.rcode, nullptr);
  require(writer.ok(), "a built answer that does not fit");
  out.resize(writer.size());
  return out;
}

AnswerCache& cache() {
  static const auto made = AnswerCache::make(4U << 20);
  require(made.has_value(), "no cache");
  return **made;
}

// The reply that a hit gives, nothing where it was not kept.
std::vector<std::uint8_t> from_cache(const Query& query, const BuiltAnswer& built, std::uint32_t age) {
  const AnswerKey key = AnswerKey::of(query);
  NewAnswer answer;
  answer.wire = built.wire;
  answer.ttl_offsets = built.ttl_offsets;
  answer.rcode = built.rcode;
  answer.inserted = kInserted;
  answer.expires = kInserted + 1'000'000;
  if (!cache().put(key, answer)) return {};
  AnswerCache::Probe probe = cache().prepare(key);
  if (!cache().locate(probe)) return {};
  std::vector<std::uint8_t> out(65'535);
  CachedAnswer cached;
  if (!cache().read(probe, key, kInserted + age, out, cached)) return {};
  StoredReply stored;
  stored.flags = stored_flags(query, cached.rcode, Security::indeterminate);
  stored.ttl_offsets = cached.ttl_offsets();
  stored.age_seconds = age;
  out.resize(finish_stored_reply(out, cached.wire_size, query, stored));
  return out;
}

}  // namespace

WEIR_FUZZ_TARGET(cached_answer) {
  Input parts(input);
  const std::uint32_t age = parts.u16();
  const ParsedQuery parsed = parse_query(parts.block());
  if (parsed.fault) return;
  const Query& query = parsed.query;
  auto message = read_message(parts.rest());
  if (!message) return;
  ResolutionResult result;
  result.question = {query.name(), query.type, query.record_class};
  result.rcode = static_cast<Rcode>(message->start.rcode_low);
  result.answer = std::move(message->answer);
  result.authority = std::move(message->authority);
  result.additional = std::move(message->additional);
  result.ttl = std::chrono::hours(1);

  BuiltAnswer built;
  build_answer(result, built);
  const auto stored = read_message(built.wire);
  require(stored.has_value(), "a stored answer that cannot be read");
  require(read_stored_answer(built.wire).has_value(), "a stored answer that is none");
  if (built.rcode != result.rcode) return;  // longer than a message can be
  const auto hit = from_cache(query, built, age);
  if (hit.empty()) return;  // longer than an entry can be
  const auto patched = read_message(hit);
  const auto whole = read_message(build_whole(query, std::move(result), age));
  require(patched.has_value() && whole.has_value(), "an answer that cannot be read");
  // A stored name that ends as QNAME does points there, and so takes over the client's case.
  require(same_answer(*patched, *whole), "a patched answer differs from a built one");
  require(patched->edns.has_value() == query.has_edns, "OPT only where the query had one");
  require(same_octets(patched->start.qname.wire(), query.qname), "the client's own case");
}

}  // namespace weir::fuzz
