#include "tools/log/group_codes.h"

namespace weir::log {
namespace {

constexpr std::string_view kPrefix = "group/";

}  // namespace

Result<void> GroupCodes::load() {
  const std::lock_guard lock(mutex_);
  const auto names = database_.iterate(Family::meta);
  for (names->Seek(slice(kPrefix)); names->Valid() && names->key().starts_with(slice(kPrefix)); names->Next()) {
    const std::uint64_t code = number_of(view(names->key()).substr(kPrefix.size()));
    if (code != names_.size()) break;  // they are given one after the other
    names_.push_back(names->value().ToString());
    codes_[names_.back()] = static_cast<std::uint32_t>(code);
  }
  stored_ = names_.size();
  if (!names->status().ok()) return database_.error(names->status());
  return {};
}

std::uint32_t GroupCodes::code(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto [at, is_new] = codes_.try_emplace(name, static_cast<std::uint32_t>(names_.size()));
  if (is_new) names_.push_back(name);
  return at->second;
}

std::string GroupCodes::name(std::uint32_t code) const {
  const std::lock_guard lock(mutex_);
  return code < names_.size() ? names_[code] : "group " + std::to_string(code);
}

void GroupCodes::write_new(rocksdb::WriteBatch& writes) {
  const std::lock_guard lock(mutex_);
  for (; stored_ < names_.size(); ++stored_) {
    writes.Put(database_.family(Family::meta), slice(std::string(kPrefix) + number_octets(stored_)),
               slice(names_[stored_]));
  }
}

}  // namespace weir::log
