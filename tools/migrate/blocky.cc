// blocky's config.yml, in the spelling of all versions.
//
// There an allow list of any group that a client is in opens what any of them blocks; a client whose groups have allow
// lists only may ask for nothing else. A name in a list is that name alone, `*.name` is the name and all below.
#include <algorithm>
#include <set>

#include "tools/migrate/input.h"
#include "tools/migrate/text.h"
#include "tools/migrate/yaml.h"
#include "tools/support/toml_text.h"
#include "zones/base/prefix.h"
#include "zones/base/text.h"

namespace weir::migrate {
namespace {

namespace fs = std::filesystem;

constexpr int kBlockyTypes = 3;
constexpr int kBlockyAllow = 4;
constexpr int kBlockyDeny = 5;

std::vector<std::string> words_of(const YamlValue& value) {
  std::vector<std::string> out;
  if (value.type == YamlValue::Type::scalar) return split(value.text, ',');
  for (const YamlValue& item : value.items) out.push_back(item.text);
  return out;
}

class BlockyReader {
 public:
  BlockyReader(Migration& out, std::string file, const YamlValue& root)
      : out_(out), file_(std::move(file)), root_(root) {}

  void run() {
    read_client_names();
    if (const YamlValue* blocking = root_.find("blocking")) read_blocking(*blocking);
    read_upstreams();
    read_custom();
    read_conditional();
    read_caching();
    read_rest();
  }

 private:
  RowId row_of(const YamlValue& value, const std::string& text) {
    return out_.add_row({file_, value.line, value.column}, text);
  }
  RowId row_of(const YamlValue::Member& member, const std::string& text) {
    return out_.add_row({file_, member.line, member.column}, text);
  }

  // ---- blocking

  // A client by the names that it has: [0-9] and * in a pattern are not read, a name alone is.
  void read_client_names() {
    const YamlValue* clients = root_.at("clientLookup.clients");
    if (clients == nullptr) return;
    for (const auto& client : clients->members) {
      for (const std::string& address : words_of(client.value)) {
        if (const auto prefix = client_prefix(address)) addresses_of_[to_lower_ascii(client.key)].push_back(*prefix);
      }
    }
  }

  void read_blocking(const YamlValue& blocking) {
    every_ = blocking.text_at("refreshPeriod");
    if (const YamlValue* loading = blocking.find("loading"); loading != nullptr && every_.empty())
      every_ = loading->text_at("refreshPeriod");
    for (const char* key : {"denylists", "blackLists"}) note_groups(blocking.find(key), deny_groups_);
    for (const char* key : {"allowlists", "whiteLists"}) note_groups(blocking.find(key), allow_groups_);
    if (const YamlValue* clients = blocking.find("clientGroupsBlock")) read_clients(*clients);
    for (const char* key : {"denylists", "blackLists"}) read_lists(blocking.find(key), false);
    for (const char* key : {"allowlists", "whiteLists"}) read_lists(blocking.find(key), true);
    for (const auto& member : blocking.members) {
      if (member.key == "blockType") set_block_type(member);
      if (member.key == "blockTTL") set_ttl(member);
      if (member.key == "startStrategy" || member.key == "failStartOnListError") set_start(member);
    }
    if (blocking.find("blockTTL") == nullptr)
      out_.notes.emplace_back(
          "Without blockTTL blocky lets a block be kept for 6 hours; weir's default is 30 seconds, "
          "so that a change is felt at once.");
  }

  static void note_groups(const YamlValue* lists, std::set<std::string>& into) {
    if (lists == nullptr) return;
    for (const auto& group : lists->members) into.insert(group.key);
  }

