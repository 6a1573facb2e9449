// Where resolution begins when nothing is known: the root's servers, built in or from a hints file.
#include <algorithm>
#include <fstream>
#include <optional>
#include <utility>

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

struct Word {
  std::string text;
  std::size_t column = 1;  // from 1 on
};

std::vector<Word> words_of(std::string_view line) {
  std::vector<Word> words;
  bool inside = false;
  for (std::size_t at = 0; at < line.size() && line[at] != ';'; ++at) {
    if (line[at] == ' ' || line[at] == '\t' || line[at] == '\r') {
      inside = false;
      continue;
    }
    if (!std::exchange(inside, true)) words.push_back({{}, at + 1});
    words.back().text += line[at];
  }
  return words;
}

// A fault and the column of the word that it is in.
struct Fault {
  std::size_t column = 1;
  std::string what;
};

bool is_number(const std::string& word) {
  return !word.empty() && std::ranges::all_of(word, [](char c) { return c >= '0' && c <= '9'; });
}

RootServer& server_named(std::vector<RootServer>& servers, const Name& name) {
  const auto found = std::ranges::find(servers, name, &RootServer::name);
  if (found != servers.end()) return *found;
  return servers.emplace_back(RootServer{name, {}});
}

// One line: owner (or white space: the one before), TTL and class optional, NS, A or AAAA, data.
std::optional<Fault> read_line(const std::string& line, Name& owner, std::vector<RootServer>& servers) {
  const std::vector<Word> words = words_of(line);
  if (words.empty()) return std::nullopt;
  std::size_t at = 0;
  if (line.front() != ' ' && line.front() != '\t') {
    auto name = Name::parse(words[at].text);
    if (!name) return Fault{words[at].column, name.error().message};
    owner = std::move(*name);
    ++at;
  }
  if (at < words.size() && is_number(words[at].text)) ++at;
  if (at < words.size() && to_lower_ascii(words[at].text) == "in") ++at;
  if (at < words.size() && is_number(words[at].text)) ++at;
  if (words.size() != at + 2) {
    const Word& last = words[std::min(at + 2, words.size() - 1)];
    return Fault{last.column, "expected an NS, A or AAAA record with its data"};
  }
  const std::string type = to_lower_ascii(words[at].text);
  const Word& data = words[at + 1];
  if (type == "ns") {
    if (!owner.is_root()) return Fault{1, "NS record of '" + owner.to_text() + "', not of the root"};
    auto name = Name::parse(data.text);
    if (!name) return Fault{data.column, name.error().message};
    server_named(servers, *name);
    return std::nullopt;
  }
  if (type != "a" && type != "aaaa") {
    return Fault{words[at].column, "'" + escape_for_display(words[at].text) + "' is not NS, A or AAAA"};
  }
  auto address = IpAddress::parse(data.text);
  if (!address) return Fault{data.column, address.error().message};
  if ((type == "a") != (address->family == AddressFamily::ipv4)) {
    return Fault{data.column, "'" + data.text + "' is no address for " + words[at].text};
  }
  server_named(servers, owner).addresses.push_back(*address);
  return std::nullopt;
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
    const std::string where = file + ":" + std::to_string(number) + ":";
    if (line.size() > 1000 || number > 10'000)
      return Error{ErrorCode::too_large, where + "1: too long for a hints file"};
    if (line.empty()) continue;
    if (const auto fault = read_line(line, owner, servers)) {
      return Error{ErrorCode::invalid, where + std::to_string(fault->column) + ": " + fault->what};
    }
  }
  std::erase_if(servers, [](const RootServer& server) { return server.addresses.empty(); });
  if (servers.empty()) return Error{ErrorCode::invalid, file + ": no root server with an address"};
  return servers;
}

}  // namespace weir
