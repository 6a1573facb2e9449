// Technitium DNS Server: a backup, the answer of its API to api/settings/get, the configuration of its Advanced
// Blocking app, or an export of its allowed or blocked zones.
//
// A name in a list or a zone is the name and all below it there. Allowed zones and allow lists open what blocked zones
// and block lists block, whichever is more specific.
#include <algorithm>
#include <set>

#include "tools/migrate/input.h"
#include "tools/migrate/text.h"
#include "tools/support/toml_text.h"
#include "zones/base/prefix.h"
#include "zones/base/text.h"

namespace weir::migrate {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr std::size_t kMaxZones = 1'000'000;

std::string text_of(const json::value& value) {
  if (value.is_string()) return std::string(value.get_string());
  if (value.is_bool()) return value.get_bool() ? "true" : "false";
  if (value.is_null()) return {};
  return json::serialize(value);
}

// Zones that an administrator has allowed or blocked.
class Zones {
 public:
  explicit Zones(Migration& out) : out_(out) {}

  void add(bool allow, const std::string& name, Place place) {
    MigratedList& list =
        out_.own_list(allow ? "technitium-allowed" : "technitium-blocked", allow ? "allow" : "block", allow ? 3 : 4);
    list.comment = allow ? "allowed zones" : "blocked zones";
    list.movable = allow;  // a blocked zone is opened by an allow list, which the administrator's own rules are not
    const RowId row = out_.add_row(std::move(place), (allow ? "allowed zone " : "blocked zone ") + name);
    out_.add_rule(list, pattern_of(name, Reach::subtree), row);
  }

 private:
  Migration& out_;
};

// allowed.config and blocked.config of a backup: two letters, version 1, the count in four octets, least significant
// first, and each name behind its length in one octet.
Result<void> read_zone_file(Zones& zones, const std::string& file, const std::string& bytes, bool allow) {
  const auto refused = [&](std::size_t at, const char* why) {
    return Error{ErrorCode::invalid, escape_for_display(file) + ": octet " + std::to_string(at) + ": " + why +
                                         "; a list of zones was expected"};
  };
  if (!bytes.starts_with(allow ? "AZ" : "BZ")) return refused(0, "not the letters of this kind of file");
  if (bytes.size() < 7 || bytes[2] != 1) return refused(2, "not version 1");
  std::uint32_t count = 0;
  for (unsigned i = 0; i < 4; ++i)
    count |= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[3 + i])) << (8 * i);
  if (count > kMaxZones) return refused(3, "more zones than such a file has");
  std::size_t at = 7;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (at >= bytes.size()) return refused(at, "it ends too early");
    const std::size_t length = static_cast<unsigned char>(bytes[at]);
    if (at + 1 + length > bytes.size()) return refused(at, "a name goes past the end");
    zones.add(allow, bytes.substr(at + 1, length), {file, i + 1, 1});
    at += 1 + length;
  }
  return {};
}

class SettingsReader {
 public:
  SettingsReader(Migration& out, std::string file, std::string_view text)
      : out_(out), file_(std::move(file)), text_(text) {}

  void run(const json::object& settings) {
    for (const auto& [key_view, value] : settings) {
      const std::string key(key_view);
      if (key == "blockListUrls" || key == "blockListUrl") {
        read_lists(key, value, settings);
      } else if (key == "customBlockingAddresses") {
        addresses_ = texts(value);
      } else if (key == "dnsServerLocalEndPoints") {
        read_listen(key, value);
      } else if (key == "forwarders") {
        read_forwarders(key, value, settings);
      } else if (key == "recursionNetworkACL" || key == "blockingBypassList") {
        read_networks(key, value, settings);
      } else {
        read_value(key, value);
      }
    }
    set_block_mode(settings);
    if (out_.groups.empty()) return;
    for (MigratedList& list : out_.lists) list.policies = {"default"};
  }

