#include "resolver/server/cache_comparison.h"

#include <boost/json.hpp>

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "zones/base/text.h"
#include "zones/base/thread_rank.h"
#include "zones/store/generation.h"
#include "zones/verdict.h"

namespace weir {
namespace {

namespace json = boost::json;

constexpr std::size_t kCandidateCacheBytes = 4 << 20;
constexpr std::size_t kMaxRemembered =
    100'000;  // (name, group) pairs with another verdict; beyond they are counted only

enum class Turn : std::uint8_t { blocked, unblocked };

// One name as one group sees it, with another verdict under the candidate.
struct Changed {
  std::string list;
  std::uint64_t hits = 0;
};
using ChangedNames = std::map<std::pair<std::string, std::string>, Changed>;  // by name and group

// One group under both generations.
struct GroupPair {
  std::string name;
  std::uint32_t before = 0;
  std::uint32_t after = 0;
  IpAddress client;
};

std::vector<GroupPair> common_groups(const PolicySet& before, const PolicySet& after) {
  std::vector<GroupPair> pairs;
  for (std::uint32_t i = 0; i < after.groups.size(); ++i) {
    const Group& group = after.groups[i];
    const auto known = before.find_group(group.name);
    pairs.push_back(
        {group.name, known.value_or(0), i, group.clients.empty() ? IpAddress{} : group.clients.front().address});
  }
  return pairs;
}

class Comparison {
 public:
  Comparison(std::shared_ptr<const Generation> before, std::shared_ptr<const Generation> after, WallTime now)
      : before_(std::move(before)),
        after_(std::move(after)),
        now_(now),
        same_policies_(before_->policies() == after_->policies()),
        groups_(common_groups(before_->policies(), after_->policies())) {}

  void look(const AnswerCache::Listed& entry) {
    ++entries_;
    const ReversedName reversed(entry.name);
    before_->match(reversed, matches_before_);
    after_->match(reversed, matches_after_);
    if (same_policies_ && matches_before_.matches == matches_after_.matches) return;
    for (const GroupPair& group : groups_) {
      const Verdict was = decide(
          matches_before_, {before_->policies(), group.before, group.client, entry.name, entry.type, now_, *before_});
      const Verdict is = decide(matches_after_,
                                {after_->policies(), group.after, group.client, entry.name, entry.type, now_, *after_});
      const bool blocked = is.outcome == Outcome::blocked;
      if (blocked == (was.outcome == Outcome::blocked)) continue;
      const Verdict& decisive = blocked ? is : was;
      note(blocked ? Turn::blocked : Turn::unblocked, entry, group,
           list_of(blocked ? *after_ : *before_, blocked ? matches_after_ : matches_before_, decisive));
    }
  }

  json::object to_json() const {
    return {{"entries", entries_}, {"blocked", to_json(Turn::blocked)}, {"unblocked", to_json(Turn::unblocked)}};
  }

 private:
  static std::string list_of(const Generation& generation, const MatchSet& matches, const Verdict& verdict) {
    if (verdict.winner == kNoRule) return {};  // default deny
    const ListDefinition* list =
        generation.policies().find_list(matches.matches[static_cast<std::size_t>(verdict.winner)].list_id());
    return list != nullptr ? list->name : std::string();
  }

  // A name has an entry for each type and for each set of flags; it is one name.
  void note(Turn turn, const AnswerCache::Listed& entry, const GroupPair& group, std::string list) {
    ChangedNames& names = changed_[static_cast<std::size_t>(turn)];
    const auto key =
        std::make_pair(entry.name.is_root() ? std::string(".") : entry.name.folded().to_text(), group.name);
    auto at = names.find(key);
    if (at == names.end()) {
      if (names.size() >= kMaxRemembered) {
        ++beyond_[static_cast<std::size_t>(turn)];
        return;
      }
      at = names.emplace(key, Changed{std::move(list), 0}).first;
    }
    at->second.hits += entry.hits;
  }

