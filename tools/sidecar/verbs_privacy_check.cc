// log.privacy_check: tools/log/privacy_check.h over what is kept, with the keys that are left, and what it found in
// words.
#include <openssl/crypto.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>

#include "tools/log/block_builder.h"
#include "tools/log/privacy_check.h"
#include "tools/sidecar/log_question.h"
#include "tools/sidecar/pseudonym_keys.h"
#include "tools/sidecar/verb_table.h"
#include "zones/base/text.h"

namespace weir::sidecar {
namespace {

namespace json = boost::json;

constexpr std::uint64_t kSecondsOfCheck = 60;
constexpr std::array<const char*, 4> kLevels = {"full", "prefix", "pseudonym", "none"};

std::string share_text(std::uint64_t part, std::uint64_t of) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %%",
                of == 0 ? 0.0 : 100.0 * static_cast<double>(part) / static_cast<double>(of));
  return text;
}

double share(std::uint64_t part, std::uint64_t of) {
  return of == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(of);
}

std::string counted(std::uint64_t number, const char* what) {
  return std::to_string(number) + " " + what + (number == 1 ? "" : "s");
}

json::array in_words(const log::PrivacyReport& report) {
  const auto& [full, prefix, pseudonym, none] = report.levels;
  json::array words;
  if (full.decisions > 0)
    words.emplace_back(counted(full.decisions, "decision") +
                       " with whole addresses: whoever has the log knows whose they are");
  if (prefix.decisions > 0)
    words.emplace_back(counted(prefix.decisions, "decision") +
                       " with prefixes: found again the next day: " + share_text(prefix.same, prefix.followed) +
                       " of them; a /56, and a /24 that one home has, is one client");
  if (pseudonym.decisions > 0) {
    words.emplace_back(counted(pseudonym.decisions, "decision") + " with pseudonyms: of " +
                       std::to_string(pseudonym.followed) + " that could be linked to the next day, " +
                       share_text(pseudonym.linked(), pseudonym.followed) + " were (the same pseudonym " +
                       std::to_string(pseudonym.same) + ", names that nobody else asked for " +
                       std::to_string(pseudonym.by_names) + ", habits " + std::to_string(pseudonym.by_habits) + ")");
    words.emplace_back("Where the answer is known (two halves of one day), " +
                       share_text(report.halves_right, report.halves_tried) + " were found and " +
                       share_text(report.halves_wrong, report.halves_tried) + " taken for another");
    words.emplace_back(
        report.days_with_keys == 0
            ? std::string("No key of a day with pseudonyms is left: no address can be tried against them")
            : "The keys of " + counted(report.days_with_keys, "day") +
                  " are still there: " + std::to_string(report.addresses_tried) + " addresses tried, " +
                  share_text(report.pseudonyms_mapped, report.pseudonyms_with_keys) +
                  " of their pseudonyms have an address now; 'weir log forget --day' ends that for a day that " +
                  "is over, and for today until then (what comes later has a new key)");
  }
  if (none.decisions > 0)
    words.emplace_back(counted(none.decisions, "decision") + " without clients: nothing to link, each is anybody's");
  for (const auto& [group, decisions] : report.groups_of_one)
    words.emplace_back("The group " + escape_for_display(group) + " is one address: " + counted(decisions, "decision") +
                       " say by it whose they are, at every level");
  if (words.empty()) words.emplace_back("the log holds no decisions of that time");
  return words;
}

}  // namespace

VerbResult check_log_privacy(Call& call) {
  const std::uint64_t seconds = call.arguments.number("seconds", kSecondsOfCheck);
  const auto range = read_range(call, std::nullopt);
  if (!range) return range.error();
  log::PrivacyCheckRequest request;
  request.since_ms = range->since_ms;
  request.until_ms = range->until_ms;
  request.budget = std::chrono::seconds(std::clamp<std::uint64_t>(seconds, 1, kMaxSeconds));
  request.is_gone = range->is_gone;
  const auto config = call.services.config();
  request.networks = config->resolver.allow_clients;
  visit_pseudonym_keys(config->run.path, [&](const std::string& day, const PseudonymKeyBytes& key) {
    if (const auto begin = parse_time(day)) request.keys[log::to_ms(*begin) / log::kDayMs] = key;
  });
  const auto report = log::check_privacy(call.services.log, request);
  for (auto& [day, key] : request.keys) OPENSSL_cleanse(key.data(), key.size());
  if (!report) return report.error();
  json::array levels;
  for (std::size_t i = 0; i < report->levels.size(); ++i) {
    const log::PrivacyReport::Level& level = report->levels[i];
    levels.push_back(json::object{{"privacy", kLevels[i]},
                                  {"decisions", level.decisions},
                                  {"clients", level.clients},
                                  {"could_be_linked", level.followed},
                                  {"same", level.same},
                                  {"by_names", level.by_names},
                                  {"by_habits", level.by_habits},
                                  {"linked_share", share(level.linked(), level.followed)}});
  }
  json::object groups;
  for (const auto& [group, decisions] : report->groups_of_one) groups[group] = decisions;
  return json::object{
      {"words", in_words(*report)},
      {"days", report->days},
      {"levels", std::move(levels)},
      {"known_answer",
       json::object{{"tried", report->halves_tried}, {"right", report->halves_right}, {"wrong", report->halves_wrong}}},
      {"keys", json::object{{"days", report->days_with_keys},
                            {"addresses_tried", report->addresses_tried},
                            {"pseudonyms", report->pseudonyms_with_keys},
                            {"mapped", report->pseudonyms_mapped}}},
      {"groups_of_one", std::move(groups)},
      {"damaged", report->damaged},
      {"complete", report->complete}};
}

}  // namespace weir::sidecar
