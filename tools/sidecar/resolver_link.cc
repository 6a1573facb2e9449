#include "tools/sidecar/resolver_link.h"

#include <boost/json.hpp>

#include <string>
#include <utility>

#include "tools/support/control_client.h"
#include "zones/link/control.h"

namespace weir::sidecar {
namespace {

namespace json = boost::json;

// Opening a generation takes milliseconds; a resolver that is slower than this is reported, not waited for.
constexpr std::chrono::milliseconds kLoadPatience{5000};
constexpr std::chrono::milliseconds kStatusPatience{500};
constexpr std::chrono::milliseconds kExplainPatience{15000};  // a resolution ends within five seconds, DNS64 takes two
constexpr std::chrono::milliseconds kComparePatience{30000};  // a large cache, a busy machine

GenerationNumber number_of(const json::value* generation) {
  if (generation == nullptr) return {};
  if (generation->is_object()) generation = generation->get_object().if_contains("number");
  if (generation == nullptr || !generation->is_number()) return {};
  return {generation->to_number<std::uint64_t>()};
}

std::vector<std::string> texts_at(const json::object& object, std::string_view key) {
  std::vector<std::string> out;
  const json::value* array = object.if_contains(key);
  if (array == nullptr || !array->is_array()) return out;
  for (const json::value& text : array->get_array()) {
    if (text.is_string()) out.emplace_back(text.get_string());
  }
  return out;
}

class SocketResolverLink final : public ResolverLink {
 public:
  explicit SocketResolverLink(std::filesystem::path run_directory) : run_directory_(std::move(run_directory)) {}

  Result<GenerationNumber> load_generation() override {
    const auto answer = ask("generation.load", "{}", kLoadPatience);
    if (!answer) return answer.error();
    return number_of(answer->if_contains("generation"));
  }
  Result<std::vector<std::string>> reload() override {
    const auto answered = ask("reload", "{}", kLoadPatience);
    return answered ? texts_at(*answered, "needs_restart") : Result<std::vector<std::string>>(answered.error());
  }
  Result<ResolverState> status() override {
    const auto answered = ask("status", "{}", kStatusPatience);
    if (!answered) return answered.error();
    return ResolverState{number_of(answered->if_contains("generation")), texts_at(*answered, "needs_restart")};
  }
  Result<json::object> compare_cache(const Candidate& candidate) override {
    const json::object arguments{{"candidate", candidate.id()}, {"number", candidate.number().value}};
    return ask("cache.compare", json::serialize(arguments), kComparePatience);
  }
  Result<json::object> what_if(const std::string& verb, const json::object& arguments) override {
    return ask(verb, json::serialize(arguments), kLoadPatience);
  }
  Result<std::string> metrics() override {
    const auto answered = ask("metrics", "{}", kStatusPatience);
    if (!answered) return answered.error();
    const json::value* text = answered->if_contains("text");
    return text != nullptr && text->is_string() ? std::string(text->get_string()) : std::string();
  }
  Result<json::object> explain(const json::object& question) override {
    return ask("explain", json::serialize(question), kExplainPatience);
  }

 private:
  Result<json::object> ask(const std::string& verb, const std::string& arguments, std::chrono::milliseconds patience) {
    auto client = ControlClient::connect(resolver_socket(run_directory_), "weir-resolver");
    if (!client) {
      // Nothing unusual, so no advice how to start it.
      if (client.error().code == ErrorCode::unavailable)
        return Error{ErrorCode::unavailable, "the resolver is not running"};
      return client.error();
    }
    const auto answer = client->request({verb, arguments, "weir-sidecar"}, {}, patience);
    if (!answer) return answer.error();
    json::error_code error;
    json::value parsed = json::parse(*answer, error);
    if (error || !parsed.is_object()) return Error{ErrorCode::corrupt, "the resolver's answer makes no sense"};
    return std::move(parsed.get_object());
  }

  const std::filesystem::path run_directory_;
};

}  // namespace

Result<GenerationNumber> ResolverLink::generation_in_force() {
  const auto state = status();
  return state ? state->generation : Result<GenerationNumber>(state.error());
}

std::unique_ptr<ResolverLink> ResolverLink::connect(std::filesystem::path run_directory) {
  return std::make_unique<SocketResolverLink>(std::move(run_directory));
}

}  // namespace weir::sidecar
