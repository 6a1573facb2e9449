// AdGuardHome.yaml.
//
// All block lists and the user's rules are one engine there: important allow, important block, allow, block, whichever
// list it is from. So they share one rank here, with exceptions = "rank". Allow lists come before it, and $dnsrewrite
// rules between both; before all of them what is refused by name or by type.
#include <algorithm>
#include <functional>
#include <set>

#include "tools/migrate/input.h"
#include "tools/migrate/text.h"
#include "tools/migrate/yaml.h"
#include "tools/support/toml_text.h"
#include "zones/base/prefix.h"
#include "zones/base/text.h"
#include "zones/policy.h"

namespace weir::migrate {
namespace {

namespace fs = std::filesystem;

constexpr int kRankFirst = 3;
constexpr int kRankAllow = 4;
constexpr int kRankRewrites = 5;
constexpr int kRankBlock = 6;
constexpr std::size_t kMaxUserRules = 1'000'000;

class AdguardHomeReader {
 public:
  AdguardHomeReader(Migration& out, std::string file, const YamlValue& root)
      : out_(out), file_(std::move(file)), root_(root) {}

  void run() {
    read_clients();
    for (const auto& member : root_.members) {
      if (member.key == "dns" || member.key == "filtering" || member.key == "querylog") {
        for (const auto& key : member.value.members) read_key(key.key, key);
      } else if (member.key == "filters" || member.key == "whitelist_filters" || member.key == "user_rules") {
        read_key(member.key, member);
      }
    }
    set_block_mode();
    set_listen();
    if (!upstreams_ && !has_forward_) out_.notes.emplace_back(kResolvesItself);
  }

 private:
  RowId row_of(const YamlValue& value, const std::string& text) {
    return out_.add_row({file_, value.line, value.column}, text);
  }
  RowId row_of(const YamlValue::Member& member) {
    const std::string value = member.value.type == YamlValue::Type::scalar ? ": " + member.value.text : ":";
    return out_.add_row({file_, member.line, member.column}, member.key + value);
  }

  void read_key(const std::string& key, const YamlValue::Member& member) {
    using Read = void (AdguardHomeReader::*)(const YamlValue::Member&);
    static const std::map<std::string, Read> kReaders = {
        {"filters", &AdguardHomeReader::read_filters},
        {"whitelist_filters", &AdguardHomeReader::read_allow_filters},
        {"user_rules", &AdguardHomeReader::read_user_rules},
        {"rewrites", &AdguardHomeReader::read_rewrites},
        {"upstream_dns", &AdguardHomeReader::read_upstreams},
        {"local_ptr_upstreams", &AdguardHomeReader::read_private_upstreams},
        {"blocked_services", &AdguardHomeReader::read_blocked_services},
        {"safe_search", &AdguardHomeReader::read_safe_search},
        {"allowed_clients", &AdguardHomeReader::read_allowed_clients},
        {"blocked_hosts", &AdguardHomeReader::read_blocked_hosts}};
    const auto found = kReaders.find(key);
    if (found != kReaders.end()) return (this->*found->second)(member);
    if (member.value.type == YamlValue::Type::scalar) return read_scalar(key, member);
    if (!member.value.items.empty() && key != "bootstrap_dns" && key != "trusted_proxies" && key != "bind_hosts" &&
        key != "safe_fs_patterns" && key != "dns64_prefixes" && key != "private_networks")
      out_.change(row_of(member), Outcome::none, "weir has no such setting");
    if (key == "bind_hosts") bind_ = &member;
    if (key == "dns64_prefixes" && !member.value.items.empty()) {
      const RowId row = row_of(member);
      out_.set("dns64", "prefix", toml_string(member.value.items[0].text), row);
      if (member.value.items.size() > 1) out_.change(row, Outcome::differs, "the first prefix alone");
    }
  }

