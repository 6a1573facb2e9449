// Each system's example configuration: what is reported, that weir takes what is written, and that names are decided as
// that system's documents say (tests/tools/migrate/data/SYSTEM.decisions).
#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <sstream>

#include "tests/support/repetitions.h"
#include "tests/support/scratch_folder.h"
#include "tools/migrate/input.h"
#include "tools/migrate/writer.h"
#include "tools/migrate/yaml.h"
#include "zones/base/text.h"
#include "zones/config/config.h"
#include "zones/dns/reversed_name.h"
#include "zones/lists/list_reader.h"
#include "zones/local_data.h"
#include "zones/store/generation.h"
#include "zones/store/writer.h"
#include "zones/verdict.h"

namespace weir::migrate::migrate_test {
namespace {

namespace fs = std::filesystem;

const fs::path kData = fs::path(WEIR_SOURCE_DIR) / "tests/tools/migrate/data";

std::string content_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  EXPECT_TRUE(in.good()) << file;
  return {std::istreambuf_iterator<char>(in), {}};
}

void put(const fs::path& file, std::string_view text) {
  fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << text;
}

using Entries = std::vector<std::pair<std::string, std::string>>;

// An archive of these entries, as tar.gz or zip.
std::string pack(const Entries& entries, bool zip) {
  std::string bytes(4 << 20, '\0');
  std::size_t used = 0;
  archive* out = archive_write_new();
  if (zip) {
    archive_write_set_format_zip(out);
  } else {
    archive_write_add_filter_gzip(out);
    archive_write_set_format_ustar(out);
  }
  EXPECT_EQ(archive_write_open_memory(out, bytes.data(), bytes.size(), &used), ARCHIVE_OK);
  for (const auto& [name, text] : entries) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, name.c_str());
    archive_entry_set_size(entry, static_cast<la_int64_t>(text.size()));
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    EXPECT_EQ(archive_write_header(out, entry), ARCHIVE_OK) << archive_error_string(out);
    archive_write_data(out, text.data(), text.size());
    archive_entry_free(entry);
  }
  archive_write_close(out);
  archive_write_free(out);
  bytes.resize(used);
  return bytes;
}

Entries pihole5_entries() {
  Entries out;
  for (const auto& file : fs::directory_iterator(kData / "pihole5"))
    out.emplace_back(file.path().filename().string(), content_of(file.path()));
  return out;
}

// The tables of version 6, filled with what the files of version 5 say.
std::string gravity_database(const fs::path& folder) {
  const fs::path file = folder / "gravity.db";
  fs::remove(file);
  sqlite3* database = nullptr;
  EXPECT_EQ(sqlite3_open(file.c_str(), &database), SQLITE_OK);
  std::string script =
      "CREATE TABLE \"group\" (id INTEGER, enabled BOOLEAN, name TEXT, date_added INTEGER, date_modified INTEGER, "
      "description TEXT);"
      "CREATE TABLE client (id INTEGER, ip TEXT, date_added INTEGER, date_modified INTEGER, comment TEXT);"
      "CREATE TABLE adlist (id INTEGER, address TEXT, enabled BOOLEAN, type INTEGER NOT NULL DEFAULT 0);"
      "CREATE TABLE domainlist (id INTEGER, type INTEGER, domain TEXT, enabled BOOLEAN);"
      "CREATE TABLE adlist_by_group (adlist_id INTEGER, group_id INTEGER);"
      "CREATE TABLE domainlist_by_group (domainlist_id INTEGER, group_id INTEGER);"
      "CREATE TABLE client_by_group (client_id INTEGER, group_id INTEGER);";
  const std::pair<const char*, const char*> tables[] = {{"group.json", "group"},
                                                        {"client.json", "client"},
                                                        {"adlist.json", "adlist"},
                                                        {"whitelist.exact.json", "domainlist"},
                                                        {"whitelist.regex.json", "domainlist"},
                                                        {"blacklist.exact.json", "domainlist"},
                                                        {"blacklist.regex.json", "domainlist"},
                                                        {"adlist_by_group.json", "adlist_by_group"},
                                                        {"domainlist_by_group.json", "domainlist_by_group"},
                                                        {"client_by_group.json", "client_by_group"}};
  const std::map<std::string, int> types = {{"whitelist.exact.json", 0},
                                            {"blacklist.exact.json", 1},
                                            {"whitelist.regex.json", 2},
                                            {"blacklist.regex.json", 3}};
  for (const auto& [name, table] : tables) {
    const auto parsed = parse_json(content_of(kData / "pihole5" / name), name);
    EXPECT_TRUE(parsed.has_value());
    for (const auto& item : parsed->as_array()) {
      std::string columns, values;
      for (const auto& [key_view, value] : item.as_object()) {
        const std::string key(key_view);
        if ((std::string(table) == "adlist" || std::string(table) == "domainlist") &&
            (key.starts_with("date") || key == "comment"))
          continue;
        std::string text = value.is_string() ? std::string(value.get_string())
                           : value.is_null() ? std::string()
                                             : boost::json::serialize(value);
        columns += (columns.empty() ? "" : ",") + key;
        values += (values.empty() ? "'" : ",'") + text + '\'';
      }
      if (types.contains(name)) {
        columns += ",type";
        values += "," + std::to_string(types.at(name));
      }
      script += std::string("INSERT INTO \"") + table + "\" (" + columns + ") VALUES (" + values + ");";
    }
  }
  char* why = nullptr;
  EXPECT_EQ(sqlite3_exec(database, script.c_str(), nullptr, nullptr, &why), SQLITE_OK) << (why != nullptr ? why : "");
  sqlite3_close(database);
  return content_of(file);
}

