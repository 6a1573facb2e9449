#include "tools/sidecar/learning.h"

#include <boost/json.hpp>
#include <libpsl.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tools/sidecar/shown_name.h"

namespace weir::sidecar {
namespace {

namespace json = boost::json;

constexpr std::size_t kShownNames = 5;

}  // namespace

struct Learning::Suffixes {
  psl_ctx_t* context = nullptr;
  Suffixes() : context(psl_latest(nullptr)) {}
  Suffixes(const Suffixes&) = delete;
  Suffixes& operator=(const Suffixes&) = delete;
  ~Suffixes() { psl_free(context); }
};

Result<Learning> Learning::make() {
  auto suffixes = std::make_shared<const Suffixes>();
  if (suffixes->context == nullptr)
    return Error{ErrorCode::not_found, "no list of public suffixes (Debian's package publicsuffix has it)"};
  return Learning(std::move(suffixes));
}

void Learning::add(const Name& name, const std::string& client) {
  const std::string text = name.folded().to_text();
  const char* registered = psl_registrable_domain(suffixes_->context, text.c_str());
  const std::string domain = registered != nullptr ? registered : text;
  auto at = domains_.find(domain);
  const bool is_new = at == domains_.end() || !at->second.names.contains(text);
  if (is_new && names_ == kMaxLearnedNames) {
    ++left_out_;
    return;
  }
  if (at == domains_.end()) {
    at = domains_.emplace(domain, Domain{}).first;
    at->second.registered = registered != nullptr;
  }
  names_ += is_new ? 1 : 0;
  ++at->second.questions;
  ++at->second.names[text];
  if (!client.empty() && at->second.clients.size() < kMaxLearnedClients) at->second.clients.insert(client);
}

json::array Learning::proposals() const {
  std::vector<const std::pair<const std::string, Domain>*> order;
  for (const auto& domain : domains_) order.push_back(&domain);
  std::stable_sort(order.begin(), order.end(),
                   [](const auto* a, const auto* b) { return a->second.questions > b->second.questions; });
  json::array out;
  for (const auto* domain : order) {
    std::vector<std::pair<std::uint64_t, std::string>> names;
    for (const auto& [name, questions] : domain->second.names) names.emplace_back(questions, name);
    std::stable_sort(names.begin(), names.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    json::array samples;
    for (const auto& [questions, name] : names) {
      if (samples.size() == kShownNames) break;
      samples.emplace_back(name);
    }
    json::object proposal{{"kind", domain->second.registered ? "subtree" : "exact"},
                          {"questions", domain->second.questions},
                          {"names", names.size()},
                          {"clients", domain->second.clients.size()},
                          {"samples", std::move(samples)}};
    put_name(proposal, "pattern", domain->first);
    out.push_back(std::move(proposal));
  }
  return out;
}

}  // namespace weir::sidecar
