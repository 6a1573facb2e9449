#include "tests/simulation/schedule.h"

#include <algorithm>

#include "tests/world/random.h"

namespace weir::simulation {
namespace {

using world::Random;

constexpr unsigned kMinQueries = 30, kMaxQueries = 90;

Question random_question(const world::WorldPlan& plan, Random& random) {
  if (random.chance(90)) return random.pick(plan.questions);
  const Question base = random.pick(plan.questions);  // a name below, another type
  const auto name = random.chance(50) ? base.name.child("r" + std::to_string(random.below(50))) : base.name;
  const auto type = random.pick({RecordType::a, RecordType::txt, RecordType::mx, RecordType::ns, RecordType::cname,
                                 RecordType::ds, RecordType::dname, static_cast<RecordType>(65'281)});
  return {name.value_or(base.name), type, RecordClass::in};
}

}  // namespace

Schedule make_schedule(const world::WorldPlan& plan) {
  Random random(plan.seed ^ 0x5C4ED71E5C4ED71EU);
  Schedule out;
  const unsigned count = random.between(kMinQueries, kMaxQueries);
  const unsigned clients = random.between(1, 3);
  const auto horizon = static_cast<std::uint64_t>((plan.horizon * 11 / 10).count());
  std::vector<Question> recent;
  Time at{0};
  for (unsigned i = 0; i < count; ++i) {
    ClientQuery query;
    const unsigned pause = random.below(10);
    if (pause >= 3)
      at += Time(static_cast<std::int64_t>(random.next() % (pause < 8 ? 3'000'000 : horizon / count * 5)));
    query.at = at;
    const bool again = !recent.empty() && random.chance(35);
    query.question = again ? random.pick(recent) : random_question(plan, random);
    recent.push_back(query.question);
    query.edns = random.chance(80);
    query.dnssec_ok = query.edns && random.chance(50);
    query.checking_disabled = random.chance(8);
    query.authentic_data = random.chance(40);
    query.recursion_desired = !random.chance(4);
    query.tcp = random.chance(10);
    query.client = random.between(1, clients);
    query.repeats = random.chance(30) ? random.between(1, 3) : 0;
    query.number = i;
    out.queries.push_back(std::move(query));
  }
  for (unsigned i = random.chance(25) ? random.between(1, 3) : 0; i > 0; --i) {
    const auto when = Time(static_cast<std::int64_t>(random.next() % horizon));
    out.jumps.push_back({when, std::chrono::seconds(static_cast<int>(random.below(7200)) - 3600)});
  }
  return out;
}

std::string describe(const ClientQuery& query) {
  std::string out = std::to_string(query.at.count() / 1000) + " ms client " + std::to_string(query.client) + ": " +
                    query.question.name.to_text() + " " + to_text(query.question.type);
  if (query.dnssec_ok) out += " DO";
  if (query.checking_disabled) out += " CD";
  if (query.authentic_data) out += " AD";
  if (!query.recursion_desired) out += " RD=0";
  if (!query.edns) out += " no EDNS";
  if (query.tcp) out += " TCP";
  if (query.repeats > 0) out += ", again when its TTL is over";
  return out;
}

}  // namespace weir::simulation
