// weir.toml: one struct a section, defaults beside the fields, all sections in one read.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "zones/base/prefix.h"
#include "zones/base/result.h"
#include "zones/policy.h"

namespace weir {

struct ResolverConfig {
  std::vector<Endpoint> listen;                      // ["127.0.0.1:53", "[::1]:53"]
  unsigned workers = 0;                              // 0: one a core
  std::vector<Prefix> allow_clients;                 // loopback and private networks
  std::filesystem::path root_hints;                  // empty: the built-in ones
  std::vector<std::filesystem::path> trust_anchors;  // for the validator; empty: the built-in ones
  std::uint64_t cache_bytes = 64ULL << 20;           // cache = "64MiB": answers and RRsets together
  std::uint64_t store_cache_bytes = 16ULL << 20;     // store_cache = "16MiB": blocks of the policy store
  std::vector<IpAddress> outgoing;                   // addresses that queries leave from; empty: any
  bool ipv6_upstream = true;
  std::uint16_t upstream_port = 53;            // for tests and closed networks
  bool spin = false;                           // poll instead of sleep: half the latency, triple the CPU
  std::string name = "weir.invalid";           // MNAME of block answers
  std::string contact = "hostmaster.invalid";  // their RNAME: "hostmaster.example.org" or "hostmaster@example.org"
};

struct RunConfig {
  std::filesystem::path path = "/run/weir";  // rings, sockets, locks
};

struct StoreConfig {
  std::filesystem::path path = "/var/lib/weir";
  unsigned keep_generations = 10;
};

struct FetchConfig {                      // [fetch]
  std::uint64_t max_bytes = 64ULL << 20;  // on the wire
  std::uint64_t max_decoded_bytes = 256ULL << 20;
  unsigned max_ratio = 100;
  std::chrono::milliseconds timeout{60000};  // the whole of one fetch
  unsigned max_redirects = 5;
  std::vector<std::string> allow_private;  // hosts that may have private addresses
};

struct ListConfig {           // [[list]]
  ListDefinition definition;  // its id is not set here
  std::string source;         // URL or file
  NameMatch match = NameMatch::automatic;
  std::string dialect = "auto";
  std::chrono::milliseconds every{86400000};
  std::string where;  // file:line, for messages
};

struct PolicyConfig {              // [[policy]]
  Policy policy;                   // its lists are not set here
  std::vector<std::string> lists;  // by name
};

struct GroupConfig {  // [[group]]
  std::string name;
  std::vector<Prefix> clients;
  std::string policy = "default";
};

struct LogConfig {
  Privacy privacy = Privacy::prefix;
  std::chrono::milliseconds keep{30LL * 86400000};
  std::uint64_t size_bytes = 2ULL << 30;
  bool all = false;  // every query, not only decisions
};

struct Config {
  ResolverConfig resolver;
  RunConfig run;
  StoreConfig store;
  FetchConfig fetch;
  std::vector<ListConfig> lists;
  std::vector<PolicyConfig> policies;  // a policy "default" is added where the file has none
  std::vector<GroupConfig> groups;
  LogConfig log;
  std::vector<std::filesystem::path> files;  // what was read: the file and its drop-ins

  // `file` and `weir.d/*.toml` beside it, in the order of their names. Errors hold every fault found, one a line:
  // "weir.toml:12:3: unknown key 'lisen' in [resolver]; did you mean 'listen'?". A missing file is not_found.
  static Result<Config> load(const std::filesystem::path& file);
  // All defaults, no file: what an absent key means.
  static Config defaults();
  // Lists, policies and groups as the store takes them (ids unset).
  PolicySet compile() const;
};

}  // namespace weir