  // Each client's prefix with the groups of every entry that holds it: the most specific prefix decides in weir, and
  // blocky joins what it finds.
  void read_clients(const YamlValue& clients) {
    struct Entry {
      Prefix prefix;
      std::set<std::string> groups;
      RowId row;
    };
    std::vector<Entry> entries;
    for (const auto& client : clients.members) {
      std::string shown;
      const std::vector<std::string> groups = words_of(client.value);
      for (const std::string& group : groups) shown += (shown.empty() ? "" : ", ") + group;
      const RowId row = row_of(client, client.key + ": " + shown);
      std::set<std::string> named(groups.begin(), groups.end());
      for (const std::string& group : groups) {
        if (!deny_groups_.contains(group) && !allow_groups_.contains(group))
          out_.change(row, Outcome::differs, "there is no list of the group " + group);
      }
      if (client.key == "default") {
        policies_.emplace_back("default", named);
        default_row_ = row;
        continue;
      }
      std::vector<std::string> prefixes;
      if (const auto prefix = client_prefix(client.key)) prefixes.push_back(*prefix);
      const auto known = addresses_of_.find(to_lower_ascii(client.key));
      if (prefixes.empty() && known != addresses_of_.end()) prefixes = known->second;
      if (prefixes.empty()) {
        out_.change(row, Outcome::none,
                    "weir knows clients by address and prefix, and clientLookup.clients has no address for this name");
      }
      for (const std::string& prefix : prefixes) entries.push_back({*Prefix::parse(prefix), named, row});
    }
    if (policies_.empty()) policies_.emplace_back("default", std::set<std::string>());
    if (entries.size() > 10'000) entries.resize(10'000);
    std::set<std::string> seen;
    for (const Entry& entry : entries) {
      std::set<std::string> groups;
      for (const Entry& other : entries) {
        if (other.prefix.contains(entry.prefix)) groups.insert(other.groups.begin(), other.groups.end());
      }
      if (!seen.insert(entry.prefix.to_text()).second) {
        out_.change(entry.row, Outcome::translated, "joined with the other entry of the same client");
        continue;
      }
      add_client(entry.prefix, groups, entry.row);
    }
    for (const auto& [name, groups] : policies_) {
      const bool allow_only = !groups.empty() && std::all_of(groups.begin(), groups.end(), [&](const auto& group) {
        return allow_groups_.contains(group) && !deny_groups_.contains(group);
      });
      if (allow_only) out_.set_policy(name, "default", "\"deny\"", default_row_);
    }
  }

  void add_client(const Prefix& prefix, const std::set<std::string>& groups, RowId row) {
    auto policy =
        std::find_if(policies_.begin(), policies_.end(), [&](const auto& one) { return one.second == groups; });
    if (policy == policies_.end()) {
      std::string wanted;
      for (const std::string& group : groups) wanted += (wanted.empty() ? "" : "-") + group;
      policies_.emplace_back(config_name(wanted, "group", taken_), groups);
      policy = policies_.end() - 1;
      out_.policy(policy->first);
    }
    auto group = std::find_if(out_.groups.begin(), out_.groups.end(),
                              [&](const MigratedGroup& one) { return one.policy == policy->first; });
    if (group == out_.groups.end()) {
      const std::string name = policy->first == "default" ? "as-default" : policy->first;
      out_.groups.push_back({name, policy->first, {}});
      group = out_.groups.end() - 1;
    }
    group->clients.push_back({"", toml_string(prefix.to_text()), row});
  }

  void read_lists(const YamlValue* lists, bool allow) {
    if (lists == nullptr) return;
    for (const auto& group : lists->members) {
      std::vector<std::string> in;
      for (const auto& [name, groups] : policies_) {
        if (groups.contains(group.key)) in.push_back(name);
      }
      if (group.value.type == YamlValue::Type::scalar) {
        read_source(group.key, group.value, allow, in);
      }
      for (const YamlValue& item : group.value.items) read_source(group.key, item, allow, in);
    }
  }

