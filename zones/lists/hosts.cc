// hosts files: `ADDR name name...` (SEMANTICS section 2).
#include "zones/lists/line.h"
#include "zones/lists/name_text.h"

namespace weir {

void parse_hosts_line(std::string_view text, const LineOptions& options, Line& line) {
  const std::string_view content = without_inline_comment(text);
  std::size_t at = 0;
  const std::string_view first = next_word(content, at);
  const auto address = IpAddress::parse(first.substr(0, first.find('%')));
  if (!address)
    return line.end(Bucket::invalid_address, 1, "'" + std::string(first.substr(0, 60)) + "' is not an IP address");
  const bool means_block = address->is_unspecified() || address->is_loopback();
  Line fault;  // of the first bad name: the line's own when no name of it is good
  bool any_name = false;
  for (std::string_view word = next_word(content, at); !word.empty(); word = next_word(content, at)) {
    any_name = true;
    const std::size_t column = static_cast<std::size_t>(word.data() - text.data()) + 1;
    const ListName name = parse_list_name(word);
    Line verdict;
    if (!accept_name(name, column, verdict)) {
      if (fault.bucket == Bucket::blank || fault.bucket == Bucket::local_name) fault = std::move(verdict);
      continue;
    }
    Rule& rule = line.rules.emplace_back();
    rule.kind = PatternKind::exact;
    rule.name = name.name;
    rule.action = options.kind == ListKind::allow ? Action::allow : Action::block;
    if (!means_block && options.rewrites && options.kind == ListKind::block) {
      rule.action = Action::address;
      rule.detail.addresses = {*address};
    }
  }
  if (!any_name) return line.end(Bucket::invalid_name, 1, "an address without a name");
  if (line.rules.empty()) {
    line = std::move(fault);
    return;
  }
  line.bucket = Bucket::rule;
}

}  // namespace weir
