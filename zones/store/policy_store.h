// The one implementation of PolicyStore: its state, and what its parts (writer.cc, publish.cc, rollback.cc) share.
//
// What a crash leaves behind, by the record `state` of the live database and the file `current`:
//   state.number == current, nothing pending     changes that were not published yet, whole imports; they stay
//   pending publish, current == number - 1       a publish was begun: the live database holds exactly what it was
//                                                to publish (one thread, and nothing is written in between), so
//                                                open() makes the checkpoint again and puts it in force
//   pending publish, current == number           it was done; if a power failure came so soon behind it that the
//                                                checkpoint is not whole, open() makes it again
//   pending rollback, current == number - 1      the old checkpoint is linked (or rebuilt) and put in force, then
//   pending rollback, current == number          the live database is brought to it, list by list; each step
//                                                may be repeated, the last one clears what is pending
// A checkpoint that is not whole where nothing is pending (behind a rollback, or with later changes in the live
// database) is replaced by a new generation. Of older ones, which nobody needs at once, whoever opens one notices. A
// directory `*.tmp` or `*.del` below generations/ is half made or half removed: open() removes it.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "zones/base/lock_file.h"
#include "zones/store/change_set.h"
#include "zones/store/database.h"
#include "zones/store/files.h"
#include "zones/store/rule_cursor.h"
#include "zones/store/rule_sorter.h"
#include "zones/store/write_changes.h"
#include "zones/store/writer.h"

namespace weir::store {

class PolicyStoreImpl final : public PolicyStore {
 public:
  enum class Role : std::uint8_t { store, candidate };
  static Result<std::unique_ptr<PolicyStore>> open(const std::filesystem::path& store, const WriterOptions& options,
                                                   Now now, Role role = Role::store);

  Result<PolicySet> define(const PolicySet& wanted) override;
  const PolicySet& policies() const override { return policies_; }
  Result<ImportOutcome> import(ListId list, const RuleStream& rules, const Provenance& provenance,
                               const std::function<void(std::uint64_t)>& progress, Now now) override;
  Result<ImportOutcome> import(PreparedImport& prepared, const Provenance& provenance) override;
  std::shared_ptr<RuleSorter> start_reading(ListId list) const override;
  Result<std::unique_ptr<PreparedImport>> prepare(ListId list, RuleSorter& rules,
                                                  const std::function<void(std::uint64_t)>& progress) const override;
  Result<std::unique_ptr<PreparedImport>> prepare(ListId list, const RuleStream& rules,
                                                  const std::function<void(std::uint64_t)>& progress) const override;
  Result<std::unique_ptr<PreparedImport>> prepare_changes(ListId list, const RuleStream& gone,
                                                          const RuleStream& come) const override;
  Result<std::string> contents(ListId list) const override;
  Result<void> visit(ListId list, const std::function<bool(const SourcedRule&)>& each) const override;
  Result<void> compare(ListId list, ImportId from, ImportId to,
                       const std::function<bool(Change, const SourcedRule&)>& each) const override;
  Result<std::unique_ptr<Candidate>> make_candidate(const std::function<Result<void>(PolicyStore&)>& change,
                                                    Now now) const override;
  Result<void> add_rule(ListId list, const Rule& rule, const Provenance& provenance, Now now) override;
  Result<bool> remove_rule(ListId list, const Rule& rule, const Provenance& provenance, Now now) override;
  Result<ImportOutcome> change_rules(ListId list, std::span<const Rule> gone, std::span<const Rule> come,
                                     const Provenance& provenance) override;
  Result<std::vector<SourcedRule>> rules_of(ListId list, std::size_t limit) const override;
  Result<std::vector<SourcedRule>> past_rules_of(ListId list, GenerationNumber at, std::size_t limit) const override;
  Result<PolicySet> past_policies(GenerationNumber at) const override;
  Result<std::uint64_t> add_pause(const Pause& pause) override;
  Result<bool> remove_pause(std::uint64_t id) override;
  Result<void> set_zone_soa(ListId list, const ResourceRecord& soa) override;
  Result<GenerationNumber> publish(const std::string& reason, Now now) override;
  Result<GenerationNumber> rollback_generation(GenerationNumber to, const std::string& reason, Now now) override;
  Result<GenerationNumber> rollback_list(ListId list, ImportId import, const std::string& who, Now now) override;
  Result<bool> renew() override;
  unsigned places_to_search() const override;
  Result<void> merge_tables(std::atomic<bool>& stop) const override;
  bool has_merged_tables() const override;
  Result<void> recover() override;
  GenerationNumber published() const override { return published_; }
  std::filesystem::path checkpoint_path(GenerationNumber number) const override {
    return generation_path(store_, number);
  }
  Result<std::vector<PublishedGeneration>> generations() const override;
  Result<std::vector<ImportRecord>> history(ListId list) const override;
  Result<std::shared_ptr<const RulesInForce>> rules_at(WallTime time) const override;
  Result<std::uint64_t> rule_count(ListId list) override;
  std::string pinned() const override { return state_.pinned; }
  std::string mended() const override { return mended_; }
  Result<GenerationNumber> copy_to(const std::filesystem::path& target) const;  // store_copy.h

