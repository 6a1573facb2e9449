#include "tools/http/verb_stream.h"

#include <boost/json.hpp>

#include <chrono>

namespace weir::http {
namespace {

// An empty line now and then: who waits knows that we are there, and we learn that he is.
constexpr std::chrono::seconds kHeartbeat{10};

std::string item_of(const std::string& line) {
  constexpr std::string_view kBefore = R"({"progress":)";
  constexpr std::string_view kBehind = "}\n";
  if (line.starts_with(kBefore) && line.ends_with(kBehind))
    return line.substr(kBefore.size(), line.size() - kBefore.size() - kBehind.size());
  const auto reply = decode_reply(line);
  return reply ? reply->body : std::string();
}

}  // namespace

bool VerbStream::begin() {
  if (begun_) return true;
  Response head;
  head.type = "application/jsonl";
  begun_ = stream_.begin(head);
  sent_ = std::chrono::steady_clock::now();
  return begun_;
}

bool VerbStream::progress(const std::string& line) {
  if (!streams_) return stream_.is_there();
  if (!begin()) return false;
  const std::string item = item_of(line);
  sent_ = std::chrono::steady_clock::now();
  return item.empty() || stream_.send_piece(item + '\n');
}

bool VerbStream::is_gone() {
  if (!stream_.is_there()) return true;
  if (!streams_) return false;
  const bool was_begun = begun_;
  if (!begin()) return true;
  const SteadyTime now = std::chrono::steady_clock::now();
  if (!was_begun || now - sent_ < kHeartbeat) return false;
  sent_ = now;
  return !stream_.send_piece("\n");
}

Response VerbStream::last_piece(const ControlReply& reply) const {
  Response out;
  if (reply.kind == ControlReply::Kind::result) {
    out.body = "{\"end\":" + reply.body + "}\n";
  } else {
    out.body = make_error(500, to_text(reply.error.code), reply.error.message).body;
  }
  return out;
}

}  // namespace weir::http
