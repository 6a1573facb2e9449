// Which version of a list is in force behind any sequence of imports and roll-backs.
#include "tools/sidecar/list_versions.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace weir::sidecar::list_versions_test {
namespace {

// What was published, oldest first: an import of the list (its number), a roll-back of the list to one, of everything
// to a generation, or something else.
struct Event {
  enum class Kind : std::uint8_t { import, list_rollback, generation_rollback, other, unpublished } kind;
  std::uint64_t number = 0;
};

Event import(std::uint64_t number) {
  return {Event::Kind::import, number};
}
Event back_to_import(std::uint64_t number) {
  return {Event::Kind::list_rollback, number};
}
Event back_to_generation(std::uint64_t number) {
  return {Event::Kind::generation_rollback, number};
}
// Recorded, and about to be published.
Event recorded(std::uint64_t number) {
  return {Event::Kind::unpublished, number};
}
Event other() {
  return {Event::Kind::other, 0};
}

std::string found(const std::vector<Event>& events) {
  std::vector<ImportRecord> imports;
  std::vector<PublishedGeneration> generations;
  std::uint64_t next_import = 100;  // of the roll-backs' own records
  for (const Event& event : events) {
    if (event.kind == Event::Kind::unpublished) {
      ImportRecord& record = imports.emplace_back();
      record.import = {event.number};
      record.first_generation = {generations.size() + 1};
      continue;
    }
    PublishedGeneration& generation = generations.emplace_back();
    generation.number = {generations.size()};
    generation.published_at = WallTime(std::chrono::seconds(1000 * generations.size()));
    generation.reason = "rule add";
    if (event.kind == Event::Kind::generation_rollback) {
      generation.reason = rollback_reason({event.number}, "bob");
    } else if (event.kind != Event::Kind::other) {
      ImportRecord& record = imports.emplace_back();
      const bool is_import = event.kind == Event::Kind::import;
      record.import = {is_import ? event.number : next_import++};
      record.first_generation = generation.number;
      record.provenance.who = "alice";
      record.provenance.fetched_at = generation.published_at;
      if (!is_import) record.note = "rollback to import " + std::to_string(event.number);
    }
  }
  std::reverse(imports.begin(), imports.end());
  std::reverse(generations.begin(), generations.end());
  const auto rolled_back = find_rolled_back(imports, generations);
  if (!rolled_back) return "newest";
  const auto since = std::chrono::duration_cast<std::chrono::seconds>(rolled_back->since.time_since_epoch()).count();
  return std::to_string(rolled_back->in_force.value) + " of " + std::to_string(rolled_back->newest.value) + ", " +
         rolled_back->how + ", generation " + std::to_string(since / 1000);
}

TEST(ListVersions, OfAnySequenceOfRollbacks) {
  const struct {
    std::vector<Event> events;
    const char* expected;
  } rows[] = {
      {{}, "newest"},
      {{other()}, "newest"},
      {{other(), import(1)}, "newest"},
      {{import(1), import(2)}, "newest"},
      {{import(1), import(2), other()}, "newest"},
      {{import(1), import(2), back_to_import(1)}, "1 of 2, list rollback by alice, generation 3"},
      {{import(1), import(2), back_to_import(1), other()}, "1 of 2, list rollback by alice, generation 3"},
      {{import(1), import(2), back_to_import(1), back_to_import(2)}, "newest"},
      {{import(1), import(2), back_to_import(1), import(3)}, "newest"},
      {{import(1), import(2), back_to_generation(1)}, "1 of 2, generation rollback to 1 by bob, generation 3"},
      {{other(), import(1), back_to_generation(1)}, "0 of 1, generation rollback to 1 by bob, generation 3"},
      {{import(1), import(2), back_to_generation(1), other(), back_to_generation(4)},
       "1 of 2, generation rollback to 4 by bob, generation 5"},
      {{import(1), import(2), back_to_generation(1), back_to_generation(2)}, "newest"},
      {{import(1), import(2), back_to_import(1), import(3), back_to_generation(3)},
       "1 of 3, generation rollback to 3 by bob, generation 5"},
      {{import(1), import(2), back_to_generation(1), back_to_import(2)}, "newest"},
      {{import(1), import(2), back_to_generation(1), import(3)}, "newest"},
      {{other(), recorded(1)}, "newest"},
      {{import(1), recorded(2)}, "newest"},
      {{import(1), import(2), back_to_import(1), recorded(3)}, "1 of 2, list rollback by alice, generation 3"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(found(row.events), row.expected) << row.events.size() << " events, row " << (&row - rows);
  }
}

TEST(ListVersions, AReasonIsReadAsItWasWritten) {
  EXPECT_EQ(rollback_target(rollback_reason({12}, "bob")), GenerationNumber{12});
  for (const char* reason : {"", "rollback to ", "rollback to import 3", "rule add rollback to 3", "list x: rollback"})
    EXPECT_FALSE(rollback_target(reason).has_value()) << reason;
}

}  // namespace
}  // namespace weir::sidecar::list_versions_test
