#include "tools/sinks/clickhouse_rows.h"

#include <algorithm>

#include "tools/log/record_batch.h"
#include "tools/log/registrable_domain.h"
#include "zones/dns/reversed_name.h"
#include "zones/store/codec.h"

namespace weir::sinks {
namespace {

constexpr std::uint64_t kRemembered = 500'000;  // names come again and again, but there is no end of new ones

// What of a row is not in the row itself.
struct Context {
  const Row& row;
  const std::string& domain;
  const std::string& node;
};

template <class Number>
void put_number(std::string& out, Number value) {  // little-endian
  for (std::size_t i = 0; i < sizeof value; ++i) out += static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i));
}

void put_text(std::string& out, const boost::json::object& shown, std::string_view key) {
  const auto* value = shown.if_contains(key);
  if (value == nullptr || !value->is_string()) return store::put_varint(out, 0);
  store::put_bytes(out, {value->get_string().data(), value->get_string().size()});
}

std::uint64_t number_of(const boost::json::object& shown, std::string_view key) {
  const auto* value = shown.if_contains(key);
  if (value == nullptr) return 0;
  if (value->is_uint64()) return value->get_uint64();
  return value->is_int64() && value->get_int64() > 0 ? static_cast<std::uint64_t>(value->get_int64()) : 0;
}

void put_losers(std::string& out, const boost::json::object& shown, std::string_view key) {
  const auto* losers = shown.if_contains("losers");
  if (losers == nullptr || !losers->is_array()) return store::put_varint(out, 0);
  store::put_varint(out, losers->get_array().size());
  for (const auto& loser : losers->get_array())
    loser.is_object() ? put_text(out, loser.get_object(), key) : store::put_varint(out, 0);
}

struct Column {
  const char* name;
  const char* key;                                             // of the row as it is shown, a text
  void (*put)(std::string& out, const Context& of) = nullptr;  // of any other column
};

// The columns of deploy/clickhouse/schema.sql.
constexpr Column kColumns[] = {
    {"time", nullptr,
     [](std::string& out, const Context& of) {
       const std::int64_t seconds = log::to_ms(of.row.decision.time) / 1000;
       put_number(out, static_cast<std::uint32_t>(std::clamp<std::int64_t>(seconds, 0, UINT32_MAX)));
     }},
    {"time_ms", nullptr,
     [](std::string& out, const Context& of) { put_number(out, log::to_ms(of.row.decision.time)); }},
    {"class", "class"},
    {"name", "name"},
    {"domain", nullptr, [](std::string& out, const Context& of) { store::put_bytes(out, of.domain); }},
    {"type", "type"},
    {"client", "client"},
    {"client_group", "group"},
    {"list", "list"},
    {"category", nullptr, [](std::string& out, const Context& of) { store::put_bytes(out, of.row.category); }},
    {"pattern", "pattern"},
    {"action", "action"},
    {"mode", "mode"},
    {"link", "link"},
    {"link_name", "link_name"},
    {"referring", "referring"},
    {"generation", nullptr,
     [](std::string& out, const Context& of) { put_number(out, of.row.decision.generation.value); }},
    {"import", nullptr,
     [](std::string& out, const Context& of) { put_number(out, number_of(of.row.shown, "import")); }},
    {"line", nullptr, [](std::string& out, const Context& of) { put_number(out, number_of(of.row.shown, "line")); }},
    {"latency_us", nullptr, [](std::string& out, const Context& of) { put_number(out, of.row.decision.latency_us); }},
    {"transport", "transport"},
    {"loser_lists", nullptr, [](std::string& out, const Context& of) { put_losers(out, of.row.shown, "list"); }},
    {"loser_patterns", nullptr, [](std::string& out, const Context& of) { put_losers(out, of.row.shown, "pattern"); }},
    {"loser_kinds", nullptr, [](std::string& out, const Context& of) { put_losers(out, of.row.shown, "kind"); }},
    {"loser_actions", nullptr, [](std::string& out, const Context& of) { put_losers(out, of.row.shown, "action"); }},
    {"node", nullptr, [](std::string& out, const Context& of) { store::put_bytes(out, of.node); }},
    {"writer", nullptr, [](std::string& out, const Context& of) { put_number(out, of.row.batch.writer); }},
    {"batch", nullptr, [](std::string& out, const Context& of) { put_number(out, of.row.batch.number); }},
    {"row", nullptr, [](std::string& out, const Context& of) { put_number(out, of.row.number); }},
};

}  // namespace

std::string insert_statement() {
  std::string columns;
  for (const Column& column : kColumns) columns += (columns.empty() ? "" : ", ") + std::string(column.name);
  return "INSERT INTO decisions (" + columns + ") FORMAT RowBinary";
}

struct ClickHouseRows::Domains {
  log::RegistrableDomains domains;
};

ClickHouseRows::ClickHouseRows() : domains_(std::make_unique<Domains>()), node_(host_name()) {}
ClickHouseRows::~ClickHouseRows() = default;

void ClickHouseRows::clear() {
  octets_.clear();
  if (remembered_ < kRemembered) return;
  domains_ = std::make_unique<Domains>();
  remembered_ = 0;
}

void ClickHouseRows::add(const Row& row) {
  ++remembered_;
  const ReversedName name(row.decision.qname);
  const auto domain = ReversedName::to_name(domains_->domains.key_of(name.key()));
  const std::string shown = domain ? domain->to_text() : std::string();
  const Context context{row, shown, node_};
  for (const Column& column : kColumns)
    column.put == nullptr ? put_text(octets_, row.shown, column.key) : column.put(octets_, context);
}

}  // namespace weir::sinks
