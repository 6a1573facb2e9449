#include "tools/log/top.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <numeric>
#include <set>

#include "tools/log/dictionary.h"
#include "tools/log/registrable_domain.h"
#include "tools/log/sorted_sums.h"
#include "zones/dns/reversed_name.h"

namespace weir::log {
namespace {

constexpr std::array<std::string_view, 6> kClassNames = {"blocked",  "would_block", "allowed_over_block",
                                                         "resolved", "rebinding",   "blocked_upstream"};

template <class Before>
void keep_first(std::vector<std::uint32_t>& order, std::size_t limit, Before before) {
  const std::size_t kept = std::min(limit, order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(kept), order.end(), before);
  order.resize(kept);
}

// Counts by key, and who met each where that matters.
class Counts {
 public:
  explicit Counts(std::uint32_t min_clients) : min_clients_(min_clients) {}

  void add(std::string_view key, std::uint64_t decisions, const std::string* client = nullptr) {
    const std::uint32_t code = keys_.intern(key);
    if (code == decisions_.size()) {
      decisions_.push_back(0);
      if (min_clients_ > 0) clients_.emplace_back();
    }
    decisions_[code] += decisions;
    all_ += decisions;
    if (min_clients_ > 0 && client != nullptr && !client->empty() && clients_[code].size() < min_clients_)
      clients_[code].insert(*client);
  }

  // Codes of what may be shown, the most first; equal ones in the order of their keys.
  std::vector<std::uint32_t> ranked(std::size_t limit, std::uint64_t& hidden) const {
    std::vector<std::uint32_t> order;
    order.reserve(decisions_.size());
    for (std::uint32_t code = 0; code < decisions_.size(); ++code) {
      if (min_clients_ > 0 && clients_[code].size() < min_clients_) {
        hidden += decisions_[code];
      } else {
        order.push_back(code);
      }
    }
    keep_first(order, limit, [this](std::uint32_t a, std::uint32_t b) {
      return decisions_[a] != decisions_[b] ? decisions_[a] > decisions_[b] : keys_.at(a) < keys_.at(b);
    });
    return order;
  }

  std::string_view key(std::uint32_t code) const { return keys_.at(code); }
  std::uint64_t decisions(std::uint32_t code) const { return decisions_[code]; }
  std::uint64_t all() const { return all_; }
  std::uint64_t size() const { return decisions_.size(); }

 private:
  const std::uint32_t min_clients_;
  Dictionary keys_;
  std::vector<std::uint64_t> decisions_;
  std::vector<std::set<std::string>> clients_;
  std::uint64_t all_ = 0;
};

bool is_of_names(Dimension by) {
  return by == Dimension::name || by == Dimension::domain;
}

std::string shown(std::string_view key, Dimension by) {
  if (!is_of_names(by)) return std::string(key);
  const auto name = ReversedName::to_name(key);
  return name ? name->to_text() : std::string();
}

// Counts a block under one dimension: numbers by code first, text once a code.
class BlockCounter {
 public:
  BlockCounter(const DecisionLog& log, const TopRequest& request, Counts& into)
      : log_(log), request_(request), into_(into) {}

  // Of a block whose names alone were read, and that lies within the range.
  void count_subjects(const Block& block, const BlockMatcher& matcher) {
    for (std::size_t i = 0; i < block.subjects.size(); ++i) {
      if (matcher.subject_matches(i)) into_.add(name_key(block, block.subjects[i].name), block.subjects[i].rows);
    }
  }

  void count_rows(const Block& block, const BlockMatcher& matcher) {
    // (what is counted, who met it) -> rows.
    const bool by_client_too = request_.min_clients > 0;
    std::vector<std::uint32_t> rows(codes(block));
    std::set<std::pair<std::uint32_t, std::uint16_t>> met;
    for (std::size_t row = 0; row < block.header.rows; ++row) {
      const std::int64_t time_ms = block.time_ms(row);
      if (time_ms < request_.range.since_ms || time_ms >= request_.range.until_ms || !matcher.matches(row)) continue;
      const std::uint32_t code = code_of(block, row);
      ++rows[code];
      if (by_client_too) met.emplace(code, block.client_of[row]);
    }
    for (std::uint32_t code = 0; code < rows.size(); ++code) {
      if (rows[code] == 0) continue;
      const std::string key = key_of(block, code);
      into_.add(key, rows[code]);
      for (auto at = met.lower_bound({code, 0}); at != met.end() && at->first == code; ++at) {
        const std::string client = describe(block.clients[at->second]);
        into_.add(key, 0, &client);
      }
    }
  }

