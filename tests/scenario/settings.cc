#include "tests/scenario/settings.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <unordered_map>

#include "zones/base/text.h"

namespace weir::scenario {
namespace {

// A reader says what was expected, or nothing where the line could be read.
using Expected = std::optional<std::string>;
struct Place {
  ScenarioSettings& settings;
  const Scenario& scenario;
};
using ReadLine = std::function<Expected(const Place&, const ConfigLine&)>;
template <class Target>
using ReadInto = std::function<Expected(Target&, const ConfigLine&)>;

std::optional<bool> switch_of(const std::string& word) {
  if (word == "yes" || word == "on" || word == "true") return true;
  if (word == "no" || word == "off" || word == "false") return false;
  return std::nullopt;
}

template <class Number>
bool read_number(const std::string& word, Number& out) {
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), out);
  return error == std::errc() && end == word.data() + word.size();
}

template <class Target>
ReadInto<Target> into(bool Target::* member) {
  return [member](Target& target, const ConfigLine& line) -> Expected {
    const auto value = line.words.size() == 1 ? switch_of(line.words[0]) : std::nullopt;
    if (!value) return "yes or no";
    target.*member = *value;
    return std::nullopt;
  };
}

template <class Target>
ReadInto<Target> into(std::uint32_t Target::* member) {
  return [member](Target& target, const ConfigLine& line) -> Expected {
    return line.words.size() == 1 && read_number(line.words[0], target.*member) ? Expected() : "a number";
  };
}

template <class Target>
ReadInto<Target> into(std::optional<std::uint32_t> Target::* member) {
  return [member](Target& target, const ConfigLine& line) -> Expected {
    std::uint32_t value = 0;
    if (line.words.size() != 1 || !read_number(line.words[0], value)) return "a number";
    target.*member = value;
    return std::nullopt;
  };
}

template <class Target>
ReadInto<Target> into(std::string Target::* member) {
  return [member](Target& target, const ConfigLine& line) -> Expected {
    target.*member = line.value();
    return std::nullopt;
  };
}

template <class Target>
ReadInto<Target> into(std::vector<std::string> Target::* member) {
  return [member](Target& target, const ConfigLine& line) -> Expected {
    if (line.words.empty()) return "a value";
    (target.*member).push_back(line.value());
    return std::nullopt;
  };
}

template <class Target>
ReadInto<Target> into(Name Target::* member) {
  return [member](Target& target, const ConfigLine& line) -> Expected {
    auto name = line.words.size() == 1 ? Name::parse(line.words[0]) : Error{};
    if (!name) return "a name";
    target.*member = std::move(*name);
    return std::nullopt;
  };
}

template <class Target>
ReadInto<Target> into(std::vector<Name> Target::* member) {
  return [member](Target& target, const ConfigLine& line) -> Expected {
    auto name = line.words.size() == 1 ? Name::parse(line.words[0]) : Error{};
    if (!name) return "a name";
    (target.*member).push_back(std::move(*name));
    return std::nullopt;
  };
}

Result<IpAddress> address_of(const std::string& word) {
  return IpAddress::parse(word.substr(0, word.find_first_of("@#")));
}

template <class Target>
ReadInto<Target> into(std::vector<IpAddress> Target::* member) {
  return [member](Target& target, const ConfigLine& line) -> Expected {
    auto address = line.words.size() == 1 ? address_of(line.words[0]) : Error{};
    if (!address) return "an address";
    (target.*member).push_back(*address);
    return std::nullopt;
  };
}

template <class Target>
ReadInto<Target> into(std::optional<Prefix> Target::* member) {
  return [member](Target& target, const ConfigLine& line) -> Expected {
    auto prefix = line.words.size() == 1 ? Prefix::parse(line.words[0]) : Error{};
    if (!prefix) return "a prefix";
    target.*member = *prefix;
    return std::nullopt;
  };
}

template <class Target>
ReadInto<Target> into(std::vector<LocalZone> Target::* member) {
  return [member](Target& target, const ConfigLine& line) -> Expected {
    auto name = line.words.size() == 2 ? Name::parse(line.words[0]) : Error{};
    if (!name) return "a zone and its type";
    (target.*member).push_back({std::move(*name), line.words[1]});
    return std::nullopt;
  };
}

// --- lines of the server -----------------------------------------------------------------------------------------

