#include "tools/http/connection.h"

#include <array>
#include <cstdio>

#include "tools/http/request_reader.h"

namespace weir::http {
namespace {

SteadyTime steady_now() {
  return std::chrono::steady_clock::now();
}

WallTime wall_now() {
  return std::chrono::system_clock::now();
}

std::string chunk(std::string_view piece) {
  std::array<char, 20> size{};
  std::snprintf(size.data(), size.size(), "%zx\r\n", piece.size());
  return std::string(size.data()) + std::string(piece) + "\r\n";
}

class ChunkedStream final : public Stream {
 public:
  explicit ChunkedStream(Channel& channel) : channel_(channel) {}

  // The connection ends with a stream: who leaves one closes it anyway.
  bool begin(const Response& head) override {
    begun_ = send(write_head(head, Framing::chunked, After::close, wall_now()));
    return begun_;
  }
  bool send_piece(std::string_view piece) override { return piece.empty() || send(chunk(piece)); }
  bool is_there() override { return good_ && channel_.is_there(); }

  bool has_begun() const { return begun_; }
  void finish(std::string_view last) {
    if (send_piece(last)) send("0\r\n\r\n");
  }

 private:
  bool send(std::string_view octets) {
    good_ = good_ && channel_.write(octets, steady_now() + kPiecePatience) == Channel::Outcome::done;
    return good_;
  }

  Channel& channel_;
  bool begun_ = false;
  bool good_ = true;
};

class Connection {
 public:
  Connection(Channel& channel, Answerer& answerer, const Caller& caller, const std::function<bool()>& is_busy)
      : channel_(channel), answerer_(answerer), caller_(caller), is_busy_(is_busy) {}

  void serve() {
    if (channel_.shake_hands(steady_now() + kRequestPatience) != Channel::Outcome::done) return;
    for (unsigned i = 0; i < kMaxRequestsAConnection; ++i) {
      if (!receive(i == 0 ? std::chrono::seconds(kRequestPatience) : kIdlePatience)) return;
      const Request request = reader_.take();
      const bool is_last = !request.keeps_alive || i + 1 == kMaxRequestsAConnection || is_busy_();
      ChunkedStream stream(channel_);
      Response response = answerer_.answer(request, caller_, {steady_now(), wall_now()}, stream);
      if (stream.has_begun()) {
        stream.finish(response.body);
        return channel_.linger();
      }
      const bool ends = is_last || response.ends_connection;
      if (!send(response, ends ? After::close : After::keep)) return;
      if (ends) return channel_.linger();
    }
  }

 private:
  // Until a request is whole. False: the connection is to be closed.
  bool receive(std::chrono::seconds patience) {
    SteadyTime until = steady_now() + patience;
    bool has_begun = false;
    std::array<char, 16384> piece;
    for (;;) {
      const RequestReader::State state = reader_.state();
      if (state == RequestReader::State::whole) return true;
      if (state == RequestReader::State::refused) return refuse(reader_.refusal());
      if (state == RequestReader::State::partial && !has_begun) {
        has_begun = true;
        until = steady_now() + kRequestPatience;
      }
      if (reader_.wants_continue() && channel_.write("HTTP/1.1 100 Continue\r\n\r\n", until) != Channel::Outcome::done)
        return false;
      std::size_t size = 0;
      const Channel::Outcome outcome = channel_.read(piece, size, until);
      if (outcome == Channel::Outcome::timed_out && has_begun) {
        return refuse(
            make_error(408, "timed_out",
                       "the request did not come within " + std::to_string(kRequestPatience.count()) + " seconds"));
      }
      if (outcome != Channel::Outcome::done) return false;
      reader_.feed({piece.data(), size});
    }
  }

  bool refuse(const Response& response) {
    answerer_.count(response.status);
    if (send(response, After::close)) channel_.linger();
    return false;
  }

  bool send(const Response& response, After after) {
    std::string octets = write_head(response, Framing::length, after, wall_now());
    if (!response.without_body) octets += response.body;
    return channel_.write(octets, steady_now() + kResponsePatience) == Channel::Outcome::done;
  }

  Channel& channel_;
  Answerer& answerer_;
  const Caller& caller_;
  const std::function<bool()>& is_busy_;
  RequestReader reader_;
};

}  // namespace

void serve_connection(Channel& channel, Answerer& answerer, const Caller& caller,
                      const std::function<bool()>& is_busy) {
  Connection(channel, answerer, caller, is_busy).serve();
}

}  // namespace weir::http
