#include "zones/store/fingerprint.h"

#include <openssl/evp.h>

#include <algorithm>

#include "zones/base/hex.h"

namespace weir::store {
namespace {

Sum lanes_of(const Digest& digest) {  // lowest lane first
  Sum lanes{};
  for (std::size_t i = 0; i < digest.size(); ++i) lanes[3 - i / 8] = lanes[3 - i / 8] << 8 | digest[i];
  return lanes;
}

}  // namespace

Hasher::Hasher() : algorithm_(EVP_MD_fetch(nullptr, "SHA256", nullptr)), context_(EVP_MD_CTX_new()) {}

Hasher::~Hasher() {
  EVP_MD_CTX_free(context_);
  EVP_MD_free(algorithm_);
}

Digest Hasher::operator()(std::string_view bytes) {
  Digest digest{};
  EVP_DigestInit_ex(context_, algorithm_, nullptr);
  EVP_DigestUpdate(context_, bytes.data(), bytes.size());
  EVP_DigestFinal_ex(context_, digest.data(), nullptr);
  return digest;
}

void add(Sum& sum, const Digest& digest) {
  add(sum, lanes_of(digest));
}

void add(Sum& sum, const Sum& other) {
  std::uint64_t carry = 0;
  for (std::size_t i = 0; i < sum.size(); ++i) {
    const std::uint64_t partial = sum[i] + carry;
    const std::uint64_t first_carry = partial < carry ? 1 : 0;
    sum[i] = partial + other[i];
    carry = first_carry | (sum[i] < partial ? 1U : 0U);
  }
}

void subtract(Sum& sum, const Sum& other) {
  std::uint64_t borrow = 0;
  for (std::size_t i = 0; i < sum.size(); ++i) {
    const std::uint64_t partial = sum[i] - borrow;
    const std::uint64_t first_borrow = sum[i] < borrow ? 1 : 0;
    sum[i] = partial - other[i];
    borrow = first_borrow | (partial < other[i] ? 1U : 0U);
  }
}

std::string make_fingerprint(const PolicySet& policies, std::vector<ListSum> lists) {
  std::sort(lists.begin(), lists.end(), [](const ListSum& a, const ListSum& b) { return a.name < b.name; });
  std::string text = "weir fingerprint 1\n";
  put_bytes(text, policies.canonical_text());
  for (const ListSum& list : lists) {
    put_bytes(text, list.name);
    put_u64(text, list.rules);
    for (const std::uint64_t lane : list.sum) put_u64(text, lane);
  }
  Hasher hash;
  return to_hex(hash(text));
}

}  // namespace weir::store
