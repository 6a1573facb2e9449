#include "tools/sidecar/inflate.h"

#include <zlib.h>

#include <array>
#include <utility>

namespace weir::sidecar {

struct Inflater::State {
  z_stream stream{};
  bool ready = false;
  bool member_done = false;  // gzip allows several members, one after the other
  bool any = false;
  std::array<std::uint8_t, 65536> out;

  State() { ready = inflateInit2(&stream, 15 + 32) == Z_OK; }  // 32: gzip or zlib, by its header
  ~State() {
    if (ready) inflateEnd(&stream);
  }
};

Inflater::Inflater(OctetSink sink) : state_(std::make_unique<State>()), sink_(std::move(sink)) {}
Inflater::~Inflater() = default;

Result<void> Inflater::write(std::span<const std::uint8_t> octets) {
  State& state = *state_;
  if (!state.ready) return Error{ErrorCode::io, "no memory for decompression"};
  state.stream.next_in = const_cast<Bytef*>(octets.data());  // zlib's interface; it does not write there
  state.stream.avail_in = static_cast<uInt>(octets.size());
  while (state.stream.avail_in > 0) {
    if (state.member_done) {
      if (*state.stream.next_in != 0x1f) return {};  // padding behind the last member
      inflateReset(&state.stream);
      state.member_done = false;
    }
    bool more = true;
    while (more) {
      state.stream.next_out = state.out.data();
      state.stream.avail_out = static_cast<uInt>(state.out.size());
      const int code = inflate(&state.stream, Z_NO_FLUSH);
      if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) {
        return Error{ErrorCode::invalid, std::string("the compressed data is damaged (") +
                                             (state.stream.msg != nullptr ? state.stream.msg : "zlib") + ")"};
      }
      const std::size_t made = state.out.size() - state.stream.avail_out;
      if (made > 0) {
        state.any = true;
        if (auto passed = sink_({state.out.data(), made}); !passed) return passed;
      }
      state.member_done = code == Z_STREAM_END;
      more = !state.member_done && state.stream.avail_out == 0;
    }
  }
  return {};
}

Result<void> Inflater::finish() {
  if (!state_->member_done) return Error{ErrorCode::invalid, "the compressed data ends half-way"};
  return {};
}

ContentDecoder::ContentDecoder(OctetSink sink) : sink_(std::move(sink)) {}

Result<void> ContentDecoder::write(std::span<const std::uint8_t> octets) {
  while (seen_ < 2 && !octets.empty()) {
    if (seen_ == 0) {
      first_ = octets.front();
      octets = octets.subspan(1);
      seen_ = 1;
      continue;
    }
    seen_ = 2;
    if (first_ == 0x1f && octets.front() == 0x8b) inflater_ = std::make_unique<Inflater>(sink_);
    const std::array<std::uint8_t, 1> first = {first_};
    if (auto passed = inflater_ ? inflater_->write(first) : sink_(first); !passed) return passed;
  }
  if (octets.empty()) return {};
  return inflater_ ? inflater_->write(octets) : sink_(octets);
}

Result<void> ContentDecoder::finish() {
  if (inflater_) return inflater_->finish();
  if (seen_ == 1) {
    const std::array<std::uint8_t, 1> first = {first_};
    return sink_(first);
  }
  return {};
}

}  // namespace weir::sidecar
