#include "tests/simulation/simulation.h"

#include <map>
#include <set>
#include <variant>

#include "resolver/base/limits.h"
#include "tests/simulation/check.h"
#include "tests/simulation/simulated_resolver.h"

namespace weir::simulation {
namespace {

using std::chrono::milliseconds;

// Resolutions last at most this long (limits.h), and what was drawn into one a little longer.
constexpr Time kLongestAnswer = milliseconds(limit_of(Limit::resolution_ms) + 100);
constexpr unsigned kMaxEvents = 400'000;
constexpr unsigned kMaxEventsPerQuery = 500;

// One folder a thread for the decision rings of its worlds.
const test::ScratchFolder& scratch() {
  static thread_local const test::ScratchFolder folder;
  return folder;
}

class Hash {  // FNV-1a
 public:
  void add(std::span<const std::uint8_t> octets) {
    for (const std::uint8_t octet : octets) value_ = (value_ ^ octet) * 0x100000001B3U;
  }
  void add(std::uint64_t number) {
    for (int i = 0; i < 8; ++i) value_ = (value_ ^ (number >> (8 * i) & 255U)) * 0x100000001B3U;
  }
  std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0xCBF29CE484222325U;
};

class Run {
 public:
  Run(const world::WorldPlan& plan, const Schedule& schedule, const RunOptions& options)
      : options_(options),
        schedule_(schedule),
        world_(plan),
        oracle_(world_),
        ledger_(oracle_),
        checker_(oracle_, ledger_),
        resolver_(world_, plan.seed, scratch(),
                  options.sample ? SimulatedResolver::Caches::small : SimulatedResolver::Caches::ample) {}

  RunResult go() {
    for (const ClockJump& jump : schedule_.jumps) events_.emplace(jump.at, Jump{jump.by});
    const std::uint64_t most = kMaxEvents + schedule_.queries.size() * kMaxEventsPerQuery;
    for (std::uint64_t count = 0; result_.failure.empty(); ++count) {
      if (count > most) fail("it goes on for ever");
      if (options_.sample && clock_ >= next_sample_) sample();
      if (!step()) break;
    }
    if (result_.failure.empty()) check_end();
    finish();
    return std::move(result_);
  }

 private:
  struct Ask {
    ClientQuery query;
  };
  struct Jump {
    std::chrono::seconds by;
  };
  struct Arrival {
    ExchangeId exchange;
    world::Delivery delivery;
  };
  struct Overdue {
    std::uint64_t ticket;
  };
  using Event = std::variant<Ask, Jump, Arrival, Overdue>;
  struct Waiting {
    ClientQuery query;
    std::vector<std::uint8_t> sent;
    Time asked{};
    std::uint64_t packets_before = 0;
    bool alone = true;  // nothing else was asked while it was resolved
  };

  Now now() const { return {kSteadyStart + clock_, world_.plan().wall_start + clock_ + jumped_}; }
  void fail(const std::string& what) {
    if (result_.failure.empty()) result_.failure = what;
  }
  void note(const std::string& line) {
    if (options_.trace) result_.trace += std::to_string(clock_.count() / 1000) + " ms " + line + "\n";
  }

  // What this program itself has piled up goes first.
  void sample() {
    ledger_.forget_before(clock_);
    Held held = resolver_.held();
    held.ledger = ledger_.size();
    options_.sample(clock_, held);
    next_sample_ = clock_ + options_.sample_every;
  }

  // Those that come before anything else: a long schedule must not hide in its shrinking what grows.
  void take_due_queries() {
    const auto& queries = schedule_.queries;
    while (next_query_ < queries.size() && (events_.empty() || queries[next_query_].at <= events_.begin()->first)) {
      events_.emplace(queries[next_query_].at, Ask{queries[next_query_]});
      ++next_query_;
    }
  }

