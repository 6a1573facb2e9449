#include "tools/sql/decisions_table.h"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tools/log/log_filter.h"
#include "tools/log/registrable_domain.h"
#include "tools/log/row_text.h"
#include "tools/log/top.h"
#include "tools/sql/constraint.h"
#include "tools/sql/virtual_table.h"
#include "zones/dns/reversed_name.h"

namespace weir::sql {
namespace {

// As the table declares them.
enum class Field : std::uint8_t {
  ms,
  time,
  decision_class,
  name,
  domain,
  type,
  client,
  client_group,
  list,
  category,
  action,
  mode,
  link,
  link_name,
  transport,
  latency_us,
  generation,
  losers
};
constexpr std::size_t kFields = 18;

const std::vector<Selects>& selectivity() {
  using enum Selects;
  static const std::vector<Selects> all = {most, most,    some, nearly_all, most, some, nearly_all, some,   some, some,
                                           some, nothing, some, nothing,    some, some, nothing,    nothing};
  return all;
}

// What the codes of one block mean, as texts; each is made once.
class BlockTexts {
 public:
  explicit BlockTexts(const log::DecisionLog& log) : log_(log) {}

  // Its names may be asked for; behind begin_columns() all else.
  void begin(const log::Block& block) {
    block_ = &block;
    for (auto& texts : texts_) texts.clear();
  }
  void begin_columns(const log::Block& block) {
    sets_.clear();
    set_of_shape_.clear();
    for (const log::DecisionShape& shape : block.shapes) {
      const PolicySet* set = names(shape.generation);
      const auto at = std::find(sets_.begin(), sets_.end(), set);
      set_of_shape_.push_back(static_cast<std::size_t>(at - sets_.begin()));
      if (at == sets_.end()) sets_.push_back(set);
    }
  }

  // How many codes a field has in this block, and which one a row has.
  std::size_t codes(Field field) const {
    switch (field) {
      case Field::name:
      case Field::domain:
        return block_->names.size();
      case Field::client:
        return block_->clients.size();
      case Field::list:
      case Field::category:
        return sets_.size() * block_->rulings.size();
      default:
        return block_->shapes.size();
    }
  }
  std::size_t code_of(Field field, std::size_t row) const {
    switch (field) {
      case Field::name:
      case Field::domain:
        return block_->subjects[block_->subject_of[row]].name;
      case Field::client:
        return block_->client_of[row];
      case Field::list:
      case Field::category:
        return set_of_shape_[block_->shape_of[row]] * block_->rulings.size() +
               block_->subjects[block_->subject_of[row]].ruling;
      default:
        return block_->shape_of[row];
    }
  }
  // Empty: nothing to be said.
  const std::string& text(Field field, std::size_t code) {
    auto& texts = texts_[static_cast<std::size_t>(field)];
    if (texts.empty()) texts.resize(codes(field));
    if (!texts[code]) texts[code] = make(field, code);
    return *texts[code];
  }

 private:
  const PolicySet* names(GenerationNumber generation) {
    const auto [at, is_new] = known_.try_emplace(generation.value);
    if (is_new) at->second = log_.names(generation);
    return at->second.get();
  }

  std::string make(Field field, std::size_t code) {
    switch (field) {
      case Field::name:
      case Field::domain: {
        const std::string_view key = block_->names.at(code);
        const auto name = ReversedName::to_name(field == Field::name ? key : domains_.key_of(key));
        return name ? name->to_text() : std::string();
      }
      case Field::client:
        return log::describe(block_->clients[code]);
      case Field::list:
      case Field::category: {
        const std::size_t rulings = block_->rulings.size();
        const std::uint32_t list = block_->rulings[code % rulings].winner.list;
        const auto last = log_.list(list);
        if (field == Field::category) return last ? last->category : std::string();
        const PolicySet* set = sets_[code / rulings];
        return set != nullptr && set->find_list(ListId{list}) != nullptr ? log::list_name(set, list)
               : last                                                    ? last->name
                                                                         : log::list_name(nullptr, list);
      }
      default:
        return of_shape(field, block_->shapes[code]);
    }
  }

  std::string of_shape(Field field, const log::DecisionShape& shape) {
    switch (field) {
      case Field::type:
        return std::string(weir::to_text(shape.qtype));
      case Field::client_group:
        return log::group_name(names(shape.generation), shape.group);
      case Field::action:
        return std::string(to_text(shape.action));
      case Field::mode:
        return std::string(log::mode_text(block_->header.decision_class, shape.action, shape.mode));
      case Field::link:
        return std::string(log::to_text(shape.link));
      case Field::transport:
        return std::string(log::to_text(shape.transport));
      default:
        return {};
    }
  }

