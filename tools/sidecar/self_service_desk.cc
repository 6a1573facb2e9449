#include "tools/sidecar/self_service_desk.h"

#include <algorithm>
#include <map>
#include <utility>

#include "tools/log/search.h"
#include "tools/log/top.h"
#include "tools/sidecar/log_rows.h"
#include "tools/sidecar/pseudonym_keys.h"
#include "tools/sidecar/shown_name.h"
#include "tools/support/json_members.h"
#include "zones/base/text.h"

namespace weir::sidecar {
namespace {

namespace json = boost::json;

constexpr std::int64_t kDayMs = 86'400'000;

bool is_same(const ClientIdentity& kept, const ClientIdentity& own) {
  if (kept.level != own.level) return false;
  return own.level == Privacy::full ? kept.address == own.address
                                    : own.level == Privacy::pseudonym && kept.pseudonym == own.pseudonym;
}

const GroupConfig* find_group(const Config& config, const std::string& name) {
  const auto found = std::find_if(config.groups.begin(), config.groups.end(),
                                  [&](const GroupConfig& group) { return group.name == name; });
  return found == config.groups.end() ? nullptr : &*found;
}

std::string_view outcome_text(DecisionClass decision_class) {
  switch (decision_class) {
    case DecisionClass::blocked:
      return "blocked";
    case DecisionClass::would_block:
      return "let through; a list on trial would block it";
    case DecisionClass::allowed_over_block:
      return "allowed by an exception";
    case DecisionClass::resolved:
      return "answered";
    case DecisionClass::rebinding:
      return "blocked: a private address";
    case DecisionClass::blocked_upstream:
      return "blocked by another server";
  }
  return "answered";
}

bool is_blocked(DecisionClass decision_class) {
  return decision_class == DecisionClass::blocked || decision_class == DecisionClass::rebinding ||
         decision_class == DecisionClass::blocked_upstream;
}

// What of the answer decided, where it is not the name itself.
std::string because_of(const Decision& decision, const json::object& row) {
  const std::string linked = text_member(row, "link_name");
  switch (decision.link) {
    case LinkKind::alias:
      return "it leads to " + linked;
    case LinkKind::address:
      return "its address is " + linked;
    case LinkKind::name_server:
      return "because of the servers of its zone";
    case LinkKind::default_deny:
      return "no rule allows it";
    case LinkKind::client:
      return "a rule for your network";
    case LinkKind::qname:
      break;
  }
  return {};
}

json::object describe_row(const Decision& decision, json::object&& row, const Generation* generation) {
  json::object out{{"time", row["time"]}, {"name", row["name"]}, {"type", row["type"]}, {"count", 1}};
  if (const json::value* unicode = row.if_contains("name_unicode")) out["name_unicode"] = *unicode;
  out["class"] = row["class"];
  out["outcome"] = outcome_text(decision.decision_class);
  out["is_blocked"] = is_blocked(decision.decision_class);
  out["may_complain"] = decision.decision_class == DecisionClass::blocked;
  out["list"] = row["list"];
  const ListDefinition* list =
      generation != nullptr ? generation->policies().find_list(text_member(row, "list")) : nullptr;
  out["category"] = list != nullptr ? list->category : std::string();
  out["rule"] = row["pattern"];
  out["because"] = because_of(decision, row);
  return out;
}

json::object describe_own(const FiledRequest& request) {
  json::object out{{"id", request.id()}, {"state", request.state}, {"answer", request.answer}};
  put_name(out, "name", request.name);
  return out;
}

class NobodyWaits final : public Responder {
 public:
  bool progress(const std::string&) override { return true; }
  bool is_gone() override { return false; }
};

}  // namespace

SelfServiceDesk::SelfServiceDesk(ConfigSource config, Generations& generations, const log::DecisionLog& log,
                                 Requests& requests, ControlHandler handler)
    : config_(std::move(config)),
      generations_(generations),
      log_(log),
      requests_(requests),
      handler_(std::move(handler)) {}

bool SelfServiceDesk::Asker::is(const std::string& client) const {
  return std::any_of(spans.begin(), spans.end(),
                     [&](const Span& span) { return log::describe(span.identity) == client; });
}

Result<SelfServiceDesk::Asker> SelfServiceDesk::identify(const IpAddress& from, WallTime now) const {
  const IpAddress client = from.unmapped();
  const auto config = config_();
  const auto generation = generations_.current();
  if (!generation) return Error{ErrorCode::unavailable, generation.error().message};
  const PolicySet& policies = (*generation)->policies();
  const Group& group = policies.groups[policies.group_of(client)];
  const GroupConfig* configured = find_group(*config, group.name);
  if (configured == nullptr || !configured->self_service)
    return Error{ErrorCode::permission, "This page is not offered to the devices of your group."};
  const std::int64_t until_ms = log::to_ms(now) + 1;
  const std::int64_t since_ms = until_ms - config->self_service.minutes.count();
  Asker out;
  out.group = group.name;
  switch (policies.policies[group.policy].privacy) {
    case Privacy::full:
      out.spans.push_back({since_ms, until_ms, identity_of(client, Privacy::full, std::nullopt)});
      break;
    case Privacy::pseudonym:
      // Of a day whose key is gone nobody knows any more whose rows there are.
      visit_pseudonym_keys(config->run.path, [&](const std::string& day, const PseudonymKeyBytes& key) {
        for (std::int64_t each = since_ms / kDayMs; each <= until_ms / kDayMs; ++each) {
          if (utc_day(log::from_ms(each * kDayMs)) != day) continue;
          out.spans.push_back({std::max(since_ms, each * kDayMs), std::min(until_ms, (each + 1) * kDayMs),
                               identity_of(client, Privacy::pseudonym, key)});
        }
      });
      std::sort(out.spans.begin(), out.spans.end(),
                [](const Span& a, const Span& b) { return a.since_ms > b.since_ms; });
      break;
    case Privacy::prefix:
      return Error{ErrorCode::permission,
                   "Decisions are kept here by networks and not by devices, so yours cannot be told from your "
                   "neighbours'; nobody is shown them."};
    case Privacy::none:
      return Error{ErrorCode::permission, "Nothing is kept here of who asked for what, so there is nothing to show."};
  }
  if (out.spans.empty()) return Error{ErrorCode::unavailable, "there is no key that says which decisions are whose"};
  out.shown = log::describe(out.spans.front().identity);
  return out;
}

Result<json::array> SelfServiceDesk::rows_of(const Asker& asker, bool& complete) const {
  const auto current = generations_.current();
  const std::shared_ptr<const Generation> generation = current ? *current : nullptr;
  RowReader reader(log_, generation);
  json::array rows;
  std::map<std::string, std::size_t> places;  // of rows that say the same
  std::uint64_t seen = 0;
  for (const Span& span : asker.spans) {
    log::LogFilter filter;
    if (span.identity.level == Privacy::full) {
      filter.client = Prefix::of(span.identity.address, static_cast<std::uint8_t>(span.identity.address.bits()));
    } else {
      filter.pseudonym = span.identity.pseudonym;
    }
    log::BlockMatcher matcher(std::move(filter), [this](GenerationNumber number) { return log_.names(number); });
    log::SearchRequest request;
    request.since_ms = span.since_ms;
    request.until_ms = span.until_ms;
    request.limit = kMaxOwnRows - std::min(seen, kMaxOwnRows);
    request.budget = kOwnRowsBudget;
    const auto end = log::search(log_, matcher, request, [&](const Decision& decision, const log::Position&) {
      ++seen;
      // A search for an address also finds the rows of a whole prefix: those are not beyond doubt.
      if (!is_same(decision.client, span.identity)) return true;
      json::object row = describe_row(decision, reader.show(decision), generation.get());
      const std::string same = text_member(row, "name") + '\n' + text_member(row, "class") + '\n' +
                               text_member(row, "list") + '\n' + text_member(row, "rule");
      const auto [at, is_new] = places.emplace(same, rows.size());
      if (is_new && rows.size() >= kMaxShownRows) return false;
      if (is_new) {
        rows.push_back(std::move(row));
      } else {
        json::value& count = rows[at->second].as_object()["count"];
        count = count.to_number<std::uint64_t>() + 1;
      }
      return true;
    });
    if (!end) return end.error();
    complete = complete && end->complete;
  }
  return rows;
}

Result<json::object> SelfServiceDesk::decisions(const IpAddress& client, WallTime now) const {
  const auto asker = identify(client, now);
  if (!asker) return asker.error();
  bool complete = true;
  auto rows = rows_of(*asker, complete);
  if (!rows) return rows.error();
  json::array requests;
  for (const FiledRequest& request : requests_.all()) {
    if (asker->is(request.client)) requests.push_back(describe_own(request));
  }
  const auto config = config_();
  return json::object{
      {"client", client.unmapped().to_text()},
      {"group", asker->group},
      {"minutes", std::chrono::duration_cast<std::chrono::minutes>(config->self_service.minutes).count()},
      {"contact", config->self_service.contact},
      {"rows", std::move(*rows)},
      {"requests", std::move(requests)},
      {"complete", complete}};
}

Result<json::object> SelfServiceDesk::complain(const IpAddress& client, const http::Complaint& complaint,
                                               WallTime now) const {
  const auto asker = identify(client, now);
  if (!asker) return asker.error();
  bool complete = true;
  const auto rows = rows_of(*asker, complete);
  if (!rows) return rows.error();
  const auto row = std::find_if(rows->begin(), rows->end(), [&](const json::value& each) {
    return each.at("may_complain").as_bool() && each.at("name").as_string() == complaint.name;
  });
  if (row == rows->end())
    return Error{ErrorCode::not_found, "No name of yours that was blocked in the last minutes is called that."};
  FiledRequest request;
  request.client = asker->shown;
  request.group = asker->group;
  request.name = complaint.name;
  request.remark = complaint.remark;
  request.decision = json::serialize(*row);
  // By the group: what is filed must not say more of the client than the log does.
  const json::object arguments{
      {"names", json::array{json::string(complaint.name)}}, {"group", asker->group}, {"type", row->at("type")}};
  NobodyWaits nobody;
  const auto explained = decode_reply(handler_({"explain", json::serialize(arguments), "self-service"}, nobody));
  if (explained && explained->kind == ControlReply::Kind::result) request.trace = explained->body;
  const auto filed = requests_.file(std::move(request), now);
  if (!filed) return filed.error();
  return describe_own(*filed);
}

}  // namespace weir::sidecar
