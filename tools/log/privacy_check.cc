#include "tools/log/privacy_check.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <unordered_set>
#include <utility>

#include "tools/log/block_builder.h"
#include "tools/log/block_codec.h"
#include "tools/log/dictionary.h"
#include "tools/log/profiles.h"
#include "zones/base/thread_rank.h"

namespace weir::log {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kMaxClients = 20'000;   // of a day
constexpr std::size_t kMaxUses = 2'000'000;   // of a day
constexpr std::size_t kMaxNames = 1'000'000;  // of all days
constexpr std::size_t kMaxLinks = 100'000;
constexpr std::uint64_t kMaxAddresses = 1ULL << 25;  // tried under one key
constexpr std::int64_t kHalfSlotMs = 10 * kMinuteMs;

// Which half a row belongs to where a day is cut in two: slots in turns, so that both have all hours of the day.
unsigned half_of(std::int64_t ms) {
  return static_cast<unsigned>(ms / kHalfSlotMs % 2);
}

// One day on its way to becoming profiles.
class DayOfClients {
 public:
  DayOfClients(std::int64_t day, Dictionary& names) : day_(day), names_(names) {}

  std::int64_t day() const { return day_; }
  const std::vector<ClientIdentity>& clients() const { return clients_; }
  bool has_all() const { return has_all_; }

