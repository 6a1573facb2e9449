#include "tools/sinks/clickhouse_questions.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "tools/sinks/clickhouse_client.h"
#include "zones/base/text.h"

namespace weir::sinks {
namespace {

constexpr std::int64_t kLastSecond = UINT32_MAX;  // of ClickHouse's DateTime

// What stands behind WHERE; all of it must hold.
using Conditions = std::vector<std::string>;

std::string where(const Conditions& conditions) {
  std::string out;
  for (const std::string& each : conditions) out += (out.empty() ? " WHERE " : " AND ") + each;
  return out;
}

std::string moment(std::int64_t seconds) {
  return "toDateTime(" + std::to_string(std::clamp<std::int64_t>(seconds, 0, kLastSecond)) + ")";
}

// By the column that the tables are ordered by, so that the rest is not read; then to the millisecond.
void add_time(Conditions& out, std::int64_t since_ms, std::int64_t until_ms) {
  if (since_ms > 0) {
    out.push_back("time >= " + moment(since_ms / 1000));
    out.push_back("time_ms >= " + std::to_string(since_ms));
  }
  if (until_ms < INT64_MAX) {
    out.push_back("time <= " + moment((until_ms - 1) / 1000));
    out.push_back("time_ms < " + std::to_string(until_ms));
  }
}

// [since, until) are whole slots of `column`.
void add_slots(Conditions& out, const std::string& column, std::int64_t since_ms, std::int64_t until_ms) {
  if (since_ms > 0) out.push_back(column + " >= " + moment(since_ms / 1000));
  if (until_ms / 1000 <= kLastSecond) out.push_back(column + " < " + moment(until_ms / 1000));
}

void add_equal(Conditions& out, const std::string& column, std::string_view text) {
  if (!text.empty()) out.push_back(column + " = " + quote_text(text));
}

// The name and all below it. A dot that is part of a label has a backslash before it, which is none of a pair.
std::string below(const Name& name) {
  const std::string text = name.folded().to_text();
  static const std::string kOddBackslashes = quote_text(R"((^|[^\\])(\\\\)*\\$)");
  return "(lower(name) = " + quote_text(text) + " OR (endsWith(lower(name), " + quote_text("." + text) +
         ") AND NOT match(substring(name, 1, length(name) - " + std::to_string(text.size() + 1) + "), " +
         kOddBackslashes + ")))";
}

// A part of a name as names are shown: what is no plain octet is escaped, each label for itself.
std::string as_shown(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at <= text.size();) {
    const std::string label(text.substr(at, text.find('.', at) - at));
    const auto shown = label.empty() ? std::nullopt : Name().child(label);
    out += (at == 0 ? "" : ".") + (shown ? shown->to_text() : label);
    at += label.size() + 1;
  }
  return out;
}

IpAddress last_of(const Prefix& prefix) {
  IpAddress last = prefix.address;
  for (unsigned bit = prefix.length; bit < last.bits(); ++bit)
    last.octets[bit / 8] = static_cast<std::uint8_t>(last.octets[bit / 8] | 0x80U >> bit % 8);
  return last;
}

// Clients that are kept as addresses inside `wanted`, or as prefixes that overlap with it.
std::string client_within(const Prefix& wanted) {
  std::string kept;
  for (const Privacy level : {Privacy::full, Privacy::prefix}) {
    const ClientIdentity client = identity_of(wanted.address, level, std::nullopt);
    // A prefix that was asked for is none of its own address, but may be part of what is kept.
    if (level == Privacy::full && wanted.length < wanted.address.bits()) continue;
    kept += (kept.empty() ? "" : ", ") + quote_text(log::describe(client));
  }
  std::string is_kept = "client IN (" + kept + ")";
  if (wanted.length == wanted.address.bits()) return is_kept;
  const bool is_ipv4 = wanted.address.family == AddressFamily::ipv4;
  const std::string number = is_ipv4 ? "IPv4StringToNum" : "IPv6StringToNum";
  const std::string address =
      "extract(client, " + quote_text(is_ipv4 ? "^([0-9.]+)(?:/[0-9]+)?$" : "^([0-9a-f.]*:[0-9a-f:.]*)(?:/[0-9]+)?$") +
      ")";
  const auto as_number = [&](const std::string& text) { return number + "(" + text + ")"; };
  // Some versions refuse what is no address, also where nobody looks at the result.
  const std::string none = quote_text(is_ipv4 ? "0.0.0.0" : "::");
  const std::string of_row = as_number("if(" + address + " = '', " + none + ", " + address + ")");
  return "(" + is_kept + " OR (" + address + " != '' AND " + of_row +
         " >= " + as_number(quote_text(wanted.address.to_text())) + " AND " + of_row +
         " <= " + as_number(quote_text(last_of(wanted).to_text())) + "))";
}

// What the tables of sums know as well.
void add_sorts(Conditions& out, const log::LogFilter& filter) {
  if (filter.decision_class) add_equal(out, "class", log::to_text(*filter.decision_class));
  add_equal(out, "list", filter.list);
  add_equal(out, "client_group", filter.group);
}

void add_filter(Conditions& out, const log::LogFilter& filter) {
  add_sorts(out, filter);
  if (filter.name && !filter.name->is_root()) out.push_back(below(*filter.name));
  if (!filter.text.empty()) out.push_back("position(lower(name), " + quote_text(as_shown(filter.text)) + ") > 0");
  if (filter.client) out.push_back(client_within(*filter.client));
  if (filter.pseudonym) {
    ClientIdentity client;
    client.level = Privacy::pseudonym;
    client.pseudonym = *filter.pseudonym;
    add_equal(out, "client", log::describe(client));
  }
  if (filter.type) add_equal(out, "type", weir::to_text(*filter.type));
}

std::string column_of(log::Dimension by) {
  switch (by) {
    case log::Dimension::name:
      return "lower(name)";
    case log::Dimension::group:
      return "client_group";
    case log::Dimension::decision_class:
      return "class";
    default:
      return std::string(log::to_text(by));
  }
}

bool is_in_minutes(log::Dimension by) {
  return by == log::Dimension::list || by == log::Dimension::category || by == log::Dimension::group ||
         by == log::Dimension::decision_class;
}

// What a sum is taken of: a table, what to add up, and which rows.
struct Summed {
  std::string table = "decisions";
  std::string number = "count()";
  Conditions conditions = {};
};

Summed from_decisions(const log::LogFilter& filter, const log::SearchRequest& range) {
  Summed out;
  add_time(out.conditions, range.since_ms, range.until_ms);
  add_filter(out.conditions, filter);
  return out;
}

Summed from_rollup(const std::string& table, const std::string& slot, const log::LogFilter& filter,
                   const log::SearchRequest& range) {
  Summed out{table, "sum(decisions)"};
  add_slots(out.conditions, slot, range.since_ms, range.until_ms);
  add_sorts(out.conditions, filter);
  return out;
}

Summed top_of(const log::LogFilter& filter, const log::TopRequest& request) {
  if (request.min_clients == 0) {
    if (request.by == log::Dimension::domain && filter.is_only_class() && request.range.is_of_whole(log::kHourMs))
      return from_rollup("domain_hours", "hour", filter, request.range);
    if (is_in_minutes(request.by) && filter.is_of_counts() && request.range.is_of_whole(log::kMinuteMs))
      return from_rollup("minutes", "minute", filter, request.range);
  }
  return from_decisions(filter, request.range);
}

}  // namespace

