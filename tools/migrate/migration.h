// What another system's configuration says, in weir's words: lists, rules, policies, groups, settings, records; and a
// row for each of its lines that tells what became of it.
//
// A reader (one file a system) fills a Migration, the writer (writer.h) makes files of it. Everything that is written
// knows the rows that it came of, so the report can name the line of the file that each became.
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "zones/base/result.h"
#include "zones/rule.h"

namespace weir::migrate {

enum class Outcome : std::uint8_t {
  translated,  // the same decisions and answers
  differs,     // written, and `note` says in what it is not the same
  idle,        // says nothing there either: switched off, or what weir does anyhow
  none         // no counterpart: left out
};
std::string_view to_text(Outcome outcome);

// Where a line stands: a file, or an entry of an archive. Lines and columns from 1; 0 where a file has none (a
// database, then `text` begins with the table and the number of the row).
struct Place {
  std::string file;
  std::uint64_t line = 0;
  std::uint64_t column = 0;
};

struct Target {
  std::string file;  // its name below the folder that is written to; "rule.add" for a rule that goes into the store
  std::uint64_t line = 0;
};

struct Row {
  Place place;
  std::string text;  // what it says, shortened
  Outcome outcome = Outcome::translated;
  std::string note;  // required unless translated
  std::vector<Target> targets;
};

using RowId = std::size_t;

// A key of weir.toml with its value as TOML.
struct Setting {
  std::string key;
  std::string value;
  RowId row = 0;
  std::vector<RowId> more = {};  // other rows that it came of
};

struct RuleLine {
  std::string text;  // a line of an adblock list
  RowId row = 0;
};

struct MigratedList {
  std::string name;
  std::string source;           // URL or path; empty: `rules` are written into a file of their own
  std::vector<RuleLine> rules;  // in the dialect `adblock`
  std::string comment;
  std::vector<Setting> settings;      // kind, match, rank ...
  std::vector<std::string> policies;  // that it belongs to; none: in all of them
  RowId row = 0;
  bool has_row = false;
  bool allows = false;  // of kind allow: its rules are all exceptions
  // Whether a rule of it decides the same where it comes before every list (rank 1): it may then go into the store.
  bool movable = false;
};

struct MigratedPolicy {
  std::string name;
  std::vector<Setting> settings;
};

struct MigratedGroup {
  std::string name;
  std::string policy;
  std::vector<Setting> clients;  // each a client, as TOML; the key is not used
};

struct MigratedForward {
  std::string name;
  std::string kind = "forward";
  std::vector<Setting> servers;
  bool fallback = false;  // to recursion
  RowId row = 0;
};

struct Record {
  std::string text;
  RowId row = 0;
};

struct MigratedZone {
  std::string name;
  std::string type;
  std::vector<Record> records;
  RowId row = 0;
};

struct Migration {
  std::string system;  // "pihole"
  std::vector<Row> rows;
  bool blocking = true;            // false: filtering is switched off there; every list only observes
  std::vector<std::string> notes;  // how the systems differ whatever the configuration says
  // Deques: a reference to one of them stays good while others are added.
  std::deque<MigratedList> lists;
  std::deque<MigratedPolicy> policies;  // those that a setting names; "default" need not be among them
  std::vector<MigratedGroup> groups;
  std::deque<MigratedForward> forwards;
  std::deque<MigratedZone> zones;
  std::vector<Record> records;                           // [local]
  std::map<std::string, std::vector<Setting>> settings;  // by section: "resolver", "cache", "log"

  RowId add_row(Place place, std::string_view text, Outcome outcome = Outcome::translated, std::string note = {});
  // Makes a row worse, never better, and adds to what it says; idle only where it was translated.
  void change(RowId row, Outcome outcome, const std::string& note);
  void set(const std::string& section, const std::string& key, std::string value, RowId row,
           std::vector<RowId> more = {});
  // Replaces what was set before.
  void set_policy(const std::string& policy, const std::string& key, std::string value, RowId row);
  MigratedPolicy& policy(const std::string& name);
  MigratedForward& forward(const std::string& name, RowId row);
  MigratedZone& zone(const std::string& name, const std::string& type, RowId row);
  // A list of rules of the administrator's own; made where it is not there.
  MigratedList& own_list(const std::string& name, std::string_view kind, int rank);
  // Adds `text` if it is a rule that weir takes; else the row says why it is not.
  bool add_rule(MigratedList& list, const std::string& text, RowId row);

  std::size_t count(Outcome outcome) const;
  std::vector<const Row*> in_order() const;  // file by file, line by line

 private:
  std::map<std::string, std::size_t> forward_at_, zone_at_;  // by name in lower case
};

// One bound for each thing that a file can be made too large in.
inline constexpr std::uint64_t kMaxInputBytes = 256ULL << 20;    // a file, or all entries of an archive together
inline constexpr std::uint64_t kMaxEntryBytes = 64ULL << 20;     // one entry of an archive, unpacked
inline constexpr std::size_t kMaxEntries = 10'000;               // of an archive
inline constexpr std::size_t kMaxIncludedFiles = 1000;           // include: and conf-dir=
inline constexpr std::size_t kMaxRows = 2'000'000;               // lines of a configuration
inline constexpr std::uint64_t kMaxDocumentBytes = 16ULL << 20;  // YAML, TOML and JSON, which are held whole

// One function a system. Errors: not_found, permission, io, too_large, and invalid with file:line:column.
Result<Migration> read_pihole(const std::filesystem::path& file);
Result<Migration> read_adguard_home(const std::filesystem::path& file);
Result<Migration> read_technitium(const std::filesystem::path& file);
Result<Migration> read_blocky(const std::filesystem::path& file);
Result<Migration> read_unbound(const std::filesystem::path& file);
Result<Migration> read_dnsmasq(const std::filesystem::path& file);

struct System {
  std::string_view name;
  std::string_view reads;  // what kind of file, for the help text
  Result<Migration> (*read)(const std::filesystem::path& file);
};
const std::vector<System>& systems();

// What `system` reads in `file`. Errors: as its own, behind the path that was given; invalid (nothing is in it).
Result<Migration> read_configuration(const System& system, const std::filesystem::path& file);

}  // namespace weir::migrate