 private:
  static std::vector<std::string> texts(const json::value& value) {
    std::vector<std::string> out;
    if (value.is_string()) return split(std::string_view(value.get_string()), ',');
    if (!value.is_array()) return out;
    for (const json::value& item : value.get_array()) out.push_back(text_of(item));
    return out;
  }

  RowId row(const std::string& key, const std::string& shown) {
    const Position at = key_position(text_, key);
    return out_.add_row({file_, at.line, at.column}, shown);
  }

  void read_lists(const std::string& key, const json::value& value, const json::object& settings) {
    const json::value* hours = settings.if_contains("blockListUpdateIntervalHours");
    for (std::string url : texts(value)) {
      const bool allow = url.starts_with('!');
      const RowId at = row(key, (allow ? "allow list " : "list ") + url.substr(allow ? 1 : 0));
      if (allow) url.erase(0, 1);
      if (const auto objection = objection_to_source(url)) {
        out_.change(at, Outcome::none, *objection);
        continue;
      }
      MigratedList& list = out_.lists.emplace_back();
      list.name = config_name(name_of_source(url), "list", taken_);
      list.source = url;
      list.settings = {{"kind", allow ? "\"allow\"" : "\"block\"", at}, {"match", "\"subtree\"", at}};
      // There one list's @@ opens what any list blocks.
      if (!allow) list.settings.push_back({"exceptions", "\"rank\"", at});
      if (hours != nullptr && hours->is_int64() && hours->get_int64() > 0 && hours->get_int64() <= 8760)
        list.settings.push_back({"every", toml_string(std::to_string(hours->get_int64()) + "h"), at});
      list.row = at;
      list.has_row = true;
    }
  }

  void read_listen(const std::string& key, const json::value& value) {
    const RowId at = row(key, key);
    std::vector<std::string> listen;
    for (const std::string& text : texts(value)) {
      const auto endpoint = Endpoint::parse(text, 53);
      if (endpoint) {
        listen.push_back(endpoint->to_text());
      } else {
        out_.change(at, Outcome::none, "not an address and a port: " + text);
      }
    }
    if (!listen.empty()) out_.set("resolver", "listen", toml_set(listen), at);
  }

  void read_forwarders(const std::string& key, const json::value& value, const json::object& settings) {
    const json::value* protocol = settings.if_contains("forwarderProtocol");
    const std::string how = protocol != nullptr ? to_lower_ascii(text_of(*protocol)) : "udp";
    for (const std::string& text : texts(value)) {
      const RowId at = row(key, "forwarder " + text);
      if (how != "udp" && how != "tcp") {
        out_.change(at, Outcome::none, "asked over " + how + " there; weir asks resolvers over UDP and TCP");
        continue;
      }
      const Server server = parse_upstream(text, ':');
      if (!server.objection.empty()) {
        out_.change(at, Outcome::none, server.objection);
      } else {
        out_.forward(".", at).servers.push_back({"", toml_string(server.text), at});
      }
    }
  }

  void read_networks(const std::string& key, const json::value& value, const json::object& settings) {
    if (key == "blockingBypassList") {
      for (const std::string& text : texts(value)) {
        const RowId at = row(key, "not filtered: " + text);
        const auto prefix = client_prefix(text);
        if (!prefix) {
          out_.change(at, Outcome::none, "weir knows clients by address and prefix");
          continue;
        }
        if (out_.groups.empty()) out_.groups.push_back({"unfiltered", "unfiltered", {}});
        out_.policy("unfiltered");
        out_.groups.front().clients.push_back({"", toml_string(*prefix), at});
      }
      return;
    }
    const json::value* recursion = settings.if_contains("recursion");
    if (recursion == nullptr || to_lower_ascii(text_of(*recursion)) != "usespecifiednetworkacl") return;
    std::vector<std::string> prefixes;
    const RowId at = row(key, key);
    for (const std::string& text : texts(value)) {
      const auto prefix = client_prefix(text);
      if (prefix) {
        prefixes.push_back(*prefix);
      } else {
        out_.change(at, Outcome::none, "no hole can be cut into allow_clients: " + text);
      }
    }
    if (!prefixes.empty()) out_.set("resolver", "allow_clients", toml_set(prefixes), at);
  }

