// Signatures of lists in minisign's format: Ed25519 over the bytes, or over their BLAKE2b-512 (the form that minisign
// writes by default), and a second one over the first and its trusted comment.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "zones/base/result.h"

namespace weir::sidecar {

inline constexpr std::uint64_t kMaxSignatureFile = 16 << 10;
inline constexpr std::uint64_t kMaxWholeFile = 32 << 20;  // signed as it is, which must be in memory to be verified

// The trusted comment, where `signature` (the text of a .minisig file) was made over the bytes of `file` with the key
// `public_key` ("RW..."). Errors: invalid (with what does not fit; also a file above kMaxWholeFile that is not signed
// by its digest: who serves the signature chooses its form), io.
Result<std::string> verify_minisign(const std::filesystem::path& file, std::string_view signature,
                                    std::string_view public_key);

// Where the signature of a source lies: beside it, with .minisig behind its path.
std::string signature_source(const std::string& source);

}  // namespace weir::sidecar
