#include "resolver/engine/ttl_bounds.h"

#include <gtest/gtest.h>

namespace weir::ttl_bounds_test {
namespace {

Rrset rrset(RecordType type, std::uint32_t ttl) {
  Rrset out;
  out.owner = *Name::parse("www.example");
  out.type = type;
  out.ttl_seconds = ttl;
  return out;
}

TEST(TtlBounds, HoldForEveryRecord) {
  const struct {
    std::uint32_t min, max, given, expected;
  } rows[] = {{0, 86400, 0, 0},   {0, 86400, 300, 300}, {0, 86400, 86401, 86400},
              {60, 86400, 0, 60}, {60, 86400, 59, 60},  {60, 86400, 60, 60},
              {0, 10, 11, 10},    {60, 10, 30, 10},     {60, 10, 5, 10}};
  for (const auto& row : rows) {
    Message message;
    message.answer = {rrset(RecordType::a, row.given)};
    message.authority = {rrset(RecordType::ns, row.given)};
    message.additional = {rrset(RecordType::aaaa, row.given)};
    bound_ttls(message, {.min_seconds = row.min, .max_seconds = row.max});
    for (const auto* section : {&message.answer, &message.authority, &message.additional})
      EXPECT_EQ(section->at(0).ttl_seconds, row.expected) << row.min << " " << row.max << " " << row.given;
  }
}

TEST(TtlBounds, HoldForWhatADenialIsKeptBy) {
  const struct {
    ResponseMeaning meaning;
    std::uint32_t min, max, given, expected;
  } rows[] = {{ResponseMeaning::nxdomain, 0, 10800, 60, 60},
              {ResponseMeaning::nxdomain, 100, 10800, 60, 100},
              {ResponseMeaning::nodata, 0, 30, 60, 30},
              {ResponseMeaning::nodata, 100, 30, 60, 30},
              {ResponseMeaning::answer, 100, 10800, 60, 60}};
  for (const auto& row : rows) {
    ClassifiedResponse response;
    response.meaning = row.meaning;
    response.negative_ttl = row.given;
    response.authority = {rrset(RecordType::soa, row.given), rrset(RecordType::nsec, 50)};
    bound_negative_ttl(response, {.min_negative_seconds = row.min, .max_negative_seconds = row.max});
    EXPECT_EQ(response.negative_ttl, row.expected);
    EXPECT_EQ(response.authority[0].ttl_seconds, row.expected);
    EXPECT_EQ(response.authority[1].ttl_seconds, std::min(50U, std::max(row.expected, 30U)));
  }
}

TEST(TtlBounds, ADenialWithoutAnSoaIsNotKept) {
  ClassifiedResponse response;
  response.meaning = ResponseMeaning::nodata;
  bound_negative_ttl(response, {.min_negative_seconds = 60});
  EXPECT_EQ(response.negative_ttl, 0U);
}

}  // namespace
}  // namespace weir::ttl_bounds_test
