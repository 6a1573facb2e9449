#include "tests/scenario/runner.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <deque>
#include <map>

#include "tests/scenario/entry_message.h"
#include "tests/scenario/message_match.h"
#include "tests/scenario/raw_message.h"
#include "tests/scenario/variables.h"

namespace weir::scenario {
namespace {

using std::chrono::microseconds;

constexpr std::uint16_t kClientPayloadSize = 4096;
constexpr double kMaxElapse = 1e9;  // seconds; no scenario waits for thirty years

// One query of the resolver that no answer has reached.
struct Outstanding {
  Exchange exchange;
  MessageTransport transport = MessageTransport::udp;
  // Fake servers answer a query once: an answer that the resolver ignored is not sent for ever.
  enum class State : std::uint8_t { open, answered, silenced } state = State::open;
};

struct ClientQuery {
  IpAddress client;
  MessageTransport transport = MessageTransport::udp;
  std::vector<std::uint8_t> message;
  bool raw = false;
};

struct Delivery {
  ExchangeId exchange;
  std::vector<std::uint8_t> message;
};

MessageTransport transport_of(const Exchange& exchange) {
  return exchange.transport == UpstreamTransport::udp ? MessageTransport::udp : MessageTransport::tcp;
}

bool is_truncated(std::span<const std::uint8_t> message) {
  return message.size() > 2 && (message[2] & 0x02) != 0;
}

class Run {
 public:
  Run(const Scenario& scenario, ResolverUnderTest& resolver, WallTime wall, const RunLimits& limits, std::string* trace)
      : scenario_(scenario), resolver_(resolver), wall_(wall), limits_(limits), trace_(trace) {
    for (const Range& range : scenario.ranges) entries_used_.emplace_back(range.entries.size(), false);
  }

  Outcome run() {
    for (at_ = 0; at_ < scenario_.steps.size() && !failed_; ++at_) {
      next_ = at_;
      const Step& step = scenario_.steps[at_];
      // An answer that is there already is checked before servers get a word: a step behind may want to see what the
      // resolver asks meanwhile (a prefetch).
      if (step.kind != StepKind::check_answer) flow();
      if (failed_) break;
      note("step " + std::to_string(step.number) + " " + std::string(to_text(step.kind)));
      next_ = at_ + 1;
      carry_out(step);
      collect();
    }
    check_end();
    return failed_ ? *failed_ : Outcome{};
  }

 private:
  Now now() const { return {SteadyTime() + clock_, wall_ + clock_}; }

  void note(const std::string& event) {
    if (trace_ == nullptr) return;
    *trace_ += std::to_string(clock_.count() / 1000) + " ms: " + event + "\n";
  }

  void fail(unsigned line, std::string reason, std::string details = {}) {
    if (failed_) return;
    failed_ = Outcome{Outcome::Kind::failed, scenario_.file + ":" + std::to_string(line) + ": " + std::move(reason),
                      std::move(details)};
  }
  void fail(const Step& step, const std::string& reason, std::string details = {}) {
    fail(step.entry ? step.entry->line : step.line, std::string(to_text(step.kind)) + ": " + reason,
         std::move(details));
  }

  bool count_event() {
    if (++events_ <= limits_.events) return true;
    fail(at_ < scenario_.steps.size() ? scenario_.steps[at_].line : 1, "no end: too many messages and timers");
    return false;
  }

  // --- the network -----------------------------------------------------------------------------------------------

  static std::string describe(const Outstanding& query) {
    const RawMessage message = read_raw_message(query.exchange.message);
    const std::string question =
        message.question.empty() ? "?"
                                 : message.question[0].owner.to_text() + " " + weir::to_text(message.question[0].type);
    return question + " to " + query.exchange.server.address.to_text() +
           (query.transport == MessageTransport::udp ? "" : " by TCP");
  }

  std::string describe_outstanding() const {
    std::string out;
    for (const Outstanding& query : outstanding_) out += (out.empty() ? "" : ", ") + describe(query);
    return out.empty() ? "none" : out;
  }

