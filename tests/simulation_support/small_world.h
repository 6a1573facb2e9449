// A root, two top-level domains and a handful of zones, every server answering as it should until a test says
// otherwise.
#pragma once

#include <memory>

#include "tests/simulation_support/fake_network.h"

namespace weir::simulation {

struct SmallWorld {
  FakeNetwork network;
  std::unique_ptr<Engine> engine;

  // 10.53.0.1 root; .2 org, .3 test (TLDs); .5 example.org (with .6); .7 glueless.test, whose server is ns.example.org.
  explicit SmallWorld(std::uint64_t seed = 1) : network(seed) {
    network.add_zone(".", R"(
      . 86400 SOA 3600
      . 86400 NS a.root
      a.root 86400 A 10.53.0.1
      org 86400 NS a.nic.org
      a.nic.org 86400 A 10.53.0.2
      test 86400 NS a.nic.test
      a.nic.test 86400 A 10.53.0.3)",
                     {"10.53.0.1"});
    network.add_zone("org", R"(
      org 86400 SOA 900
      org 86400 NS a.nic.org
      a.nic.org 86400 A 10.53.0.2
      example.org 3600 NS ns1.example.org
      example.org 3600 NS ns2.example.org
      ns1.example.org 3600 A 10.53.0.5
      ns2.example.org 3600 A 10.53.0.6)",
                     {"10.53.0.2"});
    network.add_zone("test", R"(
      test 86400 SOA 900
      test 86400 NS a.nic.test
      glueless.test 3600 NS ns.example.org)",
                     {"10.53.0.3"});
    network.add_zone("example.org", R"(
      example.org 3600 SOA 300
      example.org 3600 NS ns1.example.org
      example.org 3600 NS ns2.example.org
      ns1.example.org 3600 A 10.53.0.5
      ns2.example.org 3600 A 10.53.0.6
      ns.example.org 3600 A 10.53.0.7
      www.example.org 600 A 192.0.2.1
      www.example.org 600 TXT hello
      alias.example.org 60 CNAME www.example.org
      far.example.org 60 CNAME www.glueless.test
      dangling.example.org 60 CNAME gone.example.org
      tree.example.org 120 DNAME glueless.test
      deep.a.b.c.example.org 60 A 192.0.2.2
      odd.example.org 60 TYPE65280 whatever)",
                     {"10.53.0.5", "10.53.0.6"});
    network.add_zone("glueless.test", R"(
      glueless.test 3600 SOA 300
      glueless.test 3600 NS ns.example.org
      www.glueless.test 300 A 192.0.2.3)",
                     {"10.53.0.7"});
  }

  // Makes the engine; later zones are seen too, but the root's addresses are not.
  SmallWorld& start() { return start(network.options()); }
  SmallWorld& start(EngineOptions options) {
    engine = std::make_unique<Engine>(std::move(options), network.rrsets, network.servers);
    network.attach(*engine);
    return *this;
  }
};

}  // namespace weir::simulation