  const log::DecisionLog& log_;
  std::map<std::uint64_t, std::shared_ptr<const PolicySet>> known_;
  log::RegistrableDomains domains_;
  const log::Block* block_ = nullptr;
  std::vector<const PolicySet*> sets_;
  std::vector<std::size_t> set_of_shape_;
  std::array<std::vector<std::optional<std::string>>, kFields> texts_;
};

// Which rows of a block what is asked leaves.
class RowFilter {
 public:
  // First what is asked of names, then the rest. False: none.
  bool begin(const log::Block& block, const std::vector<Constraint>& constraints, BlockTexts& texts) {
    block_ = &block;
    texts_ = &texts;
    asked_.clear();
    is_latency_asked_ = false;
    latencies_.fill(true);
    return std::all_of(constraints.begin(), constraints.end(),
                       [&](const Constraint& each) { return !is_of_names(each) || add(each); });
  }
  bool begin_columns(const std::vector<Constraint>& constraints) {
    return std::all_of(constraints.begin(), constraints.end(),
                       [&](const Constraint& each) { return is_of_names(each) || add(each); });
  }

  bool matches(std::size_t row) const {
    if (is_latency_asked_ && !latencies_[block_->latency_of[row]]) return false;
    return std::all_of(asked_.begin(), asked_.end(),
                       [&](const Asked& each) { return each.allowed[texts_->code_of(each.field, row)]; });
  }

 private:
  struct Asked {
    Field field;
    std::vector<bool> allowed;  // by code
  };

  static bool is_of_names(const Constraint& constraint) {
    const auto field = static_cast<Field>(constraint.column());
    return field == Field::name || field == Field::domain;
  }

  bool add(const Constraint& constraint) {
    const auto field = static_cast<Field>(constraint.column());
    switch (field) {
      case Field::ms:
      case Field::time:
      case Field::decision_class:
        return true;  // of the block, or a range of its rows
      case Field::latency_us:
        is_latency_asked_ = true;
        for (std::size_t code = 0; code < latencies_.size(); ++code) {
          const auto us = static_cast<std::int64_t>(log::latency_of_code(static_cast<std::uint8_t>(code)));
          latencies_[code] = latencies_[code] && constraint.allows(us);
        }
        return std::find(latencies_.begin(), latencies_.end(), true) != latencies_.end();
      case Field::name:
        if (constraint.exact_texts() != nullptr) return add_names(*constraint.exact_texts());
        break;
      default:
        break;
    }
    Asked asked{field, {}};
    bool is_any = false;
    for (std::size_t code = 0; code < texts_->codes(field); ++code) {
      asked.allowed.push_back(constraint.allows(texts_->text(field, code)));
      is_any = is_any || asked.allowed.back();
    }
    asked_.push_back(std::move(asked));
    return is_any;
  }

  // Names have an order, so one is found without looking at the others.
  bool add_names(const std::vector<std::string>& names) {
    Asked asked{Field::name, std::vector<bool>(block_->names.size())};
    bool is_any = false;
    for (const std::string& text : names) {
      const auto name = Name::parse(text);
      if (!name) continue;  // no name is shown so
      const ReversedName key(*name);
      const auto [first, last] = block_->names.subtree(key.key());
      if (first == last || block_->names.at(first) != key.key()) continue;
      asked.allowed[first] = true;
      is_any = true;
    }
    asked_.push_back(std::move(asked));
    return is_any;
  }

  const log::Block* block_ = nullptr;
  BlockTexts* texts_ = nullptr;
  std::vector<Asked> asked_;
  bool is_latency_asked_ = false;
  std::array<bool, 256> latencies_{};
};

std::optional<ClientIdentity> parse_client(const std::string& text) {
  ClientIdentity out;
  if (const auto address = IpAddress::parse(text)) return identity_of(*address, Privacy::full, std::nullopt);
  if (const auto prefix = Prefix::parse(text)) {
    out.level = Privacy::prefix;
    out.address = prefix->address;
    out.prefix_length = prefix->length;
    return out;
  }
  if (const auto pseudonym = log::parse_pseudonym(text)) {
    out.level = Privacy::pseudonym;
    out.pseudonym = *pseudonym;
    return out;
  }
  return std::nullopt;
}

// Hashes of the names or clients that are asked for, each of which a block's filter may know.
struct Wanted {
  std::vector<std::uint64_t> names;
  std::vector<std::uint64_t> clients;

