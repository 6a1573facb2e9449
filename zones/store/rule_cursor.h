// The rules that a list is to have, in the order of their rule keys: from an import, sorted; or from the validity
// intervals, as they were at some generation.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "zones/store/database.h"
#include "zones/store/keys.h"

namespace weir::store {

struct WantedRule {
  std::string_view key;
  std::uint64_t import = 0;
  std::uint64_t line = 0;
  std::uint32_t detail = 0;  // known already; 0: none or new
  std::string_view payload;  // of a rule whose detail is new; empty: none
};

class RuleCursor {
 public:
  virtual ~RuleCursor() = default;
  // False at the end or after a failure; what `rule` points to is valid until the next call.
  virtual bool next(WantedRule& rule) = 0;
  virtual Result<void> status() const { return {}; }
};

// What a list held at one generation.
class PastRules : public RuleCursor {
 public:
  PastRules(const Database& database, ListId list, std::uint64_t generation);
  bool next(WantedRule& rule) override;
  Result<void> status() const override;

 private:
  bool find_open();
  bool find_closed();

  std::uint64_t generation_;
  std::string key_;
  std::string open_prefix_;
  std::string closed_prefix_;
  std::unique_ptr<rocksdb::Iterator> open_;
  std::unique_ptr<rocksdb::Iterator> closed_;
  bool started_ = false;
  bool open_valid_ = false;
  bool closed_valid_ = false;
  std::string_view open_key_;
  std::string_view closed_key_;
  Interval open_interval_;
  Interval closed_interval_;
  bool damaged_ = false;
};

}  // namespace weir::store
