#include "zones/store/write_changes.h"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <future>
#include <string>
#include <vector>

#include "zones/dns/reversed_name.h"
#include "zones/store/beside.h"
#include "zones/store/entry_match.h"
#include "zones/store/spool.h"

namespace weir::store {
namespace {

// The changes of one target: a name, a prefix.
struct Group {
  struct Changed {
    Entry entry;
    std::uint64_t line;
    bool added;
  };
  RuleSpace space = RuleSpace::name;
  std::string target;
  std::vector<Changed> changes;
};

// Groups the changes by their targets, of the name space or of all others.
class GroupReader {
 public:
  GroupReader(const ChangeSet& changes, ListId list, bool names) : reader_(changes), list_(list), names_(names) {
    advance();
  }

  // False at the end or after a failure.
  bool next(Group& group) {
    if (!has_ || !status_) return false;
    group.space = key_.space;
    group.target.assign(key_.target);
    group.changes.clear();
    while (has_ && key_.space == group.space && key_.target == group.target) {
      if (group.changes.size() >= 2 * kMaxRulesOnTarget) {
        status_ = too_many(group);
        return false;
      }
      group.changes.push_back({make_entry(key_, list_, change_.interval.detail), change_.interval.line, change_.added});
      advance();
    }
    return status_.has_value();
  }
  const Result<void>& status() const { return status_; }

  static Error too_many(const Group& group) {
    const auto name = ReversedName::to_name(group.target);
    return {ErrorCode::too_large, "more than " + std::to_string(kMaxRulesOnTarget) + " rules on " +
                                      (group.space == RuleSpace::name && name ? name->to_text() : "one target")};
  }

 private:
  // Names come last.
  void advance() {
    has_ = false;
    while (reader_.next(change_)) {
      const auto key = decode_rule_key(change_.key);
      if (!key) {
        status_ = corrupt("sources");
        return;
      }
      key_ = *key;
      const bool is_name = key_.space == RuleSpace::name;
      if (is_name && !names_) return;
      if (is_name != names_) continue;
      has_ = true;
      return;
    }
    if (auto status = reader_.status(); !status) status_ = status;
  }

