// The control protocol: its codec, and the resolver's own socket with a client that writes what it likes in two pieces.
// Every line gets exactly one last line, which can be read.
#include "zones/link/control.h"

#include <netinet/in.h>
#include <sys/un.h>

#include "resolver/server/control_server.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/support/socket_client.h"
#include "tests/support/scratch_folder.h"
#include "zones/base/text.h"

namespace weir::fuzz {
namespace {

struct Server {
  test::ScratchFolder folder;
  std::unique_ptr<ControlServer> server;
  sockaddr_un address{};

  Server() {
    ControlHandlers handlers;
    handlers.status = [] { return ResolverStatus(); };
    handlers.load_generation = []() -> Result<GenerationNumber> { return Error{ErrorCode::not_found, "none"}; };
    handlers.flush_cache = [](const Name&, FlushScope) -> Result<std::uint64_t> { return std::uint64_t{1}; };
    ControlOptions options;
    options.run_directory = folder.path();
    auto started = ControlServer::start(options, std::move(handlers));
    require(started.has_value(), "no control socket");
    server = std::move(*started);
    address.sun_family = AF_UNIX;
    std::snprintf(address.sun_path, sizeof address.sun_path, "%s", resolver_socket(folder.path()).c_str());
  }
  std::string answer(std::string_view text, std::size_t split) const {
    const SocketClient client(AF_UNIX, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    client.send(text.substr(0, split));
    client.send(text.substr(split));
    return client.finish();
  }
};

void check_codec(std::string_view line) {
  if (const auto request = decode_request(line)) {
    const auto again = decode_request(encode_request(*request));
    require(
        again && again->verb == request->verb && again->arguments == request->arguments && again->who == request->who,
        "a request read, written and read again");
  }
  if (const auto reply = decode_reply(line); reply && reply->kind == ControlReply::Kind::error) {
    require(decode_reply(encode_error(reply->error)).has_value(), "an error written and read");
  }
}

}  // namespace

WEIR_FUZZ_TARGET(control) {
  Input parts(input);
  const std::size_t split = parts.u8();
  const std::string_view text = text_of(parts.rest());
  std::size_t requests = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    const std::string_view line = text.substr(at, end - at);
    check_codec(line);
    if (end == text.npos) break;  // no whole line: it is never answered
    if (!trim(line).empty()) ++requests;
    at = end + 1;
  }
  static const Server server;
  const std::string answers = server.answer(text, std::min(split, text.size()));
  std::size_t last_lines = 0;
  for (std::size_t at = 0; at < answers.size(); ++last_lines) {
    const std::size_t end = answers.find('\n', at);
    require(end != answers.npos, "an answer without its line feed");
    require(decode_reply(std::string_view(answers).substr(at, end - at)).has_value(), "an answer that cannot be read");
    at = end + 1;
  }
  require(last_lines == requests, "one answer for each request");
}

}  // namespace weir::fuzz
