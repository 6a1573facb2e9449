// Pi-hole 5 and 6.
//
// A query is decided in this order there: allowed exactly or by a regular expression; denied exactly; a subscribed
// allow list; a subscribed block list or a denying regular expression. So the ranks 3, 4, 5 and 6, each with lists of
// one kind, keep every decision.
#include <sqlite3.h>

#include <algorithm>
#include <memory>
#include <set>

#include "tools/migrate/input.h"
#include "tools/migrate/pieces.h"
#include "tools/migrate/text.h"
#include "tools/support/toml_text.h"
#include "zones/base/text.h"

namespace weir::migrate {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr int kRankOwnAllow = 3;
constexpr int kRankOwnDeny = 4;
constexpr int kRankSubscribedAllow = 5;
constexpr int kRankSubscribedBlock = 6;

// A row of one of Pi-hole's tables, from JSON or from SQLite.
struct Entry {
  Place place;
  std::map<std::string, std::string> fields;

  std::string text(const std::string& key) const {
    const auto found = fields.find(key);
    return found != fields.end() ? found->second : std::string();
  }
  bool enabled() const { return text("enabled") != "0"; }
};

struct Tables {
  std::vector<Entry> groups, clients, lists, domains;
  std::vector<Entry> list_groups, domain_groups, client_groups;
};

enum Kind { allow_exact = 0, deny_exact = 1, allow_regex = 2, deny_regex = 3 };

std::string as_text(const json::value& value) {
  if (value.is_string()) return std::string(value.get_string());
  if (value.is_null()) return {};
  if (value.is_bool()) return value.get_bool() ? "1" : "0";
  return json::serialize(value);
}

Result<std::vector<Entry>> entries_of(const Archive& archive, const std::string& name, int kind = -1) {
  std::vector<Entry> out;
  const auto file = archive.find(name);
  if (file == archive.end()) return out;
  if (file->second.size() > kMaxDocumentBytes) return Error{ErrorCode::too_large, name + ": larger than 16 MiB"};
  auto parsed = parse_json(file->second, name);
  if (!parsed) return parsed.error();
  if (!parsed->is_array()) return fault_at(name, 1, 1, "an array of entries was expected");
  const std::vector<Position> places = element_positions(file->second);
  const json::array& items = parsed->get_array();
  for (std::size_t i = 0; i < items.size(); ++i) {
    const Position at = i < places.size() ? places[i] : Position{};
    if (!items[i].is_object()) return fault_at(name, at.line, at.column, "an object was expected");
    Entry entry;
    entry.place = {name, at.line, at.column};
    for (const auto& [key, value] : items[i].get_object()) entry.fields[std::string(key)] = as_text(value);
    if (kind >= 0) entry.fields["type"] = std::to_string(kind);
    out.push_back(std::move(entry));
  }
  return out;
}

Result<Tables> tables_of(const Archive& archive) {
  Tables out;
  struct Source {
    const char* name;
    std::vector<Entry>* into;
    int kind;
  };
  const Source sources[] = {{"group.json", &out.groups, -1},
                            {"client.json", &out.clients, -1},
                            {"adlist.json", &out.lists, -1},
                            {"whitelist.exact.json", &out.domains, allow_exact},
                            {"whitelist.regex.json", &out.domains, allow_regex},
                            {"blacklist.exact.json", &out.domains, deny_exact},
                            {"blacklist.regex.json", &out.domains, deny_regex},
                            {"adlist_by_group.json", &out.list_groups, -1},
                            {"domainlist_by_group.json", &out.domain_groups, -1},
                            {"client_by_group.json", &out.client_groups, -1}};
  for (const Source& source : sources) {
    auto entries = entries_of(archive, source.name, source.kind);
    if (!entries) return entries.error();
    for (Entry& entry : *entries) source.into->push_back(std::move(entry));
  }
  return out;
}

struct CloseDatabase {
  void operator()(sqlite3* database) const { sqlite3_close(database); }
};
struct EndStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};

