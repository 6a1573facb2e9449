#include "resolver/server/resolution_settings.h"

#include <limits>

namespace weir {
namespace {

ScrubRules::AliasTargets alias_targets(ResolutionConfig::AliasTargets configured) {
  switch (configured) {
    case ResolutionConfig::AliasTargets::taken:
      return ScrubRules::AliasTargets::taken;
    case ResolutionConfig::AliasTargets::data_taken:
      return ScrubRules::AliasTargets::data_taken;
    case ResolutionConfig::AliasTargets::asked:
      break;
  }
  return ScrubRules::AliasTargets::asked;
}

}  // namespace

void apply_resolution(const ResolutionConfig& config, EngineOptions& options) {
  options.qname_minimisation = config.minimise_names;
  options.minimised_type = config.minimise_with;
  options.hide_qtype = config.hide_type;
  options.randomise_case = config.randomise_case;
  options.cookies = config.cookies;
  options.minimal_responses = config.minimal_answers;
  options.refer_without_recursion = config.refer_without_recursion;
  options.verify_sibling_glue = config.verify_glue;
  options.scrub.loopback_servers = config.loopback_servers;
  options.scrub.foreign_glue = config.foreign_glue;
  options.scrub.name_servers_beside_soa = config.name_servers_beside_denials;
  options.scrub.unasked_name_servers = config.unasked_name_servers;
  options.scrub.unsigned_dname_from_cache = config.unsigned_dnames;
  options.scrub.any_additional_type = config.any_additional;
  options.scrub.alias_targets = alias_targets(config.alias_targets);
  options.scrub.ns_records =
      config.max_name_servers == 0 ? std::numeric_limits<std::size_t>::max() : config.max_name_servers;
}

}  // namespace weir
