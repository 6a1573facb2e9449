#include "zones/config/config.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "tests/support/scratch_folder.h"
#include "zones/base/text.h"
#include "zones/config/value.h"

namespace weir::config_test {
namespace {

namespace fs = std::filesystem;

class ConfigTest : public ::testing::Test {
 protected:
  fs::path write(const std::string& name, std::string_view text) {
    const fs::path file = folder_ / name;
    fs::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
    return file;
  }
  Result<Config> load(std::string_view text) { return Config::load(write("weir.toml", text)); }
  // Faults without the folder in front.
  std::string faults(std::string_view text) {
    auto config = load(text);
    if (config) return "";
    std::string out = config.error().message;
    const std::string prefix = folder_.path().string() + "/";
    for (std::size_t at = 0; (at = out.find(prefix, at)) != std::string::npos;) out.erase(at, prefix.size());
    return out;
  }

  const test::ScratchFolder folder_;
};

TEST_F(ConfigTest, AnEmptyFileIsAllDefaults) {
  auto config = load("");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->resolver.listen.size(), 2U);
  EXPECT_EQ(config->resolver.listen[1].to_text(), "[::1]:53");
  EXPECT_EQ(config->resolver.allow_clients.size(), 7U);
  EXPECT_EQ(config->run.path, "/run/weir");
  EXPECT_EQ(config->store.keep_generations, 10U);
  EXPECT_EQ(config->log.keep, std::chrono::hours(30 * 24));
  ASSERT_EQ(config->policies.size(), 1U);
  EXPECT_EQ(config->policies[0].policy.name, "default");
  EXPECT_EQ(config->compile(), PolicySet::with_defaults());
  EXPECT_EQ(Config::defaults().compile(), PolicySet::with_defaults());
}

// The library that reads TOML asserted that there is one; found by the fuzz target migrate.
TEST_F(ConfigTest, ATableHeaderWithoutAKeyIsAnError) {
  for (const char* header : {"[!a]", "[[ ?a]]", "[", "[[", "[\x01]", "  [+]"}) {
    const auto parsed = parse_toml("a = 1\n" + std::string(header) + "\n", "f.toml");
    ASSERT_FALSE(parsed) << header;
    EXPECT_TRUE(parsed.error().message.starts_with("f.toml:2:")) << parsed.error().message;
  }
  EXPECT_TRUE(parse_toml("[a]\nb = [[1], [2]]\n[\"c d\"]\n", "f.toml"));
}

// The library takes some characters for impossible there (U+0490: undefined behaviour); found by the same target.
TEST_F(ConfigTest, ACharacterOutsideOfStringsIsAnError) {
  for (const char* text :
       {"\u00E4", "\u0490", "\u0100 = 1", "a\u0101b = 2", "[\u00FF]", "b = \u0102", "\u2603", "\U0001F600"}) {
    const auto parsed = parse_toml("a = 1\n" + std::string(text) + "\n", "f.toml");
    ASSERT_FALSE(parsed) << text;
    EXPECT_TRUE(parsed.error().message.starts_with("f.toml:2:")) << parsed.error().message;
  }
  EXPECT_TRUE(parse_toml("a = \"\u0490\" # \u0490\n\"\u0100\" = '\u00E4'\n", "f.toml"));
}

TEST_F(ConfigTest, EveryKeyReadsItsValue) {
  auto config = load(R"(
[resolver]
listen = ["192.0.2.1", "[2001:db8::1]:5353"]
workers = 3
allow_clients = ["192.0.2.0/24"]
root_hints = "hints/root"
validate = false
trust_anchors = ["/etc/a.key"]
state = "state"
recheck_negative_anchors = "0s"
cache = "1GiB"
store_cache = "8MiB"
outgoing = ["192.0.2.7"]
ipv6_upstream = false
upstream_port = 5300
spin = true
name = "dns.example.org"
contact = "first.last@example.org"
[cache]
serve_stale = false
stale_for = "2h"
stale_wait = "500ms"
stale_ttl = "7s"
stale_recheck = "8s"
prefetch = false
min_ttl = "1m"
max_ttl = "2h"
min_negative_ttl = "11s"
max_negative_ttl = "12s"
[answers]
cookies = false
require_cookies = ["192.0.2.0/24"]
cookie_secret = "000102030405060708090a0b0c0d0e0f"
any_over_udp = true
version = "1"
identity = "a"
[run]
path = "run"
[store]
path = "/srv/weir"
keep_generations = 3
[fetch]
max_bytes = "1MB"
max_decoded_bytes = "2MB"
max_ratio = 7
timeout = "1500ms"
max_redirects = 0
allow_private = ["lists.internal"]
ca_file = "ca/own.pem"
[[list]]
name = "ads"
source = "ads.txt"
kind = "allow"
match = "subtree"
dialect = "hosts"
every = "90m"
policies = ["strict"]
rank = 12
mode = "observe"
exceptions = "rank"
order = "specific"
rewrites = true
private_addresses = true
actions = "own"
basis = "legal"
category = "court"
[[policy]]
name = "strict"
lists = []
block = "address"
block_address = ["192.0.2.9", "2001:db8::9"]
ttl = 3600
default = "deny"
strict_chain = true
ede_text = "off"
until_loaded = "refuse"
privacy = "none"
log_all = true
[[group]]
name = "kids"
clients = ["192.168.7.0/24", "2001:db8:7::/48"]
policy = "strict"
[[forward]]
name = "corp.example"
kind = "stub"
servers = ["192.0.2.53", "192.0.2.54@5353", "[2001:db8::53]:54", "2001:db8::54@55"]
fallback = "recursion"
[[forward]]
name = "."
servers = ["::1"]
[[negative_trust_anchor]]
name = "broken.example"
reason = " they forgot to sign "
until = 2026-12-01T00:00:00+01:00
[[negative_trust_anchor]]
name = "other.example"
reason = "x"
until = "2026-12-01"
[log]
privacy = "pseudonym"
keep = "1h"
size = "1MiB"
all = true
)");
  ASSERT_TRUE(config) << config.error().message;
  const ResolverConfig& resolver = config->resolver;
  EXPECT_EQ(resolver.listen[0].to_text(), "192.0.2.1:53");
  EXPECT_EQ(resolver.listen[1].port, 5353);
  EXPECT_EQ(resolver.workers, 3U);
  EXPECT_EQ(resolver.allow_clients.size(), 1U);
  EXPECT_EQ(resolver.root_hints, folder_ / "hints/root");
  EXPECT_FALSE(resolver.validate);
  EXPECT_EQ(resolver.trust_anchors, std::vector<fs::path>{"/etc/a.key"});
  EXPECT_EQ(resolver.state, folder_ / "state");
  EXPECT_EQ(resolver.recheck_negative_anchors.count(), 0);
  EXPECT_EQ(resolver.cache_bytes, 1ULL << 30);
  EXPECT_EQ(resolver.store_cache_bytes, 8ULL << 20);
  EXPECT_EQ(resolver.outgoing.at(0).to_text(), "192.0.2.7");
  EXPECT_FALSE(resolver.ipv6_upstream);
  EXPECT_EQ(resolver.upstream_port, 5300);
  EXPECT_TRUE(resolver.spin);
  EXPECT_FALSE(config->cache.serve_stale);
  EXPECT_EQ(config->cache.stale_for, std::chrono::hours(2));
  EXPECT_EQ(config->cache.stale_wait.count(), 500);
  EXPECT_EQ(config->cache.stale_ttl.count(), 7000);
  EXPECT_EQ(config->cache.stale_recheck.count(), 8000);
  EXPECT_FALSE(config->cache.prefetch);
  EXPECT_EQ(config->cache.min_ttl.count(), 60000);
  EXPECT_EQ(config->cache.max_ttl, std::chrono::hours(2));
  EXPECT_EQ(config->cache.min_negative_ttl.count(), 11000);
  EXPECT_EQ(config->cache.max_negative_ttl.count(), 12000);
  EXPECT_FALSE(config->answers.cookies);
  EXPECT_EQ(config->answers.require_cookies.size(), 1U);
  EXPECT_EQ(config->answers.cookie_secret, "000102030405060708090a0b0c0d0e0f");
  EXPECT_TRUE(config->answers.any_over_udp);
  EXPECT_EQ(config->answers.version, "1");
  EXPECT_EQ(config->answers.identity, "a");
  EXPECT_EQ(config->run.path, folder_ / "run");
  EXPECT_EQ(config->store.path, "/srv/weir");
  EXPECT_EQ(config->store.keep_generations, 3U);
  EXPECT_EQ(config->fetch.max_bytes, 1000000U);
  EXPECT_EQ(config->fetch.max_decoded_bytes, 2000000U);
  EXPECT_EQ(config->fetch.max_ratio, 7U);
  EXPECT_EQ(config->fetch.timeout.count(), 1500);
  EXPECT_EQ(config->fetch.max_redirects, 0U);
  EXPECT_EQ(config->fetch.allow_private, std::vector<std::string>{"lists.internal"});
  EXPECT_EQ(config->fetch.ca_file, folder_ / "ca/own.pem");
  ASSERT_EQ(config->lists.size(), 1U);
  const ListConfig& list = config->lists[0];
  EXPECT_EQ(list.source, (folder_ / "ads.txt").string());
  EXPECT_EQ(list.match, NameMatch::subtree);
  EXPECT_EQ(list.dialect, "hosts");
  EXPECT_TRUE(list.private_addresses);
  EXPECT_EQ(list.every, std::chrono::minutes(90));
  EXPECT_EQ(list.where, (folder_ / "weir.toml").string() + ":50");
  EXPECT_EQ(list.file(), folder_ / "weir.toml");
  const ListDefinition wanted{{},
                              "ads",
                              ListKind::allow,
                              "court",
                              12,
                              ListMode::observe,
                              ExceptionScope::rank,
                              Order::specific,
                              Basis::legal,
                              true,
                              true,
                              "",
                              0};
  EXPECT_EQ(list.definition, wanted);
  ASSERT_EQ(config->forwards.size(), 2U);
  const ForwardConfig& stub = config->forwards[0];
  EXPECT_EQ(stub.name.to_text(), "corp.example");
  EXPECT_EQ(stub.kind, ForwardConfig::Kind::stub);
  EXPECT_EQ(stub.fallback, ForwardConfig::Fallback::recursion);
  std::vector<std::string> servers;
  for (const Endpoint& server : stub.servers) servers.push_back(server.to_text());
  EXPECT_EQ(servers,
            (std::vector<std::string>{"192.0.2.53:0", "192.0.2.54:5353", "[2001:db8::53]:54", "[2001:db8::54]:55"}));
  const ForwardConfig& everything = config->forwards[1];
  EXPECT_TRUE(everything.name.is_root());
  EXPECT_EQ(everything.kind, ForwardConfig::Kind::forward);
  EXPECT_EQ(everything.fallback, ForwardConfig::Fallback::none);
  ASSERT_EQ(config->negative_trust_anchors.size(), 2U);
  EXPECT_EQ(config->negative_trust_anchors[0].name.to_text(), "broken.example");
  EXPECT_EQ(config->negative_trust_anchors[0].reason, "they forgot to sign");
  EXPECT_EQ(config->negative_trust_anchors[0].until, *parse_time("2026-11-30T23:00:00Z"));
  EXPECT_EQ(config->negative_trust_anchors[1].until, *parse_time("2026-12-01"));
  EXPECT_EQ(config->log.privacy, Privacy::pseudonym);
  EXPECT_EQ(config->log.keep, std::chrono::hours(1));
  EXPECT_EQ(config->log.size_bytes, 1ULL << 20);
  EXPECT_TRUE(config->log.all);

  const PolicySet set = config->compile();
  EXPECT_EQ(set.mname.to_text(), "dns.example.org");
  EXPECT_EQ(set.rname.label_count(), 3U);  // the dot of first.last is inside the first label
  EXPECT_EQ(set.rname.first_label(), "first.last");
  ASSERT_EQ(set.policies.size(), 2U);
  EXPECT_EQ(set.policies[0].name, "default");
  EXPECT_EQ(set.policies[0].privacy, Privacy::pseudonym);
  EXPECT_TRUE(set.policies[0].log_all);
  const Policy& strict = set.policies[1];
  ASSERT_EQ(strict.lists.size(), 1U);
  EXPECT_EQ(set.find_list(strict.lists[0])->name, "ads");
  EXPECT_EQ(strict.block.mode, BlockMode::address);
  EXPECT_EQ(strict.block.ipv4->to_text(), "192.0.2.9");
  EXPECT_EQ(strict.block.ipv6->to_text(), "2001:db8::9");
  EXPECT_EQ(strict.block.ttl_seconds, 3600U);
  EXPECT_EQ(strict.default_action, DefaultAction::deny);
  EXPECT_TRUE(strict.strict_chain);
  EXPECT_EQ(strict.ede_text, EdeText::off);
  EXPECT_EQ(strict.until_loaded, UntilLoaded::refuse);
  EXPECT_EQ(strict.privacy, Privacy::none);
  EXPECT_EQ(set.groups[set.group_of(*IpAddress::parse("192.168.7.9"))].name, "kids");
  EXPECT_EQ(set.groups[1].policy, 1U);
  EXPECT_EQ(set.group_of(*IpAddress::parse("192.168.8.9")), 0U);
}

// A section that is whole but for one key, so that each row has exactly one fault.
std::string document_with(const ConfigKey& key, const std::string& value) {
  std::string out = (key.repeated ? "[[" : "[") + key.section + (key.repeated ? "]]\n" : "]\n");
  const auto add = [&](const std::string& name, const std::string& good) {
    if (key.key != name) out += name + " = " + good + "\n";
  };
  if (key.repeated) add("name", "\"n\"");
  if (key.section == "list") add("source", "\"/tmp/x\"");
  if (key.section == "group") add("clients", "[\"192.0.2.1\"]");
  if (key.section == "forward") add("servers", "[\"192.0.2.1\"]");
  if (key.section == "tsig_key") add("secret", "\"AAECAwQFBgcICQ==\"");
  if (key.section == "serve" && key.key != "policy") add("list", "\"a\"");
  if (key.section == "serve") add("allow", "[\"192.0.2.1\"]");
  if (key.section == "negative_trust_anchor") {
    add("reason", "\"because\"");
    add("until", "\"2026-12-01\"");
  }
  return out + key.key + " = " + value + "\n";
}

TEST_F(ConfigTest, EveryKeyRefusesAnotherType) {
  for (const ConfigKey& key : config_keys()) {
    for (const char* wrong : {"1.5", "{ a = 1 }", "1979-05-27", "[[1]]"}) {
      SCOPED_TRACE(key.section + "." + key.key + " = " + wrong);
      const std::string told = faults(document_with(key, wrong));
      EXPECT_EQ(told.find("weir.toml:"), 0U) << told;
      EXPECT_NE(told.find("'" + key.key + "' in " + (key.repeated ? "[[" : "[") + key.section), std::string::npos)
          << told;
      EXPECT_NE(told.find("expected"), std::string::npos) << told;
    }
  }
}

TEST_F(ConfigTest, EveryKeyTwiceIsRefused) {
  for (const ConfigKey& key : config_keys()) {
    SCOPED_TRACE(key.section + "." + key.key);
    const std::string value = key.default_value.empty() ? "\"n\"" : key.default_value;
    const std::string told = faults(document_with(key, value) + key.key + " = " + value + "\n");
    EXPECT_NE(told.find("redefine"), std::string::npos) << told;
  }
}

TEST_F(ConfigTest, EveryKeyMisspeltIsNamed) {
  for (const ConfigKey& key : config_keys()) {
    SCOPED_TRACE(key.section + "." + key.key);
    const std::string told =
        faults((key.repeated ? "[[" : "[") + key.section + (key.repeated ? "]]\n" : "]\n") + key.key + "x = 1\n");
    EXPECT_NE(told.find("weir.toml:2:1: unknown key '" + key.key + "x'"), std::string::npos) << told;
    EXPECT_NE(told.find("did you mean '" + key.key + "'?"), std::string::npos) << told;
  }
}

TEST_F(ConfigTest, EveryDefaultShownIsTheValueOfAnAbsentKey) {
  const PolicySet plain = Config::defaults().compile();
  for (const ConfigKey& key : config_keys()) {
    if (key.default_value.empty() || key.key == "root_hints" || key.key == "ca_file" ||
        key.key.starts_with("certificate") || key.key == "block_address" || key.key == "block_target" ||
        key.key == "contact" || (key.section == "api" && key.key.starts_with("tls_")))
      continue;  // no value stands for their absence
    if (key.repeated) continue;
    SCOPED_TRACE(key.section + "." + key.key + " = " + key.default_value);
    auto config = load(document_with(key, key.default_value));
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->compile(), plain);
  }
}

