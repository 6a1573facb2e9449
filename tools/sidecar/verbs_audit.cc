// audit.show, audit.verify.
#include <algorithm>
#include <deque>
#include <string>

#include "tools/sidecar/verb_table.h"
#include "zones/base/text.h"
#include "zones/link/control.h"

namespace weir::sidecar {
namespace {

namespace json = boost::json;

constexpr std::uint64_t kDefaultLimit = 1000;
constexpr std::uint64_t kMaxLimit = 100'000;
constexpr std::size_t kMaxReplyOctets = kMaxControlLine - (64 << 10);

}  // namespace

VerbResult show_audit(Call& call) {
  const auto since = call.arguments.time("since", read_clocks().wall);
  const std::uint64_t limit = std::clamp<std::uint64_t>(call.arguments.number("limit", kDefaultLimit), 1, kMaxLimit);
  if (!call.arguments.ok()) return call.arguments.error();
  const std::string from = since ? format_time(*since) : std::string();
  std::deque<json::value> newest;
  std::deque<std::size_t> sizes;
  std::size_t octets = 0;
  bool complete = true;
  const auto read = call.services.audit.read([&](std::string_view line) {
    json::error_code error;
    json::value record = json::parse(json::string_view(line), error);
    if (error || !record.is_object()) return;  // audit.verify says more
    const json::value* time = record.get_object().if_contains("time");
    // Times are written in equal width, so they compare as text.
    if (!from.empty() && (time == nullptr || !time->is_string() || time->get_string() < from)) return;
    newest.push_back(std::move(record));
    sizes.push_back(line.size() + 1);
    octets += sizes.back();
    while (newest.size() > limit || octets > kMaxReplyOctets) {
      octets -= sizes.front();
      newest.pop_front();
      sizes.pop_front();
      complete = false;
    }
  });
  if (!read) return read.error();
  json::array records;
  for (json::value& record : newest) records.push_back(std::move(record));
  return json::object{{"records", std::move(records)}, {"complete", complete}};
}

VerbResult verify_audit(Call& call) {
  const auto check = call.services.audit.check();
  if (!check) return check.error();
  return json::object{{"whole", check->faults.empty()},
                      {"records", check->records},
                      {"head", check->head},
                      {"faults", json::value_from(check->faults)}};
}

}  // namespace weir::sidecar
