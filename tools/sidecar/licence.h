// Under which licence a list comes, by what its own header says: "! License: MIT", "# Licence: https://...",
// "# SPDX-License-Identifier: CC0-1.0".
//
// A remark of its publisher, shown to people and believed by nothing.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

namespace weir::sidecar {

inline constexpr std::size_t kLicenceHeaderBytes = 64 << 10;  // of the list that are looked at
inline constexpr std::size_t kLicenceHeaderLines = 500;
inline constexpr std::size_t kLicenceBytes = 200;  // of what is kept

// The first that a comment names, escaped for display and at most about kLicenceBytes; empty: none.
std::string licence_in(std::string_view header);
// Likewise, of a file; empty where it cannot be read.
std::string licence_of(const std::filesystem::path& list);

}  // namespace weir::sidecar
