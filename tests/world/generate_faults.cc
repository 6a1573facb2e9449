#include "tests/world/generator.h"

namespace weir::world {

// What a resolver has to live with, whatever else it does: these let nothing fail.
bool is_harmless(const Faults& faults) {
  Faults plain;
  plain.round_trip = faults.round_trip;
  plain.jitter = faults.jitter;
  plain.duplicate_percent = faults.duplicate_percent;
  plain.folds_case = faults.folds_case;
  plain.truncates = faults.truncates;
  plain.poisons_glue = faults.poisons_glue;
  plain.poisons_authority = faults.poisons_authority;
  plain.poisons_answer = faults.poisons_answer;
  plain.forgeries = faults.forgeries;
  return plain == faults;
}

void Generator::choose_fault(Faults& faults, bool harmless) {
  switch (random_.below(harmless ? 8 : 20)) {
    case 0:
      faults.duplicate_percent = random_.between(10, 60);
      return;
    case 1:
      faults.folds_case = true;
      return;
    case 2:
      faults.truncates = true;
      return;
    case 3:
    case 4:
      faults.poisons_glue = true;
      return;
    case 5:
      faults.poisons_authority = true;
      return;
    case 6:
      faults.poisons_answer = true;
      return;
    case 7:
      faults.forgeries = random_.between(1, 4);
      return;
    case 8:
      faults.edns = random_.pick(
          {EdnsManner::ignored, EdnsManner::formerr, EdnsManner::notimp, EdnsManner::badvers, EdnsManner::dropped});
      return;
    case 9:
      faults.loss_percent = random_.between(2, 40);
      return;
    case 10:
      faults.truncates = faults.truncates_tcp = true;
      return;
    case 11:
      faults.truncates = random_.chance(50);
      faults.closes_tcp = true;
      return;
    case 12:
      faults.denies_minimised = true;
      return;
    case 13:
      faults.drops_unknown_types = true;
      return;
    case 14:
      faults.no_signatures = true;
      return;
    case 15:
    case 16:
      faults.replays_wildcards = true;
      return;
    default:
      faults.manner = random_.pick({Manner::silent, Manner::silent, Manner::refused, Manner::servfail,
                                    Manner::upward_referral, Manner::self_referral});
      if (!random_.chance(60)) return;
      faults.from = random_.chance(50) ? Time(0) : moment();
      faults.until = faults.from + std::chrono::seconds(random_.between(20, 600));
  }
}

void Generator::make_faults() {
  const unsigned percent = random_.pick({10U, 25U, 50U});
  for (unsigned server = 0; server < plan_.servers.size(); ++server) {
    if (!random_.chance(percent)) continue;
    bool top = false;
    for (const unsigned zone : plan_.servers[server].zones) top = top || plan_.zones[zone].parent <= 0;
    choose_fault(plan_.servers[server].faults, top);
    if (random_.chance(20)) choose_fault(plan_.servers[server].faults, top);
  }
}

}  // namespace weir::world