  void read_scalar(const std::string& key, const YamlValue::Member& member) {
    const std::string& value = member.value.text;
    const bool on = is_true(value);
    const auto seconds = parse_seconds(value, 1);
    if (key == "bind_host") return void(bind_ = &member);
    if (key == "port") return void(port_ = &member);
    if (key == "blocking_mode") return void(mode_ = &member);
    if (key == "blocking_ipv4") return void(ipv4_ = value);
    if (key == "blocking_ipv6") return void(ipv6_ = value);
    if (key == "blocked_response_ttl" && seconds) return set_block_ttl(out_, "default", *seconds, row_of(member));
    if (key == "protection_enabled" || key == "filtering_enabled") {
      if (on) return;
      out_.blocking = false;
      return out_.change(row_of(member), Outcome::differs, "each list only observes: mode = \"observe\"");
    }
    if (key == "cache_size") {
      if (!seconds || *seconds < 1) return;
      const RowId row = row_of(member);
      const auto mebibytes = static_cast<std::uint64_t>(std::clamp(*seconds / 1048576, 1.0, 1e6));
      return out_.set("resolver", "cache", toml_string(std::to_string(mebibytes) + "MiB"), row);
    }
    if (key == "cache_ttl_min" || key == "cache_ttl_max") {
      if (!seconds || *seconds < 1) return;
      const bool min = key == "cache_ttl_min";
      return set_seconds(out_, "cache", min ? "min_ttl" : "max_ttl", *seconds, min ? 0 : 1, min ? 3600 : 86400,
                         row_of(member));
    }
    if (key == "cache_optimistic") return out_.set("cache", "serve_stale", toml_flag(on), row_of(member));
    if (key == "refuse_any") return out_.set("answers", "any_over_udp", toml_flag(!on), row_of(member));
    if (key == "use_dns64") return out_.set("dns64", "on", toml_flag(on), row_of(member));
    if (key == "anonymize_client_ip") return out_.set("log", "privacy", on ? "\"prefix\"" : "\"full\"", row_of(member));
    if (key == "aaaa_disabled" && on) {
      out_.add_rule(before_all(), "*$dnstype=AAAA,dnsrewrite=NOERROR", row_of(member));
      return;
    }
    if (key == "filters_update_interval") return;  // read with each list
    if (key == "enabled" || key == "querylog_enabled") return out_.set("log", "all", toml_flag(on), row_of(member));
    if (key == "interval" || key == "querylog_interval") {
      const auto time = parse_seconds(value, 86400);
      if (time && *time >= 1) set_log_time(*time, row_of(member));
      return;
    }
    read_switch(key, on, value, member);
  }

  // What is only worth a row where it is switched on.
  void read_switch(const std::string& key, bool on, const std::string& value, const YamlValue::Member& member) {
    static const std::set<std::string> kServices = {"parental_enabled", "safebrowsing_enabled"};
    if (key == "safesearch_enabled") {
      if (on) {
        const std::vector<std::string> all = {"google", "bing", "duckduckgo", "youtube", "yandex", "pixabay"};
        out_.set_policy("default", "safe_search", toml_set(all), row_of(member));
      }
      return;
    }
    if (kServices.contains(key) && on)
      return out_.change(row_of(member), Outcome::none,
                         "it asks AdGuard's own service about names; in weir a list of that kind does it");
    static const std::set<std::string> kNone = {"edns_client_subnet", "serve_http3", "use_http3_upstreams",
                                                "all_servers", "fastest_addr"};
    if (kNone.contains(key) && on) return out_.change(row_of(member), Outcome::none, "weir has no such setting");
    if (key == "ratelimit" && value != "0")
      return out_.change(row_of(member), Outcome::none, "weir has no rate limit for each client in its configuration");
    if ((key == "upstream_dns_file" || key == "ipset_file") && !value.empty())
      out_.change(row_of(member), Outcome::none, "the file that it names is not read");
    // Caches of services, sizes of pools, timeouts and the web page do not change an answer.
  }

  void set_log_time(double seconds, RowId row) {
    const auto hours = static_cast<std::uint64_t>(std::clamp(seconds / 3600, 1.0, 8760.0));
    out_.set("log", "keep", toml_string(std::to_string(hours) + "h"), row);
  }

  // ---- lists and rules

  void read_filters(const YamlValue::Member& member) { read_lists(member, false); }
  void read_allow_filters(const YamlValue::Member& member) { read_lists(member, true); }

