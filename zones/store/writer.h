// The one writer of the policy store; the sidecar holds it. Not thread-safe: one thread calls it (PolicyRecords aside).
//
// Layout on disk, below `store`: policy/live (the writer's RocksDB), policy/generations/<number>
// (checkpoints), policy/current (the published number, replaced by rename), policy/LOCK.
// Every change is: change the live database in one atomic step, then publish(). A crash at any point
// leaves the last published generation in force; a power failure right behind publish() may damage its checkpoint,
// which open() then makes again from the live database.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "zones/base/ids.h"
#include "zones/base/result.h"
#include "zones/base/time.h"
#include "zones/policy.h"
#include "zones/rule.h"
#include "zones/store/generation.h"

namespace weir {

namespace store {
class RuleSorter;
}

// Where the rules of one import came from.
struct Provenance {
  std::string source;  // URL or file
  std::string sha256;  // of the bytes, hex; of changes to a zone of their text, which names what they change
  std::string etag;    // empty: none
  std::string signer;  // empty: unsigned
  std::string who;     // user or "schedule"
  std::string reason;  // as the user said; empty: not said
  WallTime fetched_at;
  std::uint64_t size_bytes = 0;
  std::string counts_json;  // the buckets of SEMANTICS section 1, as JSON
};

// Gives the rules of one import in any order, one after the other; nothing at the end. Duplicates
// (same pattern, action and detail) keep the first line. An error is the last thing it gives: half a list is no list.
using RuleStream = std::function<Result<std::optional<SourcedRule>>()>;

struct ImportOutcome {
  ImportId import;
  std::uint64_t rules = 0;  // in the list now
  std::uint64_t added = 0;
  std::uint64_t removed = 0;
  std::uint64_t unchanged = 0;
};

enum class Change : std::uint8_t { added, removed };

// A version of a list, compared with the one in the live database and not written: what it would add and take away.
// Guards and dry runs look at it; import() commits exactly it. It must not outlive its store. One thread at a time.
class PreparedImport {
 public:
  virtual ~PreparedImport() = default;

  virtual ListId list() const = 0;
  virtual std::uint64_t added() const = 0;
  virtual std::uint64_t removed() const = 0;
  virtual std::uint64_t unchanged() const = 0;
  std::uint64_t rules_before() const { return unchanged() + removed(); }
  std::uint64_t rules_after() const { return unchanged() + added(); }

  // Each rule that comes or goes, in the order of their keys, until `each` says false.
  virtual Result<void> for_each(Change change, const std::function<bool(const SourcedRule&)>& each) const = 0;
  // The same, of those alone that stand on `name` itself: an exact name, a subtree, what is below it, and globs and
  // regular expressions that are filed under it.
  // A binary search: for asking about many names.
  virtual Result<void> find(Change change, const Name& name,
                            const std::function<void(const SourcedRule&)>& each) const = 0;
};

// A generation outside of the sequence: the live state with changes that nobody committed. For dry runs, guards and
// what-if; its directory goes with it.
class Candidate {
 public:
  Candidate(std::filesystem::path root, std::uint64_t id) : root_(std::move(root)), id_(id) {}
  Candidate(const Candidate&) = delete;
  Candidate& operator=(const Candidate&) = delete;
  ~Candidate();

  // Where checkpoint() lies: <store>/policy/candidates/<id>/policy/generations/<number>.
  std::uint64_t id() const { return id_; }
  GenerationNumber number() const { return number_; }
  const std::filesystem::path& checkpoint() const { return checkpoint_; }  // for Generation::open
  void set_checkpoint(GenerationNumber number, std::filesystem::path checkpoint) {
    number_ = number;
    checkpoint_ = std::move(checkpoint);
  }

 private:
  const std::filesystem::path root_;
  const std::uint64_t id_;
  GenerationNumber number_;
  std::filesystem::path checkpoint_;
};

struct ImportRecord {
  ImportId import;
  ListId list;
  GenerationNumber first_generation;  // that showed it
  ImportOutcome outcome;
  Provenance provenance;
  std::string note;  // "rollback to import 3", empty for a plain one
};

struct PublishedGeneration {
  GenerationNumber number;
  NamesEpoch names_epoch;
  WallTime published_at;
  std::string fingerprint;
  std::string reason;            // "import ads", "rule add example.org", "rollback to 12"
  bool on_disk = false;          // its checkpoint still exists
  std::uint64_t size_bytes = 0;  // of the files that only this checkpoint holds
};

struct WriterOptions {
  std::size_t block_cache_bytes = 32 << 20;
  unsigned keep_generations = 10;  // and one an hour for a day
};

class PolicyStore;

// What the writer's database tells about itself. Any thread, also while the writer's thread is in the middle of an
// import: each call sees what was written whole before it began.
class PolicyRecords {
 public:
  virtual ~PolicyRecords() = default;

