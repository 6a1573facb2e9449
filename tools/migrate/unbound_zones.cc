#include "tools/migrate/unbound_zones.h"

#include <algorithm>

#include "tools/migrate/text.h"
#include "zones/base/prefix.h"
#include "zones/base/text.h"
#include "zones/dns/record_text.h"

namespace weir::migrate {
namespace {

std::string folded(const std::string& name) {
  const auto parsed = Name::parse(name);
  return parsed ? parsed->folded().to_text() : std::string();
}

std::string local_type(const std::string& type) {
  static const std::map<std::string, std::string> kTypes = {{"deny", "drop"},
                                                            {"inform_deny", "drop"},
                                                            {"always_deny", "drop"},
                                                            {"refuse", "refuse"},
                                                            {"always_refuse", "refuse"},
                                                            {"static", "static"},
                                                            {"always_nxdomain", "static"},
                                                            {"always_nodata", "nodata"},
                                                            {"always_null", "redirect"},
                                                            {"redirect", "redirect"},
                                                            {"inform_redirect", "redirect"},
                                                            {"transparent", "transparent"},
                                                            {"inform", "transparent"},
                                                            {"typetransparent", "typetransparent"},
                                                            {"always_transparent", "resolve"},
                                                            {"nodefault", "resolve"},
                                                            {"block_a", "no_a"}};
  return kTypes.at(type);
}

// The rule of a zone that has no data, or nothing where it takes a zone to say it.
std::optional<std::string> rule_of(const std::string& name, const std::string& type) {
  const std::string pattern = pattern_of(name, Reach::subtree);
  if (pattern.empty()) return std::nullopt;
  if (type == "always_nxdomain" || type == "static") return pattern + "$dnsrewrite=NXDOMAIN";
  if (type == "always_null") return pattern;
  if (type == "always_nodata" || type == "redirect" || type == "inform_redirect")
    return pattern + "$dnsrewrite=NOERROR";
  if (type == "always_refuse" || type == "refuse") return pattern + "$dnsrewrite=REFUSED";
  return std::nullopt;
}

bool has_above(const std::set<std::string>& names, std::string name) {
  if (names.contains(".")) return true;
  for (auto dot = name.find('.'); dot != std::string::npos && dot + 1 < name.size(); dot = name.find('.')) {
    name.erase(0, dot + 1);
    if (names.contains(name)) return true;
  }
  return false;
}

}  // namespace

void UnboundZones::add_zone(const std::vector<std::string>& values, RowId row) {
  const std::string name = folded(values[0]);
  if (name.empty() || values.size() < 2) return out_.change(row, Outcome::none, "not a name and a type");
  const std::string type = values[1];
  static const std::set<std::string> kKnown = {"deny",
                                               "refuse",
                                               "static",
                                               "transparent",
                                               "redirect",
                                               "nodefault",
                                               "typetransparent",
                                               "inform",
                                               "inform_deny",
                                               "inform_redirect",
                                               "always_transparent",
                                               "always_refuse",
                                               "always_nxdomain",
                                               "always_nodata",
                                               "always_deny",
                                               "always_null",
                                               "block_a"};
  if (!kKnown.contains(type)) return out_.change(row, Outcome::none, "an unknown type '" + type + "'");
  if (type.starts_with("inform"))
    out_.change(row, Outcome::differs, "weir logs decisions, not every query for a zone of this type");
  const auto [known, fresh] = zones_.emplace(name, Zone{type, row});
  if (!fresh) out_.change(row, Outcome::idle, "a zone of this name is there already, and the first one counts");
}

void UnboundZones::add_data(const std::string& text, RowId row) {
  const auto record = parse_resource_record(text, 3600);
  if (!record) return out_.change(row, Outcome::none, record.error().message);
  data_.push_back({text, row});
  owners_.push_back(record->owner.folded());
}

void UnboundZones::add_pointer(const std::string& value, RowId row) {
  std::string spaced = value;
  std::replace(spaced.begin(), spaced.end(), '\t', ' ');
  const auto words = split(spaced, ' ');
  const auto zones = words.size() >= 2 ? reverse_zones(words[0]) : std::vector<std::string>();
  const auto target = words.size() >= 2 ? Name::parse(words.back()) : Result<Name>(Error{});
  if (zones.size() != 1 || !target) return out_.change(row, Outcome::none, "not an address and a name");
  std::string to = target->to_text();
  if (!to.ends_with('.')) to += '.';
  add_data(zones[0] + (words.size() > 2 ? ' ' + words[1] : std::string()) + " PTR " + to, row);
}

// The zone that decides on `name`, among those of the configuration.
std::optional<std::string> UnboundZones::zone_of(const Name& name) const {
  for (unsigned labels = name.label_count() + 1; labels-- > 0;) {
    const std::string suffix = name.suffix(labels).to_text();
    if (zones_.contains(suffix)) return suffix;
  }
  return std::nullopt;
}

MigratedList& UnboundZones::list() {
  MigratedList& made = out_.own_list("unbound-zones", "block", 4);
  if (made.comment.empty()) {
    made.comment = "local-zone: and local-data: that block; the longest name wins";
    made.settings.push_back({"order", "\"specific\"", 0});
    made.settings.push_back({"rewrites", "true", 0});
    made.movable = true;
  }
  return made;
}

void UnboundZones::settle() {
  std::map<std::string, std::vector<Record>> data_of;
  std::vector<Record> without_zone;
  for (std::size_t i = 0; i < data_.size(); ++i) {
    const auto zone = zone_of(owners_[i]);
    if (zone) {
      data_of[*zone].push_back(data_[i]);
    } else {
      without_zone.push_back(data_[i]);
    }
  }
  // By name from the root down, so that a zone below one that was written as a zone becomes one as well.
  std::vector<std::pair<std::string, Zone>> zones(zones_.begin(), zones_.end());
  std::stable_sort(zones.begin(), zones.end(), [](const auto& a, const auto& b) {
    return std::count(a.first.begin(), a.first.end(), '.') < std::count(b.first.begin(), b.first.end(), '.');
  });
  std::set<std::string> written, blocked;
  for (const auto& [name, zone] : zones) {
    const auto data = data_of.find(name);
    const bool has_data = data != data_of.end();
    const bool passes = zone.type == "always_transparent" || zone.type == "transparent" ||
                        zone.type == "typetransparent" || zone.type == "inform";
    if (!has_data && !has_above(written, name)) {
      if (passes) {
        if (has_above(blocked, name)) {
          out_.add_rule(list(), "@@" + pattern_of(name, Reach::subtree), zone.row);
        } else {
          out_.change(zone.row, Outcome::idle, "a zone without data that lets everything through");
        }
        continue;
      }
      if (const auto rule = rule_of(name, zone.type)) {
        if (out_.add_rule(list(), *rule, zone.row)) blocked.insert(name);
        continue;
      }
    }
    write_zone(name, zone, has_data ? data->second : std::vector<Record>());
    written.insert(name);
  }
  for (const Record& record : without_zone) add_free_record(record);
}

void UnboundZones::write_zone(const std::string& name, const Zone& zone, const std::vector<Record>& data) {
  MigratedZone& made = out_.zone(name, local_type(zone.type), zone.row);
  if (zone.type == "always_null") {
    made.records = {{name + " A 0.0.0.0", zone.row}, {name + " AAAA ::", zone.row}};
    return;
  }
  const bool keeps = made.type != "resolve" && !zone.type.starts_with("always_");
  for (const Record& record : data) {
    if (keeps) {
      made.records.push_back(record);
    } else {
      out_.change(record.row, Outcome::idle, "its zone is of type " + zone.type + ", which does not look at its data");
    }
  }
  if (!data.empty() && made.type == "resolve") made.records.clear();
  if (made.type == "redirect") {
    std::vector<Record> own;
    for (const Record& record : made.records) {
      const auto parsed = parse_resource_record(record.text, 3600);
      if (parsed && parsed->owner.folded().to_text() == name) {
        own.push_back(record);
      } else {
        out_.change(record.row, Outcome::idle, "below a zone of type redirect only its own records count");
      }
    }
    made.records = own;
  }
}

// local-data without a zone: Unbound makes a transparent one of its own.
void UnboundZones::add_free_record(const Record& record) {
  const auto parsed = parse_resource_record(record.text, 3600);
  const bool address = parsed && (parsed->type == RecordType::a || parsed->type == RecordType::aaaa);
  if (address && IpAddress::from_octets(parsed->rdata).is_unspecified()) {
    out_.add_rule(list(), pattern_of(parsed->owner.to_text(), Reach::exact), record.row);
    return out_.change(record.row, Outcome::differs,
                       "both address families are null here; there, only the one that the record has");
  }
  out_.records.push_back(record);
}

}  // namespace weir::migrate