  void collect() {
    for (Exchange& exchange : resolver_.take_exchanges()) {
      const MessageTransport transport = transport_of(exchange);
      outstanding_.push_back({std::move(exchange), transport});
      note("-> " + describe(outstanding_.back()));
      if (!count_event()) return;
    }
    for (const ExchangeId id : resolver_.take_abandoned()) {
      std::erase_if(outstanding_, [&](const Outstanding& query) { return query.exchange.id == id; });
    }
    for (ResolverUnderTest::Answer& answer : resolver_.take_answers()) take_answer(std::move(answer));
  }

  void take_answer(ResolverUnderTest::Answer answer) {
    note("client gets\n" + to_text(read_raw_message(answer.message)));
    const auto query = clients_.find(answer.ticket);
    if (query == clients_.end()) return fail(1, "the resolver answered a query twice, or one that nobody sent");
    // Octets that are no DNS have no answer to be checked, unless the file says so.
    if (query->second.raw &&
        (next_ >= scenario_.steps.size() || scenario_.steps[next_].kind != StepKind::check_answer)) {
      clients_.erase(query);
      return;
    }
    answers_.push_back(std::move(answer));
  }

  void receive(ExchangeId exchange, const Response& response) {
    if (!count_event()) return;
    resolver_.receive(exchange, response, now());
    collect();
  }

  bool address_fits(const std::optional<IpAddress>& wanted, const Outstanding& query) const {
    return !wanted || *wanted == query.exchange.server.address;
  }

  // The step that comes next takes its own query before any range sees it.
  bool is_reserved(const Outstanding& query) const {
    if (next_ >= scenario_.steps.size()) return false;
    const Step& step = scenario_.steps[next_];
    return step.kind == StepKind::check_out_query && step.entry && address_fits(step.address, query) &&
           !first_difference(*step.entry, query.exchange.message, query.transport);
  }

  const Entry* find_entry(const Outstanding& query) {
    const std::uint32_t number = scenario_.steps[std::min(next_, scenario_.steps.size() - 1)].number;
    for (std::size_t i = 0; i < scenario_.ranges.size(); ++i) {
      const Range& range = scenario_.ranges[i];
      if (number < range.from || number > range.to) continue;
      const auto& addresses = range.addresses;
      if (!addresses.empty() && std::ranges::find(addresses, query.exchange.server.address) == addresses.end())
        continue;
      for (std::size_t k = 0; k < range.entries.size(); ++k) {
        if (first_difference(range.entries[k], query.exchange.message, query.transport)) continue;
        entries_used_[i][k] = true;
        return &range.entries[k];
      }
    }
    return nullptr;
  }

  void answer(Outstanding& query, const Entry& entry) {
    if (entry.adjust.do_not_answer) {
      query.state = Outstanding::State::silenced;
      return;
    }
    query.state = Outstanding::State::answered;
    note("<- entry of line " + std::to_string(entry.line) + " for " + describe(query));
    // Copied: what is outstanding changes while the answer is taken.
    const ExchangeId id = query.exchange.id;
    for (auto& message : build_answer_messages(entry, query.exchange.message)) {
      if (entry.adjust.delay.count() > 0) {
        deliveries_.emplace(clock_ + entry.adjust.delay, Delivery{id, std::move(message)});
      } else {
        receive(id, {ExchangeFailure::none, message});
      }
    }
  }

  bool answer_one_by_range() {
    for (Outstanding& query : outstanding_) {
      if (query.state != Outstanding::State::open || is_reserved(query)) continue;
      const Entry* entry = find_entry(query);
      if (entry == nullptr) continue;
      answer(query, *entry);
      return true;
    }
    return false;
  }

  bool deliver_one() {
    if (deliveries_.empty() || deliveries_.begin()->first > clock_) return false;
    const Delivery delivery = std::move(deliveries_.begin()->second);
    deliveries_.erase(deliveries_.begin());
    const bool wanted = std::ranges::any_of(
        outstanding_, [&](const Outstanding& query) { return query.exchange.id == delivery.exchange; });
    if (wanted) receive(delivery.exchange, {ExchangeFailure::none, delivery.message});
    return true;
  }

  // Until nothing moves without time.
  void flow() {
    collect();
    while (!failed_ && (deliver_one() || answer_one_by_range())) {
    }
  }

  // --- time ------------------------------------------------------------------------------------------------------