  void add(const Block& block) {
    std::vector<std::uint64_t> rows;
    rows.reserve(block.header.rows);
    const std::vector<std::uint32_t> clients = codes_of_clients(block);
    for (std::size_t row = 0; row < block.header.rows; ++row) {
      const std::uint32_t client = clients[block.client_of[row]];
      if (client == kNobody) continue;
      const std::int64_t ms = block.time_ms(row);
      ++hours_[client][half_of(ms)][static_cast<std::size_t>(ms % kDayMs / kHourMs) % 24];
      rows.push_back(std::uint64_t{client} << 33 | std::uint64_t{half_of(ms)} << 32 | block.subject_of[row]);
    }
    std::sort(rows.begin(), rows.end());
    give_way();
    for (std::size_t i = 0, end = 0; i < rows.size(); i = end) {
      while (end < rows.size() && rows[end] == rows[i]) ++end;
      if (uses_.size() >= kMaxUses) add_up();
      if (uses_.size() >= kMaxUses || names_.size() >= kMaxNames) {
        has_all_ = false;
        return;
      }
      const std::uint32_t name = names_.intern(block.names.at(block.subjects[rows[i] & 0xFFFF'FFFF].name));
      uses_.emplace_back((rows[i] >> 32) << 32 | name, static_cast<std::uint32_t>(end - i));
      give_way();
    }
  }

  // Of all rows, or of a half. By the code of the client.
  std::vector<Profile> profiles(std::optional<unsigned> half) {
    add_up();
    std::vector<Profile> out(clients_.size());
    for (const auto& [use, times] : uses_) {
      if (half && (use >> 32 & 1) != *half) continue;
      Profile& profile = out[use >> 33];
      const auto name = static_cast<std::uint32_t>(use);
      // The two halves of a client come one after the other, so a name may stand there already.
      profile.names.emplace_back(name, times);
    }
    for (std::size_t client = 0; client < out.size(); ++client) {
      add_up_names(out[client].names);
      for (unsigned each = 0; each < 2; ++each) {
        if (half && each != *half) continue;
        for (std::size_t hour = 0; hour < 24; ++hour) out[client].hours[hour] += hours_[client][each][hour];
      }
    }
    return out;
  }

 private:
  static constexpr std::uint32_t kNobody = UINT32_MAX;

  std::vector<std::uint32_t> codes_of_clients(const Block& block) {
    std::vector<std::uint32_t> out;
    for (const ClientIdentity& client : block.clients) {
      std::uint32_t code = kNobody;
      if (client.level != Privacy::none) {
        code = known_.intern(client_key(client));
        if (code >= kMaxClients) {
          code = kNobody;
          has_all_ = false;
        } else if (code == clients_.size()) {
          clients_.push_back(client);
          hours_.emplace_back();
        }
      }
      out.push_back(code);
    }
    return out;
  }

  template <class Key>
  static void merge(std::vector<std::pair<Key, std::uint32_t>>& counts) {
    std::sort(counts.begin(), counts.end());
    std::size_t kept = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      if (kept > 0 && counts[kept - 1].first == counts[i].first) {
        counts[kept - 1].second += counts[i].second;
      } else {
        counts[kept++] = counts[i];
      }
    }
    counts.resize(kept);
  }
  void add_up() { merge(uses_); }
  static void add_up_names(std::vector<std::pair<std::uint32_t, std::uint32_t>>& names) { merge(names); }

  const std::int64_t day_;
  Dictionary& names_;
  Dictionary known_;
  std::vector<ClientIdentity> clients_;
  std::vector<std::array<std::array<std::uint32_t, 24>, 2>> hours_;
  std::vector<std::pair<std::uint64_t, std::uint32_t>> uses_;  // client, half and name; how often
  bool has_all_ = true;
};

class PrivacyCheck {
 public:
  PrivacyCheck(const DecisionLog& log, const PrivacyCheckRequest& request)
      : log_(log), request_(request), deadline_(SteadyClock::now() + request.budget) {}

  Result<PrivacyReport> run() {
    std::map<std::int64_t, std::vector<BlockRef>> days;
    for (BlockRef& block : log_.find_blocks(request_.since_ms, request_.until_ms))
      days[block.header.first_ms / kDayMs].push_back(std::move(block));
    report_.days = days.size();
    std::unique_ptr<DayOfClients> before;
    for (const auto& [day, blocks] : days) {
      auto today = std::make_unique<DayOfClients>(day, names_);
      for (const BlockRef& ref : blocks) {
        if (is_over()) return std::move(report_);
        const auto block = log_.read_block(ref, DecisionLog::Parts::all);
        if (!block && block.error().code == ErrorCode::io) return block.error();
        if (!block) {
          ++report_.damaged;
          continue;
        }
        count(**block);
        today->add(**block);
      }
      for (const ClientIdentity& client : today->clients()) ++level_of(client).clients;
      report_.complete = report_.complete && today->has_all();
      if (before && before->day() + 1 == day) link(*before, *today);
      try_halves(*today);
      enumerate(*today);
      if (is_over()) return std::move(report_);
      before = std::move(today);
    }
    return std::move(report_);
  }

 private:
  bool is_over() {
    const bool over = SteadyClock::now() >= deadline_ || (request_.is_gone && request_.is_gone());
    if (over) report_.complete = false;
    return over;
  }

  PrivacyReport::Level& level_of(const ClientIdentity& client) {
    return report_.levels[static_cast<std::size_t>(client.level)];
  }

  void count(const Block& block) {
    for (std::size_t code = 0; code < block.clients.size(); ++code)
      level_of(block.clients[code]).decisions += block.rows_of_client[code];
    std::vector<std::uint64_t> rows(block.shapes.size());
    for (const std::uint16_t shape : block.shape_of) ++rows[shape];
    for (std::size_t shape = 0; shape < rows.size(); ++shape) {
      const auto names = log_.names(block.shapes[shape].generation);
      if (!names || block.shapes[shape].group >= names->groups.size()) continue;
      const Group& group = names->groups[block.shapes[shape].group];
      if (group.clients.size() == 1 && group.clients[0].length == group.clients[0].address.bits())
        report_.groups_of_one[group.name] += rows[shape];
    }
  }

  void link(DayOfClients& from, DayOfClients& to) {
    Dictionary there;
    std::array<bool, 4> has_level{};
    for (const ClientIdentity& client : to.clients()) {
      there.intern(client_key(client));
      has_level[static_cast<std::size_t>(client.level)] = true;
    }
    std::vector<std::uint32_t> unlinked;  // pseudonyms that do not stand there again
    for (std::uint32_t code = 0; code < from.clients().size(); ++code) {
      const ClientIdentity& client = from.clients()[code];
      if (!has_level[static_cast<std::size_t>(client.level)]) continue;
      ++level_of(client).followed;
      if (there.intern(client_key(client)) < to.clients().size()) {
        ++level_of(client).same;
        if (client.level == Privacy::pseudonym) keep(from.day(), client, client);
      } else if (client.level == Privacy::pseudonym) {
        unlinked.push_back(code);
      }
    }
    if (unlinked.empty()) return;
    std::vector<std::uint32_t> candidates;
    for (std::uint32_t code = 0; code < to.clients().size(); ++code) {
      if (to.clients()[code].level == Privacy::pseudonym) candidates.push_back(code);
    }
    const auto links = link_profiles(chosen(from.profiles({}), unlinked), chosen(to.profiles({}), candidates),
                                     [this] { return is_over(); });
    PrivacyReport::Level& level = report_.levels[static_cast<std::size_t>(Privacy::pseudonym)];
    for (std::size_t i = 0; i < links.size(); ++i) {
      if (!links[i]) continue;
      ++(links[i]->by == LinkedBy::names ? level.by_names : level.by_habits);
      keep(from.day(), from.clients()[unlinked[i]], to.clients()[candidates[links[i]->to]]);
    }
  }

  void keep(std::int64_t day, const ClientIdentity& from, const ClientIdentity& to) {
    if (report_.links.size() < kMaxLinks) report_.links.push_back({day, from.pseudonym, to.pseudonym});
  }

  void try_halves(DayOfClients& day) {
    std::vector<std::uint32_t> wanted;
    for (std::uint32_t code = 0; code < day.clients().size(); ++code) {
      if (day.clients()[code].level == Privacy::pseudonym) wanted.push_back(code);
    }
    if (wanted.empty()) return;
    const auto links =
        link_profiles(chosen(day.profiles(0), wanted), chosen(day.profiles(1), wanted), [this] { return is_over(); });
    report_.halves_tried += links.size();
    for (std::uint32_t i = 0; i < links.size(); ++i) {
      if (links[i]) ++(links[i]->to == i ? report_.halves_right : report_.halves_wrong);
    }
  }

  static std::vector<Profile> chosen(std::vector<Profile> all, const std::vector<std::uint32_t>& wanted) {
    std::vector<Profile> out;
    for (const std::uint32_t each : wanted) out.push_back(std::move(all[each]));
    return out;
  }

  void enumerate(const DayOfClients& day) {
    const auto key = request_.keys.find(day.day());
    if (key == request_.keys.end()) return;
    std::unordered_set<std::uint64_t> pseudonyms;
    for (const ClientIdentity& client : day.clients()) {
      if (client.level == Privacy::pseudonym) pseudonyms.insert(client.pseudonym);
    }
    if (pseudonyms.empty()) return;
    ++report_.days_with_keys;
    report_.pseudonyms_with_keys += pseudonyms.size();
    std::uint64_t tried = 0;
    for (const Prefix& network : request_.networks) {
      if (network.address.family != AddressFamily::ipv4 || tried > kMaxAddresses) continue;
      std::uint32_t first = 0;
      for (const std::uint8_t octet : network.address.bytes()) first = first << 8 | octet;
      for (std::uint64_t host = 0; host < 1ULL << (32 - network.length); ++host) {
        if (tried++ % 65536 == 0 && (is_over() || tried > kMaxAddresses)) break;
        const IpAddress address = IpAddress::ipv4(first + static_cast<std::uint32_t>(host));
        const ClientIdentity identity = identity_of(address, Privacy::pseudonym, key->second);
        report_.pseudonyms_mapped += pseudonyms.erase(identity.pseudonym);
      }
    }
    report_.addresses_tried += tried;
  }

  const DecisionLog& log_;
  const PrivacyCheckRequest& request_;
  const SteadyClock::time_point deadline_;
  Dictionary names_;
  PrivacyReport report_;
};

}  // namespace

Result<PrivacyReport> check_privacy(const DecisionLog& log, const PrivacyCheckRequest& request) {
  return PrivacyCheck(log, request).run();
}

}  // namespace weir::log
