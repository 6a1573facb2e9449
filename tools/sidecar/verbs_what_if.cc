// what_if.start, what_if.show, what_if.stop: another policy beside the one in force, over the queries that pass. The
// resolver counts; here its verbs are passed on, and who began and ended one is recorded.
#include "tools/sidecar/shown_name.h"
#include "tools/sidecar/verb_table.h"
#include "zones/base/text.h"

namespace weir::sidecar {
namespace {

namespace json = boost::json;

// Also how the names of samples read.
VerbResult ask(Call& call, const std::string& verb, const json::object& arguments) {
  auto answered = call.services.resolver.what_if(verb, arguments);
  if (!answered) return answered;
  for (const char* turn : {"newly_blocked", "newly_allowed"}) {
    json::value* found = answered->if_contains(turn);
    json::value* samples =
        found == nullptr || !found->is_object() ? nullptr : found->get_object().if_contains("samples");
    if (samples == nullptr || !samples->is_array()) continue;
    for (auto& sample : samples->get_array()) {
      if (!sample.is_object()) continue;
      const json::value* name = sample.get_object().if_contains("name");
      if (name == nullptr || !name->is_string()) continue;
      const std::string text(name->get_string());
      put_name(sample.get_object(), "name", text);
    }
  }
  return answered;
}

// In its turn among the other changes; the policy in force stays as it is.
Result<void> record_in_turn(Call& call, const std::string& what, const std::string& policy, json::object details) {
  const auto recorded =
      call.services.writer.run<GenerationNumber>(Urgency::urgent, [&](PolicyStore&) -> Result<GenerationNumber> {
        const auto current = call.services.generations.current();
        if (!current) return current.error();
        const GenerationNumber number = (*current)->number();
        if (auto done = record(call, what, policy, std::move(details), number); !done) return done.error();
        return number;
      });
  if (!recorded) return recorded.error();
  return {};
}

}  // namespace

VerbResult start_what_if(Call& call) {
  const std::string policy = call.arguments.required("policy");
  const std::vector<std::string> groups = call.arguments.texts("groups");
  const std::uint64_t seconds = call.arguments.number("seconds", 0);
  const std::string reason = call.arguments.text("reason");
  if (!call.arguments.ok()) return call.arguments.error();
  json::object asked{{"policy", policy}, {"groups", json::value_from(groups)}, {"seconds", seconds}};
  asked["author"] = call.who;
  asked["reason"] = reason;
  auto begun = ask(call, "what_if.start", asked);
  if (!begun) return begun;
  const auto recorded =
      record_in_turn(call, "what-if start", policy, {{"groups", json::value_from(groups)}, {"seconds", seconds}});
  if (!recorded) {
    static_cast<void>(call.services.resolver.what_if("what_if.stop", {}).has_value());  // nobody would know of it
    return recorded.error();
  }
  return begun;
}

VerbResult show_what_if(Call& call) {
  const std::uint64_t names = call.arguments.number("names", 20);
  if (!call.arguments.ok()) return call.arguments.error();
  return ask(call, "what_if.show", {{"names", names}});
}

VerbResult stop_what_if(Call& call) {
  if (!call.arguments.ok()) return call.arguments.error();
  auto ended = ask(call, "what_if.stop", {});
  if (!ended) return ended;
  const json::value* policy = ended->if_contains("policy");
  const std::string subject = policy != nullptr && policy->is_string() ? std::string(policy->get_string()) : "";
  if (const auto recorded = record_in_turn(call, "what-if stop", subject, {}); !recorded) return recorded.error();
  return ended;
}

}  // namespace weir::sidecar