  ChangeReader reader_;
  const ListId list_;
  const bool names_;
  RuleChange change_;
  RuleKey key_;
  bool has_ = false;
  Result<void> status_;
};

Result<void> write_sources(ListId list, const ChangeSet& changes, std::uint64_t effective, AtomicWrite& out) {
  std::string key = sources_prefix(list, kOpenIntervals);
  const std::size_t prefix_size = key.size();
  std::string value;
  RuleChange change;
  ChangeReader opened(changes);
  while (opened.next(change)) {
    key.resize(prefix_size);
    key.append(change.key);
    if (change.added) {
      value.clear();
      append_open_value(value, change.interval);
      out.put(Family::sources, key, value);
    } else {
      out.erase(Family::sources, key);
    }
  }
  if (auto status = opened.status(); !status || changes.removed() == 0) return status;
  ChangeReader closed_now(changes);
  while (closed_now.next(change)) {
    // What came and went between two generations was in none of them.
    if (change.added || change.interval.first >= effective) continue;
    Interval closed = change.interval;
    closed.last = effective - 1;
    value.clear();
    append_closed_value(value, closed);
    out.put(Family::sources, closed_key(list, change.key, closed.first), value);
  }
  return closed_now.status();
}

// The numbers of one list's rules on a target, as the database has them; a rule that comes only now is not among them.
Result<void> read_numbers(const Database& database, std::uint32_t list, const Group& group,
                          std::vector<NumberedEntry>& entries) {
  const std::string all = sources_prefix({list}, kOpenIntervals);
  std::string from = all;
  put_u8(from, static_cast<std::uint8_t>(group.space));
  from.append(group.target);
  const auto open = database.iterate(Family::sources);
  for (open->Seek(from); open->Valid() && view(open->key()).starts_with(from); open->Next()) {
    const auto key = decode_rule_key(view(open->key()).substr(all.size()));
    const auto interval = decode_open(view(open->value()));
    if (!key || !interval) return corrupt("sources");
    // What is below the name comes behind all that is on it.
    if (key->target != group.target) break;
    const Entry entry = make_entry(*key, {list}, interval->detail);
    for (NumberedEntry& one : entries) {
      if (one.entry == entry) one.number = interval->line;
    }
  }
  return open->status().ok() ? Result<void>() : to_error(open->status(), "sources");
}

// Only where rules of one's own meet on a target are their numbers looked up.
Result<void> sort_entries(const Database& database, const Group& group, ListId changed, std::vector<Entry>& entries) {
  std::vector<NumberedEntry> numbered;
  numbered.reserve(entries.size());
  for (const Entry& entry : entries) numbered.push_back({entry, 0});
  for (const ListId list : {kLocalRules, kOverlays}) {
    const auto of_list = [&](const Entry& entry) { return entry.list == list.value; };
    if (std::count_if(entries.begin(), entries.end(), of_list) < 2) continue;
    if (auto read = read_numbers(database, list.value, group, numbered); !read) return read;
  }
  if (is_numbered(changed.value)) {
    for (const auto& [entry, line, added] : group.changes) {
      for (NumberedEntry& one : numbered) {
        if (added && one.entry == entry) one.number = line;
      }
    }
  }
  std::sort(numbered.begin(), numbered.end(), entry_order);
  std::transform(numbered.begin(), numbered.end(), entries.begin(), [](const auto& one) { return one.entry; });
  return {};
}

// `entries` after the changes of one target. Errors: corrupt (what is to be removed is not there), too_large, io.
Result<void> change_entries(const Database& database, std::vector<Entry>& entries, const Group& group, ListId list,
                            std::int64_t& opens) {
  const auto of_others = [list](const Entry& entry) { return entry.list != list.value; };
  const auto others = std::partition(entries.begin(), entries.end(), of_others) - entries.begin();
  const std::size_t before = entries.size();
  for (const auto& [entry, line, added] : group.changes) {
    if (added) {
      entries.push_back(entry);
    } else {
      const auto found = std::find(entries.begin() + others, entries.end(), entry);
      if (found == entries.end()) return corrupt("names");
      entries.erase(found);
    }
    if (entry.opens()) opens += added ? 1 : -1;
  }
  const std::size_t own = entries.size() - static_cast<std::size_t>(others);
  if (own > kMaxRulesOnTarget && entries.size() > before) return GroupReader::too_many(group);
  return sort_entries(database, group, list, entries);
}

bool read_entries(ByteReader& reader, std::vector<Entry>& entries) {
  while (reader.ok() && !reader.at_end()) entries.push_back(read_entry(reader));
  return reader.ok();
}

// The names family: what stands on the changed names, and what all their ancestors say is below them.
class NamesPass {
 public:
  NamesPass(const Database& database, ListId list, const std::filesystem::path& scratch, KnownNames& known,
            LabelCounts& counts, AtomicWrite& out)
      : database_(database), list_(list), known_(known), counts_(counts), out_(out), names_(scratch), emits_(scratch) {}

  Result<void> run(const ChangeSet& changes) {
    present_ = database_.iterate(Family::names);
    present_->SeekToFirst();
    database_empty_ = !present_->Valid();
    GroupReader groups(changes, list_, true);
    Group group;
    while (groups.next(group)) {
      if (auto resolved = resolve(group); !resolved) return resolved;
    }
    if (!groups.status()) return groups.status();
    if (auto finished = names_.finish(); !finished) return finished;
    if (!carry_to_ancestors()) return failure();
    if (auto finished = emits_.finish(); !finished) return finished;
    SpoolReader emitted(emits_, SpoolReader::Direction::backwards);
    std::string_view record;
    while (emitted.next(record)) {
      ByteReader reader(record);
      const std::string_view key = reader.bytes();
      if (reader.at_end()) {
        out_.erase(Family::names, key);
      } else {
        out_.put(Family::names, key, reader.rest());
      }
    }
    return emitted.status();
  }

