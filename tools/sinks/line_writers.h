// Rows as lines of JSON: into a file, a named pipe, or a system log.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "tools/sinks/file_output.h"
#include "tools/sinks/writer.h"

namespace weir::sinks {

// A regular file has each row once, also when this process dies. Of a pipe, rows of the batch that was being written
// come again when its reader leaves or this process ends: their ids tell.
class JsonWriter final : public Writer {
 public:
  JsonWriter(std::filesystem::path to, const Interrupt& interrupt);
  Result<void> write(const Rows& rows, Place& place) override;

 private:
  Result<void> write_to_pipe(const Rows& rows);
  const std::filesystem::path to_;
  const Interrupt& interrupt_;
  FileOutput file_;
  Descriptor pipe_;
};

// One message a row. To the system's log (`to` empty) as syslog(3) writes, since that is what is understood there; to
// "unix:/path" as RFC 5424 has it, in datagrams or, where the socket is a stream, with their octets counted (RFC 6587).
// Rows of the batch that was being written come again when whoever reads leaves or this process ends.
class SyslogWriter final : public Writer {
 public:
  SyslogWriter(const std::string& to, const Interrupt& interrupt);
  Result<void> write(const Rows& rows, Place& place) override;

 private:
  enum class Framing : std::uint8_t { local, datagram, counted };
  Result<void> connect();
  std::string message_of(const Row& row) const;

  const std::filesystem::path socket_;
  const bool is_system_;
  const Interrupt& interrupt_;
  const std::string host_;
  Descriptor connection_;
  Framing framing_ = Framing::datagram;
};

}  // namespace weir::sinks
