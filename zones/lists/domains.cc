// Plain names, wildcards and globs: `name`, `*.name`, `na*me`; the host of a URL (SEMANTICS section 2).
#include <optional>

#include "zones/base/text.h"
#include "zones/lists/line.h"
#include "zones/lists/name_text.h"
#include "zones/lists/pattern.h"

namespace weir {
namespace {

struct Scheme {
  std::string_view beginning;
  std::string_view port;  // its own, which says nothing where it is written
};

// The host of a URL that means all of it: no path, or `/`, which is the same (RFC 3986 section 6.2.3). Nothing where
// the URL says more than the DNS can tell apart: a path, a query, a user, another port.
std::optional<std::string_view> whole_host_of_url(std::string_view text) {
  for (const Scheme& scheme : {Scheme{"http://", ":80"}, Scheme{"https://", ":443"}}) {
    if (to_lower_ascii(text.substr(0, scheme.beginning.size())) != scheme.beginning) continue;
    std::string_view host = text.substr(scheme.beginning.size());
    if (host.ends_with('/')) host.remove_suffix(1);
    if (host.ends_with(scheme.port)) host.remove_suffix(scheme.port.size());
    if (host.empty() || host.find_first_of("/?#@:[*") != std::string_view::npos) return std::nullopt;
    return host;
  }
  return std::nullopt;
}

PatternKind kind_of_bare(const LineOptions& options) {
  return options.bare_is_subtree ? PatternKind::subtree : PatternKind::exact;
}

void add_name(std::string_view text, std::size_t column, PatternKind kind, const LineOptions& options, Line& line) {
  ListName name = parse_list_name(text);
  if (!accept_name(name, column, line)) return;
  Rule& rule = line.rules.emplace_back();
  rule.kind = kind;
  rule.name = std::move(name.name);
  rule.action = options.kind == ListKind::allow ? Action::allow : Action::block;
  line.bucket = Bucket::rule;
}

}  // namespace

void parse_name_line(std::string_view text, const LineOptions& options, Line& line) {
  const bool dotted = text.starts_with('.');  // how squid and some publishers write "and below"
  add_name(dotted ? text.substr(1) : text, dotted ? 2 : 1, dotted ? PatternKind::subtree : kind_of_bare(options),
           options, line);
}

void parse_domain_line(std::string_view text, const LineOptions& options, Line& line) {
  const std::string_view content = without_inline_comment(text);
  for (std::size_t at = 0; at < content.size(); ++at) {
    if (content[at] == ' ' || content[at] == '\t')
      return line.end(Bucket::invalid_name, at + 1, "a second word after a name");
    if (content[at] != '/') continue;
    const auto host = whole_host_of_url(content);
    if (!host)
      return line.end(Bucket::url_path, at + 1, "a URL: blocking a whole host for one path is a false positive");
    return add_name(*host, static_cast<std::size_t>(host->data() - text.data()) + 1, kind_of_bare(options), options,
                    line);
  }
  const bool wildcard = content.starts_with("*.");
  if (content.find('*', wildcard ? 2 : 0) != std::string_view::npos) {
    Rule rule;
    rule.action = options.kind == ListKind::allow ? Action::allow : Action::block;
    // `*.na*me` is one glob.
    if (!read_glob(content, 1, rule, line)) return;
    if (matches_every_name(rule)) return line.end(Bucket::unsupported_pattern, 1, "a pattern that matches every name");
    line.rules.push_back(std::move(rule));
    line.bucket = Bucket::rule;
    return;
  }
  if (!wildcard) return parse_name_line(content, options, line);
  add_name(content.substr(2), 3, options.wildcard_is_subtree ? PatternKind::subtree : PatternKind::below, options,
           line);
}

}  // namespace weir
