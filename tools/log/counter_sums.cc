#include "tools/log/counter_sums.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "tools/log/rollup.h"
#include "zones/store/codec.h"

namespace weir::log {
namespace {

using store::ByteReader;
using store::put_varint;

const Error& damaged_sums() {
  static const Error error{ErrorCode::corrupt, "decision log: sums of counters are damaged"};
  return error;
}

auto place_of(const CounterSum& sum) {
  return std::tuple(sum.slot_ms, sum.group);
}

}  // namespace

void add_up(std::vector<CounterSum>& sums) {
  std::sort(sums.begin(), sums.end(), [](const auto& a, const auto& b) { return place_of(a) < place_of(b); });
  std::size_t kept = 0;
  for (std::size_t i = 0; i < sums.size(); ++i) {
    if (kept == 0 || place_of(sums[kept - 1]) != place_of(sums[i])) {
      sums[kept++] = sums[i];
      continue;
    }
    CounterSum& into = sums[kept - 1];
    into.queries += sums[i].queries;
    into.blocked += sums[i].blocked;
    into.cached += sums[i].cached;
    into.failed += sums[i].failed;
  }
  sums.resize(kept);
}

std::string encode_sums(const std::vector<CounterSum>& sums, std::int64_t slot_ms, FrameWriter& frames) {
  std::string column;
  std::int64_t minute_before = 0;
  for (const CounterSum& sum : sums) {
    const std::int64_t minute = (sum.slot_ms - slot_ms) / kMinuteMs;
    put_varint(column, static_cast<std::uint64_t>(minute - std::exchange(minute_before, minute)));
    put_varint(column, sum.group);
    for (const std::uint64_t figure : {sum.queries, sum.blocked, sum.cached, sum.failed}) put_varint(column, figure);
  }
  frames.add(column);
  return frames.finish();
}

Result<std::vector<CounterSum>> decode_sums(std::string_view value, std::int64_t slot_ms) {
  const auto frames = read_frames(value);
  if (!frames) return frames.error();
  if (frames->size() != 1) return damaged_sums();
  std::vector<CounterSum> sums;
  ByteReader in((*frames)[0]);
  std::uint64_t minute = 0;
  while (!in.at_end()) {
    minute += in.varint();
    CounterSum sum;
    sum.slot_ms = slot_ms + static_cast<std::int64_t>(minute) * kMinuteMs;
    sum.group = in.varint32();
    for (std::uint64_t* figure : {&sum.queries, &sum.blocked, &sum.cached, &sum.failed}) *figure = in.varint();
    if (!in.ok() || minute >= 24 * 60) return damaged_sums();
    sums.push_back(sum);
  }
  return sums;
}

}  // namespace weir::log
