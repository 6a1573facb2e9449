// generation.show, generation.rollback.
#include "tools/sidecar/verb_table.h"
#include "zones/base/text.h"

namespace weir::sidecar {
namespace {

namespace json = boost::json;

}  // namespace

VerbResult show_generations(Call& call) {
  const auto current = call.services.generations.current();
  if (!current) return current.error();
  const auto generations = call.services.writer.records().generations();
  if (!generations) return generations.error();
  json::array shown;
  for (const PublishedGeneration& generation : *generations) {
    shown.push_back(json::object{{"number", generation.number.value},
                                 {"published", format_time(generation.published_at)},
                                 {"reason", escape_for_display(generation.reason)},
                                 {"names_epoch", generation.names_epoch.value},
                                 {"fingerprint", generation.fingerprint},
                                 {"on_disk", generation.on_disk},
                                 {"size_bytes", generation.size_bytes}});
  }
  return json::object{{"generations", std::move(shown)}, {"current", (*current)->number().value}};
}

VerbResult show_fingerprint(Call& call) {
  const auto current = call.services.generations.current();
  if (!current) return current.error();
  json::object out{{"fingerprint", (*current)->fingerprint()},
                   {"generation", (*current)->number().value},
                   {"published", format_time((*current)->published_at())},
                   {"rules", (*current)->rule_count()}};
  const auto resolver = call.services.resolver.generation_in_force();
  out["resolver_generation"] = resolver ? json::value(resolver->value) : json::value(nullptr);
  return out;
}

VerbResult rollback_generation(Call& call) {
  const std::uint64_t number = call.arguments.number("number", 0);
  if (!call.arguments.ok()) return call.arguments.error();
  if (number == 0) return Error{ErrorCode::invalid, "\"number\" must be a generation (weir generation show)"};
  const auto done =
      call.services.writer.run<GenerationNumber>(Urgency::urgent, [&](PolicyStore& store) -> Result<GenerationNumber> {
        auto rolled = store.rollback_generation(
            GenerationNumber{number}, "rollback to " + std::to_string(number) + " by " + call.who, read_clocks());
        if (!rolled) return rolled;
        if (auto recorded = record(call, "generation rollback", {}, {{"to", number}}, *rolled); !recorded) {
          return recorded.error();
        }
        if (auto counted = refresh_counts(store, call.services.states); !counted) return counted.error();
        return rolled;
      });
  if (!done) return done.error();
  json::object out{{"generation", done->value}};
  tell_resolver(call.services, out);
  return out;
}

}  // namespace weir::sidecar