  virtual Result<std::vector<SourcedRule>> rules_of(ListId list, std::size_t limit) const = 0;
  // As they were in a generation, of which nothing but the intervals need be left.
  virtual Result<std::vector<SourcedRule>> past_rules_of(ListId list, GenerationNumber at, std::size_t limit) const = 0;
  virtual Result<PolicySet> past_policies(GenerationNumber at) const = 0;
  virtual Result<std::vector<PublishedGeneration>> generations() const = 0;  // newest first

  // In how many places a look-up of a name searches: one behind merge_tables(), some more behind large imports.
  virtual unsigned places_to_search() const = 0;
  // Makes them one, while others write. Takes a second for some millions of rules; ends early where `stop` becomes
  // true. Changes no rule and no generation: see PolicyStore::renew(). Errors: io.
  virtual Result<void> merge_tables(std::atomic<bool>& stop) const = 0;
  virtual bool has_merged_tables() const = 0;  // PolicyStore::renew() would gain something now

  virtual Result<std::vector<ImportRecord>> history(ListId list) const = 0;  // newest first
  // What was in force at a moment, from the validity intervals; no older than the store. It must not outlive this.
  // Errors: not_found (nothing was published yet), corrupt, io.
  virtual Result<std::shared_ptr<const RulesInForce>> rules_at(WallTime time) const = 0;

  // Reads all of `rules` and compares them with the list. Changes nothing. Errors: those of `rules`, too_large,
  // corrupt, io. `progress` is told the rules done, now and then.
  virtual Result<std::unique_ptr<PreparedImport>> prepare(ListId list, const RuleStream& rules,
                                                          const std::function<void(std::uint64_t)>& progress) const = 0;
  // What takes the rules of a reading of `list` for prepare(): those that it has already are left out at once.
  virtual std::shared_ptr<store::RuleSorter> start_reading(ListId list) const = 0;
  // The same of rules that are sorted; they are read to their end. Further error: busy (the list was changed since
  // start_reading()).
  virtual Result<std::unique_ptr<PreparedImport>> prepare(ListId list, store::RuleSorter& rules,
                                                          const std::function<void(std::uint64_t)>& progress) const = 0;

  // The list as it is without the rules of `gone` and with those of `come`; a rule of both stays as it is. What else is
  // in the list is not looked at. Changes nothing. Errors: those of the streams; not_found (one of `gone` is not in the
  // list), exists (one of `come` is), too_large, corrupt, io.
  virtual Result<std::unique_ptr<PreparedImport>> prepare_changes(ListId list, const RuleStream& gone,
                                                                  const RuleStream& come) const = 0;
  // One short text for what a list holds: equal rules, equal text. Errors: corrupt, io.
  virtual Result<std::string> contents(ListId list) const = 0;

  // Every rule that `list` has now, in the order of the keys, until `each` says false. Errors: corrupt, io.
  virtual Result<void> visit(ListId list, const std::function<bool(const SourcedRule&)>& each) const = 0;
  // What import `to` of a list had and import `from` had not, and the other way round, in the order of the keys, until
  // `each` says false. Errors: not_found (no such import, or none that was published), corrupt, io.
  virtual Result<void> compare(ListId list, ImportId from, ImportId to,
                               const std::function<bool(Change, const SourcedRule&)>& each) const = 0;

  // A copy of the live state (hard links) with `change` made in it; what `change` is given has the same contents and
  // ids, and is gone behind it. The live state and what is published stay as they are. Errors: those of `change`, io.
  virtual Result<std::unique_ptr<Candidate>> make_candidate(const std::function<Result<void>(PolicyStore&)>& change,
                                                            Now now) const = 0;
};

class PolicyStore : public PolicyRecords {
 public:
  // Errors: busy (a second sidecar), permission, incompatible, corrupt, io. Finishes a rollback or a
  // publish that a crash interrupted.
  static Result<std::unique_ptr<PolicyStore>> open(const std::filesystem::path& store, const WriterOptions& options,
                                                   Now now);

