// dnsmasq directives: address=/n/n2/VALUE, local=/n/, server=/n/VALUE (SEMANTICS section 2).
#include "zones/lists/line.h"
#include "zones/lists/name_text.h"
#include "zones/lists/pattern.h"

namespace weir {
namespace {

constexpr std::string_view kDirectives[] = {"address", "local", "server"};

std::string_view directive_of(std::string_view key) {
  if (key.starts_with("--")) key.remove_prefix(2);
  for (const std::string_view directive : kDirectives) {
    if (key == directive) return directive;
  }
  return {};
}

// What a directive asks for its names: block, allow, or an address.
struct Meaning {
  bool allow = false;
  std::optional<IpAddress> address;
};

// `name` and `.name` (subtree), `*.name` (below), `*name` (glob). False: `line` has ended in a bucket.
bool read_name(std::string_view word, std::size_t column, Rule& rule, Line& line) {
  const auto star = word.rfind('*');
  if (star == 0) {
    if (!read_glob(word, column, rule, line)) return false;
    if (!matches_every_name(rule)) return true;
    line.end(Bucket::unsupported_pattern, column, "a pattern that matches every name");
    return false;
  }
  if (star != std::string_view::npos) {
    line.end(Bucket::unsupported_pattern, column + star, "a * inside a name: dnsmasq knows it at the beginning only");
    return false;
  }
  if (word.starts_with('.')) word.remove_prefix(1);
  const ListName name = parse_list_name(word);
  if (!accept_name(name, column, line)) return false;
  rule.kind = PatternKind::subtree;
  rule.name = name.name;
  return true;
}

}  // namespace

void parse_dnsmasq_line(std::string_view text, const LineOptions& options, Line& line) {
  const auto equals = text.find('=');
  const std::string_view directive =
      equals == std::string_view::npos ? std::string_view() : directive_of(text.substr(0, equals));
  if (directive.empty()) return line.end(Bucket::not_a_filter_directive, 1, "an option that says nothing of names");
  std::string_view value = text.substr(equals + 1);
  // `#` is a value here ("as usual", or "null"), so an inline comment must follow white space.
  const auto comment = value.find(" #");
  if (comment != std::string_view::npos) value = value.substr(0, comment);
  while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
  if (!value.starts_with('/'))
    return line.end(Bucket::not_a_filter_directive, equals + 2, "names no domain between slashes");
  const auto last_slash = value.rfind('/');
  if (last_slash == 0) return line.end(Bucket::invalid_name, equals + 2, "no name between slashes");
  const std::string_view target = value.substr(last_slash + 1);

  Meaning meaning;
  if (directive == "server") {
    // server=/n/ answers nothing itself and asks nobody: NXDOMAIN. With a server named, or `#`, the name resolves.
    meaning.allow = !target.empty();
  } else if (directive == "address" && !target.empty() && target != "#") {
    const auto address = IpAddress::parse(target);
    if (!address)
      return line.end(Bucket::invalid_address, equals + last_slash + 3,
                      "'" + std::string(target.substr(0, 60)) + "' is not an IP address");
    if (!address->is_unspecified() && !address->is_loopback()) meaning.address = *address;
  }
  if (meaning.address && !options.rewrites) {
    return line.end(Bucket::untrusted_rewrite, equals + last_slash + 3,
                    "answers with an address: only a list with rewrites = true may do that");
  }

  Line fault;  // of the first bad name: the line's own when no name of it is good
  std::size_t at = 1;
  while (at <= last_slash) {
    const std::size_t end = value.find('/', at);
    std::string_view word = value.substr(at, end - at);
    const std::size_t column = equals + 2 + at;
    at = end + 1;
    if (word.empty()) continue;
    Line verdict;
    Rule read;
    if (!read_name(word, column, read, verdict)) {
      if (fault.bucket == Bucket::blank) fault = std::move(verdict);
      continue;
    }
    Rule& rule = line.rules.emplace_back(std::move(read));
    rule.action = meaning.allow || options.kind == ListKind::allow ? Action::allow : Action::block;
    if (rule.action == Action::allow && options.kind == ListKind::block) rule.exception = true;
    if (meaning.address && options.kind == ListKind::block) {
      rule.action = Action::address;
      rule.detail.addresses = {*meaning.address};
    }
  }
  if (line.rules.empty()) {
    if (fault.bucket == Bucket::blank) return line.end(Bucket::invalid_name, equals + 2, "no name between slashes");
    line = std::move(fault);
    return;
  }
  line.bucket = Bucket::rule;
}

}  // namespace weir
