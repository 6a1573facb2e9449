#include "resolver/server/trust_upkeep.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "resolver/base/limits.h"
#include "zones/base/text.h"
#include "zones/store/files.h"

namespace weir {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

constexpr seconds kWeek = std::chrono::hours(7 * 24);
constexpr const char* kAnchorFile = "trust_anchors";
constexpr const char* kNegativeFile = "negative_trust_anchors";

// The DNSKEY RRset with its signatures, as a result has them side by side.
SignedRrset dnskeys_in(const ResolutionResult& result) {
  SignedRrset out;
  for (const Rrset& rrset : result.answer) {
    if (rrset.owner != result.question.name) continue;
    if (rrset.type == RecordType::dnskey) out.rrset = rrset;
    if (rrset.type == RecordType::rrsig && rrset.type_covered == RecordType::dnskey) out.signatures = rrset;
  }
  return out;
}

}  // namespace

TrustUpkeep::TrustUpkeep(TrustUpkeepOptions options, const std::vector<NegativeTrustAnchorConfig>& negative, Now now)
    : options_(std::move(options)) {
  restore(now.wall);
  errors_.resize(rolls_.size());
  looking_.resize(rolls_.size());
  define(negative, now);
}

// A file that says nothing must not keep the resolver from starting, nor be lost: somebody may want to look at it.
void TrustUpkeep::restore(WallTime now) {
  for (const TrustAnchor& anchor : options_.anchors) rolls_.emplace_back(anchor, options_.times);
  if (options_.state_folder.empty()) return;
  const auto set_aside = [&](const fs::path& file, const Error& error) {
    std::error_code ignored;
    fs::rename(file, fs::path(file.string() + ".bad"), ignored);
    spdlog::error("{}; what is configured holds, and the file is kept as {}.bad", error.message, file.string());
  };
  const fs::path anchors = options_.state_folder / kAnchorFile;
  const auto text_of = [&](const fs::path& file) {
    auto text = store::read_small_file(file);
    if (!text && text.error().code != ErrorCode::not_found)
      spdlog::error("{}; what is configured holds", text.error().message);
    return text;
  };
  if (const auto text = text_of(anchors)) {
    auto restored = AnchorRoll::restore(*text, anchors.string(), options_.anchors, options_.times);
    if (restored) {
      rolls_ = std::move(*restored);
    } else {
      set_aside(anchors, restored.error());
    }
  }
  const fs::path file = options_.state_folder / kNegativeFile;
  const auto text = text_of(file);
  if (!text) return;
  auto restored = restore_negative_anchors(*text, file.string());
  if (!restored) return set_aside(file, restored.error());
  for (NegativeTrustAnchor& anchor : *restored) {
    const std::string name = anchor.name.to_text();
    const std::string until = format_time(anchor.expires);
    if (const auto added = commanded_.add(std::move(anchor), now); added) {
      spdlog::warn("{} is not validated until {} (negative trust anchor)", name, until);
    } else {
      spdlog::info("the negative trust anchor for {} has ended: {}", name, added.error().message);
    }
  }
}

Result<void> TrustUpkeep::check(const std::vector<NegativeTrustAnchorConfig>& negative, WallTime now) {
  for (const NegativeTrustAnchorConfig& each : negative) {
    if (each.until <= now + kWeek) continue;
    return Error{ErrorCode::invalid, each.where + ": the negative trust anchor " + each.name.to_text() +
                                         " would hold until " + format_time(each.until) +
                                         "; it may for a week at most (RFC 7646 section 2)"};
  }
  return {};
}

