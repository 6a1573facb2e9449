#include "zones/config/restart_keys.h"

#include <utility>

namespace weir {

namespace {

class Differences {
 public:
  template <class T>
  void operator()(const char* key, const T& before, const T& after) {
    if (!(before == after)) keys_.emplace_back(key);
  }
  std::vector<std::string> keys() && { return std::move(keys_); }

 private:
  std::vector<std::string> keys_;
};

std::vector<std::string> keys_of_sidecar(const Config& before, const Config& after) {
  Differences compare;
  compare("transfer.listen", before.transfer.listen, after.transfer.listen);
  compare("transfer.listen_tls", before.transfer.listen_tls, after.transfer.listen_tls);
  compare("api.listen", before.api.listen, after.api.listen);
  compare("self_service.listen", before.self_service.listen, after.self_service.listen);
  compare("store.keep_generations", before.store.keep_generations, after.store.keep_generations);
  return std::move(compare).keys();
}

std::vector<std::string> keys_of_resolver(const Config& before, const Config& after) {
  Differences compare;
  const ResolverConfig& was = before.resolver;
  const ResolverConfig& is = after.resolver;
  compare("resolver.listen", was.listen, is.listen);
  compare("resolver.workers", was.workers, is.workers);
  compare("resolver.allow_clients", was.allow_clients, is.allow_clients);
  compare("resolver.root_hints", was.root_hints, is.root_hints);
  compare("resolver.validate", was.validate, is.validate);
  compare("resolver.trust_anchors", was.trust_anchors, is.trust_anchors);
  compare("resolver.state", was.state, is.state);
  compare("resolver.recheck_negative_anchors", was.recheck_negative_anchors, is.recheck_negative_anchors);
  compare("resolver.cache", was.cache_bytes, is.cache_bytes);
  compare("resolver.store_cache", was.store_cache_bytes, is.store_cache_bytes);
  compare("resolver.outgoing", was.outgoing, is.outgoing);
  compare("resolver.ipv6_upstream", was.ipv6_upstream, is.ipv6_upstream);
  compare("resolver.upstream_port", was.upstream_port, is.upstream_port);
  compare("resolver.spin", was.spin, is.spin);
  compare("resolution.minimise_names", before.resolution.minimise_names, after.resolution.minimise_names);
  compare("resolution.minimise_with", before.resolution.minimise_with, after.resolution.minimise_with);
  compare("resolution.hide_type", before.resolution.hide_type, after.resolution.hide_type);
  compare("resolution.randomise_case", before.resolution.randomise_case, after.resolution.randomise_case);
  compare("resolution.cookies", before.resolution.cookies, after.resolution.cookies);
  compare("resolution.minimal_answers", before.resolution.minimal_answers, after.resolution.minimal_answers);
  compare("resolution.alias_targets", before.resolution.alias_targets, after.resolution.alias_targets);
  compare("resolution.unsigned_dnames", before.resolution.unsigned_dnames, after.resolution.unsigned_dnames);
  compare("resolution.verify_glue", before.resolution.verify_glue, after.resolution.verify_glue);
  compare("resolution.foreign_glue", before.resolution.foreign_glue, after.resolution.foreign_glue);
  compare("resolution.loopback_servers", before.resolution.loopback_servers, after.resolution.loopback_servers);
  compare("resolution.unasked_name_servers", before.resolution.unasked_name_servers,
          after.resolution.unasked_name_servers);
  compare("resolution.name_servers_beside_denials", before.resolution.name_servers_beside_denials,
          after.resolution.name_servers_beside_denials);
  compare("resolution.any_additional", before.resolution.any_additional, after.resolution.any_additional);
  compare("resolution.max_name_servers", before.resolution.max_name_servers, after.resolution.max_name_servers);
  compare("resolution.refer_without_recursion", before.resolution.refer_without_recursion,
          after.resolution.refer_without_recursion);
  compare("resolution.every_algorithm", before.resolution.every_algorithm, after.resolution.every_algorithm);
  compare("cache.serve_stale", before.cache.serve_stale, after.cache.serve_stale);
  compare("cache.stale_for", before.cache.stale_for, after.cache.stale_for);
  compare("cache.stale_wait", before.cache.stale_wait, after.cache.stale_wait);
  compare("cache.stale_ttl", before.cache.stale_ttl, after.cache.stale_ttl);
  compare("cache.stale_recheck", before.cache.stale_recheck, after.cache.stale_recheck);
  compare("cache.min_ttl", before.cache.min_ttl, after.cache.min_ttl);
  compare("cache.max_ttl", before.cache.max_ttl, after.cache.max_ttl);
  compare("cache.min_negative_ttl", before.cache.min_negative_ttl, after.cache.min_negative_ttl);
  compare("cache.max_negative_ttl", before.cache.max_negative_ttl, after.cache.max_negative_ttl);
  compare("cache.prefetch", before.cache.prefetch, after.cache.prefetch);
  compare("answers.cookies", before.answers.cookies, after.answers.cookies);
  compare("answers.require_cookies", before.answers.require_cookies, after.answers.require_cookies);
  compare("answers.cookie_secret", before.answers.cookie_secret, after.answers.cookie_secret);
  compare("answers.any_over_udp", before.answers.any_over_udp, after.answers.any_over_udp);
  compare("answers.version", before.answers.version, after.answers.version);
  compare("answers.identity", before.answers.identity, after.answers.identity);
  compare("answers.max_waiting", before.answers.max_waiting, after.answers.max_waiting);
  compare("answers.when_full", before.answers.when_full, after.answers.when_full);
  compare("store.path", before.store.path, after.store.path);
  return std::move(compare).keys();
}

}  // namespace

std::vector<std::string> keys_for_restart(Program program, const Config& running, const Config& files) {
  return program == Program::sidecar ? keys_of_sidecar(running, files) : keys_of_resolver(running, files);
}

}  // namespace weir
