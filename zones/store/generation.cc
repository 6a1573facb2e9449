#include "zones/store/generation.h"

#include <algorithm>
#include <charconv>
#include <numeric>

#include "zones/store/checkpoint.h"
#include "zones/store/entry_match.h"
#include "zones/store/generation_impl.h"

namespace weir {
namespace store {
namespace {

std::vector<std::uint8_t> in_use(const std::vector<std::uint64_t>& counts) {
  std::vector<std::uint8_t> used;
  for (std::size_t i = counts.size(); i-- > 0;) {
    if (counts[i] > 0) used.push_back(static_cast<std::uint8_t>(i));
  }
  return used;
}

}  // namespace

// What one walk over the suffixes of a name remembers between them.
struct NameScan {
  MatchedName name;
  bool patterns = false;  // some glob or regular expression was on the way
  bool found = false;     // the deepest key with rules was seen
  unsigned deepest = 0;   // its label count
  bool uniform = false;   // it says the same of itself and of everything below
  NearerNames nearer = {};
};

Result<std::shared_ptr<const Generation>> GenerationImpl::open(const std::filesystem::path& checkpoint,
                                                               std::shared_ptr<StoreCache> cache) {
  auto info = read_generation_info(checkpoint);
  if (!info) return info.error();
  if (!info->files.empty()) {
    if (auto checked = check_files(checkpoint, info->files); !checked) return checked.error();
  }
  std::shared_ptr<GenerationImpl> generation(new GenerationImpl());
  generation->path_ = checkpoint;
  generation->cache_ = std::static_pointer_cast<StoreCacheImpl>(std::move(cache));
  generation->info_ = std::move(*info);
  generation->published_at_ = from_ns(generation->info_.record.published_at_ns);
  if (auto readable = read_small_file(checkpoint / "CURRENT"); !readable) return readable.error();
  auto database = Database::open_reader(checkpoint, generation->cache_->cache, kServingFamilies);
  if (!database) return database.error();
  generation->database_ = std::move(*database);
  if (auto loaded = generation->load(); !loaded) return loaded.error();
  return std::shared_ptr<const Generation>(std::move(generation));
}

// Checked here: sizes of all tables against the manifest, their footers, indexes and filters (RocksDB, as all tables
// are opened), every block of those tables that no generation before had (TableCheck), our own records.
Result<void> GenerationImpl::load() {
  auto format = database_->get(Family::meta, kFormatKey);
  if (!format) return format.error();
  ByteReader version(*format);
  if (const std::uint32_t found = version.u32(); found != kFormatVersion) {
    return Error{ErrorCode::incompatible, path_.string() + ": written in format " + std::to_string(found) +
                                              ", this weir reads format " + std::to_string(kFormatVersion)};
  }
  if (auto checked = cache_->tables.check_new(*database_); !checked) return checked;
  {
    const auto newest = database_->iterate(Family::policies);
    newest->SeekToLast();
    if (!newest->status().ok()) return to_error(newest->status(), path_.string());
    if (!newest->Valid()) return corrupt(path_.string());
    auto policies = PolicySet::from_json(view(newest->value()));
    if (!policies) return Error{ErrorCode::corrupt, path_.string() + ": " + policies.error().message};
    policies_ = std::move(*policies);
    if (!policies_.local_zones.empty()) zones_.emplace(policies_);
  }
  std::string value;
  auto found = database_->find(Family::payload, counts_key(RuleSpace::name), value);
  if (!found) return found.error();
  if (*found) {
    const auto counts = decode_label_counts(value);
    if (!counts) return corrupt(path_.string());
    depths_ = in_use(*counts);
    auto filter = NameFilter::read(*database_, std::accumulate(counts->begin(), counts->end(), std::uint64_t{0}));
    if (!filter) return filter.error();
    filter_ = std::move(*filter);
  }
  for (const auto& [space, prefixes] : {std::pair(RuleSpace::address, &answer_prefixes_),
                                        {RuleSpace::client, &client_prefixes_},
                                        {RuleSpace::ns_address, &ns_prefixes_}}) {
    if (auto loaded = load_prefixes(space, *prefixes); !loaded) return loaded;
  }
  payloads_ = std::make_unique<PayloadTable>(*database_, damaged_reads_);
  return load_lists();
}

Result<void> GenerationImpl::load_prefixes(RuleSpace space, PrefixesInUse& out) {
  std::string value;
  const auto found = database_->find(Family::payload, counts_key(space), value);
  if (!found) return found.error();
  if (!*found) return {};
  const auto lengths = decode_lengths(value);
  if (!lengths) return corrupt(path_.string());
  out = {in_use(lengths->ipv4), in_use(lengths->ipv6)};
  return {};
}

Result<void> GenerationImpl::load_lists() {
  triggers_ = {.client = client_prefixes_.any(), .address = answer_prefixes_.any(), .name_server = ns_prefixes_.any()};
  for (const ListDefinition& list : policies_.lists) {
    std::string value;
    const auto found = database_->find(Family::lists, list_state_key(list.id), value);
    if (!found) return found.error();
    ListState state;
    if (*found) {
      const auto decoded = decode_list_state(value);
      if (!decoded) return corrupt(path_.string());
      state = *decoded;
    }
    // What weir brings along is nobody's list.
    if (list.id >= kFirstDefinedList || list.id < kProtectedNames) rules_ += state.rules;
    const auto has = [&](RuleSpace space) { return state.triggers[*triggers_index(space)] != 0; };
    const Triggers triggers{.client = has(RuleSpace::client),
                            .address = has(RuleSpace::address),
                            .name_server = has(RuleSpace::ns_name) || has(RuleSpace::ns_address)};
    if (!(triggers == Triggers{})) list_triggers_.emplace_back(list.id, triggers);
    triggers_.name_server = triggers_.name_server || triggers.name_server;
    if (!state.loaded && list.id >= kFirstDefinedList) never_loaded_.push_back(list.id);
  }
  return {};
}

void GenerationImpl::match(const ReversedName& name, MatchSet& out) const {
  out.clear();
  NameScan scan{MatchedName(name)};
  const rocksdb::ReadOptions options;
  rocksdb::PinnableSlice value;
  rocksdb::ColumnFamilyHandle* names = database_->family(Family::names);
  for (const std::uint8_t labels : depths_) {
    if (labels > name.label_count()) continue;
    const std::string_view key = name.key_of_suffix(labels);
    if (!filter_.may_have(key)) continue;
    value.Reset();
    const rocksdb::Status status = database_->db().Get(options, names, slice(key), &value);
    if (status.ok()) {
      match_entries(ByteReader(view(value)), labels, scan, out);
    } else if (!status.IsNotFound()) {
      damaged_reads_.fetch_add(1, std::memory_order_relaxed);
      scan.patterns = true;  // what it held is unknown: nothing may be concluded for other names
    }
  }
  if (scan.uniform && !scan.patterns) out.shared_suffix_labels = static_cast<std::uint8_t>(scan.deepest);
}

void GenerationImpl::match_entries(ByteReader entries, unsigned labels, NameScan& scan, MatchSet& out) const {
  SuffixMatches found(out);
  CancelledEntries cancelled;
  const bool keys_below = walk_names_header(entries, [&](std::uint32_t list) { found.add_below(list); });
  bool only_subtrees = true;
  while (entries.ok() && !entries.at_end()) {
    const Entry entry = read_entry(entries);
    if (!entries.ok()) break;
    only_subtrees = only_subtrees && entry.kind == PatternKind::subtree;
    scan.patterns = scan.patterns || is_pattern(entry);
    if (entry.list == kCancelledRules.value) {
      cancelled.note(entry);
    } else if (cancelled.has(entry, *payloads_, policies_)) {
      continue;
    }
    const bool matches = entry_matches(entry, labels, scan.name, *payloads_);
    if (matches) {
      Match match = make_match(entry, labels);
      scan.nearer.mark(match);
      found.add(match);
    }
    if (entry.kind == PatternKind::below && !matches) found.note_below(entry);
    if (opens_below_itself(entry)) found.add_below(entry.list);
    scan.nearer.note(entry);
  }
  scan.nearer.next_suffix();
  if (!entries.ok()) {
    damaged_reads_.fetch_add(1, std::memory_order_relaxed);
    scan.patterns = true;
  }
  if (!scan.found) {
    scan.found = true;
    scan.deepest = labels;
    scan.uniform = only_subtrees && !keys_below;
  }
  found.finish();
}

void GenerationImpl::match_address(const IpAddress& address, MatchSet& out) const {
  match_prefixes(RuleSpace::address, answer_prefixes_, address, out);
}

void GenerationImpl::match_client(const IpAddress& address, MatchSet& out) const {
  match_prefixes(RuleSpace::client, client_prefixes_, address, out);
}

void GenerationImpl::match_ns_address(const IpAddress& address, MatchSet& out) const {
  match_prefixes(RuleSpace::ns_address, ns_prefixes_, address, out);
}

void GenerationImpl::match_prefixes(RuleSpace space, const PrefixesInUse& lengths, const IpAddress& address,
                                    MatchSet& out) const {
  out.clear();
  if (!lengths.any()) return;
  const IpAddress plain = address.unmapped();
  rocksdb::PinnableSlice value;
  rocksdb::ColumnFamilyHandle* payload = database_->family(Family::payload);
  std::array<char, 20> key{};
  key[0] = static_cast<char>(space);
  key[1] = static_cast<char>(plain.family);
  for (const std::uint8_t length : plain.family == AddressFamily::ipv4 ? lengths.ipv4 : lengths.ipv6) {
    const Prefix prefix = Prefix::of(plain, length);
    const std::size_t octets = (length + 7U) / 8;
    key[2] = static_cast<char>(length);
    std::copy_n(prefix.address.octets.begin(), octets, key.begin() + 3);
    value.Reset();
    const rocksdb::Status status = database_->db().Get({}, payload, rocksdb::Slice(key.data(), 3 + octets), &value);
    if (!status.IsNotFound()) add_entries(status.ok() ? view(value) : std::string_view(), status.ok(), length, out);
  }
}

void GenerationImpl::match_ns_name(const ReversedName& name, MatchSet& out) const {
  out.clear();
  if (!triggers_.name_server) return;
  rocksdb::PinnableSlice value;
  rocksdb::ColumnFamilyHandle* payload = database_->family(Family::payload);
  std::string key;
  for (unsigned labels = name.label_count() + 1U; labels-- > 0;) {
    key = address_key(RuleSpace::ns_name, name.key_of_suffix(labels));
    value.Reset();
    const rocksdb::Status status = database_->db().Get({}, payload, slice(key), &value);
    if (status.IsNotFound()) continue;
    const std::size_t first = out.matches.size();
    add_entries(status.ok() ? view(value) : std::string_view(), status.ok(), labels, out);
    // A rule with a `*` speaks of what is below its name, any other of the name itself.
    const bool itself = labels == name.label_count();
    const auto other = [&](const Match& match) {
      const bool below = match.detail != 0 && payloads_->pattern(match.detail) == kNameServersBelow;
      return below == itself;
    };
    out.matches.erase(
        std::remove_if(out.matches.begin() + static_cast<std::ptrdiff_t>(first), out.matches.end(), other),
        out.matches.end());
  }
}

void GenerationImpl::add_entries(std::string_view octets, bool readable, unsigned labels, MatchSet& out) const {
  ByteReader entries(octets);
  while (entries.ok() && !entries.at_end()) {
    const Entry entry = read_entry(entries);
    if (entries.ok()) out.matches.push_back(make_match(entry, labels));
  }
  if (!readable || !entries.ok()) damaged_reads_.fetch_add(1, std::memory_order_relaxed);
}

Generation::Triggers GenerationImpl::triggers(ListId list) const {
  for (const auto& [id, triggers] : list_triggers_) {
    if (id == list) return triggers;
  }
  return {};
}

Result<const Database*> GenerationImpl::history() const {
  const std::lock_guard lock(history_mutex_);
  if (!history_) {
    auto opened = Database::open_reader(path_, cache_->cache, kAllFamilies);
    if (!opened) return opened.error();
    history_ = std::move(*opened);
  }
  return static_cast<const Database*>(history_.get());
}

}  // namespace store

Result<std::shared_ptr<const Generation>> Generation::open(const std::filesystem::path& checkpoint,
                                                           std::shared_ptr<StoreCache> cache) {
  return store::GenerationImpl::open(checkpoint, std::move(cache));
}

Result<GenerationNumber> Generation::read_current_number(const std::filesystem::path& store) {
  const auto path = store::current_file_path(store);
  auto text = store::read_small_file(path);
  if (!text) return text.error();
  std::uint64_t number = 0;
  const auto [end, fault] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (fault != std::errc() || std::string_view(end, text->data() + text->size()) != "\n" || number == 0) {
    return Error{ErrorCode::corrupt, path.string() + ": expected the number of a generation"};
  }
  return GenerationNumber{number};
}

Result<std::shared_ptr<const Generation>> Generation::open_current(const std::filesystem::path& store,
                                                                   std::shared_ptr<StoreCache> cache) {
  const auto number = read_current_number(store);
  if (!number) return number.error();
  const auto path = store::generation_path(store, *number);
  const auto before = store::read_generation_info(path);
  auto opened = open(path, cache);
  if (opened || !before) return opened;
  // It may have been renewed meanwhile: then one half of what was read was of the old checkpoint.
  const auto after = store::read_generation_info(path);
  return after && after->files != before->files ? open(path, std::move(cache)) : opened;
}

Result<bool> Generation::is_current(const std::filesystem::path& store, const Generation& held) {
  const auto number = read_current_number(store);
  if (!number) return number.error();
  if (held.number() != *number) return false;
  const auto info = store::read_generation_info(store::generation_path(store, *number));
  return !info || info->files == held.files();  // a damaged one is no reason to give up what is held
}

}  // namespace weir
