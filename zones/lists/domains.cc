// Plain names and wildcards: `name`, `*.name` (SEMANTICS section 2).
#include "zones/lists/line.h"
#include "zones/lists/name_text.h"

namespace weir {

void parse_domain_line(std::string_view text, const LineOptions& options, Line& line) {
  std::string_view content = without_inline_comment(text);
  const std::size_t space = content.find_first_of(" \t");
  if (space != std::string_view::npos) {
    return line.end(Bucket::invalid_name, space + 1, "a second word after a name");
  }
  if (content.find("://") != std::string_view::npos || content.find('/') != std::string_view::npos) {
    return line.end(Bucket::url_path, content.find('/') + 1,
                    "a URL: blocking a whole host for one path is a false positive");
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
  if (content.find('*') != std::string_view::npos) {
    return line.end(Bucket::unsupported_pattern, content.find('*') + column,
                    "a * inside a name (globs are not supported yet)");
  }
  const ListName name = parse_list_name(content);
  if (!accept_name(name, column, line)) return;
  Rule& rule = line.rules.emplace_back();
  rule.name = name.name;
  rule.action = options.kind == ListKind::allow ? Action::allow : Action::block;
  if (wildcard) {
    rule.kind = options.wildcard_is_subtree ? PatternKind::subtree : PatternKind::below;
  } else {
    rule.kind = column == 2 || options.bare_is_subtree ? PatternKind::subtree : PatternKind::exact;
  }
  line.bucket = Bucket::rule;
}

}  // namespace weir
