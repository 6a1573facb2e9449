#include "tools/sidecar/overlays.h"

#include <algorithm>

#include "zones/base/text.h"

namespace weir::sidecar {
namespace {

std::string join(const Overlay& overlay) {
  std::string out;
  for (const std::string& group : overlay.groups) out += (out.empty() ? "" : ", ") + ("group " + group);
  for (const Prefix& client : overlay.clients) out += (out.empty() ? "" : ", ") + client.to_text();
  return out.empty() ? "everybody" : out;
}

Result<void> check(const Overlay& wanted, WallTime now) {
  const auto invalid = [](const char* why) { return Result<void>(Error{ErrorCode::invalid, why}); };
  if (trim(wanted.author).empty()) return invalid("an exception needs an author");
  if (trim(wanted.reason).empty()) return invalid("an exception needs a reason: --reason TEXT");
  if (wanted.reason.size() > 500) return invalid("the reason has more than 500 octets");
  if (wanted.until <= now) return invalid("an exception ends in the future");
  if (wanted.until - now > kLongestOverlay) return invalid("an exception lasts 366 days at most; a rule has no end");
  return {};
}

}  // namespace

std::string Overlay::id() const {
  return (kind == Kind::allow ? "a" : "p") + std::to_string(number);
}

std::string Overlay::subject() const {
  return (kind == Kind::allow ? describe_pattern(rule) : std::string("filtering")) + " for " + join(*this);
}

Result<std::vector<Overlay>> Overlays::read(const PolicyRecords& records, const PolicySet& policies) {
  const auto rules = records.rules_of(kOverlays, kMaxOverlays);
  return rules ? describe(records, *rules, policies) : rules.error();
}

Result<std::vector<Overlay>> Overlays::had_at(const PolicyRecords& records, GenerationNumber at) {
  const auto rules = records.past_rules_of(kOverlays, at, kMaxOverlays);
  if (!rules) return rules.error();
  const auto policies = records.past_policies(at);
  return policies ? describe(records, *rules, *policies) : policies.error();
}

Result<std::vector<Overlay>> Overlays::describe(const PolicyRecords& records_of, const std::vector<SourcedRule>& rules,
                                                const PolicySet& policies) {
  std::map<ImportId, ImportRecord> records;
  if (!rules.empty()) {
    auto history = records_of.history(kOverlays);
    if (!history) return history.error();
    for (ImportRecord& record : *history) records.emplace(record.import, std::move(record));
  }
  std::vector<Overlay> all;
  for (const SourcedRule& known : rules) {
    const Conditions& conditions = known.rule.detail.conditions;
    Overlay& overlay = all.emplace_back();
    overlay.number = known.line;
    overlay.rule = known.rule;
    overlay.clients = conditions.clients;
    overlay.groups = conditions.groups;
    overlay.from = conditions.not_before.value_or(WallTime::min());
    overlay.until = conditions.not_after.value_or(WallTime::max());
    if (const auto record = records.find(known.import); record != records.end()) {
      overlay.author = record->second.provenance.who;
      overlay.reason = record->second.provenance.reason;
    }
  }
  for (const Pause& pause : policies.pauses) {
    all.push_back({Overlay::Kind::pause,
                   pause.id,
                   {},
                   pause.clients,
                   pause.groups,
                   pause.author,
                   pause.reason,
                   pause.from,
                   pause.until});
  }
  return all;
}

Result<Overlay> Overlays::begin(Overlay wanted, Now now) {
  if (auto good = check(wanted, now.wall); !good) return good.error();
  // Whole seconds: what is stored, shown and compared is the same.
  wanted.from = std::chrono::floor<std::chrono::seconds>(now.wall);
  wanted.until = std::chrono::ceil<std::chrono::seconds>(wanted.until);
  return writer_.run<Overlay>(Urgency::urgent, [&](PolicyStore& store) -> Result<Overlay> {
    const auto present = read(store, store.policies());
    if (!present) return present.error();
    if (present->size() >= kMaxOverlays) {
      return Error{ErrorCode::too_large, "there are " + std::to_string(kMaxOverlays) + " exceptions already"};
    }
    if (wanted.kind == Overlay::Kind::allow) {
      wanted.rule.action = Action::allow;
      Conditions& conditions = wanted.rule.detail.conditions;
      conditions.clients = wanted.clients;
      conditions.groups = wanted.groups;
      conditions.not_before = wanted.from;
      conditions.not_after = wanted.until;
      Provenance provenance;
      provenance.source = "weir allow";
      provenance.who = wanted.author;
      provenance.reason = wanted.reason;
      provenance.fetched_at = now.wall;
      if (auto added = store.add_rule(kOverlays, wanted.rule, provenance, now); !added) return added.error();
      const auto rules = store.rules_of(kOverlays, kMaxOverlays);
      if (!rules) return rules.error();
      for (const SourcedRule& known : *rules) wanted.number = std::max(wanted.number, known.line);
    } else {
      const auto id =
          store.add_pause({0, wanted.author, wanted.reason, wanted.clients, wanted.groups, wanted.from, wanted.until});
      if (!id) return id.error();
      wanted.number = *id;
    }
    const std::string what = wanted.kind == Overlay::Kind::allow ? "allow" : "pause";
    const auto number = store.publish(what + " " + wanted.subject(), now);
    if (!number) return number.error();
    const AuditEntry entry{wanted.author,
                           what,
                           wanted.subject(),
                           wanted.reason,
                           {{"id", wanted.id()}, {"until", format_time(wanted.until)}}};
    if (auto recorded = audit_.append(entry, *number, now.wall); !recorded) return recorded.error();
    const std::lock_guard lock(mutex_);
    deadlines_[wanted.id()] = now.steady + (wanted.until - now.wall);
    return wanted;
  });
}

Result<void> Overlays::remove(PolicyStore& store, const Overlay& overlay, const std::string& who,
                              const std::string& what, const std::string& why, Now now) {
  if (overlay.kind == Overlay::Kind::allow) {
    Provenance provenance;
    provenance.source = "weir overlay";
    provenance.who = who;
    provenance.reason = why;
    provenance.fetched_at = now.wall;
    if (const auto gone = store.remove_rule(kOverlays, overlay.rule, provenance, now); !gone) return gone.error();
  } else {
    if (const auto gone = store.remove_pause(overlay.number); !gone) return gone.error();
  }
  const auto number = store.publish(what + " " + overlay.id() + ": " + overlay.subject(), now);
  if (!number) return number.error();
  const AuditEntry entry{who, what, overlay.subject(), why, {{"id", overlay.id()}}};
  if (auto recorded = audit_.append(entry, *number, now.wall); !recorded) return recorded.error();
  const std::lock_guard lock(mutex_);
  deadlines_.erase(overlay.id());
  return {};
}

Result<Overlay> Overlays::end(const std::string& id, const std::string& who, const std::string& why, Now now) {
  return writer_.run<Overlay>(Urgency::urgent, [&](PolicyStore& store) -> Result<Overlay> {
    const auto present = read(store, store.policies());
    if (!present) return present.error();
    const auto found =
        std::find_if(present->begin(), present->end(), [&](const Overlay& overlay) { return overlay.id() == id; });
    if (found == present->end()) {
      return Error{ErrorCode::not_found, "there is no exception '" + escape_for_display(id) +
                                             "'; 'weir overlay show' lists those that there are"};
    }
    if (auto removed = remove(store, *found, who, "overlay end", why, now); !removed) return removed.error();
    return *found;
  });
}

bool Overlays::has_ended(const Overlay& overlay, Now now) {
  if (now.wall >= overlay.until || now.wall < overlay.from) return true;
  const std::lock_guard lock(mutex_);
  const auto [deadline, is_new] = deadlines_.try_emplace(overlay.id(), now.steady + (overlay.until - now.wall));
  return !is_new && now.steady >= deadline->second;
}

Result<std::size_t> Overlays::tend(const PolicySet& published, Now now) {
  const auto shown = all(published);
  if (!shown) return shown.error();
  // All of them, so that each one's deadline is set.
  const auto ended =
      std::count_if(shown->begin(), shown->end(), [&](const Overlay& one) { return has_ended(one, now); });
  if (ended == 0) return std::size_t{0};
  return writer_.run<std::size_t>(Urgency::urgent, [&](PolicyStore& store) -> Result<std::size_t> {
    const auto present = read(store, store.policies());
    if (!present) return present.error();
    std::size_t removed = 0;
    for (const Overlay& overlay : *present) {
      if (!has_ended(overlay, now)) continue;
      if (auto gone = remove(store, overlay, "weir-sidecar", "overlay expired", {}, now); !gone) return gone.error();
      ++removed;
    }
    return removed;
  });
}

}  // namespace weir::sidecar
