#include "resolver/dnssec/nsec3.h"

#include <openssl/evp.h>

#include <algorithm>
#include <memory>
#include <string_view>

#include "zones/base/free_with.h"
#include "zones/dns/reader.h"

namespace weir {
namespace {

using Octets = std::span<const std::uint8_t>;

constexpr std::uint8_t kSha1 = 1;
constexpr std::uint8_t kOptOut = 1;

// Base32 with extended hex alphabet, without padding (RFC 4648 section 7): 32 letters are 20 octets.
std::optional<Nsec3Hash> decode_base32hex(std::string_view text) {
  Nsec3Hash out{};
  if (text.size() != out.size() * 8 / 5) return std::nullopt;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::uint8_t letter = fold(static_cast<std::uint8_t>(text[i]));
    unsigned value = 0;
    if (letter >= '0' && letter <= '9') {
      value = letter - '0';
    } else if (letter >= 'a' && letter <= 'v') {
      value = letter - 'a' + 10;
    } else {
      return std::nullopt;
    }
    for (unsigned bit = 0; bit < 5; ++bit) {
      const std::size_t at = i * 5 + bit;
      if ((value & (0x10U >> bit)) != 0) out[at / 8] = static_cast<std::uint8_t>(out[at / 8] | (0x80U >> (at % 8)));
    }
  }
  return out;
}

}  // namespace

bool Nsec3::covers(const Nsec3Hash& hash) const {
  if (owner < next) return owner < hash && hash < next;
  return owner < hash || hash < next;
}

std::optional<Nsec3> parse_nsec3(const Name& owner, Octets rdata, const Name& zone) {
  if (owner.label_count() != zone.label_count() + 1 || !owner.is_at_or_below(zone)) return std::nullopt;
  const auto owner_hash = decode_base32hex(owner.first_label());
  Reader reader(rdata);
  const std::uint8_t algorithm = reader.u8();
  const std::uint8_t flags = reader.u8();
  Nsec3 out;
  out.iterations = reader.u16();
  out.salt = reader.octets(reader.u8());
  const Octets next = reader.octets(reader.u8());
  if (!reader.ok() || !owner_hash || algorithm != kSha1 || flags > kOptOut || next.size() != out.next.size()) {
    return std::nullopt;
  }
  const auto types = TypeBitmap::parse(rdata.subspan(reader.position()));
  if (!types) return std::nullopt;
  out.owner = *owner_hash;
  std::ranges::copy(next, out.next.begin());
  out.opt_out = flags == kOptOut;
  out.types = *types;
  return out;
}

bool has_more_iterations(const Rrset& nsec3, std::uint16_t max) {
  if (nsec3.type != RecordType::nsec3 || nsec3.owner.is_root()) return false;
  const Name zone = nsec3.owner.parent();
  for (const auto rdata : nsec3.records()) {
    const auto record = parse_nsec3(nsec3.owner, rdata, zone);
    if (record && record->iterations > max) return true;
  }
  return false;
}

Nsec3Hash nsec3_hash(const Name& name, std::uint16_t iterations, Octets salt) {
  // Fetched once: finding the algorithm by name again costs more than the hash.
  static const EVP_MD* const sha1 = EVP_MD_fetch(nullptr, "SHA1", nullptr);
  const std::unique_ptr<EVP_MD_CTX, FreeWith<EVP_MD_CTX_free>> context(EVP_MD_CTX_new());
  Nsec3Hash hash{};
  const auto round = [&](Octets input) {
    EVP_DigestInit_ex2(context.get(), sha1, nullptr);
    EVP_DigestUpdate(context.get(), input.data(), input.size());
    EVP_DigestUpdate(context.get(), salt.data(), salt.size());
    EVP_DigestFinal_ex(context.get(), hash.data(), nullptr);
  };
  round(name.folded().wire());
  for (unsigned i = 0; i < iterations; ++i) round(Octets(hash));
  return hash;
}

unsigned nsec3_hash_cost(Octets salt) {
  constexpr std::size_t kBlock = 64;
  constexpr std::size_t kPadding = 9;  // one octet and the length
  return static_cast<unsigned>((std::tuple_size_v<Nsec3Hash> + salt.size() + kPadding + kBlock - 1) / kBlock);
}

std::optional<Nsec3Hash> Nsec3Hasher::hash(const Name& name) {
  const auto found = std::ranges::find(known_, name, &std::pair<Name, Nsec3Hash>::first);
  if (found != known_.end()) return found->second;
  if (!budget_->spend(Limit::nsec3_hashes, nsec3_hash_cost(salt_))) return std::nullopt;
  return known_.emplace_back(name, nsec3_hash(name, iterations_, salt_)).second;
}

}  // namespace weir
