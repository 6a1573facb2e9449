#include "tests/scenario/response_rules.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "zones/base/prefix.h"

namespace weir::scenario {
namespace {

// Unbound's words, and the data that say the same in a policy zone. Empty data: the address has no rule. `redirect`
// has data of its own, and is NODATA without any.
struct Saying {
  std::string_view action;
  std::string_view data;
};
constexpr Saying kSayings[] = {{"redirect", "CNAME *."},
                               {"inform_redirect", "CNAME *."},
                               {"deny", "CNAME rpz-drop."},
                               {"inform_deny", "CNAME rpz-drop."},
                               {"always_nxdomain", "CNAME ."},
                               {"always_nodata", "CNAME *."},
                               {"always_transparent", "CNAME rpz-passthru."},
                               {"inform", ""}};

const Saying* saying_of(const std::string& action) {
  const auto* found = std::ranges::find(kSayings, action, &Saying::action);
  return found == std::end(kSayings) ? nullptr : found;
}

// The owner of a trigger on an address: length and reversed octets, or words of IPv6.
std::string trigger_of(const Prefix& prefix) {
  std::string out = std::to_string(prefix.length);
  const auto octets = prefix.address.bytes();
  if (prefix.address.family == AddressFamily::ipv4) {
    for (std::size_t i = octets.size(); i-- > 0;) out += "." + std::to_string(octets[i]);
  } else {
    for (std::size_t i = octets.size() / 2; i-- > 0;) {
      std::array<char, 8> word;
      const int size = std::snprintf(word.data(), word.size(), ".%x",
                                     static_cast<unsigned>(octets[2 * i]) << 8U | octets[2 * i + 1]);
      out.append(word.data(), static_cast<std::size_t>(size));
    }
  }
  return out + ".rpz-ip";
}

struct ResponseRule {
  std::string action;
  std::vector<std::string> data;
  std::vector<std::string> tags;
};

std::map<Prefix, ResponseRule> rules_of(const ScenarioSettings& settings) {
  std::map<Prefix, ResponseRule> out;
  for (const auto& line : settings.policy_lines) {
    if (!line.key.starts_with("response-ip") || line.words.size() < 2) continue;
    const auto prefix = Prefix::parse(line.words[0]);
    if (!prefix) continue;
    ResponseRule& rule = out[*prefix];
    if (line.key == "response-ip") rule.action = line.words[1];
    if (line.key == "response-ip-tag") rule.tags = tags_of(line.words, 1);
    if (line.key == "response-ip-data") {
      std::string data;
      for (std::size_t i = 1; i < line.words.size(); ++i) data += (data.empty() ? "" : " ") + line.words[i];
      rule.data.push_back(std::move(data));
    }
  }
  return out;
}

}  // namespace

std::vector<PolicyZone> response_zones(const ScenarioSettings& settings) {
  std::map<std::vector<std::string>, std::string> contents;  // by their tags
  for (const auto& [prefix, rule] : rules_of(settings)) {
    const Saying* saying = saying_of(rule.action);
    if (saying == nullptr || saying->data.empty()) continue;
    std::string& content = contents[rule.tags];
    if (content.empty()) content = "@ 3600 IN SOA ns hostmaster 1 3600 900 86400 3600\n";
    const std::string owner = trigger_of(prefix);
    const bool redirects = rule.action.ends_with("redirect") && !rule.data.empty();
    if (!redirects) content += owner + " " + std::string(saying->data) + "\n";
    for (const std::string& data : rule.data) content += redirects ? owner + " " + data + "\n" : "";
  }
  std::vector<PolicyZone> out;
  for (auto& [tags, content] : contents) {
    PolicyZone zone;
    zone.name = "response-ip";
    zone.content = "$ORIGIN response-ip.\n" + content;
    zone.tags = tags;
    out.push_back(std::move(zone));
  }
  return out;
}

std::optional<std::string> missing_response_rule(const ScenarioSettings& settings) {
  for (const auto& [prefix, rule] : rules_of(settings)) {
    if (saying_of(rule.action) == nullptr) return "response-ip: a policy zone has no way to say '" + rule.action + "'";
  }
  return std::nullopt;
}

std::vector<std::string> tags_of(const std::vector<std::string>& words, std::size_t from) {
  std::vector<std::string> out;
  for (std::size_t i = from; i < words.size(); ++i) {
    std::string tag;
    for (const char c : words[i] + " ") {
      if (c != ' ' && c != '"') {
        tag += c;
      } else if (!tag.empty()) {
        out.push_back(std::exchange(tag, {}));
      }
    }
  }
  return out;
}

}  // namespace weir::scenario