TEST_F(ConfigTest, FaultsSayWhereAndWhat) {
  const std::string list = "[[list]]\nname = \"a\"\nsource = \"/x\"\n";
  const struct {
    std::string text;
    std::string expected;  // part of the message
  } kRows[] = {
      {"[resolver]\nworkers = 257",
       "weir.toml:2:11: 'workers' in [resolver]: expected a whole number from 0 to 256, not 257"},
      {"[resolver]\nworkers = -1", "not -1"},
      {"[log]\nprivacy = full # addresses", "weir.toml:2:12: text stands in quotes: privacy = \"full\""},
      {"[log]\nkeep = 30d", "text stands in quotes: keep = \"30d\""},
      {"[[policy]]\n\nname = default\n", "weir.toml:3:8: text stands in quotes: name = \"default\""},
      {"[resolver]\nname = 192.0.2.1", "text stands in quotes: name = \"192.0.2.1\""},
      {"[resolver]\nname = 2026-02-30T00:00:00Z", "weir.toml:2:"},
      {"[resolver]\nname = \"open", "weir.toml:2:"},
      {"[resolver]\nupstream_port = 0", "from 1 to 65535, not 0"},
      {"[resolver]\nlisten = []", "it has 0 values"},
      {"[resolver]\nlisten = [\"192.0.2.1:0x\"]", "weir.toml:2:11: 'listen' in [resolver]"},
      {"[resolver]\nlisten = [\"192.0.2.1\", \"192.0.2.1:53\"]",
       "weir.toml:2:24: 'listen' in [resolver]: \"192.0.2.1:53\" stands there twice"},
      {"[resolver]\nlisten = \"192.0.2.1\"", "expected an array"},
      {"[resolver]\nallow_clients = [\"192.0.2.1/24\"]", "weir.toml:2:18: 'allow_clients'"},
      {"[resolver]\ncache = \"1KiB\"", "\"1KiB\" is out of this range"},
      {"[resolver]\ncache = \"lots\"", "1MiB to 1TiB, not \"lots\""},
      {"[resolver]\ncache = 64", "not 64"},
      {"[resolver]\nroot_hints = \"\"", "cannot be a path"},
      {"[resolver]\nname = \"a..b\"", "'name' in [resolver]: expected a domain name"},
      {"[resolver]\ncontact = \"@example.org\"", "does not fit into a domain name"},
      {"[resolver]\nspin = \"yes\"", "expected true or false, not \"yes\""},
      {"[store]\nkeep_generations = 0", "from 1 to 10000, not 0"},
      {"[fetch]\ntimeout = \"1ms\"", "out of this range"},
      {"[fetch]\ntimeout = 60", "expected a duration"},
      {"[fetch]\nca_file = \"\"", "cannot be a path"},
      {"[log]\nkeep = \"30 d\"", "not \"30 d\""},
      {"[log]\nprivacy = \"ful\"", "did you mean \"full\"?"},
      {"[logs]\n", "weir.toml:1:2: unknown section \"logs\"; did you mean [log]?"},
      {"[[lists]]\n", "did you mean [[list]]?"},
      {"listen = []", "\"listen\" stands in no section; it belongs below [resolver]"},
      {"resolver = 1", "write [resolver]"},
      {"[[resolver]]\n", "write [resolver]"},
      {"[list]\nname = \"a\"", "write [[list]] with two brackets"},
      {"[[list]]\nname = \"a\"", "weir.toml:1:1: [[list]] needs the key 'source'"},
      {"[[list]]\nsource = \"/x\"", "needs the key 'name'"},
      {"[[list]]\nname = \"../a\"\nsource = \"/x\"", "weir.toml:2:8: 'name' in [[list]]"},
      {"[[list]]\nname = \"local\"\nsource = \"/x\"", "weir's own"},
      {"[[list]]\nname = \"a\"\nsource = \"ftp://x/y\"", "neither https, http nor file"},
      {"[[list]]\nname = \"a\"\nsource = \"https://x/ y\"", "no spaces"},
      {list + "rank = 2", "from 3 to 1000, not 2"},
      {list + "rank = 1001", "not 1001"},
      {list + "every = \"0s\"", "out of this range"},
      {list + "policies = [\"defalt\"]", "weir.toml:4:13: there is no policy \"defalt\"; did you mean \"default\"?"},
      {list + list, "weir.toml:5:8: a list \"a\" is defined at weir.toml:1"},
      {"[[policy]]\nname = \"p\"\n[[policy]]\nname = \"p\"", "weir.toml:4:8: a policy \"p\" is defined at weir.toml:1"},
      {"[[policy]]\nname = \"p\"\nlists = [\"a\", \"b\"]\n" + list, "weir.toml:3:15: there is no list \"b\""},
      {list + "override = \"drop\"", "weir.toml:4:12: 'override' is used with kind = \"rpz\" only"},
      {list + "kind = \"rpz\"\noverride = \"cname\"", "weir.toml:5:12: override = \"cname\" needs override_target"},
      {list + "kind = \"rpz\"\noverride = \"drop\"\noverride_target = \"a.example\"",
       "override_target is used with override = \"cname\" only"},
      {list + "add_soa = true", "weir.toml:4:11: 'add_soa' is used with kind = \"rpz\" only"},
      {list + "override = \"allow\"", "expected one of \"none\", \"passthru\""},
      {"[[policy]]\nname = \"p\"\nblock = \"cname\"", "weir.toml:3:9: block = \"cname\" needs block_target"},
      {"[[policy]]\nname = \"p\"\nblock_target = \"a.example\"", "is used with block = \"cname\" only"},
      {"[[policy]]\nname = \"p\"\nsafe_search = [\"youtube\", \"youtube-moderate\"]", "exclude each other"},
      {"[answers]\nerror_contacts = [\"https://x.example\"]", "only mailto: and tel:"},
      {"[[policy]]\nname = \"p\"\nblock = \"address\"", "needs block_address"},
      {"[[policy]]\nname = \"p\"\nblock_address = [\"192.0.2.1\"]", "is used with block = \"address\" only"},
      {"[[policy]]\nname = \"p\"\nblock = \"address\"\nblock_address = [\"192.0.2.1\", \"192.0.2.2\"]",
       "weir.toml:4:31: 'block_address' in [[policy]]: two addresses of one family"},
      {"[[policy]]\nname = \"p\"\nttl = 3601", "from 1 to 3600, not 3601"},
      {"[[group]]\nname = \"g\"", "the group \"g\" needs clients"},
      {"[[group]]\nname = \"default\"\nclients = [\"192.0.2.1\"]", "it has no clients"},
      {"[[group]]\nname = \"g\"\nclients = [\"192.0.2.1\"]\npolicy = \"nosuch\"",
       "weir.toml:4:10: there is no policy \"nosuch\""},
      {"[[group]]\nname = \"g\"\nclients = [\"192.0.2.0/24\"]\n[[group]]\nname = \"h\"\nclients = [\"::1\", "
       "\"192.0.2.0/24\"]",
       "weir.toml:6:19: \"192.0.2.0/24\" belongs to the group \"g\" at weir.toml:1"},
      {"[[forward]]\nname = \"corp.example\"", "weir.toml:1:1: [[forward]] needs the key 'servers': who is asked"},
      {"[[forward]]\nname = \"corp.example\"\nservers = []",
       "weir.toml:3:11: 'servers' in [[forward]]: expected an array of 1 to 64 values"},
      {"[[forward]]\nname = \"a\"\nservers = [\"192.0.2.1@0\"]", "weir.toml:3:12: 'servers' in [[forward]]"},
      {"[[forward]]\nname = \"a\"\nservers = [\"192.0.2.1@65536\"]", "weir.toml:3:12: 'servers' in [[forward]]"},
      {"[[forward]]\nname = \"a\"\nservers = [\"dns.example\"]", "weir.toml:3:12: 'servers' in [[forward]]"},
      {"[[forward]]\nname = \"a..b\"\nservers = [\"192.0.2.1\"]", "weir.toml:2:8: 'name' in [[forward]]"},
      {"[[forward]]\nname = \"a\"\nservers = [\"192.0.2.1\"]\nkind = \"stubb\"", "did you mean \"stub\"?"},
      {"[[forward]]\nname = \"a\"\nservers = [\"::1\"]\n[[forward]]\nname = \"A.\"\nservers = [\"::1\"]",
       "weir.toml:5:8: a forward zone \"A\" is defined at weir.toml:1"},
      {"[[negative_trust_anchor]]\nname = \"a\"\nuntil = 2026-12-01T00:00:00Z",
       "weir.toml:1:1: [[negative_trust_anchor]] needs the key 'reason'"},
      {"[[negative_trust_anchor]]\nname = \"a\"\nuntil = 2026-12-01T00:00:00Z\nreason = \" \"",
       "weir.toml:4:10: 'reason' in [[negative_trust_anchor]]: expected a string that says why"},
      {"[[negative_trust_anchor]]\nname = \"a\"\nreason = \"b\"",
       "weir.toml:1:1: [[negative_trust_anchor]] needs the key 'until'"},
      {"[[negative_trust_anchor]]\nname = \"a\"\nreason = \"b\"\nuntil = 2026-12-01T00:00:00",
       "weir.toml:4:9: 'until' in [[negative_trust_anchor]]: expected a time such as 2026-12-01T00:00:00Z"},
      {"[resolver\n", "weir.toml:1:"},
      {"a = \"\xff\"", "weir.toml:1:"},
      {std::string("a = 1\0", 6), "weir.toml:1:"},
      {"a" +
           [] {
             std::string out;
             for (int i = 0; i < 200; ++i) out += ".a";
             return out;
           }() +
           " = 1",
       "nested too deeply"},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(row.text);
    const std::string told = faults(row.text);
    EXPECT_NE(told.find(row.expected), std::string::npos) << "told: " << told << "\nwanted: " << row.expected;
    EXPECT_EQ(std::count(told.begin(), told.end(), '\n'), 0) << "more than one fault: " << told;
  }
}

