#include "tools/log/known_names.h"

#include <xxhash.h>

#include <algorithm>
#include <set>

#include "zones/store/codec.h"

namespace weir::log {
namespace {

constexpr std::size_t kParsedSets = 64;
constexpr std::string_view kGenerations = "names/";
constexpr std::string_view kDefinitions = "policies/";
constexpr std::string_view kLists = "list/";

std::string encode(const KnownList& list) {
  std::string out;
  store::put_bytes(out, list.name);
  store::put_bytes(out, list.category);
  return out;
}

std::string generation_key(GenerationNumber generation) {
  return std::string(kGenerations) + number_octets(generation.value);
}

}  // namespace

Result<void> KnownNames::load() {
  const std::lock_guard lock(mutex_);
  const auto lists = database_.iterate(Family::meta);
  for (lists->Seek(slice(kLists)); lists->Valid() && lists->key().starts_with(slice(kLists)); lists->Next()) {
    store::ByteReader in(view(lists->value()));
    KnownList list{std::string(in.bytes()), std::string(in.bytes())};
    const std::uint64_t id = number_of(view(lists->key()).substr(kLists.size()));
    if (in.ok()) lists_[static_cast<std::uint32_t>(id)] = std::move(list);
  }
  if (!lists->status().ok()) return database_.error(lists->status());
  const auto names = database_.iterate(Family::meta);
  names->SeekForPrev(slice(generation_key({UINT64_MAX})));
  if (names->Valid() && names->key().starts_with(slice(kGenerations)))
    newest_ = {number_of(view(names->key()).substr(kGenerations.size()))};
  if (!names->status().ok()) return database_.error(names->status());
  return {};
}

std::optional<KnownList> KnownNames::find_list(std::uint32_t list) const {
  const std::lock_guard lock(mutex_);
  const auto found = lists_.find(list);
  if (found == lists_.end()) return std::nullopt;
  return found->second;
}

bool KnownNames::knows(GenerationNumber generation) const {
  {
    const std::lock_guard lock(mutex_);
    if (parsed_.contains(generation.value)) return true;
  }
  const auto found = database_.find(Family::meta, generation_key(generation));
  return found && found->has_value();
}

std::shared_ptr<const PolicySet> KnownNames::find(GenerationNumber generation) const {
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = parsed_.find(generation.value); found != parsed_.end()) return found->second;
  }
  const auto hash = database_.find(Family::meta, generation_key(generation));
  if (!hash || !*hash) return nullptr;
  const auto json = database_.find(Family::meta, std::string(kDefinitions) + **hash);
  if (!json || !*json) return nullptr;
  auto set = PolicySet::from_json(**json);
  if (!set) return nullptr;
  auto shared = std::make_shared<const PolicySet>(std::move(*set));
  const std::lock_guard lock(mutex_);
  keep(generation, shared);
  return shared;
}

std::shared_ptr<const PolicySet> KnownNames::newest() const {
  GenerationNumber newest;
  {
    const std::lock_guard lock(mutex_);
    newest = newest_;
  }
  return find(newest);
}

void KnownNames::keep(GenerationNumber generation, std::shared_ptr<const PolicySet> names) const {
  if (parsed_.size() >= kParsedSets) parsed_.erase(parsed_.begin());
  parsed_[generation.value] = std::move(names);
}

Result<void> KnownNames::remember(GenerationNumber generation, const PolicySet& policies) {
  const std::string json = policies.to_json();
  const XXH128_hash_t hash = XXH3_128bits(json.data(), json.size());
  const std::string octets = number_octets(hash.high64) + number_octets(hash.low64);
  rocksdb::WriteBatch batch;
  batch.Put(database_.family(Family::meta), slice(generation_key(generation)), slice(octets));
  batch.Put(database_.family(Family::meta), slice(std::string(kDefinitions) + octets), slice(json));
  std::map<std::uint32_t, KnownList> changed;
  for (const ListDefinition& list : policies.lists) {
    const KnownList known{list.name, list.category};
    if (find_list(list.id.value) == known) continue;
    batch.Put(database_.family(Family::meta), slice(std::string(kLists) + number_octets(list.id.value)),
              slice(encode(known)));
    changed[list.id.value] = known;
  }
  if (auto written = database_.write(batch); !written) return written;
  const std::lock_guard lock(mutex_);
  for (auto& [id, list] : changed) lists_[id] = std::move(list);
  newest_ = std::max(newest_, generation);
  keep(generation, std::make_shared<const PolicySet>(policies));
  return {};
}

Result<void> KnownNames::forget_below(GenerationNumber oldest) {
  const auto names = database_.iterate(Family::meta);
  std::set<std::string> used;
  bool is_any_old = false;
  for (names->Seek(slice(kGenerations)); names->Valid() && names->key().starts_with(slice(kGenerations));
       names->Next()) {
    if (number_of(view(names->key()).substr(kGenerations.size())) < oldest.value) {
      is_any_old = true;
    } else {
      used.insert(names->value().ToString());
    }
  }
  if (!names->status().ok()) return database_.error(names->status());
  if (!is_any_old) return {};
  rocksdb::WriteBatch batch;
  batch.DeleteRange(database_.family(Family::meta), slice(generation_key({0})), slice(generation_key(oldest)));
  for (names->Seek(slice(kDefinitions)); names->Valid() && names->key().starts_with(slice(kDefinitions));
       names->Next()) {
    if (!used.contains(std::string(view(names->key()).substr(kDefinitions.size()))))
      batch.Delete(database_.family(Family::meta), names->key());
  }
  if (auto written = database_.write(batch); !written) return written;
  const std::lock_guard lock(mutex_);
  parsed_.erase(parsed_.begin(), parsed_.lower_bound(oldest.value));
  return {};
}

}  // namespace weir::log