  void read_value(const std::string& key, const json::value& value) {
    const std::string text = text_of(value);
    const auto at = [&] { return row(key, key + ": " + text); };
    const bool on = value.is_bool() && value.get_bool();
    const auto seconds = parse_seconds(text, 1);
    struct Time {
      const char* key;
      std::uint64_t min, max;
    };
    static const std::map<std::string, Time> kTimes = {{"cacheMinimumRecordTtl", {"min_ttl", 0, 3600}},
                                                       {"cacheMaximumRecordTtl", {"max_ttl", 1, 86400}},
                                                       {"cacheNegativeRecordTtl", {"max_negative_ttl", 1, 10800}},
                                                       {"serveStaleTtl", {"stale_for", 1, 7 * 86400}},
                                                       {"serveStaleAnswerTtl", {"stale_ttl", 1, 300}}};
    static const std::map<std::string, std::pair<const char*, const char*>> kFlags = {
        {"dnssecValidation", {"resolver", "validate"}},
        {"qnameMinimization", {"resolution", "minimise_names"}},
        {"randomizeName", {"resolution", "randomise_case"}},
        {"serveStale", {"cache", "serve_stale"}},
        {"logQueries", {"log", "all"}}};
    if (const auto time = kTimes.find(key); time != kTimes.end() && seconds)
      return set_seconds(out_, "cache", time->second.key, *seconds, time->second.min, time->second.max, at());
    if (const auto flag = kFlags.find(key); flag != kFlags.end())
      return out_.set(flag->second.first, flag->second.second, toml_flag(on), at());
    if (key == "blockingAnswerTtl" && seconds) return set_block_ttl(out_, "default", *seconds, at());
    if (key == "serveStaleMaxWaitTime" && value.is_int64()) {
      const auto ms = std::clamp<std::int64_t>(value.get_int64(), 0, 5000);
      return out_.set("cache", "stale_wait", toml_string(std::to_string(ms) + "ms"), at());
    }
    if (key == "enableBlocking" && !on) {
      out_.blocking = false;
      return out_.change(at(), Outcome::differs, "each list only observes: mode = \"observe\"");
    }
    if (key == "dnsServerDomain" && Name::parse(text)) return out_.set("resolver", "name", toml_string(text), at());
    if (key == "maxLogFileDays" && seconds && *seconds >= 1) {
      const auto days = static_cast<unsigned>(std::min(*seconds, 365.0));
      return out_.set("log", "keep", toml_string(std::to_string(days) + "d"), at());
    }
    static const std::set<std::string> kNone = {
        "eDnsClientSubnet",      "enableDnsOverTls",  "enableDnsOverHttps",        "enableDnsOverQuic",
        "enableDnsOverUdpProxy", "enableDnsOverHttp", "enableConcurrentForwarding"};
    if (kNone.contains(key) && on) out_.change(at(), Outcome::none, "weir has no such setting yet");
    // The web service, zone transfers, proxies, tokens and sizes of queues do not change an answer.
  }

  void set_block_mode(const json::object& settings) {
    const json::value* type = settings.if_contains("blockingType");
    if (type == nullptr) return;
    const std::string text = to_lower_ascii(text_of(*type));
    const RowId at = row("blockingType", "blockingType: " + text_of(*type));
    if (text == "anyaddress") return out_.set_policy("default", "block", "\"null\"", at);
    if (text == "nxdomain") return out_.set_policy("default", "block", "\"nxdomain\"", at);
    std::vector<std::string> addresses;
    std::set<bool> families;
    for (const std::string& one : addresses_) {
      const auto address = IpAddress::parse(one);
      if (address && families.insert(address->family == AddressFamily::ipv6).second)
        addresses.push_back(address->to_text());
    }
    if (text != "customaddress" || addresses.empty())
      return out_.change(at, Outcome::none, "an unknown type, or no addresses");
    if (addresses.size() < addresses_.size()) out_.change(at, Outcome::differs, "one address of each family");
    out_.set_policy("default", "block", "\"address\"", at);
    out_.set_policy("default", "block_address", toml_set(addresses), at);
  }

