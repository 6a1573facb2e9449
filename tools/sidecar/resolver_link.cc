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

class SocketResolverLink final : public ResolverLink {
 public:
  explicit SocketResolverLink(std::filesystem::path run_directory) : run_directory_(std::move(run_directory)) {}

  Result<GenerationNumber> load_generation() override { return ask_number("generation.load", kLoadPatience); }
  Result<void> reload() override {
    const auto answered = ask("reload", "{}", kLoadPatience);
    if (!answered) return answered.error();
    return {};
  }
  Result<GenerationNumber> generation_in_force() override { return ask_number("status", kStatusPatience); }
  Result<json::object> compare_cache(const Candidate& candidate) override {
    const json::object arguments{{"candidate", candidate.id()}, {"number", candidate.number().value}};
    return ask("cache.compare", json::serialize(arguments), kComparePatience);
  }
  Result<json::object> what_if(const std::string& verb, const json::object& arguments) override {
    return ask(verb, json::serialize(arguments), kLoadPatience);
  }
  Result<json::object> explain(const json::object& question) override {
    return ask("explain", json::serialize(question), kExplainPatience);
  }

 private:
  Result<GenerationNumber> ask_number(const std::string& verb, std::chrono::milliseconds patience) {
    const auto answer = ask(verb, "{}", patience);
    if (!answer) return answer.error();
    return number_of(answer->if_contains("generation"));
  }

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

std::unique_ptr<ResolverLink> ResolverLink::connect(std::filesystem::path run_directory) {
  return std::make_unique<SocketResolverLink>(std::move(run_directory));
}

}  // namespace weir::sidecar