// "20070916134226", in UTC.
std::optional<std::chrono::seconds> seconds_of_date(const std::string& text) {
  if (text.size() != 14 || !std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; })) return std::nullopt;
  const auto part = [&](std::size_t at, std::size_t size) { return std::stoi(text.substr(at, size)); };
  const std::chrono::year_month_day day{std::chrono::year(part(0, 4)),
                                        std::chrono::month(static_cast<unsigned>(part(4, 2))),
                                        std::chrono::day(static_cast<unsigned>(part(6, 2)))};
  if (!day.ok()) return std::nullopt;
  return std::chrono::sys_days(day).time_since_epoch() + std::chrono::hours(part(8, 2)) +
         std::chrono::minutes(part(10, 2)) + std::chrono::seconds(part(12, 2));
}

Expected read_date(const Place& place, const ConfigLine& line) {
  const std::string value = line.value();
  if (value == "-1") {
    place.settings.ignore_signature_dates = true;
    return std::nullopt;
  }
  place.settings.validation_time = seconds_of_date(value);
  return place.settings.validation_time ? Expected() : "a date as YYYYMMDDHHMMSS";
}

Expected read_timestamp(const Place& place, const ConfigLine& line) {
  std::int64_t seconds = 0;
  if (!read_number(line.value(), seconds) || seconds < 0 || seconds > 1LL << 40) return "seconds since 1970";
  place.settings.validation_time = std::chrono::seconds(seconds);
  return std::nullopt;
}

Expected read_modules(const Place& place, const ConfigLine& line) {
  const std::string modules = " " + line.value() + " ";
  const auto has = [&](const char* word) { return modules.find(word) != std::string::npos; };
  place.settings.has_validator = has(" validator ");
  place.settings.has_response_rules = has(" respip ");
  place.settings.has_dns64 = has(" dns64 ");
  return std::nullopt;
}

Expected read_fetch_policy(const Place& place, const ConfigLine& line) {
  const std::string value = line.value();
  if (value.empty()) return "numbers";
  place.settings.fetches_ahead = value.find_first_not_of("0 ") != std::string::npos;
  return std::nullopt;
}

Expected read_access(const Place& place, const ConfigLine& line) {
  auto prefix = line.words.size() == 2 ? Prefix::parse(line.words[0]) : Error{};
  if (!prefix) return "a prefix and an action";
  place.settings.access.push_back({*prefix, line.words[1]});
  return std::nullopt;
}

Expected read_root_hints(const Place& place, const ConfigLine& line) {
  const auto file = place.scenario.files.find(line.value());
  if (file == place.scenario.files.end()) return "a file that the scenario holds";
  place.settings.root_hints += file->second;
  return std::nullopt;
}

Expected read_policy_line(const Place& place, const ConfigLine& line) {
  place.settings.policy_lines.push_back({line.key, line.words});
  return std::nullopt;
}

// Deckard writes `stub-addr` outside of any block: the root is there.
Expected read_root_address(const Place& place, const ConfigLine& line) {
  place.settings.dialect = ScenarioSettings::Dialect::deckard;
  return into(&ScenarioSettings::root_addresses)(place.settings, line);
}

Expected read_root_name(const Place& place, const ConfigLine& line) {
  auto name = Name::parse(line.value());
  if (!name) return "a name";
  place.settings.root_server_name = std::move(*name);
  return std::nullopt;
}

Expected read_root_forwarder(const Place& place, const ConfigLine& line) {
  auto address = address_of(line.value());
  if (!address) return "an address";
  auto& zones = place.settings.forward_zones;
  if (zones.empty() || !zones.back().name.is_root()) zones.push_back({.line = line.line});
  zones.back().addresses.push_back(*address);
  return std::nullopt;
}

// "min_ttl = 300, dns64_prefix=fe80::21b:aabb:0:0"
Expected read_features(const Place& place, const ConfigLine& line) {
  ScenarioSettings& settings = place.settings;
  std::string text = line.value();
  std::erase(text, ' ');
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    const std::string feature = text.substr(at, end - at);
    at = end + 1;
    const auto equals = feature.find('=');
    const std::string key = feature.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : feature.substr(equals + 1);
    if (key == "min_ttl" || key == "max_ttl") {
      if (!read_number(value, key == "min_ttl" ? settings.cache_min_ttl : settings.cache_max_ttl)) return "a TTL";
    } else if (key == "dns64_prefix") {
      auto prefix = IpAddress::parse(value);
      if (!prefix) return "a prefix";
      settings.dns64_prefix = Prefix::of(*prefix, 96);
      settings.has_dns64 = true;
    } else {
      settings.features.push_back(feature);
    }
  }
  return std::nullopt;
}

Expected read_minimisation_strict(const Place& place, const ConfigLine& line) {
  return into(&ScenarioSettings::qname_minimisation_strict)(place.settings, line);
}

