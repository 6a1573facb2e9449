#include "tools/sidecar/zone_server.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "tools/sidecar/zone_copy.h"
#include "tools/support/tsig_keys.h"
#include "zones/base/text.h"

namespace weir::sidecar {
namespace {

constexpr std::chrono::seconds kTellRefusalsEvery{10};
constexpr std::size_t kHeaderOctets = 12;
constexpr std::size_t kAdditionalCount = 10;

WallTime served_at() {
  return std::chrono::system_clock::now();
}

bool name_less(const Name& a, const Name& b) {
  return a.canonical_compare(b) < 0;
}

// A request that was not even signed has nothing to verify; read_message() would take long over a hostile one.
bool has_additional(std::span<const std::uint8_t> message) {
  return message.size() >= kHeaderOctets && (message[kAdditionalCount] != 0 || message[kAdditionalCount + 1] != 0);
}

bool allows(const ServeConfig& zone, const IpAddress& address) {
  return zone.allow.empty() || std::any_of(zone.allow.begin(), zone.allow.end(),
                                           [&](const Prefix& prefix) { return prefix.contains(address); });
}

// The serial number that an IXFR asks from (RFC 1995 section 3).
std::optional<std::uint32_t> serial_in(std::span<const std::uint8_t> message) {
  const auto read = read_message(message);
  if (!read) return std::nullopt;
  for (const Rrset& rrset : read->authority) {
    if (rrset.type != RecordType::soa) continue;
    for (const auto rdata : rrset.records()) {
      if (const auto soa = read_soa(rdata)) return soa->serial;
    }
  }
  return std::nullopt;
}

}  // namespace

ZoneServer::ZoneServer(ConfigSource config, Generations& generations)
    : config_(std::move(config)), generations_(generations), counts_(name_less) {}

void ZoneServer::stop() {
  std::list<Connection> ending;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    ending.swap(connections_);
  }
  for (Connection& connection : ending) connection.thread.join();
}

bool ZoneServer::may_ask(const IpAddress& address) const {
  const auto config = config_();
  return std::any_of(config->served.begin(), config->served.end(),
                     [&](const ServeConfig& zone) { return allows(zone, address); });
}

// With the lock held.
void ZoneServer::reap() {
  for (auto at = connections_.begin(); at != connections_.end();) {
    if (!at->done) {
      ++at;
      continue;
    }
    at->thread.join();
    at = connections_.erase(at);
  }
}

void ZoneServer::take(Descriptor socket, const Endpoint& from, Secrecy secrecy, Hears hears) {
  const std::lock_guard lock(mutex_);
  reap();
  if (stopping_) return;
  if (connections_.size() >= kMaxServedConnections) {
    spdlog::warn("{}: closed, {} connections for zone transfers are open", from.to_text(), connections_.size());
    return;
  }
  Connection& connection = connections_.emplace_back();
  auto stream = std::make_shared<DnsStream>(
      DnsStream::accepted(std::move(socket), from, std::chrono::steady_clock::now() + kServedConnection, stopping_));
  connection.thread = std::thread([this, &connection, stream, from, secrecy, hears = std::move(hears)] {
    serve(*stream, from, secrecy, hears);
    connection.done = true;
  });
}

// The certificate is read each time, so that one that was renewed needs no restart.
Result<void> ZoneServer::secure(DnsStream& stream) const {
  const auto config = config_();
  auto context = TlsContext::server(config->transfer.certificate, config->transfer.certificate_key, TlsUse::dns);
  return context ? stream.secure_accepted(std::move(*context)) : Result<void>(context.error());
}

void ZoneServer::serve(DnsStream& stream, const Endpoint& from, Secrecy secrecy, const Hears& hears) {
  if (secrecy == Secrecy::tls) {
    if (const auto secured = secure(stream); !secured) {
      Asked none;
      return refuse(none, Rcode::refused, from, secured.error().message);
    }
  }
  for (unsigned questions = 0; questions < kMaxServedQuestions && !stopping_; ++questions) {
    const auto message = stream.receive();
    if (!message) return;  // it has no more to ask
    const auto start = read_message_start(*message);
    if (!start || start->flags.response) return;
    if (start->opcode == Opcode::notify) {
      const auto answer = hears ? hears(*message, from) : std::vector<std::uint8_t>();
      if (answer.empty() || !stream.send(answer)) return;
      continue;
    }
    Asked asked = look_at(*message, *start, from);
    if (asked.refused != Rcode::noerror) {
      if (!stream.send(answer_refused(asked))) return;
      continue;
    }
    if (start->qtype == RecordType::soa) {
      auto answer = soa_answer(asked);
      if (!answer || !stream.send(*answer)) return;
      continue;
    }
    const auto transferred = transfer(stream, *message, asked, from);
    if (transferred) continue;
    spdlog::warn("zone {}: transfer to {}: {}", asked.zone->name.to_text(), from.to_text(),
                 transferred.error().message);
    return;
  }
}

