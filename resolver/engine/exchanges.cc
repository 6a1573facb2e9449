#include "resolver/engine/exchanges.h"

#include <algorithm>
#include <functional>
#include <span>
#include <string_view>

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

std::uint64_t hash_of(std::span<const std::uint8_t> octets) {
  return std::hash<std::string_view>{}({reinterpret_cast<const char*>(octets.data()), octets.size()});
}

std::uint64_t question_hash(const std::string& key) {
  return std::hash<std::string>{}(key);
}

Bound of_server(const ServerAddress& server) {
  return {Limit::exchanges_per_server, hash_of(server.address.bytes()) + server.port};
}

Bound of_zone(const Name& zone_cut) {
  return {Limit::exchanges_per_zone, hash_of(zone_cut.folded().wire())};
}

Bound of_prefix(const Prefix& client) {
  return {Limit::exchanges_per_prefix, hash_of(client.address.bytes())};
}

}  // namespace

Bounds bounds_of(const ServerAddress& server, const Name& zone_cut, const Prefix& client) {
  return {of_server(server), of_zone(zone_cut), of_prefix(client)};
}

std::size_t Exchanges::room_of(const Bound& bound) const {
  if (bound.limit == Limit::exchanges_in_flight) return max_outstanding_;
  if (bound.limit == Limit::exchanges_per_prefix) {
    return std::min<std::size_t>(limit_of(bound.limit), std::max<std::size_t>(1, max_outstanding_ / 2));
  }
  return limit_of(bound.limit);
}

std::size_t Exchanges::in_use(const Bound& bound) const {
  if (bound.limit == Limit::exchanges_in_flight) return outstanding_.size();
  const auto known = in_use_.find(bound);
  return known == in_use_.end() ? 0 : known->second;
}

bool Exchanges::is_full(const ServerAddress& server) const {
  return outstanding_.size() >= limit_of(Limit::exchanges_per_server) && is_full(of_server(server));
}

bool Exchanges::is_asked(const ServerAddress& server) const {
  return in_use(of_server(server)) > 0;
}

std::optional<Bound> Exchanges::full_for(const Bounds& bounds, ServerRole role) const {
  if (is_full(Bound{})) return Bound{};
  // Nothing of what follows is full where less is outstanding in all.
  const std::size_t least = std::min<std::size_t>(limit_of(Limit::exchanges_per_server), room_of(bounds.client));
  if (outstanding_.size() < least) return std::nullopt;
  if (is_full(bounds.client)) return bounds.client;
  if (role == ServerRole::forwarder) return std::nullopt;
  if (is_full(bounds.server)) return bounds.server;
  if (is_full(bounds.zone)) return bounds.zone;
  return std::nullopt;
}

void Exchanges::hold(WorkId work, const Bound& bound, const Bounds& bounds) {
  release(work);
  const bool any_room = bound.limit == Limit::exchanges_in_flight;
  const std::uint64_t rank = any_room ? in_use(bounds.client) : ~work.value;
  held_[work] = {bound, rank};
  waiting_[bound].insert({rank, work});
}

void Exchanges::release(WorkId work) {
  const auto known = held_.find(work);
  if (known == held_.end()) return;
  const auto queue = waiting_.find(known->second.bound);
  queue->second.erase({known->second.rank, work});
  if (queue->second.empty()) waiting_.erase(queue);
  held_.erase(known);
}

std::optional<WorkId> Exchanges::next_held(const Bound& bound) {
  const auto queue = waiting_.find(bound);
  if (queue == waiting_.end() || is_full(bound)) return std::nullopt;
  const WorkId work = queue->second.begin()->second;
  release(work);
  return work;
}

OutstandingExchange* Exchanges::join(const ServerAddress& server, UpstreamTransport transport,
                                     const UpstreamQuery& query, WorkId work) {
  const auto known = by_question_.find(key_of(server, transport, query));
  if (known == by_question_.end()) return nullptr;
  OutstandingExchange& exchange = outstanding_.at(known->second);
  if (exchange.retried || std::ranges::find(exchange.waiters, work) != exchange.waiters.end()) return nullptr;
  exchange.waiters.push_back(work);
  return &exchange;
}

bool Exchanges::claim(const ServerAddress& server, UpstreamTransport transport, const UpstreamQuery& query) {
  return in_flight_ == nullptr || in_flight_->begin(question_hash(key_of(server, transport, query)), engine_);
}

OutstandingExchange& Exchanges::open(OutstandingExchange draft, WorkId work) {
  draft.id = ExchangeId{++last_id_};
  draft.waiters = {work};
  wanted_.push_back({draft.id, draft.server.endpoint(port_), draft.transport, build_query(draft.query)});
  timers_.insert({draft.retry_at, TimerKey::Kind::retry, draft.id.value});
  timers_.insert({draft.expires, TimerKey::Kind::expiry, draft.id.value});
  for (const Bound& bound : {draft.bounds.server, draft.bounds.zone, draft.bounds.client}) ++in_use_[bound];
  if (work != WorkId{}) by_question_[key_of(draft.server, draft.transport, draft.query)] = draft.id;
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
  if (exchange->waiters.empty() && !exchange->measures) close(id);
}

void Exchanges::close(ExchangeId id) {
  const auto known = outstanding_.find(id);
  if (known == outstanding_.end()) return;
  const OutstandingExchange& exchange = known->second;
  timers_.erase({exchange.retry_at, TimerKey::Kind::retry, id.value});
  timers_.erase({exchange.expires, TimerKey::Kind::expiry, id.value});
  const std::string key = key_of(exchange.server, exchange.transport, exchange.query);
  const auto question = by_question_.find(key);
  if (question != by_question_.end() && question->second == id) by_question_.erase(question);
  // Wanted and over before the caller took it: it was never carried out.
  std::erase_if(wanted_, [id](const Exchange& wanted) { return wanted.id == id; });
  for (const Bound& bound : {exchange.bounds.server, exchange.bounds.zone, exchange.bounds.client}) {
    const auto used = in_use_.find(bound);
    if (used != in_use_.end() && --used->second == 0) in_use_.erase(used);
    if (!waiting_.empty() && waiting_.contains(bound)) freed_.push_back(bound);
  }
  if (!waiting_.empty() && waiting_.contains(Bound{})) freed_.push_back(Bound{});
  if (in_flight_ != nullptr) in_flight_->end(question_hash(key), engine_);
  ended_.push_back(id);
  outstanding_.erase(known);
}

}  // namespace weir