template <class Member>
ReadLine to_settings(Member member) {
  return [read = into(member)](const Place& place, const ConfigLine& line) { return read(place.settings, line); };
}

// Lines that change no answer: what is logged, threads, memory.
Expected changes_no_answer(const Place&, const ConfigLine&) {
  return std::nullopt;
}

const std::unordered_map<std::string, ReadLine>& server_lines() {
  using S = ScenarioSettings;
  static const std::unordered_map<std::string, ReadLine> table = {
      {"target-fetch-policy", read_fetch_policy},
      {"qname-minimisation", to_settings(&S::qname_minimisation)},
      {"query-minimization", to_settings(&S::qname_minimisation)},
      {"qname-minimisation-strict", read_minimisation_strict},
      {"do-ip4", to_settings(&S::use_ipv4)},
      {"do-ip6", to_settings(&S::use_ipv6)},
      {"do-not-query-address", to_settings(&S::do_not_query_addresses)},
      {"do-not-query-localhost", to_settings(&S::do_not_query_localhost)},
      {"root-hints", read_root_hints},
      {"stub-addr", read_root_address},
      {"stub-name", read_root_name},
      {"stub-prime", to_settings(&S::root_is_primed)},
      {"forward-addr", read_root_forwarder},
      {"features", read_features},
      {"feature-list", read_features},

      {"trust-anchor", to_settings(&S::trust_anchors)},
      {"domain-insecure", to_settings(&S::domain_insecure)},
      {"val-override-date", read_date},
      {"val-override-timestamp", read_timestamp},
      {"fake-sha1", to_settings(&S::sha1_supported)},
      {"trust-anchor-signaling", to_settings(&S::trust_anchor_signaling)},
      {"root-key-sentinel", to_settings(&S::root_key_sentinel)},
      {"aggressive-nsec", to_settings(&S::aggressive_nsec)},
      {"harden-dnssec-stripped", to_settings(&S::harden_dnssec_stripped)},
      {"harden-algo-downgrade", to_settings(&S::harden_algo_downgrade)},
      {"nsec3-iterations", to_settings(&S::nsec3_iterations)},
      {"val-max-restart", to_settings(&S::val_max_restart)},

      {"harden-glue", to_settings(&S::harden_glue)},
      {"harden-unverified-glue", to_settings(&S::harden_unverified_glue)},
      {"harden-below-nxdomain", to_settings(&S::harden_below_nxdomain)},
      {"harden-referral-path", to_settings(&S::harden_referral_path)},
      {"harden-unknown-additional", to_settings(&S::harden_unknown_additional)},
      {"iter-scrub-promiscuous", to_settings(&S::scrub_promiscuous)},
      {"ask-for-alias-targets", to_settings(&S::ask_for_alias_targets)},
      {"iter-scrub-ns", to_settings(&S::scrub_ns)},
      {"max-query-restarts", to_settings(&S::max_query_restarts)},
      {"max-global-quota", to_settings(&S::max_global_quota)},
      {"outbound-msg-retry", to_settings(&S::outbound_msg_retry)},

      {"cache-min-ttl", to_settings(&S::cache_min_ttl)},
      {"cache-max-ttl", to_settings(&S::cache_max_ttl)},
      {"cache-min-negative-ttl", to_settings(&S::cache_min_negative_ttl)},
      {"cache-max-negative-ttl", to_settings(&S::cache_max_negative_ttl)},
      {"prefetch", to_settings(&S::prefetch)},
      {"prefetch-key", to_settings(&S::prefetch_key)},
      {"serve-expired", to_settings(&S::serve_expired)},
      {"serve-expired-ttl", to_settings(&S::serve_expired_ttl)},
      {"serve-expired-ttl-reset", to_settings(&S::serve_expired_ttl_reset)},
      {"serve-expired-reply-ttl", to_settings(&S::serve_expired_reply_ttl)},
      {"serve-expired-client-timeout", to_settings(&S::serve_expired_client_timeout_ms)},

      {"minimal-responses", to_settings(&S::minimal_responses)},
      {"rrset-roundrobin", to_settings(&S::rrset_roundrobin)},
      {"ede", to_settings(&S::ede)},
      {"ede-serve-expired", to_settings(&S::ede_serve_expired)},
      {"identity", to_settings(&S::identity)},
      {"version", to_settings(&S::version)},
      {"hide-identity", to_settings(&S::hide_identity)},
      {"hide-version", to_settings(&S::hide_version)},
      {"answer-cookie", to_settings(&S::answer_cookie)},
      {"cookie-secret", to_settings(&S::cookie_secret)},
      {"edns-tcp-keepalive", to_settings(&S::tcp_keepalive)},
      {"edns-tcp-keepalive-timeout", to_settings(&S::tcp_keepalive_timeout_ms)},

      {"module-config", read_modules},
      {"dns64-prefix", to_settings(&S::dns64_prefix)},
      {"dns64-blocked-untranslated", to_settings(&S::dns64_blocked_untranslated)},
      {"dns64-private-addresses", to_settings(&S::dns64_private_addresses)},
      {"do-nat64", to_settings(&S::do_nat64)},
      {"nat64-prefix", to_settings(&S::nat64_prefix)},

      {"access-control", read_access},
      {"local-zone", to_settings(&S::local_zones)},
      {"local-data", to_settings(&S::local_data)},
      {"private-address", to_settings(&S::private_addresses)},
      {"private-domain", to_settings(&S::private_domains)},
      {"define-tag", read_policy_line},
      {"access-control-tag", read_policy_line},
      {"access-control-tag-action", read_policy_line},
      {"access-control-tag-data", read_policy_line},
      {"access-control-view", read_policy_line},
      {"local-zone-tag", read_policy_line},
      {"local-zone-override", read_policy_line},
      {"response-ip", read_policy_line},
      {"response-ip-data", read_policy_line},
      {"response-ip-tag", read_policy_line},

      {"discard-timeout", to_settings(&S::discard_timeout_ms)},
      {"num-queries-per-thread", to_settings(&S::queries_per_thread)},

      {"verbosity", changes_no_answer},
      {"log-servfail", changes_no_answer},
      {"log-queries", changes_no_answer},
      {"val-log-level", changes_no_answer},
      {"directory", changes_no_answer},
      {"chroot", changes_no_answer},
      {"username", changes_no_answer},
      {"num-threads", changes_no_answer},
      {"use-syslog", changes_no_answer},
      {"logfile", changes_no_answer},
  };
  return table;
}

