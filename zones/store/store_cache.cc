#include "zones/store/store_cache.h"

namespace weir {
namespace store {

StoreCacheImpl::StoreCacheImpl(std::size_t size_bytes) {
  rocksdb::LRUCacheOptions options;
  options.capacity = size_bytes;
  options.num_shard_bits = 4;
  options.strict_capacity_limit = false;
  options.high_pri_pool_ratio = 0.0;
  cache = rocksdb::NewLRUCache(options);
}

}  // namespace store

std::shared_ptr<StoreCache> StoreCache::make(std::size_t size_bytes) {
  return std::make_shared<store::StoreCacheImpl>(size_bytes);
}

}  // namespace weir