  std::optional<microseconds> next_timer() const {
    const auto timer = resolver_.next_timeout();
    if (!timer) return std::nullopt;
    return std::max(std::chrono::ceil<microseconds>(timer->time_since_epoch()), clock_);
  }

  // Moves to the next thing that happens by itself, at most to `until`; false where nothing does before.
  bool advance(microseconds until) {
    auto next = next_timer();
    if (!deliveries_.empty()) next = next ? std::min(*next, deliveries_.begin()->first) : deliveries_.begin()->first;
    if (!next || *next > until || !count_event()) return false;
    clock_ = std::max(clock_, *next);
    resolver_.timeout(now());
    flow();
    return !failed_;
  }

  // --- steps -----------------------------------------------------------------------------------------------------

  void carry_out(const Step& step) {
    const bool wants_entry = step.kind == StepKind::query || step.kind == StepKind::check_answer ||
                             step.kind == StepKind::check_out_query || step.kind == StepKind::reply;
    if (wants_entry && !step.entry) return fail(step, "expected an entry below the step");
    switch (step.kind) {
      case StepKind::query:
        return send_query(step);
      case StepKind::check_answer:
        return check_answer(step);
      case StepKind::check_out_query:
        return check_out_query(step);
      case StepKind::reply:
        return reply(step);
      case StepKind::timeout:
        return let_time_out(step);
      case StepKind::error:
        return fail_exchange(step);
      case StepKind::time_passes:
        return pass_time(step);
      case StepKind::traffic:
        return let_traffic_flow();
      case StepKind::nothing:
        return;
      case StepKind::assign:
        return assign(step);
      case StepKind::flush_message:
      case StepKind::expire_message:
        return change_cache(step);
      case StepKind::infra_rtt:
        return measure_server(step);
      case StepKind::check_autotrust:
      case StepKind::check_tempfile:
        return fail(step, "the runner knows no such step");
    }
  }

  void send_query(const Step& step) {
    const Entry& entry = *step.entry;
    const std::uint64_t ticket = ++last_ticket_;
    ClientQuery query{.client = step.address.value_or(IpAddress::ipv4(0x7F000001)),
                      .transport = entry.match.transport.value_or(MessageTransport::udp),
                      .message = build_query_message(entry, static_cast<std::uint16_t>(ticket), kClientPayloadSize),
                      .raw = entry.raw};
    const auto& sent = clients_.emplace(ticket, std::move(query)).first->second;
    resolver_.query(ticket, sent.client, sent.transport, sent.message, now());
  }

  // As stubs do: a truncated answer is asked for again by TCP, unless truncation is what the entry wants to see.
  bool ask_again_by_tcp(const Entry& entry, const ResolverUnderTest::Answer& answer) {
    ClientQuery& query = clients_.at(answer.ticket);
    if (!is_truncated(answer.message) || expected_message(entry).flags.truncated ||
        query.transport == MessageTransport::tcp || entry.match.transport == MessageTransport::udp) {
      return false;
    }
    query.transport = MessageTransport::tcp;
    const std::uint64_t ticket = answer.ticket;
    note("client asks again by TCP");
    std::erase_if(answers_, [&](const auto& other) { return other.ticket == ticket; });
    resolver_.query(ticket, query.client, query.transport, query.message, now());
    collect();
    return true;
  }

  // The first answer that matches is taken, in the order in which they were given.
  bool take_matching_answer(const Step& step) {
    for (auto answer = answers_.begin(); answer != answers_.end(); ++answer) {
      const ClientQuery& query = clients_.at(answer->ticket);
      if (step.address && *step.address != query.client) continue;
      if (ask_again_by_tcp(*step.entry, *answer)) return take_matching_answer(step);
      if (first_difference(*step.entry, answer->message, query.transport)) continue;
      clients_.erase(answer->ticket);
      answers_.erase(answer);
      return true;
    }
    return false;
  }

  void check_answer(const Step& step) {
    next_ = at_;  // the servers that are alive now answer
    const microseconds until = clock_ + limits_.wait;
    collect();
    while (!failed_ && !take_matching_answer(step)) {
      const bool moved =
          deliver_one() || answer_one_by_range() || (clients_.size() > answers_.size() && advance(until));
      if (!moved) return fail_check(step);
    }
  }

