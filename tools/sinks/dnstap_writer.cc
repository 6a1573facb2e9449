#include "tools/sinks/dnstap_writer.h"

#include <fstrm.h>
#include <sys/socket.h>

#include <array>

#include "tools/sinks/dnstap_message.h"
#include "tools/sinks/file_output.h"
#include "tools/sinks/stream_output.h"
#include "zones/store/codec.h"

namespace weir::sinks {
namespace {

constexpr std::string_view kContentType = "protobuf:dnstap.Dnstap";
constexpr std::size_t kFramedOctets = 256 << 10;
constexpr std::chrono::seconds kHandshake{5};
constexpr std::string_view kUnixSocket = "unix:";

struct FreeControl {
  void operator()(fstrm_control* control) const { fstrm_control_destroy(&control); }
};
using Control = std::unique_ptr<fstrm_control, FreeControl>;

// A control frame with its escape and length.
std::string control_frame(fstrm_control_type type) {
  const Control control(fstrm_control_init());
  fstrm_control_set_type(control.get(), type);
  if (type == FSTRM_CONTROL_READY || type == FSTRM_CONTROL_START)
    fstrm_control_add_field_content_type(control.get(), reinterpret_cast<const std::uint8_t*>(kContentType.data()),
                                         kContentType.size());
  std::array<std::uint8_t, FSTRM_CONTROL_FRAME_LENGTH_MAX> frame{};
  std::size_t size = frame.size();
  if (fstrm_control_encode(control.get(), frame.data(), &size, FSTRM_CONTROL_FLAG_WITH_HEADER) != fstrm_res_success)
    return {};
  return {reinterpret_cast<const char*>(frame.data()), size};
}

void add_frame(std::string& out, const std::string& message) {
  store::put_u32(out, static_cast<std::uint32_t>(message.size()));
  out += message;
}

// Rows as frames, a piece of them at a time.
Result<void> put_frames(const Rows& rows, const std::string& identity,
                        const std::function<Result<void>(const std::string& frames)>& put) {
  std::string frames;
  auto framed = rows.for_each([&](const Row& row) -> Result<void> {
    add_frame(frames, encode_dnstap(row, identity));
    if (frames.size() < kFramedOctets) return {};
    auto done = put(frames);
    frames.clear();
    return done;
  });
  return framed && !frames.empty() ? put(frames) : framed;
}

class DnstapFileWriter final : public Writer {
 public:
  explicit DnstapFileWriter(const SinkConfig& config)
      : file_(config.to, control_frame(FSTRM_CONTROL_START), control_frame(FSTRM_CONTROL_STOP)),
        identity_(host_name()) {}

  Result<void> write(const Rows& rows, Place& place) override {
    if (auto begun = file_.begin(place); !begun) return begun;
    auto written = put_frames(rows, identity_, [&](const std::string& frames) { return file_.append(frames); });
    if (written) place = file_.end();
    return written;
  }

 private:
  FileOutput file_;
  const std::string identity_;
};

class DnstapSocketWriter final : public Writer {
 public:
  DnstapSocketWriter(const SinkConfig& config, const Interrupt& interrupt)
      : socket_(config.to.substr(kUnixSocket.size())), interrupt_(interrupt), identity_(host_name()) {}

  ~DnstapSocketWriter() override {
    // Whoever reads may have left, and is not waited for.
    const std::string stop = control_frame(FSTRM_CONTROL_STOP);
    if (connection_.get() >= 0)
      static_cast<void>(::send(connection_.get(), stop.data(), stop.size(), MSG_NOSIGNAL | MSG_DONTWAIT) > 0);
  }

  Result<void> write(const Rows& rows, Place&) override {
    if (connection_.get() < 0 || has_left()) {
      connection_ = Descriptor();
      if (auto connected = connect(); !connected) return connected;
    }
    auto written = put_frames(rows, identity_, [&](const std::string& frames) {
      return send_all(connection_, frames, frames.size(), interrupt_);
    });
    if (!written) connection_ = Descriptor();
    return written;
  }

 private:
  // A reader says nothing after its consent: what can be read is its end.
  bool has_left() const {
    char octet = 0;
    const ssize_t got = ::recv(connection_.get(), &octet, 1, MSG_PEEK | MSG_DONTWAIT);
    return got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
  }

  Result<void> connect() {
    auto connected = connect_unix(socket_, SOCK_STREAM);
    if (!connected) return connected.error();
    const std::string ready = control_frame(FSTRM_CONTROL_READY);
    if (auto sent = send_all(*connected, ready, ready.size(), interrupt_); !sent) return sent;
    if (auto accepted = await_accept(*connected); !accepted) return accepted;
    const std::string start = control_frame(FSTRM_CONTROL_START);
    if (auto sent = send_all(*connected, start, start.size(), interrupt_); !sent) return sent;
    connection_ = std::move(*connected);
    return {};
  }

  Result<void> await_accept(const Descriptor& from) const {
    std::string octets;
    while (octets.size() < 8 + FSTRM_CONTROL_FRAME_LENGTH_MAX) {
      const auto more = receive_some(from, kHandshake, interrupt_);
      if (!more) return more.error();
      if (more->empty()) break;
      octets += *more;
      store::ByteReader in(octets);
      const bool is_control = in.u32() == 0;
      const std::uint32_t size = in.u32();
      if (!in.ok()) continue;
      if (!is_control || size > FSTRM_CONTROL_FRAME_LENGTH_MAX) break;
      if (octets.size() < 8 + size) continue;
      const Control control(fstrm_control_init());
      fstrm_control_type type{};
      const bool fits =
          fstrm_control_decode(control.get(), octets.data(), 8 + size, FSTRM_CONTROL_FLAG_WITH_HEADER) ==
              fstrm_res_success &&
          fstrm_control_get_type(control.get(), &type) == fstrm_res_success && type == FSTRM_CONTROL_ACCEPT &&
          fstrm_control_match_field_content_type(control.get(),
                                                 reinterpret_cast<const std::uint8_t*>(kContentType.data()),
                                                 kContentType.size()) == fstrm_res_success;
      if (fits) return {};
      break;
    }
    return Error{ErrorCode::invalid, "whoever listens does not accept " + std::string(kContentType)};
  }

  const std::filesystem::path socket_;
  const Interrupt& interrupt_;
  const std::string identity_;
  Descriptor connection_;
};

}  // namespace

std::unique_ptr<Writer> make_dnstap_writer(const SinkConfig& config, const Interrupt& interrupt) {
  if (config.to.starts_with(kUnixSocket)) return std::make_unique<DnstapSocketWriter>(config, interrupt);
  return std::make_unique<DnstapFileWriter>(config);
}

}  // namespace weir::sinks
