#include "tests/scenario/variables.h"

#include <gtest/gtest.h>

namespace weir::scenario::variables_test {
namespace {

TEST(Variables, Expressions) {
  Variables variables;
  variables.assign("v", "10");
  variables.assign("name", "x");
  const Instant instant{.now_seconds = 1000, .timeout_seconds = 2.5};
  struct Row {
    const char* text;
    const char* value;  // nullptr: an error
  };
  const Row rows[] = {
      {"5", "5"},
      {"1 + 2 * 3", "9"},  // left to right
      {"7 / 2", "3.5"},
      {"$v", "10"},
      {"${$v + 5}", "15"},
      {"${$v + ${$v * 2}}", "30"},
      {"${time}", "1000"},
      {"${timeout}", "2.5"},
      {"${ctime 0}", "Thu Jan  1 00:00:00 1970"},
      {"${range 5 $v 10}", "10"},
      {"${range 5 $v 9}", nullptr},
      {"a $name b", "a x b"},
      {"$unknown", nullptr},
      {"${", nullptr},
      {"${}", nullptr},
      {"${1 / 0}", nullptr},
      {"${1 + x}", nullptr},
      {"${${${${${${${${${${1}}}}}}}}}}", nullptr},  // nested too deeply
  };
  for (const Row& row : rows) {
    const auto value = variables.evaluate(row.text, instant);
    EXPECT_EQ(value.has_value(), row.value != nullptr) << row.text;
    if (value && row.value != nullptr) {
      EXPECT_EQ(*value, row.value);
    }
  }
  EXPECT_FALSE(variables.evaluate_number("$name", instant));
  EXPECT_EQ(*variables.evaluate_number("${$v - 0.5}", instant), 9.5);
}

}  // namespace
}  // namespace weir::scenario::variables_test
