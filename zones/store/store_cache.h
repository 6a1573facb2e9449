// What generations that are open together share: unpacked blocks, and which tables were checked.
#pragma once

#include <rocksdb/cache.h>

#include <cstddef>
#include <memory>

#include "zones/store/generation.h"
#include "zones/store/table_check.h"

namespace weir::store {

class StoreCacheImpl : public StoreCache {
 public:
  explicit StoreCacheImpl(std::size_t size_bytes);

  std::shared_ptr<rocksdb::Cache> cache;
  TableCheck tables;
};

}  // namespace weir::store
