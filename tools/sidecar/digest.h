// SHA-256 of bytes as they come by: the identity of a list's contents.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "zones/base/result.h"

namespace weir::sidecar {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void update(std::span<const std::uint8_t> octets);
  std::string finish_hex();  // once

 private:
  struct State;
  std::unique_ptr<State> state_;
};

Result<std::string> sha256_of_file(const std::filesystem::path& file);

}  // namespace weir::sidecar