  void fail_check(const Step& step) {
    if (failed_) return;
    if (answers_.empty()) {
      return fail(step, clients_.empty() ? "no query is waiting for an answer"
                                         : "no answer; outstanding upstream: " + describe_outstanding());
    }
    const auto& answer = answers_.front();
    const auto difference = first_difference(*step.entry, answer.message, clients_.at(answer.ticket).transport);
    const std::string text = difference.value_or("the answer went to another client");
    fail(step, text, explain(*step.entry, answer.message, text));
  }

  void check_out_query(const Step& step) {
    for (Outstanding& query : outstanding_) {
      if (query.state != Outstanding::State::open || !address_fits(step.address, query) ||
          first_difference(*step.entry, query.exchange.message, query.transport)) {
        continue;
      }
      if (step.entry->adjust.copy_id) answer(query, *step.entry);
      return;
    }
    const RawMessage wanted = expected_message(*step.entry);
    const std::string question = wanted.question.empty() ? ""
                                                         : wanted.question[0].owner.to_text() + " " +
                                                               weir::to_text(wanted.question[0].type) + " ";
    fail(step, question + "is not asked; outstanding upstream: " + describe_outstanding());
  }

  // The query that a step deals with: the newest that is open, one that matches the step's entry before others.
  Outstanding* chosen_query(const Step& step) {
    Outstanding* chosen = nullptr;
    bool chosen_matches = false;
    for (Outstanding& query : outstanding_) {
      if (query.state != Outstanding::State::open || !address_fits(step.address, query)) continue;
      const bool matches = step.entry && !first_difference(*step.entry, query.exchange.message, query.transport);
      if (chosen != nullptr && chosen_matches && !matches) continue;
      chosen = &query;
      chosen_matches = matches;
    }
    if (chosen == nullptr && step.kind != StepKind::timeout) fail(step, "no upstream query is outstanding");
    return chosen;
  }

  void reply(const Step& step) {
    if (Outstanding* query = chosen_query(step)) answer(*query, *step.entry);
  }

  // A time-out is time that passes without an answer; how much is for the resolver to say. So is how often it tries:
  // with nothing outstanding there is nothing to time out.
  void let_time_out(const Step& step) {
    Outstanding* query = chosen_query(step);
    if (query == nullptr) return;
    query->state = Outstanding::State::silenced;
    const ExchangeId id = query->exchange.id;
    const ExchangeId newest = newest_exchange();
    const std::size_t answers = answers_.size();
    const microseconds until = clock_ + limits_.wait;
    while (!failed_) {
      const auto next = next_timer();
      if (!next || *next > until || !count_event()) return;
      clock_ = std::max(clock_, *next);
      resolver_.timeout(now());
      collect();
      const bool gone =
          std::ranges::none_of(outstanding_, [&](const Outstanding& other) { return other.exchange.id == id; });
      if (gone || newest_exchange() != newest || answers_.size() != answers) return;
    }
  }

  ExchangeId newest_exchange() const { return outstanding_.empty() ? ExchangeId{} : outstanding_.back().exchange.id; }

  void fail_exchange(const Step& step) {
    Outstanding* query = chosen_query(step);
    if (query == nullptr) return;
    query->state = Outstanding::State::answered;
    receive(query->exchange.id, {ExchangeFailure::network_error, {}});
  }

  Instant instant() const {
    const auto seconds = [](microseconds time) { return static_cast<double>(time.count()) / 1e6; };
    Instant out{.now_seconds = seconds(clock_ + std::chrono::duration_cast<microseconds>(wall_.time_since_epoch()))};
    if (const auto timer = next_timer()) out.timeout_seconds = seconds(*timer - clock_);
    return out;
  }

  static std::string joined(const std::vector<std::string>& words, std::size_t from) {
    std::string out;
    for (std::size_t i = from; i < words.size(); ++i) out += (out.empty() ? "" : " ") + words[i];
    return out;
  }

