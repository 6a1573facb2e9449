// The rules of a list between the two passes over it: checked first, imported then.
//
// A list must be read to its end before the first rule may be written, because only then it is known to be one.
// Reading it twice doubles the time of an import (0.9 s for a million names), so the first pass leaves its rules
// here, packed, on disk: names and address prefixes. Rules with conditions, targets or patterns are rare and stay in
// memory, up to a bound; a list with more of them is read again.
#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "zones/base/result.h"
#include "zones/rule.h"

namespace weir::sidecar {

inline constexpr std::size_t kMaxSpooledInMemory = 100'000;

// One thread at a time. The file has no name: it is gone with the object, also after a crash.
class RuleSpool {
 public:
  static Result<std::unique_ptr<RuleSpool>> create(const std::filesystem::path& directory);

  void add(const SourcedRule& rule);
  // All were added. False: read the list again instead (more rare rules than fit).
  Result<bool> finish();

  // In the order of add(); nothing after the last. Error (io): not all that was added can be read back.
  Result<std::optional<SourcedRule>> next();

 private:
  struct Closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  explicit RuleSpool(std::FILE* file) : file_(file) {}

  std::unique_ptr<std::FILE, Closer> file_;
  std::vector<SourcedRule> rare_;
  std::size_t next_rare_ = 0;
  std::uint64_t left_ = 0;  // added and not given back yet
  bool too_many_ = false;
};

}  // namespace weir::sidecar