std::string ClickHousePosition::to_text() const {
  return "c" + std::to_string(time_ms) + "." + std::to_string(writer) + "." + std::to_string(batch) + "." +
         std::to_string(row);
}

Result<ClickHousePosition> ClickHousePosition::parse(std::string_view text) {
  ClickHousePosition out;
  const char* at = text.data();
  const char* const end = text.data() + text.size();
  const auto number_behind = [&](char sign, auto& into) {
    if (at == end || *at != sign) return false;
    const auto [stop, code] = std::from_chars(at + 1, end, into);
    at = stop;
    return code == std::errc();
  };
  if (number_behind('c', out.time_ms) && number_behind('.', out.writer) && number_behind('.', out.batch) &&
      number_behind('.', out.row) && at == end)
    return out;
  return Error{ErrorCode::invalid,
               "'" + escape_for_display(text) +
                   "' is no cursor of a log in ClickHouse: expected one as an earlier page of it gave "
                   "it out, such as c1784000000000.7.12.3"};
}

std::string rows_statement(const log::LogFilter& filter, const RowsWanted& wanted) {
  Conditions conditions;
  add_time(conditions, wanted.since_ms, wanted.until_ms);
  add_filter(conditions, filter);
  if (wanted.after) {
    conditions.push_back("(time_ms, writer, batch, row) < (" + std::to_string(wanted.after->time_ms) + ", " +
                         std::to_string(wanted.after->writer) + ", " + std::to_string(wanted.after->batch) + ", " +
                         std::to_string(wanted.after->row) + ")");
  }
  return "SELECT time_ms, class, name, type, client, client_group, list, pattern, action, mode, link, link_name, "
         "referring, generation, import, line, latency_us, transport, loser_lists, loser_patterns, loser_kinds, "
         "loser_actions, node, writer, batch, row FROM decisions" +
         where(conditions) +
         " ORDER BY time_ms DESC, writer DESC, batch DESC, row DESC LIMIT 1 BY time_ms, writer, batch, row LIMIT " +
         std::to_string(wanted.limit) + " FORMAT JSONEachRow";
}

