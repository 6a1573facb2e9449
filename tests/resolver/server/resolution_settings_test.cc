#include "resolver/server/resolution_settings.h"

#include <gtest/gtest.h>

namespace weir::resolution_settings_test {
namespace {

EngineOptions options_of(const ResolutionConfig& config) {
  EngineOptions out;
  apply_resolution(config, out);
  return out;
}

TEST(ResolutionSettings, DefaultsAreTheEngines) {
  const EngineOptions engine;
  const EngineOptions configured = options_of({});
  EXPECT_EQ(configured.qname_minimisation, engine.qname_minimisation);
  EXPECT_EQ(configured.minimised_type, engine.minimised_type);
  EXPECT_EQ(configured.hide_qtype, engine.hide_qtype);
  EXPECT_EQ(configured.randomise_case, engine.randomise_case);
  EXPECT_EQ(configured.cookies, engine.cookies);
  EXPECT_EQ(configured.minimal_responses, engine.minimal_responses);
  EXPECT_EQ(configured.refer_without_recursion, engine.refer_without_recursion);
  EXPECT_EQ(configured.verify_sibling_glue, engine.verify_sibling_glue);
  EXPECT_EQ(configured.scrub.loopback_servers, engine.scrub.loopback_servers);
  EXPECT_EQ(configured.scrub.foreign_glue, engine.scrub.foreign_glue);
  EXPECT_EQ(configured.scrub.unasked_name_servers, engine.scrub.unasked_name_servers);
  EXPECT_EQ(configured.scrub.unsigned_dname_from_cache, engine.scrub.unsigned_dname_from_cache);
  EXPECT_EQ(configured.scrub.any_additional_type, engine.scrub.any_additional_type);
  EXPECT_EQ(configured.scrub.alias_targets, engine.scrub.alias_targets);
  EXPECT_EQ(configured.scrub.ns_records, engine.scrub.ns_records);
}

TEST(ResolutionSettings, EachKeyReachesItsOption) {
  using Change = void (*)(ResolutionConfig&);
  using Read = bool (*)(const EngineOptions&);
  struct Row {
    const char* key;
    Change change;
    Read is_changed;
  };
  using C = ResolutionConfig;
  using O = EngineOptions;
  const Row rows[] = {
      {"minimise_names", [](C& c) { c.minimise_names = false; }, [](const O& o) { return !o.qname_minimisation; }},
      {"minimise_with", [](C& c) { c.minimise_with = RecordType::ns; },
       [](const O& o) { return o.minimised_type == RecordType::ns; }},
      {"hide_type", [](C& c) { c.hide_type = true; }, [](const O& o) { return o.hide_qtype; }},
      {"randomise_case", [](C& c) { c.randomise_case = false; }, [](const O& o) { return !o.randomise_case; }},
      {"cookies", [](C& c) { c.cookies = false; }, [](const O& o) { return !o.cookies; }},
      {"minimal_answers", [](C& c) { c.minimal_answers = false; }, [](const O& o) { return !o.minimal_responses; }},
      {"alias_targets", [](C& c) { c.alias_targets = C::AliasTargets::asked; },
       [](const O& o) { return o.scrub.alias_targets == ScrubRules::AliasTargets::asked; }},
      {"alias_targets", [](C& c) { c.alias_targets = C::AliasTargets::data_taken; },
       [](const O& o) { return o.scrub.alias_targets == ScrubRules::AliasTargets::data_taken; }},
      {"unsigned_dnames", [](C& c) { c.unsigned_dnames = false; },
       [](const O& o) { return !o.scrub.unsigned_dname_from_cache; }},
      {"verify_glue", [](C& c) { c.verify_glue = true; }, [](const O& o) { return o.verify_sibling_glue; }},
      {"foreign_glue", [](C& c) { c.foreign_glue = true; }, [](const O& o) { return o.scrub.foreign_glue; }},
      {"loopback_servers", [](C& c) { c.loopback_servers = true; },
       [](const O& o) { return o.scrub.loopback_servers; }},
      {"name_servers_beside_denials", [](C& c) { c.name_servers_beside_denials = true; },
       [](const O& o) { return o.scrub.name_servers_beside_soa; }},
      {"unasked_name_servers", [](C& c) { c.unasked_name_servers = true; },
       [](const O& o) { return o.scrub.unasked_name_servers; }},
      {"any_additional", [](C& c) { c.any_additional = true; }, [](const O& o) { return o.scrub.any_additional_type; }},
      {"max_name_servers", [](C& c) { c.max_name_servers = 7; }, [](const O& o) { return o.scrub.ns_records == 7; }},
      {"refer_without_recursion", [](C& c) { c.refer_without_recursion = true; },
       [](const O& o) { return o.refer_without_recursion; }},
  };
  for (const Row& row : rows) {
    C config;
    EXPECT_FALSE(row.is_changed(options_of(config))) << row.key;
    row.change(config);
    EXPECT_TRUE(row.is_changed(options_of(config))) << row.key;
  }
}

}  // namespace
}  // namespace weir::resolution_settings_test
