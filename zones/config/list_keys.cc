// The keys of [[list]], [[policy]] and [[group]].
#include <algorithm>

#include "zones/base/text.h"
#include "zones/config/kinds.h"

namespace weir::config {
namespace {

namespace fs = std::filesystem;

Result<std::string> parse_source(std::string_view text, const Faults& faults) {
  const auto colon = text.find("://");
  if (colon != std::string_view::npos) {
    const std::string scheme = to_lower_ascii(text.substr(0, colon));
    if (scheme != "http" && scheme != "https" && scheme != "file")
      return Error{ErrorCode::invalid, "'" + scheme + "://' is neither https, http nor file"};
    if (std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) <= ' '; }))
      return Error{ErrorCode::invalid, "a URL has no spaces or control characters"};
    if (text.size() == colon + 3 || text.size() > 4000) return Error{ErrorCode::invalid, "this is no whole URL"};
    if (scheme != "file") return std::string(text);
    text.remove_prefix(colon + 3);
    if (text[0] != '/') return Error{ErrorCode::invalid, "a file URL has no host: file:///path"};
  }
  if (text.empty() || text.find('\0') != std::string_view::npos || text.size() > 4000)
    return Error{ErrorCode::invalid, "this cannot be a path"};
  return (faults.folder() / fs::path(text)).lexically_normal().string();
}

Choice<Reaction> reaction() {
  return {{{"hold", Reaction::hold}, {"warn", Reaction::warn}, {"allow", Reaction::allow}}};
}

// The second line of a minisign.pub: 42 octets in base64, of which the first two say Ed25519.
Result<std::string> parse_minisign_key(std::string_view text, const Faults&) {
  const bool is_base64 = std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
  });
  if (text.empty()) return std::string();
  if (!is_base64 || text.size() != 56 || !text.starts_with("RW")) {
    return Error{ErrorCode::invalid, "it begins with RW and has 56 letters and digits"};
  }
  return std::string(text);
}

Parsed<std::string> source() {
  return {"an https or http URL, or a file", parse_source, [](const std::string& value) { return value; }};
}

}  // namespace

