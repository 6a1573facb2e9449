// What a sidecar leaves that dies in the middle of a roll-back.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/zones/store/store_fixture.h"
#include "zones/store/atomic_write.h"
#include "zones/store/database.h"
#include "zones/store/files.h"
#include "zones/store/keys.h"
#include "zones/store/store_cache.h"

namespace weir::testing {

enum class CutRollback : std::uint8_t { before_it_is_in_force, before_the_live_database_follows };

// `store` is closed behind it: the live database as it was before the roll-back to `to`, with nothing but the
// announcement in it.
inline void cut_rollback_short(Store& store, GenerationNumber to, CutRollback where) {
  const auto policy = store.folder.path() / "policy";
  const GenerationNumber before = store.writer->published();
  store.close();
  std::filesystem::copy(policy / "live", policy / "before", std::filesystem::copy_options::recursive);
  store.reopen();
  const GenerationNumber number =
      must(store.writer->rollback_generation(to, "rollback to " + std::to_string(to.value), at(9)));
  store.close();
  const auto generation = policy / "generations" / std::to_string(number.value);
  const store::GenerationInfo info = must(store::read_generation_info(generation));
  std::filesystem::remove_all(policy / "live");
  std::filesystem::rename(policy / "before", policy / "live");
  {
    const auto live = must(store::Database::open_writer(policy / "live", store::StoreCacheImpl(1 << 20).cache));
    auto state = store::decode_state(must(live->get(store::Family::meta, store::kStateKey)));
    ASSERT_TRUE(state.has_value());
    ASSERT_EQ(state->number, before.value);
    state->number = number.value;
    state->names_epoch = info.record.names_epoch;
    state->pending = store::Pending::rollback;
    state->rollback_to = to.value;
    state->defined_at = before.value;
    store::AtomicWrite write(*live, {}, store::AtomicWrite::Size::small);
    write.put(store::Family::timeline, store::generation_key(number.value), store::encode(info.record));
    write.put(store::Family::meta, store::kStateKey, store::encode(*state));
    ASSERT_TRUE(write.commit());
  }
  if (where == CutRollback::before_it_is_in_force) {
    std::filesystem::remove_all(generation);
    std::ofstream(policy / "current") << before.value << "\n";
  }
}

}  // namespace weir::testing