// --- blocks ------------------------------------------------------------------------------------------------------

const std::unordered_map<std::string, ReadInto<UpstreamZone>>& zone_lines() {
  using Z = UpstreamZone;
  static const std::unordered_map<std::string, ReadInto<Z>> table = {
      {"name", into(&Z::name)},
      {"stub-addr", into(&Z::addresses)},
      {"forward-addr", into(&Z::addresses)},
      {"stub-host", into(&Z::hosts)},
      {"forward-host", into(&Z::hosts)},
      {"stub-prime", into(&Z::prime)},
      {"stub-first", into(&Z::first)},
      {"forward-first", into(&Z::first)},
      {"stub-no-cache", into(&Z::no_cache)},
      {"forward-no-cache", into(&Z::no_cache)},
  };
  return table;
}

// Words of "tag1 tag2", however they are quoted.
Expected read_tags(PolicyZone& zone, const ConfigLine& line) {
  std::string word;
  for (const char c : line.value() + " ") {
    if (c != ' ') {
      word += c;
    } else if (!word.empty()) {
      zone.tags.push_back(std::exchange(word, {}));
    }
  }
  return std::nullopt;
}

const std::unordered_map<std::string, ReadInto<PolicyZone>>& policy_zone_lines() {
  using Z = PolicyZone;
  static const ReadInto<Z> no_effect = [](Z&, const ConfigLine&) -> Expected { return std::nullopt; };
  static const std::unordered_map<std::string, ReadInto<Z>> table = {
      {"name", into(&Z::name)},
      {"master", into(&Z::primaries)},
      {"primary", into(&Z::primaries)},
      {"tags", read_tags},
      {"rpz-action-override", into(&Z::action_override)},
      {"rpz-cname-override", into(&Z::cname_override)},
      {"rpz-signal-nxdomain-ra", into(&Z::signal_nxdomain_ra)},
      {"rpz-safe-nxdomain", into(&Z::safe_nxdomain)},
      {"rpz-log", no_effect},
      {"rpz-log-name", no_effect},
  };
  return table;
}

const std::unordered_map<std::string, ReadInto<View>>& view_lines() {
  using V = View;
  static const ReadInto<V> response_ip = [](V& view, const ConfigLine& line) -> Expected {
    view.response_ip.push_back(line.words);
    return std::nullopt;
  };
  static const std::unordered_map<std::string, ReadInto<V>> table = {
      {"name", into(&V::name)},
      {"view-first", into(&V::first)},
      {"local-zone", into(&V::local_zones)},
      {"local-data", into(&V::local_data)},
      {"response-ip", response_ip},
      {"response-ip-data", response_ip},
  };
  return table;
}

