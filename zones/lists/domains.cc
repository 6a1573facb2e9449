// Plain names, wildcards and globs: `name`, `*.name`, `na*me` (SEMANTICS section 2).
#include "zones/lists/line.h"
#include "zones/lists/name_text.h"
#include "zones/lists/pattern.h"

namespace weir {

void parse_domain_line(std::string_view text, const LineOptions& options, Line& line) {
  std::string_view content = without_inline_comment(text);
  for (std::size_t at = 0; at < content.size(); ++at) {
    if (content[at] == ' ' || content[at] == '\t')
      return line.end(Bucket::invalid_name, at + 1, "a second word after a name");
    if (content[at] == '/')
      return line.end(Bucket::url_path, at + 1, "a URL: blocking a whole host for one path is a false positive");
  }
  const bool wildcard = content.starts_with("*.");
  std::size_t column = 1;
  if (wildcard) {
    content.remove_prefix(2);
    column = 3;
  } else if (content.starts_with('.')) {
    // `.name` is how squid and some publishers write "and below".
    content.remove_prefix(1);
    column = 2;
  }
  const PatternKind bare = column == 2 || options.bare_is_subtree ? PatternKind::subtree : PatternKind::exact;
  if (content.find('*') != std::string_view::npos) {
    Rule rule;
    rule.action = options.kind == ListKind::allow ? Action::allow : Action::block;
    // With what stands before it again: `*.na*me` is one glob.
    if (!read_glob(text.substr(0, content.size() + column - 1), 1, rule, line)) return;
    if (matches_every_name(rule)) return line.end(Bucket::unsupported_pattern, 1, "a pattern that matches every name");
    line.rules.push_back(std::move(rule));
    line.bucket = Bucket::rule;
    return;
  }
  ListName name = parse_list_name(content);
  if (!accept_name(name, column, line)) return;
  Rule& rule = line.rules.emplace_back();
  rule.name = std::move(name.name);
  rule.action = options.kind == ListKind::allow ? Action::allow : Action::block;
  if (wildcard) {
    rule.kind = options.wildcard_is_subtree ? PatternKind::subtree : PatternKind::below;
  } else {
    rule.kind = bare;
  }
  line.bucket = Bucket::rule;
}

}  // namespace weir
