// dnsmasq.conf, and the files that it includes.
//
// The longest name wins there, whatever it says: so all of address=, local= and server=/name/ become one list that is
// ordered by specificity.
#include <algorithm>
#include <charconv>
#include <functional>
#include <set>

#include "tools/migrate/input.h"
#include "tools/migrate/pieces.h"
#include "tools/migrate/text.h"
#include "tools/support/toml_text.h"
#include "zones/base/prefix.h"
#include "zones/base/text.h"

namespace weir::migrate {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kList = "dnsmasq-names";

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (code != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return number;
}

class DnsmasqReader {
 public:
  DnsmasqReader(Migration& out, fs::path folder) : out_(out), folder_(std::move(folder)) {}

  Result<void> read(const std::string& file, std::string_view text, unsigned depth) {
    if (text.size() > kMaxInputBytes || ++files_ > kMaxIncludedFiles || depth > 16)
      return Error{ErrorCode::too_large, escape_for_display(file) + ": too many files that include each other"};
    for (const TextLine& line : lines_of(text)) {
      const std::string content = without_comment(line.text);
      if (content.empty()) continue;
      if (!is_utf8(content)) return fault_at(file, line.number, 1, "not UTF-8: an option was expected");
      const auto equals = content.find('=');
      const std::string key(trim(std::string_view(content).substr(0, equals)));
      const bool plain = !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
      });
      if (!plain) return fault_at(file, line.number, 1, "an option such as 'server=192.0.2.1' was expected");
      const std::string value =
          equals == std::string::npos ? "" : unquoted(trim(std::string_view(content).substr(equals + 1)));
      const RowId row = out_.add_row({file, line.number, 1}, content);
      if (auto took = take(key, value, row, depth); !took) return took;
    }
    return {};
  }

  void finish() {
    for (const auto& [file, row] : hosts_) {
      auto text = read_whole_file(file, kMaxInputBytes);
      if (!text) {
        out_.change(row, Outcome::none, "not read: " + text.error().message);
        continue;
      }
      read_hosts_text(out_, file.string(), *text, expand_hosts_ ? domain_ : std::string());
    }
    set_listen();
    settle_forwards();
  }

 private:
  // `#` begins a comment at the beginning and behind white space; elsewhere it is a port or "as usual".
  static std::string without_comment(std::string_view line) {
    bool quoted = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (line[i] == '"') quoted = !quoted;
      if (line[i] == '#' && !quoted && (i == 0 || line[i - 1] == ' ' || line[i - 1] == '\t')) {
        line = line.substr(0, i);
        break;
      }
    }
    return std::string(trim(line));
  }

  static std::string unquoted(std::string_view value) {
    std::string out;
    for (const char c : value) {
      if (c != '"') out += c;
    }
    return out;
  }

  MigratedList& list() {
    MigratedList& made = out_.own_list(std::string(kList), "block", 4);
    if (made.comment.empty()) {
      made.comment = "address=, local= and server= of single names; the longest name wins";
      made.settings.push_back({"order", "\"specific\"", 0});
      made.settings.push_back({"rewrites", "true", 0});
      made.movable = true;
    }
    return made;
  }

  // "/a/b/value" -> names and value.
  static std::optional<std::pair<std::vector<std::string>, std::string>> names_of(const std::string& value) {
    if (!value.starts_with('/')) return std::nullopt;
    const auto last = value.rfind('/');
    if (last == 0) return std::nullopt;
    std::pair<std::vector<std::string>, std::string> out;
    for (std::size_t at = 1; at <= last;) {
      const auto end = value.find('/', at);
      out.first.push_back(value.substr(at, end - at));
      at = end + 1;
    }
    out.second = std::string(trim(std::string_view(value).substr(last + 1)));
    return out;
  }

  // The pattern of a name between slashes.
  static std::string pattern(std::string name) {
    if (name.starts_with('.')) name.erase(0, 1);
    if (name.starts_with("*.")) return pattern_of(name.substr(2), Reach::below);
    if (name.starts_with('*')) return name.substr(1).find('*') == std::string::npos ? '|' + name + '^' : std::string();
    return pattern_of(name, Reach::subtree);
  }

  void add_name_rule(const std::string& name, const std::string& prefix, const std::string& modifiers, RowId row) {
    if (name == "#" || name.empty()) {
      return out_.change(row, Outcome::none,
                         name.empty() ? "names without a dot: weir has no pattern for them"
                                      : "every name there is: weir has default = \"deny\" in a policy for that");
    }
    if (out_.add_rule(list(), prefix + pattern(name) + modifiers, row) && prefix.empty())
      blocked_.insert(to_lower_ascii(name.starts_with('.') ? name.substr(1) : name));
  }

  void take_address(const std::string& value, RowId row) {
    const auto parts = names_of(value);
    if (!parts) return out_.change(row, Outcome::none, "no name between slashes");
    const std::string& target = parts->second;
    std::string modifiers;
    if (target.empty()) {
      modifiers = "$dnsrewrite=NXDOMAIN";
    } else if (const auto address = IpAddress::parse(target)) {
      if (!address->is_unspecified()) modifiers = "$dnsrewrite=" + address->to_text();
    } else if (target != "#") {
      return out_.change(row, Outcome::none, "'" + target + "' is no address");
    }
    for (const std::string& name : parts->first) {
      add_name_rule(name, "", modifiers, row);
      if (target.empty() || modifiers.empty()) continue;
      // Two addresses for one name are one answer there, and the first of them here.
      if (!answered_.insert(to_lower_ascii(name)).second)
        out_.change(row, Outcome::differs, "the first address of a name is the answer; dnsmasq gives all of them");
    }
    if (modifiers.starts_with("$dnsrewrite=") && !target.empty())
      out_.change(row, Outcome::differs,
                  "other types than addresses have no data here; dnsmasq asks upstream for them");
  }

  void take_server(const std::string& value, RowId row) {
    const auto parts = names_of(value);
    if (!parts) {
      const Server server = parse_upstream(value.substr(0, value.find('@')), '#');
      if (!server.objection.empty()) return out_.change(row, Outcome::none, server.objection);
      out_.forward(".", row).servers.push_back({"", toml_string(server.text), row});
      return;
    }
    const std::string& target = parts->second;
    for (const std::string& name : parts->first) {
      if (target.empty()) {
        add_name_rule(name, "", "$dnsrewrite=NXDOMAIN", row);
      } else if (target == "#") {
        usual_.push_back({name, row});
        add_name_rule(name, "@@", "", row);
      } else {
        add_forward(name, target, row);
      }
    }
  }

  void add_forward(const std::string& wanted, const std::string& target, RowId row) {
    const std::string name = wanted.starts_with("*.")  ? wanted.substr(2)
                             : wanted.starts_with('.') ? wanted.substr(1)
                                                       : wanted;
    if (wanted.starts_with("*.")) out_.change(row, Outcome::differs, "the name itself is asked there as well");
    const Server server = parse_upstream(target.substr(0, target.find('@')), '#');
    if (!server.objection.empty()) return out_.change(row, Outcome::none, server.objection);
    if (!Name::parse(name) || name.empty() || name == "#")
      return out_.change(row, Outcome::none, "not a name: " + name);
    out_.forward(name, row).servers.push_back({"", toml_string(server.text), row});
  }

  void take_host_record(const std::string& value, RowId row) {
    std::vector<std::string> names, addresses;
    std::optional<std::uint64_t> ttl;
    for (const std::string& word : split(value, ',')) {
      if (IpAddress::parse(word)) {
        addresses.push_back(word);
      } else if (const auto number = number_of(word); number && !names.empty()) {
        ttl = number;
      } else {
        names.push_back(word);
      }
    }
    for (const std::string& name : names) {
      for (const std::string& address : addresses) add_record(address_record(name, address, ttl), row);
    }
    if (names.empty() || addresses.empty()) out_.change(row, Outcome::none, "not names and their addresses");
  }

  void take_alias(const std::string& value, RowId row) {
    auto words = split(value, ',');
    std::optional<std::uint64_t> ttl;
    if (words.size() > 2 && number_of(words.back())) {
      ttl = number_of(words.back());
      words.pop_back();
    }
    if (words.size() < 2) return out_.change(row, Outcome::none, "not a name and its target");
    for (std::size_t i = 0; i + 1 < words.size(); ++i) add_record(alias_record(words[i], words.back(), ttl), row);
  }

  void take_record(const std::string& key, const std::string& value, RowId row) {
    const auto words = split(value, ',');
    const auto name = words.empty() ? Result<Name>(Error{}) : Name::parse(words[0]);
    if (!name || words.size() < 2) return out_.change(row, Outcome::none, "not a name and its data");
    const std::string owner = name->to_text();
    const auto target = [&](std::size_t i) {
      const auto parsed = Name::parse(words[i]);
      std::string text = parsed ? parsed->to_text() : std::string();
      return text.empty() || text.ends_with('.') ? text : text + '.';
    };
    if (key == "txt-record") {
      std::string text = owner + " TXT";
      for (std::size_t i = 1; i < words.size(); ++i) {
        text += " \"";
        for (const char c : words[i]) text += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
        text += '"';
      }
      return add_record(text, row);
    }
    if (target(1).empty()) return out_.change(row, Outcome::none, "not a name: " + words[1]);
    if (key == "ptr-record") return add_record(owner + " PTR " + target(1), row);
    const auto number = [&](std::size_t i, const char* fallback) {
      return words.size() > i && number_of(words[i]) ? words[i] : std::string(fallback);
    };
    if (key == "mx-host") return add_record(owner + " MX " + number(2, "1") + ' ' + target(1), row);
    add_record(owner + " SRV " + number(3, "0") + ' ' + number(4, "0") + ' ' + number(2, "0") + ' ' + target(1), row);
  }

  void add_record(const std::optional<std::string>& record, RowId row) {
    if (!record) return out_.change(row, Outcome::none, "not a name and its data");
    out_.records.push_back({*record, row});
  }

  Result<void> include(const std::string& value, bool is_folder, RowId row, unsigned depth) {
    const auto words = split(value, ',');
    if (words.empty()) return out_.change(row, Outcome::none, "no file named"), Result<void>();
    const fs::path path = fs::path(words[0]).is_absolute() ? fs::path(words[0]) : folder_ / words[0];
    std::vector<fs::path> files;
    std::error_code code;
    if (is_folder) {
      for (fs::directory_iterator at(path, code), end; !code && at != end; at.increment(code)) {
        const std::string name = at->path().filename().string();
        if (name.starts_with('.') || name.ends_with('~') || (name.starts_with('#') && name.ends_with('#'))) continue;
        if (wanted(name, words)) files.push_back(at->path());
      }
      std::sort(files.begin(), files.end());
    } else {
      files.push_back(path);
    }
    if (code) return out_.change(row, Outcome::none, "not read: " + code.message()), Result<void>();
    out_.change(row, Outcome::translated, "what it names was read");
    for (const fs::path& file : files) {
      auto text = read_whole_file(file, kMaxInputBytes);
      if (!text && text.error().code == ErrorCode::too_large) return text.error();
      if (!text) {
        out_.change(row, Outcome::none, "not read: " + text.error().message);
        continue;
      }
      if (auto took = read(file.string(), *text, depth + 1); !took) return took;
    }
    return {};
  }

  // conf-dir=folder,*.conf takes files that end so; conf-dir=folder,.bak leaves them out.
  static bool wanted(const std::string& name, const std::vector<std::string>& words) {
    bool takes = false;
    bool any = false;
    for (std::size_t i = 1; i < words.size(); ++i) {
      if (words[i].starts_with('*')) {
        any = true;
        takes = takes || name.ends_with(words[i].substr(1));
      } else if (name.ends_with(words[i])) {
        return false;
      }
    }
    return !any || takes;
  }

  Result<void> take(const std::string& key, const std::string& value, RowId row, unsigned depth) {
    if (key == "conf-file" || key == "servers-file") return include(value, false, row, depth);
    if (key == "conf-dir") return include(value, true, row, depth);
    take_option(key, value, row);
    return {};
  }

  void take_option(const std::string& key, const std::string& value, RowId row) {
    if (key == "address") return take_address(value, row);
    if (key == "server" || key == "local") return take_server(value, row);
    if (key == "rev-server") return take_reverse(value, row);
    if (key == "host-record" || key == "address-record") return take_host_record(value, row);
    if (key == "cname") return take_alias(value, row);
    if (key == "txt-record" || key == "ptr-record" || key == "mx-host" || key == "srv-host")
      return take_record(key, value, row);
    if (key == "addn-hosts") {
      const fs::path path = fs::path(value).is_absolute() ? fs::path(value) : folder_ / value;
      hosts_.emplace_back(path, row);
      return out_.change(row, Outcome::translated, "what it names was read");
    }
    if (key == "listen-address") {
      for (const std::string& address : split(value, ',')) listen_.push_back({"", address, row});
      return;
    }
    if (key == "port") {
      port_ = value;
      port_row_ = row;
      return;
    }
    if (take_time(key, value, row) || take_flag(key, value, row)) return;
    static const std::set<std::string> kIdle = {"no-resolv",    "no-poll",         "bind-interfaces",    "bind-dynamic",
                                                "user",         "group",           "bogus-priv",         "filterwin2k",
                                                "no-negcache",  "no-hosts",        "keep-in-foreground", "no-daemon",
                                                "pid-file",     "strict-order",    "localise-queries",   "log-async",
                                                "log-facility", "clear-on-reload", "all-servers"};
    if (kIdle.contains(key)) return out_.change(row, Outcome::idle, "weir does so anyhow, or has no need of it");
    const bool dhcp = key.starts_with("dhcp") || key.starts_with("tftp") || key.starts_with("pxe") ||
                      key == "enable-tftp" || key == "enable-ra" || key == "ra-param";
    out_.change(row, Outcome::none, dhcp ? "weir serves neither DHCP nor TFTP" : "weir has no such option");
  }

  bool take_time(const std::string& key, const std::string& value, RowId row) {
    struct Time {
      const char* section;
      const char* key;
      std::uint64_t min, max;
    };
    static const std::map<std::string, Time> kTimes = {{"min-cache-ttl", {"cache", "min_ttl", 0, 3600}},
                                                       {"max-cache-ttl", {"cache", "max_ttl", 1, 86400}},
                                                       {"neg-ttl", {"cache", "max_negative_ttl", 1, 10800}},
                                                       {"use-stale-cache", {"cache", "stale_for", 1, 7 * 86400}}};
    const auto found = kTimes.find(key);
    if (found == kTimes.end() && key != "local-ttl") return false;
    const auto seconds = parse_seconds(value.empty() ? "86400" : value, 1);
    if (!seconds) {
      out_.change(row, Outcome::none, "not a number of seconds");
    } else if (key == "local-ttl") {
      out_.set("local", "ttl", toml_number(static_cast<std::uint64_t>(std::clamp(*seconds, 0.0, 604800.0))), row);
    } else {
      set_seconds(out_, found->second.section, found->second.key, *seconds, found->second.min, found->second.max, row);
    }
    return true;
  }

  bool take_flag(const std::string& key, const std::string& value, RowId row) {
    if (key == "dnssec") {
      out_.set("resolver", "validate", "true", row);
    } else if (key == "log-queries") {
      out_.set("log", "all", "true", row);
    } else if (key == "filter-AAAA" || key == "filter-A") {
      // Before everything else, also what is asked "as usual".
      MigratedList& types = out_.own_list("dnsmasq-types", "block", 3);
      if (types.comment.empty()) types.settings.push_back({"rewrites", "true", 0});
      types.comment = "types that get no data";
      out_.add_rule(types, "*$dnstype=" + key.substr(7) + ",dnsrewrite=NOERROR", row);
    } else if (key == "stop-dns-rebind") {
      out_.set_policy("default", "rebinding_protection", "true", row);
    } else if (key == "rebind-domain-ok") {
      const auto parts = names_of(value.starts_with('/') ? value : '/' + value + '/');
      for (const std::string& name : parts ? parts->first : std::vector<std::string>()) {
        if (!Name::parse(name) || name.empty()) continue;
        local_.push_back(name);
        local_rows_.push_back(row);
      }
      if (local_.empty()) {
        out_.change(row, Outcome::none, "not names between slashes");
      } else {
        out_.set("local", "domains", toml_set(local_), local_rows_.front(), local_rows_);
      }
    } else if (key == "rebind-localhost-ok") {
      out_.change(row, Outcome::none, "an address of the machine itself is as private as any other");
    } else if (key == "expand-hosts") {
      expand_hosts_ = true;
      out_.change(row, Outcome::translated, "names without a dot have the domain's name behind them as well");
    } else if (key == "domain") {
      domain_ = value.substr(0, value.find(','));
      out_.change(row, Outcome::translated, "used for names of hosts files");
    } else if (key == "cache-size") {
      out_.change(row, Outcome::none, "weir's cache is measured in octets: [resolver] cache = \"64MiB\"");
    } else {
      return false;
    }
    return true;
  }

  void take_reverse(const std::string& value, RowId row) {
    const auto words = split(value, ',');
    const auto zones = words.size() == 2 ? reverse_zones(words[0]) : std::vector<std::string>();
    if (zones.empty()) return out_.change(row, Outcome::none, "not a prefix and a server");
    for (const std::string& zone : zones) add_forward(zone, words[1], row);
  }

  void set_listen() {
    const std::string port = port_.empty() ? "53" : port_;
    const auto number = number_of(port);
    if (!number || *number > 65535) return out_.change(port_row_, Outcome::none, "not a port");
    if (*number == 0) {
      out_.change(port_row_, Outcome::none, "no DNS at all there");
      return;
    }
    std::vector<std::string> listen;
    std::vector<RowId> rows;
    for (const Setting& wanted : listen_) {
      const auto address = IpAddress::parse(wanted.value);
      if (!address) {
        out_.change(wanted.row, Outcome::none, "not an address");
        continue;
      }
      listen.push_back(Endpoint{*address, static_cast<std::uint16_t>(*number)}.to_text());
      rows.push_back(wanted.row);
    }
    if (!listen.empty()) {
      if (!port_.empty()) rows.push_back(port_row_);
      out_.set("resolver", "listen", toml_set(listen), rows.front(), rows);
    } else if (!port_.empty()) {
      out_.set("resolver", "listen", toml_set({"127.0.0.1:" + port, "[::1]:" + port}), port_row_);
      out_.change(port_row_, Outcome::differs, "on loopback until [resolver] listen names other addresses");
    }
  }

  // Whether a name above `name` is in `names`.
  static bool has_above(const std::set<std::string>& names, std::string name) {
    for (auto dot = name.find('.'); dot != std::string::npos; dot = name.find('.')) {
      name.erase(0, dot + 1);
      if (names.contains(name)) return true;
    }
    return false;
  }

  // What is forwarded or answered "as usual" below a blocked name, and what is asked "as usual" below a forwarded one.
  void settle_forwards() {
    std::set<std::string> forwarded;
    std::vector<Setting> usual_servers;
    for (const MigratedForward& forward : out_.forwards) {
      const std::string name = to_lower_ascii(forward.name);
      if (name == ".") {
        usual_servers = forward.servers;
        continue;
      }
      forwarded.insert(name);
      if (has_above(blocked_, name)) out_.add_rule(list(), "@@" + pattern_of(name, Reach::subtree), forward.row);
    }
    for (const auto& [name, row] : usual_) {
      if (!has_above(forwarded, to_lower_ascii(name))) continue;
      if (usual_servers.empty())
        out_.change(row, Outcome::differs, "it is asked where the name above it is: no servers are given for the rest");
      for (const Setting& server : usual_servers) out_.forward(name, row).servers.push_back({"", server.value, row});
    }
  }

  Migration& out_;
  fs::path folder_;
  std::size_t files_ = 0;
  std::set<std::string> blocked_, answered_;
  std::vector<std::pair<std::string, RowId>> usual_;
  std::vector<std::pair<fs::path, RowId>> hosts_;
  std::vector<Setting> listen_;
  std::string port_;
  RowId port_row_ = 0;
  std::string domain_;
  std::vector<std::string> local_;
  std::vector<RowId> local_rows_;
  bool expand_hosts_ = false;
};

}  // namespace

Result<void> read_dnsmasq_text(Migration& out, const std::string& file, std::string_view text) {
  DnsmasqReader reader(out, fs::path());
  if (auto read = reader.read(file, text, 0); !read) return read;
  reader.finish();
  return {};
}

Result<Migration> read_dnsmasq(const fs::path& file) {
  Migration out;
  out.system = "dnsmasq";
  out.notes = {
      "dnsmasq validates (DNSSEC) only with the option dnssec; weir always does unless [resolver] validate = false.",
      "dnsmasq forwards everything; weir resolves from the root where no server= says whom to ask.",
      "/etc/hosts is read by dnsmasq and not by weir: name it with addn-hosts= to have it translated."};
  auto text = read_text_file(file, kMaxInputBytes);
  if (!text) return text.error();
  DnsmasqReader reader(out, file.parent_path());
  if (auto read = reader.read(file.filename().string(), *text, 0); !read) return read.error();
  reader.finish();
  return out;
}

}  // namespace weir::migrate
