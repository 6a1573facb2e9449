#include "tools/log/log_filter.h"

#include <algorithm>

#include "zones/dns/reversed_name.h"

namespace weir::log {
namespace {

// The text of a name's key as it is shown, for looking into it; most names are letters, digits and hyphens.
void write_text(std::string& out, std::string_view key) {
  out.resize(key.size());
  std::size_t end = key.size();
  for (std::size_t at = 0; at < key.size();) {
    const std::size_t size = std::min<std::size_t>(static_cast<std::uint8_t>(key[at]), key.size() - at - 1);
    end -= size;
    key.copy(out.data() + end, size, at + 1);
    out[--end] = '.';
    at += 1 + size;
  }
  if (!out.empty()) out.erase(0, 1);
}

// The longest part of `text` that lies in one label.
std::string_view longest_label_part(std::string_view text) {
  std::string_view longest;
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find('.'));
    if (part.size() > longest.size()) longest = part;
    text.remove_prefix(std::min(text.size(), part.size() + 1));
  }
  return longest;
}

// What the filters of a block may know: names with labels enough, a client and no prefix, which holds too many.
bool has_filtered_name(const LogFilter& filter) {
  return filter.name && filter.name->label_count() >= kFilteredLabels;
}

bool has_whole_client(const LogFilter& filter) {
  return filter.client && filter.client->length == filter.client->address.bits();
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

bool BlockMatcher::asks_summary() const {
  return has_filtered_name(filter_) || filter_.pseudonym || has_whole_client(filter_);
}

bool BlockMatcher::may_match(const BlockSummary& summary) const {
  if (has_filtered_name(filter_)) {
    const ReversedName key(*filter_.name);
    if (!summary.names.may_hold(BlockFilter::hash(key.key()))) return false;
  }
  if (filter_.pseudonym) {
    ClientIdentity client;
    client.level = Privacy::pseudonym;
    client.pseudonym = *filter_.pseudonym;
    if (!summary.clients.may_hold(BlockFilter::hash(client_key(client)))) return false;
  }
  // An address is kept whole, or as the prefix that the level `prefix` makes of it.
  if (has_whole_client(filter_)) {
    bool may_hold = false;
    for (const Privacy level : {Privacy::full, Privacy::prefix}) {
      const ClientIdentity kept = identity_of(filter_.client->address, level, std::nullopt);
      may_hold = may_hold || summary.clients.may_hold(BlockFilter::hash(client_key(kept)));
    }
    if (!may_hold) return false;
  }
  return true;
}

bool BlockMatcher::prepare_names(const Block& block) {
  block_ = &block;
  subjects_.clear();
  if (!filter_.name && filter_.text.empty()) return true;
  std::pair<std::size_t, std::size_t> range{0, block.subjects.size()};
  if (filter_.name) range = block.subjects_below(ReversedName(*filter_.name).key());
  if (range.first == range.second) return false;
  subjects_.assign(block.subjects.size(), false);
  if (!filter_.text.empty()) return find_text(block, range.first, range.second);
  std::fill(subjects_.begin() + static_cast<std::ptrdiff_t>(range.first),
            subjects_.begin() + static_cast<std::ptrdiff_t>(range.second), true);
  return true;
}

// Most names do not have it, so all keys are looked through as one text first: who has it somewhere has its longest
// part within a label. (A size octet may seem to be a character of it: then the name's own text tells.)
bool BlockMatcher::find_text(const Block& block, std::size_t first_subject, std::size_t last_subject) {
  const std::string_view octets = block.names.octets();
  const std::string_view part = longest_label_part(filter_.text);
  std::string text;
  bool is_any = false;
  std::size_t subject = first_subject;
  std::size_t name = block.subjects[first_subject].name;
  const std::size_t last_name = block.subjects[last_subject - 1].name;
  for (;; ++name) {
    const std::size_t begin = static_cast<std::size_t>(block.names.at(name).data() - octets.data());
    const std::size_t found = octets.find(part, begin);
    if (found == std::string_view::npos) break;
    name = std::max(name, block.names.name_at(found));
    if (name > last_name) break;
    write_text(text, block.names.at(name));
    if (text.find(filter_.text) != std::string::npos) {
      while (subject < last_subject && block.subjects[subject].name < name) ++subject;
      for (; subject < last_subject && block.subjects[subject].name == name; ++subject) {
        subjects_[subject] = true;
        is_any = true;
      }
    }
    if (name == last_name) break;
  }
  return is_any;
}

bool BlockMatcher::prepare_columns(const Block& block) {
  return prepare_clients(block) && prepare_shapes(block) && prepare_lists(block);
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
