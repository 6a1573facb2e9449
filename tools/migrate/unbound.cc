// unbound.conf, and the files that it includes.
#include <glob.h>

#include <algorithm>
#include <set>

#include "tools/migrate/input.h"
#include "tools/migrate/text.h"
#include "tools/migrate/unbound_zones.h"
#include "tools/support/toml_text.h"
#include "zones/base/prefix.h"
#include "zones/base/text.h"

namespace weir::migrate {
namespace {

namespace fs = std::filesystem;

constexpr unsigned kMaxDepth = 16;

struct Token {
  std::string text;
  std::size_t column = 1;
  bool quoted = false;
};

// The words of one line; a `#` outside of quotes begins a comment. Nothing where a quote is not closed.
std::optional<std::vector<Token>> tokens_of(std::string_view line) {
  std::vector<Token> out;
  std::size_t at = 0;
  while (at < line.size()) {
    const char c = line[at];
    if (c == ' ' || c == '\t') {
      ++at;
    } else if (c == '#') {
      break;
    } else if (c == '"' || c == '\'') {
      const auto close = line.find(c, at + 1);
      if (close == std::string_view::npos) return std::nullopt;
      out.push_back({std::string(line.substr(at + 1, close - at - 1)), at + 1, true});
      at = close + 1;
    } else {
      std::size_t end = at;
      while (end < line.size() && line[end] != ' ' && line[end] != '\t' && line[end] != '"') ++end;
      // "key:value" without a space: the key ends at its colon.
      const auto colon = line.substr(at, end - at).find(':');
      const bool word = colon != std::string_view::npos && colon > 0 &&
                        std::all_of(line.begin() + static_cast<std::ptrdiff_t>(at),
                                    line.begin() + static_cast<std::ptrdiff_t>(at + colon), [](char d) {
                                      return (d >= 'a' && d <= 'z') || (d >= '0' && d <= '9') || d == '-';
                                    });
      if (out.empty() && word) end = at + colon + 1;
      out.push_back({std::string(line.substr(at, end - at)), at + 1, false});
      at = end;
    }
  }
  return out;
}

// A forward-zone, stub-zone or rpz section while it is read.
struct Clause {
  std::string kind;
  std::string name;
  RowId row = 0;
  std::vector<std::pair<std::string, RowId>> servers;
  bool first = false;
  bool tls = false;
  RowId tls_row = 0;
  std::string source;
  RowId source_row = 0;
  bool observe = false;
};

class UnboundReader {
 public:
  UnboundReader(Migration& out, fs::path folder) : out_(out), folder_(std::move(folder)), zones_(out) {}

  Result<void> read(const std::string& file, std::string_view text, unsigned depth) {
    if (++files_ > kMaxIncludedFiles || depth > kMaxDepth)
      return Error{ErrorCode::too_large, escape_for_display(file) + ": too many files that include each other"};
    for (const TextLine& line : lines_of(text)) {
      if (!is_utf8(line.text)) return fault_at(file, line.number, 1, "not UTF-8: an option was expected");
      const auto tokens = tokens_of(line.text);
      if (!tokens) return fault_at(file, line.number, 1, "a quotation mark is not closed");
      if (tokens->empty()) continue;
      if (auto took = take_line(file, line, *tokens, depth); !took) return took;
    }
    return {};
  }

  void finish() {
    end_clause();
    zones_.settle();
    set_listen();
    if (!allowed_.empty()) {
      std::vector<std::string> prefixes;
      std::vector<RowId> rows;
      for (const auto& [prefix, row] : allowed_) {
        prefixes.push_back(prefix);
        rows.push_back(row);
      }
      out_.set("resolver", "allow_clients", toml_set(prefixes), rows.front(), rows);
    }
    if (cache_bytes_ > 0)
      out_.set("resolver", "cache", toml_string(std::to_string(std::max<std::uint64_t>(cache_bytes_ >> 20, 1)) + "MiB"),
               cache_rows_.front(), cache_rows_);
  }

