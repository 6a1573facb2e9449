#include "tests/world/keys.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/x509.h>

#include <array>
#include <memory>
#include <string>

namespace weir::world {
namespace {

// 1024 bits, PKCS #1.
constexpr std::string_view kRsaKey =
    "3082025d02010002818100ca0baa7e5529417bf7d89462138c46ee2228b7b4c2b1f69289c214d1bb539aabf627fe5c279f331b18"
    "7c3a97f50d9293fb124ebf8ec561b265ddb134c15970c8d05047de3bfc9ea82b8baf6b9be8eee95049fe5ffec3b1fdc3d02d41c7"
    "4b800d783c0974fc74dfe62dfdc39d737cc5a7948a87357b346467392a08ad1310a53f020301000102818100bb0e6feb8466acb4"
    "dc328cb5fc891bc62ea3e9e8957473e71959313337ae607da269468a0538d3f4db0770abecf982e23449afd49396d42b7939f56c"
    "f5311c43780eae2579122939963a9b0a6f51951980702e306295883a0514505d96e1192666c5f1553b6a33a391309b2aa46a732e"
    "0551a2035ba5f8133c5362c8205ec489024100f93c54e0d377b91fa88847d38298f8235afdfb0035367c8f286e572670869366bc"
    "342fca7d4a7bc00306dac5bc02b92dd3b9abedaae25d356a12fe313cc3a0ab024100cf87762b1c181509cd941360f3d0f5c4ccc3"
    "b02b4d295639bf5dc7a2a5cdfba09ab4ba32ceb9a87d0bce12055fdb317d18cf0964678c4001575f2d19a15f15bd02410090fb1a"
    "78ca2a8bc2b1bbcce469c4e81b50f40b4d7ca6dc603e69a942901488ac2b70c4182b37e7b2b3500a7519c00fce6baa472bf2cac8"
    "e3a877b1ec1c67c40f02405a9975d23e329944ad561edbadb5a505e4aaedc709a9a9360ec05f3e378a6476e9f34a7291e3659629"
    "c82dffe0a82dc3c247e87ec7e1e7b36e3463d913a51235024047e15094951e554cddd43deb7ba1c6504e3d584f8da36ee75f5a67"
    "6b71087d6bcc5e1bbea3bd71a737c887599b5e33a6d9e7fba4031b6c6121c7b139e39b7b29";

template <class T, auto free>
struct Freed {
  void operator()(T* pointer) const { free(pointer); }
};
using Number = std::unique_ptr<BIGNUM, Freed<BIGNUM, BN_free>>;
using Point = std::unique_ptr<EC_POINT, Freed<EC_POINT, EC_POINT_free>>;
using PrivateKey = std::shared_ptr<EVP_PKEY>;

Octets digest(const EVP_MD* kind, std::span<const std::uint8_t> data) {
  Octets out(static_cast<std::size_t>(EVP_MD_get_size(kind)));
  EVP_Digest(data.data(), data.size(), out.data(), nullptr, kind, nullptr);
  return out;
}

Octets unhex(std::string_view text) {
  Octets out;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    out.push_back(static_cast<std::uint8_t>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
  }
  return out;
}

Number number_of(std::span<const std::uint8_t> octets) {
  return Number(BN_bin2bn(octets.data(), static_cast<int>(octets.size()), nullptr));
}

Octets octets_of(const BIGNUM* number, std::size_t size) {
  Octets out(size);
  BN_bn2binpad(number, out.data(), static_cast<int>(size));
  return out;
}

// P-256 with its nonce fixed: r and the nonce's inverse are computed once.
struct Ecdsa {
  Number secret, order, r, inverse;
  Octets public_octets;

  explicit Ecdsa(unsigned number) {
    EC_GROUP* group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    BN_CTX* context = BN_CTX_new();
    order.reset(BN_dup(EC_GROUP_get0_order(group)));
    const auto derived = [&](const std::string& label) {
      const std::string text = label + std::to_string(number);
      Number out = number_of(sha256({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}));
      BN_nnmod(out.get(), out.get(), order.get(), context);
      return out;
    };
    secret = derived("weir world key ");
    const Number nonce = derived("weir world nonce ");
    const Point key(EC_POINT_new(group));
    EC_POINT_mul(group, key.get(), secret.get(), nullptr, nullptr, context);
    const Number x(BN_new());
    const Number y(BN_new());
    EC_POINT_get_affine_coordinates(group, key.get(), x.get(), y.get(), context);
    public_octets = octets_of(x.get(), 32);
    const Octets second = octets_of(y.get(), 32);
    public_octets.insert(public_octets.end(), second.begin(), second.end());
    EC_POINT_mul(group, key.get(), nonce.get(), nullptr, nullptr, context);
    EC_POINT_get_affine_coordinates(group, key.get(), x.get(), nullptr, context);
    r.reset(BN_new());
    BN_nnmod(r.get(), x.get(), order.get(), context);
    inverse.reset(BN_mod_inverse(nullptr, nonce.get(), order.get(), context));
    BN_CTX_free(context);
    EC_GROUP_free(group);
  }