TEST_F(ConfigTest, AllFaultsAreToldInTheOrderOfTheFile) {
  const std::string told =
      faults("[resolver]\nworkers = -1\nlisen = []\n[log]\nall = 3\n[[list]]\nname = \"a\"\nsource = \"\"\n");
  std::istringstream lines(told);
  std::vector<std::string> starts;
  for (std::string line; std::getline(lines, line);) starts.push_back(line.substr(0, line.find(':', 10)));
  EXPECT_EQ(starts, (std::vector<std::string>{"weir.toml:2", "weir.toml:3", "weir.toml:5", "weir.toml:8"})) << told;
}

TEST_F(ConfigTest, ControlCharactersInAFaultAreEscaped) {
  const std::string told = faults("[resolver]\n\"a\\u001b[31m\" = 1\n");
  EXPECT_EQ(told.find('\x1b'), std::string::npos);
  EXPECT_NE(told.find("\\x1B"), std::string::npos) << told;
}

TEST_F(ConfigTest, DropInsAreReadByNameAndMerged) {
  write("weir.d/list-b.toml", "[[list]]\nname = \"b\"\nsource = \"b.txt\"\npolicies = [\"default\", \"strict\"]\n");
  write("weir.d/list-a.toml", "[[list]]\nname = \"a\"\nsource = \"file:///lists/a.txt\"\n");
  write("weir.d/.half.toml", "not TOML");
  write("weir.d/notes.txt", "not TOML");
  write("weir.d/log.toml", "[log]\nall = true\n");
  auto config = load(
      "[log]\nkeep = \"1d\"\n[[policy]]\nname = \"default\"\nlists = [\"b\", \"a\"]\n[[policy]]\nname = \"strict\"\n");
  ASSERT_TRUE(config) << config.error().message;
  ASSERT_EQ(config->files.size(), 4U);
  EXPECT_EQ(config->files[1].filename(), "list-a.toml");
  ASSERT_EQ(config->lists.size(), 2U);
  EXPECT_EQ(config->lists[0].source, "/lists/a.txt");
  EXPECT_EQ(config->lists[1].source, (folder_ / "weir.d/b.txt").string());
  EXPECT_TRUE(config->log.all);
  const PolicySet set = config->compile();
  EXPECT_EQ(set.policies[0].lists, (std::vector<ListId>{{16}, {17}}));
  EXPECT_EQ(set.policies[1].lists, (std::vector<ListId>{{17}}));
  EXPECT_EQ(set.find_list("b")->rank, kRankBlock);
}

