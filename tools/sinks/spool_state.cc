#include "tools/sinks/spool_state.h"

#include <fcntl.h>
#include <xxhash.h>

#include <array>
#include <cerrno>

#include "zones/store/codec.h"
#include "zones/store/files.h"

namespace weir::sinks {
namespace {

constexpr std::uint32_t kStateMagic = 0x57534B31;  // "WSK1": the layout; never change it
constexpr std::size_t kSlotSize = 256;
constexpr std::size_t kStateSize = 4 + 8 * 10;

}  // namespace

std::string encode(const SpoolState& state, std::uint64_t sequence) {
  std::string out;
  store::put_u32(out, kStateMagic);
  for (const std::uint64_t number : {sequence, state.last.writer, state.last.number, state.sent, state.dropped,
                                     state.log, state.base, state.place.inode, state.place.size})
    store::put_u64(out, number);
  store::put_u64(out, XXH3_64bits(out.data(), out.size()));
  out.resize(kSlotSize);
  return out;
}

std::optional<std::pair<SpoolState, std::uint64_t>> decode_state(std::string_view slot) {
  if (slot.size() < kStateSize) return std::nullopt;
  store::ByteReader in(slot);
  if (in.u32() != kStateMagic) return std::nullopt;
  const std::uint64_t sequence = in.u64();
  SpoolState state;
  for (std::uint64_t* number : {&state.last.writer, &state.last.number, &state.sent, &state.dropped, &state.log,
                                &state.base, &state.place.inode, &state.place.size})
    *number = in.u64();
  if (in.u64() != XXH3_64bits(slot.data(), kStateSize - 8)) return std::nullopt;
  return std::pair(state, sequence);
}

Result<StateFile> StateFile::open(const std::filesystem::path& file, std::optional<SpoolState>& state) {
  Descriptor descriptor(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640));
  if (descriptor.get() < 0) return store::system_error(errno, file.string());
  std::uint64_t sequence = 0;
  for (const off_t slot : {0, 1}) {
    std::array<char, kSlotSize> octets{};
    const ssize_t got = ::pread(descriptor.get(), octets.data(), octets.size(), slot * static_cast<off_t>(kSlotSize));
    const auto found = decode_state({octets.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))});
    if (!found || found->second < sequence) continue;
    state = found->first;
    sequence = found->second;
  }
  return StateFile(std::move(descriptor), sequence);
}

void StateFile::save(const SpoolState& state) {
  const std::string slot = encode(state, ++sequence_);
  const auto at = static_cast<off_t>(sequence_ % 2 * kSlotSize);
  static_cast<void>(::pwrite(descriptor_.get(), slot.data(), slot.size(), at) > 0);
}

}  // namespace weir::sinks
