#include "tools/sidecar/import_list.h"

#include <boost/json.hpp>

#include <algorithm>
#include <memory>
#include <optional>

#include "tools/sidecar/fetch.h"

namespace weir::sidecar {
namespace {

constexpr std::uint64_t kReportEveryRules = 20'000;
// Most lines of real lists are longer. What a rule takes: its hash in what the reader remembers
// (zones/lists/rule_set.h), its key and line where it is sorted, and of what the list has already its hash, block and
// mark (present_rules.h).
constexpr std::uint64_t kOctetsOfALine = 16;
constexpr std::uint64_t kRememberedBytes = 16;
constexpr std::uint64_t kSortedBytes = 80;
constexpr std::uint64_t kPresentBytes = 13;

// Messages of the reader name the file that it read; people know the list by its source.
Error about(const ListConfig& list, const std::filesystem::path& bytes, Error error) {
  const std::string source = shown_source(list.source);
  const std::size_t at = error.message.find(bytes.string());
  if (at == std::string::npos) {
    error.message = source + ": " + error.message;
  } else {
    error.message.replace(at, bytes.string().size(), source);
  }
  return error;
}

}  // namespace

ListOptions options_of(const ListConfig& list) {
  ListOptions options;
  options.kind = list.definition.kind;
  options.match = list.match;
  options.dialect = list.dialect;
  options.rewrites = list.definition.rewrites;
  options.own_actions = list.definition.own_actions;
  options.private_addresses = list.private_addresses;
  // The publisher's own name for it, not the one that it lies under here.
  const std::size_t slash = list.source.find_last_of('/');
  options.file_name = shown_source(slash == std::string::npos ? list.source : list.source.substr(slash + 1));
  return options;
}

std::string reading_of(const ListConfig& list) {
  const ListDefinition& definition = list.definition;
  return "1 " + std::string(to_text(definition.kind)) + " " + std::to_string(static_cast<int>(list.match)) + " " +
         list.dialect + (definition.rewrites ? " rewrites" : "") + (definition.own_actions ? " own" : "") +
         (definition.adds_soa ? " soa" : "") + (list.private_addresses ? " private" : "") +
         (list.key.empty() ? "" : " signed " + list.key);
}

std::uint64_t memory_of_reading(std::uint64_t size_bytes, std::uint64_t rules) {
  const std::uint64_t lines = size_bytes / kOctetsOfALine;
  return lines * kRememberedBytes + std::min<std::uint64_t>(lines * kSortedBytes, store::kSortMemoryBytes) +
         (rules <= store::kMaxPresentRules ? rules * kPresentBytes : 0);
}

ListReading reading_from(const ListSummary& summary) {
  ListReading reading;
  reading.lines = summary.lines;
  reading.counts = summary.to_json(false);
  reading.serial = summary.serial;
  reading.soa = summary.soa;
  boost::json::error_code error;
  const boost::json::value parsed = boost::json::parse(reading.counts, error);
  if (!error && parsed.is_object()) {
    if (const auto* buckets = parsed.get_object().if_contains("buckets")) reading.buckets = serialize(*buckets);
    if (const auto* notes = parsed.get_object().if_contains("notes")) reading.notes = serialize(*notes);
  }
  return reading;
}

Result<ListReading> check_list(const ListConfig& list, const std::filesystem::path& bytes,
                               std::shared_ptr<store::RuleSorter> rules, const CountProgress& progress) {
  auto opened = ListReader::open(bytes, options_of(list));
  if (!opened) return about(list, bytes, opened.error());
  ListReader& reader = **opened;
  std::error_code ignored;
  const std::uint64_t size = std::filesystem::file_size(bytes, ignored);
  std::uint64_t count = 0;
  while (const auto rule = reader.next()) {
    if (auto added = rules->add(*rule); !added) return added.error();
    if (++count % kReportEveryRules == 0 && progress) progress(reader.bytes_read(), size);
  }
  if (auto finished = reader.finish(); !finished) return about(list, bytes, finished.error());
  ListReading reading = reading_from(reader.summary());
  // A policy zone that holds nothing yet is one all the same, if it has its SOA: what was in it before is the guards'.
  if (count == 0 && !reader.summary().serial) {
    return about(list, bytes, {ErrorCode::invalid, "there is no rule in it"});
  }
  opened->reset();  // it remembers every rule
  if (auto sorted = rules->sort(); !sorted) return sorted.error();
  reading.rules = std::move(rules);
  return reading;
}

Result<std::unique_ptr<PreparedImport>> prepare_list(const PolicyRecords& store, ListId id, ListReading& reading,
                                                     const std::function<void(std::uint64_t)>& progress) {
  auto prepared = store.prepare(id, *reading.rules, progress);
  reading.rules.reset();
  return prepared;
}

}  // namespace weir::sidecar
