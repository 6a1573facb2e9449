// pihole.toml of version 6 and setupVars.conf of version 5. Neither shows a value that it does not know: one may be a
// password.
#include <algorithm>
#include <functional>
#include <set>

#include "tools/migrate/input.h"
#include "tools/migrate/pieces.h"
#include "tools/migrate/text.h"
#include "tools/support/toml_text.h"
#include "zones/base/text.h"
#include "zones/config/value.h"

namespace weir::migrate {
namespace {

void add_upstream(Migration& out, const std::string& text, RowId row) {
  const Server server = parse_upstream(text, '#');
  if (!server.objection.empty()) return out.change(row, Outcome::none, server.objection);
  out.forward(".", row).servers.push_back({"", toml_string(server.text), row});
}

// `server` is asked for the reverse names of `prefix` and for `domain`.
void add_reverse(Migration& out, const std::string& prefix, const std::string& server_text, const std::string& domain,
                 RowId row) {
  const Server server = parse_upstream(server_text, '#');
  if (!server.objection.empty()) return out.change(row, Outcome::none, server.objection);
  std::vector<std::string> zones = reverse_zones(prefix);
  if (zones.empty()) out.change(row, Outcome::none, "not a prefix: " + prefix);
  for (const std::string& name : split(domain, ',')) {
    if (Name::parse(name)) zones.push_back(name);
  }
  for (const std::string& zone : zones) out.forward(zone, row).servers.push_back({"", toml_string(server.text), row});
}

void set_validation(Migration& out, bool on, RowId row) {
  if (on) return out.set("resolver", "validate", "true", row);
  out.change(row, Outcome::differs, "weir validates (DNSSEC) unless [resolver] validate = false; that was not written");
}

void set_privacy(Migration& out, const std::string& level, RowId row) {
  // 0: all is shown; 1: no names; 2: no names, no clients; 3: nothing.
  out.set("log", "privacy", level == "0" ? "\"full\"" : "\"none\"", row);
  if (level == "1")
    out.change(row, Outcome::differs, "Pi-hole hides names and shows clients; weir hides clients and shows names");
  if (level == "2" || level == "3") out.change(row, Outcome::differs, "weir's log still names what was decided on");
}

void set_listening(Migration& out, const std::string& mode, RowId row) {
  const std::string lower = to_lower_ascii(mode);
  if (lower == "all" || lower == "none")
    return out.change(row, Outcome::differs,
                      "weir answers private networks only, until [resolver] allow_clients names others");
  out.change(row, Outcome::differs, "weir listens on loopback until [resolver] listen names other addresses");
}

struct BlockingMode {
  std::string mode, ipv4, ipv6;
  RowId row = 0, ipv4_row = 0, ipv6_row = 0;
};

void set_blocking_mode(Migration& out, const BlockingMode& blocking) {
  if (blocking.mode.empty()) return;
  const std::string mode = to_lower_ascii(blocking.mode);
  if (mode == "null") return out.set_policy("default", "block", "\"null\"", blocking.row);
  if (mode == "nx" || mode == "nxdomain") return out.set_policy("default", "block", "\"nxdomain\"", blocking.row);
  if (mode == "nodata") return out.set_policy("default", "block", "\"nodata\"", blocking.row);
  if (mode != "ip" && mode != "ip_nodata_aaaa") return out.change(blocking.row, Outcome::none, "an unknown mode");
  std::vector<std::string> addresses;
  if (IpAddress::parse(blocking.ipv4)) addresses.push_back(blocking.ipv4);
  if (mode == "ip" && IpAddress::parse(blocking.ipv6)) addresses.push_back(blocking.ipv6);
  if (addresses.empty()) {
    return out.change(blocking.row, Outcome::none,
                      "Pi-hole answers with its own address, which the file does not say: set block = \"address\" and "
                      "block_address in the policy");
  }
  out.set_policy("default", "block", "\"address\"", blocking.row);
  out.set_policy("default", "block_address", toml_set(addresses), blocking.row);
}

// ---- pihole.toml

std::string shown(const ConfigValue& value) {
  if (value.type == ConfigValue::Type::boolean) return value.flag ? "true" : "false";
  if (value.type == ConfigValue::Type::integer) return std::to_string(value.integer);
  return value.text;
}

class TomlReader {
 public:
  TomlReader(Migration& out, std::string file) : out_(out), file_(std::move(file)) {}

