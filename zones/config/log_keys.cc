// The keys of [log], [[sink]] and [self_service]: what is kept of decisions, and who is shown them.
#include "zones/config/kinds.h"

namespace weir::config {

namespace {

Parsed<std::chrono::milliseconds> keep_of_class() {
  return duration(std::chrono::milliseconds(0), 3650 * kDay);
}

}  // namespace

const Keys<LogConfig>& log_keys() {
  using C = LogConfig;
  static const Keys<C> keys = {
      key<C>(
          "privacy", privacy(), [](C& c) -> auto& { return c.privacy; },
          "what the log keeps of a client: address, /24 or /56, a pseudonym, nothing; a policy may say otherwise"),
      key<C>(
          "keep", duration(60 * kSecond, 3650 * kDay), [](C& c) -> auto& { return c.keep; },
          "how long decisions are kept"),
      key<C>(
          "keep_blocked", keep_of_class(), [](C& c) -> auto& { return c.keep_blocked; },
          "how long blocks are kept, also those by rebinding protection and by an upstream; 0ms: as keep"),
      key<C>(
          "keep_observed", keep_of_class(), [](C& c) -> auto& { return c.keep_observed; },
          "how long it is kept what a list in observe mode would have blocked; 0ms: as keep"),
      key<C>(
          "keep_allowed", keep_of_class(), [](C& c) -> auto& { return c.keep_allowed; },
          "how long it is kept that an allow undid a block; 0ms: as keep"),
      key<C>(
          "keep_resolved", keep_of_class(), [](C& c) -> auto& { return c.keep_resolved; },
          "how long queries are kept that nothing decided on (all = true); 0ms: as keep"),
      key<C>(
          "size", size(1ULL << 20, 1ULL << 50), [](C& c) -> auto& { return c.size_bytes; },
          "disk that decisions may take; the oldest go first"),
      key<C>(
          "all", Flag{}, [](C& c) -> auto& { return c.all; }, "log every query, not only decisions"),
      key<C>(
          "smallest_group", Whole<unsigned>{1, 100000}, [](C& c) -> auto& { return c.smallest_group; },
          "figures about fewer clients than this are hidden from analysts; 1 hides none"),
  };
  return keys;
}

const Keys<SinkConfig>& sink_keys() {
  using C = SinkConfig;
  using Kind = SinkConfig::Kind;
  static const Keys<C> keys = {
      required(key<C>(
          "name", config_name(), [](C& c) -> auto& { return c.name; },
          "what the sink is called in status and metrics")),
      required(key<C>(
          "kind",
          Choice<Kind>{{{"dnstap", Kind::dnstap},
                        {"clickhouse", Kind::clickhouse},
                        {"json", Kind::json},
                        {"syslog", Kind::syslog}}},
          [](C& c) -> auto& { return c.kind; }, "what decisions are written as")),
      key<C>(
          "to", text(1024), [](C& c) -> auto& { return c.to; },
          "dnstap: unix:/path of a socket, or a file; clickhouse: a URL; json: a file or a named pipe; syslog: the "
          "system's, or a socket"),
      key<C>(
          "database", config_name(), [](C& c) -> auto& { return c.database; }, "of ClickHouse"),
      key<C>(
          "user", text(64), [](C& c) -> auto& { return c.user; }, "of ClickHouse"),
      key<C>(
          "password_file", path("a file"), [](C& c) -> auto& { return c.password_file; },
          "a file that holds that user's password, which others should not be able to read"),
      key<C>(
          "spool", size(1ULL << 20, 1ULL << 40), [](C& c) -> auto& { return c.spool_bytes; },
          "disk that decisions may take while the sink is slow or gone; beyond it they are lost to it, and counted"),
  };
  return keys;
}

const Keys<SelfServiceConfig>& self_service_keys() {
  using C = SelfServiceConfig;
  static const Keys<C> keys = {
      key<C>(
          "listen", ArrayOf<Parsed<Endpoint>>{endpoint(80), 0, 16}, [](C& c) -> auto& { return c.listen; },
          "where clients of groups with self_service find the page about their own decisions (HTTP); empty: nowhere"),
      key<C>(
          "minutes", duration(60 * kSecond, kDay), [](C& c) -> auto& { return c.minutes; }, "how far back it looks"),
      key<C>(
          "contact", text(256), [](C& c) -> auto& { return c.contact; }, "whom to ask, as the page shows it"),
  };
  return keys;
}

}  // namespace weir::config
