#include "tests/scenario/settings.h"

#include <gtest/gtest.h>

#include "tests/scenario/expected_failures.h"

namespace weir::scenario::settings_test {
namespace {

Result<ScenarioSettings> settings_of(const std::string& config) {
  const auto scenario = parse_scenario(config + "\nCONFIG_END\nSCENARIO_BEGIN t\nSTEP 1 NOTHING\nSCENARIO_END\n", "f");
  if (!scenario) return scenario.error();
  return read_settings(*scenario);
}

ScenarioSettings good(const std::string& config) {
  auto settings = settings_of(config);
  if (!settings) throw std::invalid_argument(settings.error().message);
  return *settings;
}

TEST(Settings, EachLineArrives) {
  struct Row {
    const char* config;
    std::function<bool(const ScenarioSettings&)> holds;
  };
  using S = const ScenarioSettings&;
  const Row rows[] = {
      {"", [](S s) { return s.qname_minimisation && s.minimal_responses && s.aggressive_nsec && !s.serve_expired; }},
      {"stub-zone:\nname: \".\"\nstub-addr: 192.0.2.1 # K",
       [](S s) { return s.root_addresses.size() == 1 && s.stub_zones.empty(); }},
      {"stub-addr: 192.0.2.1", [](S s) { return s.root_addresses.size() == 1; }},  // Deckard
      {"stub-name: m.root.", [](S s) { return s.root_server_name->to_text() == "m.root"; }},
      {"stub-zone:\nname: a.\nstub-addr: 192.0.2.1@53\nstub-first: yes",
       [](S s) { return s.stub_zones.at(0).first && s.stub_zones[0].addresses.at(0).to_text() == "192.0.2.1"; }},
      {"forward-zone: name: \".\" forward-addr: 192.0.2.1", [](S s) { return s.forward_zones.at(0).name.is_root(); }},
      {"forward-addr: 192.0.2.1", [](S s) { return s.forward_zones.at(0).name.is_root(); }},
      {"forward-zone:\nname: b\nforward-no-cache: yes", [](S s) { return s.forward_zones.at(0).no_cache; }},
      {"target-fetch-policy: \"0 0 0 0 0\"", [](S s) { return !s.fetches_ahead; }},
      {"target-fetch-policy: \"3 2 1 0 0\"", [](S s) { return s.fetches_ahead; }},
      {"qname-minimisation: \"no\"", [](S s) { return !s.qname_minimisation; }},
      {"query-minimization: off", [](S s) { return !s.qname_minimisation; }},
      {"do-ip6: no", [](S s) { return !s.use_ipv6 && s.use_ipv4; }},
      {"minimal-responses: no", [](S s) { return !s.minimal_responses; }},
      {"iter-scrub-promiscuous: no", [](S s) { return !s.scrub_promiscuous; }},
      {"trust-anchor: \"a. DS 1 8 2 AB CD\"", [](S s) { return s.trust_anchors.at(0) == "a. DS 1 8 2 AB CD"; }},
      {"trust-anchor: a. DS 1 8 2 ABCD", [](S s) { return s.trust_anchors.at(0) == "a. DS 1 8 2 ABCD"; }},
      {"domain-insecure: net.", [](S s) { return s.domain_insecure.at(0).to_text() == "net"; }},
      {"val-override-date: \"20070916134226\"", [](S s) { return s.validation_time->count() == 1'189'950'146; }},
      {"val-override-date: -1", [](S s) { return s.ignore_signature_dates; }},
      {"val-override-timestamp: \"1442323400\"", [](S s) { return s.validation_time->count() == 1'442'323'400; }},
      {"nsec3-iterations: 50", [](S s) { return s.nsec3_iterations == 50; }},
      {"fake-sha1: yes", [](S s) { return s.sha1_supported; }},
      {"trust-anchor-signaling: no", [](S s) { return !s.trust_anchor_signaling; }},
      {"module-config: \"respip iterator\"",
       [](S s) { return s.has_response_rules && !s.has_validator && !s.has_dns64; }},
      {"access-control: 192.0.2.0/24 allow_snoop", [](S s) { return s.access.at(0).action == "allow_snoop"; }},
      {"local-zone: \"foo.\" redirect", [](S s) { return s.local_zones.at(0).type == "redirect"; }},
      {"local-data: 'foo. TXT \"x y\"'", [](S s) { return s.local_data.at(0) == "foo. TXT \"x y\""; }},
      {"serve-expired: yes\nserve-expired-reply-ttl: 123",
       [](S s) { return s.serve_expired && s.serve_expired_reply_ttl == 123; }},
      {"cache-max-ttl: 10", [](S s) { return s.cache_max_ttl == 10; }},
      {"features: min_ttl = 300", [](S s) { return s.cache_min_ttl == 300 && s.features.empty(); }},
      {"features: dns64_prefix = fe80::21b:aabb:0:0", [](S s) { return s.has_dns64 && s.dns64_prefix->length == 96; }},
      {"feature-list: policy=x", [](S s) { return s.features.size() == 1; }},
      {"rpz:\nname: r.\nrpz-action-override: nxdomain\ntags: \"a b\"\nzonefile:\nTEMPFILE_NAME z\nTEMPFILE_CONTENTS "
       "z\nx\nTEMPFILE_END",
       [](S s) { return s.policy_zones.at(0).content == "x\n" && s.policy_zones[0].tags.size() == 2; }},
      {"view:\nname: v\nlocal-data: \"a. A 192.0.2.1\"", [](S s) { return s.views.at(0).local_data.size() == 1; }},
      {"define-tag: \"a b\"", [](S s) { return s.policy_lines.at(0).key == "define-tag"; }},
      {"verbosity: 3", [](S s) { return s.unknown.empty(); }},
  };
  for (const Row& row : rows) {
    const ScenarioSettings settings = good(row.config);
    EXPECT_TRUE(row.holds(settings)) << row.config;
    EXPECT_TRUE(settings.unknown.empty()) << settings.unknown.front();
  }
}

TEST(Settings, UnknownLinesAreReported) {
  const ScenarioSettings settings = good("server:\nnew-thing: 1\nstub-zone:\nname: a\nstub-colour: red\nauth-zone:\n");
  EXPECT_EQ(settings.unknown, (std::vector<std::string>{"f:2: server: new-thing: 1", "f:5: stub-zone: stub-colour: red",
                                                        "f:6: auth-zone:"}));
}

TEST(Settings, ValuesThatCannotBeReadAreErrors) {
  for (const char* line :
       {"do-ip6: perhaps", "stub-addr: here", "val-override-date: 2007", "val-override-date: 20071316134226",
        "cache-max-ttl: long", "access-control: 192.0.2.1/24 allow", "local-zone: a", "root-hints: nofile",
        "features: min_ttl=x"}) {
    const auto settings = settings_of(std::string("server:\n") + line);
    ASSERT_FALSE(settings) << line;
    EXPECT_TRUE(settings.error().message.starts_with("f:2: ")) << settings.error().message;
  }
}

TEST(Settings, ApplicableByConfigurationLines) {
  struct Row {
    const char* config;
    bool without_policy;
    bool with_policy;
  };
  const Row rows[] = {
      {"", true, true},
      {"local-data: \"a. A 192.0.2.1\"", true, true},
      {"do-nat64: yes", false, false},
      {"rpz:\nname: r.", false, true},
      {"response-ip: 192.0.2.0/24 redirect", false, true},
      {"define-tag: a", false, true},
      {"local-zone-tag: a. b", false, true},
      {"view:\nname: v", false, true},
      {"private-address: 10.0.0.0/8", false, true},
      {"features: policy.add", false, false},
  };
  const PolicyFeatures all{.rpz = true, .response_ip = true, .tags = true, .views = true, .private_address = true};
  for (const Row& row : rows) {
    EXPECT_EQ(!not_applicable(good(row.config), {}), row.without_policy) << row.config;
    EXPECT_EQ(!not_applicable(good(row.config), all), row.with_policy) << row.config;
  }
}

TEST(ExpectedFailures, EveryLineHasAReason) {
  const auto read = parse_expected_failures("# c\n\na/b.rpl  because\nc/d.rpl\tsince then\n", "f");
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, (ExpectedFailures{{"a/b.rpl", "because"}, {"c/d.rpl", "since then"}}));
  for (const auto& [text, where] : {std::pair("a/b.rpl\n", "f:1: "), std::pair("\na x\na y\n", "f:3: ")}) {
    const auto wrong = parse_expected_failures(text, "f");
    ASSERT_FALSE(wrong);
    EXPECT_TRUE(wrong.error().message.starts_with(where)) << wrong.error().message;
  }
}

}  // namespace
}  // namespace weir::scenario::settings_test