  void add(const Constraint& constraint) {
    const auto* texts = constraint.exact_texts();
    if (texts == nullptr) return;
    std::vector<std::uint64_t> hashes;
    for (const std::string& text : *texts) {
      if (static_cast<Field>(constraint.column()) == Field::name) {
        const auto name = Name::parse(text);
        if (!name || name->label_count() < log::kFilteredLabels) return;
        hashes.push_back(log::BlockFilter::hash(ReversedName(*name).key()));
      } else if (static_cast<Field>(constraint.column()) == Field::client) {
        const auto client = parse_client(text);
        if (!client) return;
        hashes.push_back(log::BlockFilter::hash(log::client_key(*client)));
      }
    }
    (static_cast<Field>(constraint.column()) == Field::name ? names : clients) = std::move(hashes);
  }
  bool any() const { return !names.empty() || !clients.empty(); }
  bool may_be_in(const log::BlockSummary& summary) const {
    const auto holds = [](const std::vector<std::uint64_t>& hashes, const log::BlockFilter& filter) {
      return hashes.empty() ||
             std::any_of(hashes.begin(), hashes.end(), [&](std::uint64_t hash) { return filter.may_hold(hash); });
    };
    return holds(names, summary.names) && holds(clients, summary.clients);
  }
};

class DecisionsCursor : public sqlite3_vtab_cursor {
 public:
  using Source = Scan*;
  static const Table& table(Source) { return decisions_table(); }
  static const std::vector<Selects>& selects() { return selectivity(); }

  explicit DecisionsCursor(Source scan) : sqlite3_vtab_cursor{}, scan_(*scan), texts_(scan->log()) {}

  int filter(const char* plan, sqlite3_value** values) {
    constraints_ = read_plan(plan, values, decisions_table());
    range_ = time_range(constraints_);
    scan_.reads(range_.since_ms, range_.until_ms);
    wanted_ = {};
    for (const Constraint& each : constraints_) wanted_.add(each);
    blocks_ = scan_.log().find_blocks(range_.since_ms, range_.until_ms);
    at_ = 0;
    block_.reset();
    number_ = 0;
    return next();
  }

  int next() {
    ++number_;
    for (;;) {
      if (block_) {
        while (++row_ < stop_) {
          if (filter_.matches(row_)) return SQLITE_OK;
        }
        block_.reset();
      }
      if (at_ == blocks_.size()) return SQLITE_OK;
      if (scan_.is_spent()) {
        scan_.cut(blocks_[at_].header.last_ms);
        at_ = blocks_.size();
        return SQLITE_OK;
      }
      const log::BlockRef ref = std::exchange(blocks_[at_++], {});
      if (auto opened = open(ref); !opened) {
        sqlite3_free(pVtab->zErrMsg);
        pVtab->zErrMsg = sqlite3_mprintf("%s", opened.error().message.c_str());
        return SQLITE_IOERR;
      }
    }
  }

  bool eof() const { return !block_ && at_ == blocks_.size(); }
  sqlite3_int64 number() const { return static_cast<sqlite3_int64>(number_); }

  void show(sqlite3_context* context, int column) {
    const auto field = static_cast<Field>(column);
    switch (field) {
      case Field::ms:
        return sqlite3_result_int64(context, block_->time_ms(row_));
      case Field::time:
        return give(context, log::time_text(block_->time_ms(row_)));
      case Field::decision_class:
        return give(context, log::to_text(block_->header.decision_class));
      case Field::latency_us:
        return sqlite3_result_int64(context, log::latency_of_code(block_->latency_of[row_]));
      case Field::generation:
        return sqlite3_result_int64(
            context, static_cast<sqlite3_int64>(block_->shapes[block_->shape_of[row_]].generation.value));
      case Field::losers:
        return sqlite3_result_int(context, block_->rulings[subject().ruling].loser_count);
      case Field::link_name:
        return show_text(context, linked());
      default:
        return show_text(context, texts_.text(field, texts_.code_of(field, row_)));
    }
  }

 private:
  const log::Subject& subject() const { return block_->subjects[block_->subject_of[row_]]; }

  static void show_text(sqlite3_context* context, const std::string& text) {
    if (text.empty()) return sqlite3_result_null(context);
    give(context, text);
  }