 private:
  std::string_view name_key(const Block& block, std::uint16_t name) {
    const std::string_view key = block.names.at(name);
    return request_.by == Dimension::domain ? domains_.key_of(key) : key;
  }

  std::size_t codes(const Block& block) const {
    switch (request_.by) {
      case Dimension::name:
      case Dimension::domain:
        return block.names.size();
      case Dimension::client:
        return block.clients.size();
      case Dimension::list:
      case Dimension::category:
        return block.rulings.size();
      case Dimension::group:
      case Dimension::type:
        return block.shapes.size();
      case Dimension::decision_class:
        return 1;
    }
    return 1;
  }

  std::uint32_t code_of(const Block& block, std::size_t row) const {
    switch (request_.by) {
      case Dimension::name:
      case Dimension::domain:
        return block.subjects[block.subject_of[row]].name;
      case Dimension::client:
        return block.client_of[row];
      case Dimension::list:
      case Dimension::category:
        return block.subjects[block.subject_of[row]].ruling;
      case Dimension::group:
      case Dimension::type:
        return block.shape_of[row];
      case Dimension::decision_class:
        return 0;
    }
    return 0;
  }

  std::string key_of(const Block& block, std::uint32_t code) {
    switch (request_.by) {
      case Dimension::name:
      case Dimension::domain:
        return std::string(name_key(block, static_cast<std::uint16_t>(code)));
      case Dimension::client:
        return describe(block.clients[code]);
      case Dimension::list:
      case Dimension::category: {
        const std::uint32_t id = block.rulings[code].winner.list;
        if (id == 0) return {};
        const auto list = log_.list(id);
        if (request_.by == Dimension::category) return list ? list->category : std::string();
        return list ? list->name : list_name(nullptr, id);
      }
      case Dimension::group:
        return group_name(log_.names(block.shapes[code].generation).get(), block.shapes[code].group);
      case Dimension::type:
        return std::string(weir::to_text(block.shapes[code].qtype));
      case Dimension::decision_class:
        return std::string(to_text(block.header.decision_class));
    }
    return {};
  }