 private:
  PolicyStoreImpl() = default;

  // Opening.
  Result<void> load_state();
  Result<void> load_counts();
  Result<void> repair(Now now);
  Result<void> check_checkpoint(GenerationNumber number) const;
  void remove_leftovers();
  Result<ListState> read_list_state(ListId list) const;

  // What one list is to become, and how the step is recorded.
  struct ListStep {
    ListId list;
    ImportId import;  // 0: no record (a rollback, a removed list)
    const Provenance* provenance = nullptr;
    std::string note;
    std::uint64_t effective = 0;  // the generation that shows it first
    bool loaded = false;          // what ListState::loaded becomes
  };
  Result<ImportOutcome> write_list(const ListStep& step, RuleCursor& wanted,
                                   const std::function<void(std::uint64_t)>& progress);
  Result<ImportOutcome> commit_changes(const ListStep& step, const ChangeSet& changes, std::uint64_t next_payload);
  ListState state_of(ListId list) const;
  Result<void> write_policies(PolicySet changed);

  // Publishing.
  std::string fingerprint_now() const;
  Result<void> announce(StoreState& state, const GenerationInfo& info);
  Result<void> put_in_force(const GenerationInfo& info, const std::filesystem::path& prepared);
  Result<void> publish_live(const GenerationInfo& info);
  Result<GenerationInfo> info_of(GenerationNumber number);
  void thin_out(WallTime now);

  // After a failed step.
  Result<void> look_what_is_in_force();
  Result<void> take_back();

  // Rollback.
  Result<ImportRecord> find_published(ListId list, ImportId import) const;
  Result<void> finish_rollback();
  enum class Exceptions : std::uint8_t { kept, as_then };
  Result<void> bring_live_to(std::uint64_t generation, std::uint64_t effective, Exceptions exceptions);
  Result<bool> had_exceptions_of_now(std::uint64_t generation) const;
  Result<std::string> why_pinned(const PolicySet& policies, std::uint64_t effective) const;

  std::filesystem::path store_;
  WriterOptions options_;
  bool is_candidate_ = false;  // its directory holds no generation but the one that it will publish
  std::string mended_;
  std::optional<LockFile> lock_;  // policy/LOCK
  std::unique_ptr<Database> database_;
  StoreState state_;
  std::optional<StoreState> announced_;       // written down as about to be in force, and not known to be
  bool unpublished_ = false;                  // something was committed since the last publish
  std::uint64_t unpublished_changes_ = 0;     // rules that came and went since the last publish
  std::uint64_t first_revocable_import_ = 0;  // those before it were acknowledged
  std::string pinned_in_force_;               // state_.pinned at the last publish
  std::uint64_t defined_in_force_ = 0;        // likewise state_.defined_at
  GenerationNumber published_;
  std::atomic<unsigned> places_in_force_{0};  // places_to_search() at the last publish
  PolicySet policies_;
  std::map<ListId, ListState> list_states_;
  KeyCounts counts_;
  KnownNames known_;  // read with the first import that is worth it
  mutable std::atomic<std::uint64_t> next_candidate_{1};
  mutable std::atomic<std::uint64_t> next_present_file_{1};
};

// The rule of a key of `sources`, with the line of `interval`. Errors: corrupt, io.
Result<SourcedRule> make_sourced(const Database& database, std::string_view key, const Interval& interval);

std::string to_json(const ImportRecord& record);
Result<ImportRecord> import_record_from_json(std::string_view text);

}  // namespace weir::store
