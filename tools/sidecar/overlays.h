// Timed exceptions: a name that is let through, or filtering that rests, for some clients or all, until a moment.
//
// An allowed name is a rule of the reserved list `overlays` with not_before and not_after; a pause stands among the
// policies. Both end by themselves in whoever decides. What is done here beside that: who asked and why is kept, ended
// ones are taken out of the store, and an end comes however the wall clock jumps: forward it comes at once; backward,
// past the beginning, it comes at once too, and less far, when as much time has passed by the steady clock of this
// process.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "tools/sidecar/audit_log.h"
#include "tools/sidecar/writer_thread.h"
#include "zones/base/result.h"
#include "zones/base/time.h"
#include "zones/policy.h"
#include "zones/rule.h"

namespace weir::sidecar {

inline constexpr std::chrono::seconds kLongestOverlay{366 * 86400};
inline constexpr std::size_t kMaxOverlays = 10'000;

struct Overlay {
  enum class Kind : std::uint8_t { allow, pause } kind = Kind::allow;
  std::uint64_t number = 0;  // of its kind; never given again
  Rule rule;                 // of an allowed name: pattern and conditions
  std::vector<Prefix> clients;
  std::vector<std::string> groups;
  std::string author;
  std::string reason;
  WallTime from;
  WallTime until;

  std::string id() const;       // "a12", "p3"
  std::string subject() const;  // "example.org and below for group kids", "filtering for 192.0.2.1/32"
};

// Any thread but the writer's.
class Overlays {
 public:
  Overlays(WriterThread& writer, AuditLog& audit) : writer_(writer), audit_(audit) {}

  // What is in the store, the ended ones too until they are taken out. `published`: the definitions in force. Never
  // waits for the writer.
  Result<std::vector<Overlay>> all(const PolicySet& published) const { return read(writer_.records(), published); }
  // What a generation had, and what there is now, on the writer's thread.
  static Result<std::vector<Overlay>> had_at(const PolicyRecords& records, GenerationNumber at);
  static Result<std::vector<Overlay>> present(const PolicyStore& store) { return read(store, store.policies()); }
  // `wanted`: everything but its number; published when this returns. Errors: invalid (no author, no reason, an end
  // that is not ahead or too far), exists, too_large (kMaxOverlays), those of the store.
  Result<Overlay> begin(Overlay wanted, Now now);
  // Before its time. Errors: not_found, those of the store.
  Result<Overlay> end(const std::string& id, const std::string& who, const std::string& why, Now now);
  // Takes out what has ended; waits for the writer only where there is something. Call it about once in half a minute.
  // How many were taken out.
  Result<std::size_t> tend(const PolicySet& published, Now now);

 private:
  static Result<std::vector<Overlay>> read(const PolicyRecords& records, const PolicySet& policies);
  static Result<std::vector<Overlay>> describe(const PolicyRecords& records, const std::vector<SourcedRule>& rules,
                                               const PolicySet& policies);
  Result<void> remove(PolicyStore& store, const Overlay& overlay, const std::string& who, const std::string& what,
                      const std::string& why, Now now);
  bool has_ended(const Overlay& overlay, Now now);

  WriterThread& writer_;
  AuditLog& audit_;
  std::mutex mutex_;
  std::map<std::string, SteadyTime> deadlines_;  // by id, from when this process first saw it
};

}  // namespace weir::sidecar
