// The way back of a verb that is asked over HTTP: its progress lines as JSON lines, or nothing of them.
#pragma once

#include "tools/http/api.h"
#include "tools/support/responder.h"

namespace weir::http {

// One thread. A stream is begun when the verb first looks whether its client is still there, for by then it has read
// its arguments: what is wrong with those has a status of its own.
class VerbStream final : public Responder {
 public:
  VerbStream(Stream& stream, bool streams, Audience audience)
      : stream_(stream), streams_(streams), audience_(audience) {}

  Audience audience() const override { return audience_; }
  bool progress(const std::string& line) override;
  bool is_gone() override;

  bool has_begun() const { return begun_; }
  // {"end": ...} or {"error": ...}
  Response last_piece(const ControlReply& reply) const;

 private:
  bool begin();

  Stream& stream_;
  const bool streams_;
  const Audience audience_;
  bool begun_ = false;
  SteadyTime sent_{};
};

}  // namespace weir::http
