// The audit log: every change of what is filtered, as one record: who, when, what, why, and the generation that shows
// it.
//
// <store>/audit/records holds one JSON object a line. Each names the hash of the record before it and ends with its
// own, SHA-256 over all the rest of its line, so that no record can be changed, taken out, put in or moved without
// breaking the chain behind it. The newest line stands also in <store>/policy/audit-head: a log that was cut at its end
// is told by it. No roll-back touches either file.
//
// Order of one append: the line is put in force as audit-head (synced, renamed), then added to the records (synced). So
// a crash between the two leaves a record that open() writes to its end, and never one that is there by half. A change
// is acknowledged only after its record: what a crash leaves published but unrecorded is recorded by catch_up().
//
// What it does not promise: who may write both files may write a whole new chain. Keep a hash elsewhere (weir audit
// verify prints the newest one) if that is to be told too.
#pragma once

#include <boost/json.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "zones/base/ids.h"
#include "zones/base/result.h"
#include "zones/base/time.h"
#include "zones/store/writer.h"

namespace weir::sidecar {

struct AuditEntry {
  std::string who;
  std::string what;     // "import", "hold", "approve", "rule add", "reload", "rollback", ...
  std::string subject;  // the list, the rule; empty: everything
  std::string why;      // as the caller said; empty: not said
  boost::json::object details = {};
};

struct AuditCheck {
  std::uint64_t records = 0;        // that are there
  std::string head;                 // hash of the newest one
  std::vector<std::string> faults;  // "line 12: ..."; empty: the chain is whole
};

inline constexpr std::size_t kMaxAuditRecord = 64 << 10;  // octets of a line; details that take more are left out
inline constexpr std::size_t kMaxAuditFaults = 100;       // told of one check

// Any thread.
class AuditLog {
 public:
  // Finishes the record that a crash cut short. A chain that is broken otherwise is told in `faults` of check(), and
  // goes on behind its newest record: a sidecar that does not start would help nobody but who broke it.
  // Errors: permission, io.
  static Result<std::unique_ptr<AuditLog>> open(const std::filesystem::path& store);
  virtual ~AuditLog() = default;

  // Returns when the record is on the disk. `generation`: the one in force behind the change. While a sidecar runs, on
  // its writer's thread: catch_up() takes every generation up to the newest that a record names for recorded.
  virtual Result<void> append(const AuditEntry& entry, GenerationNumber generation, WallTime now) = 0;
  // Ends a record that the disk took by half, and records what was published without one: by a crash between the two,
  // or where a record could not be written.
  virtual Result<void> catch_up(const PolicyRecords& records, GenerationNumber published, WallTime now) = 0;

  // Reads the files anew, after ending a record that the disk took by half.
  virtual Result<AuditCheck> check() = 0;
  // Records as JSON texts of one line, the oldest first.
  virtual Result<void> read(const std::function<void(std::string_view)>& each) = 0;
};

}  // namespace weir::sidecar