  void read_lists(const YamlValue::Member& member, bool allow) {
    std::string every = root_.at("filtering.filters_update_interval") != nullptr
                            ? root_.at("filtering.filters_update_interval")->text
                            : "";
    if (every.empty() && root_.at("dns.filters_update_interval") != nullptr)
      every = root_.at("dns.filters_update_interval")->text;
    for (const YamlValue& item : member.value.items) {
      const std::string url = item.text_at("url");
      const RowId row = row_of(item, (allow ? "allow list " : "list ") + url);
      if (!is_true(item.text_at("enabled"))) {
        out_.change(row, Outcome::idle, "switched off there");
        continue;
      }
      if (const auto objection = objection_to_source(url)) {
        out_.change(row, Outcome::none, *objection);
        continue;
      }
      MigratedList& list = out_.lists.emplace_back();
      const std::string name = item.text_at("name");
      list.name = config_name(name.empty() ? name_of_source(url) : name, "filter", taken_);
      list.source = url;
      list.settings = {{"kind", allow ? "\"allow\"" : "\"block\"", row},
                       {"match", "\"exact\"", row},
                       {"rank", toml_number(static_cast<std::uint64_t>(allow ? kRankAllow : kRankBlock)), row}};
      if (!allow) list.settings.push_back({"exceptions", "\"rank\"", row});
      const auto hours = parse_seconds(every, 3600);
      if (hours && *hours >= 3600)
        list.settings.push_back(
            {"every", toml_string(std::to_string(static_cast<std::uint64_t>(*hours / 3600)) + "h"), row});
      list.policies = filtered_policies();
      list.row = row;
      list.has_row = true;
    }
  }

  std::vector<std::string> filtered_policies() const {
    return has_unfiltered_ ? std::vector<std::string>{"default"} : std::vector<std::string>();
  }

  MigratedList& rules() {
    MigratedList& list = out_.own_list("adguardhome-rules", "block", kRankBlock);
    if (list.comment.empty()) {
      list.comment = "custom filtering rules";
      list.settings.push_back({"exceptions", "\"rank\"", 0});
      list.policies = filtered_policies();
    }
    return list;
  }

  MigratedList& rewrites() {
    MigratedList& list = out_.own_list("adguardhome-rewrites", "block", kRankRewrites);
    if (list.comment.empty()) {
      list.comment = "rules that answer something else";
      list.settings.push_back({"rewrites", "true", 0});
      list.policies = filtered_policies();
    }
    return list;
  }

  // Holds for every client, also those whose filtering is off.
  MigratedList& before_all() {
    MigratedList& list = out_.own_list("adguardhome-refused", "block", kRankFirst);
    if (list.comment.empty()) {
      list.comment = "names and types that nobody may ask for";
      list.settings.push_back({"rewrites", "true", 0});
    }
    return list;
  }

  void read_user_rules(const YamlValue::Member& member) {
    std::size_t count = 0;
    for (const YamlValue& item : member.value.items) {
      if (++count > kMaxUserRules) return;
      const std::string text(trim(item.text));
      if (text.empty() || text.starts_with('!') || text.starts_with("# ") || text == "#") continue;
      add_user_rule(text, row_of(item, text));
    }
  }

  void add_user_rule(const std::string& text, RowId row) {
    const auto space = text.find_first_of(" \t");
    const auto address = IpAddress::parse(text.substr(0, space));
    if (space != std::string::npos && address) return add_hosts_rule(text.substr(space), *address, row);
    if (text.find("$dnsrewrite") != std::string::npos || text.find(",dnsrewrite") != std::string::npos) {
      out_.add_rule(rewrites(), text, row);
      return;
    }
    if (!out_.add_rule(rules(), spell_out(text), row)) {
      if (text.find("$client=") != std::string::npos || text.find(",client=") != std::string::npos)
        out_.change(row, Outcome::none, "'weir rule add' takes it as a rule of your own");
      return;
    }
    if (text.find("badfilter") != std::string::npos)
      out_.change(row, Outcome::differs,
                  "it takes back rules of this list only; there, those of every list, as 'weir rule add' with it does");
  }

  // A name alone is that name, `*.name` all below it, and any other text without marks is looked for anywhere in a
  // name.
  static std::string spell_out(const std::string& text) {
    if (text.find_first_of("|^$/@#") != std::string::npos) return text;
    if (text.starts_with("*.") && !pattern_of(text.substr(2), Reach::below).empty())
      return pattern_of(text.substr(2), Reach::below);
    if (text.find('.') != std::string::npos && !pattern_of(text, Reach::exact).empty())
      return pattern_of(text, Reach::exact);
    std::string regex;
    for (const char c : text) {
      if (c == '*') {
        regex += ".*";
      } else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_') {
        regex += c;
      } else {
        regex += std::string("\\") + c;
      }
    }
    return '/' + regex + '/';
  }