void ZoneServer::refuse(Asked& asked, Rcode rcode, const Endpoint& from, const std::string& why) {
  asked.refused = rcode;
  const std::string said = from.address.to_text() + ": " + why;
  const std::lock_guard lock(mutex_);
  if (asked.zone != nullptr) {
    ServedCounts& counts = counts_[asked.zone->name];
    ++counts.refused;
    counts.last_refusal = said;
  }
  const SteadyTime now = std::chrono::steady_clock::now();
  if (now - told_ < kTellRefusalsEvery) return;
  told_ = now;
  spdlog::warn("a zone transfer is refused: {}", said);
}

// Who has signed can verify a refusal too, or is told what is wrong with the signature.
std::vector<std::uint8_t> ZoneServer::answer_refused(const Asked& asked) {
  std::vector<std::uint8_t> out = write_response(asked.start, asked.refused, false);
  if (!asked.tsig) return out;
  if (asked.is_verified) {
    asked.tsig->sign(out, served_at());
  } else {
    asked.tsig->sign_refusal(out, served_at());
  }
  return out;
}

ZoneServer::Asked ZoneServer::look_at(std::span<const std::uint8_t> message, const MessageStart& start,
                                      const Endpoint& from) {
  Asked asked;
  asked.start = start;
  asked.config = config_();
  const std::string name = escape_for_display(start.qname.to_text());
  const auto found = std::find_if(asked.config->served.begin(), asked.config->served.end(),
                                  [&](const ServeConfig& zone) { return zone.name == start.qname; });
  const bool is_known = start.has_question && start.opcode == Opcode::query && start.qclass == RecordClass::in &&
                        found != asked.config->served.end();
  if (!is_known) {
    refuse(asked, Rcode::refused, from, "no zone " + name + " is served");
    return asked;
  }
  asked.zone = &*found;
  if (start.qtype != RecordType::soa && start.qtype != RecordType::axfr && start.qtype != RecordType::ixfr) {
    refuse(asked, Rcode::refused, from, "only SOA, AXFR and IXFR of zone " + name + " are answered");
  } else if (!allows(*found, from.address)) {
    refuse(asked, Rcode::refused, from, "it is not allowed to have zone " + name);
  } else if (found->tsig_key && !has_additional(message)) {
    refuse(asked, Rcode::refused, from, "zone " + name + " is for who has the TSIG key " + found->tsig_key->to_text());
  } else if (found->tsig_key) {
    auto key = load_tsig_key(*asked.config, *found->tsig_key);
    if (!key) {
      refuse(asked, Rcode::servfail, from, key.error().message);
      return asked;
    }
    asked.tsig = std::make_unique<TsigExchange>(std::move(*key), from.address.to_text());
    const auto verified = asked.tsig->verify(message, served_at());
    asked.is_verified = verified.has_value();
    if (!verified) refuse(asked, asked.tsig->refusal(), from, verified.error().message);
  }
  return asked;
}

Result<std::vector<std::uint8_t>> ZoneServer::soa_answer(Asked& asked) {
  const auto generation = generations_.current();
  if (!generation) return generation.error();
  auto zone = ServedZone::make(*asked.zone, *generation);
  std::vector<std::uint8_t> out = write_response(asked.start, zone ? Rcode::noerror : Rcode::servfail, true);
  if (zone) append_answer(out, zone->soa(zone->serial()));
  if (asked.tsig) asked.tsig->sign(out, served_at());
  return out;
}

std::vector<std::uint8_t> ZoneServer::answer_datagram(std::span<const std::uint8_t> message, const Endpoint& from) {
  const auto start = read_message_start(message);
  if (!start || start->flags.response) return {};
  Asked asked = look_at(message, *start, from);
  if (asked.zone == nullptr) return {};  // who asks for what is not here is not answered: no amplification
  if (asked.refused == Rcode::noerror && start->qtype == RecordType::axfr) {
    refuse(asked, Rcode::refused, from, "AXFR comes over TCP");
  }
  if (asked.refused != Rcode::noerror) return answer_refused(asked);
  auto answer = soa_answer(asked);
  return answer ? std::move(*answer) : std::vector<std::uint8_t>();
}

