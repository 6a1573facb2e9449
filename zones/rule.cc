#include "zones/rule.h"

namespace weir {

std::string_view to_text(PatternKind kind) {
  switch (kind) {
    case PatternKind::exact:
      return "exact";
    case PatternKind::subtree:
      return "subtree";
    case PatternKind::below:
      return "below";
    case PatternKind::glob:
      return "glob";
    case PatternKind::regex:
      return "regex";
    case PatternKind::address:
      return "address";
    case PatternKind::ns_name:
      return "ns-name";
    case PatternKind::ns_address:
      return "ns-address";
    case PatternKind::client:
      return "client";
  }
  return "unknown";
}

std::string_view to_text(Action action) {
  switch (action) {
    case Action::allow:
      return "allow";
    case Action::block:
      return "block";
    case Action::null:
      return "null";
    case Action::nxdomain:
      return "nxdomain";
    case Action::nodata:
      return "nodata";
    case Action::refused:
      return "refused";
    case Action::drop:
      return "drop";
    case Action::truncate:
      return "truncate";
    case Action::address:
      return "address";
    case Action::cname:
      return "cname";
    case Action::answer:
      return "answer";
  }
  return "unknown";
}

std::string describe_pattern(const Rule& rule) {
  switch (rule.kind) {
    case PatternKind::exact:
      return rule.name.to_text();
    case PatternKind::subtree:
      return rule.name.to_text() + " and below";
    case PatternKind::below:
      return "*." + rule.name.to_text();
    case PatternKind::glob:
      return rule.pattern;
    case PatternKind::regex:
      return "/" + rule.pattern + "/";
    case PatternKind::ns_name:
      return "name server " + (rule.pattern == kNameServersBelow ? "*." : std::string()) + rule.name.to_text();
    case PatternKind::address:
      return rule.prefix.to_text();
    case PatternKind::ns_address:
      return "name server at " + rule.prefix.to_text();
    case PatternKind::client:
      return "client " + rule.prefix.to_text();
  }
  return {};
}

}  // namespace weir
