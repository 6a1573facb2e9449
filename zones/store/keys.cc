#include "zones/store/keys.h"

#include <algorithm>

#include "zones/dns/reversed_name.h"

namespace weir::store {
namespace {

constexpr std::uint8_t kLastKind = static_cast<std::uint8_t>(PatternKind::client);
constexpr std::uint8_t kLastAction = static_cast<std::uint8_t>(Action::answer);

bool opens_something(Action action, bool deny_allow) {
  return deny_allow || action == Action::allow || action == Action::address || action == Action::cname ||
         action == Action::answer;
}

void put_name(std::string& out, const Name& name) {
  const Name folded = name.folded();
  const auto wire = folded.wire();
  put_bytes(out, {reinterpret_cast<const char*>(wire.data()), wire.size()});
}

Name read_name(ByteReader& reader) {
  const std::string_view wire = reader.bytes();
  const auto name = Name::from_wire({reinterpret_cast<const std::uint8_t*>(wire.data()), wire.size()});
  if (!name) reader.fail();
  return name.value_or(Name());
}

void put_address(std::string& out, const IpAddress& address) {
  const auto bytes = address.bytes();
  put_bytes(out, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

IpAddress read_address(ByteReader& reader) {
  const std::string_view octets = reader.bytes();
  if (octets.size() != 4 && octets.size() != 16) {
    reader.fail();
    return {};
  }
  return IpAddress::from_octets({reinterpret_cast<const std::uint8_t*>(octets.data()), octets.size()});
}

// Sorted and without repetition, so that two spellings of one rule are one rule.
template <class T, class Compare = std::less<T>>
std::vector<T> canonical(std::vector<T> values, Compare less = {}) {
  std::sort(values.begin(), values.end(), less);
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

// Fields of an encoded payload. The numbers stand in the store.
enum Field : std::uint8_t {
  field_pattern = 1,
  field_types = 2,
  field_types_excluded = 3,
  field_client = 4,
  field_group = 5,
  field_deny_allow = 6,
  field_not_before = 7,
  field_not_after = 8,
  field_address = 9,
  field_target = 10,
  field_target_below = 11,
  field_record = 12
};

}  // namespace

std::uint64_t to_ns(WallTime time) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count());
}

WallTime from_ns(std::uint64_t ns) {
  return WallTime(std::chrono::duration_cast<WallTime::duration>(std::chrono::nanoseconds(ns)));
}

RuleSpace space_of(PatternKind kind) {
  switch (kind) {
    case PatternKind::address:
      return RuleSpace::address;
    case PatternKind::ns_address:
      return RuleSpace::ns_address;
    case PatternKind::client:
      return RuleSpace::client;
    case PatternKind::ns_name:
      return RuleSpace::ns_name;
    default:
      return RuleSpace::name;
  }
}

bool RuleKey::opens() const {
  return opens_something(action(), (modifiers & kModifierDenyAllow) != 0);
}

bool Entry::opens() const {
  return opens_something(action, (flags & kEntryDenyAllow) != 0);
}

std::optional<std::string> encode_payload(const Rule& rule) {
  const bool has_pattern = !rule.pattern.empty();
  if (!has_pattern && rule.detail.empty()) return std::nullopt;
  std::string out;
  if (has_pattern) {
    put_u8(out, field_pattern);
    put_bytes(out, rule.pattern);
  }
  const Conditions& conditions = rule.detail.conditions;
  if (!conditions.types.empty()) {
    put_u8(out, conditions.types_excluded ? field_types_excluded : field_types);
    const auto types = canonical(conditions.types);
    put_varint(out, types.size());
    for (const RecordType type : types) put_varint(out, static_cast<std::uint16_t>(type));
  }
  for (const Prefix& prefix : canonical(conditions.clients)) {
    put_u8(out, field_client);
    put_address(out, prefix.address);
    put_u8(out, prefix.length);
  }
  for (const std::string& group : canonical(conditions.groups)) {
    put_u8(out, field_group);
    put_bytes(out, group);
  }
  const auto canonical_order = [](const Name& a, const Name& b) { return a.canonical_compare(b) < 0; };
  for (const Name& name : canonical(conditions.deny_allow, canonical_order)) {
    put_u8(out, field_deny_allow);
    put_name(out, name);
  }
  if (conditions.not_before) {
    put_u8(out, field_not_before);
    put_u64(out, to_ns(*conditions.not_before));
  }
  if (conditions.not_after) {
    put_u8(out, field_not_after);
    put_u64(out, to_ns(*conditions.not_after));
  }
  for (const IpAddress& address : canonical(rule.detail.addresses)) {
    put_u8(out, field_address);
    put_address(out, address);
  }
  if (rule.detail.target) {
    put_u8(out, rule.detail.target_below ? field_target_below : field_target);
    put_name(out, *rule.detail.target);
  }
  for (const AnswerData& record : canonical(rule.detail.records)) {
    put_u8(out, field_record);
    put_varint(out, static_cast<std::uint16_t>(record.type));
    put_varint(out, record.ttl_seconds);
    put_bytes(out, {reinterpret_cast<const char*>(record.rdata.data()), record.rdata.size()});
  }
  return out;
}

std::optional<Payload> decode_payload(std::string_view value) {
  Payload payload;
  Conditions& conditions = payload.detail.conditions;
  ByteReader reader(value);
  while (reader.ok() && !reader.at_end()) {
    switch (reader.u8()) {
      case field_pattern:
        payload.pattern = reader.bytes();
        break;
      case field_types_excluded:
        conditions.types_excluded = true;
        [[fallthrough]];
      case field_types:
        for (std::uint64_t left = reader.varint(); left > 0 && reader.ok(); --left) {
          conditions.types.push_back(static_cast<RecordType>(reader.varint()));
        }
        break;
      case field_client: {
        const IpAddress address = read_address(reader);
        conditions.clients.push_back(Prefix::of(address, std::min<unsigned>(reader.u8(), address.bits())));
        break;
      }
      case field_group:
        conditions.groups.emplace_back(reader.bytes());
        break;
      case field_deny_allow:
        conditions.deny_allow.push_back(read_name(reader));
        break;
      case field_not_before:
        conditions.not_before = from_ns(reader.u64());
        break;
      case field_not_after:
        conditions.not_after = from_ns(reader.u64());
        break;
      case field_address:
        payload.detail.addresses.push_back(read_address(reader));
        break;
      case field_target_below:
        payload.detail.target_below = true;
        [[fallthrough]];
      case field_target:
        payload.detail.target = read_name(reader);
        break;
      case field_record: {
        AnswerData& record = payload.detail.records.emplace_back();
        record.type = static_cast<RecordType>(reader.varint());
        record.ttl_seconds = reader.varint32();
        const std::string_view rdata = reader.bytes();
        record.rdata.assign(rdata.begin(), rdata.end());
        break;
      }
      default:
        reader.fail();
    }
  }
  if (!reader.ok()) return std::nullopt;
  return payload;
}

std::string encode_prefix(const Prefix& prefix) {
  std::string out;
  put_u8(out, static_cast<std::uint8_t>(prefix.address.family));
  put_u8(out, prefix.length);
  const Prefix masked = Prefix::of(prefix.address, prefix.length);
  out.append(reinterpret_cast<const char*>(masked.address.octets.data()), (prefix.length + 7U) / 8);
  return out;
}

std::optional<Prefix> decode_prefix(std::string_view target) {
  ByteReader reader(target);
  const std::uint8_t family = reader.u8();
  const std::uint8_t length = reader.u8();
  if ((family != 4 && family != 6) || length > (family == 4 ? 32 : 128)) return std::nullopt;
  const std::string_view octets = reader.take((length + 7U) / 8);
  if (!reader.ok() || !reader.at_end()) return std::nullopt;
  IpAddress address;
  address.family = static_cast<AddressFamily>(family);
  std::copy(octets.begin(), octets.end(), address.octets.begin());
  return Prefix::of(address, length);
}

void append_rule_key(std::string& out, const Rule& rule, bool has_payload, std::string_view hash) {
  const RuleSpace space = space_of(rule.kind);
  put_u8(out, static_cast<std::uint8_t>(space));
  if (space == RuleSpace::name || space == RuleSpace::ns_name) {
    out.append(ReversedName(rule.name).key());
    put_u8(out, 0);
  } else {
    out.append(encode_prefix(rule.prefix));
  }
  put_u8(out, static_cast<std::uint8_t>(rule.kind));
  std::uint8_t modifiers = static_cast<std::uint8_t>(rule.action);
  if (rule.important) modifiers |= kModifierImportant;
  if (rule.exception) modifiers |= kModifierException;
  if (has_payload) modifiers |= kModifierPayload;
  if (!rule.detail.conditions.deny_allow.empty()) modifiers |= kModifierDenyAllow;
  put_u8(out, modifiers);
  if (has_payload) out.append(hash.substr(0, kPayloadHashSize));
}

std::optional<RuleKey> decode_rule_key(std::string_view key) {
  ByteReader reader(key);
  RuleKey out;
  out.space = static_cast<RuleSpace>(reader.u8());
  if (out.space == RuleSpace::name || out.space == RuleSpace::ns_name) {
    std::size_t size = 0;
    const std::string_view rest = reader.rest();
    while (size < rest.size() && rest[size] != 0) {
      const auto label = static_cast<std::uint8_t>(rest[size]);
      if (label > 63) return std::nullopt;
      size += label + 1U;
    }
    out.target = reader.take(size);
    (void)reader.u8();
  } else if (out.space == RuleSpace::address || out.space == RuleSpace::ns_address || out.space == RuleSpace::client) {
    const std::string_view rest = reader.rest();
    if (rest.size() < 2) return std::nullopt;
    out.target = reader.take(2 + (static_cast<std::uint8_t>(rest[1]) + 7U) / 8);
  } else {
    return std::nullopt;
  }
  const std::uint8_t kind = reader.u8();
  out.modifiers = reader.u8();
  if (out.has_payload()) out.payload_hash = reader.take(kPayloadHashSize);
  if (!reader.ok() || !reader.at_end() || kind > kLastKind) return std::nullopt;
  out.kind = static_cast<PatternKind>(kind);
  if ((out.modifiers & kModifierAction) > kLastAction || space_of(out.kind) != out.space) return std::nullopt;
  return out;
}

std::optional<Rule> make_rule(const RuleKey& key, const Payload* payload) {
  Rule rule;
  rule.kind = key.kind;
  rule.action = key.action();
  rule.important = (key.modifiers & kModifierImportant) != 0;
  rule.exception = (key.modifiers & kModifierException) != 0;
  if (key.space == RuleSpace::name || key.space == RuleSpace::ns_name) {
    const auto name = ReversedName::to_name(key.target);
    if (!name) return std::nullopt;
    rule.name = *name;
  } else {
    const auto prefix = decode_prefix(key.target);
    if (!prefix) return std::nullopt;
    rule.prefix = *prefix;
  }
  if (key.has_payload()) {
    if (payload == nullptr) return std::nullopt;
    rule.pattern = payload->pattern;
    rule.detail = payload->detail;
  }
  return rule;
}

Entry make_entry(const RuleKey& key, ListId list, std::uint32_t detail) {
  Entry entry{.list = list.value, .kind = key.kind, .action = key.action(), .flags = 0, .detail = detail};
  if ((key.modifiers & kModifierImportant) != 0) entry.flags |= Match::kImportant;
  if ((key.modifiers & kModifierException) != 0) entry.flags |= Match::kException;
  if ((key.modifiers & kModifierDenyAllow) != 0) entry.flags |= kEntryDenyAllow;
  return entry;
}

void append_entry(std::string& out, const Entry& entry) {
  put_varint(out, entry.list);
  put_u8(out, static_cast<std::uint8_t>(static_cast<unsigned>(entry.kind) << 4 | static_cast<unsigned>(entry.action)));
  put_u8(out, entry.flags | (entry.detail != 0 ? kEntryDetail : 0));
  if (entry.detail != 0) put_varint(out, entry.detail);
}

Entry read_entry(ByteReader& reader) {
  Entry entry;
  entry.list = reader.varint32();
  const std::uint8_t kind_action = reader.u8();
  const std::uint8_t flags = reader.u8();
  if ((flags & kEntryDetail) != 0) entry.detail = reader.varint32();
  if (kind_action >> 4 > kLastKind || (kind_action & 15) > kLastAction || flags > 15) reader.fail();
  entry.kind = static_cast<PatternKind>(kind_action >> 4);
  entry.action = static_cast<Action>(kind_action & 15);
  entry.flags = flags & static_cast<std::uint8_t>(~kEntryDetail);
  return entry;
}

void append_names_header(std::string& out, const Below& below) {
  put_u8(out, static_cast<std::uint8_t>((below.keys > 0 ? 1 : 0) | (below.opens.empty() ? 0 : 2)));
  if (below.keys > 0) put_varint(out, below.keys);
  if (below.opens.empty()) return;
  put_varint(out, below.opens.size());
  for (const OpensBelow& opens : below.opens) {
    put_varint(out, opens.list);
    put_varint(out, opens.count);
  }
}

Below read_names_header(ByteReader& reader) {
  Below below;
  const std::uint8_t flags = reader.u8();
  if (flags > 3) reader.fail();
  if ((flags & 1) != 0) below.keys = reader.varint();
  if ((flags & 2) != 0) {
    for (std::uint64_t left = reader.varint(); left > 0 && reader.ok(); --left) {
      const std::uint32_t list = reader.varint32();
      below.opens.push_back({list, reader.varint()});
    }
  }
  return below;
}

std::string encode(const Lengths& lengths) {
  std::string out;
  for (const auto* counts : {&lengths.ipv4, &lengths.ipv6}) {
    for (const std::uint64_t count : *counts) put_varint(out, count);
  }
  return out;
}

std::optional<Lengths> decode_lengths(std::string_view value) {
  Lengths lengths;
  ByteReader reader(value);
  for (auto* counts : {&lengths.ipv4, &lengths.ipv6}) {
    for (std::uint64_t& count : *counts) count = reader.varint();
  }
  if (!reader.ok() || !reader.at_end()) return std::nullopt;
  return lengths;
}

std::string encode_label_counts(const LabelCounts& counts) {
  std::string out;
  for (const std::uint64_t count : counts) put_varint(out, count);
  return out;
}

std::optional<LabelCounts> decode_label_counts(std::string_view value) {
  LabelCounts counts(kMaxLabels + 1);
  ByteReader reader(value);
  for (std::uint64_t& count : counts) count = reader.varint();
  if (!reader.ok() || !reader.at_end()) return std::nullopt;
  return counts;
}

std::string sources_prefix(ListId list, std::uint8_t part) {
  std::string out;
  put_u32(out, list.value);
  put_u8(out, part);
  return out;
}

std::string closed_key(ListId list, std::string_view rule_key, std::uint64_t first) {
  std::string out = sources_prefix(list, kClosedIntervals);
  out.append(rule_key);
  put_u64(out, first);
  return out;
}

void append_open_value(std::string& out, const Interval& interval) {
  put_varint(out, interval.first);
  put_varint(out, interval.import);
  put_varint(out, interval.line);
  if (interval.detail != 0) put_varint(out, interval.detail);
}

void append_closed_value(std::string& out, const Interval& interval) {
  put_varint(out, interval.last);
  put_varint(out, interval.import);
  put_varint(out, interval.line);
  if (interval.detail != 0) put_varint(out, interval.detail);
}

std::optional<Interval> decode_open(std::string_view value) {
  Interval interval;
  ByteReader reader(value);
  interval.first = reader.varint();
  interval.import = reader.varint();
  interval.line = reader.varint();
  if (!reader.at_end()) interval.detail = reader.varint32();
  if (!reader.ok() || !reader.at_end()) return std::nullopt;
  return interval;
}

std::optional<Interval> decode_closed(std::string_view key_rest, std::string_view value, std::string_view& rule_key) {
  if (key_rest.size() < 8) return std::nullopt;
  rule_key = key_rest.substr(0, key_rest.size() - 8);
  Interval interval;
  interval.first = ByteReader(key_rest.substr(key_rest.size() - 8)).u64();
  ByteReader reader(value);
  interval.last = reader.varint();
  interval.import = reader.varint();
  interval.line = reader.varint();
  if (!reader.at_end()) interval.detail = reader.varint32();
  if (!reader.ok() || !reader.at_end() || interval.last < interval.first) return std::nullopt;
  return interval;
}

std::string list_name_key(std::string_view name) {
  return "n" + std::string(name);
}

std::string list_state_key(ListId list) {
  std::string out = "s";
  put_u32(out, list.value);
  return out;
}

std::string import_prefix(ListId list) {
  std::string out = "i";
  put_u32(out, list.value);
  return out;
}

std::string import_key(ListId list, ImportId import) {
  std::string out = import_prefix(list);
  put_u64(out, import.value);
  return out;
}

std::string payload_key(std::uint64_t id) {
  std::string out = "d";
  put_u64(out, id);
  return out;
}

std::string address_key(RuleSpace space, std::string_view target) {
  std::string out;
  put_u8(out, static_cast<std::uint8_t>(space));
  out.append(target);
  return out;
}

std::string counts_key(RuleSpace space) {
  std::string out = "#";
  put_u8(out, static_cast<std::uint8_t>(space));
  return out;
}

std::string generation_key(std::uint64_t number) {
  std::string out = "g";
  put_u64(out, number);
  return out;
}

std::string published_at_key(std::uint64_t time_ns, std::uint64_t number) {
  std::string out = "t";
  put_u64(out, time_ns);
  put_u64(out, number);
  return out;
}

std::string policies_key(std::uint64_t first_generation) {
  std::string out;
  put_u64(out, first_generation);
  return out;
}

std::string encode(const ListState& state) {
  std::string out;
  put_varint(out, state.rules);
  for (const std::uint64_t lane : state.sum) put_u64(out, lane);
  put_varint(out, state.next_serial);
  put_u8(out, state.loaded ? 1 : 0);
  for (const std::uint64_t count : state.triggers) put_varint(out, count);
  put_varint(out, state.changes);
  return out;
}

std::optional<std::size_t> triggers_index(RuleSpace space) {
  switch (space) {
    case RuleSpace::client:
      return 0;
    case RuleSpace::address:
      return 1;
    case RuleSpace::ns_name:
      return 2;
    case RuleSpace::ns_address:
      return 3;
    case RuleSpace::name:
      break;
  }
  return std::nullopt;
}

std::optional<ListState> decode_list_state(std::string_view value) {
  ListState state;
  ByteReader reader(value);
  state.rules = reader.varint();
  for (std::uint64_t& lane : state.sum) lane = reader.u64();
  state.next_serial = reader.varint();
  state.loaded = reader.u8() != 0;
  for (std::uint64_t& count : state.triggers) count = reader.at_end() ? 0 : reader.varint();
  state.changes = reader.at_end() ? 0 : reader.varint();
  if (!reader.ok() || !reader.at_end()) return std::nullopt;
  return state;
}

std::string encode(const PublishedRecord& record) {
  std::string out;
  put_u64(out, record.published_at_ns);
  put_varint(out, record.names_epoch);
  put_bytes(out, record.fingerprint);
  put_bytes(out, record.reason);
  return out;
}

std::optional<PublishedRecord> decode_published(std::string_view value) {
  PublishedRecord record;
  ByteReader reader(value);
  record.published_at_ns = reader.u64();
  record.names_epoch = reader.varint();
  record.fingerprint = reader.bytes();
  record.reason = reader.bytes();
  if (!reader.ok() || !reader.at_end()) return std::nullopt;
  return record;
}

std::string encode(const StoreState& state) {
  std::string out;
  put_varint(out, state.number);
  put_varint(out, state.names_epoch);
  put_varint(out, state.next_import);
  put_varint(out, state.next_payload);
  put_varint(out, state.next_list);
  // Only where there is one: what was written before there was any stays readable.
  put_u8(out, static_cast<std::uint8_t>((state.rules_changed ? 1 : 0) | (state.policies_changed ? 2 : 0) |
                                        (state.defined_at != 0 ? 4 : 0)));
  put_u8(out, static_cast<std::uint8_t>(state.pending));
  put_varint(out, state.rollback_to);
  put_bytes(out, state.pinned);
  if (state.defined_at != 0) put_varint(out, state.defined_at);
  return out;
}

std::optional<StoreState> decode_state(std::string_view value) {
  StoreState state;
  ByteReader reader(value);
  state.number = reader.varint();
  state.names_epoch = reader.varint();
  state.next_import = reader.varint();
  state.next_payload = reader.varint();
  state.next_list = reader.varint32();
  const std::uint8_t flags = reader.u8();
  const std::uint8_t pending = reader.u8();
  state.rollback_to = reader.varint();
  state.pinned = reader.bytes();
  if ((flags & 4) != 0) state.defined_at = reader.varint();
  if (!reader.ok() || !reader.at_end() || flags > 7 || pending > 2) return std::nullopt;
  state.rules_changed = (flags & 1) != 0;
  state.policies_changed = (flags & 2) != 0;
  state.pending = static_cast<Pending>(pending);
  return state;
}

}  // namespace weir::store
