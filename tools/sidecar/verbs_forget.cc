// log.forget: one client, as long as the day's key can say which its pseudonyms are; or all clients of a day, whose key
// is destroyed.
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "tools/log/block_builder.h"
#include "tools/log/forget.h"
#include "tools/log/row_text.h"
#include "tools/log/top.h"
#include "tools/sidecar/log_question.h"
#include "tools/sidecar/log_rows.h"
#include "tools/sidecar/pseudonym_keys.h"
#include "tools/sidecar/verb_table.h"
#include "zones/base/text.h"

namespace weir::sidecar {
namespace {

namespace json = boost::json;

constexpr unsigned kMostHostBits = 16;  // of a prefix whose addresses are tried one by one

struct Wanted {
  std::optional<Prefix> prefix;
  std::optional<std::uint64_t> pseudonym;
  std::optional<WallTime> day;  // its beginning
};

Result<Wanted> read_wanted(Call& call, WallTime now) {
  const std::string client = call.arguments.text("client");
  const std::string day = call.arguments.text("day");
  if (!call.arguments.ok()) return call.arguments.error();
  if (client.empty() && day.empty())
    return Error{ErrorCode::invalid, "whom? Expected \"client\", \"day\", or both: a client's rows of one day"};
  Wanted out;
  out.pseudonym = log::parse_pseudonym(client);
  if (const auto prefix = Prefix::parse(client)) {
    out.prefix = *prefix;
  } else if (!client.empty() && !out.pseudonym) {
    return no_client(client);
  }
  if (day.empty()) return out;
  // Days compare as text; what is far ahead is not even a time.
  if (is_day(day) && day > utc_day(now)) return Error{ErrorCode::invalid, escape_for_display(day) + " has not begun"};
  const auto begin = day.size() == 10 ? parse_time(day) : Result<WallTime>(Error{});
  if (!begin)
    return Error{ErrorCode::invalid, "'" + escape_for_display(day) + "' is no day: expected 2026-07-06 (UTC)"};
  out.day = *begin;
  return out;
}

IpAddress with_host(const Prefix& prefix, std::uint32_t host) {
  IpAddress address = prefix.address;
  const std::size_t size = address.bytes().size();
  for (unsigned octet = 0; octet < 2; ++octet)
    address.octets[size - 1 - octet] |= static_cast<std::uint8_t>(host >> (8 * octet));
  return address;
}

// The pseudonyms of every address in `prefix` under the keys that are left; of `day` alone where it is not empty.
// Returns under how many.
std::uint64_t add_pseudonyms(const std::filesystem::path& run, const Prefix& prefix, const std::string& day,
                             log::ClientSet& clients) {
  std::uint64_t keys = 0;
  visit_pseudonym_keys(run, [&](const std::string& of, const PseudonymKeyBytes& key) {
    if (!day.empty() && of != day) return;
    ++keys;
    for (std::uint32_t host = 0; host >> (prefix.address.bits() - prefix.length) == 0; ++host)
      clients.add_pseudonym(identity_of(with_host(prefix, host), Privacy::pseudonym, key).pseudonym);
  });
  return keys;
}

// Who filed a request, as the log has its clients.
ClientIdentity identity_in(const FiledRequest& request) {
  ClientIdentity out;
  if (const auto address = IpAddress::parse(request.client)) {
    out.level = Privacy::full;
    out.address = *address;
    out.prefix_length = static_cast<std::uint8_t>(address->bits());
  } else if (const auto pseudonym = log::parse_pseudonym(request.client)) {
    out.level = Privacy::pseudonym;
    out.pseudonym = *pseudonym;
  }
  return out;
}

}  // namespace

VerbResult forget_log(Call& call) {
  const WallTime now = read_clocks().wall;
  const std::string reason = call.arguments.text("reason");
  const auto wanted = read_wanted(call, now);
  if (!wanted) return wanted.error();
  const std::filesystem::path run = call.services.config()->run.path;
  const std::string day = wanted->day ? utc_day(*wanted->day) : std::string();
  const bool is_whole_day = !wanted->prefix && !wanted->pseudonym;
  log::ClientSet clients;
  std::uint64_t keys = 0;
  std::string note;
  if (wanted->pseudonym) clients.add_pseudonym(*wanted->pseudonym);
  if (wanted->prefix) {
    clients.add(*wanted->prefix);
    if (wanted->prefix->address.bits() - wanted->prefix->length > kMostHostBits) {
      note = "so wide a prefix is found where addresses or prefixes are kept, not among pseudonyms";
    } else {
      keys = add_pseudonyms(run, *wanted->prefix, day, clients);
      if (keys == 0) note = "no key is left that could tell which pseudonyms these were";
    }
    const ClientIdentity kept = identity_of(wanted->prefix->address, Privacy::prefix, std::nullopt);
    if (wanted->prefix->length > kept.prefix_length) {
      note += (note.empty() ? "" : "; ") +
              ("where rows are kept as prefixes, those of all of " + log::describe(kept) + " are nobody's now");
    }
  }
  if (is_whole_day) {
    // First: no fault of the disk keeps the pseudonyms linked.
    const auto destroyed = destroy_pseudonym_key(run, day, now);
    if (!destroyed) return destroyed.error();
    keys = *destroyed ? 1 : 0;
    clients.add_all_addresses();
  }
  const std::int64_t since_ms = wanted->day ? log::to_ms(*wanted->day) : INT64_MIN;
  const std::int64_t until_ms = wanted->day ? since_ms + log::kDayMs : INT64_MAX;
  if (call.services.requests != nullptr) {
    const auto gone = call.services.requests->forget([&](const FiledRequest& request) {
      const std::int64_t filed_ms = request.filed_s * 1000;
      return filed_ms >= since_ms && filed_ms < until_ms && (is_whole_day || clients.contains(identity_in(request)));
    });
    if (!gone) return gone.error();
  }
  const auto forgotten = call.services.log.forget(clients, since_ms, until_ms, now,
                                                  [&] { return call.services.stop.load(std::memory_order_relaxed); });
  // What is written down of it names no client: that record stays for ever.
  json::object details;
  if (!day.empty()) details["day"] = day;
  if (forgotten) {
    details["rows"] = forgotten->rows;
    details["blocks"] = forgotten->blocks;
  } else {
    details["cut_short"] = true;
  }
  const auto recorded = record_in_turn(call, "log forget", is_whole_day ? day : "a client", std::move(details));
  if (!forgotten) return forgotten.error();
  if (!recorded) return recorded.error();
  json::object out{{"rows", forgotten->rows}, {"blocks", forgotten->blocks}, {"keys", keys}};
  if (!forgotten->damaged.empty()) out["damaged"] = json::value_from(forgotten->damaged);
  if (!note.empty()) out["note"] = note;
  return out;
}

}  // namespace weir::sidecar
