#include "tools/sidecar/licence.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace weir::sidecar::licence_test {

struct Row {
  std::string_view header;
  std::string_view licence;
};

TEST(Licence, IsWhatAHeaderSays) {
  const Row rows[] = {
      {"", ""},
      {"! License: MIT\n||ads.example^\n", "MIT"},
      {"[Adblock Plus 2.0]\r\n! Title: a list\r\n! Licence: https://list.example/licence.html\r\n",
       "https://list.example/licence.html"},
      {"# Title: a list\n# License: CC BY-SA 4.0\n0.0.0.0 ads.example\n", "CC BY-SA 4.0"},
      {"#LICENSE=GPL-3.0\n", "GPL-3.0"},
      {"; License: Unlicense\n$ORIGIN .\n", "Unlicense"},
      {"// SPDX-License-Identifier: CC0-1.0\nserver=/ads.example/\n", "CC0-1.0"},
      {"## Licensed under the GPLv3\n", "the GPLv3"},
      {"! Licence: first\n! License: second\n", "first"},
      {"# License:\n# License: MIT\n", "MIT"},
      {"ads.example\n# License: MIT", "MIT"},
      // What only looks like one.
      {"License: MIT\n", ""},
      {"/license: MIT/\n", ""},
      {"# licenses of others: see below\n", ""},
      {"# The license: MIT\n", ""},
      {"||license.example^\n", ""},
      // It is an attacker's text.
      {"# License: \x1b[31mred\n", "\\x1B[31mred"},
      {"# License: \xff\xfe\n", "\\xFF\\xFE"},
  };
  for (const Row& row : rows) EXPECT_EQ(licence_in(row.header), row.licence) << row.header;
}

TEST(Licence, IsBounded) {
  const std::string text = licence_in("# License: " + std::string(100'000, 'x') + "\n");
  EXPECT_EQ(text, std::string(kLicenceBytes, 'x') + "...");
  std::string umlauts;
  for (int i = 0; i < 200; ++i) umlauts += "ü";
  EXPECT_EQ(licence_in("# License: x" + umlauts), "x" + umlauts.substr(0, kLicenceBytes - 2) + "...");
  EXPECT_EQ(licence_in(std::string(kLicenceHeaderBytes, '\n') + "# License: MIT\n"), "");
  std::string lines;
  for (std::size_t i = 0; i < kLicenceHeaderLines; ++i) lines += "#\n";
  EXPECT_EQ(licence_in(lines + "# License: MIT\n"), "");
}

TEST(Licence, OfAFileThatIsNotThereIsNone) {
  EXPECT_EQ(licence_of("/nonexistent/list"), "");
}

}  // namespace weir::sidecar::licence_test