  void run(const ConfigValue& root) {
    walk(root, "");
    set_blocking_mode(out_, blocking_);
    if (!port_.empty() && port_ != "53") {
      out_.set("resolver", "listen", toml_set({"127.0.0.1:" + port_, "[::1]:" + port_}), port_row_);
      out_.change(port_row_, Outcome::differs, "on loopback until [resolver] listen names other addresses");
    }
  }

 private:
  void walk(const ConfigValue& table, const std::string& path) {
    for (const auto& member : table.members) {
      const std::string key = path.empty() ? member.key : path + '.' + member.key;
      if (member.value.type == ConfigValue::Type::table) {
        walk(member.value, key);
      } else if (member.value.type == ConfigValue::Type::array) {
        read_array(key, member);
      } else {
        read_value(key, member);
      }
    }
  }

  RowId row_of(const std::string& key, const ConfigPosition& at, const std::string& value) {
    return out_.add_row({file_, at.line, at.column}, value.empty() ? key : key + " = " + value);
  }

  void read_array(const std::string& key, const ConfigValue::Member& member) {
    using Read = std::function<void(const std::string& text, RowId row)>;
    const std::map<std::string, Read> known = {
        {"dns.upstreams", [this](const std::string& text, RowId row) { add_upstream(out_, text, row); }},
        {"dns.hosts", [this](const std::string& text, RowId row) { add_host(text, row); }},
        {"dns.cnameRecords", [this](const std::string& text, RowId row) { add_alias(text, row); }},
        {"dns.revServers", [this](const std::string& text, RowId row) { add_reverse_server(text, row); }},
        {"misc.dnsmasq_lines", [this](const std::string& text, RowId row) {
           // It makes rows of its own, at the line that it has in there.
           out_.rows.pop_back();
           (void)row;
           if (auto read = read_dnsmasq_text(out_, file_ + " misc.dnsmasq_lines", text); !read)
             out_.add_row({file_, 0, 0}, text, Outcome::none, read.error().message);
         }}};
    const auto found = known.find(key);
    if (found == known.end()) {
      if (!member.value.items.empty() && key.starts_with("dns."))
        out_.change(row_of(key, member.position, ""), Outcome::none, "weir has no such setting");
      return;
    }
    for (const ConfigValue& item : member.value.items) found->second(item.text, row_of(key, item.position, item.text));
  }

  void add_host(const std::string& text, RowId row) {
    std::string spaced = text;
    std::replace(spaced.begin(), spaced.end(), '\t', ' ');
    const auto words = split(std::string_view(spaced).substr(0, spaced.find('#')), ' ');
    for (std::size_t i = 1; i < words.size(); ++i) {
      auto record = address_record(words[i], words[0], {});
      if (!record) return out_.change(row, Outcome::none, "not an address followed by names");
      out_.records.push_back({*record, row});
    }
    if (words.size() < 2) out_.change(row, Outcome::none, "not an address followed by names");
  }

  void add_alias(const std::string& text, RowId row) {
    const auto words = split(text, ',');
    const auto ttl = words.size() == 3 ? parse_seconds(words[2], 1) : std::nullopt;
    auto record = words.size() >= 2 ? alias_record(words[0], words[1],
                                                   ttl ? std::optional<std::uint64_t>(static_cast<std::uint64_t>(*ttl))
                                                       : std::nullopt)
                                    : std::nullopt;
    if (!record) return out_.change(row, Outcome::none, "not a name and its target");
    out_.records.push_back({*record, row});
  }

