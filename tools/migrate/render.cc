// The text of the drop-in and of the list files.
#include <algorithm>
#include <set>

#include "tools/migrate/writer.h"
#include "tools/support/toml_text.h"
#include "zones/base/text.h"
#include "zones/dns/record_text.h"

namespace weir::migrate {
namespace {

// Counts its lines, so that each row learns where it went.
class Text {
 public:
  Text(std::string name, std::vector<Row>& rows) : name_(std::move(name)), rows_(rows) {}

  void add(const std::string& line) {
    text_ += line + '\n';
    ++lines_;
  }
  void add(const Setting& setting) {
    add(setting.key + " = " + setting.value, setting.row);
    for (const RowId row : setting.more) point(row);
  }
  void add(const std::string& line, RowId row) {
    add(line);
    point(row);
  }
  const std::string& name() const { return name_; }
  OutputFile take() { return {std::move(name_), std::move(text_)}; }

 private:
  void point(RowId row) {
    std::vector<Target>& targets = rows_[row].targets;
    if (targets.empty() || targets.back().file != name_ || targets.back().line != lines_)
      targets.push_back({name_, lines_});
  }

  std::string name_;
  std::string text_;
  std::vector<Row>& rows_;
  std::uint64_t lines_ = 0;
};

// What a configuration does not take, whatever system it is from: records that are none or stand beside an alias,
// clients that are named twice. Their rows say so.
class Settler {
 public:
  explicit Settler(Migration& migration) : migration_(migration) {}

  void run() {
    settle(migration_.records, nullptr);
    for (MigratedZone& zone : migration_.zones) settle(zone.records, &zone);
    std::set<std::string> clients;
    for (MigratedGroup& group : migration_.groups) {
      std::erase_if(group.clients, [&](const Setting& client) {
        if (clients.insert(client.value).second) return false;
        migration_.change(client.row, Outcome::differs, "this client is in another group already");
        return true;
      });
    }
    for (MigratedForward& forward : migration_.forwards) {
      std::set<std::string> servers;
      std::erase_if(forward.servers, [&](const Setting& server) {
        if (servers.size() < kMaxServers && servers.insert(server.value).second) return false;
        const bool full = !servers.contains(server.value);
        migration_.change(server.row, full ? Outcome::none : Outcome::idle,
                          full ? "more servers for one name than weir asks" : "named before");
        return true;
      });
    }
  }

 private:
  static constexpr std::size_t kMaxServers = 64;

  void settle(std::vector<Record>& records, const MigratedZone* zone) {
    std::erase_if(records, [&](const Record& record) {
      const std::string why = objection(record.text, zone);
      if (!why.empty()) migration_.change(record.row, Outcome::none, why);
      return !why.empty();
    });
  }

  std::string objection(const std::string& text, const MigratedZone* zone) {
    const auto record = parse_resource_record(text, 3600);
    if (!record) return record.error().message;
    const auto number = static_cast<std::uint16_t>(record->type);
    const bool is_meta = number == 0 || record->type == RecordType::opt || (number >= 128 && number <= 255);
    if (is_meta || record->type == RecordType::soa || record->type == RecordType::dname ||
        record->type == RecordType::ds)
      return "weir serves no record of this type from here";
    const auto name = zone != nullptr ? Name::parse(zone->name) : Result<Name>(Name());
    if (!name || !record->owner.is_at_or_below(*name)) return "its name does not lie in its zone";
    if (zone != nullptr && zone->type == "resolve") return "its zone has no data";
    if (++count_ > kMaxRecords) return "more records than weir keeps";
    auto& [alias, other] = owners_[record->owner.folded().to_text()];
    const bool is_alias = record->type == RecordType::cname;
    if (is_alias ? other || alias : alias) return "an alias and other records have this name: an alias stands alone";
    (is_alias ? alias : other) = true;
    return {};
  }

  static constexpr std::size_t kMaxRecords = 100'000;