 private:
  Result<void> take_line(const std::string& file, const TextLine& line, std::vector<Token> tokens, unsigned depth) {
    static const std::set<std::string> kSections = {"server", "forward-zone", "stub-zone",      "auth-zone", "rpz",
                                                    "view",   "python",       "dynlib",         "dnscrypt",  "cachedb",
                                                    "ipset",  "dnstap",       "remote-control", "clause"};
    while (!tokens.empty()) {
      const Token& first = tokens.front();
      if (first.quoted || !first.text.ends_with(':') || first.text.size() < 2)
        return fault_at(file, line.number, first.column,
                        "an option such as 'port: 53' was expected, found '" + first.text + "'");
      const std::string key = first.text.substr(0, first.text.size() - 1);
      if (kSections.contains(key)) {
        end_clause();
        clause_ = Clause{};
        clause_.kind = key;
        tokens.erase(tokens.begin());
        if (!tokens.empty() && !tokens.front().quoted) {
          // "server: port: 53" on one line.
          const auto again = tokens_of(line.text.substr(tokens.front().column - 1));
          if (again && !again->empty()) tokens = *again;
        }
        continue;
      }
      std::vector<std::string> values;
      for (std::size_t i = 1; i < tokens.size(); ++i) values.push_back(tokens[i].text);
      if (values.empty()) return fault_at(file, line.number, first.column, "'" + first.text + "' has no value");
      const RowId row = out_.add_row({file, line.number, first.column}, trim(line.text.substr(first.column - 1)));
      return take(key, values, row, depth);
    }
    return {};
  }

  Result<void> take(const std::string& key, const std::vector<std::string>& values, RowId row, unsigned depth) {
    if (key == "include" || key == "include-toplevel") return include(values[0], row, depth);
    if (clause_.kind == "server" || clause_.kind.empty()) {
      take_server(key, values, row);
    } else if (clause_.kind == "forward-zone" || clause_.kind == "stub-zone") {
      take_zone_key(key, values[0], row);
    } else if (clause_.kind == "rpz") {
      take_rpz_key(key, values[0], row);
    } else if (clause_.kind == "remote-control" || clause_.kind == "dnstap") {
      out_.change(row, Outcome::idle, "no part of the answers: weir has control sockets and logs of its own");
    } else {
      out_.change(row, Outcome::none, "weir has nothing like " + clause_.kind + ":");
    }
    return {};
  }

  Result<void> include(const std::string& pattern, RowId row, unsigned depth) {
    const fs::path path = fs::path(pattern).is_absolute() ? fs::path(pattern) : folder_ / pattern;
    glob_t found{};
    const int outcome = glob(path.c_str(), 0, nullptr, &found);
    std::vector<std::string> files;
    for (std::size_t i = 0; outcome == 0 && i < found.gl_pathc; ++i) files.emplace_back(found.gl_pathv[i]);
    globfree(&found);
    if (files.empty()) {
      out_.change(row, Outcome::none, "not read: there is no such file");
      return {};
    }
    for (const std::string& file : files) {
      auto text = read_whole_file(file, kMaxInputBytes);
      if (!text && text.error().code == ErrorCode::too_large) return text.error();
      if (!text) {
        out_.change(row, Outcome::none, "not read: " + text.error().message);
        continue;
      }
      if (auto took = read(file, *text, depth + 1); !took) return took;
    }
    out_.change(row, Outcome::translated, "what it names was read");
    return {};
  }

  // ---- server:

  void take_server(const std::string& key, const std::vector<std::string>& values, RowId row) {
    const std::string& value = values[0];
    if (key == "local-zone") return zones_.add_zone(values, row);
    if (key == "local-data") return zones_.add_data(value, row);
    if (key == "local-data-ptr") return zones_.add_pointer(value, row);
    if (key == "interface" || key == "ip-address") return listen_.push_back({"", value, row});
    if (key == "port") {
      if (const auto number = parse_seconds(value, 1); !number || *number < 1 || *number > 65535)
        return out_.change(row, Outcome::none, "not a port");
      port_ = value;
      port_row_ = row;
      return;
    }
    if (key == "access-control") return add_client(values, row);
    if (key == "msg-cache-size" || key == "rrset-cache-size") return add_cache(value, row);
    if (key == "outgoing-interface") return add_outgoing(value, row);
    if (key == "num-threads") return set_number("resolver", "workers", value, 0, 256, row);
    if (key == "identity" || key == "version") return out_.set("answers", key, toml_string(value.substr(0, 255)), row);
    if (key == "domain-insecure")
      return out_.change(row, Outcome::none,
                         "a [[negative_trust_anchor]] ends after a week at most (RFC 7646): 'weir anchors nta add'");
    // The prefixes are weir's own: private, loopback, link-local and shared space.
    if (key == "private-address") return out_.set_policy("default", "rebinding_protection", "true", row);
    if (key == "private-domain") return add_private_domain(value, row);
    if (key == "module-config") {
      if (value.find("validator") == std::string::npos) out_.set("resolver", "validate", "false", row);
      if (value.find("dns64") != std::string::npos) {
        out_.set("dns64", "on", "true", row);
      } else if (value.find("validator") != std::string::npos) {
        out_.change(row, Outcome::idle, "as ever");
      }
      return;
    }
    if (key == "dns64-prefix") return out_.set("dns64", "prefix", toml_string(value), row);
    if (take_flag(key, value, row) || take_time(key, value, row)) return;
    take_rest(key, value, row);
  }