  void read_source(const std::string& group, const YamlValue& item, bool allow, const std::vector<std::string>& in) {
    const std::string text(trim(item.text));
    const bool is_inline =
        text.find('\n') != std::string::npos ||
        (text.find('/') == std::string::npos && text.find('.') != std::string::npos && !text.ends_with(".txt"));
    if (is_inline) return read_inline(group, item, allow, in);
    const RowId row = row_of(item, (allow ? "allow list " : "list ") + text);
    if (in.empty()) return out_.change(row, Outcome::idle, "no client is in the group " + group);
    if (const auto objection = objection_to_source(text)) return out_.change(row, Outcome::none, *objection);
    MigratedList& list = out_.lists.emplace_back();
    list.name = config_name(group + '-' + name_of_source(text), "list", taken_);
    list.source = text.starts_with("file://") ? text.substr(7) : text;
    list.settings = {{"kind", allow ? "\"allow\"" : "\"block\"", row},
                     {"match", "\"exact\"", row},
                     {"rank", toml_number(static_cast<std::uint64_t>(allow ? kBlockyAllow : kBlockyDeny)), row}};
    const auto every = parse_seconds(every_.empty() ? "4h" : every_, 60);
    if (every && *every >= 60)
      list.settings.push_back({"every", toml_seconds(static_cast<std::uint64_t>(std::min(*every, 31536000.0))), row});
    if (in.size() < policies_.size()) list.policies = in;
    list.row = row;
    list.has_row = true;
  }

  // Lines in the configuration itself.
  void read_inline(const std::string& group, const YamlValue& item, bool allow, const std::vector<std::string>& in) {
    const std::string name =
        config_name("blocky-" + group + (allow ? "-allow" : "-deny"), "blocky-inline", inline_names_);
    MigratedList& list = out_.own_list(name, allow ? "allow" : "block", allow ? kBlockyAllow : kBlockyDeny);
    list.comment = std::string(allow ? "allowed" : "denied") + " in the group " + escape_for_display(group);
    list.movable = allow;
    if (in.size() < policies_.size()) list.policies = in;
    for (const TextLine& line : lines_of(item.text)) {
      std::string_view content = line.text;
      // A comment begins with `#`; a regular expression may hold one.
      if (!trim(content).starts_with('/')) content = content.substr(0, content.find('#'));
      content = trim(content);
      if (content.empty()) continue;
      // The text of a block begins in the line behind its `|`.
      const bool block = item.text.find('\n') != std::string::npos;
      const RowId row =
          out_.add_row({file_, item.line + line.number - (block ? 0 : 1), block ? 1 : item.column}, content);
      if (in.empty()) {
        out_.change(row, Outcome::idle, "no client is in the group " + group);
        continue;
      }
      add_inline(list, std::string(content), row);
    }
  }

  void add_inline(MigratedList& list, const std::string& text, RowId row) {
    if (text.size() > 2 && text.starts_with('/') && text.ends_with('/')) {
      out_.add_rule(list, text, row);
    } else if (text.starts_with("*.")) {
      out_.add_rule(list, pattern_of(text.substr(2), Reach::subtree), row);
    } else {
      std::string spaced = text;
      std::replace(spaced.begin(), spaced.end(), '\t', ' ');
      std::vector<std::string> words = split(spaced, ' ');
      if (words.size() > 1 && IpAddress::parse(words[0])) words.erase(words.begin());
      for (std::string word : words) {
        if (word.starts_with("||")) word.erase(0, 2);
        if (word.ends_with('^')) word.pop_back();
        out_.add_rule(list, pattern_of(word, Reach::exact), row);
      }
    }
  }