  Migration& migration_;
  std::size_t count_ = 0;
  std::map<std::string, std::pair<bool, bool>> owners_;  // has an alias, has other records
};

class Renderer {
 public:
  Renderer(Migration& migration, const Existing& existing)
      : migration_(migration), existing_(existing), main_("migrated-" + migration.system + ".toml", migration.rows) {}

  std::vector<OutputFile> run() {
    main_.add("# Written by 'weir migrate " + migration_.system + "'.");
    for (const auto& [section, settings] : migration_.settings) {
      if (section != "local") add_section(section, settings);
    }
    const auto local = migration_.settings.find("local");
    has_local_ = local != migration_.settings.end() && add_section("local", local->second);
    add_records();
    add_policies();
    add_groups();
    for (const MigratedList& list : migration_.lists) add_list(list);
    add_forwards();
    add_zones();
    std::vector<OutputFile> out;
    out.push_back(main_.take());
    for (OutputFile& file : list_files_) out.push_back(std::move(file));
    return out;
  }

 private:
  static std::vector<RowId> rows_of(const Setting& setting) {
    std::vector<RowId> rows = setting.more;
    rows.push_back(setting.row);
    return rows;
  }

  // Whether it is new; otherwise the row says that it stays as it is.
  bool is_new(const std::map<std::string, std::string>& known, const std::string& key, const std::string& what,
              const std::vector<RowId>& rows) {
    const auto found = known.find(key);
    if (found == known.end()) return true;
    for (const RowId row : rows) {
      migration_.change(row, Outcome::differs,
                        "left out: " + found->second + " sets " + what + " already, and that stays as it is");
    }
    return false;
  }

  // Whether anything of it was written: then it is open.
  bool add_section(const std::string& section, const std::vector<Setting>& settings) {
    bool begun = false;
    for (const Setting& setting : settings) {
      if (!is_new(existing_.keys, section + '.' + setting.key, '[' + section + "] " + setting.key, rows_of(setting)))
        continue;
      if (!begun) {
        main_.add("");
        main_.add('[' + section + ']');
        begun = true;
      }
      main_.add(setting);
    }
    return begun;
  }

  void add_policies() {
    const auto fallback = std::find_if(migration_.policies.begin(), migration_.policies.end(),
                                       [](const MigratedPolicy& policy) { return policy.name == "default"; });
    for (const MigratedPolicy& policy : migration_.policies) {
      std::vector<Setting> settings = policy.settings;
      if (policy.name != "default" && fallback != migration_.policies.end()) {
        for (const Setting& setting : fallback->settings) {
          const bool known =
              std::any_of(settings.begin(), settings.end(), [&](const Setting& one) { return one.key == setting.key; });
          const bool of_a_mode =
              setting.key == "block_address" && std::any_of(policy.settings.begin(), policy.settings.end(),
                                                            [](const Setting& one) { return one.key == "block"; });
          if (!known && !of_a_mode && setting.key != "default") settings.push_back(setting);
        }
      }
      const auto known = existing_.policies.find(policy.name);
      if (known != existing_.policies.end()) {
        for (const Setting& setting : settings)
          is_new(existing_.policies, policy.name, "the policy \"" + policy.name + '"', {setting.row});
        continue;
      }
      if (policy.name == "default" && settings.empty()) continue;
      main_.add("");
      main_.add("[[policy]]");
      main_.add("name = " + toml_string(policy.name));
      for (const Setting& setting : settings) main_.add(setting.key + " = " + setting.value, setting.row);
    }
  }

  void add_groups() {
    for (const MigratedGroup& group : migration_.groups) {
      if (group.clients.empty()) continue;
      const auto known = existing_.groups.find(group.name);
      if (known != existing_.groups.end()) {
        for (const Setting& client : group.clients)
          is_new(existing_.groups, group.name, "the group \"" + group.name + '"', {client.row});
        continue;
      }
      main_.add("");
      main_.add("[[group]]");
      main_.add("name = " + toml_string(group.name));
      main_.add("clients = [");
      for (const Setting& client : group.clients) main_.add("  " + client.value + ',', client.row);
      main_.add("]");
      main_.add("policy = " + toml_string(group.policy));
    }
  }

