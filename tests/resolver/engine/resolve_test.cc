// What honest servers say, and what the engine makes of it.
#include <gtest/gtest.h>

#include "tests/simulation_support/small_world.h"

namespace weir::simulation::resolve_test {
namespace {

struct Row {
  const char* question;
  RecordType type;
  Rcode rcode;
  std::vector<std::string> answer;  // "owner TYPE" each, in order
};

TEST(Resolve, AnswersOfTheSmallWorld) {
  const Row rows[] = {
      {"www.example.org", RecordType::a, Rcode::noerror, {"www.example.org A"}},
      {"www.example.org", RecordType::aaaa, Rcode::noerror, {}},
      {"missing.example.org", RecordType::a, Rcode::nxdomain, {}},
      {"alias.example.org", RecordType::a, Rcode::noerror, {"alias.example.org CNAME", "www.example.org A"}},
      {"far.example.org", RecordType::a, Rcode::noerror, {"far.example.org CNAME", "www.glueless.test A"}},
      {"alias.example.org", RecordType::cname, Rcode::noerror, {"alias.example.org CNAME"}},
      {"www.tree.example.org",
       RecordType::a,
       Rcode::noerror,
       {"tree.example.org DNAME", "www.tree.example.org CNAME", "www.glueless.test A"}},
      // The CNAME that follows from a DNAME is the answer, whatever was asked on the way (RFC 6672 section 3.2).
      {"a.b.tree.example.org",
       RecordType::cname,
       Rcode::noerror,
       {"tree.example.org DNAME", "a.b.tree.example.org CNAME"}},
      {"www.glueless.test", RecordType::a, Rcode::noerror, {"www.glueless.test A"}},
      {"deep.a.b.c.example.org", RecordType::a, Rcode::noerror, {"deep.a.b.c.example.org A"}},
      {"b.c.example.org", RecordType::a, Rcode::noerror, {}},
      {"odd.example.org", RecordType{65280}, Rcode::noerror, {"odd.example.org TYPE65280"}},
      {"www.example.org", RecordType::any, Rcode::noerror, {"www.example.org A", "www.example.org TXT"}},
      {"example.org", RecordType::ns, Rcode::noerror, {"example.org NS"}},
      {"example.org", RecordType::ds, Rcode::noerror, {}},
      {"dangling.example.org", RecordType::a, Rcode::nxdomain, {"dangling.example.org CNAME"}},
      {".", RecordType::ns, Rcode::noerror, {". NS"}},
      {"nothing.nowhere", RecordType::a, Rcode::nxdomain, {}},
  };
  for (const bool warm : {false, true}) {
    SmallWorld world;
    world.start();
    for (const Row& row : rows) {
      SCOPED_TRACE(std::string(row.question) + " " + to_text(row.type) + (warm ? " warm" : " cold"));
      SmallWorld fresh;
      fresh.start();
      SmallWorld& used = warm ? world : fresh;
      const ResolutionResult result = used.network.resolve(row.question, row.type);
      EXPECT_EQ(to_text(result.rcode), to_text(row.rcode)) << result.ede_text << "\n" << used.network.trace;
      std::vector<std::string> answer;
      for (const Rrset& rrset : result.answer) answer.push_back(rrset.owner.to_text() + " " + to_text(rrset.type));
      EXPECT_EQ(answer, row.answer) << used.network.trace;
      EXPECT_EQ(result.security, Security::indeterminate);
    }
  }
}

// NXDOMAIN is said of the alias's target (RFC 6604 section 3), when less than the whole name is asked as well.
TEST(Resolve, AnAliasOfNothingIsThereForTheNamesBelowIt) {
  SmallWorld world;
  world.start();
  EXPECT_EQ(world.network.resolve("x.dangling.example.org", RecordType::a).rcode, Rcode::nxdomain);
  const ResolutionResult result = world.network.resolve("dangling.example.org", RecordType::a);
  EXPECT_EQ(result.rcode, Rcode::nxdomain);
  ASSERT_EQ(result.answer.size(), 1U) << world.network.trace;
  EXPECT_EQ(result.answer[0].type, RecordType::cname);
}

}  // namespace
}  // namespace weir::simulation::resolve_test
