// Tells secondaries that the zones of [[serve]] changed (RFC 1996): each generation that comes into force, once to each
// of them, and again, more and more seldom, until it answers.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tools/sidecar/list_updater.h"
#include "zones/base/descriptor.h"
#include "zones/base/ids.h"
#include "zones/base/prefix.h"
#include "zones/base/result.h"
#include "zones/base/time.h"
#include "zones/config/config.h"

namespace weir::sidecar {

inline constexpr unsigned kNotifyTries = 6;                 // of one generation to one secondary
inline constexpr std::chrono::seconds kFirstNotifyWait{1};  // doubled each time

// One secondary of one zone.
struct NotifyState {
  std::string zone;
  Endpoint to;
  std::uint64_t told = 0;      // the generation that it was last told of
  std::uint64_t answered = 0;  // the last one that it acknowledged
  unsigned tries = 0;          // of `told`
};

class NotifySender {
 public:
  // Errors: io.
  static Result<std::unique_ptr<NotifySender>> start(ConfigSource config, GenerationNumber in_force);
  ~NotifySender();
  NotifySender(const NotifySender&) = delete;

  // A generation is in force. Any thread; the same one again does nothing.
  void published(GenerationNumber number);
  std::vector<NotifyState> states() const;

 private:
  struct Pending : NotifyState {
    ServeConfig served;
    Descriptor socket;  // connected; none before the first try
    std::uint16_t id = 0;
    SteadyTime next{};  // when it is told again
  };

  NotifySender(ConfigSource config, GenerationNumber in_force, Descriptor wake);
  void loop();
  void follow_config();
  void send(Pending& pending, SteadyTime now);
  void hear(Pending& pending);
  void wake() const;

  const ConfigSource config_;
  const Descriptor wake_;
  mutable std::mutex mutex_;
  std::uint64_t number_;
  bool stopping_ = false;
  std::map<std::string, Pending> pending_;  // by zone and address; the loop's, read under the lock
  std::thread thread_;
};

}  // namespace weir::sidecar
