#include "zones/config/kinds.h"

#include "zones/base/text.h"

namespace weir::config {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

Parsed<std::uint64_t> size(std::uint64_t min, std::uint64_t max) {
  const std::string range = show_size(min) + " to " + show_size(max);
  return {"a size such as \"64MiB\", " + range,
          [min, max](std::string_view text, const Faults&) -> Result<std::uint64_t> {
            auto bytes = parse_size_bytes(text);
            if (!bytes) return Error{ErrorCode::invalid, {}};  // what is expected says it all
            if (*bytes < min || *bytes > max) return Error{ErrorCode::invalid, quote(text) + " is out of this range"};
            return bytes;
          },
          [](const std::uint64_t& bytes) { return show_size(bytes); }};
}

Parsed<milliseconds> duration(milliseconds min, milliseconds max) {
  const std::string range = show_duration(min.count()) + " to " + show_duration(max.count());
  return {"a duration such as \"30s\" or \"24h\", " + range,
          [min, max](std::string_view text, const Faults&) -> Result<milliseconds> {
            auto time = parse_duration(text);
            if (!time) return Error{ErrorCode::invalid, {}};
            if (*time < min || *time > max) return Error{ErrorCode::invalid, quote(text) + " is out of this range"};
            return time;
          },
          [](const milliseconds& time) { return show_duration(time.count()); }};
}

Result<Endpoint> parse_endpoint(std::string_view text, std::uint16_t default_port) {
  const auto at = text.find('@');
  if (at == std::string_view::npos) return Endpoint::parse(text, default_port);
  std::string host(text.substr(0, at));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  auto address = IpAddress::parse(host);
  if (!address) return address.error();
  auto port = Endpoint::parse("0.0.0.0:" + std::string(text.substr(at + 1)), 0);
  if (!port || port->port == 0) return Error{ErrorCode::invalid, "the port behind '@' is a number from 1 to 65535"};
  return Endpoint{*address, port->port};
}

Parsed<Endpoint> endpoint(std::uint16_t default_port) {
  return {"an address with or without a port, such as \"192.0.2.1\" or \"[2001:db8::1]:5353\"",
          [default_port](std::string_view text, const Faults&) { return parse_endpoint(text, default_port); },
          [](const Endpoint& value) { return value.to_text(); }};
}

Parsed<Prefix> prefix() {
  return {"an address or a prefix such as \"192.0.2.0/24\"",
          [](std::string_view text, const Faults&) { return Prefix::parse(text); },
          [](const Prefix& value) {
            const bool whole = value.length == value.address.bits();
            return whole ? value.address.to_text() : value.to_text();
          }};
}

Parsed<IpAddress> address() {
  return {"an address such as \"192.0.2.1\" or \"2001:db8::1\"",
          [](std::string_view text, const Faults&) { return IpAddress::parse(text); },
          [](const IpAddress& value) { return value.to_text(); }};
}

// Relative to the file that names it, so that a daemon's working directory means nothing.
Parsed<fs::path> path(std::string_view what) {
  return {std::string(what),
          [](std::string_view text, const Faults& faults) -> Result<fs::path> {
            if (text.empty() || text.find('\0') != std::string_view::npos || text.size() > 4000)
              return Error{ErrorCode::invalid, "this cannot be a path"};
            return (faults.folder() / fs::path(text)).lexically_normal();
          },
          [](const fs::path& value) { return value.string(); }};
}

Parsed<std::string> config_name() {
  return {"a name of 1 to 64 letters, digits, '.', '_', '-'",
          [](std::string_view text, const Faults&) -> Result<std::string> {
            if (auto good = check_config_name(text); !good) return good.error();
            return std::string(text);
          },
          [](const std::string& value) { return value; }};
}

Parsed<std::string> time_zone() {
  return {"a time zone of the IANA database such as \"Europe/Berlin\"",
          [](std::string_view text, const Faults&) -> Result<std::string> {
            if (auto known = check_time_zone(text); !known) return known.error();
            return std::string(text);
          },
          [](const std::string& value) { return value; }};
}

Parsed<std::string> text(std::size_t max) {
  return {"a string of at most " + std::to_string(max) + " octets",
          [max](std::string_view value, const Faults&) -> Result<std::string> {
            if (value.size() > max) return Error{ErrorCode::invalid, "it has " + std::to_string(value.size())};
            return std::string(value);
          },
          [](const std::string& value) { return value; }};
}

Parsed<std::string> dns_name(std::string_view what, Result<Name> (*parse)(std::string_view)) {
  return {std::string(what),
          [parse](std::string_view value, const Faults&) -> Result<std::string> {
            if (auto name = parse(value); !name) return name.error();
            return std::string(value);
          },
          [](const std::string& value) { return value; }};
}

Parsed<Name> domain_name() {
  return {"a domain name", [](std::string_view text, const Faults&) { return Name::parse(text); },
          [](const Name& value) { return value.to_text(); }};
}

Choice<Privacy> privacy() {
  Choice<Privacy> out;
  for (const auto privacy : {Privacy::full, Privacy::prefix, Privacy::pseudonym, Privacy::none})
    out.words.push_back({to_text(privacy), privacy});
  return out;
}

}  // namespace weir::config
