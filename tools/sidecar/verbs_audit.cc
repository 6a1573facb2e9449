// audit.show, audit.verify.
#include <algorithm>
#include <deque>
#include <optional>
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
  const auto record_of = [](std::string_view line) -> std::optional<json::object> {
    json::error_code error;
    json::value record = json::parse(json::string_view(line), error);
    if (error || !record.is_object()) return std::nullopt;  // audit.verify says more
    return std::move(record.get_object());
  };
  // Times are written in equal width, so they compare as text.
  const auto is_before = [&](const json::object& record) {
    const json::value* time = record.if_contains("time");
    return time == nullptr || !time->is_string() || time->get_string() < from;
  };
  std::deque<std::string> newest;
  std::size_t octets = 0;
  bool complete = true;
  const auto read = call.services.audit.read([&](std::string_view line) {
    if (!from.empty()) {
      const auto record = record_of(line);
      if (!record || is_before(*record)) return;
    }
    newest.emplace_back(line);
    octets += line.size() + 1;
    while (newest.size() > limit || octets > kMaxReplyOctets) {
      octets -= newest.front().size() + 1;
      newest.pop_front();
      complete = false;
    }
  });
  if (!read) return read.error();
  json::array records;
  for (const std::string& line : newest) {
    if (auto record = record_of(line)) records.push_back(std::move(*record));
  }
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