 private:
  // In names_: key; below, as the database has it, as a header; opens; keys; value.
  struct ChangedName {
    std::string_view key;
    std::string_view value;   // header octet 0 and entries; empty: no rule is left
    std::string_view header;  // empty: nothing below
    std::int64_t opens = 0;   // change of this list's entries that let something through
    std::int64_t keys = 0;    // 1: newly there, -1: gone
  };
  // What changed strictly below one ancestor of the name at hand.
  struct Frame {
    std::size_t size;  // of its key, a prefix of the name's
    std::int64_t keys = 0;
    std::int64_t opens = 0;
  };

  Result<void> failure() const {
    if (!spool_status_) return spool_status_;
    if (!status_.ok()) return to_error(status_, "names");
    return corrupt("names");
  }

  // First pass, in ascending order: the entries of one name before and after.
  Result<void> resolve(const Group& group) {
    const std::string& key = group.target;
    std::vector<Entry>& entries = entries_;
    entries.clear();
    Below below;
    const bool is_new = known_.is_read() && !known_.may_exist(key) && !known_.may_have_below(key);
    const bool found = !is_new && seek(key);
    const bool existed = found && view(present_->key()) == key;
    if (existed) {
      ByteReader reader(view(present_->value()));
      below = read_names_header(reader);
      if (!read_entries(reader, entries)) return failure();
    } else if (found && view(present_->key()).starts_with(key)) {
      if (!sum_below(key, below)) return failure();
    }
    if (!status_.ok()) return failure();
    ChangedName name{key, {}, {}, 0, 0};
    if (auto changed = change_entries(database_, entries, group, list_, name.opens); !changed) return changed;
    name.keys = (entries.empty() ? 0 : 1) - (existed ? 1 : 0);
    if (name.keys > 0 && known_.is_read()) known_.add(key);
    if (name.keys != 0) counts_[ReversedName::count_labels(key)] += static_cast<std::uint64_t>(name.keys);
    scratch_.clear();
    put_bytes(scratch_, key);
    header_.clear();
    if (!below.empty()) append_names_header(header_, below);
    put_bytes(scratch_, header_);
    put_u64(scratch_, static_cast<std::uint64_t>(name.opens));
    put_u64(scratch_, static_cast<std::uint64_t>(name.keys));
    if (!entries.empty()) scratch_.push_back('\0');
    for (const Entry& entry : entries) append_entry(scratch_, entry);
    names_.add(scratch_);
    return {};
  }

  static bool read_name(std::string_view record, ChangedName& name) {
    ByteReader reader(record);
    name.key = reader.bytes();
    name.header = reader.bytes();
    name.opens = static_cast<std::int64_t>(reader.u64());
    name.keys = static_cast<std::int64_t>(reader.u64());
    name.value = reader.rest();
    return reader.ok();
  }

  // Brings the iterator to the first key at or behind `key`; keys come in ascending order.
  bool seek(std::string_view key) {
    if (database_empty_) return false;
    for (int step = 0; step < 4 && present_->Valid() && view(present_->key()) < key; ++step) present_->Next();
    if (present_->Valid() && view(present_->key()) < key) present_->Seek(slice(key));
    status_ = present_->status();
    return present_->Valid();
  }

  // A name that gets its first rule finds out what is below it already.
  bool sum_below(std::string_view key, Below& below) {
    if (!walker_) walker_ = database_.iterate(Family::names);
    for (walker_->Seek(slice(key)); walker_->Valid() && view(walker_->key()).starts_with(key); walker_->Next()) {
      ++below.keys;
      ByteReader reader(view(walker_->value()));
      (void)walk_names_header(reader, [](std::uint32_t) {});
      while (reader.ok() && !reader.at_end()) {
        const Entry entry = read_entry(reader);
        if (entry.opens()) change_opens(below, entry.list, 1);
      }
      if (!reader.ok()) return false;
    }
    status_ = walker_->status();
    return status_.ok();
  }

