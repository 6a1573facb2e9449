// Reads text as a list, through a file, as the sidecar does.
#pragma once

#include <filesystem>
#include <fstream>
#include <numeric>
#include <string>
#include <vector>

#include "tests/support/scratch_folder.h"
#include "zones/lists/list_reader.h"

namespace weir::test {

inline std::string to_text(const Rule& rule) {
  std::string out =
      rule.exception
          ? "exception " +
                std::string(rule.action == Action::allow ? "" : "from " + std::string(weir::to_text(rule.action)) + " ")
          : std::string(weir::to_text(rule.action)) + " ";
  if (rule.important) out += "important ";
  out += std::string(weir::to_text(rule.kind)) + " ";
  const bool prefixed =
      rule.kind == PatternKind::address || rule.kind == PatternKind::ns_address || rule.kind == PatternKind::client;
  if (!rule.pattern.empty()) out += rule.pattern + " at ";  // where it is filed
  out += prefixed ? rule.prefix.to_text() : rule.name.to_text();
  const Conditions& conditions = rule.detail.conditions;
  for (const RecordType type : conditions.types)
    out += (conditions.types_excluded ? " ~" : " ") + std::to_string(static_cast<unsigned>(type));
  for (const Name& name : conditions.deny_allow) out += " not " + name.to_text();
  for (const IpAddress& address : rule.detail.addresses) out += " = " + address.to_text();
  if (rule.detail.target)
    out += std::string(rule.detail.target_below ? " = *." : " = ") + rule.detail.target->to_text();
  for (const AnswerData& record : rule.detail.records) {
    constexpr char kHex[] = "0123456789abcdef";
    out += " = " + weir::to_text(record.type) + " " + std::to_string(record.ttl_seconds) + " ";
    for (const std::uint8_t octet : record.rdata) out += {kHex[octet >> 4], kHex[octet & 15]};
  }
  return out;
}

struct Reading {
  std::string refusal;  // of open() or finish(); empty: accepted
  std::vector<std::string> rules;
  std::vector<std::uint64_t> lines;  // of the rules
  ListSummary summary;

  std::uint64_t buckets() const {
    return std::accumulate(summary.buckets.begin(), summary.buckets.end(), std::uint64_t{0});
  }
};

inline Reading read_list(const std::filesystem::path& path, const ListOptions& options) {
  Reading out;
  auto reader = ListReader::open(path, options);
  if (!reader) {
    out.refusal = reader.error().message;
    return out;
  }
  while (const auto rule = (*reader)->next()) {
    out.rules.push_back(to_text(rule->rule));
    out.lines.push_back(rule->line);
  }
  if (const auto finished = (*reader)->finish(); !finished) out.refusal = finished.error().message;
  out.summary = (*reader)->summary();
  return out;
}

inline Reading read_text(std::string_view text, const ListOptions& options = {}) {
  const ScratchFolder folder;
  std::ofstream(folder / "list", std::ios::binary) << text;
  return read_list(folder / "list", options);
}

// A line, how its list is read, and what comes of it.
struct Row {
  std::string line;
  Bucket bucket;
  std::vector<std::string> rules;
  ListOptions options = {};
};

}  // namespace weir::test