const Keys<ListConfig>& list_keys() {
  using C = ListConfig;
  static const Keys<C> keys = {
      required(key<C>(
          "name", config_name(), [](C& c) -> auto& { return c.definition.name; }, "what the list is called")),
      key<C>(
          "source", source(), [](C& c) -> auto& { return c.source; },
          "https or http URL, or a file (relative to the file that names it); required unless zone is there"),
      optional_name_key<C>(
          "zone", [](C& c) -> auto& { return c.zone; },
          "a response policy zone that is transferred from its primaries (AXFR, IXFR), instead of source"),
      key<C>(
          "primaries", ArrayOf<Parsed<Endpoint>>{endpoint(53), 0, 16}, [](C& c) -> auto& { return c.primaries; },
          "servers that have the zone, asked in this order; they alone may say that it changed"),
      optional_name_key<C>(
          "tsig_key", [](C& c) -> auto& { return c.tsig_key; },
          "the [[tsig_key]] that queries, transfers and notifies of the zone are signed with"),
      key<C>(
          "tls", Flag{}, [](C& c) -> auto& { return c.tls; },
          "primaries are asked over TLS (RFC 9103), those without a port on 853"),
      key<C>(
          "tls_name", text(253), [](C& c) -> auto& { return c.tls_name; },
          "what their certificate is for; empty: their address"),
      key<C>(
          "tls_ca", path("a file of certificates"), [](C& c) -> auto& { return c.tls_ca; },
          "certificates (PEM) of who may have signed theirs; empty: the system's"),
      key<C>(
          "kind",
          Choice<ListKind>{{{"block", ListKind::block},
                            {"allow", ListKind::allow},
                            {"address", ListKind::address},
                            {"rpz", ListKind::rpz}}},
          [](C& c) -> auto& { return c.definition.kind; },
          "what its entries do: block names, allow names, block answers that hold an address, or (rpz, a response "
          "policy "
          "zone) what each says itself"),
      key<C>(
          "match",
          Choice<NameMatch>{
              {{"auto", NameMatch::automatic}, {"exact", NameMatch::exact}, {"subtree", NameMatch::subtree}}},
          [](C& c) -> auto& { return c.match; },
          "what a bare name means: itself, or itself and all below; auto: what the publisher's header says, else "
          "exact (kind rpz: exact)"),
      key<C>(
          "dialect",
          Choice<std::string>{{{"auto", "auto"},
                               {"hosts", "hosts"},
                               {"domains", "domains"},
                               {"wildcard", "wildcard"},
                               {"adblock", "adblock"},
                               {"dnsmasq", "dnsmasq"},
                               {"unbound", "unbound"},
                               {"addresses", "addresses"},
                               {"rpz", "rpz"}}},
          [](C& c) -> auto& { return c.dialect; }, "how its lines are written; auto: detected line by line"),
      key<C>(
          "every", duration(kSecond, 365 * kDay), [](C& c) -> auto& { return c.every; },
          "how often it is fetched; a zone's own refresh and retry are followed where they are shorter"),
      key<C>(
          "policies", ArrayOf<Parsed<std::string>>{config_name(), 0, 1000}, [](C& c) -> auto& { return c.policies; },
          "policies that it belongs to, as if they named it"),
      key<C>(
          "rank", Whole<int>{kMinListRank, kMaxListRank}, [](C& c) -> auto& { return c.definition.rank; },
          "lower is asked first, the first rank with a match decides; by default 3 for kind allow, 4 for block and "
          "address, 5 and up for kind rpz in the order of the file"),
      key<C>(
          "mode", Choice<ListMode>{{{"enforce", ListMode::enforce}, {"observe", ListMode::observe}}},
          [](C& c) -> auto& { return c.definition.mode; }, "observe: matches are logged, not enforced"),
      key<C>(
          "exceptions", Choice<ExceptionScope>{{{"own", ExceptionScope::own}, {"rank", ExceptionScope::rank}}},
          [](C& c) -> auto& { return c.definition.exceptions; },
          "what its @@ lines open: its own blocks, or those of its whole rank"),
      key<C>(
          "order", Choice<Order>{{{"adblock", Order::adblock}, {"specific", Order::specific}}},
          [](C& c) -> auto& { return c.definition.order; },
          "inside its rank: allow beats block, or the most specific rule wins"),
      key<C>(
          "rewrites", Flag{}, [](C& c) -> auto& { return c.definition.rewrites; },
          "its addresses and targets are trusted as answers"),
      key<C>(
          "actions", Choice<bool>{{{"policy", false}, {"own", true}}},
          [](C& c) -> auto& { return c.definition.own_actions; },
          "how a match is answered: as the policy blocks, or as the list itself says"),
      key<C>(
          "nxdomain", Choice<NameErrors>{{{"safe", NameErrors::safe}, {"as_written", NameErrors::as_written}}},
          [](C& c) -> auto& { return c.definition.nxdomain; },
          "where an NXDOMAIN would also deny names below that the entry does not mean: safe answers NODATA, as_written "
          "NXDOMAIN all the same, as BIND and Unbound do (caches may then deny those names too, RFC 8020)"),
      key<C>(
          "wildcards", Choice<Wildcards>{{{"below", Wildcards::below}, {"closest", Wildcards::closest}}},
          [](C& c) -> auto& { return c.definition.wildcards; },
          "how far *.name of a zone reaches: to all below name, or, as in DNS and in BIND and Unbound, not to what "
          "lies "
          "below another name that the zone has (RFC 4592)"),
      key<C>(
          "add_soa", Flag{}, [](C& c) -> auto& { return c.definition.adds_soa; },
          "kind rpz: answers made of its data have its SOA in the additional section, by which people tell where they "
          "come from"),
      key<C>(
          "override",
          Choice<std::optional<Action>>{{{"none", {}},
                                         {"passthru", Action::allow},
                                         {"null", Action::null},
                                         {"nxdomain", Action::nxdomain},
                                         {"nodata", Action::nodata},
                                         {"refused", Action::refused},
                                         {"drop", Action::drop},
                                         {"tcp-only", Action::truncate},
                                         {"cname", Action::cname}}},
          [](C& c) -> auto& { return c.definition.override_action; },
          "kind rpz: what every entry does, whatever it says itself (a zone that only logs has mode = \"observe\")"),
      optional_name_key<C>(
          "override_target", [](C& c) -> auto& { return c.definition.override_target; },
          "the name that answers are an alias of where override = \"cname\""),
      key<C>(
          "private_addresses", Flag{}, [](C& c) -> auto& { return c.private_addresses; },
          "its prefixes in private and loopback space are taken (kind address); else such lines are skipped"),
      key<C>(
          "pausable", Flag{}, [](C& c) -> auto& { return c.definition.pausable; },
          "weir pause lifts it; never where the basis is legal"),
      key<C>(
          "basis",
          Choice<Basis>{
              {{"operator", Basis::operator_choice}, {"legal", Basis::legal}, {"requested", Basis::requested}}},
          [](C& c) -> auto& { return c.definition.basis; },
          "why it is there; gives EDE 15 Blocked, 16 Censored, 17 Filtered (RFC 8914)"),
      key<C>(
          "justification", text(400), [](C& c) -> auto& { return c.definition.justification; },
          "why its names are blocked, for clients that ask; the policy's where empty"),
      key<C>(
          "sub_error",
          Choice<std::uint8_t>{{{"none", 0},
                                {"malware", 1},
                                {"phishing", 2},
                                {"spam", 3},
                                {"spyware", 4},
                                {"network-policy", 5},
                                {"resolver-policy", 6}}},
          [](C& c) -> auto& { return c.definition.sub_error; }, "what its names are, for clients that ask"),
      key<C>(
          "category", text(64), [](C& c) -> auto& { return c.definition.category; },
          "a word of yours, shown in explanations"),
      key<C>(
          "max_shrink", Whole<unsigned>{0, 100}, [](C& c) -> auto& { return c.guards.max_shrink; },
          "a new version that is smaller by more than this percentage is held for approval; 100: never. This and the "
          "next "
          "two leave lists of fewer than 10 rules alone"),
      key<C>(
          "max_growth", Whole<unsigned>{0, 1'000'000}, [](C& c) -> auto& { return c.guards.max_growth; },
          "likewise one that is larger by more than this percentage"),
      key<C>(
          "min_overlap", Whole<unsigned>{0, 100}, [](C& c) -> auto& { return c.guards.min_overlap; },
          "likewise one that has less than this percentage of all rules in common with the version in force"),
      key<C>(
          "public_suffixes", reaction(), [](C& c) -> auto& { return c.guards.public_suffixes; },
          "a new rule that blocks all below a suffix such as com or co.uk: hold the version, warn, or allow it"),
      key<C>(
          "protected_names", reaction(), [](C& c) -> auto& { return c.guards.protected_names; },
          "likewise a new rule that would block a name that no list may block"),
      key<C>(
          "in_use", Whole<unsigned>{0, 1'000'000}, [](C& c) -> auto& { return c.guards.in_use; },
          "a new version that would block a name that was answered from the cache so often is held; 0: none is"),
      key<C>(
          "key",
          Parsed<std::string>{"a minisign public key", parse_minisign_key, [](const std::string& v) { return v; }},
          [](C& c) -> auto& { return c.key; },
          "minisign public key: only bytes signed with it are taken, <source>.minisig has the signature"),
  };
  return keys;
}