  void set_block_type(const YamlValue::Member& member) {
    const RowId row = row_of(member, "blockType: " + member.value.text);
    const std::string type = to_lower_ascii(member.value.text);
    if (type == "zeroip") return out_.set_policy("default", "block", "\"null\"", row);
    if (type == "nxdomain") return out_.set_policy("default", "block", "\"nxdomain\"", row);
    std::vector<std::string> addresses;
    for (const std::string& word : words_of(member.value)) {
      if (const auto address = IpAddress::parse(word)) addresses.push_back(address->to_text());
    }
    if (addresses.empty()) return out_.change(row, Outcome::none, "neither zeroIp, nxDomain nor addresses");
    std::set<bool> families;
    std::vector<std::string> first;
    for (const std::string& address : addresses) {
      if (families.insert(address.find(':') != std::string::npos).second) first.push_back(address);
    }
    if (first.size() < addresses.size()) out_.change(row, Outcome::differs, "one address of each family");
    out_.set_policy("default", "block", "\"address\"", row);
    out_.set_policy("default", "block_address", toml_set(first), row);
  }

  void set_ttl(const YamlValue::Member& member) {
    const RowId row = row_of(member, "blockTTL: " + member.value.text);
    const auto seconds = parse_seconds(member.value.text, 60);
    if (!seconds) return out_.change(row, Outcome::none, "not a duration");
    set_block_ttl(out_, "default", *seconds, row);
  }

  void set_start(const YamlValue::Member& member) {
    const RowId row = row_of(member, member.key + ": " + member.value.text);
    if (to_lower_ascii(member.value.text) == "fast") return out_.change(row, Outcome::idle, "weir answers at once");
    out_.change(row, Outcome::differs,
                "weir answers before its lists are loaded, unless until_loaded = \"refuse\" in a policy");
  }

  // ---- upstreams and names

  void read_upstreams() {
    const YamlValue* groups = root_.at("upstreams.groups");
    if (groups == nullptr) groups = root_.find("upstream");
    bool any = false;
    if (groups != nullptr) {
      for (const auto& group : groups->members) {
        for (const YamlValue& item : group.value.items) {
          const RowId row = row_of(item, group.key + ": " + item.text);
          if (group.key != "default") {
            out_.change(row, Outcome::none, "weir forwards alike for all clients");
            continue;
          }
          any = add_server(".", item.text, row) || any;
        }
      }
    }
    if (!any) out_.notes.emplace_back(kResolvesItself);
  }

  bool add_server(const std::string& name, const std::string& text, RowId row) {
    const Server server = parse_upstream(text, ':');
    if (!server.objection.empty()) {
      out_.change(row, Outcome::none, server.objection);
      return false;
    }
    out_.forward(name, row).servers.push_back({"", toml_string(server.text), row});
    return true;
  }

  void read_custom() {
    const YamlValue* custom = root_.find("customDNS");
    if (custom == nullptr) return;
    std::optional<std::uint64_t> ttl = 3600;
    if (const auto seconds = parse_seconds(custom->text_at("customTTL"), 60))
      ttl = static_cast<std::uint64_t>(std::max(0.0, *seconds));
    const bool keeps =
        custom->text_at("filterUnmappedTypes").empty() || is_true(custom->text_at("filterUnmappedTypes"));
    if (const YamlValue* mapping = custom->find("mapping")) {
      for (const auto& member : mapping->members) {
        std::string addresses;
        for (const std::string& word : words_of(member.value)) addresses += (addresses.empty() ? "" : ", ") + word;
        const RowId row = row_of(member, member.key + ": " + addresses);
        if (!Name::parse(member.key)) {
          out_.change(row, Outcome::none, "not a name");
          continue;
        }
        if (!keeps) out_.change(row, Outcome::differs, "other types than those of its addresses have no data here");
        MigratedZone zone{member.key, "redirect", {}, row};
        for (const std::string& word : words_of(member.value)) {
          if (auto record = address_record(member.key, word, ttl)) {
            zone.records.push_back({*record, row});
          } else {
            out_.change(row, Outcome::none, "not an address: " + word);
          }
        }
        if (!zone.records.empty()) out_.zone(member.key, "redirect", row).records = zone.records;
      }
    }
    for (const char* key : {"rewrite", "zone"}) {
      const YamlValue* value = custom->find(key);
      if (value == nullptr) continue;
      out_.change(row_of(*value, std::string("customDNS ") + key), Outcome::none,
                  std::string(key) == "zone" ? "write its records into [local] records"
                                             : "weir asks for the names that it is asked for");
    }
  }