  bool take_flag(const std::string& key, const std::string& value, RowId row) {
    static const std::map<std::string, std::pair<const char*, const char*>> kFlags = {
        {"do-ip6", {"resolver", "ipv6_upstream"}},
        {"prefetch", {"cache", "prefetch"}},
        {"serve-expired", {"cache", "serve_stale"}},
        {"qname-minimisation", {"resolution", "minimise_names"}},
        {"use-caps-for-id", {"resolution", "randomise_case"}},
        {"minimal-responses", {"resolution", "minimal_answers"}},
        {"log-queries", {"log", "all"}}};
    const auto found = kFlags.find(key);
    if (found == kFlags.end()) return false;
    out_.set(found->second.first, found->second.second, toml_flag(is_true(value)), row);
    return true;
  }

  bool take_time(const std::string& key, const std::string& value, RowId row) {
    struct Time {
      const char* key;
      double unit;
      std::uint64_t min, max;
    };
    static const std::map<std::string, Time> kTimes = {{"cache-min-ttl", {"min_ttl", 1, 0, 3600}},
                                                       {"cache-max-ttl", {"max_ttl", 1, 1, 86400}},
                                                       {"cache-min-negative-ttl", {"min_negative_ttl", 1, 0, 3600}},
                                                       {"cache-max-negative-ttl", {"max_negative_ttl", 1, 1, 10800}},
                                                       {"serve-expired-ttl", {"stale_for", 1, 1, 7 * 86400}},
                                                       {"serve-expired-reply-ttl", {"stale_ttl", 1, 1, 300}},
                                                       {"serve-expired-client-timeout", {"stale_wait", 0.001, 0, 5}}};
    const auto found = kTimes.find(key);
    if (found == kTimes.end()) return false;
    const auto number = parse_seconds(value, 1);
    if (!number) {
      out_.change(row, Outcome::none, "not a number");
    } else if (key == "serve-expired-client-timeout") {
      const auto ms = static_cast<std::uint64_t>(std::clamp(*number, 0.0, 5000.0));
      out_.set("cache", "stale_wait", toml_string(std::to_string(ms) + "ms"), row);
    } else {
      set_seconds(out_, "cache", found->second.key, *number, found->second.min, found->second.max, row);
    }
    return true;
  }

  void take_rest(const std::string& key, const std::string& value, RowId row) {
    static const std::set<std::string> kIdle = {"verbosity",
                                                "use-syslog",
                                                "logfile",
                                                "log-time-ascii",
                                                "username",
                                                "directory",
                                                "chroot",
                                                "pidfile",
                                                "hide-identity",
                                                "hide-version",
                                                "hide-trustanchor",
                                                "harden-glue",
                                                "harden-dnssec-stripped",
                                                "harden-below-nxdomain",
                                                "aggressive-nsec",
                                                "deny-any",
                                                "root-hints",
                                                "auto-trust-anchor-file",
                                                "trust-anchor-file",
                                                "tls-cert-bundle",
                                                "key-cache-size",
                                                "neg-cache-size",
                                                "so-reuseport",
                                                "so-rcvbuf",
                                                "so-sndbuf",
                                                "edns-buffer-size",
                                                "statistics-interval",
                                                "statistics-cumulative",
                                                "extended-statistics",
                                                "infra-cache-numhosts",
                                                "msg-cache-slabs",
                                                "rrset-cache-slabs",
                                                "infra-cache-slabs",
                                                "key-cache-slabs",
                                                "outgoing-range",
                                                "num-queries-per-thread",
                                                "prefetch-key",
                                                "unwanted-reply-threshold",
                                                "val-clean-additional",
                                                "harden-referral-path",
                                                "harden-large-queries",
                                                "harden-short-bufsize",
                                                "harden-algo-downgrade",
                                                "log-servfail",
                                                "log-replies",
                                                "log-local-actions",
                                                "ede",
                                                "do-daemonize"};
    if (kIdle.contains(key))
      return out_.change(row, Outcome::idle, "weir does so anyhow, or measures and logs in its own way");
    if ((key == "do-ip4" || key == "do-udp" || key == "do-tcp") && is_true(value))
      return out_.change(row, Outcome::idle, "as ever");
    out_.change(row, Outcome::none, "weir has no such option");
  }