  void add_hosts_rule(std::string_view names, const IpAddress& address, RowId row) {
    std::string spaced(names.substr(0, names.find('#')));
    std::replace(spaced.begin(), spaced.end(), '\t', ' ');
    for (const std::string& name : split(spaced, ' ')) {
      const std::string pattern = pattern_of(name, Reach::exact);
      if (address.is_unspecified()) {
        out_.add_rule(rules(), pattern, row);
      } else {
        out_.add_rule(rewrites(), pattern + "$dnsrewrite=" + address.to_text(), row);
      }
    }
  }

  void read_rewrites(const YamlValue::Member& member) {
    for (const YamlValue& item : member.value.items) {
      const std::string domain = item.text_at("domain");
      const std::string answer = item.text_at("answer");
      const RowId row = row_of(item, "rewrite " + domain + " -> " + answer);
      if (!item.text_at("enabled").empty() && !is_true(item.text_at("enabled"))) {
        out_.change(row, Outcome::idle, "switched off there");
        continue;
      }
      if (answer == "A" || answer == "AAAA" || answer == domain) {
        // "As upstream says", for a name below a rewritten wildcard.
        if (!Name::parse(domain)) {
          out_.change(row, Outcome::none, "not a name");
          continue;
        }
        out_.zone(domain, "resolve", row);
        if (answer != domain) out_.change(row, Outcome::differs, "every type is resolved, not " + answer + " alone");
        continue;
      }
      const auto record =
          IpAddress::parse(answer) ? address_record(domain, answer, 10) : alias_record(domain, answer, 10);
      if (!record) {
        out_.change(row, Outcome::none, "neither an address nor a name");
        continue;
      }
      out_.records.push_back({*record, row});
      out_.change(row, Outcome::differs,
                  "other types than addresses have no data here; AdGuard Home asks upstream for them");
    }
  }

  // ---- settings

  void read_upstreams(const YamlValue::Member& member) {
    for (const YamlValue& item : member.value.items) {
      const std::string text(trim(item.text));
      if (text.empty() || text.starts_with('#')) continue;
      upstreams_ = true;
      const RowId row = row_of(item, text);
      if (!text.starts_with("[/")) {
        add_upstream(".", text, row);
        continue;
      }
      const auto end = text.find("/]");
      if (end == std::string::npos) {
        out_.change(row, Outcome::none, "'[/name/]server' was expected");
        continue;
      }
      const std::string target(trim(std::string_view(text).substr(end + 2)));
      for (std::string name : split(std::string_view(text).substr(2, end - 2), '/')) {
        if (target == "#") {
          usual_.emplace_back(name, row);
          continue;
        }
        if (name.starts_with("*.")) {
          name.erase(0, 2);
          out_.change(row, Outcome::differs, "the name itself is asked there as well");
        }
        for (const std::string& one : split(target, ' ')) add_upstream(name, one, row);
      }
      if (end == 2) out_.change(row, Outcome::none, "names without a dot: weir cannot forward them alone");
    }
    for (const auto& [name, row] : usual_) {
      const auto root = std::find_if(out_.forwards.begin(), out_.forwards.end(),
                                     [](const MigratedForward& one) { return one.name == "."; });
      if (root == out_.forwards.end()) {
        out_.change(row, Outcome::differs, "no server is left for the rest of the names");
        continue;
      }
      const std::vector<Setting> servers = root->servers;
      for (const Setting& server : servers) out_.forward(name, row).servers.push_back({"", server.value, row});
    }
  }

  void add_upstream(const std::string& name, const std::string& text, RowId row) {
    if (!Name::parse(name)) return out_.change(row, Outcome::none, "not a name: " + name);
    const Server server = parse_upstream(text, ':');
    if (!server.objection.empty()) return out_.change(row, Outcome::none, server.objection);
    has_forward_ = has_forward_ || name == ".";
    out_.forward(name, row).servers.push_back({"", toml_string(server.text), row});
  }

