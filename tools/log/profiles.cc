#include "tools/log/profiles.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <unordered_map>

#include "zones/base/thread_rank.h"

namespace weir::log {
namespace {

constexpr std::size_t kMaxPostings = 500;  // a name that more have tells little, and would cost most
constexpr double kShareOfHours = 0.2;      // of the likeness
constexpr double kLeastLikeness = 0.2;
constexpr double kSecondAtMost = 0.85;  // of the nearest's likeness
constexpr std::uint32_t kNobody = UINT32_MAX;

struct Posting {
  std::uint32_t who = 0;
  float weight = 0;
};
using Postings = std::unordered_map<std::uint32_t, std::vector<Posting>>;

std::unordered_map<std::uint32_t, std::uint32_t> holders_of(const std::vector<Profile>& profiles) {
  std::unordered_map<std::uint32_t, std::uint32_t> holders;
  for (const Profile& profile : profiles) {
    for (const auto& [name, times] : profile.names) ++holders[name];
  }
  return holders;
}

// A profile's weights of its names, of length 1 together: rare names weigh more, and times less than they are many.
class Weights {
 public:
  Weights(const std::vector<Profile>& from, const std::vector<Profile>& to)
      : in_from_(holders_of(from)), in_to_(holders_of(to)), people_(static_cast<double>(from.size() + to.size())) {}

  std::vector<float> of(const Profile& profile) const {
    std::vector<float> out;
    double square = 0;
    for (const auto& [name, times] : profile.names) {
      const double holders = at(in_from_, name) + at(in_to_, name);
      const double weight = (1 + std::log(times)) * std::log(1 + people_ / std::max(holders, 1.0));
      square += weight * weight;
      out.push_back(static_cast<float>(weight));
    }
    for (float& each : out) each = static_cast<float>(each / std::sqrt(square));
    return out;
  }
  // One client had it on either day.
  bool is_unique(std::uint32_t name) const { return at(in_from_, name) == 1 && at(in_to_, name) == 1; }

 private:
  static double at(const std::unordered_map<std::uint32_t, std::uint32_t>& holders, std::uint32_t name) {
    const auto found = holders.find(name);
    return found == holders.end() ? 0 : found->second;
  }
  const std::unordered_map<std::uint32_t, std::uint32_t> in_from_;
  const std::unordered_map<std::uint32_t, std::uint32_t> in_to_;
  const double people_;
};

double likeness_of_hours(const Profile& a, const Profile& b) {
  double product = 0;
  double of_a = 0;
  double of_b = 0;
  for (std::size_t hour = 0; hour < a.hours.size(); ++hour) {
    product += double{1} * a.hours[hour] * b.hours[hour];
    of_a += double{1} * a.hours[hour] * a.hours[hour];
    of_b += double{1} * b.hours[hour] * b.hours[hour];
  }
  return of_a == 0 || of_b == 0 ? 0 : product / std::sqrt(of_a * of_b);
}

struct Nearest {
  std::uint32_t who = kNobody;
  double likeness = 0;
  double second = 0;
  void consider(std::uint32_t candidate, double of_candidate) {
    if (of_candidate > likeness) {
      second = likeness;
      likeness = of_candidate;
      who = candidate;
    } else {
      second = std::max(second, of_candidate);
    }
  }
};

// Names that one client had on either day: each is a vote for who that was.
std::vector<std::optional<ProfileLink>> link_by_names(const std::vector<Profile>& from, const std::vector<Profile>& to,
                                                      const Weights& weights) {
  std::unordered_map<std::uint32_t, std::uint32_t> had_by;
  for (std::uint32_t who = 0; who < to.size(); ++who) {
    for (const auto& [name, times] : to[who].names) {
      if (weights.is_unique(name)) had_by[name] = who;
    }
  }
  std::vector<std::optional<ProfileLink>> links(from.size());
  for (std::uint32_t who = 0; who < from.size(); ++who) {
    std::map<std::uint32_t, std::uint32_t> votes;
    std::uint32_t all = 0;
    for (const auto& [name, times] : from[who].names) {
      const auto found = weights.is_unique(name) ? had_by.find(name) : had_by.end();
      if (found == had_by.end()) continue;
      ++votes[found->second];
      ++all;
    }
    for (const auto& [candidate, count] : votes) {
      if (2 * count > all) links[who] = ProfileLink{candidate, LinkedBy::names};
    }
  }
  return links;
}

}  // namespace

std::vector<std::optional<ProfileLink>> link_profiles(const std::vector<Profile>& from, const std::vector<Profile>& to,
                                                      const std::function<bool()>& is_over) {
  const Weights weights(from, to);
  std::vector<std::optional<ProfileLink>> links = link_by_names(from, to, weights);
  Postings postings;
  for (std::uint32_t who = 0; who < to.size(); ++who) {
    const std::vector<float> weight = weights.of(to[who]);
    for (std::size_t i = 0; i < weight.size(); ++i) postings[to[who].names[i].first].push_back({who, weight[i]});
  }
  std::vector<Nearest> nearest_to(to.size());
  std::vector<Nearest> nearest_from(from.size());
  std::vector<float> likeness(to.size());
  std::vector<std::uint32_t> touched;
  for (std::uint32_t who = 0; who < from.size(); ++who) {
    if (who % 64 == 0 && is_over()) return std::vector<std::optional<ProfileLink>>(from.size());
    const std::vector<float> weight = weights.of(from[who]);
    for (std::size_t i = 0; i < weight.size(); ++i) {
      const auto found = postings.find(from[who].names[i].first);
      if (found == postings.end() || found->second.size() > kMaxPostings) continue;
      for (const Posting& each : found->second) {
        if (likeness[each.who] == 0) touched.push_back(each.who);
        likeness[each.who] += weight[i] * each.weight;
      }
      give_way();
    }
    for (const std::uint32_t candidate : touched) {
      const double both = (1 - kShareOfHours) * static_cast<double>(likeness[candidate]) +
                          kShareOfHours * likeness_of_hours(from[who], to[candidate]);
      nearest_from[who].consider(candidate, both);
      nearest_to[candidate].consider(who, both);
      likeness[candidate] = 0;
    }
    touched.clear();
  }
  for (std::uint32_t who = 0; who < from.size(); ++who) {
    const Nearest& nearest = nearest_from[who];
    if (links[who] || nearest.who == kNobody || nearest_to[nearest.who].who != who) continue;
    if (nearest.likeness >= kLeastLikeness && nearest.second <= kSecondAtMost * nearest.likeness)
      links[who] = ProfileLink{nearest.who, LinkedBy::habits};
  }
  return links;
}

}  // namespace weir::log