  // False when nothing is left to happen.
  bool step() {
    take_due_queries();
    const auto timer = resolver_.next_timeout();
    const Time timer_at = timer ? std::chrono::ceil<Time>(*timer - kSteadyStart) : world::kForever;
    if (events_.empty() && !timer) return false;
    if (!events_.empty() && events_.begin()->first <= timer_at) {
      clock_ = std::max(clock_, events_.begin()->first);
      Event event = std::move(events_.begin()->second);
      events_.erase(events_.begin());
      std::visit([this](auto& what) { happen(what); }, event);
    } else {
      clock_ = std::max(clock_, timer_at);
      hash_.add(static_cast<std::uint64_t>(clock_.count()));
      resolver_.timeout(now());
    }
    collect();
    return true;
  }

  void happen(Ask& ask) {
    const std::uint64_t ticket = ++tickets_;
    Waiting waiting{ask.query, write_query(ask.query, static_cast<std::uint16_t>(ticket * 257)), clock_, packets_,
                    true};
    for (auto& [other, pending] : waiting_) pending.alone = waiting.alone = false;
    ++result_.tally.questions;
    note("asks " + describe(ask.query));
    hash_.add(waiting.sent);
    const IpAddress client = IpAddress::ipv4(192U << 24 | 168U << 16 | ask.query.client);
    const std::vector<std::uint8_t> sent = waiting.sent;
    waiting_.emplace(ticket, std::move(waiting));
    events_.emplace(clock_ + kLongestAnswer, Overdue{ticket});
    resolver_.query(ticket, client, ask.query.tcp, sent, now());
  }

  void happen(Jump& jump) {
    jumped_ += jump.by;
    note("the wall clock jumps by " + std::to_string(jump.by.count()) + " s");
  }

  void happen(Arrival& arrival) {
    if (!open_.contains(arrival.exchange)) return;
    Response response;
    if (arrival.delivery.octets.empty()) {
      response.failure = ExchangeFailure::connection_closed;
    } else {
      response.message = arrival.delivery.octets;
      if (!arrival.delivery.from_forger) ledger_.delivered(arrival.delivery.octets, clock_);
    }
    if (options_.trace) {
      const auto message = read_message(arrival.delivery.octets);
      note("exchange " + std::to_string(arrival.exchange.value) + " gets" +
           (message ? "\n" + to_text(*message) : std::string(" nothing that can be read")));
    }
    hash_.add(arrival.delivery.octets);
    resolver_.receive(arrival.exchange, response, now());
    resolver_.pump(now());
  }

  void happen(Overdue& overdue) {
    const auto found = waiting_.find(overdue.ticket);
    if (found != waiting_.end()) fail("no answer within 5 s to " + describe(found->second.query));
  }

  void collect() {
    for (const Exchange& exchange : resolver_.take_exchanges()) {
      ++packets_;
      open_.insert(exchange.id);
      hash_.add(exchange.message);
      if (options_.trace) trace_exchange(exchange);
      auto deliveries = world_.answer(exchange.server.address, exchange.transport, exchange.message, clock_);
      for (world::Delivery& delivery : deliveries) {
        const Time at = clock_ + delivery.delay;
        events_.emplace(at, Arrival{exchange.id, std::move(delivery)});
      }
    }
    for (const ExchangeId exchange : resolver_.take_abandoned()) open_.erase(exchange);
    for (ClientAnswer& answer : resolver_.take_answers()) take(answer);
  }

  void trace_exchange(const Exchange& exchange) {
    const auto start = read_message_start(exchange.message);
    note("exchange " + std::to_string(exchange.id.value) + " to " + exchange.server.address.to_text() +
         (exchange.transport == UpstreamTransport::tcp ? " TCP: " : ": ") +
         (start ? start->qname.to_text() + " " + weir::to_text(start->qtype) : std::string("?")));
  }

