// The provenance of an import as the store keeps it: JSON, so that a person can read it.
#include <boost/json.hpp>

#include "zones/store/policy_store.h"

namespace weir::store {
namespace {

namespace json = boost::json;

constexpr std::uint64_t kVersion = 1;

std::uint64_t number(const json::object& object, std::string_view key) {
  return object.at(key).to_number<std::uint64_t>();
}
std::string text(const json::object& object, std::string_view key) {
  return std::string(object.at(key).as_string());
}

}  // namespace

std::string to_json(const ImportRecord& record) {
  const Provenance& from = record.provenance;
  json::object object;
  object["version"] = kVersion;
  object["import"] = record.import.value;
  object["list"] = record.list.value;
  object["first_generation"] = record.first_generation.value;
  object["rules"] = record.outcome.rules;
  object["added"] = record.outcome.added;
  object["removed"] = record.outcome.removed;
  object["unchanged"] = record.outcome.unchanged;
  object["source"] = from.source;
  object["sha256"] = from.sha256;
  object["etag"] = from.etag;
  object["signer"] = from.signer;
  object["who"] = from.who;
  if (!from.reason.empty()) object["reason"] = from.reason;
  object["fetched_at_ns"] =
      std::chrono::duration_cast<std::chrono::nanoseconds>(from.fetched_at.time_since_epoch()).count();
  object["size_bytes"] = from.size_bytes;
  object["counts"] = from.counts_json;
  object["note"] = record.note;
  return json::serialize(object);
}

Result<ImportRecord> import_record_from_json(std::string_view text_in) {
  try {
    const json::value value = json::parse(text_in);
    const json::object& object = value.as_object();
    if (number(object, "version") != kVersion) {
      return Error{ErrorCode::incompatible, "an import record was written by another weir"};
    }
    ImportRecord record;
    record.import.value = number(object, "import");
    record.list.value = static_cast<std::uint32_t>(number(object, "list"));
    record.first_generation.value = number(object, "first_generation");
    record.outcome.import = record.import;
    record.outcome.rules = number(object, "rules");
    record.outcome.added = number(object, "added");
    record.outcome.removed = number(object, "removed");
    record.outcome.unchanged = number(object, "unchanged");
    record.provenance.source = text(object, "source");
    record.provenance.sha256 = text(object, "sha256");
    record.provenance.etag = text(object, "etag");
    record.provenance.signer = text(object, "signer");
    record.provenance.who = text(object, "who");
    if (object.contains("reason")) record.provenance.reason = text(object, "reason");
    record.provenance.fetched_at = WallTime(std::chrono::duration_cast<WallTime::duration>(
        std::chrono::nanoseconds(object.at("fetched_at_ns").to_number<std::int64_t>())));
    record.provenance.size_bytes = number(object, "size_bytes");
    record.provenance.counts_json = text(object, "counts");
    record.note = text(object, "note");
    return record;
  } catch (const std::exception& fault) {
    return Error{ErrorCode::corrupt, std::string("an import record is damaged: ") + fault.what()};
  }
}

}  // namespace weir::store
