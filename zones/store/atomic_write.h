// One step of the live database over all families: all of it or nothing, also over a crash.
//
// Small steps are one write batch, synced. Large ones are one sorted table per family, ingested together with the
// record that says what was done. For those, keys of `names`, `sources` and `payload` must come in ascending order; the
// counts of `payload`, which stand before its other keys and are known last, and all other families may come in any.
#pragma once

#include <rocksdb/sst_file_writer.h>
#include <rocksdb/write_batch.h>

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "zones/store/database.h"

namespace weir::store {

class AtomicWrite {
 public:
  enum class Size { small, large };

  // `scratch`: a directory of our own on the file system of the database; emptied by commit() and the destructor.
  AtomicWrite(const Database& database, std::filesystem::path scratch, Size size);
  AtomicWrite(const AtomicWrite&) = delete;
  AtomicWrite& operator=(const AtomicWrite&) = delete;
  ~AtomicWrite();

  // Of a large one: two threads may write at once, if they write different families.
  bool is_large() const { return size_ == Size::large; }
  void put(Family family, std::string_view key, std::string_view value) { add(family, key, &value); }
  void erase(Family family, std::string_view key) { add(family, key, nullptr); }
  // `with_the_next`: over a power failure it lasts as soon as the next one that is synced does, and not without those
  // before it. For steps that a publish follows, which is announced by a synced one. Large ones are synced always.
  enum class Sync : std::uint8_t { now, with_the_next };
  Result<void> commit(Sync sync = Sync::now);

 private:
  struct Table {
    std::unique_ptr<rocksdb::SstFileWriter> writer;  // of the file being written
    std::vector<std::string> files;
    std::map<std::string, std::optional<std::string>, std::less<>> buffer;  // families that come in any order
    rocksdb::Status status;                                                 // of the first failure
  };

  void add(Family family, std::string_view key, const std::string_view* value);
  void append(Family family, std::string_view key, const std::string_view* value);
  void finish(Table& table);

  const Database& database_;
  const std::filesystem::path scratch_;
  const Size size_;
  rocksdb::WriteBatch batch_;
  std::array<Table, kFamilies> tables_;
  rocksdb::Status status_;  // of the first failure, but those that belong to a table
};

}  // namespace weir::store
