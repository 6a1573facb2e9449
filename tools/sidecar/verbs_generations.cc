// generation.show, generation.rollback.
#include <algorithm>
#include <vector>

#include "tools/sidecar/list_versions.h"
#include "tools/sidecar/overlays.h"
#include "tools/sidecar/verb_table.h"
#include "zones/base/text.h"

namespace weir::sidecar {
namespace {

namespace json = boost::json;

constexpr std::size_t kExceptionsInARecord = 50;  // the audit log's lines are bounded

// Timed exceptions beside a roll-back, which leaves them alone.
struct Exceptions {
  std::vector<Overlay> go_on;       // in force now
  std::vector<Overlay> stay_ended;  // in force then, and would be still had nobody ended them
};

Result<Exceptions> look_at_exceptions(const PolicyStore& store, GenerationNumber to, WallTime now) {
  auto present = Overlays::present(store);
  if (!present) return present.error();
  auto past = Overlays::had_at(store, to);
  if (!past) return past.error();
  const auto has_passed = [now](const Overlay& overlay) { return overlay.until <= now; };
  Exceptions out{std::move(*present), std::move(*past)};
  std::erase_if(out.go_on, has_passed);
  std::erase_if(out.stay_ended, [&](const Overlay& overlay) {
    return has_passed(overlay) || std::any_of(out.go_on.begin(), out.go_on.end(),
                                              [&](const Overlay& other) { return other.id() == overlay.id(); });
  });
  return out;
}

json::array for_the_record(const std::vector<Overlay>& overlays) {
  json::array out;
  for (const Overlay& overlay : overlays) {
    if (out.size() == kExceptionsInARecord) {
      out.emplace_back("and " + std::to_string(overlays.size() - out.size()) + " more");
      break;
    }
    out.emplace_back(overlay.id() + " until " + format_time(overlay.until) + ": " + overlay.subject());
  }
  return out;
}

json::array for_the_reply(const std::vector<Overlay>& overlays, WallTime now) {
  json::array out;
  for (const Overlay& overlay : overlays) out.push_back(describe_overlay(overlay, now));
  return out;
}

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
  const Now now = read_clocks();
  Exceptions exceptions;
  std::string pinned;
  const auto done =
      call.services.writer.run<GenerationNumber>(Urgency::urgent, [&](PolicyStore& store) -> Result<GenerationNumber> {
        const GenerationNumber to{number};
        auto looked = to <= store.published() ? look_at_exceptions(store, to, now.wall) : Exceptions();
        if (!looked) return looked.error();
        exceptions = std::move(*looked);
        auto rolled = store.rollback_generation(to, rollback_reason(to, call.who), now);
        if (!rolled) return rolled;
        pinned = store.pinned();
        json::object details{{"to", number}};
        if (!exceptions.go_on.empty()) details["exceptions_go_on"] = for_the_record(exceptions.go_on);
        if (!exceptions.stay_ended.empty()) details["exceptions_stay_ended"] = for_the_record(exceptions.stay_ended);
        if (auto recorded = record(call, "generation rollback", {}, std::move(details), *rolled); !recorded) {
          return recorded.error();
        }
        if (auto counted = refresh_counts(store, call.services.states); !counted) return counted.error();
        return rolled;
      });
  if (!done) return done.error();
  json::object out{{"generation", done->value},
                   {"pinned", pinned},
                   {"exceptions_go_on", for_the_reply(exceptions.go_on, now.wall)},
                   {"exceptions_stay_ended", for_the_reply(exceptions.stay_ended, now.wall)}};
  tell_resolver(call.services, out);
  return out;
}

}  // namespace weir::sidecar
