#include "tools/sinks/line_writers.h"

#include <limits.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <ctime>

#include "tools/sinks/stream_output.h"

namespace weir::sinks {
namespace {

constexpr std::size_t kBufferedOctets = 256 << 10;
constexpr const char* kSystemLog = "/dev/log";
constexpr std::string_view kUnix = "unix:";
constexpr std::string_view kPriority = "<30>";  // facility daemon, severity informational

std::string_view member(const Row& row, std::string_view key) {
  const auto* value = row.shown.if_contains(key);
  return value != nullptr && value->is_string() ? std::string_view(value->get_string()) : std::string_view();
}

}  // namespace

JsonWriter::JsonWriter(std::filesystem::path to, const Interrupt& interrupt)
    : to_(std::move(to)), interrupt_(interrupt), file_(to_, {}, {}) {}

Result<void> JsonWriter::write(const Rows& rows, Place& place) {
  struct stat info{};
  if (::stat(to_.c_str(), &info) == 0 && S_ISFIFO(info.st_mode)) return write_to_pipe(rows);
  if (auto begun = file_.begin(place); !begun) return begun;
  std::string lines;
  auto written = rows.for_each([&](const Row& row) -> Result<void> {
    lines += json_line(row);
    if (lines.size() < kBufferedOctets) return {};
    auto appended = file_.append(lines);
    lines.clear();
    return appended;
  });
  if (written) written = file_.append(lines);
  if (written) place = file_.end();
  return written;
}

Result<void> JsonWriter::write_to_pipe(const Rows& rows) {
  if (pipe_.get() < 0) {
    auto opened = open_pipe(to_);
    if (!opened) return opened.error();
    pipe_ = std::move(*opened);
  }
  // As many whole lines as go into the pipe at once or not at all: a reader never sees half of one, unless one is
  // longer.
  std::string lines;
  const auto flush = [&]() -> Result<void> {
    auto sent = send_all(pipe_, lines, PIPE_BUF, interrupt_);
    lines.clear();
    return sent;
  };
  auto written = rows.for_each([&](const Row& row) -> Result<void> {
    const std::string line = json_line(row);
    if (!lines.empty() && lines.size() + line.size() > PIPE_BUF) {
      if (auto flushed = flush(); !flushed) return flushed;
    }
    lines += line;
    return {};
  });
  if (written) written = flush();
  if (!written) pipe_ = Descriptor();
  return written;
}

SyslogWriter::SyslogWriter(const std::string& to, const Interrupt& interrupt)
    : socket_(to.empty() ? kSystemLog : to.substr(to.starts_with(kUnix) ? kUnix.size() : 0)),
      is_system_(to.empty()),
      interrupt_(interrupt),
      host_(host_name()) {}

Result<void> SyslogWriter::connect() {
  auto connected = connect_unix(socket_, SOCK_DGRAM);
  framing_ = is_system_ ? Framing::local : Framing::datagram;
  if (!connected) {
    auto stream = connect_unix(socket_, SOCK_STREAM);
    if (!stream) return connected.error();
    connected = std::move(stream);
    framing_ = Framing::counted;
  }
  connection_ = std::move(*connected);
  return {};
}

std::string SyslogWriter::message_of(const Row& row) const {
  std::string line = json_line(row);
  line.pop_back();
  if (is_system_) {
    const std::time_t time = std::chrono::system_clock::to_time_t(row.decision.time);
    std::tm local{};
    std::array<char, 32> stamp{};
    ::localtime_r(&time, &local);
    std::strftime(stamp.data(), stamp.size(), "%b %e %H:%M:%S", &local);
    return std::string(kPriority) + stamp.data() + " weir[" + std::to_string(::getpid()) + "]: " + line;
  }
  return std::string(kPriority) + "1 " + std::string(member(row, "time")) + ' ' + host_ + " weir " +
         std::to_string(::getpid()) + ' ' + std::string(member(row, "class")) + " - " + line;
}

Result<void> SyslogWriter::write(const Rows& rows, Place&) {
  if (connection_.get() < 0) {
    if (auto connected = connect(); !connected) return connected;
  }
  auto written = rows.for_each([&](const Row& row) {
    const std::string message = message_of(row);
    if (framing_ != Framing::counted) return send_message(connection_, message, interrupt_);
    const std::string counted = std::to_string(message.size()) + ' ' + message;
    return send_all(connection_, counted, counted.size(), interrupt_);
  });
  if (!written) connection_ = Descriptor();
  return written;
}

}  // namespace weir::sinks