  void add_client(const std::vector<std::string>& values, RowId row) {
    const auto prefix = client_prefix(values[0]);
    const std::string action = values.size() > 1 ? values[1] : "";
    if (!prefix) return out_.change(row, Outcome::none, "not a prefix");
    if (action == "allow" || action == "allow_snoop" || action == "allow_setrd") {
      allowed_.emplace_back(*prefix, row);
      if (action != "allow") out_.change(row, Outcome::differs, "as allow");
      return;
    }
    if (action == "refuse" || action == "deny" || action == "refuse_non_local" || action == "deny_non_local") {
      const auto parsed = Prefix::parse(*prefix);
      if (parsed && parsed->length == 0) return out_.change(row, Outcome::idle, "whoever is not allowed is refused");
      return out_.change(row, Outcome::none,
                         "weir refuses whom no prefix of allow_clients holds; no hole can be cut in one");
    }
    out_.change(row, Outcome::none, "an unknown action '" + action + "'");
  }

  void add_cache(const std::string& value, RowId row) {
    std::string text = to_lower_ascii(value);
    std::uint64_t unit = 1;
    if (!text.empty() && (text.back() == 'k' || text.back() == 'm' || text.back() == 'g')) {
      unit = text.back() == 'k' ? 1ULL << 10 : text.back() == 'm' ? 1ULL << 20 : 1ULL << 30;
      text.pop_back();
    }
    const auto number = parse_seconds(text, 1);
    if (!number || *number < 0 || *number > 1e12) return out_.change(row, Outcome::none, "not a size");
    cache_bytes_ = std::min<std::uint64_t>(cache_bytes_ + static_cast<std::uint64_t>(*number) * unit, 1ULL << 40);
    cache_rows_.push_back(row);
  }

  void add_private_domain(const std::string& value, RowId row) {
    if (!Name::parse(value)) return out_.change(row, Outcome::none, "not a name");
    private_.push_back(value);
    private_rows_.push_back(row);
    out_.set("local", "domains", toml_set(private_), private_rows_.front(), private_rows_);
  }

  void add_outgoing(const std::string& value, RowId row) {
    const auto address = IpAddress::parse(value);
    if (!address) return out_.change(row, Outcome::none, "not an address");
    outgoing_.push_back(address->to_text());
    out_.set("resolver", "outgoing", toml_set(outgoing_), row);
  }

  void set_number(const std::string& section, const std::string& key, const std::string& value, unsigned min,
                  unsigned max, RowId row) {
    const auto number = parse_seconds(value, 1);
    if (!number || *number < min || *number > max) return out_.change(row, Outcome::none, "out of bounds");
    out_.set(section, key, toml_number(static_cast<std::uint64_t>(*number)), row);
  }

  void set_listen() {
    std::vector<std::string> listen;
    std::vector<RowId> rows;
    for (const Setting& wanted : listen_) {
      const auto at = wanted.value.find('@');
      const auto address = IpAddress::parse(wanted.value.substr(0, at));
      const std::string port = at != std::string::npos ? wanted.value.substr(at + 1) : port_;
      const auto endpoint = Endpoint::parse("0.0.0.0:" + port, 53);
      if (!address || !endpoint) {
        out_.change(wanted.row, Outcome::none, "not an address: weir listens on addresses, not on interfaces");
        continue;
      }
      listen.push_back(Endpoint{*address, endpoint->port}.to_text());
      rows.push_back(wanted.row);
    }
    if (port_row_) rows.push_back(*port_row_);
    if (!listen.empty()) {
      out_.set("resolver", "listen", toml_set(listen), rows.front(), rows);
    } else if (port_row_ && port_ != "53") {
      out_.set("resolver", "listen", toml_set({"127.0.0.1:" + port_, "[::1]:" + port_}), *port_row_);
    }
  }

  // ---- forward-zone:, stub-zone:, rpz:

  void take_zone_key(const std::string& key, const std::string& value, RowId row) {
    const std::string bare = key.substr(key.find('-') + 1);
    if (key == "name") {
      clause_.name = value;
      clause_.row = row;
    } else if (bare == "addr") {
      clause_.servers.emplace_back(value, row);
    } else if (bare == "first") {
      clause_.first = is_true(value);
      out_.change(row, clause_.first ? Outcome::translated : Outcome::idle,
                  clause_.first ? "fallback = \"recursion\" of its [[forward]]" : "as ever");
    } else if (bare == "tls-upstream" || bare == "ssl-upstream") {
      clause_.tls = is_true(value);
      clause_.tls_row = row;
      if (!clause_.tls) out_.change(row, Outcome::idle, "as ever");
    } else if (bare == "host") {
      out_.change(row, Outcome::none, "weir wants the address of a server, not its name");
    } else if (bare == "no-cache" && !is_true(value)) {
      out_.change(row, Outcome::idle, "as ever");
    } else {
      out_.change(row, Outcome::none, "weir has no such option");
    }
  }

