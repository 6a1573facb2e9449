// What the caches have to forget once more: resolutions that were in flight when a zone's servers changed still ask the
// old ones, and put what those say into caches that were flushed already. One thread at a time.
#pragma once

#include <algorithm>
#include <chrono>
#include <vector>

#include "resolver/base/limits.h"
#include "zones/base/time.h"
#include "zones/dns/name.h"

namespace weir {

class SecondFlush {
 public:
  // `now`: the engines go by what is new.
  void add(const std::vector<Name>& names, SteadyTime now) {
    const SteadyTime due = now + std::chrono::milliseconds(limit_of(Limit::resolution_ms)) + std::chrono::seconds(1);
    for (const Name& name : names) waiting_.push_back({due, name});
  }

  // Subtrees to flush: of these nothing old is in flight any more. Each is named once.
  std::vector<Name> take_due(SteadyTime now) {
    std::vector<Name> out;
    std::erase_if(waiting_, [&](const Waiting& each) {
      if (each.due > now) return false;
      out.push_back(each.name);
      return true;
    });
    return out;
  }

 private:
  struct Waiting {
    SteadyTime due;
    Name name;
  };
  std::vector<Waiting> waiting_;
};

}  // namespace weir