TEST_F(ConfigTest, OneKeyInTwoFilesIsAFault) {
  write("weir.d/x.toml", "[log]\nkeep = \"2d\"\n");
  const std::string told = faults("[log]\nkeep = \"1d\"\n");
  EXPECT_EQ(told, "weir.d/x.toml:2:1: 'keep' in [log] is set at weir.toml:2 already");
}

TEST_F(ConfigTest, AFileThatDoesNotParseCausesNoFurtherFaults) {
  write("weir.d/list-a.toml", "[[list]\n");
  const std::string told = faults("[[policy]]\nname = \"default\"\nlists = [\"a\"]\n");
  EXPECT_EQ(told.find("weir.d/list-a.toml:1:"), 0U) << told;
  EXPECT_EQ(told.find("there is no list"), std::string::npos) << told;
}

TEST_F(ConfigTest, RankAndGroupDefaults) {
  auto config = load(
      "[[list]]\nname = \"yes\"\nsource = \"/y\"\nkind = \"allow\"\n[[list]]\nname = \"no\"\nsource = \"/n\"\n"
      "[[policy]]\nname = \"strict\"\n[[group]]\nname = \"default\"\npolicy = \"strict\"\n");
  ASSERT_TRUE(config) << config.error().message;
  const PolicySet set = config->compile();
  EXPECT_EQ(set.find_list("yes")->rank, kRankAllow);
  EXPECT_EQ(set.find_list("no")->rank, kRankBlock);
  ASSERT_EQ(set.groups.size(), 1U);
  EXPECT_EQ(set.policies[set.groups[0].policy].name, "strict");
}