  std::vector<std::string> policies_of(const MigratedList& list) const {
    if (!list.policies.empty()) return list.policies;
    std::vector<std::string> all = {"default"};
    for (const MigratedPolicy& policy : migration_.policies) {
      if (policy.name != "default") all.push_back(policy.name);
    }
    return all;
  }

  void add_list(const MigratedList& list) {
    if (list.source.empty() && list.rules.empty()) return;
    std::string source = list.source;
    if (source.empty()) {
      Text rules("migrated-" + list.name + ".txt", migration_.rows);
      source = rules.name();
      rules.add("! Written by 'weir migrate " + migration_.system + "'" +
                (list.comment.empty() ? std::string() : ": " + list.comment) + '.');
      for (const RuleLine& rule : list.rules) rules.add(rule.text, rule.row);
      list_files_.push_back(rules.take());
    }
    main_.add("");
    if (!list.comment.empty()) main_.add("# " + escape_for_display(list.comment));
    main_.add("[[list]]");
    main_.add("name = " + toml_string(list.name));
    if (list.has_row) {
      main_.add("source = " + toml_string(source), list.row);
    } else {
      main_.add("source = " + toml_string(source));
    }
    for (const Setting& setting : list.settings) main_.add(setting.key + " = " + setting.value);
    if (!migration_.blocking) main_.add("mode = \"observe\"");
    main_.add("policies = " + toml_array(policies_of(list)));
  }

  void add_forwards() {
    for (const MigratedForward& forward : migration_.forwards) {
      if (forward.servers.empty()) continue;
      bool fresh = true;
      for (const Setting& server : forward.servers) {
        fresh = is_new(existing_.forwards, to_lower_ascii(forward.name), "who is asked for \"" + forward.name + '"',
                       {server.row}) &&
                fresh;
      }
      if (!fresh) continue;
      main_.add("");
      main_.add("[[forward]]");
      main_.add("name = " + toml_string(forward.name), forward.row);
      if (forward.kind != "forward") main_.add("kind = " + toml_string(forward.kind));
      main_.add("servers = [");
      for (const Setting& server : forward.servers) main_.add("  " + server.value + ',', server.row);
      main_.add("]");
      if (forward.fallback) main_.add("fallback = \"recursion\"");
    }
  }

  void add_record_lines(const std::vector<Record>& records) {
    main_.add("records = [");
    for (const Record& record : records) main_.add("  " + toml_string(record.text) + ',', record.row);
    main_.add("]");
  }

  void add_records() {
    if (migration_.records.empty()) return;
    bool fresh = true;
    for (const Record& record : migration_.records)
      fresh = is_new(existing_.keys, "local.records", "[local] records", {record.row}) && fresh;
    if (!fresh) return;
    if (!has_local_) {
      main_.add("");
      main_.add("[local]");
    }
    add_record_lines(migration_.records);
  }

  void add_zones() {
    for (const MigratedZone& zone : migration_.zones) {
      if (!is_new(existing_.zones, to_lower_ascii(zone.name), "the local zone \"" + zone.name + '"', {zone.row}))
        continue;
      main_.add("");
      main_.add("[[local_zone]]");
      main_.add("name = " + toml_string(zone.name), zone.row);
      main_.add("type = " + toml_string(zone.type));
      if (!zone.records.empty()) add_record_lines(zone.records);
    }
  }

  Migration& migration_;
  const Existing& existing_;
  Text main_;
  bool has_local_ = false;  // the section is open
  std::vector<OutputFile> list_files_;
};

}  // namespace

std::vector<OutputFile> render(Migration& migration, const Existing& existing) {
  Settler(migration).run();
  return Renderer(migration, existing).run();
}

}  // namespace weir::migrate