void TrustUpkeep::define(const std::vector<NegativeTrustAnchorConfig>& negative, Now now) {
  std::vector<Name> changed;
  const auto is_there = [](const std::vector<Defined>& all, const Defined& wanted) {
    return std::ranges::any_of(all, [&](const Defined& each) {
      return each.anchor.name == wanted.anchor.name && each.anchor.expires == wanted.anchor.expires;
    });
  };
  std::vector<Defined> fresh;
  for (const NegativeTrustAnchorConfig& each : negative) {
    Defined defined{{each.name, each.until, each.reason}, each.where};
    if (each.until <= now.wall) {
      spdlog::info("{}: the negative trust anchor {} has ended", each.where, each.name.to_text());
      continue;
    }
    if (each.until > now.wall + kWeek) {
      // Only at a start, where to refuse would be to answer nobody: a wrong clock is enough for it.
      spdlog::warn("{}: the negative trust anchor {} holds for a week, not longer", each.where, each.name.to_text());
      defined.anchor.expires = now.wall + kWeek;
    }
    fresh.push_back(std::move(defined));
  }
  for (const Defined& each : fresh) {
    if (!is_there(defined_, each)) changed.push_back(each.anchor.name);
  }
  for (const Defined& each : defined_) {
    if (!is_there(fresh, each)) changed.push_back(each.anchor.name);
  }
  defined_ = std::move(fresh);
  put_in_force(changed, now.wall);
}

void TrustUpkeep::make_rules(WallTime now) {
  auto rules = std::make_shared<TrustRules>();
  rules->every_algorithm = options_.every_algorithm;
  for (const AnchorRoll& roll : rolls_) {
    const TrustAnchor anchor = roll.anchor();
    for (const Rrset* rrset : {&anchor.ds, &anchor.dnskeys}) {
      for (const auto rdata : rrset->records()) rules->anchors.add(anchor.zone, rrset->type, rdata);
    }
  }
  for (const Defined& each : defined_) static_cast<void>(rules->negative_anchors.add(each.anchor, now).has_value());
  for (const NegativeTrustAnchor& anchor : commanded_.all())
    static_cast<void>(rules->negative_anchors.add(anchor, now).has_value());
  rules_ = std::move(rules);
}

void TrustUpkeep::put_in_force(const std::vector<Name>& changed, WallTime now) {
  make_rules(now);
  if (!environment_.apply) return;
  if (changed.empty()) return;
  environment_.apply(rules_, changed);
  forget_again_.insert(forget_again_.end(), changed.begin(), changed.end());
  forget_at_ = SteadyTime::max();  // the next tick knows the time
}

void TrustUpkeep::keep_anchors() {
  if (options_.state_folder.empty()) return;
  const auto kept = store::replace_file(options_.state_folder / kAnchorFile, AnchorRoll::save(rolls_));
  if (!kept && state_error_ != kept.error().message)
    spdlog::error("the trust anchors cannot be kept for the next start: {}", kept.error().message);
  state_error_ = kept ? std::string() : kept.error().message;
}

Result<void> TrustUpkeep::keep_negative() {
  if (options_.state_folder.empty()) return Error{ErrorCode::io, "there is no folder for the resolver's state"};
  return store::replace_file(options_.state_folder / kNegativeFile, save_negative_anchors(commanded_.all()));
}

Result<NegativeTrustAnchor> TrustUpkeep::add_negative(const Name& name, seconds time, const std::string& reason,
                                                      const std::string& who, Now now) {
  if (commanded_.all().size() >= kMaxNegativeAnchors)
    return Error{ErrorCode::too_large, "there are " + std::to_string(kMaxNegativeAnchors) + " already"};
  const auto until = std::chrono::time_point_cast<seconds>(now.wall + time);
  const NegativeTrustAnchors before = commanded_;
  NegativeTrustAnchor anchor{name, until, std::string(trim(reason))};
  if (auto added = commanded_.add(anchor, now.wall); !added) return added.error();
  // One that a restart would forget would be one that nobody knows of.
  if (const auto kept = keep_negative(); !kept) {
    commanded_ = before;
    return Error{kept.error().code, "it cannot be kept over a restart: " + kept.error().message};
  }
  spdlog::warn("{} and all below it is not validated until {}: {} (by {})", name.to_text(), format_time(until),
               escape_for_display(anchor.reason), escape_for_display(who));
  rechecked_[name.to_text()] = now.wall;
  put_in_force({name}, now.wall);
  return anchor;
}