  Migration& out_;
  std::string file_;
  std::string_view text_;
  std::vector<std::string> addresses_, taken_;
};

// dnsApp.config of Advanced Blocking: groups of rules, and which network has which group.
class AppReader {
 public:
  AppReader(Migration& out, std::string file, std::string_view text) : out_(out), file_(std::move(file)), text_(text) {}

  void run(const json::object& config) {
    if (const json::value* ttl = config.if_contains("blockingAnswerTtl"); ttl != nullptr && ttl->is_int64())
      set_block_ttl(out_, "default", static_cast<double>(ttl->get_int64()),
                    row("blockingAnswerTtl", "blockingAnswerTtl"));
    if (const json::value* on = config.if_contains("enableBlocking"); on != nullptr && on->is_bool() && !on->get_bool())
      out_.blocking = false;
    read_networks(config.at("networkGroupMap").as_object());
    if (const json::value* points = config.if_contains("localEndPointGroupMap");
        points != nullptr && points->is_object() && !points->get_object().empty())
      out_.change(row("localEndPointGroupMap", "localEndPointGroupMap"), Outcome::none,
                  "weir knows who asks, not where it was asked");
    for (const json::value& group : config.at("groups").as_array()) {
      if (group.is_object()) read_group(group.get_object());
    }
  }

 private:
  RowId row(const std::string& key, const std::string& shown) {
    const Position at = key_position(text_, key);
    return out_.add_row({file_, at.line, at.column}, shown);
  }

  // 0.0.0.0/0 is the default policy; where ::/0 has another group it is one of its own.
  void read_networks(const json::object& networks) {
    for (const auto& [network, group] : networks) {
      const std::string name = text_of(group);
      const RowId at = row(std::string(network), std::string(network) + ": " + name);
      const auto prefix = client_prefix(network);
      if (!prefix) {
        out_.change(at, Outcome::none, "not a prefix");
      } else if (*prefix == "0.0.0.0/0") {
        policy_of_[name] = "default";
        default_group_ = name;
        out_.change(at, Outcome::translated, "the policy default");
      } else {
        members_[name].push_back({"", toml_string(*prefix), at});
      }
    }
    for (const auto& [name, clients] : members_) {
      if (name == default_group_ && clients.size() == 1 && clients.front().value == "\"::/0\"") {
        out_.change(clients.front().row, Outcome::translated, "the policy default");
        continue;
      }
      if (!policy_of_.contains(name)) {
        policy_of_[name] = config_name(name, "group", taken_);
        out_.policy(policy_of_[name]);
      }
      const std::string group = config_name(name + (policy_of_[name] == "default" ? "-members" : ""), "group", groups_);
      out_.groups.push_back({group, policy_of_[name], clients});
    }
  }

