// What several sections have in common: how a key is made, and the kinds of value that more than one file of keys has.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "zones/config/sections.h"

namespace weir::config {

inline constexpr std::chrono::milliseconds kSecond{1000};
inline constexpr std::chrono::milliseconds kDay{86400000};

// A key whose value lands where `access` points, and whose default is what a fresh section holds there.
template <class Section, class Kind, class Access>
Key<Section> key(std::string_view name, const Kind& kind, Access access, std::string_view meaning,
                 Section fresh = Section{}) {
  Key<Section> out{name, meaning, kind.expected(), kind.show(access(fresh)), Need::optional, {}};
  out.read = [kind, access](const ConfigValue& in, std::string_view label, Section& section, Faults& faults) {
    typename Kind::Value value{};
    if (kind.read(in, value, label, faults)) access(section) = std::move(value);
  };
  return out;
}

template <class Section>
Key<Section> required(Key<Section> key) {
  key.need = Need::required;
  key.default_value.clear();
  return key;
}

Parsed<std::uint64_t> size(std::uint64_t min, std::uint64_t max);
Parsed<std::chrono::milliseconds> duration(std::chrono::milliseconds min, std::chrono::milliseconds max);
// As people write it for other resolvers too: the port behind '@', or behind ':'.
Result<Endpoint> parse_endpoint(std::string_view text, std::uint16_t default_port);
Parsed<Endpoint> endpoint(std::uint16_t default_port);
Parsed<Prefix> prefix();
Parsed<IpAddress> address();
Parsed<std::filesystem::path> path(std::string_view what);
Parsed<std::string> config_name();
Parsed<std::string> text(std::size_t max);
Parsed<std::string> dns_name(std::string_view what, Result<Name> (*parse)(std::string_view));
Parsed<Name> domain_name();
Parsed<std::string> time_zone();
Choice<Privacy> privacy();

// A domain name that may be left out.
template <class Section, class Access>
Key<Section> optional_name_key(std::string_view name, Access access, std::string_view meaning) {
  const Parsed<Name> kind = domain_name();
  Key<Section> out{name, meaning, kind.expected(), "\"\"", Need::optional, {}};
  out.read = [kind, access](const ConfigValue& in, std::string_view label, Section& section, Faults& faults) {
    Name value;
    if (kind.read(in, value, label, faults)) access(section) = value;
  };
  return out;
}

}  // namespace weir::config
