#include "resolver/dnssec/algorithms.h"

namespace weir {

AlgorithmTable supported_algorithms() {
  AlgorithmTable table;
  for (const auto algorithm : {DnssecAlgorithm::rsasha1, DnssecAlgorithm::rsasha1_nsec3_sha1,
                               DnssecAlgorithm::rsasha256, DnssecAlgorithm::rsasha512, DnssecAlgorithm::ecdsap256sha256,
                               DnssecAlgorithm::ecdsap384sha384, DnssecAlgorithm::ed25519, DnssecAlgorithm::ed448}) {
    table.signatures.set(static_cast<std::uint8_t>(algorithm));
  }
  for (const auto digest : {DigestType::sha1, DigestType::sha256, DigestType::sha384}) {
    table.digests.set(static_cast<std::uint8_t>(digest));
  }
  return table;
}

}  // namespace weir
