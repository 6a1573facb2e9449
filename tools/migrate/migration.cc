#include "tools/migrate/migration.h"

#include <algorithm>
#include <tuple>

#include "tools/migrate/text.h"
#include "tools/support/toml_text.h"
#include "zones/base/text.h"
#include "zones/lists/detect.h"
#include "zones/lists/line.h"

namespace weir::migrate {
namespace {

constexpr std::size_t kShownText = 160;

// In UTF-8, and no longer than a line of a report.
std::string shorten(std::string_view text) {
  text = trim(text);
  if (text.size() <= kShownText) return std::string(text);
  std::size_t end = kShownText;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "...";
}

int badness(Outcome outcome) {
  switch (outcome) {
    case Outcome::idle:
    case Outcome::translated:
      return 1;
    case Outcome::differs:
      return 2;
    case Outcome::none:
      return 3;
  }
  return 3;
}

void replace(std::vector<Setting>& settings, const std::string& key, std::string value, RowId row,
             std::vector<RowId> more) {
  const auto known =
      std::find_if(settings.begin(), settings.end(), [&](const Setting& setting) { return setting.key == key; });
  if (known != settings.end()) {
    *known = {key, std::move(value), row, std::move(more)};
  } else {
    settings.push_back({key, std::move(value), row, std::move(more)});
  }
}

}  // namespace

std::string_view to_text(Outcome outcome) {
  switch (outcome) {
    case Outcome::translated:
      return "translated";
    case Outcome::differs:
      return "differs";
    case Outcome::idle:
      return "idle";
    case Outcome::none:
      return "no counterpart";
  }
  return "";
}

RowId Migration::add_row(Place place, std::string_view text, Outcome outcome, std::string note) {
  rows.push_back({std::move(place), shorten(text), outcome, std::move(note), {}});
  return rows.size() - 1;
}

void Migration::change(RowId row, Outcome outcome, const std::string& note) {
  Row& changed = rows[row];
  const bool idles = outcome == Outcome::idle && changed.outcome == Outcome::translated;
  if (idles || badness(outcome) > badness(changed.outcome)) changed.outcome = outcome;
  if (changed.note.find(note) != std::string::npos) return;
  changed.note += (changed.note.empty() ? "" : "; ") + note;
}

void Migration::set(const std::string& section, const std::string& key, std::string value, RowId row,
                    std::vector<RowId> more) {
  replace(settings[section], key, std::move(value), row, std::move(more));
}

void Migration::set_policy(const std::string& policy_name, const std::string& key, std::string value, RowId row) {
  replace(policy(policy_name).settings, key, std::move(value), row, {});
}

MigratedPolicy& Migration::policy(const std::string& name) {
  const auto known =
      std::find_if(policies.begin(), policies.end(), [&](const MigratedPolicy& one) { return one.name == name; });
  if (known != policies.end()) return *known;
  policies.push_back({name, {}});
  return policies.back();
}

MigratedForward& Migration::forward(const std::string& name, RowId row) {
  const auto [at, fresh] = forward_at_.emplace(to_lower_ascii(name), forwards.size());
  if (fresh) forwards.push_back({name, "forward", {}, false, row});
  return forwards[at->second];
}

MigratedZone& Migration::zone(const std::string& name, const std::string& type, RowId row) {
  const auto [at, fresh] = zone_at_.emplace(to_lower_ascii(name), zones.size());
  if (fresh) zones.push_back({name, type, {}, row});
  return zones[at->second];
}

MigratedList& Migration::own_list(const std::string& name, std::string_view kind, int rank) {
  const auto known =
      std::find_if(lists.begin(), lists.end(), [&](const MigratedList& one) { return one.name == name; });
  if (known != lists.end()) return *known;
  MigratedList& list = lists.emplace_back();
  list.name = name;
  list.allows = kind == "allow";
  // No guard holds back what the administrator writes himself.
  list.settings = {{"kind", toml_string(kind), 0},
                   {"dialect", toml_string("adblock"), 0},
                   {"match", toml_string("exact"), 0},
                   {"rank", toml_number(static_cast<std::uint64_t>(rank)), 0},
                   {"max_shrink", "100", 0},
                   {"max_growth", "1000000", 0},
                   {"min_overlap", "0", 0},
                   {"public_suffixes", "\"allow\"", 0},
                   {"protected_names", "\"warn\"", 0},
                   {"in_use", "0", 0}};
  return list;
}

bool Migration::add_rule(MigratedList& list, const std::string& text, RowId row) {
  LineOptions options;
  options.rewrites = true;
  options.kind = list.allows ? ListKind::allow : ListKind::block;
  Line line;
  if (text.empty() || !is_utf8(text) || text.find_first_of("\r\n") != std::string::npos) {
    change(row, Outcome::none, "not a name, and not a pattern that weir has");
    return false;
  }
  // The list says of itself that it is one of adblock lines: a line of another dialect would be skipped.
  if (dialect_of(text) != Dialect::adblock) {
    change(row, Outcome::none, "not a pattern that weir has");
    return false;
  }
  parse_adblock_line(text, options, line);
  if (line.bucket != Bucket::rule) {
    change(row, Outcome::none, line.reason.empty() ? std::string(weir::to_text(line.bucket)) : line.reason);
    return false;
  }
  list.rules.push_back({text, row});
  return true;
}

std::vector<const Row*> Migration::in_order() const {
  std::map<std::string_view, std::size_t> files;
  for (const Row& row : rows) files.emplace(row.place.file, files.size());
  std::vector<const Row*> out;
  for (const Row& row : rows) out.push_back(&row);
  std::stable_sort(out.begin(), out.end(), [&](const Row* a, const Row* b) {
    return std::tuple(files[a->place.file], a->place.line, a->place.column) <
           std::tuple(files[b->place.file], b->place.line, b->place.column);
  });
  return out;
}

std::size_t Migration::count(Outcome outcome) const {
  return static_cast<std::size_t>(
      std::count_if(rows.begin(), rows.end(), [&](const Row& row) { return row.outcome == outcome; }));
}

const std::vector<System>& systems() {
  static const std::vector<System> known = {
      {"pihole", "a Teleporter archive (tar.gz or zip), pihole.toml, setupVars.conf or gravity.db", read_pihole},
      {"adguardhome", "AdGuardHome.yaml", read_adguard_home},
      {"technitium", "a backup (zip), the answer of api/settings/get, an export of allowed or blocked zones",
       read_technitium},
      {"blocky", "config.yml", read_blocky},
      {"unbound", "unbound.conf", read_unbound},
      {"dnsmasq", "dnsmasq.conf", read_dnsmasq}};
  return known;
}

// The reports name a file without its folder, and so do the readers' errors; who is refused wants to know which it was.
Result<Migration> read_configuration(const System& system, const std::filesystem::path& file) {
  auto read = system.read(file);
  const std::string path = escape_for_display(file.string());
  if (read && read->rows.empty()) {
    return Error{ErrorCode::invalid, path + ": there is no setting of " + std::string(system.name) +
                                         " in it; what is read is " + std::string(system.reads)};
  }
  if (read) return read;
  Error error = read.error();
  const std::string name = escape_for_display(file.filename().string());
  if (error.message.starts_with(path)) return error;
  error.message =
      error.message.starts_with(name + ':') ? path + error.message.substr(name.size()) : path + ": " + error.message;
  return error;
}

}  // namespace weir::migrate