  void add_reverse_server(const std::string& text, RowId row) {
    const auto words = split(text, ',');  // active, prefix, server, domain
    if (words.size() < 3) return out_.change(row, Outcome::none, "not active,prefix,server,domain");
    if (!is_true(words[0])) return out_.change(row, Outcome::idle, "switched off there");
    add_reverse(out_, words[1], words[2], words.size() > 3 ? words[3] : std::string(), row);
  }

  void read_value(const std::string& key, const ConfigValue::Member& member) {
    const std::string value = shown(member.value);
    const auto row = [&] { return row_of(key, member.position, value); };
    const bool on = member.value.flag;
    if (key == "dns.dnssec") return set_validation(out_, on, row());
    if (key == "dns.blocking.active") {
      const RowId at = row();
      out_.blocking = on;
      if (!on) out_.change(at, Outcome::differs, "each list only observes: mode = \"observe\"");
      if (on) out_.change(at, Outcome::idle, "as ever");
      return;
    }
    if (key == "dns.blocking.mode") return void(blocking_.mode = value), void(blocking_.row = row());
    if (key == "dns.reply.blocking.IPv4") return void(blocking_.ipv4 = value);
    if (key == "dns.reply.blocking.IPv6") return void(blocking_.ipv6 = value);
    if (key == "dns.blockTTL") return set_block_ttl(out_, "default", static_cast<double>(member.value.integer), row());
    if (key == "dns.listeningMode") return set_listening(out_, value, row());
    if (key == "dns.port") return void(port_ = value), void(port_row_ = row());
    if (key == "dns.queryLogging") return out_.set("log", "all", toml_flag(on), row());
    if (key == "misc.privacylevel") return set_privacy(out_, value, row());
    if (key == "database.maxDBdays") return keep_log(member.value.integer, row());
    if (key == "dns.bogusPriv" && on)
      return out_.change(row(), Outcome::idle, "weir answers private reverse names itself ([local] special_names)");
    if (key == "dns.CNAMEdeepInspect" && on)
      return out_.change(row(), Outcome::idle, "weir looks at each alias anyhow");
    if (key == "dns.cache.optimizer" && member.value.integer > 0)
      return set_seconds(out_, "cache", "stale_for", static_cast<double>(member.value.integer), 1, 7 * 86400, row());
    if (key.starts_with("dns.specialDomains.") && on) return out_.set_policy("default", "canary_names", "true", row());
    if (key == "dns.domain.name" || key == "dns.domainNeeded" || key == "dns.expandHosts" || key == "dns.interface" ||
        key == "dns.cache.size" || key == "dns.hostRecord" || key.starts_with("dns.rateLimit.")) {
      if (value.empty() || value == "false" || value == "0") return;
      out_.change(row(), Outcome::none, "weir has no such setting");
    }
    // Everything else is the web page, DHCP, time, files: no part of the DNS.
  }

  void keep_log(std::int64_t days, RowId row) {
    if (days <= 0)
      return out_.change(row, Outcome::none, "weir keeps no log for ever, and a short one with [log] keep");
    out_.set("log", "keep", toml_string(std::to_string(std::min<std::int64_t>(days, 365)) + "d"), row);
  }

  Migration& out_;
  std::string file_;
  BlockingMode blocking_;
  std::string port_;
  RowId port_row_ = 0;
};

// ---- setupVars.conf

class SetupReader {
 public:
  SetupReader(Migration& out, std::string file) : out_(out), file_(std::move(file)) {}

