// One short text by which two nodes see that they filter alike (SEMANTICS section 4).
//
// Each list keeps the sum, modulo 2^256, of SHA-256 over the rule keys of its rules (keys.h: no ids, no lines,
// no times). Adding and subtracting one number per changed rule keeps it current, whatever the order. The
// fingerprint is SHA-256 over the canonical text of the policies and, by the lists' names, count and sum of each
// list except the overlays. A sum is for comparing honest nodes: who may choose millions of rules
// could construct two sets with one sum.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "zones/policy.h"
#include "zones/store/keys.h"

struct evp_md_ctx_st;
struct evp_md_st;

namespace weir::store {

using Digest = std::array<std::uint8_t, 32>;

// SHA-256 with its context kept: a third of the time of one-shot calls.
class Hasher {
 public:
  Hasher();
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;
  ~Hasher();
  Digest operator()(std::string_view bytes);

 private:
  evp_md_st* algorithm_;
  evp_md_ctx_st* context_;
};

void add(Sum& sum, const Digest& digest);
void add(Sum& sum, const Sum& other);
void subtract(Sum& sum, const Sum& other);

struct ListSum {
  std::string name;
  std::uint64_t rules = 0;
  Sum sum{};
};
std::string make_fingerprint(const PolicySet& policies, std::vector<ListSum> lists);  // 64 hexadecimal digits

}  // namespace weir::store