Result<void> TrustUpkeep::remove_negative(const Name& name, const std::string& who, Now now) {
  const auto defined = std::ranges::find_if(defined_, [&](const Defined& each) { return each.anchor.name == name; });
  if (!commanded_.remove(name)) {
    if (defined != defined_.end())
      return Error{ErrorCode::invalid, name.to_text() + " is defined at " + defined->where + ": take it out there"};
    return Error{ErrorCode::not_found, "there is no negative trust anchor " + name.to_text()};
  }
  if (const auto kept = keep_negative(); !kept) spdlog::error("{}", kept.error().message);
  spdlog::info("{} is validated again (by {})", name.to_text(), escape_for_display(who));
  put_in_force({name}, now.wall);
  return {};
}

void TrustUpkeep::tick(Now now) {
  if (!environment_.apply) return;
  end_negative(now);
  take_looks(now);
  take_rechecks(now);
  look(now);
  recheck(now);
  if (forget_again_.empty()) return;
  if (forget_at_ == SteadyTime::max()) {
    forget_at_ = now.steady + std::chrono::milliseconds(limit_of(Limit::resolution_ms)) + seconds(1);
  } else if (now.steady >= forget_at_) {
    environment_.apply(rules_, std::exchange(forget_again_, {}));
  }
}

void TrustUpkeep::end_negative(Now now) {
  std::vector<Name> ended;
  for (const NegativeTrustAnchor& anchor : commanded_.all()) {
    if (anchor.expires <= now.wall) ended.push_back(anchor.name);
  }
  for (const Name& name : ended) commanded_.remove(name);
  const bool of_command = !ended.empty();
  std::erase_if(defined_, [&](const Defined& each) {
    if (each.anchor.expires > now.wall) return false;
    ended.push_back(each.anchor.name);
    return true;
  });
  if (ended.empty()) return;
  for (const Name& name : ended)
    spdlog::info("{} is validated again: its negative trust anchor has ended", name.to_text());
  if (of_command) {
    if (const auto kept = keep_negative(); !kept) spdlog::error("{}", kept.error().message);
  }
  put_in_force(ended, now.wall);
}

void TrustUpkeep::look(Now now) {
  for (std::size_t i = 0; i < rolls_.size(); ++i) {
    // A clock that was set back must not put it off for years.
    const bool due = rolls_[i].next_look() <= now.wall ||
                     rolls_[i].next_look() > now.wall + options_.times.most_refresh + std::chrono::hours(24);
    if (looking_[i] || !due) continue;
    looking_[i] = true;
    ++looks_;
    environment_.look_up({rolls_[i].zone(), RecordType::dnskey, RecordClass::in}, nullptr,
                         [inbox = inbox_, i](const ResolutionResult& result) {
                           const std::lock_guard lock(inbox->mutex);
                           inbox->looks.emplace_back(i, result);
                         });
  }
}

void TrustUpkeep::take_looks(Now now) {
  std::vector<std::pair<std::size_t, ResolutionResult>> looks;
  {
    const std::lock_guard lock(inbox_->mutex);
    looks.swap(inbox_->looks);
  }
  for (const auto& [i, result] : looks) {
    AnchorRoll& roll = rolls_[i];
    looking_[i] = false;
    const std::string zone = roll.zone().to_text();
    const SignedRrset dnskeys = dnskeys_in(result);
    if (dnskeys.rrset.empty()) {
      roll.failed(now.wall);
      errors_[i] = "its keys could not be fetched: " + to_text(result.rcode) +
                   (result.ede_text.empty() ? std::string() : ", " + result.ede_text);
    } else {
      const TrustAnchor before = roll.anchor();
      const AlgorithmTable algorithms = supported_algorithms();
      Budget budget(SteadyTime::max());
      const auto seen = roll.observe(dnskeys, {algorithms, now.wall, budget});
      errors_[i] = seen == AnchorRoll::Seen::refused ? "its keys are not signed by any that is trusted" : "";
      if (seen == AnchorRoll::Seen::changed) {
        for (const AnchorKey& key : roll.keys())
          spdlog::info("trust anchor of {}: key {} is {}", zone, key.tag(), to_text(key.state));
        const TrustAnchor after = roll.anchor();
        if (after.ds.empty() && after.dnskeys.empty())
          spdlog::error("every trust anchor of {} is revoked: nothing below it is validated any more", zone);
        const auto before_packed = before.dnskeys.packed();
        const bool same =
            before.ds.size() == after.ds.size() && std::ranges::equal(before_packed, after.dnskeys.packed());
        // From DS to the keys that they name nothing changes for what was validated.
        const bool first = before.ds.size() > 0 && after.ds.empty() && !after.dnskeys.empty();
        if (!same) put_in_force(first ? std::vector<Name>{} : std::vector<Name>{roll.zone()}, now.wall);
        if (first) environment_.apply(rules_, {});
      }
    }
    if (!errors_[i].empty()) {
      ++failed_looks_;
      spdlog::warn("trust anchor of {}: {}; tried again at {}", zone, escape_for_display(errors_[i]),
                   format_time(roll.next_look()));
    }
    keep_anchors();
  }
}