  json::object to_json(Turn turn) const {
    const ChangedNames& names = changed_[static_cast<std::size_t>(turn)];
    std::vector<ChangedNames::const_iterator> order;
    for (auto at = names.begin(); at != names.end(); ++at) order.push_back(at);
    std::stable_sort(order.begin(), order.end(),
                     [](const auto& a, const auto& b) { return a->second.hits > b->second.hits; });
    json::array samples;
    for (const auto& at : order) {
      if (samples.size() >= kMaxComparedNames) break;
      samples.push_back(json::object{{"name", at->first.first},
                                     {"group", at->first.second},
                                     {"list", at->second.list},
                                     {"hits", at->second.hits}});
    }
    return {{"names", names.size() + beyond_[static_cast<std::size_t>(turn)]}, {"samples", std::move(samples)}};
  }

  const std::shared_ptr<const Generation> before_;
  const std::shared_ptr<const Generation> after_;
  const WallTime now_;
  const bool same_policies_;
  const std::vector<GroupPair> groups_;
  MatchSet matches_before_;
  MatchSet matches_after_;
  std::uint64_t entries_ = 0;
  std::array<ChangedNames, 2> changed_;
  std::array<std::uint64_t, 2> beyond_{};
};

// The thread of the comparison under way; ends with the verb.
class Comparer {
 public:
  Comparer(AnswerCache& answers, GenerationHolder& generations, std::filesystem::path store, std::function<Now()> clock)
      : answers_(answers), generations_(generations), store_(std::move(store)), clock_(std::move(clock)) {}
  ~Comparer() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  Comparer(const Comparer&) = delete;
  Comparer& operator=(const Comparer&) = delete;

  void start(std::uint64_t id, std::uint64_t number, const ControlDone& done) {
    if (busy_.exchange(true)) return done(Error{ErrorCode::busy, "another comparison is under way"});
    if (thread_.joinable()) thread_.join();  // it has answered
    thread_ = std::thread([this, id, number, done] {
      rank_behind_others();
      auto result = compare(id, number);
      busy_ = false;
      done(std::move(result));
    });
  }

 private:
  Result<json::value> compare(std::uint64_t id, std::uint64_t number) {
    auto before = generations_.current();
    if (!before) return Error{ErrorCode::unavailable, "no generation is in force"};
    const auto path =
        store_ / "policy" / "candidates" / std::to_string(id) / "policy" / "generations" / std::to_string(number);
    auto after = Generation::open(path, StoreCache::make(kCandidateCacheBytes));
    if (!after) return after.error();
    const Now now = clock_();
    const CacheSeconds seconds = to_cache_seconds(now.steady);
    Comparison comparison(std::move(before), *after, now.wall);
    const auto look = [&](const AnswerCache::Listed& entry) {
      if (entry.expires > seconds) comparison.look(entry);
    };
    std::size_t at = 0;
    while (answers_.walk(at, look)) {
      if (stop_) return Error{ErrorCode::unavailable, "the resolver is ending"};
    }
    return json::value(comparison.to_json());
  }

  AnswerCache& answers_;
  GenerationHolder& generations_;
  const std::filesystem::path store_;
  const std::function<Now()> clock_;
  std::atomic<bool> busy_{false};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

std::uint64_t number_of(const json::object& in, std::string_view key) {
  const json::value* value = in.if_contains(key);
  return value != nullptr && value->is_int64() && value->get_int64() > 0
             ? static_cast<std::uint64_t>(value->get_int64())
             : 0;
}

}  // namespace

void add_cache_comparison(ControlHandlers& handlers, AnswerCache& answers, GenerationHolder& generations,
                          std::filesystem::path store, std::function<Now()> clock) {
  auto comparer = std::make_shared<Comparer>(answers, generations, std::move(store), std::move(clock));
  handlers.verbs["cache.compare"] = [comparer](const json::object& in, const ControlDone& done) {
    const std::uint64_t id = number_of(in, "candidate");
    const std::uint64_t number = number_of(in, "number");
    if (id == 0 || number == 0) {
      return done(Error{ErrorCode::invalid, "\"candidate\" and \"number\" must say which generation it is"});
    }
    comparer->start(id, number, done);
  };
}

}  // namespace weir
