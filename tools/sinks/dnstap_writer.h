// dnstap over Frame Streams: to a unix socket, or into a file.
//
// A file is always one stream, from its START frame on: whoever goes on with it takes its STOP frame off, so it can be
// read at any moment. It has each row once. A socket's reader is asked for its consent first (READY, ACCEPT); when it
// leaves, the rows of the batch that was being sent come again.
#pragma once

#include <memory>

#include "tools/sinks/writer.h"

namespace weir::sinks {

// `config.to`: "unix:/path", or a file.
std::unique_ptr<Writer> make_dnstap_writer(const SinkConfig& config, const Interrupt& interrupt);

}  // namespace weir::sinks
