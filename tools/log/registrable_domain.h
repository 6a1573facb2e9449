// The domain that somebody registered, of a name: example.co.uk for www.example.co.uk (the public suffix list, its
// private section included).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tools/log/dictionary.h"

namespace weir::log {

// One thread. Remembers what it was asked: names of a log come again and again.
class RegistrableDomains {
 public:
  RegistrableDomains();
  ~RegistrableDomains();
  // `key`: as zones/dns/reversed_name.h makes it; so is the answer, which is a prefix of it. A name that is a public
  // suffix itself, or below none, is its own.
  std::string_view key_of(std::string_view key);

 private:
  struct List;
  const std::unique_ptr<List> list_;
  Dictionary known_;
  std::vector<std::uint8_t> sizes_;  // of the answers, by the code of what was asked
};

}  // namespace weir::log