// gravity.db; `bytes` outlive the database, which reads in them and never writes.
Result<Tables> tables_of_database(std::string& bytes, const std::string& shown) {
  sqlite3* opened = nullptr;
  const int outcome = sqlite3_open_v2(":memory:", &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  const std::unique_ptr<sqlite3, CloseDatabase> database(opened);
  if (outcome != SQLITE_OK) return Error{ErrorCode::io, "SQLite cannot be opened"};
  const auto refused = [&] {
    return Error{ErrorCode::invalid,
                 shown + ": not a gravity.db: " + escape_for_display(sqlite3_errmsg(database.get()))};
  };
  // What is in the file is not trusted: no code of its own, no corrupt schema.
  sqlite3_db_config(database.get(), SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(database.get(), SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(database.get(), SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  sqlite3_db_config(database.get(), SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
  sqlite3_limit(database.get(), SQLITE_LIMIT_LENGTH, 1'000'000);
  const auto size = static_cast<sqlite3_int64>(bytes.size());
  if (sqlite3_deserialize(database.get(), "main", reinterpret_cast<unsigned char*>(bytes.data()), size, size,
                          SQLITE_DESERIALIZE_READONLY) != SQLITE_OK)
    return refused();
  Tables out;
  const std::pair<const char*, std::vector<Entry>*> tables[] = {{"group", &out.groups},
                                                                {"client", &out.clients},
                                                                {"adlist", &out.lists},
                                                                {"domainlist", &out.domains},
                                                                {"adlist_by_group", &out.list_groups},
                                                                {"domainlist_by_group", &out.domain_groups},
                                                                {"client_by_group", &out.client_groups}};
  for (const auto& [table, into] : tables) {
    sqlite3_stmt* prepared = nullptr;
    const std::string query = std::string("SELECT * FROM \"") + table + '"';
    if (sqlite3_prepare_v2(database.get(), query.c_str(), -1, &prepared, nullptr) != SQLITE_OK) return refused();
    const std::unique_ptr<sqlite3_stmt, EndStatement> statement(prepared);
    int step = SQLITE_ROW;
    for (std::uint64_t number = 1; (step = sqlite3_step(statement.get())) == SQLITE_ROW; ++number) {
      if (number > kMaxRows) return Error{ErrorCode::too_large, shown + ": too many rows in " + table};
      Entry entry;
      entry.place = {shown + '#' + table, number, 1};
      for (int i = 0; i < sqlite3_column_count(statement.get()); ++i) {
        const auto* text = sqlite3_column_text(statement.get(), i);
        const int length = sqlite3_column_bytes(statement.get(), i);
        entry.fields[sqlite3_column_name(statement.get(), i)] =
            text == nullptr ? std::string()
                            : std::string(reinterpret_cast<const char*>(text), static_cast<std::size_t>(length));
      }
      into->push_back(std::move(entry));
    }
    if (step != SQLITE_DONE) return refused();
  }
  return out;
}

class PiholeReader {
 public:
  PiholeReader(Migration& out, const Tables& tables) : out_(out), tables_(tables) {}

  void run() {
    name_groups();
    for (const Entry& link : tables_.list_groups) list_groups_[link.text("adlist_id")].insert(link.text("group_id"));
    for (const Entry& link : tables_.domain_groups)
      domain_groups_[link.text("domainlist_id")].insert(link.text("group_id"));
    for (const Entry& link : tables_.client_groups)
      client_groups_[link.text("client_id")].insert(link.text("group_id"));
    for (const Entry& client : tables_.clients) read_client(client);
    for (const auto& [id, row] : group_rows_) {
      std::string policies;
      for (const auto& [name, members] : policies_) policies += members.contains(id) ? ' ' + name : "";
      if (policies.empty()) {
        out_.change(row, Outcome::idle, "no client is in it");
      } else {
        out_.change(row, Outcome::translated, "in the policies" + policies);
      }
    }
    for (const Entry& list : tables_.lists) read_list(list);
    for (const Entry& domain : tables_.domains) read_domain(domain);
  }

 private:
  // In weir a client has one policy; in Pi-hole all the groups that it is in. So each set of groups that some client is
  // in becomes a policy, with the lists of all of its groups.
  using GroupSet = std::set<std::string>;

  void name_groups() {
    for (const Entry& group : tables_.groups) {
      const std::string id = group.text("id");
      const RowId row = out_.add_row(group.place, "group " + group.text("name"));
      if (!group.enabled()) {
        disabled_.insert(id);
        out_.change(row, Outcome::idle, "switched off there: its lists and domains are not in force");
      } else if (id == "0") {
        out_.change(row, Outcome::idle, "every client that no group names: the policy \"default\"");
      }
      group_names_[id] = group.text("name");
      group_rows_[id] = row;
    }
    policies_["default"] = {"0"};
    taken_.push_back("default");
  }

  void read_client(const Entry& client) {
    const std::string address = client.text("ip");
    const RowId row = out_.add_row(client.place, "client " + address);
    GroupSet groups = client_groups_[client.text("id")];
    const auto prefix = client_prefix(address);
    if (!prefix) {
      out_.change(row, Outcome::none,
                  "weir knows clients by address and prefix, not by hardware address, name or interface");
      return;
    }
    if (groups == GroupSet{"0"}) return out_.change(row, Outcome::idle, "in the group Default alone, as everybody is");
    for (const Entry& other : tables_.clients) {
      const auto earlier = client_prefix(other.text("ip"));
      if (&other == &client) break;
      if (earlier == prefix) return out_.change(row, Outcome::idle, "the same client as in an earlier entry");
    }
    const std::string policy = policy_of(groups);
    auto group = std::find_if(out_.groups.begin(), out_.groups.end(),
                              [&](const MigratedGroup& one) { return one.policy == policy; });
    if (group == out_.groups.end()) {
      out_.groups.push_back({policy, policy, {}});
      group = out_.groups.end() - 1;
    }
    group->clients.push_back({"", toml_string(*prefix), row});
  }

  std::string policy_of(const GroupSet& groups) {
    for (const auto& [name, known] : policies_) {
      if (known == groups) return name;
    }
    std::string wanted;
    for (const std::string& id : groups) {
      if (id != "0" || groups.size() == 1) wanted += (wanted.empty() ? "" : "-") + group_names_[id];
    }
    if (groups.contains("0")) wanted += (wanted.empty() ? "" : "-") + std::string("and-default");
    const std::string name = config_name(groups.empty() ? "unfiltered" : wanted, "group", taken_);
    policies_[name] = groups;
    out_.policy(name);
    return name;
  }

  // The policies whose clients are in one of `groups`; none where it is in force for nobody.
  std::vector<std::string> policies_in(GroupSet groups) const {
    for (const std::string& id : disabled_) groups.erase(id);
    std::vector<std::string> out;
    for (const auto& [name, members] : policies_) {
      const bool holds =
          std::any_of(members.begin(), members.end(), [&](const auto& id) { return groups.contains(id); });
      if (holds) out.push_back(name);
    }
    return out;
  }

  void read_list(const Entry& list) {
    const std::string source = list.text("address");
    const RowId row = out_.add_row(list.place, "list " + source);
    if (!list.enabled()) return out_.change(row, Outcome::idle, "switched off there");
    if (const auto objection = objection_to_source(source)) return out_.change(row, Outcome::none, *objection);
    const auto policies = policies_in(list_groups_[list.text("id")]);
    if (policies.empty())
      return out_.change(row, Outcome::idle, "in no group that a client is in and that is switched on");
    const bool allows = list.text("type") == "1";
    MigratedList& made = out_.lists.emplace_back();
    made.name = config_name(name_of_source(source), "list", list_names_);
    made.source = source.starts_with("file://") ? source.substr(7) : source;
    made.settings = {
        {"kind", toml_string(allows ? "allow" : "block"), row},
        {"match", toml_string("exact"), row},
        {"rank", toml_number(allows ? kRankSubscribedAllow : kRankSubscribedBlock), row},
    };
    if (policies.size() < policies_.size()) made.policies = policies;
    made.row = row;
    made.has_row = true;
  }

  void read_domain(const Entry& entry) {
    const std::string domain = entry.text("domain");
    const std::string type = entry.text("type");
    const int kind = type.size() == 1 && type[0] >= '0' && type[0] <= '3' ? type[0] - '0' : -1;
    static constexpr const char* kShown[] = {"allow ", "deny ", "allow regex ", "deny regex "};
    const RowId row = out_.add_row(entry.place, (kind >= 0 ? kShown[kind] : "domain ") + domain);
    if (kind < 0) return out_.change(row, Outcome::none, "an unknown type of entry");
    if (!entry.enabled()) return out_.change(row, Outcome::idle, "switched off there");
    const auto policies = policies_in(domain_groups_[entry.text("id")]);
    if (policies.empty())
      return out_.change(row, Outcome::idle, "in no group that a client is in and that is switched on");
    const bool allows = kind == allow_exact || kind == allow_regex;
    const char* word = kind == deny_regex ? "deny-regex" : allows ? "allow" : "deny";
    const int rank = allows ? kRankOwnAllow : kind == deny_exact ? kRankOwnDeny : kRankSubscribedBlock;
    MigratedList& list = own_list(word, policies, rank);
    list.comment =
        std::string(allows ? "allowed" : "denied") + (kind == deny_regex ? " by regular expression" : " by name");
    list.movable = kind != deny_regex;
    if (kind == allow_exact || kind == deny_exact) {
      out_.add_rule(list, pattern_of(domain, Reach::exact), row);
    } else {
      add_regex(list, domain, row);
    }
  }

  // One list for each kind of entry and each set of policies that it is in force for.
  MigratedList& own_list(const std::string& word, const std::vector<std::string>& policies, int rank) {
    std::string key = word;
    for (const std::string& policy : policies) key += ' ' + policy;
    std::string& name = own_names_[key];
    if (name.empty()) name = config_name("pihole-" + word, "pihole", list_names_);
    MigratedList& list = out_.own_list(name, word == "allow" ? "allow" : "block", rank);
    if (policies.size() < policies_.size()) list.policies = policies;
    return list;
  }

  // A regular expression may have options behind a semicolon.
  void add_regex(MigratedList& list, const std::string& domain, RowId row) {
    std::vector<std::string> parts = split(domain, ';');
    if (parts.empty()) return out_.change(row, Outcome::none, "an empty regular expression");
    std::string modifiers;
    for (std::size_t i = 1; i < parts.size(); ++i) {
      const std::string option = to_lower_ascii(parts[i]);
      if (option.starts_with("querytype=")) {
        std::string types;
        const bool inverted = option.substr(10).starts_with('!');
        for (const std::string& type : split(parts[i].substr(inverted ? 11 : 10), ','))
          types += (types.empty() ? "" : "|") + std::string(inverted ? "~" : "") + type;
        modifiers += (modifiers.empty() ? "$" : ",") + ("dnstype=" + types);
      } else if (option.starts_with("reply=")) {
        const std::string reply = option.substr(6);
        std::string rewrite;
        if (reply == "nxdomain") rewrite = "NXDOMAIN";
        if (reply == "nodata") rewrite = "NOERROR";
        if (reply == "refused") rewrite = "REFUSED";
        if (IpAddress::parse(reply)) rewrite = reply;
        if (rewrite.empty()) {
          if (reply != "null") out_.change(row, Outcome::differs, "reply=" + reply + ": answered as the policy blocks");
          continue;
        }
        modifiers += (modifiers.empty() ? "$" : ",") + ("dnsrewrite=" + rewrite);
        set_rewrites(list);
      } else if (option == "invert") {
        return out_.change(row, Outcome::none, "weir has no rule for all names that a pattern does not match");
      } else {
        return out_.change(row, Outcome::none, "an unknown option ;" + parts[i]);
      }
    }
    out_.add_rule(list, '/' + parts[0] + '/' + modifiers, row);
  }

  static void set_rewrites(MigratedList& list) {
    const bool known = std::any_of(list.settings.begin(), list.settings.end(),
                                   [](const Setting& setting) { return setting.key == "rewrites"; });
    if (!known) list.settings.push_back({"rewrites", "true", 0});
  }

  Migration& out_;
  const Tables& tables_;
  std::set<std::string> disabled_;
  std::map<std::string, std::string> group_names_;
  std::map<std::string, RowId> group_rows_;
  std::map<std::string, GroupSet> list_groups_, domain_groups_, client_groups_;
  std::map<std::string, GroupSet> policies_;
  std::map<std::string, std::string> own_names_;
  std::vector<std::string> taken_, list_names_;
};

std::string base_name(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

Result<void> read_settings(Migration& out, const std::string& name, const std::string& text) {
  const std::string base = base_name(name);
  if (text.size() > kMaxDocumentBytes)
    return Error{ErrorCode::too_large, escape_for_display(name) + ": larger than 16 MiB"};
  if (base == "pihole.toml") return read_pihole_toml(out, name, text);
  if (base == "setupVars.conf") return read_setup_vars(out, name, text);
  if (base == "custom.list" || base == "hosts") {
    read_hosts_text(out, name, text, {});
    return {};
  }
  if (base == "05-pihole-custom-cname.conf") return read_dnsmasq_text(out, name, text);
  return {};
}

Result<Migration> read_pihole_archive(Migration out, Archive archive, const fs::path& file) {
  // Version 6 puts everything below etc/; version 5 puts it beside each other.
  auto database = archive.find("etc/pihole/gravity.db");
  if (database == archive.end()) database = archive.find("gravity.db");
  const bool has_json = archive.contains("adlist.json") || archive.contains("group.json");
  const bool has_settings = std::any_of(archive.begin(), archive.end(), [](const auto& entry) {
    const std::string base = base_name(entry.first);
    return base == "pihole.toml" || base == "setupVars.conf";
  });
  if (database == archive.end() && !has_json && !has_settings) {
    return Error{ErrorCode::invalid, escape_for_display(file.string()) +
                                         ": no Teleporter archive of Pi-hole: neither adlist.json nor gravity.db nor "
                                         "pihole.toml is in it"};
  }
  Result<Tables> tables = Tables{};
  if (database != archive.end()) {
    tables = tables_of_database(database->second, escape_for_display(database->first));
  } else if (has_json) {
    tables = tables_of(archive);
  }
  if (!tables) return tables.error();
  for (const auto& [name, text] : archive) {
    if (auto read = read_settings(out, name, text); !read) return read.error();
  }
  PiholeReader(out, *tables).run();
  for (const auto& [name, text] : archive) {
    const std::string base = base_name(name);
    const bool known = name.ends_with(".json") || base == "pihole.toml" || base == "setupVars.conf" ||
                       base == "gravity.db" || base == "custom.list" || base == "hosts" ||
                       base == "05-pihole-custom-cname.conf";
    if (!known) out.add_row({name, 1, 1}, "the file", Outcome::none, "it is not read: not a part of the filter");
  }
  return out;
}

}  // namespace

Result<Migration> read_pihole(const fs::path& file) {
  Migration out;
  out.system = "pihole";
  out.notes = {
      "An allowed name in the middle of a chain of aliases opens that link only; Pi-hole opens the whole chain.",
      "Subscribed lists are read with match = \"exact\": a bare name is that name, as in Pi-hole; ||name^ is the name "
      "and "
      "all below in both. A line *.name, which Pi-hole skips, is all below the name here.",
      "Regular expressions are RE2's here and TRE's there: \\< and \\>, back-references and look-around are not taken, "
      "and "
      "the report says so of each."};
  auto bytes = read_whole_file(file, kMaxInputBytes);
  if (!bytes) return bytes.error();
  const std::string shown = file.filename().string();
  switch (magic_of(*bytes)) {
    case Magic::gzip:
    case Magic::zip: {
      auto archive = read_archive(*bytes, shown);
      if (!archive) return archive.error();
      return read_pihole_archive(std::move(out), std::move(*archive), file);
    }
    case Magic::sqlite: {
      auto tables = tables_of_database(*bytes, escape_for_display(shown));
      if (!tables) return tables.error();
      PiholeReader(out, *tables).run();
      return out;
    }
    case Magic::text:
      break;
  }
  const std::string name = shown.ends_with(".toml") ? "pihole.toml" : "setupVars.conf";
  if (bytes->size() > kMaxDocumentBytes)
    return Error{ErrorCode::too_large, escape_for_display(shown) + ": larger than 16 MiB"};
  auto read = name == "pihole.toml" ? read_pihole_toml(out, shown, *bytes) : read_setup_vars(out, shown, *bytes);
  if (!read) return read.error();
  if (out.rows.empty()) {
    return fault_at(shown, 1, 1,
                    "no " + name + " of Pi-hole: there is nothing in it that Pi-hole decides or answers by");
  }
  return out;
}

}  // namespace weir::migrate