Result<void> ZoneServer::transfer(DnsStream& stream, std::span<const std::uint8_t> message, Asked& asked,
                                  const Endpoint& from) {
  const std::pair<std::string, std::string> slot{from.address.to_text(), asked.zone->name.folded().to_text()};
  bool is_first = false;
  {
    const std::lock_guard lock(mutex_);
    is_first = under_way_.insert(slot).second;
  }
  if (!is_first) {
    refuse(asked, Rcode::refused, from, "a transfer of zone " + slot.second + " to it is under way");
    return stream.send(answer_refused(asked));
  }
  const auto sent = send_zone(stream, asked, asked.start.qtype == RecordType::ixfr ? serial_in(message) : std::nullopt);
  const std::lock_guard lock(mutex_);
  under_way_.erase(slot);
  if (!sent) ++counts_[asked.zone->name].failed;
  return sent;
}

// Behind the new SOA: the old one, what goes, the new one, what comes (RFC 1995 section 4). The first message holds
// more than one record, or it would say that there is nothing newer.
Result<bool> ZoneServer::send_changes(ServedZone& zone, TransferMessages& messages, std::uint32_t have) {
  enum class Part : std::uint8_t { none, going, coming } part = Part::none;
  const auto reach = [&](Part wanted) -> Result<void> {
    if (part == Part::none) {
      if (auto sent = messages.add(zone.soa(have)); !sent) return sent;
      part = Part::going;
    }
    if (part == wanted) return {};
    part = Part::coming;
    return messages.add(zone.soa(zone.serial()));
  };
  const auto add = [&](Part wanted) {
    return [&messages, &reach, wanted](const ZoneRecord& record) -> Result<void> {
      if (auto reached = reach(wanted); !reached) return reached;
      return messages.add(record);
    };
  };
  const auto changed = zone.changes(have, add(Part::going), add(Part::coming));
  if (!changed || !*changed) return changed;
  if (auto reached = reach(Part::coming); !reached) return reached.error();
  return true;
}

Result<void> ZoneServer::send_zone(DnsStream& stream, Asked& asked, std::optional<std::uint32_t> have) {
  const auto generation = generations_.current();
  if (!generation) return generation.error();
  auto zone = ServedZone::make(*asked.zone, *generation);
  if (!zone) return zone.error();
  TransferMessages messages(asked.start, [&](std::vector<std::uint8_t> message) {
    if (asked.tsig) asked.tsig->sign(message, served_at());
    return stream.send(message);
  });
  const std::uint32_t serial = zone->serial();
  const std::string name = escape_for_display(zone->name().to_text());
  if (auto sent = messages.add(zone->soa(serial)); !sent) return sent;
  if (have && (*have == serial || serial_went_back(*have, serial))) {
    note(asked.zone->name, &ServedCounts::unchanged);
    return messages.finish();
  }
  const auto changed = have ? send_changes(*zone, messages, *have) : Result<bool>(false);
  if (!changed) return changed.error();
  std::string told = "zone " + name + ": changes from serial " + std::to_string(have.value_or(0));
  if (!*changed) {
    const auto sent = zone->whole([&](const ZoneRecord& record) { return messages.add(record); });
    if (!sent) return sent;
    const auto unsaid = zone->unsaid();
    told = "zone " + name + ": the whole of it";
    if (unsaid && unsaid->total() > 0)
      told += " but for " + std::to_string(unsaid->total()) + " rules that a policy zone cannot say";
  }
  if (auto sent = messages.add(zone->soa(serial)); !sent) return sent;
  if (auto sent = messages.finish(); !sent) return sent;
  note(asked.zone->name, *changed ? &ServedCounts::incremental : &ServedCounts::whole);
  spdlog::info("{} to serial {} sent, {} records", told, serial, messages.records());
  return {};
}

void ZoneServer::note(const Name& zone, std::uint64_t ServedCounts::* which) {
  const std::lock_guard lock(mutex_);
  ++(counts_[zone].*which);
}

ServedCounts ZoneServer::counts(const Name& zone) const {
  const std::lock_guard lock(mutex_);
  const auto found = counts_.find(zone);
  return found == counts_.end() ? ServedCounts() : found->second;
}

}  // namespace weir::sidecar
