// Any octets as an HTTP connection: however they are cut, the same requests come out of them, each within its bounds;
// and no verb is asked for without the token. (A head that is bad may be refused sooner or later, by how it was cut: it
// gives no request either way.)
#include <chrono>
#include <filesystem>
#include <vector>

#include "tests/fuzz/fuzz.h"
#include "tools/http/api.h"
#include "tools/http/request_reader.h"

namespace {

using weir::fuzz::require;
using weir::http::RequestReader;

struct Seen {
  std::vector<weir::http::Request> requests;
  unsigned refused = 0;
};

Seen read_all(std::string_view octets, std::size_t piece) {
  Seen out;
  RequestReader reader;
  const auto take = [&] {
    while (reader.state() == RequestReader::State::whole) out.requests.push_back(reader.take());
  };
  for (std::size_t at = 0; at < octets.size(); at += piece) {
    reader.feed(octets.substr(at, piece));
    reader.wants_continue();
    take();
    if (reader.state() == RequestReader::State::refused) break;
  }
  if (reader.state() == RequestReader::State::refused) out.refused = reader.refusal().status;
  return out;
}

class NoStream final : public weir::http::Stream {
 public:
  bool begin(const weir::http::Response&) override { return false; }
  bool send_piece(std::string_view) override { return false; }
  bool is_there() override { return false; }
};

}  // namespace

WEIR_FUZZ_TARGET(http) {
  weir::fuzz::Input in(input);
  const std::size_t piece = 1 + in.u8();
  const std::string_view octets = weir::fuzz::text_of(in.rest());
  const Seen whole = read_all(octets, octets.size() + 1);
  const Seen cut = read_all(octets, piece);
  require(whole.requests.size() == cut.requests.size(), "cutting changes no number of requests");
  require(whole.refused == 0 || whole.refused >= 400, "a refusal has a status");
  for (std::size_t i = 0; i < whole.requests.size(); ++i) {
    require(whole.requests[i].target == cut.requests[i].target && whole.requests[i].body == cut.requests[i].body,
            "cutting changes no request");
  }

  // Nobody has a token, so that no verb may be asked whatever is sent.
  static weir::http::Tokens tokens(std::filesystem::path("/nonexistent/weir-fuzz"));
  weir::http::Api api([] { return std::vector<std::string>{"h"}; }, tokens,
                      [](const weir::ControlRequest&, weir::Responder&) {
                        require(false, "a verb was asked for without a token");
                        return std::string();
                      });
  const weir::http::Caller caller{weir::IpAddress::ipv4(0x7F000001), weir::IpAddress::ipv4(0x7F000001)};
  NoStream stream;
  for (const weir::http::Request& request : whole.requests) {
    require(request.body.size() <= weir::http::kMaxBody && request.fields.size() <= weir::http::kMaxFields, "bounds");
    const auto response = api.answer(request, caller, {}, stream);
    require(response.status >= 200 && response.status < 600, "a status");
    const std::string head =
        write_head(response, weir::http::Framing::length, weir::http::After::keep, weir::WallTime());
    require(head.find("\r\n\r\n") == head.size() - 4, "one head");
    // With the token's check behind it: parameters and paths of any form.
    weir::http::Request plain = request;
    plain.fields = {{"host", "h"}};
    require(api.answer(plain, caller, {}, stream).status != 500, "no fault inside");
  }
}
