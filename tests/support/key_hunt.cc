// key_hunt KNOWN PSEUDONYMS STEP FILE...: how many of the known clients a program can name that has these files.
//
// KNOWN: addresses, a line each, the first of which is in the log for sure. PSEUDONYMS: those of the log, 16
// hexadecimal digits a line. Every 16 octets of each file, at each multiple of STEP, are tried as the key of the
// pseudonyms (SipHash-2-4 of the address's octets). Prints how many keys fit, and how many of the known clients have a
// pseudonym then.
#include <arpa/inet.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <unordered_set>
#include <vector>

namespace {

std::uint64_t rotated(std::uint64_t x, int by) {
  return x << by | x >> (64 - by);
}

std::uint64_t siphash(const std::string& data, const char* key) {
  std::uint64_t k0, k1;
  std::memcpy(&k0, key, 8);
  std::memcpy(&k1, key + 8, 8);
  std::uint64_t v0 = k0 ^ 0x736f6d6570736575ULL, v1 = k1 ^ 0x646f72616e646f6dULL;
  std::uint64_t v2 = k0 ^ 0x6c7967656e657261ULL, v3 = k1 ^ 0x7465646279746573ULL;
  const auto round = [&] {
    v0 += v1, v1 = rotated(v1, 13) ^ v0, v0 = rotated(v0, 32);
    v2 += v3, v3 = rotated(v3, 16) ^ v2;
    v0 += v3, v3 = rotated(v3, 21) ^ v0;
    v2 += v1, v1 = rotated(v1, 17) ^ v2, v2 = rotated(v2, 32);
  };
  std::size_t at = 0;
  for (; at + 8 <= data.size(); at += 8) {
    std::uint64_t word;
    std::memcpy(&word, data.data() + at, 8);
    v3 ^= word, round(), round(), v0 ^= word;
  }
  std::uint64_t last = static_cast<std::uint64_t>(data.size()) << 56;
  std::memcpy(&last, data.data() + at, data.size() - at);
  v3 ^= last, round(), round(), v0 ^= last, v2 ^= 0xFF;
  for (int i = 0; i < 4; ++i) round();
  return v0 ^ v1 ^ v2 ^ v3;
}

}  // namespace

int main(int count, char** words) {
  if (count < 5) return 2;
  std::vector<std::string> known;
  std::ifstream addresses(words[1]);
  for (std::string line; std::getline(addresses, line);) {
    char octets[16];
    const bool is_ipv6 = line.find(':') != std::string::npos;
    if (inet_pton(is_ipv6 ? AF_INET6 : AF_INET, line.c_str(), octets) == 1)
      known.emplace_back(octets, is_ipv6 ? 16 : 4);
  }
  std::unordered_set<std::uint64_t> pseudonyms;
  std::ifstream listed(words[2]);
  for (std::string line; std::getline(listed, line);) pseudonyms.insert(std::strtoull(line.c_str(), nullptr, 16));
  const auto step = std::strtoull(words[3], nullptr, 10);
  std::unordered_set<std::string> fitting;
  for (int file = 4; file < count; ++file) {
    std::ifstream in(words[file], std::ios::binary);
    const std::string octets((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    for (std::size_t at = 0; at + 16 <= octets.size(); at += step) {
      if (!pseudonyms.contains(siphash(known.front(), octets.data() + at))) continue;
      if (fitting.insert(octets.substr(at, 16)).second) std::fprintf(stderr, "%s at %zu\n", words[file], at);
    }
  }
  std::unordered_set<std::string> named;
  for (const std::string& key : fitting) {
    for (const std::string& client : known) {
      if (pseudonyms.contains(siphash(client, key.data()))) named.insert(client);
    }
  }
  std::printf("%zu %zu\n", fitting.size(), named.size());
  return 0;
}
