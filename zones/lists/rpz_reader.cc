#include "zones/lists/rpz_reader.h"

#include <deque>

#include "zones/base/text.h"
#include "zones/lists/rule_set.h"

namespace weir {
namespace {

// What one record may take. A parenthesis that is open for longer is a fault of the line that opened it, and the lines
// behind it are read for themselves: else one octet would cost the rest of the zone.
constexpr std::size_t kMaxRecordLines = 100;
constexpr std::size_t kMaxEntrySize = 64 * 1024;

void end_overlong(Line& line, std::size_t limit) {
  line.end(Bucket::overlong, limit, "longer than " + std::to_string(limit) + " octets");
}

// What the master file makes of one entry, and the zone of that record.
void read_entry_of(std::string_view entry, MasterFile& master_file, ResponsePolicyZone& zone, Line& line) {
  switch (master_file.read(entry, line)) {
    case MasterFile::Got::fault:
      return;
    case MasterFile::Got::directive:
      line.bucket = Bucket::header;
      return;
    case MasterFile::Got::record:
      return zone.read(master_file.record(), line);
  }
}

class RpzReader final : public ListReader {
 public:
  RpzReader(std::filesystem::path file, ListOptions options, LineSource source)
      : file_(std::move(file)),
        options_(std::move(options)),
        source_(std::move(source)),
        zone_(std::nullopt, options_.match) {
    summary_.max_samples = options_.max_samples;
  }

  std::optional<SourcedRule> next() override {
    while (!pending_) {
      if (!read_entry()) return std::nullopt;
    }
    std::optional<SourcedRule> out = std::move(pending_);
    pending_.reset();
    return out;
  }

  Result<void> finish() override;
  const ListSummary& summary() const override { return summary_; }
  std::uint64_t bytes_read() const override { return source_.bytes(); }

 private:
  struct Held {
    std::string text;
    bool overlong = false;
  };

  bool read_entry();
  LineSource::Got next_line(std::string_view& text);
  bool hold_rest_of_entry(unsigned depth);
  void parse(std::string_view entry, std::uint64_t first_line);
  void keep_rule(std::uint64_t first_line);
  void end();
  Error refused(const std::string& why) const { return {ErrorCode::invalid, file_.string() + ": " + why}; }