  static void change_opens(Below& below, std::uint32_t list, std::int64_t delta) {
    const auto at = std::lower_bound(below.opens.begin(), below.opens.end(), list,
                                     [](const OpensBelow& opens, std::uint32_t id) { return opens.list < id; });
    if (at != below.opens.end() && at->list == list) {
      at->count += static_cast<std::uint64_t>(delta);
      if (at->count == 0) below.opens.erase(at);
    } else if (delta > 0) {
      below.opens.insert(at, {list, static_cast<std::uint64_t>(delta)});
    }
  }

  // Second pass, in descending order: descendants come before their ancestors, so what changed below a name is known
  // when the name's turn comes, and emits_ is in descending order too.
  bool carry_to_ancestors() {
    std::vector<Frame> frames;
    std::string last;  // the name that the frames belong to
    SpoolReader names(names_, SpoolReader::Direction::backwards);
    std::string_view record;
    ChangedName name;
    while (names.next(record)) {
      if (!read_name(record, name) || !leave_ancestors(frames, last, name.key)) return false;
      Frame below{name.key.size()};
      if (!frames.empty() && frames.back().size == name.key.size()) {
        below = frames.back();
        frames.pop_back();
      }
      if (!emit(name, below)) return false;
      const std::size_t known = frames.empty() ? SIZE_MAX : frames.back().size;
      for (std::size_t size = 0; size < name.key.size(); size += static_cast<std::uint8_t>(name.key[size]) + 1U) {
        if (known == SIZE_MAX || size > known) frames.push_back({size});
      }
      if (!frames.empty() && !name.key.empty()) {
        frames.back().keys += below.keys + name.keys;
        frames.back().opens += below.opens + name.opens;
      }
      last.assign(name.key);
    }
    spool_status_ = names.status();
    return spool_status_ && leave_ancestors(frames, last, std::nullopt);
  }

  // Finishes the ancestors of `last` that are not ancestors of `next` (nor it): nothing below them is still to come.
  bool leave_ancestors(std::vector<Frame>& frames, std::string_view last, std::optional<std::string_view> next) {
    while (!frames.empty()) {
      const Frame frame = frames.back();
      const std::string_view key = last.substr(0, frame.size);
      if (next && next->starts_with(key)) break;
      frames.pop_back();
      if (frame.keys != 0 || frame.opens != 0) {
        if (!update_ancestor(key, frame)) return false;
        if (!frames.empty()) {
          frames.back().keys += frame.keys;
          frames.back().opens += frame.opens;
        }
      }
    }
    return true;
  }

  // An ancestor whose own rules stay as they are.
  bool update_ancestor(std::string_view key, const Frame& frame) {
    if (database_empty_ || (known_.is_read() && !known_.may_exist(key))) return true;
    rocksdb::PinnableSlice value;
    status_ = database_.db().Get({}, database_.family(Family::names), slice(key), &value);
    if (status_.IsNotFound()) {
      status_ = {};
      return true;
    }
    if (!status_.ok()) return false;
    ByteReader reader(view(value));
    Below below = read_names_header(reader);
    if (!reader.ok()) return false;
    emit_value(key, below, frame, reader.rest());
    return true;
  }

  bool emit(const ChangedName& name, const Frame& frame) {
    if (name.value.empty() || (name.header.empty() && frame.keys == 0 && frame.opens == 0)) {
      add_emit(name.key, name.value);
      return true;
    }
    ByteReader reader(name.header);
    Below below = name.header.empty() ? Below() : read_names_header(reader);
    emit_value(name.key, below, frame, name.value.substr(1));
    return reader.ok();
  }

  void emit_value(std::string_view key, Below& below, const Frame& frame, std::string_view entries) {
    below.keys += static_cast<std::uint64_t>(frame.keys);
    if (frame.opens != 0) change_opens(below, list_.value, frame.opens);
    header_.clear();
    append_names_header(header_, below);
    header_.append(entries);
    add_emit(key, header_);
  }

  // An empty value: the key is erased.
  void add_emit(std::string_view key, std::string_view value) {
    scratch_.clear();
    put_bytes(scratch_, key);
    scratch_.append(value);
    emits_.add(scratch_);
  }

