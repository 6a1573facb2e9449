#include "resolver/engine/exchanges.h"

#include <algorithm>

namespace weir {
namespace {

std::string key_of(const ServerAddress& server, UpstreamTransport transport, const UpstreamQuery& query) {
  std::string key;
  const auto number = [&key](unsigned value) {
    key += static_cast<char>(value >> 8);
    key += static_cast<char>(value);
  };
  for (const std::uint8_t octet : server.address.bytes()) key += static_cast<char>(octet);
  number(server.port);
  number(static_cast<unsigned>(transport));
  number(static_cast<std::uint16_t>(query.type));
  number(static_cast<std::uint16_t>(query.record_class));
  number(static_cast<unsigned>(query.edns) << 2 | static_cast<unsigned>(query.dnssec_ok) << 1 |
         static_cast<unsigned>(query.checking_disabled));
  for (const std::uint8_t octet : query.qname.wire()) key += static_cast<char>(fold(octet));
  return key;
}

}  // namespace

OutstandingExchange* Exchanges::join(const ServerAddress& server, UpstreamTransport transport,
                                     const UpstreamQuery& query, WorkId work) {
  const auto known = by_question_.find(key_of(server, transport, query));
  if (known == by_question_.end()) return nullptr;
  OutstandingExchange& exchange = outstanding_.at(known->second);
  if (exchange.retried || std::ranges::find(exchange.waiters, work) != exchange.waiters.end()) return nullptr;
  exchange.waiters.push_back(work);
  return &exchange;
}

OutstandingExchange& Exchanges::open(OutstandingExchange draft, WorkId work) {
  draft.id = ExchangeId{++last_id_};
  draft.waiters = {work};
  wanted_.push_back({draft.id, draft.server.endpoint(port_), draft.transport, build_query(draft.query)});
  timers_.insert({draft.retry_at, TimerKey::Kind::retry, draft.id.value});
  timers_.insert({draft.expires, TimerKey::Kind::expiry, draft.id.value});
  by_question_[key_of(draft.server, draft.transport, draft.query)] = draft.id;
  return outstanding_.emplace(draft.id, std::move(draft)).first->second;
}

OutstandingExchange* Exchanges::find(ExchangeId id) {
  const auto known = outstanding_.find(id);
  return known == outstanding_.end() ? nullptr : &known->second;
}

void Exchanges::leave(ExchangeId id, WorkId work) {
  OutstandingExchange* exchange = find(id);
  if (exchange == nullptr) return;
  std::erase(exchange->waiters, work);
  if (exchange->waiters.empty()) close(id);
}

void Exchanges::close(ExchangeId id) {
  const auto known = outstanding_.find(id);
  if (known == outstanding_.end()) return;
  const OutstandingExchange& exchange = known->second;
  timers_.erase({exchange.retry_at, TimerKey::Kind::retry, id.value});
  timers_.erase({exchange.expires, TimerKey::Kind::expiry, id.value});
  const auto question = by_question_.find(key_of(exchange.server, exchange.transport, exchange.query));
  if (question != by_question_.end() && question->second == id) by_question_.erase(question);
  // Wanted and over before the caller took it: it was never carried out.
  std::erase_if(wanted_, [id](const Exchange& wanted) { return wanted.id == id; });
  ended_.push_back(id);
  outstanding_.erase(known);
}

}  // namespace weir