  void take_rpz_key(const std::string& key, const std::string& value, RowId row) {
    if (key == "name") {
      clause_.name = value;
      clause_.row = row;
    } else if (key == "url" || (key == "zonefile" && clause_.source.empty())) {
      clause_.source = key == "zonefile" && !fs::path(value).is_absolute() ? (folder_ / value).string() : value;
      clause_.source_row = row;
    } else if (key == "rpz-action-override" && value == "disabled") {
      clause_.observe = true;
      out_.change(row, Outcome::translated, "mode = \"observe\" of its [[list]]");
    } else if (key == "rpz-log" || key == "rpz-log-name") {
      out_.change(row, Outcome::idle, "weir logs each decision");
    } else if (key == "zonefile") {
      out_.change(row, Outcome::idle, "where Unbound keeps what it has fetched");
    } else {
      out_.change(row, Outcome::none,
                  key == "primary" || key == "master"
                      ? "a zone by transfer is not a source of a list yet: give its URL or file"
                      : "weir has no such option");
    }
  }

  void end_clause() {
    if (clause_.kind == "rpz") return end_rpz();
    if (clause_.kind != "forward-zone" && clause_.kind != "stub-zone") return;
    if (clause_.name.empty()) return;
    if (!Name::parse(clause_.name)) return out_.change(clause_.row, Outcome::none, "not a name");
    if (clause_.tls) {
      out_.change(clause_.row, Outcome::none,
                  "not forwarded: the servers are asked over TLS there, which weir cannot yet");
      out_.change(clause_.tls_row, Outcome::none, "weir asks resolvers over UDP and TCP");
      for (const auto& [text, row] : clause_.servers) out_.change(row, Outcome::none, "asked over TLS there");
      return;
    }
    bool any = false;
    for (const auto& [text, row] : clause_.servers) {
      const Server server = parse_upstream(text.substr(0, text.find('#')), '@');
      if (!server.objection.empty()) {
        out_.change(row, Outcome::none, server.objection);
        continue;
      }
      MigratedForward& forward = out_.forward(clause_.name, clause_.row);
      forward.kind = clause_.kind == "stub-zone" ? "stub" : "forward";
      forward.fallback = forward.fallback || clause_.first;
      forward.servers.push_back({"", toml_string(server.text), row});
      any = true;
    }
    if (!any) out_.change(clause_.row, Outcome::none, "no server of it can be asked");
  }

  void end_rpz() {
    if (clause_.name.empty()) return;
    if (clause_.source.empty())
      return out_.change(clause_.row, Outcome::none, "neither a URL nor a file that the zone is in");
    if (const auto objection = objection_to_source(clause_.source))
      return out_.change(clause_.row, Outcome::none, *objection);
    MigratedList& list = out_.lists.emplace_back();
    list.name = config_name(clause_.name, "rpz", list_names_);
    list.source = clause_.source;
    list.comment = "response policy zone " + clause_.name;
    list.settings = {{"kind", "\"rpz\"", clause_.row}};
    if (clause_.observe) list.settings.push_back({"mode", "\"observe\"", clause_.row});
    list.row = clause_.source_row;
    list.has_row = true;
    out_.change(clause_.row, Outcome::translated, "[[list]] of kind rpz");
  }

  Migration& out_;
  fs::path folder_;
  std::size_t files_ = 0;
  Clause clause_;
  UnboundZones zones_;
  std::vector<Setting> listen_;
  std::string port_ = "53";
  std::optional<RowId> port_row_;
  std::vector<std::pair<std::string, RowId>> allowed_;
  std::vector<std::string> outgoing_, list_names_;
  std::vector<std::string> private_;
  std::vector<RowId> private_rows_;
  std::uint64_t cache_bytes_ = 0;
  std::vector<RowId> cache_rows_;
};

}  // namespace

Result<Migration> read_unbound(const fs::path& file) {
  Migration out;
  out.system = "unbound";
  out.notes = {
      "A zone of type static, refuse or the like without data is a rule: it is logged as a decision and says so in an "
      "Extended DNS Error, and a group's policy may leave it out.",
      "NXDOMAIN for a name becomes NODATA where something below it is open (RFC 8020)."};
  auto text = read_text_file(file, kMaxInputBytes);
  if (!text) return text.error();
  UnboundReader reader(out, file.parent_path());
  if (auto read = reader.read(file.filename().string(), *text, 0); !read) return read.error();
  reader.finish();
  return out;
}

}  // namespace weir::migrate
