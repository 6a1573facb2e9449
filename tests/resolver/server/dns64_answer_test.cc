#include "resolver/server/dns64_answer.h"

#include <gtest/gtest.h>

namespace weir::dns64_answer_test {
namespace {

// RFC 6147 sections 5.1.2 and 5.5.
TEST(Dns64Answer, AIsAskedForWhereTheAnswerLeavesItOpen) {
  const struct {
    const char* what;
    Rcode rcode;
    Security security;
    std::optional<EdeCode> ede;
    bool expected;
  } rows[] = {
      {"no AAAA", Rcode::noerror, Security::insecure, {}, true},
      {"no such name", Rcode::nxdomain, Security::insecure, {}, false},
      {"a failure", Rcode::servfail, Security::indeterminate, EdeCode::no_reachable_authority, true},
      {"found bogus", Rcode::servfail, Security::bogus, EdeCode::bogus, false},
      {"a forwarder found it bogus", Rcode::servfail, Security::indeterminate, EdeCode::bogus, false},
      {"a zone signed by what nobody knows", Rcode::noerror, Security::insecure, EdeCode::unsupported_dnskey_algorithm,
       true},
      {"a zone with digests that nobody knows", Rcode::noerror, Security::insecure, EdeCode::unsupported_ds_digest,
       true},
  };
  for (const auto& row : rows) {
    ResolutionResult aaaa;
    aaaa.rcode = row.rcode;
    aaaa.security = row.security;
    aaaa.ede = row.ede;
    EXPECT_EQ(wants_ipv4(aaaa, {}), row.expected) << row.what;
  }
}

}  // namespace
}  // namespace weir::dns64_answer_test