  void read_conditional() {
    const YamlValue* conditional = root_.find("conditional");
    if (conditional == nullptr) return;
    const bool fallback = is_true(conditional->text_at("fallbackUpstream"));
    if (const YamlValue* rewrite = conditional->find("rewrite"))
      out_.change(row_of(*rewrite, "conditional rewrite"), Outcome::none,
                  "weir asks for the names that it is asked for");
    const YamlValue* mapping = conditional->find("mapping");
    if (mapping == nullptr) return;
    for (const auto& member : mapping->members) {
      const RowId row = row_of(member, member.key + ": " + member.value.text);
      if (member.key == ".") {
        out_.change(row, Outcome::none, "names without a dot: weir cannot forward them alone");
        continue;
      }
      if (!Name::parse(member.key)) {
        out_.change(row, Outcome::none, "not a name");
        continue;
      }
      for (const std::string& server : words_of(member.value)) add_server(member.key, server, row);
      if (fallback && out_.rows[row].outcome != Outcome::none) {
        out_.forward(member.key, row).fallback = true;
        out_.change(row, Outcome::differs,
                    "where no server answers it is resolved from the root; blocky asks its other upstreams");
      }
    }
  }

  // ---- the rest

  void read_caching() {
    const YamlValue* caching = root_.find("caching");
    if (caching == nullptr) return;
    for (const auto& member : caching->members) {
      const RowId row = row_of(member, member.key + ": " + member.value.text);
      const auto seconds = parse_seconds(member.value.text, 60);
      if (member.key == "prefetching") {
        out_.set("cache", "prefetch", toml_flag(is_true(member.value.text)), row);
      } else if (member.key == "minTime" && seconds) {
        set_seconds(out_, "cache", "min_ttl", *seconds, 0, 3600, row);
      } else if (member.key == "maxTime" && seconds && *seconds > 0) {
        set_seconds(out_, "cache", "max_ttl", *seconds, 1, 86400, row);
      } else if (member.key == "maxTime" && seconds && *seconds == 0) {
        out_.change(row, Outcome::idle, "as the answers say, up to a day here");
      } else if (member.key == "cacheTimeNegative" && seconds && *seconds > 0) {
        set_seconds(out_, "cache", "max_negative_ttl", *seconds, 1, 10800, row);
      } else if (member.key.starts_with("prefetch")) {
        out_.change(row, Outcome::differs,
                    "weir asks again for what is in use shortly before it expires, without this number");
      } else {
        out_.change(row, Outcome::none, "weir has no such setting: its cache is measured in octets");
      }
    }
  }

  void read_rest() {
    for (const auto& member : root_.members) {
      const YamlValue& value = member.value;
      if (member.key == "ports" && value.find("dns") != nullptr) set_listen(*value.find("dns"));
      if (member.key == "port") set_listen(value);
      if (member.key == "filtering") {
        const YamlValue* types = value.find("queryTypes");
        if (types == nullptr) continue;
        for (const YamlValue& type : types->items) {
          MigratedList& list = out_.own_list("blocky-types", "block", kBlockyTypes);
          list.comment = "types that get no data";
          if (list.rules.empty()) list.settings.push_back({"rewrites", "true", 0});
          out_.add_rule(list, "*$dnstype=" + type.text + ",dnsrewrite=NOERROR", row_of(type, "no " + type.text));
        }
      }
      if (member.key == "queryLog") read_log(value);
      if (member.key == "ede")
        out_.change(row_of(member, "ede"), Outcome::idle, "weir sends Extended DNS Errors anyhow");
      if (member.key == "connectIPVersion" && value.text != "dual") {
        const RowId row = row_of(member, member.key + ": " + value.text);
        if (value.text == "v4") out_.set("resolver", "ipv6_upstream", "false", row);
        if (value.text != "v4") out_.change(row, Outcome::none, "weir asks over IPv4 too");
      }
      static const std::set<std::string> kNone = {"hostsFile",    "redis",          "fqdnOnly", "ecs",
                                                  "dns64",        "certFile",       "keyFile",  "specialUseDomains",
                                                  "clientLookup", "upstreamTimeout"};
      if (kNone.contains(member.key) && member.key != "clientLookup")
        out_.change(row_of(member, member.key), Outcome::none, "weir has no such setting");
      // log, prometheus, bootstrapDns, minTlsServeVersion, startVerifyUpstream do not change an answer.
    }
  }

