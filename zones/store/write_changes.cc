#include "zones/store/write_changes.h"

#include <algorithm>
#include <span>

#include "zones/dns/reversed_name.h"
#include "zones/store/entry_match.h"

namespace weir::store {
namespace {

using Changes = std::span<const RuleChange>;

void write_sources(ListId list, Changes changes, std::uint64_t effective, AtomicWrite& out) {
  std::string key = sources_prefix(list, kOpenIntervals);
  const std::size_t prefix_size = key.size();
  std::string value;
  for (const RuleChange& change : changes) {
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
  for (const RuleChange& change : changes) {
    // What came and went between two generations was in none of them.
    if (change.added || change.interval.first >= effective) continue;
    Interval closed = change.interval;
    closed.last = effective - 1;
    value.clear();
    append_closed_value(value, closed);
    out.put(Family::sources, closed_key(list, change.key, closed.first), value);
  }
}

// `entries` after the changes of one target; false: what is to be removed is not there, the store is damaged.
bool change_entries(std::vector<Entry>& entries, Changes changes, ListId list, std::int64_t& opens) {
  for (const RuleChange& change : changes) {
    const auto key = decode_rule_key(change.key);
    if (!key) return false;
    const Entry entry = make_entry(*key, list, change.interval.detail);
    if (change.added) {
      entries.push_back(entry);
    } else {
      const auto found = std::find(entries.begin(), entries.end(), entry);
      if (found == entries.end()) return false;
      entries.erase(found);
    }
    if (entry.opens()) opens += change.added ? 1 : -1;
  }
  std::sort(entries.begin(), entries.end(), entry_order);
  return true;
}

bool read_entries(ByteReader& reader, std::vector<Entry>& entries) {
  while (reader.ok() && !reader.at_end()) entries.push_back(read_entry(reader));
  return reader.ok();
}

// Without the final 0 for names: the changes of one target.
std::string_view target_of(std::string_view rule_key) {
  const auto key = decode_rule_key(rule_key);
  return key ? key->target : std::string_view();
}

// The part of `changes` that shares the first one's target.
Changes first_group(Changes changes) {
  const std::string_view target = target_of(changes.front().key);
  std::size_t size = 1;
  while (size < changes.size() && changes[size].key[0] == changes.front().key[0] &&
         changes[size].key.substr(1).starts_with(target) && target_of(changes[size].key) == target) {
    ++size;
  }
  return changes.first(size);
}

// The names family: what stands on the changed names, and what all their ancestors say is below them.
class NamesPass {
 public:
  NamesPass(const Database& database, ListId list, LabelCounts& counts, AtomicWrite& out)
      : database_(database), list_(list), counts_(counts), out_(out) {}

  Result<void> run(Changes changes) {
    present_ = database_.iterate(Family::names);
    present_->SeekToFirst();
    database_empty_ = !present_->Valid();
    names_.reserve(changes.size());
    while (!changes.empty()) {
      const Changes group = first_group(changes);
      if (!resolve(group)) return failure();
      changes = changes.subspan(group.size());
    }
    if (!carry_to_ancestors()) return failure();
    for (auto emit = emits_.rbegin(); emit != emits_.rend(); ++emit) {
      if (emit->value.empty()) {
        out_.erase(Family::names, emit->key);
      } else {
        out_.put(Family::names, emit->key, emit->value);
      }
    }
    return {};
  }

 private:
  struct ChangedName {
    std::string_view key;
    std::string_view value;  // header octet 0 and entries; empty: no rule is left
    const Below* below;      // as the database has it; nullptr: nothing below
    std::int64_t opens;      // change of this list's entries that let something through
    std::int8_t keys;        // 1: newly there, -1: gone
  };
  struct Emit {
    std::string_view key;
    std::string_view value;  // empty: erase
  };
  // What changed strictly below one ancestor of the name at hand.
  struct Frame {
    std::size_t size;  // of its key, a prefix of the name's
    std::int64_t keys = 0;
    std::int64_t opens = 0;
  };

  Result<void> failure() const {
    if (!status_.ok()) return to_error(status_, "names");
    return corrupt("names");
  }

  // First pass, in ascending order: the entries of one name before and after.
  bool resolve(Changes group) {
    const std::string_view key = arena_.store(target_of(group.front().key));
    std::vector<Entry>& entries = entries_;
    entries.clear();
    Below below;
    const bool existed = seek(key) && view(present_->key()) == key;
    if (existed) {
      ByteReader reader(view(present_->value()));
      below = read_names_header(reader);
      if (!read_entries(reader, entries)) return false;
    } else if (present_->Valid() && view(present_->key()).starts_with(key)) {
      if (!sum_below(key, below)) return false;
    }
    if (!status_.ok()) return false;
    ChangedName name{key, {}, nullptr, 0, 0};
    if (!change_entries(entries, group, list_, name.opens)) return false;
    if (!entries.empty()) {
      scratch_.assign(1, '\0');
      for (const Entry& entry : entries) append_entry(scratch_, entry);
      name.value = arena_.store(scratch_);
    }
    name.keys = static_cast<std::int8_t>((entries.empty() ? 0 : 1) - (existed ? 1 : 0));
    if (!below.empty()) name.below = &belows_.emplace_back(std::move(below));
    if (name.keys != 0) counts_[ReversedName::count_labels(key)] += static_cast<std::uint64_t>(name.keys);
    names_.push_back(name);
    return true;
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
    std::string_view last;  // the name that the frames belong to
    for (auto name = names_.rbegin(); name != names_.rend(); ++name) {
      if (!leave_ancestors(frames, last, name->key)) return false;
      Frame below{name->key.size()};
      if (!frames.empty() && frames.back().size == name->key.size()) {
        below = frames.back();
        frames.pop_back();
      }
      emit(*name, below);
      const std::size_t known = frames.empty() ? SIZE_MAX : frames.back().size;
      for (std::size_t size = 0; size < name->key.size(); size += static_cast<std::uint8_t>(name->key[size]) + 1U) {
        if (known == SIZE_MAX || size > known) frames.push_back({size});
      }
      if (!frames.empty() && !name->key.empty()) {
        frames.back().keys += below.keys + name->keys;
        frames.back().opens += below.opens + name->opens;
      }
      last = name->key;
    }
    return leave_ancestors(frames, last, std::nullopt);
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
    if (database_empty_) return true;
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

  void emit(const ChangedName& name, const Frame& frame) {
    if (name.value.empty()) {
      emits_.push_back({name.key, {}});
    } else if (name.below == nullptr && frame.keys == 0 && frame.opens == 0) {
      emits_.push_back({name.key, name.value});
    } else {
      Below below = name.below != nullptr ? *name.below : Below();
      emit_value(name.key, below, frame, name.value.substr(1));
    }
  }

  void emit_value(std::string_view key, Below& below, const Frame& frame, std::string_view entries) {
    below.keys += static_cast<std::uint64_t>(frame.keys);
    if (frame.opens != 0) change_opens(below, list_.value, frame.opens);
    scratch_.clear();
    append_names_header(scratch_, below);
    scratch_.append(entries);
    emits_.push_back({arena_.store(key), arena_.store(scratch_)});
  }

  const Database& database_;
  const ListId list_;
  LabelCounts& counts_;
  AtomicWrite& out_;
  std::unique_ptr<rocksdb::Iterator> present_;
  std::unique_ptr<rocksdb::Iterator> walker_;
  bool database_empty_ = false;
  rocksdb::Status status_;
  Arena arena_;
  std::vector<ChangedName> names_;
  std::deque<Below> belows_;
  std::vector<Emit> emits_;
  std::vector<Entry> entries_;
  std::string scratch_;
};

// Rules on addresses, clients and name servers: no ancestors, one record a target.
Result<void> write_payload_entries(const Database& database, ListId list, Changes changes, KeyCounts& counts,
                                   AtomicWrite& out) {
  std::string value;
  std::vector<Entry> entries;
  while (!changes.empty()) {
    const Changes group = first_group(changes);
    changes = changes.subspan(group.size());
    const auto rule_key = decode_rule_key(group.front().key);
    if (!rule_key) return corrupt("sources");
    const std::string key = address_key(rule_key->space, rule_key->target);
    const auto existed = database.find(Family::payload, key, value);
    if (!existed) return existed.error();
    entries.clear();
    ByteReader reader(*existed ? std::string_view(value) : std::string_view());
    std::int64_t opens = 0;
    if (!read_entries(reader, entries) || !change_entries(entries, group, list, opens)) return corrupt("payload");
    const int delta = (entries.empty() ? 0 : 1) - (*existed ? 1 : 0);
    if (entries.empty()) {
      out.erase(Family::payload, key);
    } else {
      std::string encoded;
      for (const Entry& entry : entries) append_entry(encoded, entry);
      out.put(Family::payload, key, encoded);
    }
    if (rule_key->space == RuleSpace::ns_name || delta == 0) continue;
    const auto prefix = decode_prefix(rule_key->target);
    if (!prefix) return corrupt("payload");
    Lengths& lengths = counts.of(rule_key->space);
    auto& of_family = prefix->address.family == AddressFamily::ipv4 ? lengths.ipv4 : lengths.ipv6;
    of_family[prefix->length] += static_cast<std::uint64_t>(static_cast<std::int64_t>(delta));
  }
  return {};
}

}  // namespace

Result<void> write_changes(const Database& database, ListId list, const ChangeSet& set, std::uint64_t effective,
                           KeyCounts& counts, ListState& state, AtomicWrite& out) {
  const Changes changes = set.changes;
  write_sources(list, changes, effective, out);

  // Rule keys begin with their space, and names come last.
  const auto first_name = std::partition_point(changes.begin(), changes.end(), [](const RuleChange& change) {
    return change.key[0] < static_cast<char>(RuleSpace::name);
  });
  const auto split = static_cast<std::size_t>(first_name - changes.begin());
  if (auto written = write_payload_entries(database, list, changes.first(split), counts, out); !written) return written;
  NamesPass names(database, list, counts.labels, out);
  if (auto written = names.run(changes.subspan(split)); !written) return written;

  out.put(Family::payload, counts_key(RuleSpace::name), encode_label_counts(counts.labels));
  for (const RuleSpace space : {RuleSpace::address, RuleSpace::ns_address, RuleSpace::client}) {
    out.put(Family::payload, counts_key(space), encode(counts.of(space)));
  }
  Hasher hash;
  for (const RuleChange& change : changes) {
    if (const auto index = triggers_index(static_cast<RuleSpace>(change.key[0])))
      state.triggers[*index] += change.added ? 1 : UINT64_MAX;
    if (change.added) {
      add(state.sum, hash(change.key));
      if (change.payload != nullptr) out.put(Family::payload, payload_key(change.interval.detail), *change.payload);
    } else {
      subtract(state.sum, hash(change.key));
    }
  }
  state.rules = state.rules + set.added - set.removed;
  return {};
}

}  // namespace weir::store
