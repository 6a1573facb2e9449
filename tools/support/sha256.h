// SHA-256 of octets as they come by.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace weir {

class Sha256 {
 public:
  Sha256();
  void update(std::string_view octets);
  void update(std::span<const std::uint8_t> octets);
  std::string finish_hex();  // once

 private:
  std::unique_ptr<evp_md_ctx_st, void (*)(evp_md_ctx_st*)> context_;
};

}  // namespace weir