std::string bounds_statement(std::int64_t since_ms, std::int64_t until_ms) {
  Conditions conditions;
  add_time(conditions, since_ms, until_ms);
  return "SELECT min(time_ms) AS oldest, max(time_ms) AS newest, count() AS found FROM decisions" + where(conditions) +
         " FORMAT JSONEachRow";
}

std::string top_statement(const log::LogFilter& filter, const log::TopRequest& request) {
  const Summed sum = top_of(filter, request);
  // Decisions whose client was not kept have none.
  const std::string hidden =
      request.min_clients == 0 ? "0" : "uniqExactIf(client, client != '') < " + std::to_string(request.min_clients);
  return "SELECT if(is_hidden, '', item) AS shown, is_hidden AS hidden, sum(number) AS found, count() AS items FROM "
         "(SELECT " +
         column_of(request.by) + " AS item, " + sum.number + " AS number, " + hidden + " AS is_hidden FROM " +
         sum.table + " FINAL" + where(sum.conditions) +
         " GROUP BY item) GROUP BY shown, hidden WITH TOTALS ORDER BY hidden DESC, found DESC, shown LIMIT " +
         std::to_string(request.limit + 1) + " FORMAT JSON";
}

std::string timeline_statement(const log::LogFilter& filter, const log::TimelineRequest& request,
                               std::uint64_t max_rows) {
  const std::string step_seconds = std::to_string(request.step_ms / 1000);
  const bool is_rolled_up = filter.is_of_counts() && request.range.is_of_whole(log::kMinuteMs);
  const Summed sum =
      is_rolled_up ? from_rollup("minutes", "minute", filter, request.range) : from_decisions(filter, request.range);
  const std::string second = is_rolled_up ? "toInt64(toUInt32(minute))" : "intDiv(time_ms, 1000)";
  const std::string item = request.by ? column_of(*request.by) : "''";
  return "SELECT intDiv(" + second + ", " + step_seconds + ") * " + step_seconds + " AS slot, " + item + " AS item, " +
         sum.number + " AS found FROM " + sum.table + " FINAL" + where(sum.conditions) +
         " GROUP BY slot, item ORDER BY slot, item LIMIT " + std::to_string(max_rows) + " FORMAT JSONEachRow";
}

}  // namespace weir::sinks
