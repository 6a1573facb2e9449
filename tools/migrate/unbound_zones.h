// The local zones of unbound.conf.
//
// The longest one wins there. Zones that only block become rules of one list that is ordered by specificity; zones with
// data become [[local_zone]] with the same type, as does a zone that blocks below one of those.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tools/migrate/migration.h"
#include "zones/dns/name.h"

namespace weir::migrate {

class UnboundZones {
 public:
  explicit UnboundZones(Migration& out) : out_(out) {}

  // What stands behind local-zone:, local-data: and local-data-ptr:.
  void add_zone(const std::vector<std::string>& values, RowId row);
  void add_data(const std::string& text, RowId row);
  void add_pointer(const std::string& value, RowId row);
  // Once, when all was added.
  void settle();

 private:
  struct Zone {
    std::string type;
    RowId row = 0;
  };

  std::optional<std::string> zone_of(const Name& name) const;
  MigratedList& list();
  void write_zone(const std::string& name, const Zone& zone, const std::vector<Record>& data);
  void add_free_record(const Record& record);

  Migration& out_;
  std::map<std::string, Zone> zones_;
  std::vector<Record> data_;
  std::vector<Name> owners_;  // of data_
};

}  // namespace weir::migrate