// SEMANTICS 3: RPZ zones, each its own rank in the order of the file, unless `rank` says otherwise
// SEMANTICS 3: default `specific` for local rules and RPZ, `adblock` otherwise.
TEST_F(ConfigTest, ResponsePolicyZonesHaveRanksOfTheirOwn) {
  auto config = load(
      "[[list]]\nname = \"first\"\nsource = \"/a\"\nkind = \"rpz\"\n[[list]]\nname = \"plain\"\nsource = \"/b\"\n"
      "[[list]]\nname = \"early\"\nsource = \"/c\"\nkind = \"rpz\"\nrank = 4\norder = \"adblock\"\n"
      "[[list]]\nname = \"second\"\nsource = \"/d\"\nkind = \"rpz\"\n");
  ASSERT_TRUE(config) << config.error().message;
  const PolicySet set = config->compile();
  EXPECT_EQ(set.find_list("first")->rank, kRankRpz);
  EXPECT_EQ(set.find_list("second")->rank, kRankRpz + 1);
  EXPECT_EQ(set.find_list("early")->rank, 4);
  EXPECT_EQ(set.find_list("plain")->rank, kRankBlock);
  EXPECT_EQ(set.find_list("first")->order, Order::specific);
  EXPECT_EQ(set.find_list("early")->order, Order::adblock);
  EXPECT_EQ(set.find_list("plain")->order, Order::adblock);
}

