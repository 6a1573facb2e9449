// One file of the configuration, and where in it each list, policy and group was read.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "zones/config/config.h"
#include "zones/config/fields.h"
#include "zones/config/value.h"

namespace weir::config {

struct Document {
  std::filesystem::path file;
  ConfigValue root;
};

// The table that one entry came from; null for the default policy that no file names.
struct Origin {
  const Document* document = nullptr;
  const ConfigValue* table = nullptr;
};

struct Origins {
  std::vector<Origin> lists;  // beside Config::lists, and so on
  std::vector<Origin> tsig_keys;
  std::vector<Origin> served;
  std::vector<Origin> sinks;
  std::vector<Origin> policies;
  std::vector<Origin> groups;
  std::vector<Origin> schedules;
  std::vector<Origin> forwards;
  std::vector<Origin> negative_trust_anchors;
  std::vector<Origin> local_zones;
  Origin local;     // the [local] table that has records
  Origin transfer;  // the [transfer] table that has listen_tls
  Origin api;       // the [api] table that has listen
};

const ConfigValue::Member* find_member(const ConfigValue& table, std::string_view key);

// What no single key can tell: duplicates, and names that lead nowhere.
void check_references(const Config& config, const Origins& origins, std::vector<std::string>& faults);

// local.cc: reads the records of [local] and [[local_zone]], and says what is wrong with them.
void read_local_records(Config& config, const Origins& origins, std::vector<std::string>& faults);
// The zones that the packet path asks: those of the files, one for each record outside them, PTRs where wanted.
std::vector<LocalZone> compile_local_zones(const Config& config);

}  // namespace weir::config
