// Makes a world's plan from its seed: zones and who serves them, then records, questions and faults.
#pragma once

#include "tests/world/plan.h"
#include "tests/world/random.h"

namespace weir::world {

class Generator {
 public:
  Generator(std::uint64_t seed, const WorldOptions& options);
  WorldPlan make();

 private:
  void make_zones();
  void choose_signing(ZonePlan& zone);
  void make_hosts(unsigned zone);
  void make_moves();

  void make_records();
  void add_records(unsigned zone);
  void add_names(unsigned zone);
  void add_wildcards(unsigned zone);
  void add_aliases(unsigned zone);
  void add_chain();
  void change_records(unsigned zone);
  PlannedRrset* add(unsigned zone, const Name& owner, RecordType type, std::vector<Octets> rdata = {});
  Octets rdata_of(RecordType type);
  std::uint32_t ttl();
  Name any_target();
  bool is_free(unsigned zone, const Name& owner) const;

  void make_questions();
  void ask(const Name& name, RecordType type);
  void make_faults();
  void choose_fault(Faults& faults, bool harmless);

  unsigned add_server();
  unsigned add_host(const Name& name, unsigned zone, unsigned server);
  void serve(unsigned server, unsigned zone);
  Time moment();  // in the world's middle

  WorldOptions options_;
  Random random_;
  WorldPlan plan_;
};

}  // namespace weir::world