TEST_F(ConfigTest, TheRunPathIsReadAlsoWhereTheRestIsFaulty) {
  const fs::path file = write("weir.toml", "[resolver]\nlisen = 1\n[run]\npath = \"main\"\n");
  write("weir.d/zz.toml", "[[list\n");
  ASSERT_FALSE(Config::load(file));
  EXPECT_EQ(Config::load_run_path(file), folder_ / "main");
  const std::string standard = Config::defaults().run.path;
  for (const char* text :
       {"", "[run\npath = \"x\"", "[run]\npath = 1", "[run]\npath = \"\"", "run = 1", "[[run]]\npath = \"x\""}) {
    write("weir.toml", text);
    EXPECT_EQ(Config::load_run_path(file), standard) << text;
  }
  write("weir.d/run.toml", "[run]\npath = \"../other\"\n");
  EXPECT_EQ(Config::load_run_path(file), folder_ / "other");
  write("weir.toml", "[run]\npath = \"main\"\n");
  EXPECT_EQ(Config::load_run_path(file), folder_ / "main");
  EXPECT_EQ(Config::load_run_path(folder_ / "none/weir.toml"), standard);
}

TEST_F(ConfigTest, FilesThatCannotBeRead) {
  EXPECT_EQ(Config::load(folder_ / "none.toml").error().code, ErrorCode::not_found);
  EXPECT_EQ(Config::load(folder_.path()).error().code, ErrorCode::invalid);
  const fs::path big = write("big.toml", std::string(kMaxConfigFileBytes + 1, '#'));
  EXPECT_EQ(Config::load(big).error().code, ErrorCode::too_large);
  if (geteuid() != 0) {
    const fs::path secret = write("secret.toml", "");
    fs::permissions(secret, fs::perms::none);
    EXPECT_EQ(Config::load(secret).error().code, ErrorCode::permission);
  }
}

