// What a question to the log asks for, and how a block answers it: with a few look-ups in its tables, then by comparing
// codes row by row.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/log/block.h"
#include "tools/log/block_codec.h"
#include "zones/base/prefix.h"
#include "zones/dns/name.h"
#include "zones/policy.h"

namespace weir::log {

// An empty member asks for everything.
struct LogFilter {
  std::optional<DecisionClass> decision_class;
  std::optional<Name> name;      // this name and everything below it
  std::string text;              // a part of the name as it is shown, in lower case
  std::optional<Prefix> client;  // clients that are kept as addresses inside it, or as prefixes that overlap
  std::optional<std::uint64_t> pseudonym;
  std::string list;  // that decided
  std::string group;
  std::optional<RecordType> type;

  // What counts are kept of: classes, lists and groups.
  bool is_of_counts() const { return !name && text.empty() && !client && !pseudonym && !type; }
  bool is_only_class() const { return is_of_counts() && list.empty() && group.empty(); }
  bool asks_columns() const { return client || pseudonym || !list.empty() || !group.empty() || type; }
};

// Lists and groups of a generation; nullptr where nobody knows them any more.
using NamesOf = std::function<std::shared_ptr<const PolicySet>(GenerationNumber)>;

std::string list_name(const PolicySet* names, std::uint32_t list);    // "list 17" where nobody knows
std::string group_name(const PolicySet* names, std::uint32_t group);  // "group 3" likewise

// A filter over the blocks of one question. One thread.
class BlockMatcher {
 public:
  BlockMatcher(LogFilter filter, NamesOf names) : filter_(std::move(filter)), names_(std::move(names)) {}
  const LogFilter& filter() const { return filter_; }

  // Without reading more than the summary: false where no row can match.
  bool may_match(const BlockHeader& header) const {
    return !filter_.decision_class || *filter_.decision_class == header.decision_class;
  }
  bool asks_summary() const;  // whether a summary could say so
  bool may_match(const BlockSummary& summary) const;

  // Look at the tables of `block`, which outlives the calls of matches(); first at its names and subjects, then at the
  // others. False: none of its rows matches. Where only its names were read, only subject_matches() may be asked.
  bool prepare_names(const Block& block);
  bool prepare_columns(const Block& block);
  bool prepare(const Block& block) { return prepare_names(block) && prepare_columns(block); }
  bool subject_matches(std::size_t subject) const { return subjects_.empty() || subjects_[subject]; }
  bool matches(std::size_t row) const {
    const std::uint16_t subject = block_->subject_of[row];
    if (!subjects_.empty() && !subjects_[subject]) return false;
    if (!clients_.empty() && !clients_[block_->client_of[row]]) return false;
    const std::uint16_t shape = block_->shape_of[row];
    if (!shapes_.empty() && !shapes_[shape]) return false;
    return lists_.empty() || lists_[set_of_shape_[shape] * block_->rulings.size() + block_->subjects[subject].ruling];
  }

 private:
  const PolicySet* names(GenerationNumber generation);
  bool find_text(const Block& block, std::size_t first_subject, std::size_t last_subject);
  bool prepare_clients(const Block& block);
  bool prepare_shapes(const Block& block);
  bool prepare_lists(const Block& block);

  LogFilter filter_;
  NamesOf names_;
  std::map<std::uint64_t, std::shared_ptr<const PolicySet>> known_;
  const Block* block_ = nullptr;
  // By code; empty: all match.
  std::vector<bool> subjects_;
  std::vector<bool> clients_;
  std::vector<bool> shapes_;
  std::vector<bool> lists_;  // by set of names and ruling
  std::vector<std::uint32_t> set_of_shape_;
};

}  // namespace weir::log