  void set_listen(const YamlValue& value) {
    std::vector<std::string> listen;
    const RowId row = row_of(value, "dns ports");
    for (const std::string& word : words_of(value)) {
      const bool port_alone = !word.empty() && word.find_first_not_of("0123456789") == std::string::npos;
      const std::string text = port_alone ? "0.0.0.0:" + word : word.starts_with(':') ? "0.0.0.0" + word : word;
      const auto endpoint = Endpoint::parse(text, 53);
      if (!endpoint) {
        out_.change(row, Outcome::none, "not an address and a port: " + word);
        continue;
      }
      listen.push_back(endpoint->to_text());
      if (port_alone || word.starts_with(':')) listen.push_back("[::]:" + std::to_string(endpoint->port));
    }
    if (!listen.empty()) out_.set("resolver", "listen", toml_set(listen), row);
  }

  void read_log(const YamlValue& log) {
    for (const auto& member : log.members) {
      if (member.key == "logRetentionDays") {
        const RowId row = row_of(member, member.key + ": " + member.value.text);
        const auto days = parse_seconds(member.value.text, 1);
        if (!days || *days < 1) {
          out_.change(row, Outcome::none, "weir keeps no log for ever");
        } else {
          out_.set("log", "keep", toml_string(std::to_string(static_cast<unsigned>(std::min(*days, 365.0))) + "d"),
                   row);
        }
      } else if (member.key == "type") {
        const RowId row = row_of(member, member.key + ": " + member.value.text);
        if (member.value.text == "none") {
          out_.change(row, Outcome::differs, "weir logs decisions");
        } else {
          out_.set("log", "all", "true", row);
          out_.change(row, Outcome::differs, "into weir's own log; 'weir log search' reads it");
        }
      }
      // target may hold a password: it is neither used nor shown.
    }
  }

  Migration& out_;
  std::string file_;
  const YamlValue& root_;
  std::map<std::string, std::vector<std::string>> addresses_of_;
  std::set<std::string> deny_groups_, allow_groups_;
  std::vector<std::pair<std::string, std::set<std::string>>> policies_;
  RowId default_row_ = 0;
  std::vector<std::string> taken_, inline_names_;
  std::string every_;
};

}  // namespace

Result<Migration> read_blocky(const fs::path& file) {
  Migration out;
  out.system = "blocky";
  out.notes = {
      "A line ||name^ of a subscribed list is the name alone in blocky, and the name and all below it here; *.name is "
      "the "
      "name and all below there, and here where most lines of the list are of that form, else all below."};
  auto text = read_whole_file(file, kMaxDocumentBytes);
  if (!text) return text.error();
  const std::string shown = file.filename().string();
  auto root = parse_yaml(*text, shown);
  if (!root) return root.error();
  static constexpr const char* kSections[] = {"upstream", "upstreams", "blocking", "customDNS", "conditional"};
  const bool known = std::any_of(std::begin(kSections), std::end(kSections),
                                 [&](const char* section) { return root->find(section) != nullptr; });
  if (!known) return fault_at(shown, 1, 1, "no configuration of blocky: neither upstreams nor blocking is in it");
  BlockyReader(out, shown, *root).run();
  return out;
}

}  // namespace weir::migrate
