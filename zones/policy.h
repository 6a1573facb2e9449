// Lists, policies and groups as a generation holds them: compiled from weir.toml by the sidecar,
// read by the resolver. Immutable once made.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "zones/base/ids.h"
#include "zones/base/prefix.h"
#include "zones/base/result.h"
#include "zones/dns/name.h"
#include "zones/dns/record_text.h"
#include "zones/dns/record_types.h"
#include "zones/dns64.h"
#include "zones/local_zone.h"
#include "zones/pause.h"
#include "zones/rule.h"
#include "zones/schedule.h"

namespace weir {

enum class ListKind : std::uint8_t { block, allow, address, rpz };
enum class ListMode : std::uint8_t { enforce, observe };
enum class ExceptionScope : std::uint8_t { own, rank };  // whom `@@` opens: this list's blocks, or the whole rank's
enum class Order : std::uint8_t { adblock, specific };   // inside a rank: allow beats block, or the most specific wins
enum class Basis : std::uint8_t { operator_choice, legal, requested };  // EDE 15, 16, 17
enum class NameMatch : std::uint8_t { exact, subtree, automatic };      // what a bare name of a domains list means
// How far a rule on all below a name reaches.
enum class Wildcards : std::uint8_t {
  below,   // to all of it
  closest  // as in DNS, not to what lies below another name that the list has rules on (RFC 4592 section 3.3.1)
};
// What an entry's NXDOMAIN becomes where it would also deny names below that the entry does not mean (RFC 8020).
enum class NameErrors : std::uint8_t { safe, as_written };  // NODATA, or NXDOMAIN all the same

// Default ranks (SEMANTICS section 3).
inline constexpr int kRankOverlays = 0;
inline constexpr int kRankLocal = 1;
inline constexpr int kRankProtected = 2;
inline constexpr int kRankAllow = 3;
inline constexpr int kRankBlock = 4;
inline constexpr int kRankRpz = 5;

// The services whose filtered answers a policy can demand: the reserved list of kSafeSearchServices[n] is
// kFirstSafeSearch + n. The order stands in the store: only append.
inline constexpr std::array<std::string_view, 10> kSafeSearchServices = {
    "google", "bing", "duckduckgo", "youtube", "youtube-moderate", "yandex", "pixabay", "brave", "ecosia", "startpage"};
bool is_safe_search(ListId list);

struct ListDefinition {
  ListId id;
  std::string name;
  ListKind kind = ListKind::block;
  std::string category;
  int rank = kRankBlock;
  ListMode mode = ListMode::enforce;
  ExceptionScope exceptions = ExceptionScope::own;
  Order order = Order::adblock;
  Basis basis = Basis::operator_choice;
  bool own_actions = false;        // actions = "own": the list's own action holds, not the policy's block answer
  bool rewrites = false;           // addresses and targets of the list are trusted as answers
  std::string justification = {};  // said to clients that ask why; the policy's where empty
  std::uint8_t sub_error = 0;      // of structured DNS errors: 1 malware, 2 phishing, 3 spam, 4 spyware, 5, 6; 0: none
  bool pausable = true;            // a pause lifts it; never where the basis is legal
  NameErrors nxdomain = NameErrors::safe;
  // Of an RPZ zone: what each of its entries does, whatever it says itself; `allow` is PASSTHRU.
  std::optional<Action> override_action = {};
  std::optional<Name> override_target = {};  // with Action::cname
  Wildcards wildcards = Wildcards::below;
  // Of an RPZ zone: answers made of its data have its SOA in the additional section. The record came with the last
  // import; it is no definition, and whoever defines keeps it.
  bool adds_soa = false;
  std::optional<ResourceRecord> soa = {};

  bool operator==(const ListDefinition&) const = default;
};

enum class BlockMode : std::uint8_t { null, address, nodata, nxdomain, refused, cname };

struct BlockAnswer {
  BlockMode mode = BlockMode::null;
  std::optional<IpAddress> ipv4;  // mode address
  std::optional<IpAddress> ipv6;
  std::optional<Name> target;      // mode cname
  std::uint32_t ttl_seconds = 30;  // 1 to 3600

