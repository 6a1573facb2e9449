#include "tools/sidecar/zone_transfer.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <memory>
#include <random>
#include <utility>

#include "tools/sidecar/dns_stream.h"
#include "tools/sidecar/transfer_stream.h"

namespace weir::sidecar {
namespace {

WallTime wall_now() {
  return std::chrono::system_clock::now();
}

std::uint16_t draw_id() {
  return static_cast<std::uint16_t>(std::random_device{}());
}

Error with_peer(const Endpoint& server, Error error) {
  const std::string name = server.to_text();
  if (!error.message.starts_with(name)) error.message = name + ": " + error.message;
  return error;
}

// One signed question over one connection.
class Conversation {
 public:
  Conversation(DnsStream stream, const TransferRequest& request, const Endpoint& server) : stream_(std::move(stream)) {
    if (request.key) tsig_ = std::make_unique<TsigExchange>(*request.key, server.to_text());
  }
  Result<void> send(std::vector<std::uint8_t> message) {
    if (tsig_) tsig_->sign(message, wall_now());
    return stream_.send(message);
  }
  Result<std::vector<std::uint8_t>> receive() {
    auto message = stream_.receive();
    if (!message || !tsig_) return message;
    if (auto verified = tsig_->verify(*message, wall_now()); !verified) return verified.error();
    return message;
  }
  Result<void> finish() const { return tsig_ ? tsig_->finish() : Result<void>(); }
  std::uint64_t received_bytes() const { return stream_.received_bytes(); }

 private:
  DnsStream stream_;
  std::unique_ptr<TsigExchange> tsig_;
};

class Transfer {
 public:
  Transfer(const TransferRequest& request, const FetchConfig& limits,
           const std::function<void(std::uint64_t, std::uint64_t)>& progress, const std::atomic<bool>& stop)
      : request_(request),
        limits_(limits),
        progress_(progress),
        stop_(stop),
        deadline_(std::chrono::steady_clock::now() + limits.timeout) {}

  Result<TransferOutcome> run();

 private:
  Result<SoaNumbers> ask_soa(const Endpoint& server);
  // Changes where some are to be had and fit, else the whole zone.
  Result<TransferOutcome> transfer(const Endpoint& server, std::optional<std::uint32_t> have);
  Result<TransferOutcome> exchange(const Endpoint& server, std::optional<std::uint32_t> have);
  Result<void> receive_all(Conversation& conversation, TransferStream& stream);
  Result<Conversation> open(const Endpoint& server);

