// Updates of lists that are zones of a primary: their changes go into force first and into the copy on the disk then.
#include <spdlog/spdlog.h>

#include <utility>

#include "tools/sidecar/list_attempt.h"
#include "tools/sidecar/zone_difference.h"
#include "tools/sidecar/zone_transfer.h"
#include "tools/support/tsig_keys.h"

namespace weir::sidecar {
namespace {

RuleStream stream_of(const std::vector<SourcedRule>& rules) {
  return [&rules, at = std::size_t{0}]() mutable -> Result<std::optional<SourcedRule>> {
    return at == rules.size() ? std::optional<SourcedRule>() : std::optional<SourcedRule>(rules[at++]);
  };
}

}  // namespace

Result<ListUpdater::Version> ListUpdater::transfer_version(const Attempt& attempt,
                                                           std::optional<std::uint32_t> have) const {
  ListState& state = attempt.state;
  const ListConfig& list = attempt.list;
  const std::filesystem::path good = good_copy(attempt.config.store.path, attempt.name());
  const std::filesystem::path fresh = fresh_copy(attempt.config.store.path, attempt.name());
  TransferRequest request{*list.zone, list.primaries, {}, have, fresh};
  if (list.tls) {
    auto context = TlsContext::client(list.tls_ca);
    if (!context) return context.error();
    request.tls = std::move(*context);
    request.tls_name = list.tls_name;
  }
  if (list.tsig_key) {
    auto key = load_tsig_key(attempt.config, *list.tsig_key);
    if (!key) return key.error();
    request.key = std::move(*key);
  }
  auto done = transfer_zone(
      request, attempt.config.fetch,
      [&](std::uint64_t octets, std::uint64_t total) { attempt.report("fetch", octets, total); }, stop_);
  if (!done) return done.error();
  state.refresh_s = done->soa.refresh_s;
  state.retry_s = done->soa.retry_s;
  state.expire_s = done->soa.expire_s;
  if (done->not_modified) return Version{good, state.sha256, {}, {}, {}, true};
  spdlog::info("list {}: serial {} by {}, {} bytes", attempt.name(), done->soa.serial, done->changes ? "IXFR" : "AXFR",
               done->wire_bytes);
  Version version{fresh, done->sha256, {}, {}, {}, false};
  version.changes = std::move(done->changes);
  version.soa_line = std::move(done->soa_line);
  version.serial = done->soa.serial;
  version.size_bytes = done->wire_bytes;
  return version;
}

// The serial of the copy, to which changes may be asked for; a damaged copy is as good as none.
std::optional<std::uint32_t> ListUpdater::serial_here(const Attempt& attempt) const {
  if (attempt.state.source != attempt.list.source || attempt.state.sha256.empty()) return std::nullopt;
  const auto soa = soa_of_copy(good_copy(attempt.config.store.path, attempt.name()));
  return soa ? std::optional(soa->serial) : std::nullopt;
}

// Writes the zone with its changes to `version.bytes`; its hash. Only if the good copy is what was imported, to the
// octet.
Result<std::string> ListUpdater::apply_changes(const Attempt& attempt, const Version& version) const {
  const std::filesystem::path good = good_copy(attempt.config.store.path, attempt.name());
  auto writer = ZoneCopyWriter::create(version.bytes, attempt.config.fetch.max_decoded_bytes);
  if (!writer) return writer.error();
  const auto before = version.changes->apply(good, version.soa_line, **writer);
  if (!before) return before.error();
  if (*before != attempt.state.sha256) return Error{ErrorCode::corrupt, good.string() + " is not what was imported"};
  return (*writer)->commit();
}

Result<ListUpdater::Version> ListUpdater::write_zone(const Attempt& attempt, Version version) const {
  auto sha256 = apply_changes(attempt, version);
  if (sha256) {
    version.sha256 = std::move(*sha256);
    version.changes.reset();
    return version;
  }
  if (sha256.error().code == ErrorCode::too_large) return sha256.error();
  spdlog::info("list {}: {}; the whole zone is transferred", attempt.name(), sha256.error().message);
  return transfer_version(attempt, std::nullopt);
}

// Where the rules that the changes bring and take away can be told without reading the zone, which then is written
// when all is in force. Nothing: the zone is to be written and read.
Result<std::optional<UpdateReport>> ListUpdater::take_in_changes(Attempt& attempt, Version& version) {
  ListState& state = attempt.state;
  const std::optional<UpdateReport> not_so;
  const auto current = generations_.current();
  const ListDefinition* definition = current ? (*current)->policies().find_list(attempt.name()) : nullptr;
  if (definition == nullptr || state.import.value == 0 || state.reading != reading_of(attempt.list) ||
      !attempt.list.key.empty() || !serial_here(attempt) || std::to_string(*serial_here(attempt)) != state.serial) {
    return not_so;
  }
  // A roll-back may have changed what the list holds.
  const auto contents = writer_.records().contents(definition->id);
  if (!contents || *contents != state.contents) return not_so;
  auto difference = difference_of(attempt.list, state, *version.changes, version.serial);
  if (!difference) return not_so;
  auto prepared =
      writer_.records().prepare_changes(definition->id, stream_of(difference->gone), stream_of(difference->come));
  if (!prepared) return not_so;
  auto findings = judge(attempt.list, **prepared, tables(attempt.config));
  if (!findings) return findings.error();
  for (GuardFinding& finding : judge_names_in_use(attempt, **prepared)) findings->push_back(std::move(finding));
  if (any_holds(*findings)) return not_so;
  if (auto soa = parse_resource_record(version.soa_line, 0)) difference->reading.soa = std::move(*soa);
  difference->reading.notes = with_warnings(difference->reading.notes, *findings);
  const std::string sha256_of_copy = state.sha256;
  version.sha256 = difference->sha256;
  auto report = take_in(attempt, version, std::move(difference->reading), **prepared,
                        {attempt.who, "import", attempt.name(), {}, {}});
  if (!report) return report.error();
  state.sha256 = sha256_of_copy;
  keep_zone(attempt, version);
  return std::optional<UpdateReport>(std::move(*report));
}

// The copy follows what is in force. Without it the next transfer brings the whole zone.
void ListUpdater::keep_zone(const Attempt& attempt, const Version& version) const {
  const std::filesystem::path good = good_copy(attempt.config.store.path, attempt.name());
  std::error_code fault;
  const auto sha256 = apply_changes(attempt, version);
  if (sha256) std::filesystem::rename(version.bytes, good, fault);
  if (sha256 && !fault) {
    attempt.state.sha256 = *sha256;
    return;
  }
  spdlog::warn("list {}: its copy cannot follow its changes ({}): the next transfer brings the whole zone",
               attempt.name(), sha256 ? fault.message() : sha256.error().message);
  std::filesystem::remove(good, fault);
}

}  // namespace weir::sidecar