  void pass_time(const Step& step) {
    if (step.words.size() < 2 || (step.words[0] != "ELAPSE" && step.words[0] != "EVAL")) {
      return fail(step, "expected ELAPSE seconds or EVAL expression");
    }
    const auto seconds = variables_.evaluate_number(joined(step.words, 1), instant());
    if (!seconds) return fail(step, seconds.error().message);
    if (!(*seconds >= 0 && *seconds <= kMaxElapse)) return fail(step, "expected 0 to 1000000000 seconds");
    const microseconds until = clock_ + microseconds(static_cast<std::int64_t>(std::llround(*seconds * 1e6)));
    while (advance(until)) {
    }
    if (failed_) return;
    clock_ = until;
    resolver_.timeout(now());
  }

  void let_traffic_flow() {
    next_ = at_;
    flow();
    // Answers on their way arrive; time goes no further than that.
    while (!failed_ && !deliveries_.empty() && advance(deliveries_.begin()->first)) {
    }
  }

  void assign(const Step& step) {
    if (step.words.size() < 3 || step.words[1] != "=") return fail(step, "expected 'ASSIGN v = expression'");
    auto value = variables_.evaluate(joined(step.words, 2), instant());
    if (!value) return fail(step, value.error().message);
    variables_.assign(step.words[0], std::move(*value));
  }

  void change_cache(const Step& step) {
    const auto name = step.words.size() < 2 ? Error{} : Name::parse(step.words[0]);
    const auto type = step.words.size() < 2 ? std::nullopt : parse_record_type(step.words[1]);
    if (!name || !type) return fail(step, "expected a name, a type and a class");
    const bool done = step.kind == StepKind::flush_message ? resolver_.flush_message(*name, *type, now())
                                                           : resolver_.expire_message(*name, *type, now());
    if (!done) fail(step, "the resolver cannot do that");
  }

  // INFRA_RTT address zone milliseconds
  void measure_server(const Step& step) {
    const bool complete = step.words.size() >= 3;
    const auto address = IpAddress::parse(complete ? step.words[0] : "");
    unsigned milliseconds = 0;
    const std::string text = complete ? step.words[2] : "";
    const auto read = std::from_chars(text.data(), text.data() + text.size(), milliseconds);
    if (!address || read.ec != std::errc() || read.ptr != text.data() + text.size()) {
      return fail(step, "expected an address, a zone and milliseconds");
    }
    if (!resolver_.measure_server(*address, std::chrono::milliseconds(milliseconds), now())) {
      fail(step, "the resolver cannot do that");
    }
  }

  void check_end() {
    if (failed_) return;
    for (std::size_t i = 0; i < scenario_.ranges.size(); ++i) {
      const auto& entries = scenario_.ranges[i].entries;
      for (std::size_t k = 0; k < entries.size(); ++k) {
        if (entries[k].mandatory && !entries_used_[i][k])
          fail(entries[k].line, "this entry was never used, but must be");
      }
    }
    if (answers_.empty()) return;
    const unsigned line = scenario_.steps.empty() ? 1 : scenario_.steps.back().line;
    fail(line, std::to_string(answers_.size()) + " answers are left that no step checks",
         to_text(read_raw_message(answers_.front().message)));
  }

  const Scenario& scenario_;
  ResolverUnderTest& resolver_;
  const WallTime wall_;
  const RunLimits limits_;
  std::string* trace_;

  std::size_t at_ = 0;    // the step that is carried out
  std::size_t next_ = 0;  // the step whose number says which ranges are alive, and which may take a query
  microseconds clock_{0};
  unsigned events_ = 0;
  std::deque<Outstanding> outstanding_;  // in the order in which they were sent
  std::multimap<microseconds, Delivery> deliveries_;
  std::uint64_t last_ticket_ = 0;
  std::map<std::uint64_t, ClientQuery> clients_;   // whose answer no step has taken
  std::deque<ResolverUnderTest::Answer> answers_;  // given, not checked
  std::vector<std::vector<bool>> entries_used_;    // beside scenario.ranges and their entries
  Variables variables_;
  std::optional<Outcome> failed_;
};

}  // namespace

Outcome run_scenario(const Scenario& scenario, ResolverUnderTest& resolver, WallTime wall, const RunLimits& limits,
                     std::string* trace) {
  if (scenario.steps.empty()) return {Outcome::Kind::failed, scenario.file + ": no steps", {}};
  return Run(scenario, resolver, wall, limits, trace).run();
}

}  // namespace weir::scenario
