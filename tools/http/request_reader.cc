// The one file that knows Boost.Beast: its parser, without its sockets.
//
// Beast asserts what a client can break (the chunks of a body, in 1.81: five octets ended the process). So bodies with
// a Transfer-Encoding are refused before any of them is parsed (411, RFC 9112 section 6.3), and what it asserts
// elsewhere refuses the request.
#define BOOST_ENABLE_ASSERT_HANDLER

#include "tools/http/request_reader.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <optional>
#include <stdexcept>
#include <utility>

#include "zones/base/text.h"

namespace boost {

void assertion_failed(char const* expression, char const*, char const*, long) {
  throw std::logic_error(expression);
}

void assertion_failed_msg(char const* expression, char const* message, char const*, char const*, long) {
  throw std::logic_error(std::string(expression) + ": " + message);
}

}  // namespace boost

namespace weir::http {
namespace {

namespace beast = boost::beast::http;
using Parser = beast::request_parser<beast::string_body>;

Response refuse_octets(const boost::system::error_code& error) {
  if (error == beast::error::header_limit)
    return make_error(431, "too_large", "a request's head has at most " + std::to_string(kMaxHead) + " octets");
  if (error == beast::error::body_limit)
    return make_error(413, "too_large", "a request's body has at most " + std::to_string(kMaxBody) + " octets");
  if (error == beast::error::bad_version) return make_error(505, "invalid", "HTTP/1.1 is spoken here");
  return make_error(400, "invalid", "this is no HTTP/1.1 request: " + error.message());
}

std::string text_of(boost::beast::string_view text) {
  return {text.data(), text.size()};
}

}  // namespace

struct RequestReader::Parts {
  std::string waiting;  // not parsed yet
  std::optional<Parser> parser;
  std::optional<Response> refused;
  bool continue_told = false;

  void begin() {
    parser.emplace();
    parser->eager(false);  // the head by itself, so that it is looked at before the body is
    parser->header_limit(kMaxHead);
    parser->body_limit(kMaxBody);
    continue_told = false;
  }

  void parse() {
    while (!refused && !parser->is_done() && !waiting.empty()) {
      boost::system::error_code error;
      const std::size_t used = put(error);
      waiting.erase(0, used);
      if (error && error != beast::error::need_more) {
        refused = refuse_octets(error);
      } else if (parser->is_header_done()) {
        check_head();
      }
      if (used == 0) return;
    }
  }

  std::size_t put(boost::system::error_code& error) {
    try {
      return parser->put(boost::asio::buffer(waiting), error);
    } catch (const std::exception&) {  // an assertion of Beast's
      refused = make_error(400, "invalid", "this is no HTTP/1.1 request");
      return 0;
    }
  }

  // What the parser lets pass and two readers could take for two different requests.
  void check_head() {
    const auto& head = parser->get();
    std::size_t count = 0;
    for (const auto& field : head) {
      ++count;
      static_cast<void>(field);
    }
    if (count > kMaxFields) {
      refused = make_error(431, "too_large", "a request has at most " + std::to_string(kMaxFields) + " fields");
    } else if (head.version() != 11 && head.version() != 10) {
      refused = make_error(505, "invalid", "HTTP/1.1 is spoken here");
    } else if (head.count(beast::field::transfer_encoding) > 0) {
      refused = make_error(411, "invalid", "a body comes with its Content-Length, and without a Transfer-Encoding");
    } else if (head.count(beast::field::expect) > 0 &&
               to_lower_ascii(text_of(head[beast::field::expect])) != "100-continue") {
      refused = make_error(417, "invalid", "nothing but 100-continue may be expected");
    }
  }
};

RequestReader::RequestReader() : parts_(std::make_unique<Parts>()) {
  parts_->begin();
}

RequestReader::~RequestReader() = default;

void RequestReader::feed(std::string_view octets) {
  parts_->waiting.append(octets);
  parts_->parse();
}

RequestReader::State RequestReader::state() const {
  if (parts_->refused) return State::refused;
  if (parts_->parser->is_done()) return State::whole;
  return parts_->parser->got_some() || !parts_->waiting.empty() ? State::partial : State::idle;
}

bool RequestReader::wants_continue() {
  if (parts_->refused || parts_->continue_told || !parts_->parser->is_header_done() || parts_->parser->is_done())
    return false;
  const auto& head = parts_->parser->get();
  if (head.count(beast::field::expect) == 0 || head.version() < 11) return false;
  return parts_->continue_told = true;
}

Request RequestReader::take() {
  Request out;
  auto& message = parts_->parser->get();
  out.method = text_of(message.method_string());
  out.target = text_of(message.target());
  out.keeps_alive = parts_->parser->keep_alive();
  for (const auto& field : message)
    out.fields.push_back({to_lower_ascii(text_of(field.name_string())), text_of(field.value())});
  out.body = std::move(message.body());
  parts_->begin();
  parts_->parse();
  return out;
}

Response RequestReader::refusal() const {
  Response out = parts_->refused ? *parts_->refused : make_error(400, "invalid", "this is no request");
  out.ends_connection = true;
  return out;
}

}  // namespace weir::http