  void read_private_upstreams(const YamlValue::Member& member) {
    const YamlValue* used = root_.at("dns.use_private_ptr_resolvers");
    for (const YamlValue& item : member.value.items) {
      const RowId row = row_of(item, "local_ptr_upstreams: " + item.text);
      if (used == nullptr || !is_true(used->text)) {
        out_.change(row, Outcome::idle, "switched off there");
        continue;
      }
      for (const char* prefix : {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"}) {
        for (const std::string& zone : reverse_zones(prefix)) add_upstream(zone, item.text, row);
      }
    }
  }

  void read_blocked_services(const YamlValue::Member& member) {
    const YamlValue* ids = member.value.type == YamlValue::Type::map ? member.value.find("ids") : &member.value;
    if (ids == nullptr) return;
    for (const YamlValue& item : ids->items)
      out_.change(row_of(item, "blocked service " + item.text), Outcome::none,
                  "AdGuard Home knows the names of it, this file does not: subscribe a list of them");
    const YamlValue* schedule = member.value.find("schedule");
    if (!ids->items.empty() && schedule != nullptr && schedule->members.size() > 1)
      out_.change(row_of(*schedule, "schedule"), Outcome::none, "it is about the blocked services");
  }

  void read_safe_search(const YamlValue::Member& member) {
    if (!is_true(member.value.text_at("enabled"))) return;
    const RowId row = row_of(member);
    std::vector<std::string> services;
    for (const auto& service : member.value.members) {
      if (service.key == "enabled" || !is_true(service.value.text)) continue;
      const bool known =
          std::find(kSafeSearchServices.begin(), kSafeSearchServices.end(), service.key) != kSafeSearchServices.end();
      if (known) {
        services.push_back(service.key);
      } else {
        out_.change(row, Outcome::none, "weir knows no safe search of " + service.key);
      }
    }
    if (!services.empty()) out_.set_policy("default", "safe_search", toml_set(services), row);
  }

  void read_allowed_clients(const YamlValue::Member& member) {
    std::vector<std::string> prefixes;
    std::vector<RowId> rows;
    for (const YamlValue& item : member.value.items) {
      const RowId row = row_of(item, "allowed client " + item.text);
      if (const auto prefix = client_prefix(item.text)) {
        prefixes.push_back(*prefix);
        rows.push_back(row);
      } else {
        out_.change(row, Outcome::none, "weir knows clients by address and prefix");
      }
    }
    if (!prefixes.empty()) out_.set("resolver", "allow_clients", toml_set(prefixes), rows.front(), rows);
  }

  void read_blocked_hosts(const YamlValue::Member& member) {
    for (const YamlValue& item : member.value.items) {
      const RowId row = row_of(item, "blocked host " + item.text);
      const std::string lower = to_lower_ascii(item.text);
      if (lower == "version.bind" || lower == "id.server" || lower == "hostname.bind") {
        out_.change(row, Outcome::idle, "weir refuses it unless [answers] says what to tell");
        continue;
      }
      const std::string pattern = lower.starts_with('|') ? item.text : pattern_of(item.text, Reach::exact);
      out_.add_rule(before_all(), pattern + "$dnsrewrite=REFUSED", row);
    }
  }

  // A client with settings of its own is filtered as everybody or not at all: the file has no lists for one client.
  void read_clients() {
    const YamlValue* clients = root_.at("clients.persistent");
    if (clients == nullptr) clients = root_.find("clients");
    if (clients == nullptr) return;
    for (const YamlValue& client : clients->items) {
      const std::string name = client.text_at("name");
      const bool own = client.find("use_global_settings") != nullptr && !is_true(client.text_at("use_global_settings"));
      const bool filtered = !own || is_true(client.text_at("filtering_enabled"));
      const YamlValue* upstreams = client.find("upstreams");
      if (upstreams != nullptr && !upstreams->items.empty())
        out_.change(row_of(*upstreams, "upstreams of client " + name), Outcome::none,
                    "weir forwards alike for all clients");
      const YamlValue* ids = client.find("ids");
      if (ids == nullptr) continue;
      for (const YamlValue& id : ids->items) {
        const RowId row = row_of(id, "client " + name + ": " + id.text);
        const auto prefix = client_prefix(id.text);
        if (filtered) {
          out_.change(row, Outcome::idle, "filtered as everybody is");
        } else if (!prefix) {
          out_.change(row, Outcome::none,
                      "weir knows clients by address and prefix, not by hardware address or client id");
        } else if (!clients_.insert(*prefix).second) {
          out_.change(row, Outcome::idle, "named before");
        } else {
          has_unfiltered_ = true;
          out_.set_policy("unfiltered", "safe_search", "[]", row);
          if (out_.groups.empty()) out_.groups.push_back({"unfiltered", "unfiltered", {}});
          out_.groups.front().clients.push_back({"", toml_string(*prefix), row});
        }
      }
      const YamlValue* services = client.at("blocked_services.ids");
      if (services != nullptr && !services->items.empty() && !is_true(client.text_at("use_global_blocked_services")))
        out_.change(row_of(*services, "blocked services of client " + name), Outcome::none,
                    "this file does not hold their names");
    }
  }

  void set_block_mode() {
    if (mode_ == nullptr) return;
    const RowId row = row_of(*mode_);
    const std::string mode = to_lower_ascii(mode_->value.text);
    if (mode == "default" || mode == "null_ip") return out_.set_policy("default", "block", "\"null\"", row);
    if (mode == "nxdomain") return out_.set_policy("default", "block", "\"nxdomain\"", row);
    if (mode == "refused") return out_.set_policy("default", "block", "\"refused\"", row);
    std::vector<std::string> addresses;
    if (IpAddress::parse(ipv4_)) addresses.push_back(ipv4_);
    if (IpAddress::parse(ipv6_)) addresses.push_back(ipv6_);
    if (mode != "custom_ip" || addresses.empty())
      return out_.change(row, Outcome::none, "an unknown mode, or no addresses");
    out_.set_policy("default", "block", "\"address\"", row);
    out_.set_policy("default", "block_address", toml_set(addresses), row);
  }

  void set_listen() {
    if (bind_ == nullptr) return;
    const RowId row = row_of(*bind_);
    const std::string port = port_ != nullptr ? port_->value.text : "53";
    std::vector<std::string> listen, hosts;
    if (bind_->value.type == YamlValue::Type::scalar) hosts = {bind_->value.text};
    for (const YamlValue& item : bind_->value.items) hosts.push_back(item.text);
    for (const std::string& host : hosts) {
      const auto address = IpAddress::parse(host);
      const auto endpoint = Endpoint::parse("0.0.0.0:" + port, 53);
      if (address && endpoint) listen.push_back(Endpoint{*address, endpoint->port}.to_text());
    }
    if (listen.empty()) return out_.change(row, Outcome::none, "no address and port to listen on");
    std::vector<RowId> more;
    if (port_ != nullptr) more.push_back(row_of(*port_));
    out_.set("resolver", "listen", toml_set(listen), row, more);
  }

  Migration& out_;
  std::string file_;
  const YamlValue& root_;
  const YamlValue::Member* bind_ = nullptr;
  const YamlValue::Member* port_ = nullptr;
  const YamlValue::Member* mode_ = nullptr;
  std::string ipv4_, ipv6_;
  bool upstreams_ = false, has_forward_ = false, has_unfiltered_ = false;
  std::vector<std::pair<std::string, RowId>> usual_;
  std::vector<std::string> taken_;
  std::set<std::string> clients_;
};

}  // namespace

Result<Migration> read_adguard_home(const fs::path& file) {
  Migration out;
  out.system = "adguardhome";
  out.notes = {
      "Subscribed lists get exceptions = \"rank\", as there: one list's @@ opens what another blocks. exceptions = "
      "\"own\" "
      "keeps a list from opening others' blocks.",
      "Answers that a subscribed list itself gives ($dnsrewrite, hosts lines with an address) are not taken from it: "
      "rewrites = true in the list's drop-in trusts it with that.",
      "An exception opens a rule with $dnsrewrite there only with $dnsrewrite of its own, and here not at all."};
  auto text = read_whole_file(file, kMaxDocumentBytes);
  if (!text) return text.error();
  auto root = parse_yaml(*text, file.filename().string());
  if (!root) return root.error();
  if (root->find("dns") == nullptr && root->find("filters") == nullptr && root->find("user_rules") == nullptr)
    return fault_at(file.filename().string(), 1, 1,
                    "no AdGuardHome.yaml: neither dns nor filters nor user_rules is in it");
  AdguardHomeReader(out, file.filename().string(), *root).run();
  return out;
}

}  // namespace weir::migrate