  const Database& database_;
  const ListId list_;
  KnownNames& known_;
  LabelCounts& counts_;
  AtomicWrite& out_;
  std::unique_ptr<rocksdb::Iterator> present_;
  std::unique_ptr<rocksdb::Iterator> walker_;
  bool database_empty_ = false;
  rocksdb::Status status_;
  Result<void> spool_status_;
  Spool names_;
  Spool emits_;
  std::vector<Entry> entries_;
  std::string scratch_;
  std::string header_;
};

// Rules on addresses, clients and name servers: no ancestors, one record a target.
Result<void> write_payload_entries(const Database& database, ListId list, const ChangeSet& changes, KeyCounts& counts,
                                   AtomicWrite& out) {
  std::string value;
  std::vector<Entry> entries;
  GroupReader groups(changes, list, false);
  Group group;
  while (groups.next(group)) {
    const std::string key = address_key(group.space, group.target);
    const auto existed = database.find(Family::payload, key, value);
    if (!existed) return existed.error();
    entries.clear();
    ByteReader reader(*existed ? std::string_view(value) : std::string_view());
    std::int64_t opens = 0;
    if (!read_entries(reader, entries)) return corrupt("payload");
    if (auto changed = change_entries(database, entries, group, list, opens); !changed) return changed;
    const int delta = (entries.empty() ? 0 : 1) - (*existed ? 1 : 0);
    if (entries.empty()) {
      out.erase(Family::payload, key);
    } else {
      std::string encoded;
      for (const Entry& entry : entries) append_entry(encoded, entry);
      out.put(Family::payload, key, encoded);
    }
    if (group.space == RuleSpace::ns_name || delta == 0) continue;
    const auto prefix = decode_prefix(group.target);
    if (!prefix) return corrupt("payload");
    Lengths& lengths = counts.of(group.space);
    auto& of_family = prefix->address.family == AddressFamily::ipv4 ? lengths.ipv4 : lengths.ipv6;
    of_family[prefix->length] += static_cast<std::uint64_t>(static_cast<std::int64_t>(delta));
  }
  return groups.status();
}

Result<void> write_payloads(const ChangeSet& changes, AtomicWrite& out) {
  if (changes.payloads() == 0) return {};
  ChangeReader reader(changes);
  RuleChange change;
  while (reader.next(change)) {
    if (change.added && !change.payload.empty())
      out.put(Family::payload, payload_key(change.interval.detail), change.payload);
  }
  return reader.status();
}

}  // namespace

Result<void> write_changes(const Database& database, ListId list, const ChangeSet& changes, std::uint64_t effective,
                           const std::filesystem::path& scratch, KnownNames& known, KeyCounts& counts, ListState& state,
                           AtomicWrite& out) {
  const auto sources = [&] { return write_sources(list, changes, effective, out); };
  const auto others = [&]() -> Result<void> {
    if (auto written = write_payload_entries(database, list, changes, counts, out); !written) return written;
    if (auto written = write_payloads(changes, out); !written) return written;
    return NamesPass(database, list, scratch, known, counts.labels, out).run(changes);
  };
  if (out.is_large()) {
    auto beside = run_beside(sources);
    const Result<void> written = others();
    if (auto done = beside.get(); !done || !written) return done ? written : done;
  } else {
    if (auto written = sources(); !written) return written;
    if (auto written = others(); !written) return written;
  }

  out.put(Family::payload, counts_key(RuleSpace::name), encode_label_counts(counts.labels));
  for (const RuleSpace space : {RuleSpace::address, RuleSpace::ns_address, RuleSpace::client}) {
    out.put(Family::payload, counts_key(space), encode(counts.of(space)));
  }
  add(state.sum, changes.sum_added());
  subtract(state.sum, changes.sum_removed());
  for (std::size_t i = 0; i < state.triggers.size(); ++i) state.triggers[i] += changes.triggers()[i];
  state.rules = state.rules + changes.added() - changes.removed();
  ++state.changes;
  return {};
}

}  // namespace weir::store
