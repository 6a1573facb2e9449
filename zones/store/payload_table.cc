#include "zones/store/payload_table.h"

#include <re2/re2.h>

#include "zones/name_pattern.h"

namespace weir::store {

struct PayloadTable::Node {
  std::uint64_t id = 0;
  Payload payload;
  mutable std::atomic<RE2*> regex{nullptr};  // compiled at first use
  const Node* next = nullptr;

  ~Node() { delete regex.load(); }
};

PayloadTable::PayloadTable(const Database& database, std::atomic<std::uint64_t>& failures)
    : database_(database), failures_(failures), chains_(new std::atomic<const Node*>[kChains]()) {}

PayloadTable::~PayloadTable() {
  for (std::size_t i = 0; i < kChains; ++i) {
    for (const Node* node = chains_[i].load(); node != nullptr;) {
      const Node* next = node->next;
      delete node;
      node = next;
    }
  }
}

const PayloadTable::Node* PayloadTable::find(std::uint64_t id) const {
  std::atomic<const Node*>& chain = chains_[id % kChains];
  for (const Node* node = chain.load(std::memory_order_acquire); node != nullptr; node = node->next) {
    if (node->id == id) return node;
  }
  const auto value = database_.get(Family::payload, payload_key(id));
  if (!value && value.error().code == ErrorCode::not_found) return nullptr;  // of another generation
  auto payload = value ? decode_payload(*value) : std::nullopt;
  if (!payload) {
    failures_.fetch_add(1, std::memory_order_relaxed);
    return nullptr;
  }
  Node* node = new Node;
  node->id = id;
  node->payload = std::move(*payload);
  node->next = chain.load(std::memory_order_relaxed);
  while (!chain.compare_exchange_weak(node->next, node, std::memory_order_release, std::memory_order_relaxed)) {
  }
  return node;
}

const RuleDetail* PayloadTable::detail(std::uint64_t id) const {
  const Node* node = find(id);
  return node == nullptr ? nullptr : &node->payload.detail;
}

std::string_view PayloadTable::pattern(std::uint64_t id) const {
  const Node* node = find(id);
  return node == nullptr ? std::string_view() : std::string_view(node->payload.pattern);
}

bool PayloadTable::pattern_matches(std::uint64_t id, PatternKind kind, std::string_view name) const {
  const Node* node = find(id);
  if (node == nullptr) return false;
  if (kind == PatternKind::glob) return glob_matches(node->payload.pattern, name);
  RE2* regex = node->regex.load(std::memory_order_acquire);
  if (regex == nullptr) {
    auto compiled = compile_name_regex(node->payload.pattern);
    if (node->regex.compare_exchange_strong(regex, compiled.get(), std::memory_order_acq_rel)) {
      regex = compiled.release();
    }
  }
  return regex_matches(*regex, name);
}

}  // namespace weir::store
