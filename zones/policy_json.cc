// PolicySet as JSON and back: what a generation stores, and the text that the fingerprint hashes.
#include <boost/json.hpp>

#include <algorithm>
#include <span>

#include "zones/base/hex.h"
#include "zones/policy.h"
#include "zones/time_json.h"

namespace weir {
namespace {

namespace json = boost::json;

template <class Enum>
struct EnumName {
  Enum value;
  std::string_view name;
};

constexpr EnumName<ListKind> kListKinds[] = {
    {ListKind::block, "block"}, {ListKind::allow, "allow"}, {ListKind::address, "address"}, {ListKind::rpz, "rpz"}};
constexpr EnumName<ListMode> kListModes[] = {{ListMode::enforce, "enforce"}, {ListMode::observe, "observe"}};
constexpr EnumName<ExceptionScope> kExceptionScopes[] = {{ExceptionScope::own, "own"}, {ExceptionScope::rank, "rank"}};
constexpr EnumName<Order> kOrders[] = {{Order::adblock, "adblock"}, {Order::specific, "specific"}};
constexpr EnumName<Basis> kBases[] = {
    {Basis::operator_choice, "operator"}, {Basis::legal, "legal"}, {Basis::requested, "requested"}};
constexpr EnumName<BlockMode> kBlockModes[] = {{BlockMode::null, "null"},       {BlockMode::address, "address"},
                                               {BlockMode::nodata, "nodata"},   {BlockMode::nxdomain, "nxdomain"},
                                               {BlockMode::refused, "refused"}, {BlockMode::cname, "cname"}};
constexpr EnumName<EdeText> kEdeTexts[] = {{EdeText::off, "off"}, {EdeText::list, "list"}, {EdeText::rule, "rule"}};
constexpr EnumName<Privacy> kPrivacies[] = {
    {Privacy::full, "full"}, {Privacy::prefix, "prefix"}, {Privacy::pseudonym, "pseudonym"}, {Privacy::none, "none"}};
constexpr EnumName<DefaultAction> kDefaults[] = {
    {DefaultAction::allow, "allow"}, {DefaultAction::deny, "deny"}, {DefaultAction::learn, "learn"}};
constexpr EnumName<UntilLoaded> kUntilLoaded[] = {{UntilLoaded::resolve, "resolve"}, {UntilLoaded::refuse, "refuse"}};

constexpr EnumName<Action> kOverrides[] = {
    {Action::allow, "passthru"},  {Action::null, "null"}, {Action::nxdomain, "nxdomain"}, {Action::nodata, "nodata"},
    {Action::refused, "refused"}, {Action::drop, "drop"}, {Action::truncate, "tcp-only"}, {Action::cname, "cname"}};

template <class Enum, std::size_t N>
std::string_view name_of(const EnumName<Enum> (&names)[N], Enum value) {
  for (const auto& entry : names) {
    if (entry.value == value) return entry.name;
  }
  return "unknown";
}

// Throws on anything unknown; from_json() catches.
template <class Enum, std::size_t N>
Enum parse_enum(const EnumName<Enum> (&names)[N], const json::value& value) {
  const std::string_view text = value.as_string();
  for (const auto& entry : names) {
    if (entry.name == text) return entry.value;
  }
  throw std::invalid_argument("unknown value '" + std::string(text) + "'");
}

Name parse_name(const json::value& value) {
  auto name = Name::parse(std::string_view(value.as_string()));
  if (!name) throw std::invalid_argument(name.error().message);
  return *name;
}

IpAddress parse_address(const json::value& value) {
  auto address = IpAddress::parse(std::string_view(value.as_string()));
  if (!address) throw std::invalid_argument(address.error().message);
  return *address;
}

std::vector<std::uint8_t> parse_hex(std::string_view text) {
  const auto digit = [](char c) -> unsigned {
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
    if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
    throw std::invalid_argument("not hexadecimal");
  };
  if (text.size() % 2 != 0) throw std::invalid_argument("half an octet");
  std::vector<std::uint8_t> out;
  for (std::size_t i = 0; i < text.size(); i += 2)
    out.push_back(static_cast<std::uint8_t>(digit(text[i]) << 4 | digit(text[i + 1])));
  return out;
}

json::object describe(const ResourceRecord& record) {
  return json::object{{"owner", record.owner.to_text()},
                      {"type", static_cast<std::uint16_t>(record.type)},
                      {"ttl", record.ttl_seconds},
                      {"rdata", to_hex(record.rdata)}};
}

ResourceRecord parse_record(const json::object& in) {
  return {parse_name(in.at("owner")), static_cast<RecordType>(in.at("type").to_number<std::uint16_t>()),
          in.at("ttl").to_number<std::uint32_t>(), parse_hex(std::string_view(in.at("rdata").as_string()))};
}

// `with_id`: what is stored has ids, what the fingerprint hashes has none.
json::object describe(const ListDefinition& list, bool with_id) {
  json::object out;
  if (with_id) out["id"] = list.id.value;
  out["name"] = list.name;
  out["kind"] = name_of(kListKinds, list.kind);
  out["category"] = list.category;
  out["rank"] = list.rank;
  out["mode"] = name_of(kListModes, list.mode);
  out["exceptions"] = name_of(kExceptionScopes, list.exceptions);
  out["order"] = name_of(kOrders, list.order);
  out["basis"] = name_of(kBases, list.basis);
  out["own_actions"] = list.own_actions;
  out["rewrites"] = list.rewrites;
  // Only where there is something to say: the text of those who say nothing stays what it was.
  if (!list.justification.empty()) out["justification"] = list.justification;
  if (list.sub_error != 0) out["sub_error"] = list.sub_error;
  if (!list.pausable) out["pausable"] = false;
  if (list.nxdomain == NameErrors::as_written) out["nxdomain"] = "as_written";
  if (list.wildcards == Wildcards::closest) out["wildcards"] = "closest";
  if (list.adds_soa) out["add_soa"] = true;
  if (with_id && list.soa) out["soa"] = describe(*list.soa);
  if (list.override_action) out["override"] = name_of(kOverrides, *list.override_action);
  if (list.override_target) out["override_target"] = list.override_target->to_text();
  return out;
}

// Everything of a policy but its lists.
json::object describe(const Policy& policy) {
  json::object out;
  out["name"] = policy.name;
  out["default"] = name_of(kDefaults, policy.default_action);
  json::object block;
  block["mode"] = name_of(kBlockModes, policy.block.mode);
  if (policy.block.ipv4) block["ipv4"] = policy.block.ipv4->to_text();
  if (policy.block.ipv6) block["ipv6"] = policy.block.ipv6->to_text();
  if (policy.block.target) block["target"] = policy.block.target->to_text();
  block["ttl"] = policy.block.ttl_seconds;
  out["block"] = block;
  out["strict_chain"] = policy.strict_chain;
  out["ede_text"] = name_of(kEdeTexts, policy.ede_text);
  out["until_loaded"] = name_of(kUntilLoaded, policy.until_loaded);
  out["privacy"] = name_of(kPrivacies, policy.privacy);
  out["log_all"] = policy.log_all;
  if (policy.rebinding_protection) out["rebinding_protection"] = true;
  if (policy.canary_names) out["canary_names"] = true;
  if (policy.safe_search != 0) out["safe_search"] = policy.safe_search;
  if (policy.clears_ra) out["clears_ra"] = true;
  if (policy.aliases == AliasAnswers::shown) out["aliases"] = "shown";
  if (!policy.justification.empty()) out["justification"] = policy.justification;
  return out;
}

json::object describe(const Group& group, json::value policy) {
  json::object out;
  out["name"] = group.name;
  json::array clients;
  for (const Prefix& prefix : group.clients) clients.push_back(json::string(prefix.to_text()));
  out["clients"] = clients;
  out["policy"] = std::move(policy);
  return out;
}

json::array describe(const std::vector<LocalZone>& zones) {
  json::array out;
  for (const LocalZone& zone : zones) {
    json::array records;
    for (const ResourceRecord& record : zone.records) {
      records.push_back(describe(record));
    }
    json::object entry{{"name", zone.name.to_text()}, {"type", to_text(zone.type)}, {"records", std::move(records)}};
    if (!zone.groups.empty()) entry["groups"] = json::value_from(zone.groups);
    out.push_back(std::move(entry));
  }
  return out;
}

json::array describe(const std::vector<Prefix>& prefixes) {
  json::array out;
  for (const Prefix& prefix : prefixes) out.push_back(json::string(prefix.to_text()));
  return out;
}

json::object describe(const Dns64& dns64) {
  json::object out{{"prefix", dns64.prefix.to_text()},
                   {"clients", describe(dns64.clients)},
                   {"exclude", describe(dns64.exclude)},
                   {"exclude_ipv4", describe(dns64.exclude_ipv4)}};
  if (dns64.translates_private) out["private_addresses"] = true;
  if (dns64.blocked == Dns64::Blocked::untranslated) out["blocked"] = "untranslated";
  return out;
}

json::array describe(const std::vector<Name>& names) {
  json::array out;
  for (const Name& name : names) out.push_back(json::string(name.to_text()));
  return out;
}

json::object describe(const StructuredErrors& errors) {
  return json::object{{"option_code", errors.option_code},
                      {"contacts", json::value_from(errors.contacts)},
                      {"organisation", errors.organisation},
                      {"language", errors.language}};
}

std::string parse_text(const json::value& value) {
  return std::string(std::string_view(value.as_string()));
}

StructuredErrors parse_structured_errors(const json::object& in) {
  StructuredErrors errors;
  errors.option_code = in.at("option_code").to_number<std::uint16_t>();
  for (const json::value& contact : in.at("contacts").as_array()) errors.contacts.push_back(parse_text(contact));
  errors.organisation = parse_text(in.at("organisation"));
  errors.language = parse_text(in.at("language"));
  return errors;
}

Prefix parse_prefix(const json::value& value) {
  auto prefix = Prefix::parse(std::string_view(value.as_string()));
  if (!prefix) throw std::invalid_argument(prefix.error().message);
  return *prefix;
}

std::vector<Prefix> parse_prefixes(const json::value& value) {
  std::vector<Prefix> out;
  for (const json::value& prefix : value.as_array()) out.push_back(parse_prefix(prefix));
  return out;
}

Dns64 parse_dns64(const json::object& in) {
  Dns64 out{.prefix = parse_prefix(in.at("prefix")),
            .clients = parse_prefixes(in.at("clients")),
            .exclude = parse_prefixes(in.at("exclude")),
            .exclude_ipv4 = parse_prefixes(in.at("exclude_ipv4"))};
  if (const auto* on = in.if_contains("private_addresses")) out.translates_private = on->as_bool();
  if (in.if_contains("blocked") != nullptr) out.blocked = Dns64::Blocked::untranslated;
  return out;
}

LocalZone parse_local_zone(const json::object& in) {
  LocalZone zone;
  zone.name = parse_name(in.at("name"));
  const auto type = parse_local_zone_type(std::string_view(in.at("type").as_string()));
  if (!type) throw std::invalid_argument("unknown type of a local zone");
  zone.type = *type;
  if (const auto* groups = in.if_contains("groups")) {
    for (const json::value& group : groups->as_array()) zone.groups.push_back(parse_text(group));
  }
  for (const json::value& value : in.at("records").as_array()) {
    zone.records.push_back(parse_record(value.as_object()));
  }
  return zone;
}

ListDefinition parse_list(const json::object& in) {
  ListDefinition list;
  list.id = {in.at("id").to_number<std::uint32_t>()};
  list.name = std::string_view(in.at("name").as_string());
  list.kind = parse_enum(kListKinds, in.at("kind"));
  list.category = std::string_view(in.at("category").as_string());
  list.rank = in.at("rank").to_number<int>();
  list.mode = parse_enum(kListModes, in.at("mode"));
  list.exceptions = parse_enum(kExceptionScopes, in.at("exceptions"));
  list.order = parse_enum(kOrders, in.at("order"));
  list.basis = parse_enum(kBases, in.at("basis"));
  list.own_actions = in.at("own_actions").as_bool();
  list.rewrites = in.at("rewrites").as_bool();
  if (const auto* justification = in.if_contains("justification")) list.justification = parse_text(*justification);
  if (const auto* sub_error = in.if_contains("sub_error")) list.sub_error = sub_error->to_number<std::uint8_t>();
  if (const auto* pausable = in.if_contains("pausable")) list.pausable = pausable->as_bool();
  if (in.if_contains("wildcards") != nullptr) list.wildcards = Wildcards::closest;
  if (const auto* on = in.if_contains("add_soa")) list.adds_soa = on->as_bool();
  if (const auto* soa = in.if_contains("soa")) list.soa = parse_record(soa->as_object());
  if (in.if_contains("nxdomain") != nullptr) list.nxdomain = NameErrors::as_written;
  if (const auto* action = in.if_contains("override")) list.override_action = parse_enum(kOverrides, *action);
  if (const auto* target = in.if_contains("override_target")) list.override_target = parse_name(*target);
  return list;
}

Policy parse_policy(const json::object& in) {
  Policy policy;
  policy.name = std::string_view(in.at("name").as_string());
  for (const json::value& id : in.at("lists").as_array()) policy.lists.push_back({id.to_number<std::uint32_t>()});
  std::sort(policy.lists.begin(), policy.lists.end());
  policy.default_action = parse_enum(kDefaults, in.at("default"));
  const json::object& block = in.at("block").as_object();
  policy.block.mode = parse_enum(kBlockModes, block.at("mode"));
  if (const auto* ipv4 = block.if_contains("ipv4")) policy.block.ipv4 = parse_address(*ipv4);
  if (const auto* ipv6 = block.if_contains("ipv6")) policy.block.ipv6 = parse_address(*ipv6);
  if (const auto* target = block.if_contains("target")) policy.block.target = parse_name(*target);
  policy.block.ttl_seconds = block.at("ttl").to_number<std::uint32_t>();
  policy.strict_chain = in.at("strict_chain").as_bool();
  policy.ede_text = parse_enum(kEdeTexts, in.at("ede_text"));
  policy.until_loaded = parse_enum(kUntilLoaded, in.at("until_loaded"));
  policy.privacy = parse_enum(kPrivacies, in.at("privacy"));
  policy.log_all = in.at("log_all").as_bool();
  if (const auto* on = in.if_contains("rebinding_protection")) policy.rebinding_protection = on->as_bool();
  if (const auto* on = in.if_contains("canary_names")) policy.canary_names = on->as_bool();
  if (const auto* services = in.if_contains("safe_search")) policy.safe_search = services->to_number<std::uint16_t>();
  if (const auto* on = in.if_contains("clears_ra")) policy.clears_ra = on->as_bool();
  if (in.if_contains("aliases") != nullptr) policy.aliases = AliasAnswers::shown;
  if (const auto* justification = in.if_contains("justification")) policy.justification = parse_text(*justification);
  return policy;
}

Group parse_group(const json::object& in) {
  Group group;
  group.name = std::string_view(in.at("name").as_string());
  group.clients = parse_prefixes(in.at("clients"));
  group.policy = in.at("policy").to_number<std::uint32_t>();
  return group;
}

}  // namespace

std::string PolicySet::to_json() const {
  json::object out;
  json::array list_array;
  for (const ListDefinition& list : lists) list_array.push_back(describe(list, true));
  out["lists"] = std::move(list_array);
  json::array policy_array;
  for (const Policy& policy : policies) {
    json::object entry = describe(policy);
    json::array ids;
    for (const ListId id : policy.lists) ids.push_back(id.value);
    entry["lists"] = std::move(ids);
    policy_array.push_back(std::move(entry));
  }
  out["policies"] = std::move(policy_array);
  json::array group_array;
  for (const Group& group : groups) group_array.push_back(describe(group, group.policy));
  out["groups"] = std::move(group_array);
  out["mname"] = mname.to_text();
  out["rname"] = rname.to_text();
  out["local_zones"] = describe(local_zones);
  out["special_names"] = special_names;
  if (dns64) out["dns64"] = describe(*dns64);
  if (!local_domains.empty()) out["local_domains"] = describe(local_domains);
  if (structured_errors.option_code != 0) out["structured_errors"] = describe(structured_errors);
  if (!schedules.empty()) out["schedules"] = describe_schedules(*this, false);
  if (!pauses.empty()) out["pauses"] = describe_pauses(pauses);
  if (last_pause > 0) out["last_pause"] = last_pause;
  return json::serialize(out);
}

Result<PolicySet> PolicySet::from_json(std::string_view text) {
  try {
    const json::value parsed = json::parse(json::string_view(text.data(), text.size()));
    const json::object& in = parsed.as_object();
    PolicySet set;
    for (const json::value& list : in.at("lists").as_array()) set.lists.push_back(parse_list(list.as_object()));
    std::sort(set.lists.begin(), set.lists.end(),
              [](const ListDefinition& a, const ListDefinition& b) { return a.id < b.id; });
    for (const json::value& policy : in.at("policies").as_array())
      set.policies.push_back(parse_policy(policy.as_object()));
    for (const json::value& group : in.at("groups").as_array()) {
      set.groups.push_back(parse_group(group.as_object()));
      if (set.groups.back().policy >= set.policies.size())
        throw std::invalid_argument("a group names a policy that is not there");
    }
    if (set.policies.empty() || set.groups.empty()) throw std::invalid_argument("no policy or no group");
    set.mname = parse_name(in.at("mname"));
    set.rname = parse_name(in.at("rname"));
    // Absent in what was stored before there were any.
    if (const auto* zones = in.if_contains("local_zones")) {
      for (const json::value& zone : zones->as_array()) set.local_zones.push_back(parse_local_zone(zone.as_object()));
    }
    if (const auto* translated = in.if_contains("dns64")) set.dns64 = parse_dns64(translated->as_object());
    if (const auto* special = in.if_contains("special_names")) set.special_names = special->as_bool();
    if (const auto* domains = in.if_contains("local_domains")) {
      for (const json::value& domain : domains->as_array()) set.local_domains.push_back(parse_name(domain));
    }
    if (const auto* errors = in.if_contains("structured_errors"))
      set.structured_errors = parse_structured_errors(errors->as_object());
    if (const auto* schedules = in.if_contains("schedules")) set.schedules = parse_schedules(*schedules);
    for (const Schedule& schedule : set.schedules) {
      if (schedule.group >= set.groups.size())
        throw std::invalid_argument("a schedule is for a group that is not there");
    }
    if (const auto* pauses = in.if_contains("pauses")) set.pauses = parse_pauses(*pauses);
    if (const auto* last = in.if_contains("last_pause")) set.last_pause = last->to_number<std::uint64_t>();
    return set;
  } catch (const std::exception& fault) {
    return Error{ErrorCode::corrupt, std::string("stored policies: ") + fault.what()};
  }
}

std::string PolicySet::canonical_text() const {
  const auto by_name = [](const auto* a, const auto* b) { return a->name < b->name; };
  const auto sorted = [&](const auto& items) {
    std::vector<decltype(&items.front())> pointers;
    for (const auto& item : items) pointers.push_back(&item);
    std::sort(pointers.begin(), pointers.end(), by_name);
    return pointers;
  };
  json::object out;
  json::array list_array;
  for (const ListDefinition* list : sorted(lists)) list_array.push_back(describe(*list, false));
  out["lists"] = std::move(list_array);
  json::array policy_array;
  for (const Policy* policy : sorted(policies)) {
    json::object entry = describe(*policy);
    std::vector<std::string> names;
    for (const ListId id : policy->lists) {
      if (const ListDefinition* list = find_list(id)) names.push_back(list->name);
    }
    std::sort(names.begin(), names.end());
    entry["lists"] = json::value_from(names);
    policy_array.push_back(std::move(entry));
  }
  out["policies"] = std::move(policy_array);
  json::array group_array;
  for (const Group* group : sorted(groups))
    group_array.push_back(describe(*group, json::string(policies[group->policy].name)));
  out["groups"] = std::move(group_array);
  // Only where there are any: the text of those who have none stays what it was.
  if (!local_zones.empty()) out["local_zones"] = describe(local_zones);
  if (!special_names) out["special_names"] = false;
  if (dns64) out["dns64"] = describe(*dns64);
  if (!local_domains.empty()) out["local_domains"] = describe(local_domains);
  if (structured_errors.option_code != 0) out["structured_errors"] = describe(structured_errors);
  if (!schedules.empty()) out["schedules"] = describe_schedules(*this, true);
  return json::serialize(out);
}

std::string_view to_text(ListKind kind) {
  return name_of(kListKinds, kind);
}
std::string_view to_text(BlockMode mode) {
  return name_of(kBlockModes, mode);
}
std::string_view to_text(Privacy privacy) {
  return name_of(kPrivacies, privacy);
}

std::string_view to_text(DefaultAction action) {
  return name_of(kDefaults, action);
}

}  // namespace weir
