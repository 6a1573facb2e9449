// The layout of every key and value of the policy store. Hard to change later: a new layout needs a new
// kFormatVersion, and a store of another version is refused (ErrorCode::incompatible).
//
// family    key                                          value
// default   "format"                                     u32 kFormatVersion
//           "state"                                      StoreState: counters, what an open() must finish
// names     reversed name (root: empty)                  NameValue: every rule of every list and kind on this name,
//                                                        how many keys lie below, which lists open something below
// sources   list, 1, rule key                            Interval, still open (the list as it is now)
//           list, 2, rule key, u64 first generation      Interval with its last generation; never rewritten
// lists     'n' + list's name                            u32 list id, for ever (also of removed lists)
//           's' + u32 list id                            ListState: rules, sum for the fingerprint, loaded
//           'i' + u32 list id + u64 import id            ImportRecord, as JSON
// policies  u64 first generation                         PolicySet, as JSON; holds until the next key's generation
// payload   'd' + u64 payload id                         Payload: pattern text and RuleDetail; ids are never reused
//           'A' 'B' 'C' + prefix                         entries of rules on answer, name-server, client addresses
//           'M' + reversed name                          entries of rules on name servers' names
//           '#' + 'A' | 'B' | 'C'                        PrefixLengths: which lengths exist, so that one address
//                                                        costs one probe a length in use
//           '#' + 'N'                                    LabelCounts: which depths exist in `names`
// timeline  'g' + u64 generation                         PublishedRecord
//           't' + u64 time of publish (ns) + u64 number  nothing: finds the generation in force at a moment
//
// Why a `names` key is the name alone and not name + pattern kind: the resolver looks every suffix of a name up, and
// a look-up costs a filter probe. With the kind in the key that were three probes a suffix (exact, subtree, below)
// for every name that no rule matches; with one value for all kinds it is one, and it is also the place for
// what is true of the name whatever the kind: what lies below it.
//
// A rule key identifies a rule within its list, without ids and line, so it sorts, diffs and hashes alike on every
// node: space, target, kind, modifiers. The target is the reversed name with a final 0 (so that a name sorts before
// what is below it) or family, length and masked octets of a prefix. The modifiers are one octet (action and
// flags) and, for a rule with conditions, answer data or a pattern text, the first 16 octets of SHA-256 over
// its encoded Payload.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "zones/base/ids.h"
#include "zones/base/result.h"
#include "zones/base/time.h"
#include "zones/match.h"
#include "zones/rule.h"
#include "zones/store/codec.h"

namespace weir::store {

inline constexpr std::uint32_t kFormatVersion = 1;
inline constexpr std::string_view kFormatKey = "format";
inline constexpr std::string_view kStateKey = "state";

// A moment as keys and values hold it.
std::uint64_t to_ns(WallTime time);
WallTime from_ns(std::uint64_t ns);

// ---- rule keys

enum class RuleSpace : std::uint8_t { address = 'A', ns_address = 'B', client = 'C', ns_name = 'M', name = 'N' };
RuleSpace space_of(PatternKind kind);

inline constexpr std::size_t kPayloadHashSize = 16;

// Modifiers octet of a rule key.
inline constexpr std::uint8_t kModifierAction = 0x0F;
inline constexpr std::uint8_t kModifierImportant = 0x10;
inline constexpr std::uint8_t kModifierException = 0x20;
inline constexpr std::uint8_t kModifierPayload = 0x40;
inline constexpr std::uint8_t kModifierDenyAllow = 0x80;

struct RuleKey {
  RuleSpace space = RuleSpace::name;
  std::string_view target;  // reversed name without the final 0, or the prefix
  PatternKind kind = PatternKind::exact;
  std::uint8_t modifiers = 0;
  std::string_view payload_hash;  // empty or kPayloadHashSize octets

  Action action() const { return static_cast<Action>(modifiers & kModifierAction); }
  bool has_payload() const { return (modifiers & kModifierPayload) != 0; }
  // Whether it lets something through (allow, answer data, $denyallow): an NXDOMAIN above it would hide that.
  bool opens() const;
};

// What a rule holds besides its key; nothing when it holds nothing.
std::optional<std::string> encode_payload(const Rule& rule);
struct Payload {
  std::string pattern;
  RuleDetail detail;
};
std::optional<Payload> decode_payload(std::string_view value);

// Appends; `payload` as encode_payload gave it. `hash` is SHA-256 over it (first octets), ignored without one.
void append_rule_key(std::string& out, const Rule& rule, bool has_payload, std::string_view hash);
std::optional<RuleKey> decode_rule_key(std::string_view key);
// The rule that a key (with its payload, if any) stands for.
std::optional<Rule> make_rule(const RuleKey& key, const Payload* payload);

std::string encode_prefix(const Prefix& prefix);
std::optional<Prefix> decode_prefix(std::string_view target);

// ---- names, and the address families of payload

// One rule as the resolver sees it.
struct Entry {
  std::uint32_t list = 0;
  PatternKind kind = PatternKind::exact;
  Action action = Action::block;
  std::uint8_t flags = 0;  // Match::kImportant, Match::kException, kEntryDenyAllow
  std::uint32_t detail = 0;
  auto operator<=>(const Entry&) const = default;