namespace {

// The two addresses of `block_address` land in the block answer by their family.
Key<PolicyConfig> block_address_key() {
  const ArrayOf<Parsed<IpAddress>> kind{address(), 1, 2};
  Key<PolicyConfig> out{"block_address",
                        "what a blocked A and AAAA answer with where block = \"address\"",
                        kind.expected() + ", at most one of each family",
                        "[]",
                        Need::optional,
                        {}};
  out.read = [kind](const ConfigValue& in, std::string_view label, PolicyConfig& config, Faults& faults) {
    std::vector<IpAddress> addresses;
    if (!kind.read(in, addresses, label, faults)) return;
    for (std::size_t i = 0; i < addresses.size(); ++i) {
      auto& slot = addresses[i].family == AddressFamily::ipv4 ? config.policy.block.ipv4 : config.policy.block.ipv6;
      if (slot) faults.add(in.items[i].position, std::string(label) + ": two addresses of one family");
      slot = addresses[i];
    }
  };
  return out;
}

Key<PolicyConfig> block_target_key() {
  const Parsed<Name> kind = domain_name();
  Key<PolicyConfig> out{"block_target",  "the name that blocked names are an alias of where block = \"cname\"",
                        kind.expected(), "\"\"",
                        Need::optional,  {}};
  out.read = [kind](const ConfigValue& in, std::string_view label, PolicyConfig& config, Faults& faults) {
    Name target;
    if (kind.read(in, target, label, faults)) config.policy.block.target = target;
  };
  return out;
}

// Words for the bits of Policy::safe_search.
Key<PolicyConfig> safe_search_key() {
  Choice<std::size_t> service;
  for (std::size_t i = 0; i < kSafeSearchServices.size(); ++i) service.words.push_back({kSafeSearchServices[i], i});
  const ArrayOf<Choice<std::size_t>> kind{service, 0, kSafeSearchServices.size()};
  Key<PolicyConfig> out{
      "safe_search", "services that are asked for their filtered answers", kind.expected(), "[]", Need::optional, {}};
  out.read = [kind](const ConfigValue& in, std::string_view label, PolicyConfig& config, Faults& faults) {
    std::vector<std::size_t> services;
    if (!kind.read(in, services, label, faults)) return;
    config.policy.safe_search = 0;
    for (const std::size_t bit : services)
      config.policy.safe_search = static_cast<std::uint16_t>(config.policy.safe_search | 1U << bit);
  };
  return out;
}

}  // namespace