TEST_F(ConfigTest, ZonesFromPrimaries) {
  const auto config = load(R"(
[transfer]
listen = ["192.0.2.53", "[2001:db8::53]:5300"]
[[tsig_key]]
name = "Transfer.Example."
algorithm = "hmac-sha384"
secret_file = "transfer.key"
[[list]]
name = "zone"
zone = "RPZ.example."
primaries = ["192.0.2.1", "[2001:db8::1]:5353", "192.0.2.2@5470"]
tsig_key = "transfer.example"
)");
  ASSERT_TRUE(config) << config.error().message;
  ASSERT_EQ(config->transfer.listen.size(), 2U);
  EXPECT_EQ(config->transfer.listen[0].to_text(), "192.0.2.53:53");
  EXPECT_EQ(config->transfer.listen[1].to_text(), "[2001:db8::53]:5300");
  const ListConfig& list = config->lists[0];
  EXPECT_EQ(list.source, "axfr://192.0.2.1:53,[2001:db8::1]:5353,192.0.2.2:5470/rpz.example");
  EXPECT_EQ(list.definition.kind, ListKind::rpz);
  EXPECT_EQ(list.definition.order, Order::specific);
  ASSERT_EQ(config->tsig_keys.size(), 1U);
  EXPECT_EQ(config->tsig_keys[0].name, *list.tsig_key);
  EXPECT_EQ(config->tsig_keys[0].algorithm, TsigAlgorithm::hmac_sha384);
  EXPECT_EQ(config->tsig_keys[0].secret_file, folder_ / "transfer.key");
}

TEST_F(ConfigTest, WhereDecisionsGoAndHowLongTheyStay) {
  const auto config = load(R"(
[log]
keep_resolved = "1d"
smallest_group = 1
[[sink]]
name = "tap"
kind = "dnstap"
to = "unix:/run/tap.sock"
spool = "1MiB"
[[sink]]
name = "warehouse"
kind = "clickhouse"
to = "https://ch.example:8443"
user = "weir"
password_file = "secret"
[[sink]]
name = "journal"
kind = "syslog"
[self_service]
listen = ["192.0.2.53"]
minutes = "5m"
contact = "the library's desk"
[[group]]
name = "kids"
clients = ["192.0.2.0/28"]
self_service = true
)");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->log.keep_resolved, std::chrono::hours(24));
  EXPECT_EQ(config->log.keep_blocked, std::chrono::hours(0));
  EXPECT_EQ(config->log.smallest_group, 1U);
  ASSERT_EQ(config->sinks.size(), 3U);
  EXPECT_EQ(config->sinks[0].kind, SinkConfig::Kind::dnstap);
  EXPECT_EQ(config->sinks[0].spool_bytes, 1U << 20);
  EXPECT_EQ(config->sinks[1].database, "weir");
  EXPECT_EQ(config->sinks[1].password_file, folder_ / "secret");
  EXPECT_EQ(config->self_service.listen.at(0).to_text(), "192.0.2.53:80");
  EXPECT_EQ(config->self_service.minutes, std::chrono::minutes(5));
  EXPECT_TRUE(config->groups.at(0).self_service);

  const std::string sink = "[[sink]]\nname = \"s\"\nkind = ";
  const struct {
    std::string text;
    std::string expected;
  } kRows[] = {
      {sink + "\"dnstap\"", "weir.toml:1:1: dnstap goes to a socket (to = \"unix:/path\") or to a file"},
      {sink + "\"dnstap\"\nto = \"relative\"", "weir.toml:4:6: dnstap goes to"},
      {sink + "\"clickhouse\"\nto = \"127.0.0.1:8123\"", "clickhouse is asked over HTTP"},
      {sink + "\"json\"\nto = \"unix:/x\"", "json goes to a file or a named pipe"},
      {sink + "\"syslog\"\nto = \"/x\"", "syslog is the system's"},
      {sink + "\"kafka\"", "'kind' in [[sink]]"},
      {sink + "\"syslog\"\n" + sink + "\"syslog\"", "a sink \"s\" is defined at"},
      {"[log]\nsmallest_group = 0", "'smallest_group' in [log]"},
  };
  for (const auto& row : kRows) {
    const auto refused = load(row.text);
    ASSERT_FALSE(refused) << row.text;
    EXPECT_NE(refused.error().message.find(row.expected), std::string::npos) << refused.error().message;
  }
}

TEST_F(ConfigTest, WhatBecomesOfAPolicyZonesOwnWords) {
  const auto config = load(R"(
[[list]]
name = "zone"
source = "/zone"
kind = "rpz"
nxdomain = "as_written"
wildcards = "closest"
add_soa = true
override = "cname"
override_target = "blocked.example"
[[list]]
name = "plain"
source = "/plain"
kind = "rpz"
[[policy]]
name = "default"
aliases = "shown"
[dns64]
on = true
private_addresses = true
blocked = "untranslated"
)");
  ASSERT_TRUE(config) << config.error().message;
  const ListDefinition& zone = config->lists[0].definition;
  EXPECT_EQ(zone.nxdomain, NameErrors::as_written);
  EXPECT_EQ(zone.wildcards, Wildcards::closest);
  EXPECT_TRUE(zone.adds_soa);
  EXPECT_EQ(zone.override_action, Action::cname);
  EXPECT_EQ(zone.override_target, *Name::parse("blocked.example"));
  EXPECT_EQ(config->compile().policies[0].aliases, AliasAnswers::shown);
  const ListDefinition& plain = config->lists[1].definition;
  EXPECT_EQ(plain.nxdomain, NameErrors::safe);
  EXPECT_FALSE(plain.override_action);
  EXPECT_TRUE(config->dns64.dns64.translates_private);
  EXPECT_EQ(config->dns64.dns64.blocked, Dns64::Blocked::untranslated);
}