// RFC 7646 section 4: whoever mended the zone does not tell us.
void TrustUpkeep::recheck(Now now) {
  if (options_.recheck.count() == 0) return;
  std::shared_ptr<TrustRules> without;
  for (const NegativeTrustAnchor& anchor : commanded_.all()) {
    WallTime& last = rechecked_[anchor.name.to_text()];
    if (last <= now.wall && now.wall - last < options_.recheck) continue;
    last = now.wall;
    if (without == nullptr) {
      without = std::make_shared<TrustRules>(*rules_);
      without->negative_anchors = {};
    }
    environment_.look_up({anchor.name, RecordType::soa, RecordClass::in}, without,
                         [inbox = inbox_, name = anchor.name](const ResolutionResult& result) {
                           const std::lock_guard lock(inbox->mutex);
                           inbox->rechecks.emplace_back(name, result);
                         });
  }
}

void TrustUpkeep::take_rechecks(Now now) {
  std::vector<std::pair<Name, ResolutionResult>> rechecks;
  {
    const std::lock_guard lock(inbox_->mutex);
    rechecks.swap(inbox_->rechecks);
  }
  for (const auto& [name, result] : rechecks) {
    if (result.security != Security::secure || !commanded_.remove(name)) continue;
    if (const auto kept = keep_negative(); !kept) spdlog::error("{}", kept.error().message);
    spdlog::info("{} validates: its negative trust anchor is not needed any more", name.to_text());
    put_in_force({name}, now.wall);
  }
}

std::vector<TrustUpkeep::ZoneView> TrustUpkeep::zones() const {
  std::vector<ZoneView> out;
  for (std::size_t i = 0; i < rolls_.size(); ++i)
    out.push_back({rolls_[i].zone(), &rolls_[i], options_.anchors[i], errors_[i]});
  return out;
}

std::vector<TrustUpkeep::NegativeView> TrustUpkeep::negative(WallTime now) const {
  std::vector<NegativeView> out;
  for (const Defined& each : defined_) out.push_back({each.anchor, each.where});
  for (const NegativeTrustAnchor& anchor : commanded_.all()) out.push_back({anchor, "command"});
  std::erase_if(out, [&](const NegativeView& view) { return view.anchor.expires <= now; });
  return out;
}

std::vector<Figure> TrustUpkeep::figures(WallTime now) const {
  std::map<AnchorState, double> states;
  double configured = 0;
  for (const AnchorRoll& roll : rolls_) {
    for (const AnchorKey& key : roll.keys()) ++states[key.state];
    if (!roll.followed()) configured += static_cast<double>(roll.anchor().ds.size() + roll.anchor().dnskeys.size());
  }
  return {{Metric::anchors_configured, configured},
          {Metric::anchors_add_pend, states[AnchorState::add_pend]},
          {Metric::anchors_valid, states[AnchorState::valid]},
          {Metric::anchors_missing, states[AnchorState::missing]},
          {Metric::anchors_revoked, states[AnchorState::revoked]},
          {Metric::anchors_removed, states[AnchorState::removed]},
          {Metric::anchor_looks, static_cast<double>(looks_)},
          {Metric::anchor_looks_failed, static_cast<double>(failed_looks_)},
          {Metric::negative_anchors, static_cast<double>(negative(now).size())}};
}

}  // namespace weir