const Keys<PolicyConfig>& policy_keys() {
  using C = PolicyConfig;
  static const Keys<C> keys = {
      required(key<C>(
          "name", config_name(), [](C& c) -> auto& { return c.policy.name; },
          "what the policy is called; \"default\" is for every client that no group names")),
      key<C>(
          "lists", ArrayOf<Parsed<std::string>>{config_name()}, [](C& c) -> auto& { return c.lists; },
          "lists that apply; lists may also name the policy themselves"),
      key<C>(
          "block",
          Choice<BlockMode>{{{"null", BlockMode::null},
                             {"address", BlockMode::address},
                             {"nodata", BlockMode::nodata},
                             {"nxdomain", BlockMode::nxdomain},
                             {"refused", BlockMode::refused},
                             {"cname", BlockMode::cname}}},
          [](C& c) -> auto& { return c.policy.block.mode; },
          "how a blocked name is answered: 0.0.0.0 and ::, block_address, no data, NXDOMAIN, REFUSED, an alias of "
          "block_target"),
      block_address_key(),
      block_target_key(),
      key<C>(
          "ttl", Whole<std::uint32_t>{1, 3600}, [](C& c) -> auto& { return c.policy.block.ttl_seconds; },
          "seconds that a block answer may be kept"),
      key<C>(
          "default",
          Choice<DefaultAction>{
              {{"allow", DefaultAction::allow}, {"deny", DefaultAction::deny}, {"learn", DefaultAction::learn}}},
          [](C& c) -> auto& { return c.policy.default_action; },
          "a name that no rule matches: allow, deny, or learn, which answers and logs what deny would refuse (weir "
          "learn)"),
      key<C>(
          "strict_chain", Flag{}, [](C& c) -> auto& { return c.policy.strict_chain; },
          "block lists also apply to the aliases and addresses of an allowed name"),
      key<C>(
          "aliases", Choice<AliasAnswers>{{{"hidden", AliasAnswers::hidden}, {"shown", AliasAnswers::shown}}},
          [](C& c) -> auto& { return c.policy.aliases; },
          "hidden: a blocked alias is answered at the name asked for, and what a rule answers with instead is resolved "
          "without policy; shown: the aliases before it stay in the answer, and each alias, also one that a rule "
          "gives, "
          "is looked up in the policy again, as BIND and Unbound do with RPZ"),
      key<C>(
          "rebinding_protection", Flag{}, [](C& c) -> auto& { return c.policy.rebinding_protection; },
          "no private addresses for names that are not local ([local] domains)"),
      key<C>(
          "canary_names", Flag{}, [](C& c) -> auto& { return c.policy.canary_names; },
          "NXDOMAIN for names by which browsers and relays ask whether they may go past the filter"),
      safe_search_key(),
      key<C>(
          "signal", Choice<bool>{{{"none", false}, {"ra0", true}}}, [](C& c) -> auto& { return c.policy.clears_ra; },
          "ra0: block answers have RA=0, by which others know them"),
      key<C>(
          "justification", text(400), [](C& c) -> auto& { return c.policy.justification; },
          "why things are blocked, for clients that ask ([answers] structured_errors)"),
      key<C>(
          "ede_text", Choice<EdeText>{{{"off", EdeText::off}, {"list", EdeText::list}, {"rule", EdeText::rule}}},
          [](C& c) -> auto& { return c.policy.ede_text; },
          "words beside the Extended DNS Error: none, the list, or list, name and generation"),
      key<C>(
          "timezone", time_zone(), [](C& c) -> auto& { return c.timezone; },
          "where its clients live: the hours of [[schedule]] are meant there"),
      key<C>(
          "until_loaded", Choice<UntilLoaded>{{{"resolve", UntilLoaded::resolve}, {"refuse", UntilLoaded::refuse}}},
          [](C& c) -> auto& { return c.policy.until_loaded; },
          "what clients get before its lists were loaded for the first time"),
      key<C>(
          "privacy", privacy(), [](C& c) -> auto& { return c.policy.privacy; },
          "what the log keeps of a client: address, /24 or /56, a pseudonym, nothing; as [log] privacy where absent"),
      key<C>(
          "log_all", Flag{}, [](C& c) -> auto& { return c.policy.log_all; },
          "log every query, not only decisions; as [log] all where absent"),
  };
  return keys;
}

const Keys<GroupConfig>& group_keys() {
  using C = GroupConfig;
  static const Keys<C> keys = {
      required(key<C>(
          "name", config_name(), [](C& c) -> auto& { return c.name; },
          "what the group is called; \"default\" is every client that no other group names")),
      key<C>(
          "clients", ArrayOf<Parsed<Prefix>>{prefix()}, [](C& c) -> auto& { return c.clients; },
          "addresses and prefixes; the most specific one of all groups wins"),
      key<C>(
          "policy", config_name(), [](C& c) -> auto& { return c.policy; }, "the policy that holds for them"),
      key<C>(
          "self_service", Flag{}, [](C& c) -> auto& { return c.self_service; },
          "its clients may look at their own decisions of the last minutes and say that one is wrong ([self_service])"),
  };
  return keys;
}

}  // namespace weir::config