// Everything that was migrated, in force: a configuration, its lists imported, a generation published.
class Migrated {
 public:
  Migrated(Migration migration, bool with_store_rules) : migration_(std::move(migration)) {
    if (with_store_rules) store_rules_ = take_store_rules(migration_);
    files_ = render(migration_, {});
    const auto good = verify(files_);
    EXPECT_TRUE(good.has_value()) << (good ? "" : good.error().message);
    put(folder_ / "weir.toml", "");
    const auto wrote = write(folder_ / "weir.d", files_, folder_ / "weir.toml");
    EXPECT_TRUE(wrote.has_value()) << (wrote ? "" : wrote.error().message);
    auto config = Config::load(folder_ / "weir.toml");
    EXPECT_TRUE(config.has_value()) << (config ? "" : config.error().message);
    if (!config) return;
    config_ = std::move(*config);
    publish();
  }

  const Migration& migration() const { return migration_; }
  const Config& config() const { return config_; }
  const std::vector<StoreRule>& store_rules() const { return store_rules_; }
  std::string text_of(const std::string& name) const {
    for (const OutputFile& file : files_) {
      if (file.name == name) return file.text;
    }
    return {};
  }

  // In one word: blocked, resolved, nxdomain, nodata, refused, dropped, alias, records, or the address.
  std::string ask(const std::string& name_text, const std::string& type_text, const std::string& client_text) const {
    const auto parsed = Name::parse(name_text);
    const auto type = parse_record_type(type_text);
    const auto client = IpAddress::parse(client_text == "-" ? "203.0.113.9" : client_text);
    if (!parsed || !type || !client || !generation_) return "the table is faulty";
    const Name name = parsed->folded();
    if (const LocalData* data = generation_->local_data()) {
      const LocalFinding found = data->find(name, *type);
      switch (found.outcome) {
        case LocalFinding::Outcome::none:
          break;
        case LocalFinding::Outcome::records:
          return *type == RecordType::a || *type == RecordType::aaaa ? first_address(*found.rrset) : "records";
        case LocalFinding::Outcome::alias:
          return "alias";
        case LocalFinding::Outcome::nodata:
          return "nodata";
        case LocalFinding::Outcome::nxdomain:
          return "nxdomain";
        case LocalFinding::Outcome::refused:
          return "refused";
        case LocalFinding::Outcome::dropped:
          return "dropped";
      }
    }
    MatchSet matches;
    generation_->match(ReversedName(name), matches);
    const DecideContext context{generation_->policies(),
                                generation_->policies().group_of(*client),
                                *client,
                                name,
                                *type,
                                WallTime(std::chrono::seconds(1'700'000'000)),
                                *generation_};
    const Verdict verdict = decide(matches, context);
    if (verdict.outcome != weir::Outcome::blocked) return "resolved";
    switch (verdict.action) {
      case Action::nxdomain:
        return "nxdomain";
      case Action::nodata:
        return "nodata";
      case Action::refused:
        return "refused";
      case Action::drop:
        return "dropped";
      case Action::address: {
        const Match& winner = matches.matches[static_cast<std::size_t>(verdict.winner)];
        return generation_->detail({winner.detail})->addresses.front().to_text();
      }
      default:
        return "blocked";
    }
  }

 private:
  static std::string first_address(const Rrset& rrset) {
    for (const auto rdata : rrset.records()) return IpAddress::from_octets(rdata).to_text();
    return "no address";
  }

  void publish() {
    const Now now{SteadyTime(std::chrono::seconds(1)), WallTime(std::chrono::seconds(1'700'000'000))};
    auto store = PolicyStore::open(folder_ / "store", {}, now);
    ASSERT_TRUE(store.has_value());
    const auto defined = (*store)->define(config_.compile());
    ASSERT_TRUE(defined.has_value()) << defined.error().message;
    for (const ListConfig& list : config_.lists) {
      ListOptions options;
      options.kind = list.definition.kind;
      options.match = list.match;
      options.dialect = list.dialect;
      options.rewrites = list.definition.rewrites;
      options.own_actions = list.definition.own_actions;
      const bool remote = list.source.find("://") != std::string::npos;
      const fs::path file = remote ? kData / "lists" / fs::path(list.source).filename() : fs::path(list.source);
      auto reader = ListReader::open(file, options);
      ASSERT_TRUE(reader.has_value()) << file << ": " << (reader ? "" : reader.error().message);
      const auto next = [&]() -> Result<std::optional<SourcedRule>> { return (*reader)->next(); };
      const auto imported =
          (*store)->import((*store)->policies().find_list(list.definition.name)->id, next, {}, {}, now);
      ASSERT_TRUE(imported.has_value()) << imported.error().message;
      EXPECT_GT(imported->rules, 0U) << list.definition.name;
      const auto finished = (*reader)->finish();
      EXPECT_TRUE(finished.has_value()) << (finished ? "" : finished.error().message);
    }
    for (const StoreRule& own : store_rules_) {
      Rule rule;
      const bool below = own.pattern.starts_with("*.");
      rule.name = *Name::parse(own.pattern.substr(below ? 2 : 0));
      rule.kind = own.kind == "exact" ? PatternKind::exact : below ? PatternKind::below : PatternKind::subtree;
      for (const Action action : {Action::allow, Action::block, Action::nxdomain, Action::nodata, Action::refused}) {
        if (weir::to_text(action) == own.action) rule.action = action;
      }
      ASSERT_TRUE((*store)->add_rule(kLocalRules, rule, {}, now).has_value());
    }
    ASSERT_TRUE((*store)->publish("test", now).has_value());
    auto generation = Generation::open_current(folder_ / "store", StoreCache::make(4 << 20));
    ASSERT_TRUE(generation.has_value());
    generation_ = std::move(*generation);
  }

  test::ScratchFolder folder_;
  Migration migration_;
  std::vector<StoreRule> store_rules_;
  std::vector<OutputFile> files_;
  Config config_;
  std::shared_ptr<const Generation> generation_;
};

Migration must_read(std::string_view system, const fs::path& file) {
  for (const System& known : systems()) {
    if (known.name != system) continue;
    auto migration = known.read(file);
    EXPECT_TRUE(migration.has_value()) << (migration ? "" : migration.error().message);
    return migration ? std::move(*migration) : Migration();
  }
  ADD_FAILURE() << system;
  return {};
}

std::size_t expect_decisions(const Migrated& migrated, const fs::path& table) {
  std::istringstream in(content_of(table));
  std::size_t rows = 0;
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string expected, name, type, client;
    if (!(words >> expected >> name >> type >> client)) continue;
    ++rows;
    EXPECT_EQ(migrated.ask(name, type, client), expected) << table.filename() << ": " << line;
  }
  return rows;
}

struct ExpectedRow {
  const char* text;  // how the row begins
  Outcome outcome;
  const char* says;  // in its note, or the file it went to
};

void expect_rows(const Migrated& migrated, const std::vector<ExpectedRow>& expected) {
  for (const ExpectedRow& wanted : expected) {
    bool found = false;
    for (const Row& row : migrated.migration().rows) {
      if (!row.text.starts_with(wanted.text)) continue;
      found = true;
      std::string all = row.note;
      for (const Target& target : row.targets) {
        all += ' ' + target.file;
        const std::string text = migrated.text_of(target.file);
        if (target.file != "rule.add") {
          EXPECT_LE(target.line, static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'))) << row.text;
        }
      }
      EXPECT_EQ(to_text(row.outcome), to_text(wanted.outcome)) << row.text << ": " << all;
      EXPECT_NE(all.find(wanted.says), std::string::npos) << row.text << ": " << all;
      break;
    }
    EXPECT_TRUE(found) << wanted.text;
  }
  for (const Row& row : migrated.migration().rows) {
    EXPECT_TRUE(row.outcome == Outcome::translated || !row.note.empty()) << row.text;
    EXPECT_TRUE(row.outcome != Outcome::translated || !row.targets.empty() || !row.note.empty()) << row.text;
  }
}

// SEMANTICS 3: document the recipe for people who migrate from AdGuard Home, and one each for Pi-hole, Technitium,
// blocky, RPZ
TEST(Migrate, DecidesAsTheOtherSystemDoes) {
  const test::ScratchFolder folder;
  put(folder / "pihole5.tar.gz", pack(pihole5_entries(), false));
  const struct {
    const char* system;
    fs::path file;
    const char* table;
  } systems[] = {{"pihole", folder / "pihole5.tar.gz", "pihole.decisions"},
                 {"adguardhome", kData / "AdGuardHome.yaml", "adguardhome.decisions"},
                 {"technitium", kData / "technitium-settings.json", "technitium.decisions"},
                 {"technitium", kData / "technitium-app.json", "technitium-app.decisions"},
                 {"blocky", kData / "blocky.yml", "blocky.decisions"},
                 {"unbound", kData / "unbound.conf", "unbound.decisions"},
                 {"dnsmasq", kData / "dnsmasq.conf", "dnsmasq.decisions"}};
  std::size_t rows = 0;
  for (const auto& one : systems) {
    SCOPED_TRACE(one.table);
    rows += expect_decisions(Migrated(must_read(one.system, one.file), false), kData / one.table);
    // With rules in the store nothing may be decided otherwise.
    expect_decisions(Migrated(must_read(one.system, one.file), true), kData / one.table);
  }
  EXPECT_GE(rows, 200U);
}

TEST(Migrate, PiholeTellsWhatBecameOfEachLine) {
  const test::ScratchFolder folder;
  put(folder / "export.tar.gz", pack(pihole5_entries(), false));
  const Migrated migrated(must_read("pihole", folder / "export.tar.gz"), false);
  expect_rows(migrated, {{"list https://lists.example/hosts.txt", Outcome::translated, "migrated-pihole.toml"},
                         {"list https://lists.example/adblock.txt", Outcome::idle, "switched off"},
                         {"list ftp://", Outcome::none, "https"},
                         {"group Kids", Outcome::translated, "in the policies"},
                         {"group Off", Outcome::idle, "switched off"},
                         {"client AA:BB", Outcome::none, "hardware address"},
                         {"client 192.168.1.20", Outcome::translated, "migrated-pihole.toml"},
                         {"allow metrics.example", Outcome::translated, "migrated-pihole-allow.txt"},
                         {"deny regex ^(.)\\1", Outcome::none, "back-reference"},
                         {"deny regex ^only\\.example$;invert", Outcome::none, "does not match"},
                         {"PIHOLE_DNS_1=", Outcome::translated, "migrated-pihole.toml"},
                         {"PIHOLE_DNS_2=", Outcome::none, "address of a server"},
                         {"192.168.1.2 nas.lan", Outcome::translated, "migrated-pihole.toml"},
                         {"cname=files.lan", Outcome::translated, "migrated-pihole.toml"}});
  for (const Row& row : migrated.migration().rows) {
    EXPECT_EQ(row.text.find("0123456789abcdef"), std::string::npos) << "a password is shown";
  }
  EXPECT_EQ(migrated.config().forwards.size(), 3U);  // everything, the reverse zone, lan
}

TEST(Migrate, PiholeTellsOfAHalfForwardThatItIsNone) {
  const test::ScratchFolder folder;
  for (const auto& [rest, says] :
       {std::pair{"REV_SERVER_DOMAIN=lan\n", "no server"}, std::pair{"REV_SERVER_TARGET=192.0.2.1\n", "no prefix"}}) {
    put(folder / "setupVars.conf", "PIHOLE_DNS_1=192.0.2.53\nREV_SERVER=true\n" + std::string(rest));
    const Migrated migrated(must_read("pihole", folder / "setupVars.conf"), false);
    expect_rows(migrated, {{"REV_SERVER=true", Outcome::none, says}});
  }
}

TEST(Migrate, PiholeSixReadsTheDatabaseAndItsSettings) {
  const test::ScratchFolder folder;
  const std::string database = gravity_database(folder.path());
  const std::string settings =
      "[dns]\nupstreams = [\"192.0.2.53#5335\", \"dns.example.net\"]\nhosts = [\"192.168.1.2 nas.lan\", \"192.168.1.3 "
      "printer.lan drucker.lan\"]\ncnameRecords = [\"files.lan,nas.lan\"]\ndnssec = true\n"
      "revServers = [\"true,192.168.1.0/24,192.168.1.1,lan\"]\nblockTTL = 2\n[dns.blocking]\nactive = true\nmode = "
      "\"NODATA\"\n[webserver.api]\npwhash = \"$BALLOON$secret\"\n";
  put(folder / "six.zip", pack({{"etc/pihole/gravity.db", database}, {"etc/pihole/pihole.toml", settings}}, true));
  const Migrated migrated(must_read("pihole", folder / "six.zip"), false);
  expect_decisions(migrated, kData / "pihole.decisions");
  ASSERT_FALSE(migrated.config().policies.empty());
  for (const PolicyConfig& policy : migrated.config().policies) {
    EXPECT_EQ(policy.policy.block.mode, BlockMode::nodata) << policy.policy.name;
    EXPECT_EQ(policy.policy.block.ttl_seconds, 2U);
  }
  for (const Row& row : migrated.migration().rows) EXPECT_EQ(row.text.find("secret"), std::string::npos);
  // The database alone.
  const Migrated alone(must_read("pihole", folder / "gravity.db"), false);
  EXPECT_EQ(alone.ask("ads.example", "A", "-"), "blocked");
}

TEST(Migrate, AdGuardHomeTellsWhatBecameOfEachLine) {
  const Migrated migrated(must_read("adguardhome", kData / "AdGuardHome.yaml"), false);
  expect_rows(migrated, {{"https://dns.example/dns-query", Outcome::none, "UDP"},
                         {"192.0.2.2:5353", Outcome::translated, "migrated-adguardhome.toml"},
                         {"[/corp.example/]", Outcome::translated, "migrated-adguardhome.toml"},
                         {"[/public.corp.example/]#", Outcome::translated, "migrated-adguardhome.toml"},
                         {"list https://lists.example/domains.txt", Outcome::idle, "switched off"},
                         {"||evil.example^", Outcome::translated, "migrated-adguardhome-rules.txt"},
                         {"||none.example^$dnsrewrite", Outcome::translated, "migrated-adguardhome-rewrites.txt"},
                         {"||mine.example^$client", Outcome::none, "client"},
                         {"||browser.example^$third-party", Outcome::none, "browser"},
                         {"safebrowsing_enabled: true", Outcome::none, "service"},
                         {"blocked service tiktok", Outcome::none, "subscribe"},
                         {"rewrite router.lan", Outcome::differs, "other types"},
                         {"client server: aa:bb", Outcome::none, "hardware"},
                         {"client server: 192.168.1.60", Outcome::translated, "migrated-adguardhome.toml"},
                         {"safe_search:", Outcome::translated, "migrated-adguardhome.toml"},
                         {"ratelimit: 20", Outcome::none, "rate limit"},
                         {"blocking_mode: nxdomain", Outcome::translated, "migrated-adguardhome.toml"}});
  EXPECT_EQ(migrated.config().policies.front().policy.block.ttl_seconds, 10U);
  EXPECT_EQ(migrated.config().cache.min_ttl, std::chrono::seconds(60));
  EXPECT_EQ(migrated.config().log.keep, std::chrono::hours(168));
  EXPECT_EQ(migrated.config().resolver.listen.front().to_text(), "192.168.1.2:53");
  for (const Row& row : migrated.migration().rows) EXPECT_EQ(row.text.find("$2a$"), std::string::npos);
}

TEST(Migrate, TechnitiumTellsWhatBecameOfEachLine) {
  const Migrated settings(must_read("technitium", kData / "technitium-settings.json"), false);
  expect_rows(settings,
              {{"list https://lists.example/domains.txt", Outcome::translated, "migrated-technitium.toml"},
               {"allow list https://lists.example/allow.txt", Outcome::translated, "migrated-technitium.toml"},
               {"cacheMaximumRecordTtl: 604800", Outcome::differs, "86400"},
               {"eDnsClientSubnet: true", Outcome::none, "no such setting"},
               {"blockingType: CustomAddress", Outcome::translated, "migrated-technitium.toml"},
               {"not filtered: 192.168.1.99", Outcome::translated, "migrated-technitium.toml"}});
  EXPECT_EQ(settings.config().policies.front().policy.block.mode, BlockMode::address);
  const Migrated app(must_read("technitium", kData / "technitium-app.json"), false);
  expect_rows(app, {{"regexBlockListUrls https://lists.example/regex.txt", Outcome::none, "slashes"},
                    {"group bypass", Outcome::idle, "switched off"}});
}

TEST(Migrate, TechnitiumReadsTheZonesOfABackup) {
  const test::ScratchFolder folder;
  const auto zones = [](const char* letters, const std::vector<std::string>& names) {
    std::string out = std::string(letters) + '\x01' + static_cast<char>(names.size()) + std::string(3, '\0');
    for (const std::string& name : names) out += static_cast<char>(name.size()) + name;
    return out;
  };
  put(folder / "backup.zip", pack({{"allowed.config", zones("AZ", {"fine.bad.example"})},
                                   {"blocked.config", zones("BZ", {"bad.example", "worse.example"})},
                                   {"dns.config", std::string("DS\x28\x00", 4)},
                                   {"zones/lan.zone", "DZ"}},
                                  true));
  const Migrated migrated(must_read("technitium", folder / "backup.zip"), false);
  for (const auto& [name, expected] : std::map<std::string, std::string>{{"bad.example", "blocked"},
                                                                         {"a.bad.example", "blocked"},
                                                                         {"fine.bad.example", "resolved"},
                                                                         {"a.fine.bad.example", "resolved"},
                                                                         {"worse.example", "blocked"},
                                                                         {"example", "resolved"}})
    EXPECT_EQ(migrated.ask(name, "A", "-"), expected) << name;
  expect_rows(migrated, {{"the server's settings", Outcome::none, "api/settings/get"},
                         {"an authoritative zone", Outcome::none, "as text"},
                         {"blocked zone worse.example", Outcome::translated, "migrated-technitium-blocked.txt"}});
  // Exports are text, and only their names say which they are.
  put(folder / "blocked.txt", "bad.example\nworse.example\n");
  EXPECT_EQ(Migrated(must_read("technitium", folder / "blocked.txt"), false).ask("x.worse.example", "A", "-"),
            "blocked");
  // Damage in each octet: a message or the same zones, never more.
  const std::string whole = zones("BZ", {"bad.example", "worse.example"});
  for (std::size_t length = 0; length < whole.size(); ++length) {
    put(folder / "cut.zip", pack({{"blocked.config", whole.substr(0, length)}}, true));
    const auto cut = read_technitium(folder / "cut.zip");
    ASSERT_FALSE(cut.has_value()) << length;
    EXPECT_NE(cut.error().message.find("blocked.config: octet "), std::string::npos) << cut.error().message;
  }
}

TEST(Migrate, BlockyTellsWhatBecameOfEachLine) {
  const Migrated migrated(must_read("blocky", kData / "blocky.yml"), false);
  expect_rows(migrated, {{"default: tcp-tls:dns.example:853", Outcome::none, "tcp-tls"},
                         {"laptop*: 192.0.2.3", Outcome::none, "all clients"},
                         {"inline.example", Outcome::translated, "migrated-blocky-ads-deny.txt"},
                         {"phone*: kids", Outcome::none, "clientLookup"},
                         {"192.168.178.20: kids", Outcome::translated, "migrated-blocky.toml"},
                         {"blockTTL: 1m", Outcome::translated, "migrated-blocky.toml"},
                         {"maxItemsCount: 1000", Outcome::none, "octets"},
                         {"ede", Outcome::idle, "anyhow"},
                         {"no HTTPS", Outcome::translated, "migrated-blocky-types.txt"}});
  // Rows of lines in the file itself lead to them.
  for (const Row& row : migrated.migration().rows) {
    if (row.text != "/^banners?[_.-]/") continue;
    std::istringstream in(content_of(kData / "blocky.yml"));
    std::string line;
    for (std::uint64_t i = 0; i < row.place.line; ++i) std::getline(in, line);
    EXPECT_EQ(trim(line), row.text);
  }
  // The spelling of old versions.
  const test::ScratchFolder folder;
  put(folder / "old.yml",
      "upstream:\n  default:\n    - 192.0.2.1\nblocking:\n  blackLists:\n    ads:\n      - "
      "https://lists.example/hosts.txt\n"
      "  whiteLists:\n    ads:\n      - https://lists.example/allow.txt\n  clientGroupsBlock:\n    default:\n      - "
      "ads\n"
      "  blockType: nxDomain\n");
  const Migrated old(must_read("blocky", folder / "old.yml"), false);
  EXPECT_EQ(old.ask("ads.example", "A", "-"), "blocked");
  EXPECT_EQ(old.ask("tracker.example", "A", "-"), "resolved");
  EXPECT_EQ(old.config().policies.front().policy.block.mode, BlockMode::nxdomain);
}

TEST(Migrate, UnboundAndDnsmasqTellWhatBecameOfEachLine) {
  const Migrated unbound(must_read("unbound", kData / "unbound.conf"), false);
  expect_rows(unbound, {{"interface: ::1@5353", Outcome::translated, "migrated-unbound.toml"},
                        {"access-control: 0.0.0.0/0 refuse", Outcome::idle, "refused"},
                        {"access-control: 10.9.0.0/16 refuse", Outcome::none, "hole"},
                        {"local-zone: \"ads.example\"", Outcome::translated, "migrated-unbound-zones.txt"},
                        {"local-zone: \"lan\"", Outcome::translated, "migrated-unbound.toml"},
                        {"local-data: \"null2.example", Outcome::differs, "both"},
                        {"private-address", Outcome::translated, "migrated-unbound.toml"},
                        {"domain-insecure", Outcome::none, "week"},
                        {"forward-tls-upstream", Outcome::none, "UDP"},
                        {"url: ", Outcome::translated, "migrated-unbound.toml"},
                        {"include: ", Outcome::translated, "was read"}});
  EXPECT_EQ(unbound.config().resolver.listen.size(), 2U);
  EXPECT_EQ(unbound.config().resolver.cache_bytes, 96ULL << 20);
  EXPECT_FALSE(unbound.config().resolver.ipv6_upstream);
  const Migrated dnsmasq(must_read("dnsmasq", kData / "dnsmasq.conf"), false);
  expect_rows(dnsmasq, {{"address=/ads.example/#", Outcome::translated, "migrated-dnsmasq-names.txt"},
                        {"address=/one.example/two.example/", Outcome::differs, "other types"},
                        {"stop-dns-rebind", Outcome::translated, "migrated-dnsmasq.toml"},
                        {"dhcp-range", Outcome::none, "DHCP"},
                        {"cache-size", Outcome::none, "octets"},
                        {"listen-address", Outcome::translated, "migrated-dnsmasq.toml"},
                        {"rev-server", Outcome::translated, "migrated-dnsmasq.toml"},
                        {"conf-dir", Outcome::translated, "was read"},
                        {"bogus-priv", Outcome::idle, "anyhow"}});
}

TEST(Migrate, RulesGoIntoTheStoreOnlyWhereThatDecidesTheSame) {
  const test::ScratchFolder folder;
  put(folder / "export.tar.gz", pack(pihole5_entries(), false));
  Migration pihole = must_read("pihole", folder / "export.tar.gz");
  std::set<std::string> moved;
  for (const StoreRule& rule : take_store_rules(pihole)) moved.insert(rule.action + ' ' + rule.pattern);
  // A group of its own for the tablet: what is in force for the default group alone stays in a list.
  EXPECT_FALSE(moved.contains("block kidsonly.example.") || moved.contains("block kidsonly.example"));
  Migration plain;
  plain.system = "pihole";
  const RowId row = plain.add_row({"x", 1, 1}, "x");
  MigratedList& allow = plain.own_list("allow", "allow", 3);
  allow.movable = true;
  plain.add_rule(allow, "|fine.example^", row);
  plain.add_rule(allow, "||open.example^", row);
  MigratedList& deny = plain.own_list("deny", "block", 4);
  deny.movable = true;
  plain.add_rule(deny, "|bad.example^", row);
  plain.add_rule(deny, "|ads.open.example^", row);
  plain.add_rule(deny, "|typed.example^$dnstype=A", row);
  moved.clear();
  for (const StoreRule& rule : take_store_rules(plain)) moved.insert(rule.action + ' ' + trim(rule.pattern).data());
  // ads.open.example lies below what is allowed: rank 1 would block it, Pi-hole allows it.
  EXPECT_EQ(moved.size(), 2U);
  EXPECT_EQ(plain.lists[0].rules.size(), 1U);
  EXPECT_EQ(plain.lists[1].rules.size(), 2U);
}

TEST(Migrate, WhatTheConfigurationSaysAlreadyStays) {
  const test::ScratchFolder folder;
  put(folder / "weir.toml", "[resolver]\nlisten = [\"127.0.0.1:5300\"]\n[[policy]]\nname = \"default\"\nttl = 5\n");
  auto existing = Existing::of(folder / "weir.toml");
  ASSERT_TRUE(existing.has_value());
  Migration migration = must_read("adguardhome", kData / "AdGuardHome.yaml");
  const auto files = render(migration, *existing);
  const auto wrote = write(folder / "weir.d", files, folder / "weir.toml");
  ASSERT_TRUE(wrote.has_value()) << wrote.error().message;
  const auto config = Config::load(folder / "weir.toml");
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->resolver.listen.front().to_text(), "127.0.0.1:5300");
  bool told = false;
  for (const Row& row : migration.rows)
    told = told || row.note.find("weir.toml:2 sets [resolver] listen") != std::string::npos;
  EXPECT_TRUE(told);
  // A second run replaces nothing.
  const auto again = write(folder / "weir.d", files, folder / "weir.toml");
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().code, ErrorCode::exists);
}

TEST(Migrate, AFaultyFileSaysWhereAndNothingIsWritten) {
  const test::ScratchFolder folder;
  const struct {
    const char* system;
    const char* name;
    const char* text;
    const char* says;
  } rows[] = {{"adguardhome", "a.yaml", "dns:\n  port: [53\n", "a.yaml:"},
              {"adguardhome", "b.yaml", "- 1\n", "b.yaml:1:1: a map"},
              {"adguardhome", "c.yaml", "hello: 1\n", "c.yaml:1:1: no AdGuardHome.yaml"},
              {"blocky", "d.yml", "blocking:\n\tdenylists: 1\n", "d.yml:2:"},
              {"technitium", "e.json", "{\"blockListUrls\": [1,}", "e.json:1:22: not JSON"},
              {"technitium", "f.json", "{\"blockListUrls\": [", "f.json:1:20: JSON was expected to go on"},
              {"technitium", "g.json", "{\"a\": 1}", "g.json:1:1: not the answer"},
              {"technitium", "blocked.txt", "good.example\nno name here\n", "blocked.txt:2:1: a domain name"},
              {"unbound", "h.conf", "server:\n  port 53\n", "h.conf:2:3: an option such as"},
              {"unbound", "i.conf", "server:\n  local-data: \"x A 192.0.2.1\n", "i.conf:2:1: a quotation mark"},
              {"dnsmasq", "j.conf", "server=192.0.2.1\n<html>\n", "j.conf:2:1: an option such as"},
              {"pihole", "setupVars.conf", "A=1\nhello\n", "setupVars.conf:2:1: KEY=value"},
              {"pihole", "pihole.toml", "[dns]\nupstreams = [\n", "pihole.toml:"},
              {"dnsmasq", "empty.conf", "", "empty.conf: there is no setting of dnsmasq in it"},
              {"dnsmasq", "remarks.conf", "# server=192.0.2.1\n\n", "remarks.conf: there is no setting of dnsmasq"},
              {"unbound", "none.conf", "", "none.conf: there is no setting of unbound in it"},
              {"blocky", "none.yml", "", "none.yml:"},
              {"adguardhome", "none.yaml", "", "none.yaml:"},
              {"technitium", "none.json", "", "none.json:"},
              {"pihole", "empty", "", "empty:1:1: no setupVars.conf of Pi-hole"},
              {"pihole", "other.conf", "foo=bar\n", "other.conf:1:1: no setupVars.conf of Pi-hole"},
              {"pihole", "other.toml", "[a]\nb = 1\n", "other.toml:1:1: no pihole.toml of Pi-hole"},
              {"pihole", "k.zip", "PK\x03\x04 and no more", "k.zip"},
              {"pihole", "gravity.db", "SQLite format 3", "gravity.db"}};
  for (const auto& row : rows) {
    put(folder / row.name, row.text);
    for (const System& system : systems()) {
      if (system.name != row.system) continue;
      const auto read = read_configuration(system, folder / row.name);
      ASSERT_FALSE(read.has_value()) << row.name;
      EXPECT_TRUE(read.error().message.starts_with((folder / row.says).string())) << read.error().message;
    }
  }
  for (const System& system : systems()) {
    const auto absent = read_configuration(system, folder / "not-there");
    EXPECT_EQ(absent.error().code, ErrorCode::not_found);
    EXPECT_TRUE(absent.error().message.starts_with((folder / "not-there").string() + ":")) << absent.error().message;
    EXPECT_EQ(system.read(folder.path()).error().code, ErrorCode::invalid);
  }
}

TEST(Migrate, AHostileArchiveIsRefused) {
  const test::ScratchFolder folder;
  const auto refused = [&](const std::string& bytes) {
    put(folder / "x.zip", bytes);
    const auto read = read_pihole(folder / "x.zip");
    return read ? std::string("it was read") : read.error().message;
  };
  for (const bool zip : {true, false}) {
    EXPECT_NE(refused(pack({{"../group.json", "[]"}}, zip)).find("leads out of the archive"), std::string::npos);
    EXPECT_NE(refused(pack({{"/etc/group.json", "[]"}}, zip)).find("leads out of the archive"), std::string::npos);
    EXPECT_NE(refused(pack({{"a/../../group.json", "[]"}}, zip)).find("leads out of the archive"), std::string::npos);
    EXPECT_NE(refused(pack({{"group.json", "[]"}, {"group.json", "[]"}}, zip)).find("twice"), std::string::npos);
    const std::string odd = refused(pack({{"../\x1b[31mred", "[]"}}, zip));
    EXPECT_EQ(odd.find('\x1b'), std::string::npos) << "an escape sequence reaches the terminal";
    // A small file that unpacks to more than any export has.
    EXPECT_NE(refused(pack({{"adlist.json", std::string(kMaxEntryBytes + 1, ' ')}}, zip)).find("MiB unpacked"),
              std::string::npos);
    EXPECT_NE(refused(pack({{"readme.txt", "hello"}}, zip)).find("no Teleporter archive"), std::string::npos);
  }
  // Names within: shown escaped, and no name of a file comes of them.
  Entries entries = {
      {"group.json",
       "[{\"id\":0,\"enabled\":1,\"name\":\"Default\"},{\"id\":1,\"enabled\":1,\"name\":\"../../"
       "x\\u001b[2J\\n[resolver]\"}]"},
      {"client.json", "[{\"id\":1,\"ip\":\"192.168.1.20\"}]"},
      {"client_by_group.json", "[{\"client_id\":1,\"group_id\":1}]"},
      {"blacklist.exact.json",
       "[{\"id\":1,\"domain\":\"a.example\\n||b.example^\",\"enabled\":1},{\"id\":2,\"domain\":\"c.example\","
       "\"enabled\":1}]"},
      {"domainlist_by_group.json", "[{\"domainlist_id\":1,\"group_id\":1},{\"domainlist_id\":2,\"group_id\":1}]"}};
  put(folder / "odd.tar.gz", pack(entries, false));
  const Migrated migrated(must_read("pihole", folder / "odd.tar.gz"), false);
  EXPECT_EQ(migrated.ask("c.example", "A", "192.168.1.20"), "blocked");
  EXPECT_EQ(migrated.ask("b.example", "A", "192.168.1.20"), "resolved");
}

TEST(Migrate, ATreeOfAliasesIsBounded) {
  const test::ScratchFolder folder;
  std::string text = "dns: &a0 [1, 2, 3, 4, 5, 6, 7, 8]\n";
  for (int i = 1; i < 12; ++i) {
    text += "k" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int k = 0; k < 8; ++k) text += (k > 0 ? ", *a" : "*a") + std::to_string(i - 1);
    text += "]\n";
  }
  put(folder / "bomb.yaml", text);
  const auto read = read_adguard_home(folder / "bomb.yaml");
  ASSERT_FALSE(read.has_value());
  EXPECT_NE(read.error().message.find("more than"), std::string::npos) << read.error().message;
}

// One of: an octet changed, a piece cut out, a line said twice, a line moved, a word put where another was.
std::string damage(std::string text, std::mt19937& random) {
  const auto below = [&](std::size_t bound) { return bound == 0 ? 0 : random() % bound; };
  const auto line_at = [&](std::size_t at) {
    const auto begin = at == 0 ? std::string::npos : text.rfind('\n', at - 1);
    const auto end = text.find('\n', at);
    const std::size_t from = begin == std::string::npos ? 0 : begin + 1;
    return std::pair(from, (end == std::string::npos ? text.size() : end + 1) - from);
  };
  static constexpr const char* kWords[] = {"-1",      "99999999999", "\"", "::", ".", "192.0.2.1",
                                           "nas.lan", "true",        "[]", "#",  "0"};
  for (std::size_t i = 0; i < 1 + below(4) && !text.empty(); ++i) {
    const std::size_t at = below(text.size());
    const auto [from, size] = line_at(at);
    const std::string line = text.substr(from, size);
    switch (below(5)) {
      case 0:
        text[at] = static_cast<char>(random());
        break;
      case 1:
        text.erase(at, 1 + below(20));
        break;
      case 2:
        text.insert(from, line);
        break;
      case 3:
        text.erase(from, size);
        text.insert(line_at(below(text.size())).first, line);
        break;
      default:
        text.replace(at, std::min<std::size_t>(text.size() - at, below(8)), kWords[below(std::size(kWords))]);
    }
  }
  return text;
}

TEST(Migrate, WhateverCanBeReadIsWrittenSoThatWeirTakesIt) {
  const test::ScratchFolder folder;
  const struct {
    const char* system;
    const char* name;
  } files[] = {{"adguardhome", "AdGuardHome.yaml"},   {"technitium", "technitium-settings.json"},
               {"technitium", "technitium-app.json"}, {"blocky", "blocky.yml"},
               {"unbound", "unbound.conf"},           {"dnsmasq", "dnsmasq.conf"},
               {"pihole", "setupVars.conf"},          {"pihole", "pihole5.tar.gz"}};
  for (const auto& one : files) {
    const std::string name = one.name;
    const char* wanted = std::getenv("WEIR_ROUNDS");
    const unsigned rounds = wanted != nullptr ? static_cast<unsigned>(std::atoi(wanted)) : test::repetitions(150);
    std::mt19937 random(20260706);
    unsigned read_well = 0;
    for (unsigned round = 0; round < rounds; ++round) {
      std::string damaged;
      if (name == "pihole5.tar.gz") {
        Entries entries = pihole5_entries();
        std::string& text = entries[random() % entries.size()].second;
        text = damage(text, random);
        damaged = pack(entries, false);
      } else {
        damaged = damage(content_of(name == "setupVars.conf" ? kData / "pihole5" / name : kData / name), random);
      }
      put(folder / name, damaged);
      for (const System& system : systems()) {
        if (system.name != one.system) continue;
        auto migration = system.read(folder / name);
        if (!migration) {
          EXPECT_NE(migration.error().message.find(':'), std::string::npos) << migration.error().message;
          continue;
        }
        ++read_well;
        const auto good = verify(render(*migration, {}));
        EXPECT_TRUE(good.has_value()) << name << ", round " << round << ": " << (good ? "" : good.error().message);
      }
    }
    EXPECT_GT(read_well, rounds * 2 / 15) << name;
  }
}

}  // namespace
}  // namespace weir::migrate::migrate_test
