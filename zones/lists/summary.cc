// Names of buckets and dialects, and the summary as JSON.
#include <boost/json.hpp>

#include "zones/lists/list_reader.h"

namespace weir {
namespace {

namespace json = boost::json;

constexpr std::array<std::string_view, kBucketCount> kBuckets = {"rule",
                                                                 "blank",
                                                                 "comment",
                                                                 "header",
                                                                 "local_name",
                                                                 "duplicate",
                                                                 "cosmetic",
                                                                 "browser_modifier",
                                                                 "unknown_modifier",
                                                                 "client_modifier",
                                                                 "url_path",
                                                                 "invalid_name",
                                                                 "invalid_address",
                                                                 "invalid_text",
                                                                 "overlong",
                                                                 "not_a_filter_directive",
                                                                 "unsupported_pattern",
                                                                 "wrong_dialect",
                                                                 "out_of_zone",
                                                                 "unsupported_rpz",
                                                                 "untrusted_rewrite",
                                                                 "quarantined"};

constexpr std::array<std::string_view, kDialectCount> kDialects = {"hosts",   "domains", "wildcard",  "adblock",
                                                                   "dnsmasq", "unbound", "addresses", "rpz"};

}  // namespace

std::string_view to_text(Bucket bucket) {
  return kBuckets[static_cast<std::size_t>(bucket)];
}
std::string_view to_text(Dialect dialect) {
  return kDialects[static_cast<std::size_t>(dialect)];
}

std::string ListSummary::to_json(bool with_samples) const {
  json::object out;
  out["lines"] = lines;
  out["rules"] = rules;
  out["dialect"] = dialect;
  json::object by_dialect;
  for (std::size_t i = 0; i < kDialectCount; ++i) {
    if (dialects[i] > 0) by_dialect[kDialects[i]] = dialects[i];
  }
  out["dialects"] = std::move(by_dialect);
  json::object by_bucket;
  for (std::size_t i = 0; i < kBucketCount; ++i) {
    const bool always = i == static_cast<std::size_t>(Bucket::rule) || i == static_cast<std::size_t>(Bucket::comment);
    if (always || buckets[i] > 0) by_bucket[kBuckets[i]] = buckets[i];
  }
  out["buckets"] = std::move(by_bucket);
  if (patterns.globs + patterns.regexes > 0) {
    out["patterns"] = {{"globs", patterns.globs},
                       {"regexes", patterns.regexes},
                       {"program", patterns.program},
                       {"on_every_query", patterns.on_every_query}};
  }
  out["notes"] = json::value_from(notes);
  if (with_samples) {
    json::object by_sample;
    for (std::size_t i = 0; i < kBucketCount; ++i) {
      if (samples[i].empty()) continue;
      json::array rows;
      for (const LineSample& sample : samples[i]) {
        rows.push_back(
            {{"line", sample.line}, {"column", sample.column}, {"reason", sample.reason}, {"text", sample.text}});
      }
      by_sample[kBuckets[i]] = std::move(rows);
    }
    out["samples"] = std::move(by_sample);
  }
  return json::serialize(out);
}

}  // namespace weir