  void take(const ClientAnswer& answer) {
    const auto found = waiting_.find(answer.ticket);
    if (found == waiting_.end()) return fail("a second answer to one query");
    const Waiting waiting = std::move(found->second);
    waiting_.erase(found);
    ++result_.tally.answers;
    if (waiting.asked == clock_) ++result_.tally.from_cache;
    hash_.add(answer.message);
    const Checked checked = checker_.check(waiting.query, waiting.sent, answer.message, waiting.asked, clock_);
    note("answer to " + waiting.query.question.name.to_text() + " " + weir::to_text(waiting.query.question.type) +
         ": " + weir::to_text(checked.rcode) + (checked.authentic ? " AD" : "") + (checked.truncated ? " TC" : ""));
    if (!checked.wrong.empty()) fail("answer to " + describe(waiting.query) + ": " + checked.wrong);
    if (waiting.alone && packets_ - waiting.packets_before > limit_of(Limit::upstream_packets)) {
      fail(std::to_string(packets_ - waiting.packets_before) + " upstream packets for " + describe(waiting.query));
    }
    if (checked.failed) ++result_.tally.failures_allowed;
    if (checked.authentic) ++result_.tally.authentic;
    ask_again(waiting.query, checked);
  }

  void ask_again(ClientQuery query, const Checked& checked) {
    query.at = clock_;
    if (checked.truncated) {
      if (query.tcp) return fail("truncated over TCP: " + describe(query));
      query.tcp = true;
      events_.emplace(clock_, Ask{query});
      return;
    }
    if (query.repeats == 0 || checked.ttl > 90'000) return;
    world::Random random(world_.plan().seed ^ (query.number << 8U | query.repeats));
    --query.repeats;
    // Within the second after the TTL, where what is kept too long shows itself.
    query.at += std::chrono::seconds(checked.ttl) + milliseconds(random.between(50, 950));
    const Time at = query.at;
    events_.emplace(at, Ask{std::move(query)});
  }

  void check_end() {
    if (!waiting_.empty()) fail("no answer to " + describe(waiting_.begin()->second.query));
    if (resolver_.waiting() != 0) fail(std::to_string(resolver_.waiting()) + " clients still wait at the end");
    if (!open_.empty()) fail(std::to_string(open_.size()) + " exchanges are open at the end");
  }

  void finish() {
    const WorkerMetrics& metrics = resolver_.metrics();
    result_.hash = hash_.value();
    result_.tally.worlds = 1;
    result_.tally.packets = packets_;
    result_.tally.faults = world_.counters().faults;
    result_.tally.validations = metrics.get(Metric::engine_validations);
    result_.tally.bogus = metrics.get(Metric::engine_bogus);
    if (metrics.get(Metric::engine_in_flight) != 0) fail("resolutions are in flight at the end");
  }

  RunOptions options_;
  const Schedule& schedule_;
  world::World world_;
  world::Oracle oracle_;
  Ledger ledger_;
  Checker checker_;
  SimulatedResolver resolver_;

  Time clock_{0};
  Time next_sample_{0};
  std::size_t next_query_ = 0;
  std::chrono::seconds jumped_{0};
  std::multimap<Time, Event> events_;
  std::map<std::uint64_t, Waiting> waiting_;
  std::set<ExchangeId> open_;
  std::uint64_t tickets_ = 0;
  std::uint64_t packets_ = 0;
  Hash hash_;
  RunResult result_;
};

}  // namespace

void Tally::add(const Tally& other) {
  worlds += other.worlds;
  questions += other.questions;
  answers += other.answers;
  failures_allowed += other.failures_allowed;
  authentic += other.authentic;
  packets += other.packets;
  faults += other.faults;
  validations += other.validations;
  bogus += other.bogus;
  from_cache += other.from_cache;
}

RunResult run(const world::WorldPlan& plan, const Schedule& schedule, const RunOptions& options) {
  return Run(plan, schedule, options).go();
}

RunResult run_seed(std::uint64_t seed, const world::WorldOptions& options, const RunOptions& run_options) {
  const world::WorldPlan plan = world::generate(seed, options);
  return run(plan, make_schedule(plan), run_options);
}

}  // namespace weir::simulation