  void read_group(const json::object& group) {
    const json::value* named = group.if_contains("name");
    const std::string name = named != nullptr ? text_of(*named) : "";
    const auto policy = policy_of_.find(name);
    const RowId at = row(name, "group " + name);
    if (policy == policy_of_.end()) return out_.change(at, Outcome::idle, "no network has it");
    out_.change(at, Outcome::translated, "the policy " + policy->second);
    if (const json::value* on = group.if_contains("enableBlocking"); on != nullptr && on->is_bool() && !on->get_bool())
      return out_.change(at, Outcome::idle, "switched off there: its policy has no lists");
    if (const json::value* nx = group.if_contains("blockAsNxDomain"); nx != nullptr && nx->is_bool())
      out_.set_policy(policy->second, "block", nx->get_bool() ? "\"nxdomain\"" : "\"null\"", at);
    struct Source {
      const char* key;
      bool allow, regex;
    };
    for (const Source& source : {Source{"allowed", true, false}, Source{"blocked", false, false},
                                 Source{"allowedRegex", true, true}, Source{"blockedRegex", false, true}}) {
      const json::value* items = group.if_contains(source.key);
      if (items == nullptr || !items->is_array()) continue;
      for (const json::value& item : items->get_array())
        add_rule(policy->second, source.allow, source.regex, text_of(item));
    }
    for (const char* key :
         {"allowListUrls", "blockListUrls", "adblockListUrls", "regexAllowListUrls", "regexBlockListUrls"}) {
      const json::value* items = group.if_contains(key);
      if (items == nullptr || !items->is_array()) continue;
      for (const json::value& item : items->get_array()) add_list(policy->second, key, item);
    }
  }

  void add_rule(const std::string& policy, bool allow, bool regex, const std::string& text) {
    MigratedList& list = out_.own_list("technitium-" + policy + (allow ? "-allowed" : "-blocked"),
                                       allow ? "allow" : "block", allow ? 3 : 4);
    list.comment = std::string(allow ? "allowed" : "blocked") + " in the policy " + policy;
    list.policies = {policy};
    const RowId at = row(text, (allow ? "allowed " : "blocked ") + text);
    out_.add_rule(list, regex ? '/' + text + '/' : pattern_of(text, Reach::subtree), at);
  }

  void add_list(const std::string& policy, const std::string& key, const json::value& item) {
    const json::value* inner = item.is_object() ? item.get_object().if_contains("url") : nullptr;
    const std::string url = inner != nullptr ? text_of(*inner) : text_of(item);
    const RowId at = row(url, key + " " + url);
    if (key.starts_with("regex"))
      return out_.change(at, Outcome::none,
                         "a list of regular expressions without slashes: weir wants them between slashes");
    if (const auto objection = objection_to_source(url)) return out_.change(at, Outcome::none, *objection);
    if (inner != nullptr) out_.change(at, Outcome::differs, "answered as the policy blocks, not in a way of its own");
    const auto known = std::find_if(out_.lists.begin(), out_.lists.end(),
                                    [&](const MigratedList& list) { return list.source == url; });
    if (known != out_.lists.end()) return known->policies.push_back(policy);
    MigratedList& list = out_.lists.emplace_back();
    list.name = config_name(name_of_source(url), "list", taken_);
    list.source = url;
    list.settings = {{"kind", key == "allowListUrls" ? "\"allow\"" : "\"block\"", at}, {"match", "\"subtree\"", at}};
    if (key == "adblockListUrls") list.settings.push_back({"exceptions", "\"rank\"", at});
    list.policies = {policy};
    list.row = at;
    list.has_row = true;
  }

  Migration& out_;
  std::string file_;
  std::string_view text_;
  std::map<std::string, std::string> policy_of_;
  std::map<std::string, std::vector<Setting>> members_;
  std::string default_group_;
  std::vector<std::string> taken_ = {"default"}, groups_ = {"default"};
};

Result<void> read_json(Migration& out, const std::string& file, const std::string& text) {
  if (text.size() > kMaxDocumentBytes)
    return Error{ErrorCode::too_large, escape_for_display(file) + ": larger than 16 MiB"};
  auto parsed = parse_json(text, file);
  if (!parsed) return parsed.error();
  const json::object* object = parsed->if_object();
  // The API puts what it answers below "response".
  if (object != nullptr && object->contains("response")) object = object->at("response").if_object();
  if (object == nullptr) return fault_at(file, 1, 1, "an object was expected");
  if (const json::value* groups = object->if_contains("groups");
      groups != nullptr && groups->is_array() && object->contains("networkGroupMap")) {
    if (!object->at("networkGroupMap").is_object()) {
      const Position at = key_position(text, "networkGroupMap");
      return fault_at(file, at.line, at.column, "an object of networks and groups was expected");
    }
    AppReader(out, file, text).run(*object);
    return {};
  }
  const bool known = object->contains("blockListUrls") || object->contains("dnsServerDomain") ||
                     object->contains("enableBlocking") || object->contains("forwarders");
  if (!known) return fault_at(file, 1, 1, "not the answer of api/settings/get: no blockListUrls in it");
  SettingsReader(out, file, text).run(*object);
  return {};
}