  bool opens() const;
};
inline constexpr std::uint8_t kEntryDetail = 4;     // on disk only: a detail id follows
inline constexpr std::uint8_t kEntryDenyAllow = 8;  // has $denyallow
Entry make_entry(const RuleKey& key, ListId list, std::uint32_t detail);

void append_entry(std::string& out, const Entry& entry);
// One entry at the reader's position; a fault turns the reader not ok.
Entry read_entry(ByteReader& reader);

// How many entries of one list that let something through lie strictly below a name.
struct OpensBelow {
  std::uint32_t list = 0;
  std::uint64_t count = 0;
  bool operator==(const OpensBelow&) const = default;
};

struct Below {
  std::uint64_t keys = 0;         // names with rules strictly below; 0: nothing more specific exists
  std::vector<OpensBelow> opens;  // sorted by list, counts above 0
  bool empty() const { return keys == 0 && opens.empty(); }
  bool operator==(const Below&) const = default;
};

// A names value: octet of flags, what is below, then entries to the end, in entry_order(): by kind, then list, and of
// the rules that come one by one the newest first.
void append_names_header(std::string& out, const Below& below);
// Reads the header; the reader then stands before the entries. `on_open(list)` once a list that opens something.
Below read_names_header(ByteReader& reader);
// The same without storing it: whether something is below, and calls `each(list id)`.
template <class Each>
bool walk_names_header(ByteReader& reader, const Each& each) {
  const std::uint8_t flags = reader.u8();
  const bool keys_below = (flags & 1) != 0 && reader.varint() > 0;
  if ((flags & 2) != 0) {
    for (std::uint64_t left = reader.varint(); left > 0 && reader.ok(); --left) {
      each(reader.varint32());
      (void)reader.varint();
    }
  }
  if (flags > 3) reader.fail();
  return keys_below;
}

// How many keys exist of each prefix length (index: length) or label count.
struct Lengths {
  std::vector<std::uint64_t> ipv4 = std::vector<std::uint64_t>(33);
  std::vector<std::uint64_t> ipv6 = std::vector<std::uint64_t>(129);
  bool operator==(const Lengths&) const = default;
};
std::string encode(const Lengths& lengths);
std::optional<Lengths> decode_lengths(std::string_view value);
using LabelCounts = std::vector<std::uint64_t>;  // kMaxLabels + 1 of them
std::string encode_label_counts(const LabelCounts& counts);
std::optional<LabelCounts> decode_label_counts(std::string_view value);

// ---- sources

inline constexpr std::uint8_t kOpenIntervals = 1;
inline constexpr std::uint8_t kClosedIntervals = 2;

// From which generation to which a rule was in its list, and which line brought it.
struct Interval {
  std::uint64_t first = 0;
  std::uint64_t last = 0;  // closed ones only; 0: open
  std::uint64_t import = 0;
  std::uint64_t line = 0;
  std::uint32_t detail = 0;
  bool operator==(const Interval&) const = default;
};
std::string sources_prefix(ListId list, std::uint8_t part);
std::string closed_key(ListId list, std::string_view rule_key, std::uint64_t first);
void append_open_value(std::string& out, const Interval& interval);
void append_closed_value(std::string& out, const Interval& interval);
std::optional<Interval> decode_open(std::string_view value);
// `key_rest`: the key after sources_prefix; gives the rule key in it too.
std::optional<Interval> decode_closed(std::string_view key_rest, std::string_view value, std::string_view& rule_key);

// ---- lists, payload, timeline, state

std::string list_name_key(std::string_view name);
std::string list_state_key(ListId list);
std::string import_prefix(ListId list);
std::string import_key(ListId list, ImportId import);
std::string payload_key(std::uint64_t id);
std::string address_key(RuleSpace space, std::string_view target);
std::string counts_key(RuleSpace space);
std::string generation_key(std::uint64_t number);
std::string published_at_key(std::uint64_t time_ns, std::uint64_t number);
std::string policies_key(std::uint64_t first_generation);

using Sum = std::array<std::uint64_t, 4>;  // see fingerprint.h

// Of the spaces beside names; nothing for names.
std::optional<std::size_t> triggers_index(RuleSpace space);

struct ListState {
  std::uint64_t rules = 0;
  Sum sum{};
  std::uint64_t next_serial = 1;  // for lists whose rules come one by one
  bool loaded = false;            // had a successful import
  // Rules on what is known only of an answer or a client, by triggers_index(). Absent in what was stored before.
  std::array<std::uint64_t, 4> triggers{};
  // How often its rules changed: equal sums may have intervals of another time. Absent in what was stored before.
  std::uint64_t changes = 0;
  bool operator==(const ListState&) const = default;
};
std::string encode(const ListState& state);
std::optional<ListState> decode_list_state(std::string_view value);

struct PublishedRecord {
  std::uint64_t published_at_ns = 0;
  std::uint64_t names_epoch = 0;
  std::string fingerprint;
  std::string reason;
  bool operator==(const PublishedRecord&) const = default;
};
std::string encode(const PublishedRecord& record);
std::optional<PublishedRecord> decode_published(std::string_view value);

// What open() has to finish when it finds the store like this (writer.h says how).
enum class Pending : std::uint8_t { nothing = 0, publish = 1, rollback = 2 };

struct StoreState {
  std::uint64_t number = 0;  // the last generation number that was given out
  std::uint64_t names_epoch = 0;
  std::uint64_t next_import = 1;
  std::uint64_t next_payload = 1;
  std::uint32_t next_list = kFirstDefinedList.value;
  bool rules_changed = false;     // since `number`
  bool policies_changed = false;  // since `number`; also when a list was loaded for the first time
  Pending pending = Pending::nothing;
  std::uint64_t rollback_to = 0;
  std::string pinned;
  std::uint64_t defined_at = 0;  // while pinned: a generation that had the definitions of the files; 0: not known
  bool operator==(const StoreState&) const = default;
};
std::string encode(const StoreState& state);
std::optional<StoreState> decode_state(std::string_view value);

}  // namespace weir::store
