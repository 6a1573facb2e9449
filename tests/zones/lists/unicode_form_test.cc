#include "zones/lists/unicode_form.h"

#include <gtest/gtest.h>

#include "zones/base/text.h"

namespace weir::unicode_form_test {
namespace {

// SEMANTICS 1.3: Keep the U-label for display only.
TEST(UnicodeForm, ShowsLabelsThatReadBackAsThemselves) {
  struct Row {
    const char* text;
    const char* shown;  // "": nothing is said beside it
  };
  for (const Row& row : std::vector<Row>{
           {"xn--bcher-kva.example", "b\u00FCcher.example"},
           {"XN--BCHER-KVA.Example", "b\u00FCcher.Example"},
           {"*.xn--bcher-kva.example", "*.b\u00FCcher.example"},
           {"xn--fa-hia.example", "fa\u00DF.example"},  // non-transitional: not fass
           {"xn--wgv71a119e.example", "\u65E5\u672C\u8A9E.example"},
           {"xn--80ak6aa92e.example",
            "\u0430\u0440\u0440\u04CF\u0435.example"},  // one script; the A-label stands beside
           {"a.xn--bcher-kva.xn--fiqs8s", "a.b\u00FCcher.\u4E2D\u56FD"},
           {"0.0.0.0 xn--bcher-kva.example # why", "0.0.0.0 b\u00FCcher.example # why"},
           {"||xn--bcher-kva.example^$important", "||b\u00FCcher.example^$important"},
           {"xn--bcher-kva.xn--n3h.example", "b\u00FCcher.xn--n3h.example"},  // a snowman is no letter
           {"example.org", ""},
           {"", ""},
           {"xn--.example", ""},
           {"xn--a.example", ""},         // decodes to a control character
           {"xn--zzzzzzzz.example", ""},  // no punycode
           {"xn--abc-ucd.example", ""},   // decodes to a capital letter: reads back as another label
           {"xn--ab-j1t.example", ""},    // a zero-width non-joiner
           {"xn--pple-43d.example", ""},  // Cyrillic a before Latin letters
           {"xn--wgbh1c.example", ""},    // right to left
           {"xn--n3h.example", ""},       // a symbol
           {"_xn--bcher-kva.example", ""},
           {"xn--bcher-kva*.example", ""},
           {"/xn--bcher-kva[0-9]+/", ""},
           {"b\u00FCcher.example", ""},
       }) {
    SCOPED_TRACE(row.text);
    const auto shown = unicode_form(row.text);
    EXPECT_EQ(shown.value_or(""), row.shown);
    EXPECT_EQ(with_unicode(row.text), *row.shown == '\0' ? row.text : std::string(row.text) + " (" + row.shown + ")");
    EXPECT_EQ(escape_for_display(shown.value_or("")), shown.value_or(""));
  }
}

TEST(UnicodeForm, TakesLabelsOfAnyLength) {
  EXPECT_FALSE(unicode_form("xn--" + std::string(100'000, 'a')));
  EXPECT_FALSE(unicode_form(std::string(100'000, '.') + "xn--" + std::string(59, 'z')));
}

}  // namespace
}  // namespace weir::unicode_form_test
