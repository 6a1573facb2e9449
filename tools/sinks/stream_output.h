// Sockets and named pipes whose other end may be slow, or leave.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "tools/sinks/interrupt.h"
#include "zones/base/descriptor.h"
#include "zones/base/result.h"

namespace weir::sinks {

// `type`: SOCK_STREAM or SOCK_DGRAM. The descriptor does not block. Errors: unavailable.
Result<Descriptor> connect_unix(const std::filesystem::path& socket, int type);
// Errors: unavailable (nobody reads), invalid (no pipe), permission.
Result<Descriptor> open_pipe(const std::filesystem::path& pipe);

// All octets, waiting as long as it takes. `unit`: what one call hands over at most (of a pipe, PIPE_BUF: that goes as
// a whole or not at all). Errors: unavailable (gone, or interrupted).
Result<void> send_all(const Descriptor& to, std::string_view octets, std::size_t unit, const Interrupt& interrupt);
// One message as a whole. Errors: unavailable; too_large.
Result<void> send_message(const Descriptor& to, std::string_view message, const Interrupt& interrupt);
// At least one octet within `bound`; empty at the end. Errors: unavailable, timed_out.
Result<std::string> receive_some(const Descriptor& from, std::chrono::milliseconds bound, const Interrupt& interrupt);

}  // namespace weir::sinks
