// The sidecar as a whole: wires the parts, starts their threads, ends them in the reverse order.
//
// Threads: the writer of the policy store, the drain (the writer of the decision log), a few for scheduled
// fetches, one for each control connection. The caller keeps the main thread: signals, reload, tend().
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "tools/sidecar/verbs.h"
#include "zones/base/result.h"
#include "zones/base/time.h"
#include "zones/config/config.h"

namespace weir::sidecar {

// Any thread, except the destructor.
class Sidecar {
 public:
  // Takes the instance lock, opens the stores, defines what the configuration says, publishes at once (also with
  // lists still empty) and starts. `config_file` is read again at each reload.
  // Errors: busy (another sidecar), permission, incompatible, corrupt, invalid, io.
  static Result<std::unique_ptr<Sidecar>> start(Config config, std::filesystem::path config_file, Now now);
  virtual ~Sidecar() = default;

  // Reads the files again. Errors leave everything as it was; invalid holds the loader's messages.
  // `why`: for the audit log; empty: not said.
  virtual Result<ReloadReport> reload(const std::string& who, const std::string& why) = 0;
  // The resolver looks at what is published; nothing happens where it is not running.
  virtual void tell_resolver() = 0;
  // Why this process cannot go on; it has sent itself SIGTERM then. Whoever started it starts it again.
  virtual std::optional<Error> fault() const = 0;
  // Answers what was asked, and no more; then the process may end without destructors.
  virtual void stop_answering() = 0;
  // Housekeeping: pseudonym keys. Call it about once in half a minute.
  virtual void tend(Now now) = 0;
};

}  // namespace weir::sidecar