  const DecisionLog& log_;
  const TopRequest& request_;
  Counts& into_;
  RegistrableDomains domains_;
};

// Whether the rollups know it all.
bool is_rolled_up(const BlockMatcher& matcher, const TopRequest& request) {
  if (!matcher.filter().is_only_class() || request.min_clients > 0) return false;
  switch (request.by) {
    case Dimension::domain:
      return request.range.is_of_whole(kHourMs);
    case Dimension::list:
    case Dimension::category:
    case Dimension::group:
    case Dimension::decision_class:
      return request.range.is_of_whole(kMinuteMs);
    default:
      return false;
  }
}

Result<Top> top_of_domains(const DecisionLog& log, const TopRequest& request, std::optional<DecisionClass> wanted) {
  SortedSums domains;
  Top top;
  const auto visited = log.visit_domains(request.range.since_ms, request.range.end_of_sums_ms(),
                                         [&](DecisionClass decision_class, std::string_view key, std::uint64_t rows) {
                                           if (wanted && *wanted != decision_class) return;
                                           domains.add(key, rows);
                                           top.decisions += rows;
                                         });
  if (!visited) return visited.error();
  domains.finish();
  top.keys = domains.size();
  std::vector<std::uint32_t> order(domains.size());
  std::iota(order.begin(), order.end(), 0U);
  keep_first(order, request.limit, [&](std::uint32_t a, std::uint32_t b) {
    return domains.sum(a) != domains.sum(b) ? domains.sum(a) > domains.sum(b) : a < b;
  });
  for (const std::uint32_t at : order) top.rows.push_back({shown(domains.key(at), request.by), domains.sum(at)});
  return top;
}

Result<void> count_rollups(const DecisionLog& log, const BlockMatcher& matcher, const TopRequest& request,
                           Counts& counts) {
  const auto wanted = matcher.filter().decision_class;
  const auto cells = log.read_counts(request.range.since_ms, request.range.end_of_sums_ms(), kMinuteMs);
  if (!cells) return cells.error();
  for (const CountCell& cell : *cells) {
    if (wanted && *wanted != cell.decision_class) continue;
    if (request.by == Dimension::group) {
      counts.add(log.group_name(cell.group), cell.rows);
    } else if (request.by == Dimension::decision_class) {
      counts.add(to_text(cell.decision_class), cell.rows);
    } else {
      const auto list = cell.list == 0 ? std::nullopt : log.list(cell.list);
      const bool is_category = request.by == Dimension::category;
      counts.add(list ? (is_category ? list->category : list->name)
                      : (is_category ? std::string() : list_name(nullptr, cell.list)),
                 cell.rows);
    }
  }
  return {};
}

}  // namespace

std::optional<Dimension> parse_dimension(std::string_view text) {
  for (std::size_t i = 0; i < std::size(kDimensions); ++i) {
    if (kDimensions[i] == text) return static_cast<Dimension>(i);
  }
  return std::nullopt;
}

std::string_view to_text(Dimension dimension) {
  return kDimensions[static_cast<std::size_t>(dimension)];
}

std::string_view to_text(DecisionClass decision_class) {
  return kClassNames[static_cast<std::size_t>(decision_class)];
}

std::optional<DecisionClass> parse_decision_class(std::string_view text) {
  for (std::size_t i = 0; i < kClassNames.size(); ++i) {
    if (kClassNames[i] == text) return static_cast<DecisionClass>(i);
  }
  return std::nullopt;
}

std::string describe(const ClientIdentity& client) {
  switch (client.level) {
    case Privacy::full:
      return client.address.to_text();
    case Privacy::prefix:
      return Prefix{client.address, client.prefix_length}.to_text();
    case Privacy::pseudonym: {
      char text[24];
      std::snprintf(text, sizeof text, "p-%016llx", static_cast<unsigned long long>(client.pseudonym));
      return text;
    }
    case Privacy::none:
      return {};
  }
  return {};
}

namespace {

Result<Top> count_top(const DecisionLog& log, const BlockMatcher& matcher, const TopRequest& request) {
  Top top;
  Counts counts(request.min_clients);
  if (is_rolled_up(matcher, request)) {
    if (request.by == Dimension::domain) return top_of_domains(log, request, matcher.filter().decision_class);
    if (auto counted = count_rollups(log, matcher, request, counts); !counted) return counted.error();
  } else {
    BlockCounter counter(log, request, counts);
    // A block that lies within the range as a whole says by its names alone how often each came.
    const bool by_subjects = is_of_names(request.by) && !matcher.filter().asks_columns() && request.min_clients == 0;
    const auto is_within = [&](const BlockHeader& header) {
      return header.first_ms >= request.range.since_ms && header.last_ms < request.range.until_ms;
    };
    SearchRequest whole = request.range;
    const auto count = [&](DecisionLog::Parts parts) {
      return visit_blocks(
          log, matcher, whole, parts,
          [&](const BlockHeader& header) {
            return !by_subjects || is_within(header) == (parts == DecisionLog::Parts::names);
          },
          [&](const Block& block, const BlockMatcher& ready) {
            if (parts == DecisionLog::Parts::names) {
              counter.count_subjects(block, ready);
            } else {
              counter.count_rows(block, ready);
            }
            return true;
          });
    };
    if (by_subjects) {
      auto counted = count(DecisionLog::Parts::names);
      if (!counted) return counted.error();
      top.end = std::move(*counted);
    }
    auto counted = count(DecisionLog::Parts::all);
    if (!counted) return counted.error();
    top.end.complete = top.end.complete && counted->complete;
    top.end.missing.insert(top.end.missing.end(), counted->missing.begin(), counted->missing.end());
  }
  for (const std::uint32_t code : counts.ranked(request.limit, top.hidden))
    top.rows.push_back({shown(counts.key(code), request.by), counts.decisions(code)});
  top.decisions = counts.all();
  top.keys = counts.size();
  return top;
}

}  // namespace

Result<Top> find_top(const DecisionLog& log, const BlockMatcher& matcher, const TopRequest& request) {
  auto top = count_top(log, matcher, request);
  if (!top) return top;
  tell_losses(log, request.range.since_ms, request.range.until_ms, top->end);
  return top;
}

}  // namespace weir::log
