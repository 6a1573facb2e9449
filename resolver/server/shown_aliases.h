// Aliases in front of an answer that has another author than they: a local alias, a name that a rule substitutes, and,
// where a policy shows them (Policy::aliases), those that an answer came through before the one that is blocked.
//
// Not for the packet path: all of this allocates.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "resolver/engine/engine.h"
#include "resolver/filter/filter.h"
#include "resolver/server/local_answer.h"
#include "resolver/server/mailbox.h"

namespace weir {

// Where the substitution leads, for who asked this.
LocalAlias alias_to(const Substitution& substitution, const Query& query);

// The answer to a question that these aliases lead on from. Nobody signed them, so nothing of it is secure.
ResolutionResult behind_alias(const ResolutionResult& result, const Query& query, const LocalAlias& alias);

// A client's question, of the name that aliases have led to. Its query points into it.
class AliasQuestion {
 public:
  AliasQuestion(const Query& asked, const Name& name);
  AliasQuestion(const AliasQuestion&) = delete;
  const Query& query() const { return query_; }

 private:
  std::vector<std::uint8_t> message_;
  Query query_;
};

// Whether `verdict` blocks an alias of an answer, and the policy wants those before it to be shown.
bool shows_aliases(const FilterVerdict& verdict, const AnswerMatches& parts, const Asker& asker);

// The aliases of `answer` from `name` to `link`, in order; empty: none lead there, as to the target of a service. Those
// that led to a failure are no part of an answer and get `ttl`.
std::vector<Rrset> links_to(const ResolutionResult& answer, const Name& name, const Name& link, std::uint32_t ttl);

// `links` that lead to `target`, on which the policy has its word again, instead of those of `before`. `ttl_cap`: the
// verdict behind them may change then.
std::shared_ptr<const Substitution> lead_on(const Substitution& before, std::vector<Rrset> links, Name target,
                                            std::optional<std::uint32_t> ttl_cap);

// What write_block_answer() wrote; nothing: it has TC.
std::optional<ResolutionResult> read_block_answer(std::span<const std::uint8_t> message);

}  // namespace weir