  bool operator==(const BlockAnswer&) const = default;
};

enum class EdeText : std::uint8_t { off, list, rule };  // rule: list, matched name, generation
enum class Privacy : std::uint8_t { full, prefix, pseudonym, none };
// `learn`: deny on trial. What deny would refuse is answered, and logged as a decision.
enum class DefaultAction : std::uint8_t { allow, deny, learn };
// What a client sees of the aliases on the way to a blocked name.
enum class AliasAnswers : std::uint8_t {
  hidden,  // none: the name that it asked for has the block answer, and what a rule substitutes is nobody's to block
  shown    // those before the blocked one; each alias, also one that a rule gives, is looked up in the policy again
};
enum class UntilLoaded : std::uint8_t { resolve, refuse };

struct Policy {
  std::string name;
  std::vector<ListId> lists;  // sorted; the reserved lists are always in force and not named here
  DefaultAction default_action = DefaultAction::allow;
  BlockAnswer block;
  bool strict_chain = false;
  EdeText ede_text = EdeText::rule;
  UntilLoaded until_loaded = UntilLoaded::resolve;
  Privacy privacy = Privacy::prefix;
  bool log_all = false;               // every query, not only decisions
  bool rebinding_protection = false;  // no private addresses for names outside PolicySet::local_domains
  bool canary_names = false;          // the list kCanaryNames holds
  std::uint16_t safe_search = 0;      // bit n: the list kFirstSafeSearch + n holds
  bool clears_ra = false;             // block answers have RA=0
  AliasAnswers aliases = AliasAnswers::hidden;
  std::string justification = {};  // said to clients that ask why

  bool has_list(ListId list) const;  // of the reserved lists, those that are no choice are always in force
  bool operator==(const Policy&) const = default;
};

struct Group {
  std::string name;
  std::vector<Prefix> clients;
  std::uint32_t policy = 0;  // index into PolicySet::policies

  bool operator==(const Group&) const = default;
};

// What a client that asks for it is told in JSON beside the EDE (draft-ietf-dnsop-structured-dns-error).
struct StructuredErrors {
  std::uint16_t option_code = 0;      // of the empty EDNS option by which it asks; 0: nobody is told
  std::vector<std::string> contacts;  // mailto: and tel: URIs
  std::string organisation;
  std::string language;  // tag; with organisation or justifications

  bool operator==(const StructuredErrors&) const = default;
};

struct PolicySet {
  std::vector<ListDefinition> lists;  // sorted by id, the reserved ones included
  std::vector<Policy> policies;       // [0] is "default"
  std::vector<Group> groups;          // [0] is "default": every client that no prefix names
  Name mname;                         // our own name, for the SOA of block answers
  Name rname;                         // the contact
  std::optional<Dns64> dns64;
  std::vector<LocalZone> local_zones;  // names that are answered here; before any list
  bool special_names = true;           // names that never leave a resolver (RFC 6303, 6761) are answered too
  std::vector<Name> local_domains;     // private addresses belong there
  StructuredErrors structured_errors;
  std::vector<Schedule> schedules;  // when lists hold for which group
  std::vector<Pause> pauses;        // no definition: whoever defines keeps those that there are
  std::uint64_t last_pause = 0;     // the highest id ever given

  // The reserved lists, one policy "default" without lists, one group "default".
  static PolicySet with_defaults();
  const ListDefinition* find_list(ListId list) const;
  const ListDefinition* find_list(std::string_view name) const;
  // Index of the group with the most specific prefix that holds `client` (IPv4-mapped IPv6 counts as IPv4).
  std::uint32_t group_of(const IpAddress& client) const;
  std::optional<std::uint32_t> find_group(std::string_view name) const;

  // What a generation stores.
  std::string to_json() const;
  static Result<PolicySet> from_json(std::string_view json);
  // What the fingerprint hashes: lists by name and in the order of their names, no ids, so that two nodes
  // that filter alike give the same text.
  std::string canonical_text() const;
  bool operator==(const PolicySet&) const = default;
};

std::string_view to_text(ListKind kind);
std::string_view to_text(BlockMode mode);
std::string_view to_text(Privacy privacy);
std::string_view to_text(DefaultAction action);

}  // namespace weir
