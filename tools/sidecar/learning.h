// What a group that gets only what is allowed would need: the names that no rule allows, brought together at the
// domains that somebody registered, for a person to approve (SEMANTICS section 6).
#pragma once

#include <boost/json/fwd.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "zones/base/result.h"
#include "zones/dns/name.h"

namespace weir::sidecar {

inline constexpr std::size_t kMaxLearnedNames = 100'000;   // others are counted as left out
inline constexpr std::size_t kMaxLearnedClients = 10'000;  // of one domain

class Learning {
 public:
  // Errors: not_found (no list of public suffixes).
  static Result<Learning> make();

  // A name that nothing allowed, and for whom, as the log has it ("": for nobody one may know).
  void add(const Name& name, const std::string& client);

  // Most wanted first: [{"pattern", "kind": "subtree" | "exact", "questions", "names", "clients", "samples"}]. A name
  // that is itself a public suffix, or that nobody registered, is proposed alone.
  boost::json::array proposals() const;
  std::uint64_t left_out() const { return left_out_; }

 private:
  struct Suffixes;
  struct Domain {
    bool registered = true;
    std::uint64_t questions = 0;
    std::map<std::string, std::uint64_t> names;  // how often asked for
    std::set<std::string> clients;
  };

  explicit Learning(std::shared_ptr<const Suffixes> suffixes) : suffixes_(std::move(suffixes)) {}

  std::shared_ptr<const Suffixes> suffixes_;
  std::map<std::string, Domain> domains_;
  std::size_t names_ = 0;
  std::uint64_t left_out_ = 0;
};

}  // namespace weir::sidecar
