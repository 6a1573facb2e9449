#include "tools/sinks/packed_batch.h"

#include <algorithm>

#include "zones/base/thread_rank.h"
#include "zones/store/codec.h"

namespace weir::sinks {

std::uint32_t count_decisions(const log::RecordBatch& batch) {
  return static_cast<std::uint32_t>(std::count_if(batch.entries().begin(), batch.entries().end(), [](const auto& each) {
    return each.sort == log::RecordSort::decision;
  }));
}

std::string pack(const log::RecordBatch& batch, log::FrameWriter& frames) {
  std::string records;
  for (const log::RecordBatch::Entry& entry : batch.entries()) {
    if (entry.sort != log::RecordSort::decision) continue;
    const auto record = batch.record(entry);
    store::put_bytes(records, {reinterpret_cast<const char*>(record.data()), record.size()});
  }
  frames.add(records);
  return frames.finish();
}

Result<void> unpack(const PackedBatch& batch,
                    const std::function<Result<void>(const Decision& decision, std::uint32_t row)>& visit) {
  const auto columns = log::read_frames(batch.payload);
  if (!columns) return columns.error();
  if (columns->size() != 1) return Error{ErrorCode::corrupt, "a batch of the spool is damaged"};
  store::ByteReader in((*columns)[0]);
  for (std::uint32_t row = 0; row < batch.rows; ++row) {
    give_way();
    const std::string_view record = in.bytes();
    const auto decision = decode_decision({reinterpret_cast<const std::uint8_t*>(record.data()), record.size()});
    if (!decision) return Error{ErrorCode::corrupt, "a batch of the spool is damaged"};
    if (auto visited = visit(*decision, row); !visited) return visited;
  }
  return {};
}

}  // namespace weir::sinks
