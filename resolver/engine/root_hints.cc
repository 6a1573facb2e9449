// Where resolution begins when nothing is known: the root's servers, built in or from a hints file.
#include <algorithm>
#include <charconv>
#include <fstream>

#include "resolver/engine/engine.h"
#include "zones/base/text.h"

namespace weir {
namespace {

struct BuiltIn {
  char letter;
  const char* ipv4;
  const char* ipv6;
};

// IANA's named.root of 2024; b.root moved in November 2023.
constexpr BuiltIn kRoot[] = {
    {'a', "198.41.0.4", "2001:503:ba3e::2:30"}, {'b', "170.247.170.2", "2801:1b8:10::b"},
    {'c', "192.33.4.12", "2001:500:2::c"},      {'d', "199.7.91.13", "2001:500:2d::d"},
    {'e', "192.203.230.10", "2001:500:a8::e"},  {'f', "192.5.5.241", "2001:500:2f::f"},
    {'g', "192.112.36.4", "2001:500:12::d0d"},  {'h', "198.97.190.53", "2001:500:1::53"},
    {'i', "192.36.148.17", "2001:7fe::53"},     {'j', "192.58.128.30", "2001:503:c27::2:30"},
    {'k', "193.0.14.129", "2001:7fd::1"},       {'l', "199.7.83.42", "2001:500:9f::42"},
    {'m', "202.12.27.33", "2001:dc3::35"},
};

std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : line) {
    if (c == ';') break;
    if (c == ' ' || c == '\t' || c == '\r') {
      if (!word.empty()) words.push_back(std::exchange(word, {}));
    } else {
      word += c;
    }
  }
  if (!word.empty()) words.push_back(std::move(word));
  return words;
}

bool is_number(const std::string& word) {
  return !word.empty() && std::ranges::all_of(word, [](char c) { return c >= '0' && c <= '9'; });
}

RootServer& server_named(std::vector<RootServer>& servers, const Name& name) {
  const auto found = std::ranges::find(servers, name, &RootServer::name);
  if (found != servers.end()) return *found;
  return servers.emplace_back(RootServer{name, {}});
}

// One line: owner (or white space: the one before), TTL and class optional, NS, A or AAAA, data.
Result<void> read_line(const std::string& line, Name& owner, std::vector<RootServer>& servers) {
  std::vector<std::string> words = words_of(line);
  if (words.empty()) return {};
  std::size_t at = 0;
  if (line.front() != ' ' && line.front() != '\t') {
    auto name = Name::parse(words[at++]);
    if (!name) return name.error();
    owner = std::move(*name);
  }
  if (at < words.size() && is_number(words[at])) ++at;
  if (at < words.size() && to_lower_ascii(words[at]) == "in") ++at;
  if (at < words.size() && is_number(words[at])) ++at;
  if (words.size() != at + 2) return Error{ErrorCode::invalid, "expected an NS, A or AAAA record with its data"};
  const std::string type = to_lower_ascii(words[at]);
  const std::string& data = words[at + 1];
  if (type == "ns") {
    if (!owner.is_root()) return Error{ErrorCode::invalid, "NS record of '" + owner.to_text() + "', not of the root"};
    auto name = Name::parse(data);
    if (!name) return name.error();
    server_named(servers, *name);
    return {};
  }
  if (type != "a" && type != "aaaa") {
    return Error{ErrorCode::invalid, "'" + escape_for_display(words[at]) + "' is not NS, A or AAAA"};
  }
  auto address = IpAddress::parse(data);
  if (!address) return address.error();
  if ((type == "a") != (address->family == AddressFamily::ipv4)) {
    return Error{ErrorCode::invalid, "'" + data + "' is no address for " + words[at]};
  }
  server_named(servers, owner).addresses.push_back(*address);
  return {};
}

}  // namespace

std::vector<RootServer> built_in_root_hints() {
  std::vector<RootServer> servers;
  for (const BuiltIn& known : kRoot) {
    RootServer server;
    server.name = *Name::parse(std::string(1, known.letter) + ".root-servers.net");
    server.addresses = {*IpAddress::parse(known.ipv4), *IpAddress::parse(known.ipv6)};
    servers.push_back(std::move(server));
  }
  return servers;
}

Result<std::vector<RootServer>> read_root_hints(const std::string& file) {
  std::ifstream in(file);
  if (!in) return Error{ErrorCode::not_found, file + ": cannot be read"};
  std::vector<RootServer> servers;
  Name owner;
  std::string line;
  for (unsigned number = 1; std::getline(in, line); ++number) {
    const std::string where = file + ":" + std::to_string(number) + ": ";
    if (line.size() > 1000 || number > 10'000) return Error{ErrorCode::too_large, where + "too long for a hints file"};
    if (line.empty()) continue;
    if (auto read = read_line(line, owner, servers); !read)
      return Error{read.error().code, where + read.error().message};
  }
  std::erase_if(servers, [](const RootServer& server) { return server.addresses.empty(); });
  if (servers.empty()) return Error{ErrorCode::invalid, file + ": no root server with an address"};
  return servers;
}

}  // namespace weir
