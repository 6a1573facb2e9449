// The control protocol: what the programs say to each other over Unix sockets.
//
// <run>/resolver.sock and <run>/sidecar.sock. One request is one line of JSON,
//   {"verb": "list.update", "args": {...}, "who": "alice"}
// answered by any number of progress lines {"progress": {...}} (also the items of a stream) and one last line
//   {"ok": true, "result": {...}}  or  {"ok": false, "error": {"code": "invalid", "message": "..."}}.
// A connection may carry several requests, one after the other. A line is at most kMaxControlLine octets.
//
// Verbs of the resolver: status, metrics (Prometheus text in "text"), generation.load (re-reads `current`; answers
//   when it is in force on every worker), reload (what of weir.toml needs no restart: forward zones, negative trust
//   anchors), cache.flush {"name", "subtree"}, cache.show {"name", "subtree"}, resolve {"name", "type", "trace",
//   "fresh", "checking_disabled"}, cache.compare {"candidate", "number"} (names in use that a candidate decides
//   otherwise), explain {"name", "type", "client" | "group"} (the answer, and each look on the way), anchors.show,
//   anchors.negative.add {"name", "seconds", "reason"}, anchors.negative.remove
//   {"name"}, what_if.start {"policy" | "policies", "groups", "seconds", "author", "reason"}, what_if.show {"names"},
//   what_if.stop.
// Verbs of the sidecar: status, reload {"reason"}, policy.check {"since"}, policy.learn {"name", "since"},
//   list.update {"name", "dry_run", "since", "full"}, list.approve {"name", "reason"},
//   list.report {"name", "since"}, list.diff {"name", "from", "to", "full"}, list.show {"name"?},
//   list.history {"name"},
//   list.rollback {"name", "import"}, rule.add / rule.remove {"pattern", "action", ...}, rule.show,
//   explain {"names": [...], "client" | "group", "type", "at" | "follow"} (to follow: by the resolver's explain),
//   generation.show, generation.fingerprint,
//   generation.rollback {"number"}, overlay.allow {"name", "exact", "seconds", "reason", "clients", "groups"},
//   overlay.pause (likewise, without a name), overlay.end {"id", "reason"}, overlay.show,
//   what_if.start {"policy" | "files", "groups", "seconds", "reason"}, what_if.show {"names"}, what_if.stop {"reason"},
//   audit.show {"since", "limit"}, audit.verify, zone.show, policy.show, metrics (Prometheus text in "text", of both
//   daemons), token.add {"name", "role", "seconds"}, token.remove {"name", "reason"}, token.show,
//   log.search {"since", "until", "name", "text", "client", "list", "group", "class", "type", "limit", "cursor",
//   "seconds"}, log.tail (a stream; what to look for as in log.search), log.export (a stream; likewise, oldest first),
//   log.top {"by", "limit", "min_clients", ...}, log.timeline {"step", "by", ...},
//   log.totals {"step", "by", "since", "until"}, log.verify, each of search, top, timeline and sql also with "source",
//   sink.show {"name"},
//   log.sql {"statement", "limit", "seconds"}, log.forget {"client", "day", "reason"}, log.privacy_check,
//   backup.begin, backup.end, request.list, request.accept {"id", "seconds" | "rule", "scope", "reason"},
//   request.refuse {"id", "reason"}.
#pragma once

#include <boost/json/fwd.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "zones/base/result.h"

namespace weir {

inline constexpr std::size_t kMaxControlLine = 4 << 20;

std::filesystem::path resolver_socket(const std::filesystem::path& run_directory);
std::filesystem::path sidecar_socket(const std::filesystem::path& run_directory);

struct ControlRequest {
  std::string verb;
  std::string arguments;  // a JSON object as text
  std::string who;
};

std::string encode_request(const ControlRequest& request);  // one line with its line feed
Result<ControlRequest> decode_request(std::string_view line);
std::string encode_result(const boost::json::value& result);
std::string encode_progress(const boost::json::value& progress);
std::string encode_error(const Error& error);

struct ControlReply {
  enum class Kind : std::uint8_t { progress, result, error } kind = Kind::error;
  std::string body;  // JSON text of progress or result
  Error error;
};
Result<ControlReply> decode_reply(std::string_view line);

std::string_view to_text(ErrorCode code);  // "not_found"
ErrorCode parse_error_code(std::string_view text);

}  // namespace weir
