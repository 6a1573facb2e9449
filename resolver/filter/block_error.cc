#include "resolver/filter/block_error.h"

#include <cstdio>

namespace weir {
namespace {

using Words = BoundedText<kMaxErrorText>;
using Json = BoundedText<kMaxStructuredError>;

void add(Words& out, std::string_view text) {
  for (const char c : text) {
    const auto octet = static_cast<std::uint8_t>(c);
    if (octet < 0x20 || octet >= 0x7F) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\%03u", static_cast<unsigned>(octet));
      out.append(escaped);
    } else {
      out.append({&c, 1});
    }
  }
}

template <class Text>
void add_number(Text& out, std::uint64_t number) {
  char digits[24];
  std::snprintf(digits, sizeof digits, "%llu", static_cast<unsigned long long>(number));
  out.append(digits);
}

void add_name(Words& out, const Name& name) {
  if (name.is_root()) return out.append(".");
  const auto wire = name.wire();
  for (std::size_t at = 0; wire[at] != 0; at += wire[at] + 1U) {
    if (at != 0) out.append(".");
    add(out, {reinterpret_cast<const char*>(wire.data()) + at + 1, wire[at]});
  }
}

void add_rule(Words& out, const Asker& asker, const PartMatches& part, const Match& winner, const Query& query) {
  out.append(", rule ");
  if (winner.kind == PatternKind::client) {
    out.append("client ");
    out.append(Prefix::of(asker.client.unmapped(), winner.labels).to_text());
    return;
  }
  if (part.part == AnswerPart::ns_name || part.part == AnswerPart::ns_address) out.append("name server ");
  if (is_address(part.part)) return out.append(Prefix::of(part.address.unmapped(), winner.labels).to_text());
  if (winner.kind == PatternKind::glob || winner.kind == PatternKind::regex) {
    const std::string_view text = asker.generation.pattern({winner.detail});
    const char* around = winner.kind == PatternKind::regex ? "/" : "";
    out.append(around);
    add(out, text);
    return out.append(around);
  }
  if (winner.kind == PatternKind::below) out.append("*.");
  add_name(out, (part.part == AnswerPart::qname ? query.name() : part.name).suffix(winner.labels));
}

void describe(Words& out, const Asker& asker, const AnswerMatches& parts, const FilterVerdict& verdict,
              const Query& query) {
  const EdeText level = asker.policy().ede_text;
  if (level == EdeText::off) return;
  if (verdict.rebinding) {
    out.append("a private address for a name that is not local");
  } else if (verdict.winner == nullptr) {
    out.append("not on an allow list");
  } else {
    const ListDefinition* list = asker.generation.policies().find_list(verdict.winner->list_id());
    out.append("list ");
    add(out, list == nullptr ? "unknown" : std::string_view(list->name));
    if (level == EdeText::rule)
      add_rule(out, asker, parts[static_cast<std::size_t>(verdict.part)], *verdict.winner, query);
  }
  out.append(", generation ");
  add_number(out, asker.generation.number().value);
}

EdeCode code_of(const ListDefinition* list, const FilterVerdict& verdict) {
  if (list == nullptr) return EdeCode::blocked;
  if (is_safe_search(list->id)) return EdeCode::synthesized;
  if (verdict.verdict.action == Action::address || verdict.verdict.action == Action::cname)
    return EdeCode::forged_answer;
  switch (list->basis) {
    case Basis::legal:
      return EdeCode::censored;
    case Basis::requested:
      return EdeCode::filtered;
    case Basis::operator_choice:
      break;
  }
  return EdeCode::blocked;
}

void add_string(Json& out, std::string_view text) {
  out.append("\"");
  for (const char c : text) {
    const auto octet = static_cast<std::uint8_t>(c);
    if (c == '"' || c == '\\') {
      const char escaped[2] = {'\\', c};
      out.append({escaped, 2});
    } else if (octet < 0x20) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(octet));
      out.append(escaped);
    } else {
      out.append({&c, 1});
    }
  }
  out.append("\"");
}

// What may be said in JSON (draft-ietf-dnsop-structured-dns-error section 4).
struct Said {
  const StructuredErrors& errors;
  std::string_view justification;
  unsigned sub_error = 0;
};

enum class Wanted : std::uint8_t { all, essential };  // essential: without "j" and "o", which are the longest

// False: there is nothing that must be said at least ("c", "j" or "s").
bool write_json(Json& out, const Said& said, Wanted wanted) {
  const char* separator = "{";
  const auto member = [&](const char* name) {
    out.append(separator);
    out.append(name);
    separator = ",";
  };
  if (!said.errors.contacts.empty()) {
    member("\"c\":");
    const char* comma = "[";
    for (const std::string& contact : said.errors.contacts) {
      out.append(comma);
      add_string(out, contact);
      comma = ",";
    }
    out.append("]");
  }
  // Texts are said in a language that is named.
  const bool has_texts = wanted == Wanted::all && !said.errors.language.empty();
  const bool justifies = has_texts && !said.justification.empty();
  if (justifies) {
    member("\"j\":");
    add_string(out, said.justification);
  }
  if (said.sub_error != 0) {
    member("\"s\":");
    add_number(out, said.sub_error);
  }
  if (said.errors.contacts.empty() && !justifies && said.sub_error == 0) return false;
  if (has_texts && !said.errors.organisation.empty()) {
    member("\"o\":");
    add_string(out, said.errors.organisation);
  }
  if (justifies || (has_texts && !said.errors.organisation.empty())) {
    member("\"l\":");
    add_string(out, said.errors.language);
  }
  out.append("}");
  return !out.full();
}

// 5 and 6 stand beside Blocked alone, none beside Censored.
unsigned sub_error_of(const ListDefinition* list, EdeCode code) {
  if (list == nullptr || code == EdeCode::censored) return 0;
  return list->sub_error >= 5 && code != EdeCode::blocked ? 0 : list->sub_error;
}

}  // namespace

BlockError::BlockError(const Query& query, const Asker& asker, const AnswerMatches& parts,
                       const FilterVerdict& verdict) {
  if (verdict.verdict.action == Action::answer || !query.has_edns) {
    has_error_ = false;
    return;
  }
  const PolicySet& policies = asker.generation.policies();
  const ListDefinition* list = verdict.winner == nullptr ? nullptr : policies.find_list(verdict.winner->list_id());
  error_.code = code_of(list, verdict);
  const StructuredErrors& errors = policies.structured_errors;
  const bool may_be_structured =
      error_.code == EdeCode::blocked || error_.code == EdeCode::censored || error_.code == EdeCode::filtered;
  if (may_be_structured && errors.option_code != 0 && has_empty_option(query, errors.option_code)) {
    const bool own_words = list != nullptr && !list->justification.empty();
    const Said said{errors, own_words ? list->justification : asker.policy().justification,
                    sub_error_of(list, error_.code)};
    const bool whole = write_json(whole_, said, Wanted::all);
    const bool shorter = write_json(shorter_, said, Wanted::essential);
    if (whole || shorter) {
      error_.text = whole ? whole_.text() : shorter_.text();
      error_.shorter = shorter ? shorter_.text() : std::string_view();
      error_.max_text = kMaxStructuredError;
      return;
    }
  }
  describe(text_, asker, parts, verdict, query);
  error_.text = text_.text();
}

}  // namespace weir
