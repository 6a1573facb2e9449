#include "tools/backup/manifest.h"

#include <boost/json.hpp>

#include <algorithm>
#include <set>

#include "tools/support/json_members.h"
#include "zones/base/text.h"
#include "zones/base/version.h"
#include "zones/store/keys.h"

namespace weir::backup {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaxComponent = 255;
constexpr std::size_t kMaxPath = 1024;

Error damaged(const std::string& what) {
  return {ErrorCode::corrupt, "the backup is damaged: " + what};
}

bool is_sha256(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool is_component(std::string_view part) {
  if (part.empty() || part == "." || part == ".." || part.size() > kMaxComponent) return false;
  return std::none_of(part.begin(), part.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '/' || c == '\\';
  });
}

Result<std::vector<Member>> read_members(const json::object& from) {
  const json::value* listed = from.if_contains("members");
  if (listed == nullptr || !listed->is_array() || listed->get_array().size() > kMaxMembers)
    return damaged("its list of members");
  std::vector<Member> out;
  std::set<std::string, std::less<>> own;  // with octets of their own
  std::set<std::string, std::less<>> all;
  for (const json::value& each : listed->get_array()) {
    if (!each.is_object()) return damaged("its list of members");
    const json::object& object = each.get_object();
    Member member{text_member(object, "path"), count_member(object, "bytes"), text_member(object, "sha256"),
                  text_member(object, "same_as")};
    if (!is_member_path(member.path))
      return damaged("a member called '" + escape_for_display(member.path.substr(0, kMaxPath)) + "'");
    if (!all.insert(member.path).second) return damaged("member " + member.path + " stands twice");
    if (member.same_as.empty() ? !is_sha256(member.sha256) : !own.contains(member.same_as))
      return damaged("what it says of member " + member.path);
    if (member.same_as.empty()) own.insert(member.path);
    out.push_back(std::move(member));
  }
  return out;
}

}  // namespace

bool is_member_path(std::string_view path) {
  if (path.size() > kMaxPath) return false;
  std::vector<std::string_view> parts;
  for (std::string_view rest = path;;) {
    const std::size_t end = rest.find('/');
    parts.push_back(rest.substr(0, end));
    if (!is_component(parts.back())) return false;
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
  if (path == kConfigMember) return true;
  if (path.starts_with(kDropInFolder)) return parts.size() == 3 && parts[2].ends_with(".toml");
  if (parts[0] != "store" || parts.size() < 2) return false;
  if (parts.size() == 2) return parts[1] == "sidecar-state.json";
  static constexpr std::string_view kFolders[] = {"policy", "audit", "log", "fetch"};
  return std::find(std::begin(kFolders), std::end(kFolders), parts[1]) != std::end(kFolders);
}

std::string encode(const Manifest& manifest) {
  json::array members;
  for (const Member& member : manifest.members) {
    json::object object{{"path", member.path}, {"bytes", member.bytes}};
    if (member.same_as.empty()) object["sha256"] = member.sha256;
    if (!member.same_as.empty()) object["same_as"] = member.same_as;
    members.push_back(std::move(object));
  }
  return json::serialize(json::object{{"weir_backup", manifest.format},
                                      {"weir", manifest.weir},
                                      {"store_format", manifest.store_format},
                                      {"made", manifest.made},
                                      {"generation", manifest.generation},
                                      {"fingerprint", manifest.fingerprint},
                                      {"log", manifest.has_log},
                                      {"reason", manifest.reason},
                                      {"members", std::move(members)}}) +
         "\n";
}

Result<Manifest> decode_manifest(std::string_view text) {
  json::error_code error;
  const json::value parsed = json::parse(json::string_view(text.data(), text.size()), error);
  if (error || !parsed.is_object() || !parsed.get_object().contains("weir_backup"))
    return damaged("its MANIFEST cannot be read");
  const json::object& from = parsed.get_object();
  Manifest out;
  out.format = count_member(from, "weir_backup");
  out.weir = text_member(from, "weir");
  out.store_format = count_member(from, "store_format");
  const std::string needs =
      "; it needs weir " +
      (out.weir.empty() ? std::string("of a later version") : escape_for_display(out.weir.substr(0, 64))) +
      " or newer, and this is weir " + version();
  if (out.format > kBackupFormat) {
    return Error{ErrorCode::incompatible, "the backup is of format " + std::to_string(out.format) +
                                              ", and formats up to " + std::to_string(kBackupFormat) + " are known" +
                                              needs};
  }
  if (out.store_format > store::kFormatVersion) {
    return Error{ErrorCode::incompatible, "the policy store in the backup is of format " +
                                              std::to_string(out.store_format) + ", and formats up to " +
                                              std::to_string(store::kFormatVersion) + " are known" + needs};
  }
  if (out.format == 0 || out.store_format == 0) return damaged("it names no format");
  out.made = text_member(from, "made");
  out.generation = count_member(from, "generation");
  out.fingerprint = text_member(from, "fingerprint");
  if (const json::value* has_log = from.if_contains("log")) out.has_log = has_log->is_bool() && has_log->get_bool();
  out.reason = text_member(from, "reason");
  auto members = read_members(from);
  if (!members) return members.error();
  out.members = std::move(*members);
  return out;
}

}  // namespace weir::backup
