#include "tests/simulation_support/fake_network.h"

#include <algorithm>
#include <sstream>
#include <stdexcept>

#include "zones/dns/writer.h"

namespace weir::simulation {
namespace {

std::string folded_key(const Name& name) {
  const Name folded = name.folded();
  return {folded.wire().begin(), folded.wire().end()};
}

Name name_of(const std::string& text) {
  auto name = Name::parse(text);
  if (!name) throw std::invalid_argument(name.error().message);
  return *name;
}

void put_name(std::vector<std::uint8_t>& out, const std::string& text) {
  const Name name = name_of(text);
  out.insert(out.end(), name.wire().begin(), name.wire().end());
}

void put_number(std::vector<std::uint8_t>& out, std::uint32_t value, unsigned octets) {
  for (unsigned i = octets; i > 0; --i) out.push_back(static_cast<std::uint8_t>(value >> (8 * (i - 1))));
}

std::vector<Record> records_at(const Zone& zone, const Name& name, std::optional<RecordType> type) {
  std::vector<Record> out;
  const auto [begin, end] = zone.records.equal_range(folded_key(name));
  for (auto at = begin; at != end; ++at) {
    if (!type || at->second.type == *type) out.push_back(at->second);
  }
  return out;
}

bool exists(const Zone& zone, const Name& name) {
  return std::ranges::any_of(zone.records, [&](const auto& entry) { return entry.second.owner.is_at_or_below(name); });
}

struct Sections {
  bool authoritative = true;
  Rcode rcode = Rcode::noerror;
  std::vector<Record> answer, authority, additional;
  Name end;                                       // of the alias chain
  std::optional<std::pair<Name, Name>> expanded;  // a wildcard, and the name that it became
};

void add_glue(const Zone& zone, const std::vector<Record>& servers, Sections& out) {
  for (const Record& ns : servers) {
    const Name target = *rdata_name(ns.rdata);
    for (const RecordType type : {RecordType::a, RecordType::aaaa}) {
      for (Record& glue : records_at(zone, target, type)) out.additional.push_back(std::move(glue));
    }
  }
}

// RFC 1034 section 4.3.2 with wildcards.
Sections answer_from(const Zone& zone, const Name& qname, RecordType type) {
  Sections out;
  Name name = qname;
  for (int links = 0; links < 20; ++links) {
    out.end = name;
    if (!name.is_at_or_below(zone.apex)) return out;
    for (unsigned labels = zone.apex.label_count() + 1; labels <= name.label_count(); ++labels) {
      const Name cut = name.suffix(labels);
      if (cut == name && type == RecordType::ds) break;
      auto servers = records_at(zone, cut, RecordType::ns);
      if (servers.empty()) continue;
      if (links == 0) out.authoritative = false;
      if (links > 0) return out;
      add_glue(zone, servers, out);
      out.authority = std::move(servers);
      return out;
    }
    const Record* dname = nullptr;
    std::vector<Record> dnames;
    for (unsigned labels = name.label_count(); labels-- > zone.apex.label_count();) {
      dnames = records_at(zone, name.suffix(labels), RecordType::dname);
      if (!dnames.empty()) {
        dname = &dnames.front();
        break;
      }
    }
    if (dname != nullptr) {
      out.answer.push_back(*dname);
      const auto target = name.replace_suffix(dname->owner, *rdata_name(dname->rdata));
      if (!target) {
        out.rcode = Rcode::yxdomain;
        return out;
      }
      out.answer.push_back({name, RecordType::cname, dname->ttl, {target->wire().begin(), target->wire().end()}});
      name = *target;
      continue;
    }
    Name at = name;
    for (Name encloser = name; !exists(zone, name) && encloser != zone.apex;) {
      encloser = encloser.parent();
      if (!exists(zone, encloser)) continue;
      if (const Name star = *encloser.child("*"); exists(zone, star)) {
        at = star;
        out.expanded.emplace(star, name);
      }
      break;
    }
    auto wanted = records_at(zone, at, type == RecordType::any ? std::nullopt : std::optional(type));
    for (Record& record : wanted) record.owner = name;
    if (!wanted.empty()) {
      out.answer.insert(out.answer.end(), wanted.begin(), wanted.end());
      if (type == RecordType::ns) add_glue(zone, wanted, out);
      return out;
    }
    auto cname = records_at(zone, at, RecordType::cname);
    if (!cname.empty()) {
      cname.front().owner = name;
      out.answer.push_back(cname.front());
      name = *rdata_name(cname.front().rdata);
      continue;
    }
    out.authority = records_at(zone, zone.apex, RecordType::soa);
    if (!exists(zone, at)) out.rcode = Rcode::nxdomain;
    return out;
  }
  return out;
}

void append(std::vector<Record>& out, const Rrset& rrset) {
  for (const auto rdata : rrset.records()) {
    out.push_back({rrset.owner, rrset.type, rrset.ttl_seconds, {rdata.begin(), rdata.end()}});
  }
}

void add_signatures(const Zone& zone, const Sections& message, std::vector<Record>& section) {
  std::vector<std::pair<Name, RecordType>> signed_already;
  const std::size_t count = section.size();
  for (std::size_t i = 0; i < count; ++i) {
    const std::pair key{section[i].owner, section[i].type};
    if (std::ranges::find(signed_already, key) != signed_already.end()) continue;
    signed_already.push_back(key);
    const bool expanded = message.expanded && key.first == message.expanded->second;
    for (Record& rrsig : records_at(zone, expanded ? message.expanded->first : key.first, RecordType::rrsig)) {
      if ((rrsig.rdata[0] << 8 | rrsig.rdata[1]) != static_cast<int>(key.second)) continue;
      rrsig.owner = key.first;
      section.push_back(std::move(rrsig));
    }
  }
}

// RFC 4035 section 3.1.
void add_dnssec(const Zone& zone, Sections& out) {
  const bool referral = !out.authoritative && !out.authority.empty();
  const bool denied = out.answer.empty() || out.answer.back().type == RecordType::cname;
  std::vector<Rrset> proofs;
  if (referral) {
    const Name cut = out.authority.front().owner;
    for (Record& ds : records_at(zone, cut, RecordType::ds)) out.authority.push_back(std::move(ds));
    if (out.authority.back().type != RecordType::ds) proofs = zone.deny(cut);
  } else if (denied && !out.authority.empty()) {
    proofs = zone.deny(out.end);
  } else if (out.expanded) {
    proofs = zone.deny(out.expanded->second);
  }
  add_signatures(zone, out, out.answer);
  add_signatures(zone, out, out.authority);
  for (const Rrset& rrset : proofs) append(out.authority, rrset);
}

void write_section(Writer& writer, const std::vector<Record>& records) {
  for (const Record& record : records) {
    Rrset rrset;
    rrset.owner = record.owner;
    rrset.type = record.type;
    rrset.add(record.rdata);
    rrset.write(writer, record.ttl);
  }
}

std::vector<std::uint8_t> write_message(const Message& query, std::uint16_t flags, Rcode rcode, const Name& qname,
                                        const Sections& sections, bool with_opt) {
  std::vector<std::uint8_t> out(65535);
  Writer writer(out);
  const auto code = static_cast<std::uint16_t>(rcode);
  writer.u16(query.start.id);
  writer.u16(static_cast<std::uint16_t>(flags | (code & 0x0F)));
  writer.u16(1);
  writer.u16(static_cast<std::uint16_t>(sections.answer.size()));
  writer.u16(static_cast<std::uint16_t>(sections.authority.size()));
  writer.u16(static_cast<std::uint16_t>(sections.additional.size() + (with_opt ? 1 : 0)));
  writer.name(qname);
  writer.u16(static_cast<std::uint16_t>(query.start.qtype));
  writer.u16(static_cast<std::uint16_t>(query.start.qclass));
  write_section(writer, sections.answer);
  write_section(writer, sections.authority);
  write_section(writer, sections.additional);
  if (with_opt) {
    writer.u8(0);
    writer.u16(static_cast<std::uint16_t>(RecordType::opt));
    writer.u16(1232);
    writer.u32(static_cast<std::uint32_t>(code >> 4) << 24);
    writer.u16(0);
  }
  out.resize(writer.size());
  return out;
}

std::vector<Record> parse_all(const std::vector<std::string>& lines) {
  std::vector<Record> out;
  for (const std::string& line : lines) out.push_back(parse_record(line));
  return out;
}

}  // namespace

Record parse_record(const std::string& line) {
  std::istringstream in(line);
  std::string owner;
  std::string type;
  Record out;
  in >> owner >> out.ttl >> type;
  out.owner = name_of(owner);
  const auto known = parse_record_type(type);
  if (!known) throw std::invalid_argument("record type in: " + line);
  out.type = *known;
  std::string word;
  switch (out.type) {
    case RecordType::a:
    case RecordType::aaaa: {
      in >> word;
      const IpAddress address = *IpAddress::parse(word);
      out.rdata.assign(address.bytes().begin(), address.bytes().end());
      break;
    }
    case RecordType::ns:
    case RecordType::cname:
    case RecordType::dname:
    case RecordType::ptr:
      in >> word;
      put_name(out.rdata, word);
      break;
    case RecordType::soa: {  // minimum alone
      std::uint32_t minimum = 0;
      in >> minimum;
      put_name(out.rdata, "ns." + (owner == "." ? "root" : owner));
      put_name(out.rdata, "hostmaster." + (owner == "." ? "root" : owner));
      for (const std::uint32_t value : {1U, 3600U, 600U, 86400U, minimum}) put_number(out.rdata, value, 4);
      break;
    }
    case RecordType::mx:
      in >> word;
      put_number(out.rdata, 10, 2);
      put_name(out.rdata, word);
      break;
    default: {  // one character-string, whatever the type
      std::getline(in >> std::ws, word);
      out.rdata.push_back(static_cast<std::uint8_t>(word.size()));
      out.rdata.insert(out.rdata.end(), word.begin(), word.end());
    }
  }
  return out;
}

std::vector<std::uint8_t> make_reply(const Message& query, const Reply& reply) {
  Sections sections;
  sections.answer = parse_all(reply.answer);
  sections.authority = parse_all(reply.authority);
  sections.additional = parse_all(reply.additional);
  return write_message(query, reply.flags, reply.rcode, query.start.qname, sections, query.edns.has_value());
}

FakeNetwork::FakeNetwork(std::uint64_t seed) : random_(seed) {}

void FakeNetwork::add_zone(const std::string& apex, const std::string& records,
                           const std::vector<std::string>& addresses) {
  Zone& zone = zones_.emplace_back();
  zone.apex = name_of(apex);
  read_records(zone, records);
  for (const std::string& address : addresses) servers_[*IpAddress::parse(address)].zones.push_back(&zone);
}

void FakeNetwork::add_signed_zone(const Name& apex, const std::vector<Rrset>& rrsets,
                                  std::function<std::vector<Rrset>(const Name& owner)> deny,
                                  const std::vector<std::string>& addresses) {
  Zone& zone = zones_.emplace_back();
  zone.apex = apex;
  zone.deny = std::move(deny);
  std::vector<Record> records;
  for (const Rrset& rrset : rrsets) append(records, rrset);
  for (Record& record : records) {
    const std::string key = folded_key(record.owner);
    zone.records.emplace(key, std::move(record));
  }
  for (const std::string& address : addresses) servers_[*IpAddress::parse(address)].zones.push_back(&zone);
}

void FakeNetwork::add_records(const std::string& apex, const std::string& records) {
  const auto zone = std::ranges::find(zones_, name_of(apex), &Zone::apex);
  if (zone == zones_.end()) throw std::invalid_argument("no zone " + apex);
  read_records(*zone, records);
}

void FakeNetwork::read_records(Zone& zone, const std::string& records) {
  std::istringstream in(records);
  for (std::string line; std::getline(in, line);) {
    const auto begin = line.find_first_not_of(" \t");
    if (begin == std::string::npos) continue;
    Record record = parse_record(line.substr(begin));
    const std::string key = folded_key(record.owner);
    zone.records.emplace(key, std::move(record));
  }
}

EngineOptions FakeNetwork::options() {
  EngineOptions options;
  for (const auto& [address, server] : servers_) {
    if (std::ranges::none_of(server.zones, [](const Zone* zone) { return zone->apex.is_root(); })) continue;
    options.root_hints.push_back({name_of("hint" + std::to_string(options.root_hints.size()) + ".root"), {address}});
  }
  options.random = [this] { return random(); };
  return options;
}

void FakeNetwork::reset_counts() {
  packets = 0;
  packets_to.clear();
}

void FakeNetwork::send_back(ExchangeId exchange, std::vector<std::uint8_t> octets, std::chrono::microseconds after,
                            ExchangeFailure failure) {
  deliveries_.emplace(clock_ + after, Delivery{exchange, failure, std::move(octets)});
}

std::vector<std::uint8_t> FakeNetwork::answer(const Server& server, const Message& query,
                                              const Exchange& exchange) const {
  const Behaviour& behaviour = server.behaviour;
  const bool udp = exchange.transport == UpstreamTransport::udp;
  const Name qname = behaviour.letters == Behaviour::Case::folded ? query.start.qname.folded() : query.start.qname;
  Sections sections;
  std::uint16_t flags = 0x8000;
  if (behaviour.rcode) return write_message(query, flags, *behaviour.rcode, qname, {}, query.edns.has_value());
  if (query.edns && behaviour.edns != Behaviour::Edns::understood) {
    const Rcode rcode = behaviour.edns == Behaviour::Edns::notimp    ? Rcode::notimp
                        : behaviour.edns == Behaviour::Edns::badvers ? Rcode::badvers
                                                                     : Rcode::formerr;
    auto out = write_message(query, flags, rcode, qname, {}, rcode == Rcode::badvers);
    if (behaviour.edns == Behaviour::Edns::headless_formerr) {
      out.resize(12);
      out[5] = 0;
    }
    return out;
  }
  if (behaviour.upward_referral) {
    sections.authority = parse_all({". 3600 NS ns.root"});
    return write_message(query, flags, Rcode::noerror, qname, sections, query.edns.has_value());
  }
  const Zone* best = nullptr;
  for (const Zone* zone : server.zones) {
    if (!query.start.qname.is_at_or_below(zone->apex)) continue;
    if (query.start.qtype == RecordType::ds && query.start.qname == zone->apex && server.zones.size() > 1) continue;
    if (best == nullptr || zone->apex.label_count() > best->apex.label_count()) best = zone;
  }
  if (best == nullptr) return write_message(query, flags, Rcode::refused, qname, {}, query.edns.has_value());
  sections = answer_from(*best, query.start.qname, query.start.qtype);
  if (best->deny && query.edns && query.edns->dnssec_ok) add_dnssec(*best, sections);
  if (behaviour.nxdomain_for_minimised && sections.answer.empty() && sections.authoritative) {
    sections.rcode = Rcode::nxdomain;
  }
  for (Record& record : parse_all(behaviour.extra_authority)) sections.authority.push_back(std::move(record));
  for (Record& record : parse_all(behaviour.extra_additional)) sections.additional.push_back(std::move(record));
  if (behaviour.recursive) {
    flags |= 0x0080;
  } else if (sections.authoritative) {
    flags |= 0x0400;
  }
  auto out = write_message(query, flags, sections.rcode, qname, sections, query.edns.has_value());
  const std::size_t room = query.edns ? query.edns->udp_payload_size : 512;
  if (udp && (behaviour.truncate_udp || out.size() > room)) {
    return write_message(query, flags | 0x0200, sections.rcode, qname, {}, query.edns.has_value());
  }
  return out;
}

void FakeNetwork::carry_out(const Exchange& exchange) {
  outstanding_.insert(exchange.id);
  ++packets;
  ++packets_to[exchange.server.address.to_text()];
  const auto query = read_message(exchange.message);
  if (!query) throw std::logic_error("the engine sent a malformed query: " + query.error().message);
  const bool udp = exchange.transport == UpstreamTransport::udp;
  trace += std::to_string(clock_.count()) + " -> " + exchange.server.to_text() + (udp ? " " : " tcp ") +
           query->start.qname.to_text() + "/" + to_text(query->start.qtype) + "\n";
  const auto known = servers_.find(exchange.server.address);
  if (known == servers_.end()) return;
  const Server& server = known->second;
  const Behaviour& behaviour = server.behaviour;
  if (behaviour.unreachable) return send_back(exchange.id, {}, behaviour.delay, ExchangeFailure::network_error);
  if (behaviour.silent || (udp && behaviour.silent_udp)) return;
  if (query->edns && behaviour.edns == Behaviour::Edns::dropped) return;
  if (udp && std::uniform_real_distribution<>(0, 1)(random_) < behaviour.loss) return;
  if (!udp && behaviour.refuse_tcp) return send_back(exchange.id, {}, behaviour.delay, ExchangeFailure::network_error);
  if (behaviour.drop_minimised && std::ranges::none_of(server.zones, [&](const Zone* zone) {
        return !records_at(*zone, query->start.qname, std::nullopt).empty();
      })) {
    return;
  }
  std::optional<std::vector<std::uint8_t>> octets;
  if (server.script) octets = server.script(*query, exchange.server.address);
  if (!octets) octets = answer(server, *query, exchange);
  const auto half = behaviour.delay / 2;
  for (unsigned i = 0; i < behaviour.wrong_ids_first; ++i) {
    Message guessed = *query;  // everything right but the ID
    guessed.start.id = static_cast<std::uint16_t>(guessed.start.id + 1 + i);
    send_back(exchange.id, make_reply(guessed, {.rcode = Rcode::nxdomain}), half);
  }
  if (behaviour.junk_first) {
    auto query_bit = *octets;
    query_bit[2] &= 0x7F;
    send_back(exchange.id, query_bit, half);
    auto other_question = *octets;
    if (other_question.size() > 13) {
      other_question[13] ^= 0x01;
      send_back(exchange.id, other_question, half);
    }
    send_back(exchange.id, {octets->begin(), octets->begin() + 7}, half);
    if (const Name lower = query->start.qname.folded(); !std::ranges::equal(lower.wire(), query->start.qname.wire())) {
      Message guessed = *query;  // everything right but 0x20
      guessed.start.qname = lower;
      send_back(exchange.id, make_reply(guessed, {.rcode = Rcode::nxdomain}), half);
    }
    std::vector<std::uint8_t> notimp(octets->begin(), octets->begin() + 12);
    std::fill(notimp.begin() + 4, notimp.end(), 0);
    notimp[3] = 4;
    send_back(exchange.id, notimp, half);
  }
  send_back(exchange.id, std::move(*octets), behaviour.delay);
}

void FakeNetwork::collect() {
  if (!faults_expected_ && engine_->counters().broken_invariants > 0) throw std::logic_error("the engine has a fault");
  for (const Exchange& exchange : engine_->take_exchanges()) carry_out(exchange);
  for (const ExchangeId id : engine_->take_abandoned()) outstanding_.erase(id);
  for (ResolutionResult& result : engine_->take_results()) {
    trace += std::to_string(clock_.count()) + " = " + result.question.name.to_text() + " " + to_text(result.rcode) +
             " " + std::to_string(result.answer.size()) + "\n";
    finished_at.emplace(result.id, now().steady);
    results.push_back(std::move(result));
  }
}

void FakeNetwork::pass(std::chrono::milliseconds time) {
  const auto until = clock_ + time;
  collect();
  while (true) {
    const auto timer = engine_->next_timeout();
    auto next = until + std::chrono::microseconds(1);
    if (timer) {
      next = std::min(next, std::chrono::ceil<std::chrono::microseconds>(timer->time_since_epoch()));
    }
    if (!deliveries_.empty()) next = std::min(next, deliveries_.begin()->first);
    if (next > until) break;
    clock_ = std::max(clock_, next);
    while (!deliveries_.empty() && deliveries_.begin()->first <= clock_) {
      const Delivery delivery = std::move(deliveries_.begin()->second);
      deliveries_.erase(deliveries_.begin());
      if (!outstanding_.contains(delivery.exchange)) continue;  // its socket is closed
      engine_->receive(delivery.exchange, {delivery.failure, delivery.octets}, now());
      collect();
    }
    engine_->timeout(now());
    collect();
  }
  clock_ = until;
}

void FakeNetwork::run(std::chrono::milliseconds bound) {
  collect();
  const auto until = clock_ + bound;
  while ((engine_->in_flight() > 0 || !outstanding_.empty()) && clock_ < until) {
    auto next = until;
    if (const auto timer = engine_->next_timeout()) {
      next = std::min(next, std::chrono::ceil<std::chrono::microseconds>(timer->time_since_epoch()));
    }
    if (!deliveries_.empty()) next = std::min(next, deliveries_.begin()->first);
    const auto step =
        std::chrono::ceil<std::chrono::milliseconds>(std::max(next - clock_, std::chrono::microseconds(1)));
    pass(step);
  }
}

ResolutionResult FakeNetwork::resolve(const std::string& name, RecordType type, Origin origin) {
  results.clear();
  const ResolutionId id = engine_->start({name_of(name), type, RecordClass::in}, origin, now());
  const auto until = clock_ + std::chrono::seconds(20);
  while (true) {
    collect();
    for (const ResolutionResult& result : results) {
      if (result.id == id) return result;
    }
    if (clock_ >= until) throw std::logic_error("no result for " + name);
    pass(std::chrono::milliseconds(1));
  }
}

}  // namespace weir::simulation
