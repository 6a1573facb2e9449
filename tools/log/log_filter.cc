#include "tools/log/log_filter.h"

#include <algorithm>

#include "zones/dns/reversed_name.h"

namespace weir::log {
namespace {

// The text of a name's key as it is shown, for looking into it; most names are letters, digits and hyphens.
void append_text(std::string& out, std::string_view key) {
  const std::size_t begin = out.size();
  std::vector<std::string_view> labels;
  for (std::size_t at = 0; at < key.size();) {
    const auto size = static_cast<std::uint8_t>(key[at]);
    labels.push_back(key.substr(at + 1, size));
    at += 1 + size;
  }
  for (auto label = labels.rbegin(); label != labels.rend(); ++label) {
    if (out.size() > begin) out += '.';
    out.append(*label);
  }
}

bool client_matches(const ClientIdentity& client, const LogFilter& filter) {
  if (filter.pseudonym) return client.level == Privacy::pseudonym && client.pseudonym == *filter.pseudonym;
  if (!filter.client) return true;
  if (client.level != Privacy::full && client.level != Privacy::prefix) return false;
  const Prefix kept{client.address, client.prefix_length};
  return filter.client->contains(kept) || kept.contains(*filter.client);
}

}  // namespace

std::string list_name(const PolicySet* names, std::uint32_t list) {
  if (list == 0) return {};
  const ListDefinition* definition = names != nullptr ? names->find_list(ListId{list}) : nullptr;
  return definition != nullptr ? definition->name : "list " + std::to_string(list);
}

std::string group_name(const PolicySet* names, std::uint32_t group) {
  return names != nullptr && group < names->groups.size() ? names->groups[group].name
                                                          : "group " + std::to_string(group);
}

const PolicySet* BlockMatcher::names(GenerationNumber generation) {
  const auto [at, is_new] = known_.try_emplace(generation.value);
  if (is_new) at->second = names_(generation);
  return at->second.get();
}

bool BlockMatcher::may_match(const BlockSummary& summary) const {
  if (filter_.name && filter_.name->label_count() >= kFilteredLabels) {
    const ReversedName key(*filter_.name);
    if (!summary.names.may_hold(BlockFilter::hash(key.key()))) return false;
  }
  if (filter_.pseudonym) {
    ClientIdentity client;
    client.level = Privacy::pseudonym;
    client.pseudonym = *filter_.pseudonym;
    if (!summary.clients.may_hold(BlockFilter::hash(client_key(client)))) return false;
  }
  // An address is kept whole, or as the prefix that the level `prefix` makes of it; a wider prefix holds too many.
  if (filter_.client && filter_.client->length == filter_.client->address.bits()) {
    bool may_hold = false;
    for (const Privacy level : {Privacy::full, Privacy::prefix}) {
      const ClientIdentity kept = identity_of(filter_.client->address, level, std::nullopt);
      may_hold = may_hold || summary.clients.may_hold(BlockFilter::hash(client_key(kept)));
    }
    if (!may_hold) return false;
  }
  return true;
}

bool BlockMatcher::prepare(const Block& block) {
  block_ = &block;
  return prepare_subjects(block) && prepare_clients(block) && prepare_shapes(block) && prepare_lists(block);
}

bool BlockMatcher::prepare_subjects(const Block& block) {
  subjects_.clear();
  if (!filter_.name && filter_.text.empty()) return true;
  std::pair<std::size_t, std::size_t> range{0, block.subjects.size()};
  if (filter_.name) range = block.subjects_below(ReversedName(*filter_.name).key());
  if (range.first == range.second) return false;
  subjects_.assign(block.subjects.size(), false);
  if (filter_.text.empty()) {
    std::fill(subjects_.begin() + static_cast<std::ptrdiff_t>(range.first),
              subjects_.begin() + static_cast<std::ptrdiff_t>(range.second), true);
    return true;
  }
  bool is_any = false;
  std::string text;
  std::optional<std::uint16_t> looked_at;
  bool is_found = false;
  for (std::size_t subject = range.first; subject < range.second; ++subject) {
    const std::uint16_t name = block.subjects[subject].name;
    if (looked_at != name) {
      looked_at = name;
      text.clear();
      append_text(text, block.names.at(name));
      is_found = text.find(filter_.text) != std::string::npos;
    }
    subjects_[subject] = is_found;
    is_any = is_any || is_found;
  }
  return is_any;
}

bool BlockMatcher::prepare_clients(const Block& block) {
  clients_.clear();
  if (!filter_.client && !filter_.pseudonym) return true;
  bool is_any = false;
  clients_.reserve(block.clients.size());
  for (const ClientIdentity& client : block.clients) {
    clients_.push_back(client_matches(client, filter_));
    is_any = is_any || clients_.back();
  }
  return is_any;
}

bool BlockMatcher::prepare_shapes(const Block& block) {
  shapes_.clear();
  if (filter_.group.empty() && !filter_.type) return true;
  bool is_any = false;
  for (const DecisionShape& shape : block.shapes) {
    shapes_.push_back((!filter_.type || shape.qtype == *filter_.type) &&
                      (filter_.group.empty() || group_name(names(shape.generation), shape.group) == filter_.group));
    is_any = is_any || shapes_.back();
  }
  return is_any;
}

bool BlockMatcher::prepare_lists(const Block& block) {
  lists_.clear();
  set_of_shape_.clear();
  if (filter_.list.empty()) return true;
  std::vector<const PolicySet*> sets;
  for (const DecisionShape& shape : block.shapes) {
    const PolicySet* set = names(shape.generation);
    const auto at = std::find(sets.begin(), sets.end(), set);
    set_of_shape_.push_back(static_cast<std::uint32_t>(at - sets.begin()));
    if (at == sets.end()) sets.push_back(set);
  }
  bool is_any = false;
  for (const PolicySet* set : sets) {
    for (const Ruling& ruling : block.rulings) {
      lists_.push_back(list_name(set, ruling.winner.list) == filter_.list);
      is_any = is_any || lists_.back();
    }
  }
  return is_any;
}

}  // namespace weir::log
