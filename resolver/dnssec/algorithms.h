// DNSSEC's numbers, and which of them this resolver takes for supported (RFC 8624, the IANA registries).
//
// What is not supported makes a zone insecure, never bogus (RFC 4035 section 5.2, RFC 6840 section 5.2), so the table
// is an argument wherever it counts: the scenario runner hands in one that has DSA as well.
#pragma once

#include <bitset>
#include <cstdint>

namespace weir {

enum class DnssecAlgorithm : std::uint8_t {
  dsa = 3,
  rsasha1 = 5,
  dsa_nsec3_sha1 = 6,
  rsasha1_nsec3_sha1 = 7,
  rsasha256 = 8,
  rsasha512 = 10,
  ecdsap256sha256 = 13,
  ecdsap384sha384 = 14,
  ed25519 = 15,
  ed448 = 16
};

enum class DigestType : std::uint8_t { sha1 = 1, sha256 = 2, sha384 = 4 };  // of DS records

struct AlgorithmTable {
  std::bitset<256> signatures;  // by algorithm number of DNSKEY, RRSIG and DS
  std::bitset<256> digests;     // by digest type of DS

  bool supports(DnssecAlgorithm algorithm) const { return signatures[static_cast<std::uint8_t>(algorithm)]; }
  bool supports(DigestType digest) const { return digests[static_cast<std::uint8_t>(digest)]; }
};

// Signatures 5, 7, 8, 10, 13, 14, 15, 16; digests 1, 2, 4. Code for DSA (3, 6) is there and off: RFC 8624 section 3.1
// says that it must not be validated with.
AlgorithmTable supported_algorithms();

}  // namespace weir
