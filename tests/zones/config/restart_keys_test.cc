#include "zones/config/restart_keys.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>

#include "tests/support/scratch_folder.h"

namespace weir::restart_keys_test {
namespace {

using Keys = std::vector<std::string>;

Keys of_both(const Config& running, const Config& files) {
  Keys keys = keys_for_restart(Program::resolver, running, files);
  for (const std::string& key : keys_for_restart(Program::sidecar, running, files)) keys.push_back(key);
  return keys;
}

// Goes through every key that weir.toml knows in these sections: a new one must be put on one side or the other.
TEST(RestartKeys, EveryKeyOfTheResolverIsNamedOrTravelsWithTheGeneration) {
  const test::ScratchFolder scratch;
  const std::map<std::string, std::string> others = {{"listen", "[\"127.0.0.1:5353\"]"},
                                                     {"workers", "3"},
                                                     {"allow_clients", "[\"192.0.2.0/24\"]"},
                                                     {"root_hints", "\"/nonexistent/hints\""},
                                                     {"validate", "false"},
                                                     {"trust_anchors", "[\"/nonexistent/anchor\"]"},
                                                     {"state", "\"/nonexistent/state\""},
                                                     {"recheck_negative_anchors", "\"1h\""},
                                                     {"cache", "\"32MiB\""},
                                                     {"store_cache", "\"8MiB\""},
                                                     {"outgoing", "[\"192.0.2.1\"]"},
                                                     {"ipv6_upstream", "false"},
                                                     {"upstream_port", "5300"},
                                                     {"spin", "true"},
                                                     {"name", "\"dns.example\""},
                                                     {"contact", "\"admin@example.org\""},
                                                     {"serve_stale", "false"},
                                                     {"stale_for", "\"2h\""},
                                                     {"stale_wait", "\"1s\""},
                                                     {"stale_ttl", "\"5s\""},
                                                     {"stale_recheck", "\"5s\""},
                                                     {"min_ttl", "\"5s\""},
                                                     {"max_ttl", "\"1h\""},
                                                     {"min_negative_ttl", "\"6s\""},
                                                     {"max_negative_ttl", "\"7s\""},
                                                     {"prefetch", "false"},
                                                     {"cookies", "false"},
                                                     {"minimise_names", "false"},
                                                     {"minimise_with", "\"NS\""},
                                                     {"hide_type", "true"},
                                                     {"randomise_case", "false"},
                                                     {"minimal_answers", "false"},
                                                     {"alias_targets", "\"asked\""},
                                                     {"unsigned_dnames", "false"},
                                                     {"verify_glue", "true"},
                                                     {"foreign_glue", "true"},
                                                     {"loopback_servers", "true"},
                                                     {"unasked_name_servers", "true"},
                                                     {"name_servers_beside_denials", "true"},
                                                     {"any_additional", "true"},
                                                     {"max_name_servers", "7"},
                                                     {"refer_without_recursion", "true"},
                                                     {"every_algorithm", "true"},
                                                     {"structured_errors", "65001"},
                                                     {"error_contacts", "[\"mailto:a@example.org\"]"},
                                                     {"error_organisation", "\"a\""},
                                                     {"error_language", "\"en\""},
                                                     {"max_waiting", "7"},
                                                     {"when_full", "\"drop\""},
                                                     {"require_cookies", "[\"192.0.2.0/24\"]"},
                                                     {"cookie_secret", "\"000102030405060708090a0b0c0d0e0f\""},
                                                     {"any_over_udp", "true"},
                                                     {"version", "\"1\""},
                                                     {"identity", "\"a\""},
                                                     {"keep_generations", "7"},
                                                     {"hosts", "[\"weir.example\"]"},
                                                     {"tls_certificate", "\"a.pem\""},
                                                     {"tls_key", "\"a.key\""},
                                                     {"certificate", "\"a.pem\""},
                                                     {"certificate_key", "\"a.key\""},
                                                     {"listen_tls",
                                                      "[\"127.0.0.1:853\"]\n"
                                                      "certificate = \"a.pem\"\n"
                                                      "certificate_key = \"a.key\""}};
  const Config before = Config::defaults();
  EXPECT_EQ(of_both(before, before), Keys{});
  std::set<std::string> seen;
  for (const ConfigKey& key : config_keys()) {
    if (key.section != "resolver" && key.section != "resolution" && key.section != "cache" &&
        key.section != "answers" && key.section != "transfer" && key.section != "api" && key.key != "keep_generations")
      continue;
    seen.insert(key.key);
    ASSERT_TRUE(others.contains(key.key)) << key.key << " is new: does it take a restart?";
    std::ofstream(scratch / "weir.toml") << "[" << key.section << "]\n"
                                         << key.key << " = " << others.at(key.key) << "\n";
    const auto after = Config::load(scratch / "weir.toml");
    ASSERT_TRUE(after) << after.error().message;
    const bool travels = key.key == "name" || key.key == "contact" || key.key == "structured_errors" ||
                         key.key.starts_with("error_") || key.key.starts_with("certificate") ||
                         key.key.starts_with("tls_") || key.key == "hosts";
    EXPECT_EQ(of_both(before, *after), travels ? Keys{} : Keys{key.section + "." + key.key});
    const bool is_sidecars = key.section == "transfer" || key.section == "store" || key.section == "api";
    EXPECT_EQ(keys_for_restart(Program::sidecar, before, *after).empty(), travels || !is_sidecars) << key.key;
  }
  EXPECT_EQ(seen.size(), others.size());
}

}  // namespace
}  // namespace weir::restart_keys_test
