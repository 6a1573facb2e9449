#include "zones/store/table_check.h"

#include <sys/stat.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "zones/store/files.h"

namespace weir::store {

Result<void> TableCheck::check_new(const Database& database) {
  std::set<Identity> present;
  std::vector<Table> unknown;
  std::uint64_t bytes = 0;
  for (Table& table : database.tables()) {
    struct stat status{};
    if (::stat(table.path.c_str(), &status) != 0) return system_error(errno, table.path.string());
    const Identity identity{status.st_dev, status.st_ino, static_cast<std::uint64_t>(status.st_size),
                            std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec};
    present.insert(identity);
    const std::lock_guard lock(mutex_);
    if (known_.contains(identity)) continue;
    bytes += static_cast<std::uint64_t>(status.st_size);
    unknown.push_back(std::move(table));
  }
  if (bytes <= kMostBytes) {
    for (const Table& table : unknown) {
      if (auto checked = database.check(table); !checked) return checked;
    }
  }
  const std::lock_guard lock(mutex_);
  if (known_.size() + present.size() > kMostRemembered) known_.clear();
  known_.merge(present);
  return {};
}

}  // namespace weir::store