  // What decided, where that was not the name that was asked for.
  std::string linked() const {
    const log::DecidingPart& part = block_->parts[subject().part];
    switch (block_->shapes[block_->shape_of[row_]].link) {
      case LinkKind::alias:
      case LinkKind::name_server:
        return part.name.to_text();
      case LinkKind::address:
        return part.address.to_text();
      default:
        return {};
    }
  }

  // Reads a block whose rows may match; block_ stays empty where none does.
  Result<void> open(const log::BlockRef& ref) {
    for (const Constraint& each : constraints_) {
      if (static_cast<Field>(each.column()) == Field::decision_class &&
          !each.allows(log::to_text(ref.header.decision_class)))
        return {};
    }
    if (wanted_.any() && !ref.open) {
      const auto summary = scan_.log().read_summary(ref);
      if (!summary) return refuse(ref, summary.error());
      if (!wanted_.may_be_in(*summary)) {
        ++scan_.end.blocks_skipped;
        return {};
      }
    }
    auto block = scan_.log().read_block(ref, log::DecisionLog::Parts::all, [&](const log::Block& names) {
      texts_.begin(names);
      return filter_.begin(names, constraints_, texts_);
    });
    if (!block) return refuse(ref, block.error());
    ++scan_.end.blocks_read;
    if (!*block) return {};
    texts_.begin_columns(**block);
    if (!filter_.begin_columns(constraints_)) return {};
    const auto& times = (*block)->times;
    const auto position = [&](std::int64_t ms) {
      return static_cast<std::size_t>(
          std::partition_point(times.begin(), times.end(),
                               [&](std::uint32_t time) { return (*block)->header.first_ms + time < ms; }) -
          times.begin());
    };
    stop_ = position(range_.until_ms);
    row_ = position(range_.since_ms) - 1;  // next() goes on from there
    block_ = std::move(*block);
    return {};
  }

  Result<void> refuse(const log::BlockRef& ref, const Error& error) {
    if (error.code == ErrorCode::not_found) return {};  // retention came by
    if (error.code != ErrorCode::corrupt && error.code != ErrorCode::incompatible) return error;
    scan_.end.missing.push_back({ref.header.first_ms, ref.header.last_ms, ref.header.rows, error.message});
    return {};
  }

  Scan& scan_;
  std::vector<Constraint> constraints_;
  TimeRange range_;
  Wanted wanted_;
  std::vector<log::BlockRef> blocks_;
  std::size_t at_ = 0;  // the block that comes next
  std::shared_ptr<const log::Block> block_;
  BlockTexts texts_;
  RowFilter filter_;
  std::size_t row_ = 0;
  std::size_t stop_ = 0;
  std::uint64_t number_ = 0;
};

}  // namespace

const Table& decisions_table() {
  static const Table table{
      "decisions",
      "a row for each decision that is kept, the newest blocks first",
      {{"ms", "INTEGER", "when, in milliseconds since 1970"},
       {"time", "TEXT", "the same as 2026-07-06T00:40:32.123Z"},
       {"class", "TEXT", "blocked, would_block, allowed_over_block, resolved, rebinding or blocked_upstream"},
       {"name", "TEXT", "that was asked for, in lower case"},
       {"domain", "TEXT", "the registrable domain of it"},
       {"type", "TEXT", "that was asked for: A, AAAA, HTTPS"},
       {"client", "TEXT", "as it is kept: address, prefix, pseudonym; NULL: not kept"},
       {"client_group", "TEXT", "the group of the client"},
       {"list", "TEXT", "that decided; NULL: none did"},
       {"category", "TEXT", "of that list"},
       {"action", "TEXT", "of the rule that won"},
       {"mode", "TEXT", "how a block was answered; NULL: it was none"},
       {"link", "TEXT", "what decided: qname, alias, address, client, name_server or default_deny"},
       {"link_name", "TEXT", "the alias, name server or address that decided"},
       {"transport", "TEXT", "udp or tcp"},
       {"latency_us", "INTEGER",
        "until the answer, in microseconds, within 7 %; 0 where it was there at once: blocked, or cached"},
       {"generation", "INTEGER", "of the policy that decided"},
       {"losers", "INTEGER", "how many rules spoke beside the one that won, up to 8"}}};
  return table;
}

int add_decisions(sqlite3* database, Scan& scan) {
  return VirtualTable<DecisionsCursor>::add(database, new Scan*(&scan),
                                            [](void* source) { delete static_cast<Scan**>(source); });
}

}  // namespace weir::sql
