// The forward and stub zones of the configuration, as the engines take them; and what they count.
//
// Used by one thread at a time (the one that starts the daemon, then the control thread). The counters of a zone live
// on over reloads, as long as the zone does.
#pragma once

#include <string>
#include <vector>

#include "resolver/engine/engine.h"
#include "zones/config/config.h"

namespace weir {

class ForwardZones {
 public:
  // Takes the place of what was there. Returns the names whose zone is new, gone or another: what the caches know at
  // and below them may not be what is resolved from now on.
  std::vector<Name> define(const std::vector<ForwardConfig>& configured);

  const std::vector<ForwardZone>& zones() const { return zones_; }
  // Rows for the Prometheus text, with the zone as a label.
  std::string metrics() const;

 private:
  std::vector<ForwardZone> zones_;
};

}  // namespace weir