Result<void> read_backup(Migration& out, Zones& zones, const Archive& archive, const std::string& shown) {
  bool any = false;
  for (const auto& [name, bytes] : archive) {
    if (name == "allowed.config" || name == "blocked.config") {
      if (auto read = read_zone_file(zones, name, bytes, name == "allowed.config"); !read) return read;
      any = true;
    } else if (name.starts_with("apps/") && name.ends_with("dnsApp.config") &&
               name.find("dvanced") != std::string::npos && name.find("locking") != std::string::npos) {
      if (auto read = read_json(out, name, bytes); !read) return read;
      any = true;
    } else if (name == "dns.config") {
      out.add_row(
          {name, 0, 0}, "the server's settings", Outcome::none,
          "in a form that only Technitium reads: save the answer of its API to api/settings/get and migrate that too");
      any = true;
    } else if (name.starts_with("zones/")) {
      out.add_row(
          {name, 0, 0}, "an authoritative zone", Outcome::none,
          "in a form that only Technitium reads: export the zone as text, and take its records into [[local_zone]]");
    } else if (!name.starts_with("stats/") && !name.starts_with("blocklists/") && !name.starts_with("logs/")) {
      out.add_row({name, 0, 0}, "a file of the backup", Outcome::none, "it is not read");
    }
  }
  if (any) return {};
  return Error{ErrorCode::invalid,
               escape_for_display(shown) +
                   ": no backup of Technitium DNS Server: neither dns.config nor allowed.config nor "
                   "blocked.config is in it"};
}

}  // namespace

Result<Migration> read_technitium(const fs::path& file) {
  Migration out;
  out.system = "technitium";
  out.notes = {"Technitium reads the first name of a line of a hosts file; weir reads them all.",
               "A list of allow entries opens more than its own policy's blocks only where it is in the policy."};
  auto bytes = read_whole_file(file, kMaxInputBytes);
  if (!bytes) return bytes.error();
  const std::string shown = file.filename().string();
  Zones zones(out);
  Result<void> read;
  if (magic_of(*bytes) == Magic::zip) {
    auto archive = read_archive(*bytes, shown);
    if (!archive) return archive.error();
    read = read_backup(out, zones, *archive, shown);
  } else if (bytes->starts_with("AZ") || bytes->starts_with("BZ")) {
    read = read_zone_file(zones, shown, *bytes, bytes->starts_with("AZ"));
  } else if (trim(std::string_view(*bytes).substr(0, 4096)).starts_with('{')) {
    read = read_json(out, shown, *bytes);
  } else {
    const std::string lower = to_lower_ascii(shown);
    const bool allow = lower.find("allow") != std::string::npos;
    if (!allow && lower.find("block") == std::string::npos)
      return fault_at(
          shown, 1, 1,
          "is it an export of allowed or of blocked zones? Its name should say so: allowed.txt, blocked.txt");
    for (const TextLine& line : lines_of(*bytes)) {
      const std::string_view content = trim(line.text);
      if (content.empty() || content.starts_with('#')) continue;
      if (pattern_of(content, Reach::subtree).empty())
        return fault_at(shown, line.number, 1,
                        "a domain name was expected, found '" + std::string(content.substr(0, 60)) + "'");
      zones.add(allow, std::string(content), {shown, line.number, 1});
    }
  }
  if (!read) return read.error();
  return out;
}

}  // namespace weir::migrate