TEST_F(ConfigTest, FaultsOfTransfersNeverShowASecret) {
  const std::string zone = "[[list]]\nname = \"a\"\nzone = \"rpz\"\n";
  const std::string key = "[[tsig_key]]\nname = \"k\"\n";
  const std::string served = "[[serve]]\nname = \"s\"\n";
  const struct {
    std::string text;
    std::string expected;
  } kRows[] = {
      {"[[list]]\nname = \"a\"", "weir.toml:1:1: [[list]] needs the key 'source', or 'zone' and 'primaries'"},
      {zone, "weir.toml:3:8: a zone needs primaries"},
      {zone + "primaries = []", "a zone needs one primary at least"},
      {zone + "primaries = [\"192.0.2.1\"]\nsource = \"/x\"", "a list comes from a source or is a zone from primaries"},
      {zone + "primaries = [\"192.0.2.1\"]\nkind = \"block\"", "a zone from primaries is of kind \"rpz\""},
      {zone + "primaries = [\"192.0.2.1\"]\ntsig_key = \"none\"", "there is no TSIG key \"none\""},
      {"[[list]]\nname = \"a\"\nsource = \"/x\"\ntsig_key = \"k\"", "'tsig_key' is used with zone only"},
      {zone + "primaries = [\"192.0.2.1\"]\ntls_name = \"a.example\"", "'tls_name' is used with tls = true only"},
      {"[[list]]\nname = \"a\"\nsource = \"/x\"\ntls = true", "'tls' is used with zone only"},
      {"[transfer]\nlisten_tls = [\"127.0.0.1\"]", "listen_tls needs certificate and certificate_key"},
      {served + "allow = [\"192.0.2.1\"]", "a served zone holds either a list or a policy"},
      {served + "allow = [\"192.0.2.1\"]\npolicy = \"default\"\nlist = \"a\"", "either a list or a policy"},
      {served + "allow = [\"192.0.2.1\"]\nlist = \"b\"", "there is no list \"b\""},
      {served + "allow = [\"192.0.2.1\"]\npolicy = \"b\"", "there is no policy \"b\""},
      {served + "policy = \"default\"", "a served zone needs tsig_key or allow"},
      {served + "policy = \"default\"\ntsig_key = \"none\"", "there is no TSIG key \"none\""},
      {key, "a TSIG key needs secret or secret_file"},
      {key + "secret = \"c2VjcmV0LTEyMw==\"\nsecret_file = \"x\"", "secret and secret_file exclude each other"},
      {key + "secret = \"hush!\"", "'secret' in [[tsig_key]]: expected a secret in base64, of at least 8 octets"},
      {key + "secret = 12345678", "'secret' in [[tsig_key]]: expected a secret in base64"},
      {key + "secret = \"c2VjcmV0LTEyMw==\"\n" + key + "secret = \"c2VjcmV0LTEyMw==\"",
       "a TSIG key \"k\" is defined at"},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(row.text);
    const std::string told = faults(row.text);
    EXPECT_NE(told.find(row.expected), std::string::npos) << told;
    for (const char* secret : {"hush", "12345678", "c2VjcmV0"}) EXPECT_EQ(told.find(secret), std::string::npos) << told;
  }
}

TEST_F(ConfigTest, TheApiLeavesLoopbackOnlyOverTls) {
  EXPECT_EQ(Config::defaults().api.listen.at(0).to_text(), "127.0.0.1:8053");
  const auto config = load(R"(
[api]
listen = ["127.0.0.1", "[::1]:80", "192.0.2.1"]
tls_certificate = "weir.pem"
tls_key = "weir.key"
hosts = ["Weir.Example.", "a-b.example"]
)");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->api.listen.at(2).to_text(), "192.0.2.1:8053");
  EXPECT_EQ(config->api.tls_key, folder_ / "weir.key");
  EXPECT_EQ(config->api.hosts, (std::vector<std::string>{"weir.example", "a-b.example"}));
  EXPECT_TRUE(load("[api]\nlisten = []\n"));
  const struct {
    std::string text;
    std::string expected;
  } kRows[] = {
      {"[api]\nlisten = [\"127.0.0.1\", \"192.0.2.1\"]", "weir.toml:2:24: 192.0.2.1:8053 is not loopback"},
      {"[api]\nlisten = [\"0.0.0.0:80\"]\ntls_key = \"a\"", "tls_certificate and tls_key are needed"},
      {"[api]\nlisten = [\"[::]:80\"]\ntls_certificate = \"a\"", "tls_certificate and tls_key are needed"},
      {"[api]\nhosts = [\"weir.example:8053\"]", "and no port"},
      {"[api]\nhosts = [\"\"]", "expected a host name"},
      {"[api]\nlisten = [\"weir.example\"]", "'listen' in [api]"},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(row.text);
    const std::string told = faults(row.text);
    EXPECT_NE(told.find(row.expected), std::string::npos) << told;
  }
}

// deploy/weir.toml shows every key with its default, commented out or not.
TEST(ConfigExample, LoadsAndShowsEveryKeyWithItsDefault) {
  const fs::path file = fs::path(WEIR_SOURCE_DIR) / "deploy/weir.toml";
  auto config = Config::load(file);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->compile(), PolicySet::with_defaults());
  std::ifstream in(file);
  std::string section;
  std::vector<std::string> shown;  // "resolver.workers = 0"
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("# ")) line.erase(0, 2);
    if (line.starts_with("[")) {
      section = line.substr(line.find_first_not_of('['));
      section = section.substr(0, section.find(']'));
    } else if (const auto sign = line.find(" = "); sign != std::string::npos) {
      auto comment = line.find("  #");
      line = line.substr(0, comment);
      line.erase(line.find_last_not_of(' ') + 1);
      shown.push_back(section + '.' + line);
    }
  }
  for (const ConfigKey& key : config_keys()) {
    const std::string start = key.section + '.' + key.key + " = ";
    const auto found =
        std::find_if(shown.begin(), shown.end(), [&](const auto& line) { return line.starts_with(start); });
    ASSERT_NE(found, shown.end()) << key.section << '.' << key.key << " is not shown";
    if (!key.default_value.empty() && key.key != "root_hints" && key.key != "ca_file" &&
        !key.key.starts_with("certificate") && !key.key.starts_with("tls_")) {
      EXPECT_EQ(*found, start + key.default_value);
    }
  }
}

}  // namespace
}  // namespace weir::config_test
