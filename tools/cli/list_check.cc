#include "tools/cli/list_check.h"

#include <algorithm>
#include <ostream>
#include <utility>
#include <vector>

#include "tools/support/table.h"
#include "zones/base/text.h"
#include "zones/lists/list_reader.h"
#include "zones/lists/unicode_form.h"

namespace weir::cli {
namespace {

constexpr std::size_t kShownSamples = 5;

// In the order of the lines, as one goes through a file.
void tell_samples(Command& command, const std::string& file, const ListSummary& summary, std::size_t most) {
  struct Finding {
    Bucket bucket;
    const LineSample* sample;
  };
  std::vector<Finding> findings;
  std::string cut;
  for (std::size_t i = 0; i < kBucketCount; ++i) {
    const auto& samples = summary.samples[i];
    for (std::size_t shown = 0; shown < samples.size() && shown < most; ++shown)
      findings.push_back({static_cast<Bucket>(i), &samples[shown]});
    if (samples.size() > most) cut += (cut.empty() ? "" : ", ") + std::string(to_text(static_cast<Bucket>(i)));
  }
  std::stable_sort(findings.begin(), findings.end(), [](const Finding& a, const Finding& b) {
    return std::pair(a.sample->line, a.sample->column) < std::pair(b.sample->line, b.sample->column);
  });
  for (const auto& [bucket, sample] : findings) {
    command.say(file + ':' + std::to_string(sample->line) + ':' + std::to_string(sample->column) + ": " +
                std::string(to_text(bucket)) + ": " + sample->reason + ": " + with_unicode(sample->text));
  }
  if (!cut.empty()) command.say("  and more of " + cut + "; --all shows every one");
}

void tell(Command& command, const std::string& file, const ListSummary& summary, std::size_t most) {
  command.say(file + ": " + show_count(summary.lines) + " lines, " + show_count(summary.rules) +
              (summary.rules == 1 ? " rule" : " rules") +
              (summary.dialect.empty() ? "" : ", mostly " + summary.dialect) +
              (summary.bare_is_subtree ? ", a bare name means itself and all below" : ""));
  Table table({{"LINES", Align::right}, {"WHAT BECAME OF THEM"}});
  for (std::size_t i = 0; i < kBucketCount; ++i) {
    if (summary.buckets[i] > 0)
      table.add({show_count(summary.buckets[i]), std::string(to_text(static_cast<Bucket>(i)))});
  }
  if (!table.empty()) table.print(command.out());
  for (const std::string& note : summary.notes) command.say("note: " + note);
  tell_samples(command, file, summary, most);
}

}  // namespace

ExitCode check_list_file(Command& command, const ListCheckOptions& options) {
  ListOptions wanted;
  wanted.kind = options.kind == "allow"     ? ListKind::allow
                : options.kind == "address" ? ListKind::address
                : options.kind == "rpz"     ? ListKind::rpz
                                            : ListKind::block;
  wanted.match = options.match == "exact"     ? NameMatch::exact
                 : options.match == "subtree" ? NameMatch::subtree
                                              : NameMatch::automatic;
  wanted.dialect = options.dialect;
  wanted.rewrites = options.rewrites;
  wanted.private_addresses = options.private_addresses;
  if (options.all) wanted.max_samples = SIZE_MAX;
  wanted.file_name = std::filesystem::path(options.file).filename().string();
  if (options.file.find("://") != std::string::npos) {
    return command.fail({ErrorCode::invalid, options.file +
                                                 " is a URL, and 'weir list check' reads files only: download it, or "
                                                 "let 'weir list add' fetch and check it"});
  }
  auto reader = ListReader::open(options.file, wanted);
  if (!reader) return command.fail(reader.error());
  while ((*reader)->next()) {
  }
  const auto finished = (*reader)->finish();
  const ListSummary& summary = (*reader)->summary();
  if (command.is_json()) {
    command.out() << summary.to_json(true) << '\n';
  } else {
    tell(command, options.file, summary, options.all ? SIZE_MAX : kShownSamples);
  }
  if (!finished) return command.fail(finished.error());
  // An import of it would be refused too.
  if (summary.rules == 0) return command.fail({ErrorCode::invalid, options.file + ": there is no rule in it"});
  return ExitCode::done;
}

}  // namespace weir::cli
