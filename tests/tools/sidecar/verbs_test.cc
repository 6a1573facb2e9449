// Verbs beside a writer that is in the middle of something.
#include "tools/sidecar/verbs.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <future>

#include "tests/support/scratch_folder.h"
#include "tests/tools/sidecar/files.h"
#include "tools/http/routes.h"

namespace weir::sidecar::verbs_test {
namespace {

namespace json = boost::json;

class NoResponder final : public Responder {
 public:
  bool progress(const std::string&) override { return true; }
  bool is_gone() override { return false; }
};

std::unique_ptr<PolicyStore> make_store(const std::filesystem::path& folder, const Config& config) {
  auto store = PolicyStore::open(folder, {}, {});
  if (!store) throw std::runtime_error(store.error().message);
  bool ok = (*store)->define(config.compile()).has_value();
  const ListId ads = (*store)->policies().find_list("ads")->id;
  Rule rule;
  rule.kind = PatternKind::subtree;
  rule.name = *Name::parse("a.example");
  ok = ok && (*store)->add_rule(kLocalRules, rule, {}, {}).has_value();
  Rule unicode = rule;
  unicode.name = *Name::parse("xn--bcher-kva.example");
  ok = ok && (*store)->add_rule(kLocalRules, unicode, {}, {}).has_value();
  const RuleStream one = [rule, done = false]() mutable -> Result<std::optional<SourcedRule>> {
    if (std::exchange(done, true)) return std::optional<SourcedRule>();
    return std::optional<SourcedRule>({rule, 1});
  };
  ok = ok && (*store)->import(ads, one, {}, {}, {}).has_value() && (*store)->publish("import ads", {}).has_value();
  if (!ok) throw std::runtime_error("the store could not be filled");
  return std::move(*store);
}

TEST(Verbs, EveryRouteOfTheHttpApiAsksForOneThatIsThere) {
  for (const http::Route& route : http::routes()) {
    EXPECT_TRUE(route.verb.empty() || has_verb(route.verb)) << route.path << ": " << route.verb;
    EXPECT_FALSE(route.verb.starts_with("token.")) << "a stolen token must make no others";
  }
}

TEST(Verbs, WhatOnlyShowsDoesNotWaitForTheWriter) {
  const test::ScratchFolder scratch;
  write_file(scratch / "weir.toml", "[store]\npath = \"" + (scratch / "store").string() + "\"\n[run]\npath = \"" +
                                        (scratch / "run").string() +
                                        "\"\n[[list]]\nname = \"ads\"\nsource = \"/nonexistent/ads\"\n");
  auto loaded = Config::load(scratch / "weir.toml");
  ASSERT_TRUE(loaded) << loaded.error().message;
  const auto config = std::make_shared<const Config>(std::move(*loaded));
  const ConfigSource source = [config] { return config; };
  auto log = log::DecisionLog::open(scratch / "log");
  ASSERT_TRUE(log) << log.error().message;

  auto audit = AuditLog::open(config->store.path);
  ASSERT_TRUE(audit) << audit.error().message;
  const std::atomic<bool> stop{false};
  Generations generations(config->store.path, 1 << 20);
  ListStates states(scratch / "states.json");
  LogFeed feed;
  const auto resolver = ResolverLink::connect(config->run.path);
  std::promise<void> begun;
  std::promise<void> let_go;
  std::thread importing;
  {
    WriterThread writer(make_store(config->store.path, *config));
    ListUpdater updater(source, writer, generations, states, *resolver, **audit, stop);
    Overlays overlays(writer, **audit);
    const ZoneServer zones(source, generations);
    const auto notifier = NotifySender::start(source, {});
    ASSERT_TRUE(notifier);
    const Services services{source, {},   writer, generations, states, updater,  *resolver, **log,
                            feed,   stop, {},     **audit,     {},     overlays, zones,     **notifier};
    // An import whose source gives nothing for as long as the test likes.
    importing = std::thread([&] {
      const auto outcome = writer.run<ImportOutcome>(Urgency::later, [&](PolicyStore& store) {
        return store.import(store.policies().find_list("ads")->id,
                            [&]() -> Result<std::optional<SourcedRule>> {
                              begun.set_value();
                              let_go.get_future().wait();
                              return std::optional<SourcedRule>();
                            },
                            {}, {}, {});
      });
      EXPECT_TRUE(outcome);
    });
    begun.get_future().wait();

    const struct {
      const char* verb;
      const char* arguments;
      const char* shown;
    } rows[] = {
        {"status", "{}", R"("reason":"import ads")"},
        {"list.show", R"({"name": "ads"})", R"("history":1)"},
        {"list.history", R"({"name": "ads"})", R"("rules":1)"},
        {"rule.show", "{}", R"("pattern":"a.example")"},
        {"rule.show", "{}", "\"pattern\":\"xn--bcher-kva.example\",\"pattern_unicode\":\"b\u00FCcher.example\""},
        {"generation.show", "{}", R"("current":1)"},
        {"zone.show", "{}", R"("zones":[])"},
        {"sink.show", "{}", R"("sinks":[])"},
        {"sink.show", R"({"name": "no"})", R"("code":"not_found")"},
        {"policy.show", "{}", R"("groups":[{"name":"default","policy":"default","clients":[]}])"},
        {"metrics", "{}", "weir_list_rules{list=\\\"ads\\\"} "},
        {"explain", R"({"names": ["x.a.example"]})", R"("outcome":"blocked")"},
        {"explain", R"({"names": ["x.xn--bcher-kva.example"]})",
         "\"name\":\"x.xn--bcher-kva.example\",\"name_unicode\":\"x.b\u00FCcher.example\""},
        {"log.search", "{}", R"("rows":[])"},
        {"audit.show", "{}", R"("records":[])"},
        {"audit.verify", "{}", R"("whole":true)"}};
    bool waits = false;
    for (const auto& row : rows) {
      auto answered = std::async(std::launch::async, [&] {
        NoResponder nobody;
        return handle(services, {row.verb, row.arguments, "tester"}, nobody);
      });
      waits = answered.wait_for(std::chrono::seconds(10)) != std::future_status::ready;
      EXPECT_FALSE(waits) << row.verb << " waits for the import";
      if (waits) let_go.set_value();
      const std::string reply = answered.get();
      EXPECT_NE(reply.find(row.shown), std::string::npos) << row.verb << ": " << reply;
      if (waits) break;
    }
    if (!waits) let_go.set_value();
    importing.join();
  }
}

}  // namespace
}  // namespace weir::sidecar::verbs_test