  // FIPS 186-5 section 6.4.1.
  Octets sign(std::span<const std::uint8_t> data) const {
    BN_CTX* context = BN_CTX_new();
    const Number hash = number_of(sha256(data));
    const Number s(BN_new());
    BN_mod_mul(s.get(), r.get(), secret.get(), order.get(), context);
    BN_mod_add(s.get(), s.get(), hash.get(), order.get(), context);
    BN_mod_mul(s.get(), s.get(), inverse.get(), order.get(), context);
    BN_CTX_free(context);
    Octets out = octets_of(r.get(), 32);
    const Octets second = octets_of(s.get(), 32);
    out.insert(out.end(), second.begin(), second.end());
    return out;
  }
};

struct Key {
  std::optional<Ecdsa> ecdsa;
  PrivateKey other;
  Octets rdata;
  std::uint16_t tag = 0;
};

Octets rsa_public_octets(const EVP_PKEY* key) {
  BIGNUM* modulus = nullptr;
  EVP_PKEY_get_bn_param(key, "n", &modulus);
  Octets out{3, 1, 0, 1};  // the exponent is 65537
  const Octets octets = octets_of(modulus, static_cast<std::size_t>(BN_num_bytes(modulus)));
  out.insert(out.end(), octets.begin(), octets.end());
  BN_free(modulus);
  return out;
}

// RFC 4034 appendix B.
std::uint16_t tag_of(const Octets& rdata) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < rdata.size(); ++i) sum += i % 2 == 0 ? rdata[i] << 8 : rdata[i];
  return static_cast<std::uint16_t>(sum + (sum >> 16));
}

Key make_key(Algorithm algorithm, unsigned number) {
  Key out;
  out.rdata = {1, 1, 3, static_cast<std::uint8_t>(algorithm)};
  Octets material;
  if (algorithm == Algorithm::ecdsap256sha256) {
    out.ecdsa.emplace(number);
    material = out.ecdsa->public_octets;
  } else if (algorithm == Algorithm::ed25519) {
    const std::string text = "weir world key " + std::to_string(number);
    const Octets secret = sha256({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
    out.other = PrivateKey(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, secret.data(), secret.size()),
                           EVP_PKEY_free);
    std::size_t size = 32;
    material.resize(size);
    EVP_PKEY_get_raw_public_key(out.other.get(), material.data(), &size);
  } else {
    const Octets der = unhex(kRsaKey);
    const std::uint8_t* at = der.data();
    out.other = PrivateKey(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(der.size())), EVP_PKEY_free);
    material = rsa_public_octets(out.other.get());
  }
  out.rdata.insert(out.rdata.end(), material.begin(), material.end());
  out.tag = tag_of(out.rdata);
  return out;
}

const Key& key(Algorithm algorithm, unsigned number) {
  static thread_local std::array<std::array<std::optional<Key>, kKeyPool>, 16> pool;
  if (algorithm == Algorithm::rsasha256) number = 0;
  auto& place = pool[static_cast<std::size_t>(algorithm)][number % kKeyPool];
  if (!place) place = make_key(algorithm, number % kKeyPool);
  return *place;
}

}  // namespace

const Octets& dnskey_rdata(Algorithm algorithm, unsigned number) {
  return key(algorithm, number).rdata;
}

std::uint16_t dnskey_tag(Algorithm algorithm, unsigned number) {
  return key(algorithm, number).tag;
}

Octets raw_signature(Algorithm algorithm, unsigned number, std::span<const std::uint8_t> data) {
  const Key& signer = key(algorithm, number);
  if (signer.ecdsa) return signer.ecdsa->sign(data);
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  EVP_DigestSignInit(context, nullptr, algorithm == Algorithm::ed25519 ? nullptr : EVP_sha256(), nullptr,
                     signer.other.get());
  std::size_t size = 0;
  EVP_DigestSign(context, nullptr, &size, data.data(), data.size());
  Octets out(size);
  EVP_DigestSign(context, out.data(), &size, data.data(), data.size());
  out.resize(size);
  EVP_MD_CTX_free(context);
  return out;
}

Octets sha256(std::span<const std::uint8_t> data) {
  return digest(EVP_sha256(), data);
}
Octets sha1(std::span<const std::uint8_t> data) {
  return digest(EVP_sha1(), data);
}

}  // namespace weir::world
