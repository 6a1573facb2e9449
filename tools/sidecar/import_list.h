// From the bytes of a list on disk to its rules in the store: read, refuse what is no list, import.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "zones/base/ids.h"
#include "zones/base/result.h"
#include "zones/base/time.h"
#include "zones/config/config.h"
#include "zones/lists/list_reader.h"
#include "zones/store/rule_sorter.h"
#include "zones/store/writer.h"

namespace weir::sidecar {

// A list as read: every line accounted for (SEMANTICS section 1).
struct ListReading {
  std::uint64_t lines = 0;
  std::string buckets = "{}";  // lines by bucket, as JSON
  std::string notes = "[]";    // remarks for people, as JSON
  std::string counts = "{}";   // all of it, for the provenance of the import
  // Sorted, and given once; nullptr where they were read long ago.
  std::shared_ptr<store::RuleSorter> rules;
  std::optional<std::uint32_t> serial = {};  // of a response policy zone
  std::optional<ResourceRecord> soa = {};    // likewise
};

// About the most memory that check_list() and prepare_list() take for these bytes, of a list that has `rules` rules
// now.
std::uint64_t memory_of_reading(std::uint64_t size_bytes, std::uint64_t rules);

// Done so far, and of how much (0: unknown).
using CountProgress = std::function<void(std::uint64_t, std::uint64_t)>;

ListOptions options_of(const ListConfig& list);
ListReading reading_from(const ListSummary& summary);  // without its rules

// How the bytes of `list` are read: two equal texts read equal rules from equal bytes.
std::string reading_of(const ListConfig& list);

// Reads all of it and changes nothing: a list that turns out to be something else at its end must not have
// changed anything before. Its rules go into `rules` on the way, which is then sorted (PolicyRecords::start_reading).
// Any thread; progress in octets. Errors: invalid (no list, or no rule in it), too_large, io.
Result<ListReading> check_list(const ListConfig& list, const std::filesystem::path& bytes,
                               std::shared_ptr<store::RuleSorter> rules, const CountProgress& progress);

// The rules of a list that was checked, compared with those in the store; changes nothing. Once a reading. Any thread;
// progress in rules. Errors: those of the store; io (the rules cannot all be read back).
Result<std::unique_ptr<PreparedImport>> prepare_list(const PolicyRecords& store, ListId id, ListReading& reading,
                                                     const std::function<void(std::uint64_t)>& progress);

}  // namespace weir::sidecar