  // Compiles definitions into the live database: gives ids to new list names, keeps those of known
  // ones (also of removed ones that return). Ids in `wanted` are ignored, found by name. Rules of
  // lists that are gone are removed. Publishes nothing.
  virtual Result<PolicySet> define(const PolicySet& wanted) = 0;
  virtual const PolicySet& policies() const = 0;

  // Replaces the contents of `list` by `rules`: sorted merge-diff against what is there, one atomic
  // write (or one ingest where it is large). `progress` is told the rules done, now and then.
  // Errors: not_found (no such list), those of `rules`, too_large, corrupt, io; with any of them nothing has changed.
  // Publishes nothing; several imports may precede one publish.
  virtual Result<ImportOutcome> import(ListId list, const RuleStream& rules, const Provenance& provenance,
                                       const std::function<void(std::uint64_t)>& progress, Now now) = 0;

  // Writes what was prepared, in one atomic step. Errors: busy (the list was changed since), not_found (it is gone),
  // too_large, corrupt, io; with any of them nothing has changed. Publishes nothing.
  virtual Result<ImportOutcome> import(PreparedImport& prepared, const Provenance& provenance) = 0;

  // The administrator's own rules (ListId kLocalRules and other reserved lists): one rule more or less.
  virtual Result<void> add_rule(ListId list, const Rule& rule, const Provenance& provenance, Now now) = 0;
  virtual Result<bool> remove_rule(ListId list, const Rule& rule, const Provenance& provenance,
                                   Now now) = 0;  // false: not there

  // All of `gone` out and all of `come` in by one step, which a crash cannot cut: a rule that replaces another is never
  // neither. Errors as of prepare_changes() and import(): not_found (one of `gone` is not there), exists (one of `come`
  // is), too_large, corrupt, io; with any of them nothing has changed.
  virtual Result<ImportOutcome> change_rules(ListId list, std::span<const Rule> gone, std::span<const Rule> come,
                                             const Provenance& provenance) = 0;

  // One pause more or less (its id is given here); what define() sets leaves them alone. Publishes nothing.
  virtual Result<std::uint64_t> add_pause(const Pause& pause) = 0;
  virtual Result<bool> remove_pause(std::uint64_t id) = 0;  // false: not there

  // The SOA that a policy zone came with; what define() sets leaves it alone. Errors: not_found, io. Publishes nothing.
  virtual Result<void> set_zone_soa(ListId list, const ResourceRecord& soa) = 0;

  // Makes the checkpoint of the live database the generation in force. Changing nothing publishes nothing
  // and returns the number in force.
  virtual Result<GenerationNumber> publish(const std::string& reason, Now now) = 0;

  // Gives the generation in force the tables that were merged since it was published: the same rules under the same
  // number, with fewer places to search. False: there is nothing to gain, or something is under way. Errors: io.
  virtual Result<bool> renew() = 0;

  // Two halves: publishes the old checkpoint (or the state rebuilt from the intervals) under a new
  // number at once; then brings the live database to it. Definitions that differ stay pinned until the next define().
  // Timed exceptions stay as they are: what runs goes on, what has ended does not come back.
  virtual Result<GenerationNumber> rollback_generation(GenerationNumber to, const std::string& reason, Now now) = 0;
  // The list's rules as they were after `import`, as a new import; publishes. Where that is what it holds there is
  // nothing to do: the number in force.
  virtual Result<GenerationNumber> rollback_list(ListId list, ImportId import, const std::string& who, Now now) = 0;

  // Behind a step that ended in an error. What was committed and could not be published is taken back, so that it does
  // not come into force with whatever is published next; a roll-back that is in force is finished. Does nothing where
  // nothing is amiss. Errors: corrupt (the store must be opened anew); any other: once more, later, and no other step
  // before it went well.
  virtual Result<void> recover() = 0;

  virtual GenerationNumber published() const = 0;
  virtual std::filesystem::path checkpoint_path(GenerationNumber number) const = 0;
  virtual Result<std::uint64_t> rule_count(ListId list) = 0;
  // "" or why the definitions in force are not those of the files: "files differ from generation 12".
  virtual std::string pinned() const = 0;
  // "" or why open() had to make the generation in force again.
  virtual std::string mended() const = 0;
};

}  // namespace weir
