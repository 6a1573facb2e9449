// Names of buckets and dialects, and the summary as JSON.
#include <boost/json.hpp>

#include <algorithm>

#include "zones/base/text.h"
#include "zones/lists/list_reader.h"
#include "zones/lists/unicode_form.h"

namespace weir {
namespace {

namespace json = boost::json;

constexpr std::size_t kSampleText = 120;
constexpr std::uint64_t kFewLines = 20;  // below this many, no verdict over the whole file

// What a line ends in when it is of no dialect, or of another than was declared. What a known dialect says and weir
// leaves out on purpose (cosmetic rules, browser modifiers, ...) is understood.
constexpr std::array<Bucket, 8> kNotUnderstood = {
    Bucket::invalid_name,  Bucket::invalid_address,        Bucket::invalid_text,    Bucket::overlong,
    Bucket::wrong_dialect, Bucket::not_a_filter_directive, Bucket::unsupported_rpz, Bucket::out_of_zone};

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

// The three buckets that hold most of what was not understood, each with its first line.
std::string top_reasons(const ListSummary& summary) {
  auto buckets = kNotUnderstood;
  std::sort(buckets.begin(), buckets.end(), [&](Bucket a, Bucket b) {
    return summary.count(a) != summary.count(b) ? summary.count(a) > summary.count(b) : a < b;
  });
  std::string out;
  for (std::size_t i = 0; i < 3 && summary.count(buckets[i]) > 0; ++i) {
    const LineSample& sample = summary.samples[static_cast<std::size_t>(buckets[i])].front();
    out += (i == 0 ? "" : "; ") + std::to_string(summary.count(buckets[i])) + " " + std::string(to_text(buckets[i])) +
           ", first " + std::to_string(sample.line) + ":" + std::to_string(sample.column) + ": " + sample.reason +
           ": " + sample.text;
  }
  return out;
}

}  // namespace

std::string_view to_text(Bucket bucket) {
  return kBuckets[static_cast<std::size_t>(bucket)];
}
std::string_view to_text(Dialect dialect) {
  return kDialects[static_cast<std::size_t>(dialect)];
}

Error too_many_rules(const std::filesystem::path& file, const ListOptions& options) {
  return {ErrorCode::too_large, file.string() + ": more than " + std::to_string(options.max_rules) +
                                    " rules: a list that long is to be split into several"};
}

void ListSummary::account(const Line& line, std::uint64_t number, std::string_view text, std::uint64_t lines_of_it) {
  const auto bucket = static_cast<std::size_t>(line.bucket);
  buckets[bucket] += lines_of_it;
  if (line.reason.empty() || samples[bucket].size() >= max_samples) return;
  samples[bucket].push_back({number, line.column, escape_for_display(line.reason),
                             escape_for_display(text.substr(0, std::min(text.size(), kSampleText)))});
}

std::uint64_t ListSummary::not_understood() const {
  std::uint64_t lines_of_them = 0;
  for (const Bucket bucket : kNotUnderstood) lines_of_them += count(bucket);
  return lines_of_them;
}

bool ListSummary::is_no_list(std::uint64_t content) const {
  return content > kFewLines && not_understood() * 2 > content;
}

std::string ListSummary::why_no_list(std::uint64_t content) const {
  if (!is_no_list(content)) return {};
  return "most of it is no list that weir knows: " + std::to_string(not_understood()) + " of " +
         std::to_string(content) + " lines were not understood; " + top_reasons(*this);
}

std::string ListSummary::to_json(bool with_samples) const {
  json::object out;
  out["lines"] = lines;
  out["rules"] = rules;
  if (serial) out["serial"] = *serial;
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
        json::object row{
            {"line", sample.line}, {"column", sample.column}, {"reason", sample.reason}, {"text", sample.text}};
        if (const auto unicode = unicode_form(sample.text)) row["text_unicode"] = *unicode;
        rows.push_back(std::move(row));
      }
      by_sample[kBuckets[i]] = std::move(rows);
    }
    out["samples"] = std::move(by_sample);
  }
  return json::serialize(out);
}

}  // namespace weir
