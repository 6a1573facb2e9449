// What clients of one day asked for how often and when, and which of two days' clients are alike.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

namespace weir::log {

struct Profile {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> names;  // code and times, sorted by code
  std::array<std::uint32_t, 24> hours{};
};

enum class LinkedBy : std::uint8_t { names, habits };
struct ProfileLink {
  std::uint32_t to = 0;
  LinkedBy by = LinkedBy::habits;
};

// For each of `from`, who of `to` it is said to be; nothing where nobody is near enough. `is_over` is asked now and
// then: then the others have nothing.
std::vector<std::optional<ProfileLink>> link_profiles(const std::vector<Profile>& from, const std::vector<Profile>& to,
                                                      const std::function<bool()>& is_over);

}  // namespace weir::log