  Result<void> run(std::string_view text) {
    for (const TextLine& line : lines_of(text)) {
      const std::string_view content = trim(line.text);
      if (content.empty() || content.starts_with('#')) continue;
      const auto equals = content.find('=');
      if (equals == std::string_view::npos || equals == 0 || !is_utf8(content))
        return fault_at(file_, line.number, 1, "KEY=value was expected");
      std::string value(trim(content.substr(equals + 1)));
      if (value.size() > 1 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
      read(std::string(trim(content.substr(0, equals))), value, line.number);
    }
    set_blocking_mode(out_, blocking_);
    if (!reverse_on_) return {};
    if (reverse_target_.empty()) {
      out_.change(reverse_row_, Outcome::none, "there is no server to forward to");
    } else if (reverse_prefix_.empty()) {
      out_.change(reverse_row_, Outcome::none, "there is no prefix to forward");
    } else {
      add_reverse(out_, reverse_prefix_, reverse_target_, reverse_domain_, reverse_row_);
    }
    return {};
  }

 private:
  void read(const std::string& key, const std::string& value, std::uint64_t line) {
    const auto row = [&] { return out_.add_row({file_, line, 1}, key + '=' + value); };
    if (key.starts_with("PIHOLE_DNS_")) return value.empty() ? void() : add_upstream(out_, value, row());
    if (key == "DNSSEC") return set_validation(out_, is_true(value), row());
    if (key == "BLOCKING_ENABLED") {
      const RowId at = row();
      out_.blocking = is_true(value);
      return is_true(value) ? out_.change(at, Outcome::idle, "as ever")
                            : out_.change(at, Outcome::differs, "each list only observes: mode = \"observe\"");
    }
    if (key == "BLOCKINGMODE") return void(blocking_.mode = value), void(blocking_.row = row());
    if (key == "BLOCK_IPV4") return void(blocking_.ipv4 = value);
    if (key == "BLOCK_IPV6") return void(blocking_.ipv6 = value);
    if (key == "BLOCK_TTL") {
      const RowId at = row();
      const auto seconds = parse_seconds(value, 1);
      return seconds ? set_block_ttl(out_, "default", *seconds, at) : out_.change(at, Outcome::none, "not a number");
    }
    if (key == "QUERY_LOGGING") return out_.set("log", "all", toml_flag(is_true(value)), row());
    if (key == "PRIVACYLEVEL") return set_privacy(out_, value, row());
    if (key == "DNSMASQ_LISTENING") return set_listening(out_, value, row());
    if (key == "DNS_BOGUS_PRIV" && is_true(value))
      return out_.change(row(), Outcome::idle, "weir answers private reverse names itself ([local] special_names)");
    if (key == "REV_SERVER" || key == "CONDITIONAL_FORWARDING")
      return void(reverse_on_ = is_true(value)), void(reverse_row_ = row());
    if (key == "REV_SERVER_CIDR" || key == "CONDITIONAL_FORWARDING_REVERSE") return void(reverse_prefix_ = value);
    if (key == "REV_SERVER_TARGET" || key == "CONDITIONAL_FORWARDING_IP") return void(reverse_target_ = value);
    if (key == "REV_SERVER_DOMAIN" || key == "CONDITIONAL_FORWARDING_DOMAIN") return void(reverse_domain_ = value);
    static const std::set<std::string> kNone = {"DNS_FQDN_REQUIRED", "CACHE_SIZE", "PIHOLE_INTERFACE", "PIHOLE_DOMAIN",
                                                "RATE_LIMIT"};
    if (kNone.contains(key) && !value.empty() && value != "false")
      out_.change(row(), Outcome::none, "weir has no such setting");
    // Everything else is the web page, its password, DHCP.
  }

  Migration& out_;
  std::string file_;
  BlockingMode blocking_;
  bool reverse_on_ = false;
  RowId reverse_row_ = 0;
  std::string reverse_prefix_, reverse_target_, reverse_domain_;
};

}  // namespace

Result<void> read_pihole_toml(Migration& out, const std::string& file, std::string_view text) {
  auto root = parse_toml(text, escape_for_display(file));
  if (!root) return root.error();
  TomlReader(out, file).run(*root);
  return {};
}

Result<void> read_setup_vars(Migration& out, const std::string& file, std::string_view text) {
  return SetupReader(out, file).run(text);
}

}  // namespace weir::migrate
