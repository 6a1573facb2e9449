#include "tools/log/registrable_domain.h"

#include <libpsl.h>

#include "zones/base/text.h"
#include "zones/dns/reversed_name.h"

namespace weir::log {
namespace {

constexpr std::size_t kKnownNames = 200'000;  // some 20 MB
constexpr std::size_t kMaxLabelsAsked = 6;    // no public suffix has more than five

// Octets of the prefix of `key` that has `labels` labels.
std::size_t size_of_labels(std::string_view key, std::size_t labels) {
  std::size_t at = 0;
  for (; labels > 0 && at < key.size(); --labels) at += 1 + static_cast<std::uint8_t>(key[at]);
  return at;
}

}  // namespace

struct RegistrableDomains::List {
  psl_ctx_t* context = psl_latest(nullptr);  // Debian's package where it is installed, else what is built in
  ~List() { psl_free(context); }
};

RegistrableDomains::RegistrableDomains() : list_(std::make_unique<List>()) {}
RegistrableDomains::~RegistrableDomains() = default;

std::string_view RegistrableDomains::key_of(std::string_view key) {
  // What lies deeper says nothing about the suffix, and fewer names are remembered.
  const std::string_view asked = key.substr(0, size_of_labels(key, kMaxLabelsAsked));
  if (known_.size() >= kKnownNames) {
    known_.clear();
    sizes_.clear();
  }
  const std::uint32_t code = known_.intern(asked);
  if (code < sizes_.size()) return key.substr(0, sizes_[code]);
  std::size_t size = asked.size();
  const auto name = ReversedName::to_name(asked);
  if (name && list_->context != nullptr) {
    const std::string presentation = name->to_text();
    if (const char* domain = psl_registrable_domain(list_->context, presentation.c_str())) {
      if (const auto parsed = Name::parse(domain)) size = size_of_labels(key, parsed->label_count());
    }
  }
  sizes_.push_back(static_cast<std::uint8_t>(size));
  return key.substr(0, size);
}

}  // namespace weir::log