class Reading {
 public:
  explicit Reading(const Scenario& scenario) : scenario_(scenario) {}

  Result<ScenarioSettings> read() {
    for (const ConfigBlock& block : scenario_.config) {
      read_block(block);
      if (error_) return *error_;
    }
    return std::move(settings_);
  }

 private:
  std::string where(unsigned line) const { return scenario_.file + ":" + std::to_string(line) + ": "; }
  static std::string shown(const ConfigLine& line) {
    return line.key + ": " + escape_for_display(line.value().substr(0, 100));
  }

  void check(const ConfigLine& line, const Expected& expected) {
    if (!expected || error_) return;
    error_ = Error{ErrorCode::invalid, where(line.line) + "'" + shown(line) + "': expected " + *expected};
  }

  template <class Target, class Table>
  void read_lines(const ConfigBlock& block, const Table& table, Target& target) {
    for (const ConfigLine& line : block.lines) {
      const auto known = table.find(line.key);
      if (known == table.end()) {
        settings_.unknown.push_back(where(line.line) + block.kind + ": " + shown(line));
      } else {
        check(line, known->second(target, line));
      }
    }
  }

  void read_block(const ConfigBlock& block) {
    if (block.kind == "server") {
      Place place{settings_, scenario_};
      read_lines(block, server_lines(), place);
    } else if (block.kind == "stub-zone" || block.kind == "forward-zone") {
      read_zone(block);
    } else if (block.kind == "rpz") {
      read_policy_zone(block);
    } else if (block.kind == "view") {
      View view{.line = block.line};
      read_lines(block, view_lines(), view);
      settings_.views.push_back(std::move(view));
    } else {
      settings_.unknown.push_back(where(block.line) + block.kind + ":");
    }
  }

  void read_zone(const ConfigBlock& block) {
    UpstreamZone zone{.line = block.line};
    read_lines(block, zone_lines(), zone);
    if (block.kind == "forward-zone") {
      settings_.forward_zones.push_back(std::move(zone));
    } else if (zone.name.is_root()) {
      auto& roots = settings_.root_addresses;
      roots.insert(roots.end(), zone.addresses.begin(), zone.addresses.end());
      settings_.root_is_primed = settings_.root_is_primed || zone.prime;
    } else {
      settings_.stub_zones.push_back(std::move(zone));
    }
  }

  void read_policy_zone(const ConfigBlock& block) {
    PolicyZone zone{.line = block.line};
    ConfigBlock rest{block.line, block.kind, {}};
    for (const ConfigLine& line : block.lines) {
      if (line.key != "zonefile") {
        rest.lines.push_back(line);
        continue;
      }
      const auto file = scenario_.files.find(line.value());
      if (file == scenario_.files.end()) {
        check(line, "a file that the scenario holds");
      } else {
        zone.content = file->second;
      }
    }
    read_lines(rest, policy_zone_lines(), zone);
    settings_.policy_zones.push_back(std::move(zone));
  }

  const Scenario& scenario_;
  ScenarioSettings settings_;
  std::optional<Error> error_;
};

}  // namespace

WallTime ScenarioSettings::wall_start() const {
  // Without a date the clock begins in 1970, as it does where the files were written: the cookies in them say so.
  return WallTime(validation_time.value_or(std::chrono::seconds(0)));
}

Result<ScenarioSettings> read_settings(const Scenario& scenario) {
  return Reading(scenario).read();
}

std::optional<std::string> not_applicable(const ScenarioSettings& settings, const PolicyFeatures& features) {
  const auto has_line = [&](std::string_view part) {
    return std::ranges::any_of(settings.policy_lines, [&](const ScenarioSettings::PolicyLine& line) {
      return line.key.find(part) != std::string::npos;
    });
  };
  const bool view_response =
      std::ranges::any_of(settings.views, [](const View& view) { return !view.response_ip.empty(); });
  if (settings.do_nat64) return "nat64: weir has none, and will not";
  if (!settings.policy_zones.empty() && !features.rpz) return "rpz: comes with the policy work";
  if ((has_line("response-ip") || view_response) && !features.response_ip)
    return "response-ip: comes with the policy work";
  if ((has_line("-tag") || has_line("local-zone-override")) && !features.tags) return "tags: come with the policy work";
  if ((!settings.views.empty() || has_line("access-control-view")) && !features.views) {
    return "views: come with the policy work";
  }
  if (!settings.private_addresses.empty() && !features.private_address) {
    return "private-address: comes with the policy work";
  }
  if (!settings.features.empty()) return "feature of another program: " + settings.features.front();
  return std::nullopt;
}

}  // namespace weir::scenario
