#include "tests/simulation/feel.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <set>
#include <variant>

#include "tests/simulation/check.h"
#include "tests/simulation/simulated_resolver.h"

namespace weir::simulation {
namespace {

using std::chrono::milliseconds;
using world::Time;

constexpr Time kPace = milliseconds(10);  // between two questions
constexpr Time kPatience = std::chrono::seconds(10);
constexpr Time kSlow = milliseconds(500);  // is worth a line in a trace

class FeelRun {
 public:
  FeelRun(const world::WorldPlan& plan, bool trace)
      : trace_(trace), world_(plan), resolver_(world_, plan.seed, scratch_) {}

  Feel go(std::size_t questions) {
    questions = std::min(questions, world_.questions().size());
    for (std::size_t i = 0; i < questions; ++i) {
      ClientQuery query;
      query.question = world_.questions()[i];
      query.authentic_data = true;
      events_.emplace(static_cast<std::int64_t>(i) * kPace, Ask{query, static_cast<std::int64_t>(i) * kPace});
    }
    while (result_.latencies.size() < questions && step()) collect();
    result_.failed += questions - result_.latencies.size();
    result_.latencies.resize(questions, kPatience);
    result_.retries = resolver_.metrics().get(Metric::engine_retries);
    return std::move(result_);
  }

 private:
  struct Ask {
    ClientQuery query;
    Time began{};
  };
  struct Arrival {
    ExchangeId exchange;
    world::Octets octets;
  };

  Now now() const { return {kSteadyStart + clock_, world_.plan().wall_start + clock_}; }

  bool step() {
    const auto timer = resolver_.next_timeout();
    if (events_.empty() && !timer) return false;
    const Time timer_at = timer ? std::chrono::ceil<Time>(*timer - kSteadyStart) : world::kForever;
    if (!events_.empty() && events_.begin()->first <= timer_at) {
      clock_ = std::max(clock_, events_.begin()->first);
      auto event = std::move(events_.begin()->second);
      events_.erase(events_.begin());
      std::visit([this](auto& what) { happen(what); }, event);
    } else {
      clock_ = std::max(clock_, timer_at);
      resolver_.timeout(now());
    }
    return true;
  }

  void happen(Ask& ask) {
    const std::uint64_t ticket = ++tickets_;
    const auto message = write_query(ask.query, static_cast<std::uint16_t>(ticket));
    const bool tcp = ask.query.tcp;
    waiting_.emplace(ticket, std::move(ask));
    resolver_.query(ticket, IpAddress::ipv4(192U << 24 | 168U << 16 | 1U), tcp, message, now());
  }

  void happen(Arrival& arrival) {
    if (!open_.contains(arrival.exchange)) return;
    Response response;
    response.message = arrival.octets;
    if (arrival.octets.empty()) response.failure = ExchangeFailure::connection_closed;
    resolver_.receive(arrival.exchange, response, now());
    resolver_.pump(now());
  }

  void collect() {
    for (const Exchange& exchange : resolver_.take_exchanges()) {
      ++result_.packets;
      open_.insert(exchange.id);
      auto deliveries = world_.answer(exchange.server.address, exchange.transport, exchange.message, clock_);
      if (trace_) note(exchange, deliveries);
      for (world::Delivery& delivery : deliveries) {
        events_.emplace(clock_ + delivery.delay, Arrival{exchange.id, std::move(delivery.octets)});
      }
    }
    for (const ExchangeId exchange : resolver_.take_abandoned()) open_.erase(exchange);
    for (const ClientAnswer& answer : resolver_.take_answers()) take(answer);
  }

  void note(const Exchange& exchange, const std::vector<world::Delivery>& deliveries) const {
    const auto start = read_message_start(exchange.message);
    const auto ms = [](Time time) { return static_cast<long long>(time.count() / 1000); };
    std::printf("%lld ms: %s %s %s%s: ", ms(clock_), exchange.server.address.to_text().c_str(),
                start->qname.to_text().c_str(), weir::to_text(start->qtype).c_str(),
                exchange.transport == UpstreamTransport::tcp ? " TCP" : "");
    deliveries.empty() ? std::printf("lost\n") : std::printf("%lld ms\n", ms(deliveries.front().delay));
  }

  void take(const ClientAnswer& answer) {
    const auto found = waiting_.find(answer.ticket);
    if (found == waiting_.end()) return;
    Ask ask = std::move(found->second);
    waiting_.erase(found);
    const auto start = read_message_start(answer.message);
    if (start->flags.truncated) {
      ask.query.tcp = true;
      events_.emplace(clock_, std::move(ask));
      return;
    }
    const Time took = clock_ - ask.began;
    const bool failed = start->rcode_low == static_cast<std::uint8_t>(Rcode::servfail);
    if (failed) ++result_.failed;
    if (trace_) {
      std::printf("%lld ms: answer%s after %lld ms%s: %s\n", static_cast<long long>(clock_.count() / 1000),
                  failed ? " SERVFAIL" : "", static_cast<long long>(took.count() / 1000), took >= kSlow ? ", slow" : "",
                  describe(ask.query).c_str());
    }
    result_.latencies.push_back(took);
  }

  const bool trace_;
  const test::ScratchFolder scratch_;
  world::World world_;
  SimulatedResolver resolver_;
  Time clock_{0};
  std::multimap<Time, std::variant<Ask, Arrival>> events_;
  std::map<std::uint64_t, Ask> waiting_;
  std::set<ExchangeId> open_;
  std::uint64_t tickets_ = 0;
  Feel result_;
};

}  // namespace

void Feel::add(const Feel& other) {
  latencies.insert(latencies.end(), other.latencies.begin(), other.latencies.end());
  failed += other.failed;
  packets += other.packets;
  retries += other.retries;
}

Time Feel::percentile(unsigned percent) const {
  std::vector<Time> sorted = latencies;
  std::ranges::sort(sorted);
  return sorted.empty() ? Time{} : sorted[std::min(sorted.size() - 1, sorted.size() * percent / 100)];
}

Feel feel(const world::WorldPlan& plan, std::size_t questions, bool trace) {
  return FeelRun(plan, trace).go(questions);
}

}  // namespace weir::simulation