  const TransferRequest& request_;
  const FetchConfig& limits_;
  const std::function<void(std::uint64_t, std::uint64_t)>& progress_;
  const std::atomic<bool>& stop_;
  const SteadyTime deadline_;
  std::uint64_t wire_bytes_ = 0;
};

Result<Conversation> Transfer::open(const Endpoint& server) {
  auto stream = DnsStream::connect(server, deadline_, stop_);
  if (!stream) return stream.error();
  if (request_.tls) {
    if (auto secured = stream->secure(request_.tls, request_.tls_name); !secured) return secured.error();
  }
  return Conversation(std::move(*stream), request_, server);
}

Result<SoaNumbers> Transfer::ask_soa(const Endpoint& server) {
  auto conversation = open(server);
  if (!conversation) return conversation.error();
  const std::uint16_t id = draw_id();
  if (auto sent = conversation->send(write_soa_query(request_.zone, id)); !sent) return sent.error();
  const auto message = conversation->receive();
  if (!message) return message.error();
  if (auto finished = conversation->finish(); !finished) return finished.error();
  return read_soa_answer(*message, request_.zone, id);
}

Result<void> Transfer::receive_all(Conversation& conversation, TransferStream& stream) {
  const std::uint64_t before = wire_bytes_;
  while (!stream.done()) {
    const auto message = conversation.receive();
    if (!message) return message.error();
    wire_bytes_ = before + conversation.received_bytes();
    if (wire_bytes_ > limits_.max_bytes) {
      return Error{ErrorCode::too_large,
                   "more than " + std::to_string(limits_.max_bytes) + " bytes came ([fetch] max_bytes)"};
    }
    if (auto read = stream.read(*message); !read) return read;
    if (progress_) progress_(wire_bytes_, 0);
  }
  return conversation.finish();
}

Result<TransferOutcome> Transfer::exchange(const Endpoint& server, std::optional<std::uint32_t> have) {
  auto conversation = open(server);
  if (!conversation) return conversation.error();
  const TransferQuestion question{request_.zone, draw_id(), have};
  auto changes = std::make_unique<ZoneChanges>(std::min(limits_.max_decoded_bytes, kMaxChangesBytes));
  auto writer = ZoneCopyWriter::create(request_.output, limits_.max_decoded_bytes);
  if (!writer) return writer.error();
  TransferStream stream(question, {[&](const ZoneRecord& record) { return (*writer)->add(record_line(record)); },
                                   [&](const ZoneRecord& record) { return changes->remove(record); },
                                   [&](const ZoneRecord& record) { return changes->add(record); }});
  if (auto sent = conversation->send(write_query(question)); !sent) return sent.error();
  if (auto received = receive_all(*conversation, stream); !received) return received.error();
  TransferOutcome outcome;
  outcome.soa = stream.soa();
  outcome.wire_bytes = wire_bytes_;
  if (stream.form() == TransferStream::Form::unchanged) {
    outcome.not_modified = true;
    return outcome;
  }
  outcome.soa_line = record_line(stream.soa_record());
  if (stream.form() == TransferStream::Form::changes) {
    outcome.changes = std::move(changes);
    return outcome;
  }
  auto sha256 = (*writer)->commit();
  if (!sha256) return sha256.error();
  outcome.sha256 = std::move(*sha256);
  return outcome;
}

Result<TransferOutcome> Transfer::transfer(const Endpoint& server, std::optional<std::uint32_t> have) {
  if (have) {
    auto changed = exchange(server, have);
    if (changed && !changed->not_modified) return changed;
    if (!changed) {
      if (stop_.load() || wire_bytes_ > limits_.max_bytes) return changed;
      spdlog::info("zone {}: no changes to be had ({}); the whole of it is transferred", request_.zone.to_text(),
                   with_peer(server, changed.error()).message);
    }
  }
  return exchange(server, std::nullopt);
}

Result<TransferOutcome> Transfer::run() {
  std::optional<Error> silent;  // of a primary that cannot be asked
  std::optional<Error> failed;  // of one that has something newer
  std::optional<TransferOutcome> same;
  const Endpoint* older = nullptr;
  for (const Endpoint& server : request_.primaries) {
    const auto soa = ask_soa(server);
    if (!soa) {
      if (!silent) silent = with_peer(server, soa.error());
      continue;
    }
    if (request_.have == soa->serial) {
      if (!same) same.emplace(TransferOutcome{true, nullptr, {}, {}, *soa, 0});
      continue;
    }
    if (request_.have && serial_went_back(*request_.have, soa->serial)) {
      if (older == nullptr) older = &server;
      continue;
    }
    auto done = transfer(server, request_.have);
    if (done) return done;
    failed = with_peer(server, done.error());
    if (stop_.load()) break;
  }
  if (failed) return *failed;
  if (same) return std::move(*same);
  if (older != nullptr && !stop_.load()) {
    spdlog::warn("zone {}: the serial number went backwards at every primary that answers; {} is followed",
                 request_.zone.to_text(), older->to_text());
    auto done = transfer(*older, std::nullopt);
    return done ? std::move(done) : Result<TransferOutcome>(with_peer(*older, done.error()));
  }
  return silent ? *silent : Error{ErrorCode::invalid, "the zone has no primaries"};
}

}  // namespace

Result<TransferOutcome> transfer_zone(const TransferRequest& request, const FetchConfig& limits,
                                      const std::function<void(std::uint64_t, std::uint64_t)>& progress,
                                      const std::atomic<bool>& stop) {
  return Transfer(request, limits, progress, stop).run();
}

}  // namespace weir::sidecar