  std::filesystem::path file_;
  ListOptions options_;
  LineSource source_;
  MasterFile master_file_;
  ResponsePolicyZone zone_;
  ListSummary summary_;
  Line line_;
  std::string joined_;       // an entry of several lines
  std::deque<Held> held_;    // the lines of the entry that is being read, after its first
  std::deque<Held> replay_;  // lines that were taken for parts of an entry, to be read again
  std::string replayed_;
  std::optional<SourcedRule> pending_;
  RuleHashes seen_;
  bool ended_ = false;
  std::optional<Error> fault_;
};

LineSource::Got RpzReader::next_line(std::string_view& text) {
  if (replay_.empty()) return source_.next(text);
  const bool overlong = replay_.front().overlong;
  replayed_ = std::move(replay_.front().text);
  replay_.pop_front();
  text = replayed_;
  return overlong ? LineSource::Got::overlong : LineSource::Got::line;
}

void RpzReader::end() {
  ended_ = true;
  if (summary_.rules > 0) {
    summary_.dialect = to_text(Dialect::rpz);
    summary_.dialects[static_cast<std::size_t>(Dialect::rpz)] = summary_.count(Bucket::rule);
  }
  summary_.serial = zone_.serial();
  summary_.soa = zone_.soa();
}

// Reads on until the parentheses of `joined_` are closed. False: they never are, within the limits.
bool RpzReader::hold_rest_of_entry(unsigned depth) {
  while (depth > 0) {
    std::string_view text;
    const LineSource::Got got = next_line(text);
    if (got == LineSource::Got::end || got == LineSource::Got::failed) return false;
    held_.push_back({std::string(text), got == LineSource::Got::overlong});
    if (got == LineSource::Got::overlong || held_.size() >= kMaxRecordLines ||
        joined_.size() + text.size() > kMaxEntrySize || !is_line_text(text))
      return false;
    (void)MasterFile::without_comment(text, joined_, depth);
  }
  return true;
}

bool RpzReader::read_entry() {
  if (ended_) return false;
  std::string_view text;
  const LineSource::Got got = next_line(text);
  if (got == LineSource::Got::end || got == LineSource::Got::failed) {
    if (got == LineSource::Got::failed) fault_ = list_file_error(file_, source_.fault());
    end();
    return false;
  }
  if (summary_.lines >= options_.max_lines) {
    fault_ =
        Error{ErrorCode::too_large, file_.string() + ": more than " + std::to_string(options_.max_lines) + " lines"};
    end();
    return false;
  }
  const std::uint64_t first_line = ++summary_.lines;
  line_.reset();
  if (first_line == 1 && text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  if (got == LineSource::Got::overlong) {
    end_overlong(line_, options_.max_line_size);
  } else if (!is_line_text(text)) {
    line_.end(Bucket::invalid_text, 1, "not UTF-8 text, or with control characters");
  } else if (const std::string_view content = trim(text); content.empty()) {
    line_.bucket = Bucket::blank;
  } else if (content[0] == ';' || text[0] == '#' || text[0] == '!' || text.starts_with("//")) {
    line_.bucket = Bucket::comment;
  } else {
    joined_.clear();
    held_.clear();
    unsigned depth = 0;
    const std::string_view entry = MasterFile::without_comment(text, joined_, depth);
    if (depth == 0) {
      parse(entry, first_line);
    } else {
      const std::string first(text);
      if (hold_rest_of_entry(depth)) {
        parse(joined_, first_line);
        summary_.lines += held_.size();
      } else {
        line_.end(Bucket::invalid_text, first.find('(') + 1, "a parenthesis that is not closed within its record");
        replay_.insert(replay_.begin(), std::make_move_iterator(held_.begin()), std::make_move_iterator(held_.end()));
        held_.clear();
      }
      summary_.account(line_, first_line, first, 1 + held_.size());
      return true;
    }
  }
  summary_.account(line_, first_line, got == LineSource::Got::overlong ? std::string_view() : text);
  return true;
}

void RpzReader::parse(std::string_view entry, std::uint64_t first_line) {
  if (entry.empty() || trim(entry).empty()) {
    line_.bucket = Bucket::blank;
    return;
  }
  read_entry_of(entry, master_file_, zone_, line_);
  if (line_.bucket == Bucket::rule) keep_rule(first_line);
}

void RpzReader::keep_rule(std::uint64_t first_line) {
  Rule& rule = line_.rules.front();
  if (!seen_.insert(hash_rule(rule))) return line_.end(Bucket::duplicate, 1, "said before in this zone");
  if (seen_.size() > options_.max_rules) {
    fault_ = too_many_rules(file_, options_);
    return end();
  }
  ++summary_.rules;
  pending_ = SourcedRule{std::move(rule), first_line};
}

Result<void> RpzReader::finish() {
  while (next()) {
  }
  if (fault_) return *fault_;
  const std::uint64_t content =
      summary_.lines - summary_.count(Bucket::blank) - summary_.count(Bucket::comment) - summary_.count(Bucket::header);
  if (const std::string why = summary_.why_no_list(content); !why.empty()) return refused(why);
  if (summary_.rules == 0 && content > 0) {
    return refused("no rule came of its " + std::to_string(content) + " lines beside comments and the zone's own " +
                   "records; `weir list check` shows what became of each");
  }
  return {};
}

}  // namespace

void RpzLineReader::read(std::string_view text, Line& line) {
  line.reset();
  if (text.size() > max_line_size_) {
    end_overlong(line, max_line_size_);
  } else {
    read_entry_of(text, master_file_, zone_, line);
  }
}

std::unique_ptr<ListReader> make_rpz_reader(const std::filesystem::path& file, const ListOptions& options,
                                            LineSource source) {
  return std::make_unique<RpzReader>(file, options, std::move(source));
}

}  // namespace weir
