// What the sidecar remembers of each list's source between updates and restarts: <store>/sidecar-state.json.
//
// The store is the truth about contents; this is about fetching. Losing the file costs one unconditional
// fetch of each list, whose import then finds nothing changed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "zones/base/ids.h"
#include "zones/base/result.h"
#include "zones/base/time.h"

namespace weir::sidecar {

// A version that a guard holds back: its bytes lie in <store>/fetch/<list>.held.
struct HeldVersion {
  std::string sha256;   // empty: none is held
  std::string source;   // that it came from
  std::string reading;  // how it was read when the guards looked at it
  std::string etag;
  std::string last_modified;
  std::string why = "[]";  // findings of the guards, as JSON
  std::string signer;
  std::int64_t since_s = 0;
};

struct ListState {
  std::string source;   // that the last import came from
  std::string tried;    // that the last attempt asked, however it ended: `failures` are about this one
  std::string reading;  // how its bytes were read: another kind or match means other rules from the same bytes
  std::string etag;
  std::string last_modified;
  std::string sha256;
  ImportId import;              // 0: never imported
  std::string contents;         // what the store said that the list held behind it (PolicyRecords::contents)
  std::uint64_t rules = 0;      // of the last import
  std::uint64_t lines = 0;      // likewise
  std::string buckets = "{}";   // likewise: counts as JSON
  std::string serial;           // of a response policy zone, likewise; empty: none
  std::string licence;          // that its header names, escaped; empty: none
  std::string notes = "[]";     // likewise: remarks of the reader as JSON
  std::int64_t imported_s = 0;  // seconds since 1970; 0: never
  std::int64_t checked_s = 0;   // last fetch that went well, changed or not
  std::int64_t loaded_s = 0;    // likewise, but for versions that a guard held
  std::int64_t first_tried_s = 0;
  std::int64_t next_fetch_s = 0;
  unsigned failures = 0;  // in a row
  // What the SOA of a transferred zone asks for (RFC 1035 section 3.3.13), in seconds; 0: nothing is known.
  std::int64_t refresh_s = 0;
  std::int64_t retry_s = 0;
  std::int64_t expire_s = 0;
  std::string last_error;  // empty: the last attempt went well
  HeldVersion held;
  std::string defined_by;  // whose reload brought the list: its first import is theirs
};

// Any thread.
class ListStates {
 public:
  // A file that is missing or damaged counts as empty.
  explicit ListStates(std::filesystem::path file);

  ListState get(const std::string& list) const;
  // Changes one and writes all of them: under another name, synced, renamed.
  Result<void> put(const std::string& list, const ListState& state);
  Result<void> forget_others(const std::map<std::string, bool>& wanted);

 private:
  Result<void> save() const;  // with mutex_ held

  const std::filesystem::path file_;
  mutable std::mutex mutex_;
  std::map<std::string, ListState> states_;
};

}  // namespace weir::sidecar
