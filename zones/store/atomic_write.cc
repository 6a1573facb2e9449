#include "zones/store/atomic_write.h"

#include "zones/store/files.h"

namespace weir::store {
AtomicWrite::AtomicWrite(const Database& database, std::filesystem::path scratch, Size size)
    : database_(database), scratch_(std::move(scratch)), size_(size) {
  if (size_ == Size::large) {
    std::error_code fault;
    std::filesystem::remove_all(scratch_, fault);
    std::filesystem::create_directories(scratch_, fault);
    if (fault) status_ = rocksdb::Status::IOError(scratch_.string(), fault.message());
  }
}

AtomicWrite::~AtomicWrite() {
  for (Table& table : tables_) table.writer.reset();
  std::error_code ignored;
  if (size_ == Size::large) std::filesystem::remove_all(scratch_, ignored);
}

void AtomicWrite::add(Family family, std::string_view key, const std::string_view* value) {
  if (size_ == Size::small) {
    if (!status_.ok()) return;
    status_ = value != nullptr ? batch_.Put(database_.family(family), slice(key), slice(*value))
                               : batch_.Delete(database_.family(family), slice(key));
  } else if (family == Family::names || family == Family::sources || (family == Family::payload && key[0] != '#')) {
    append(family, key, value);
  } else {
    auto& buffered = tables_[static_cast<std::size_t>(family)].buffer[std::string(key)];
    buffered = value != nullptr ? std::optional<std::string>(*value) : std::nullopt;
  }
}

void AtomicWrite::append(Family family, std::string_view key, const std::string_view* value) {
  Table& table = tables_[static_cast<std::size_t>(family)];
  if (table.writer && table.writer->FileSize() > kTableBytes) finish(table);
  if (!table.status.ok()) return;
  if (!table.writer) {
    rocksdb::Options options(database_.db().GetDBOptions(), database_.db().GetOptions(database_.family(family)));
    table.writer = std::make_unique<rocksdb::SstFileWriter>(rocksdb::EnvOptions(), options, database_.family(family));
    table.files.push_back(
        (scratch_ / (std::to_string(static_cast<unsigned>(family)) + "-" + std::to_string(table.files.size())))
            .string());
    table.status = table.writer->Open(table.files.back());
    if (!table.status.ok()) return;
  }
  table.status = value != nullptr ? table.writer->Put(slice(key), slice(*value)) : table.writer->Delete(slice(key));
}

void AtomicWrite::finish(Table& table) {
  if (!table.writer) return;
  if (table.status.ok()) table.status = table.writer->Finish();
  table.writer.reset();
}

Result<void> AtomicWrite::commit(Sync sync) {
  if (size_ == Size::small) {
    if (status_.ok()) {
      rocksdb::WriteOptions options;
      options.sync = sync == Sync::now;
      status_ = database_.db().Write(options, &batch_);
    }
  } else {
    std::vector<rocksdb::IngestExternalFileArg> ingest;
    for (const Family family : kAllFamilies) {
      Table& table = tables_[static_cast<std::size_t>(family)];
      finish(table);  // what was buffered lies before it: a table of its own
      for (const auto& [key, value] : table.buffer) {
        const std::string_view text = value ? std::string_view(*value) : std::string_view();
        append(family, key, value ? &text : nullptr);
      }
      finish(table);
      if (status_.ok()) status_ = table.status;
      if (table.files.empty()) continue;
      rocksdb::IngestExternalFileArg arg;
      arg.column_family = database_.family(family);
      arg.external_files = table.files;
      arg.options.move_files = true;
      arg.options.failed_move_fall_back_to_copy = true;
      arg.options.write_global_seqno = false;
      ingest.push_back(std::move(arg));
    }
    if (status_.ok()) status_ = database_.db().IngestExternalFiles(ingest);
  }
  if (!status_.ok()) return to_error(status_, "writing the policy store");
  return {};
}

}  // namespace weir::store
