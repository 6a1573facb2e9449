#include "tools/sidecar/zone_difference.h"

#include <boost/json.hpp>

#include <utility>

#include "tools/sidecar/digest.h"
#include "zones/lists/rpz_reader.h"
#include "zones/lists/rule_set.h"

namespace weir::sidecar {
namespace {

// The counts of the last reading. False: they are none.
bool read_buckets(const std::string& text, ListSummary& summary) {
  boost::json::error_code error;
  const boost::json::value parsed = boost::json::parse(text, error);
  if (error || !parsed.is_object()) return false;
  std::uint64_t lines = 0;
  for (std::size_t i = 0; i < kBucketCount; ++i) {
    const auto* found = parsed.get_object().if_contains(to_text(static_cast<Bucket>(i)));
    if (found == nullptr) continue;
    if (!found->is_int64() && !found->is_uint64()) return false;
    summary.buckets[i] = found->to_number<std::uint64_t>(error);
    if (error) return false;
    lines += summary.buckets[i];
  }
  return lines == summary.lines;
}

class Reading {
 public:
  Reading(const ListConfig& list, const ListOptions& options) : reader_(*list.zone, options) {}

  // False: a rule that another of these lines says too, or lines that were never counted.
  bool take_away(const std::string& text, std::vector<SourcedRule>& gone) {
    reader_.read(text, line_);
    std::uint64_t& count = summary.buckets[static_cast<std::size_t>(line_.bucket)];
    if (count == 0 || summary.lines == 0) return false;
    --count;
    --summary.lines;
    for (Rule& rule : line_.rules) {
      if (!gone_.insert(hash_rule(rule))) return false;
      gone.push_back({std::move(rule), 0});
    }
    return true;
  }
  bool bring(const std::string& text, std::vector<SourcedRule>& come) {
    reader_.read(text, line_);
    ++summary.buckets[static_cast<std::size_t>(line_.bucket)];
    ++summary.lines;
    for (Rule& rule : line_.rules) {
      if (!come_.insert(hash_rule(rule))) return false;
      come.push_back({std::move(rule), summary.lines});
    }
    return true;
  }

  ListSummary summary;

 private:
  RpzLineReader reader_;
  Line line_;
  RuleHashes gone_;
  RuleHashes come_;
};

}  // namespace

std::optional<ZoneDifference> difference_of(const ListConfig& list, const ListState& before, const ZoneChanges& changes,
                                            std::uint32_t serial) {
  const ListOptions options = options_of(list);
  Reading reading(list, options);
  ListSummary& summary = reading.summary;
  summary.lines = before.lines;
  if (!read_buckets(before.buckets, summary) || summary.count(Bucket::duplicate) > 0) return std::nullopt;
  ZoneDifference out;
  Sha256 digest;
  const auto note = [&](const std::string& text) {
    digest.update({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  };
  note(before.sha256 + " " + before.serial + " " + std::to_string(serial) + "\n");
  bool whole = true;
  // What comes is written behind all that stays.
  changes.for_each([&](const std::string& gone, const std::string&) {
    if (gone.empty()) return;
    note("-" + gone + "\n");
    whole = whole && reading.take_away(gone, out.gone);
  });
  changes.for_each([&](const std::string&, const std::string& come) {
    if (come.empty()) return;
    note("+" + come + "\n");
    whole = whole && reading.bring(come, out.come);
  });
  const std::uint64_t content =
      summary.lines - summary.count(Bucket::blank) - summary.count(Bucket::comment) - summary.count(Bucket::header);
  summary.rules = summary.count(Bucket::rule);
  if (!whole || summary.rules == 0 || summary.lines > options.max_lines || summary.is_no_list(content)) {
    return std::nullopt;
  }
  summary.serial = serial;
  summary.dialect = to_text(Dialect::rpz);
  summary.dialects[static_cast<std::size_t>(Dialect::rpz)] = summary.rules;
  out.reading = reading_from(summary);
  out.sha256 = digest.finish_hex();
  return out;
}

}  // namespace weir::sidecar
