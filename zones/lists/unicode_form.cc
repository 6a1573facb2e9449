#include "zones/lists/unicode_form.h"

#include <idn2.h>
#include <unictype.h>
#include <unistr.h>

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "zones/base/text.h"
#include "zones/lists/name_text.h"

namespace weir {
namespace {

constexpr std::string_view kPrefix = "xn--";
constexpr std::size_t kMaxLabel = 63;
constexpr unsigned kMaxMarks = 4;  // on one letter (UTS 39 section 5.4)

using IdnText = std::unique_ptr<char, decltype(&idn2_free)>;

// Scripts that one word may mix: those of Japanese, Chinese and Korean, each with Latin (UTS 39 section 5.2).
constexpr std::array<std::array<std::string_view, 4>, 3> kWrittenTogether = {
    {{"Latin", "Han", "Hiragana", "Katakana"}, {"Latin", "Han", "Bopomofo", ""}, {"Latin", "Han", "Hangul", ""}}};

bool are_written_together(const std::vector<std::string_view>& scripts) {
  if (scripts.size() <= 1) return true;
  return std::any_of(kWrittenTogether.begin(), kWrittenTogether.end(), [&](const auto& together) {
    return std::all_of(scripts.begin(), scripts.end(), [&](std::string_view script) {
      return std::find(together.begin(), together.end(), script) != together.end();
    });
  });
}

bool may_be_shown(std::string_view label) {
  std::vector<std::string_view> scripts;
  unsigned marks = 0;
  const auto* at = reinterpret_cast<const std::uint8_t*>(label.data());
  for (std::size_t left = label.size(); left > 0;) {
    ucs4_t point = 0;
    const int size = u8_mbtoucr(&point, at, left);
    if (size <= 0) return false;
    at += size;
    left -= static_cast<std::size_t>(size);
    const bool is_mark = uc_is_general_category_withtable(point, UC_CATEGORY_MASK_M);
    const bool is_letter = uc_is_general_category_withtable(point, UC_CATEGORY_MASK_L | UC_CATEGORY_MASK_N);
    if (!is_mark && !is_letter && point != '-') return false;
    marks = is_mark ? marks + 1 : 0;
    if (marks > kMaxMarks) return false;
    const int direction = uc_bidi_class(point);
    if (direction == UC_BIDI_R || direction == UC_BIDI_AL || direction == UC_BIDI_AN) return false;
    const uc_script_t* script = uc_script(point);
    if (script == nullptr) return false;
    const std::string_view name = script->name;
    if (name == "Common" || name == "Inherited") continue;
    if (std::find(scripts.begin(), scripts.end(), name) == scripts.end()) scripts.push_back(name);
  }
  return are_written_together(scripts);
}

// `label`: lower case, an A-label by its beginning. Empty: it is none, or none to be shown.
std::string unicode_label(const std::string& label) {
  char* converted = nullptr;
  if (idn2_to_unicode_8z8z(label.c_str(), &converted, 0) != IDN2_OK) return {};
  const IdnText unicode(converted, idn2_free);
  char* reverted = nullptr;
  if (idn2_to_ascii_8z(unicode.get(), &reverted, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT) != IDN2_OK) return {};
  const IdnText ascii(reverted, idn2_free);
  if (label != ascii.get() || label == unicode.get() || !may_be_shown(unicode.get())) return {};
  return unicode.get();
}

// What makes a neighbour more than one label of a name: wildcards, classes, escapes, repetitions; another script.
bool continues(char c) {
  return (c & 0x80) != 0 || std::string_view("*?+[](){}\\").find(c) != std::string_view::npos;
}

}  // namespace

std::optional<std::string> unicode_form(std::string_view text) {
  std::string out;
  bool any = false;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    while (end < text.size() && is_label_octet(text[end])) ++end;
    if (end == at) {
      out += text[at++];
      continue;
    }
    const std::string_view label = text.substr(at, end - at);
    const bool alone = (at == 0 || !continues(text[at - 1])) && (end == text.size() || !continues(text[end]));
    std::string shown;
    if (alone && label.size() <= kMaxLabel && to_lower_ascii(label.substr(0, kPrefix.size())) == kPrefix)
      shown = unicode_label(to_lower_ascii(label));
    any = any || !shown.empty();
    out += shown.empty() ? label : shown;
    at = end;
  }
  if (!any) return std::nullopt;
  return out;
}

std::string with_unicode(std::string_view text) {
  std::string out(text);
  if (const auto unicode = unicode_form(text)) out += " (" + *unicode + ")";
  return out;
}

}  // namespace weir
