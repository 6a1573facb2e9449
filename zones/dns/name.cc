#include "zones/dns/name.h"

#include <algorithm>
#include <cstdio>

namespace weir {
namespace {

// Offsets of the labels of a valid wire name, leftmost first; returns their count.
unsigned label_offsets(std::span<const std::uint8_t> wire, std::uint8_t (&offsets)[kMaxLabels + 1]) {
  unsigned count = 0;
  for (std::size_t at = 0; wire[at] != 0; at += wire[at] + 1U) offsets[count++] = static_cast<std::uint8_t>(at);
  return count;
}

bool is_plain(std::uint8_t octet) {
  return (octet >= 'a' && octet <= 'z') || (octet >= 'A' && octet <= 'Z') || (octet >= '0' && octet <= '9') ||
         octet == '-' || octet == '_' || octet == '*' || octet == '/' || octet == '+' || octet == '=' || octet == ':' ||
         octet == '~' || octet == '!' || octet == '#' || octet == '%' || octet == '&' || octet == '\'' ||
         octet == '<' || octet == '>' || octet == '?' || octet == '[' || octet == ']' || octet == '^' || octet == '`' ||
         octet == '{' || octet == '|' || octet == '}' || octet == ',';
}

Error bad_name(std::string_view text, std::string_view why) {
  return {ErrorCode::invalid, "'" + std::string(text.substr(0, 80)) + "' is not a domain name: " + std::string(why)};
}

}  // namespace

Name& Name::operator=(const Name& other) {
  if (this != &other) {
    release();
    copy(other);
  }
  return *this;
}

Name& Name::operator=(Name&& other) noexcept {
  if (this != &other) {
    release();
    steal(other);
  }
  return *this;
}

void Name::assign(const std::uint8_t* wire, std::size_t size, unsigned labels) {
  std::uint8_t* target = inline_;
  if (size > kInlineSize) {
    target = new std::uint8_t[size];
    std::memcpy(inline_, &target, sizeof target);
  }
  std::memcpy(target, wire, size);
  size_ = static_cast<std::uint8_t>(size);
  labels_ = static_cast<std::uint8_t>(labels);
}

void Name::steal(Name& other) noexcept {
  std::memcpy(inline_, other.inline_, kInlineSize);
  size_ = other.size_;
  labels_ = other.labels_;
  other.size_ = 1;
  other.labels_ = 0;
  other.inline_[0] = 0;
}

Result<Name> Name::parse(std::string_view text) {
  if (text == ".") return Name();
  if (text.empty()) return bad_name(text, "it is empty");
  std::uint8_t wire[kMaxNameSize];
  std::size_t size = 1;    // one past the last octet written
  std::size_t length = 0;  // where the current label's length octet stands
  unsigned labels = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto octet = static_cast<std::uint8_t>(text[i]);
    if (octet == '.') {
      if (size == length + 1) return bad_name(text, "an empty label at column " + std::to_string(i + 1));
      wire[length] = static_cast<std::uint8_t>(size - length - 1);
      ++labels;
      length = size++;
      if (size > kMaxNameSize) return bad_name(text, "longer than 255 octets");
      continue;
    }
    if (octet == '\\') {
      if (i + 1 >= text.size()) return bad_name(text, "a backslash at the end");
      const auto digit = [&](std::size_t at) { return at < text.size() && text[at] >= '0' && text[at] <= '9'; };
      if (digit(i + 1)) {
        if (!digit(i + 2) || !digit(i + 3)) return bad_name(text, "\\DDD needs three digits");
        const int value = (text[i + 1] - '0') * 100 + (text[i + 2] - '0') * 10 + (text[i + 3] - '0');
        if (value > 255) return bad_name(text, "\\DDD is at most 255");
        octet = static_cast<std::uint8_t>(value);
        i += 3;
      } else {
        octet = static_cast<std::uint8_t>(text[++i]);
      }
    }
    if (size - length - 1 == 63) return bad_name(text, "a label longer than 63 octets");
    if (size >= kMaxNameSize - 1) return bad_name(text, "longer than 255 octets");
    wire[size++] = octet;
  }
  if (size > length + 1) {  // no trailing dot: end the last label
    wire[length] = static_cast<std::uint8_t>(size - length - 1);
    ++labels;
    length = size++;
  }
  wire[length] = 0;
  Name name;
  name.assign(wire, size, labels);
  return name;
}

std::optional<Name> Name::from_wire(std::span<const std::uint8_t> wire) {
  unsigned labels = 0;
  std::size_t at = 0;
  while (true) {
    if (at >= wire.size() || at >= kMaxNameSize) return std::nullopt;
    const std::uint8_t length = wire[at];
    if (length > 63) return std::nullopt;
    at += length + 1U;
    if (length == 0) break;
    ++labels;
  }
  if (at != wire.size()) return std::nullopt;
  Name name;
  name.assign(wire.data(), at, labels);
  return name;
}

std::string_view Name::first_label() const {
  return {reinterpret_cast<const char*>(data()) + 1, data()[0]};
}

Name Name::suffix(unsigned labels) const {
  const std::uint8_t* from = data();
  for (unsigned skip = labels_ > labels ? labels_ - labels : 0; skip > 0; --skip) from += *from + 1U;
  Name name;
  name.assign(from, static_cast<std::size_t>(data() + size_ - from), std::min<unsigned>(labels, labels_));
  return name;
}

bool Name::is_at_or_below(const Name& ancestor) const {
  if (ancestor.labels_ > labels_) return false;
  const std::uint8_t* from = data();
  for (unsigned skip = labels_ - ancestor.labels_; skip > 0; --skip) from += *from + 1U;
  const auto rest = static_cast<std::size_t>(data() + size_ - from);
  return rest == ancestor.size_ && equal_folded(from, ancestor.data(), rest);
}

unsigned Name::common_labels(const Name& other) const {
  std::uint8_t mine[kMaxLabels + 1];
  std::uint8_t theirs[kMaxLabels + 1];
  unsigned i = label_offsets(wire(), mine);
  unsigned j = label_offsets(other.wire(), theirs);
  unsigned common = 0;
  while (i > 0 && j > 0) {
    const std::uint8_t* a = data() + mine[--i];
    const std::uint8_t* b = other.data() + theirs[--j];
    if (*a != *b || !equal_folded(a, b, *a + 1U)) break;
    ++common;
  }
  return common;
}

std::optional<Name> Name::child(std::string_view label) const {
  if (label.empty() || label.size() > 63 || size_ + label.size() + 1 > kMaxNameSize) return std::nullopt;
  std::uint8_t wire[kMaxNameSize];
  wire[0] = static_cast<std::uint8_t>(label.size());
  std::memcpy(wire + 1, label.data(), label.size());
  std::memcpy(wire + 1 + label.size(), data(), size_);
  Name name;
  name.assign(wire, size_ + label.size() + 1, labels_ + 1U);
  return name;
}

std::optional<Name> Name::replace_suffix(const Name& owner, const Name& target) const {
  const std::size_t kept = size_ - owner.size_;
  if (kept + target.size_ > kMaxNameSize) return std::nullopt;
  std::uint8_t wire[kMaxNameSize];
  std::memcpy(wire, data(), kept);
  std::memcpy(wire + kept, target.data(), target.size_);
  Name name;
  name.assign(wire, kept + target.size_, labels_ - owner.labels_ + target.labels_);
  return name;
}

Name Name::folded() const {
  std::uint8_t wire[kMaxNameSize];
  std::transform(data(), data() + size_, wire, fold);
  Name name;
  name.assign(wire, size_, labels_);
  return name;
}

std::string Name::to_text() const {
  if (is_root()) return ".";
  std::string out;
  out.reserve(size_);
  for (const std::uint8_t* label = data(); *label != 0; label += *label + 1U) {
    if (!out.empty()) out += '.';
    for (unsigned i = 1; i <= *label; ++i) {
      const std::uint8_t octet = label[i];
      if (is_plain(octet)) {
        out += static_cast<char>(octet);
      } else if (octet > 0x20 && octet < 0x7F) {
        out += '\\';
        out += static_cast<char>(octet);
      } else {
        char buffer[8];
        std::snprintf(buffer, sizeof buffer, "\\%03u", static_cast<unsigned>(octet));
        out += buffer;
      }
    }
  }
  return out;
}

std::uint64_t Name::hash() const {
  return hash_wire_name(wire());
}

bool Name::equal_folded(const std::uint8_t* a, const std::uint8_t* b, std::size_t size) {
  if (std::memcmp(a, b, size) == 0) return true;
  for (std::size_t i = 0; i < size; ++i) {
    if (fold(a[i]) != fold(b[i])) return false;
  }
  return true;
}

std::strong_ordering Name::canonical_compare(const Name& other) const {
  std::uint8_t mine[kMaxLabels + 1];
  std::uint8_t theirs[kMaxLabels + 1];
  unsigned i = label_offsets(wire(), mine);
  unsigned j = label_offsets(other.wire(), theirs);
  while (i > 0 && j > 0) {
    const std::uint8_t* a = data() + mine[--i];
    const std::uint8_t* b = other.data() + theirs[--j];
    const auto order = std::lexicographical_compare_three_way(
        a + 1, a + 1 + *a, b + 1, b + 1 + *b, [](std::uint8_t x, std::uint8_t y) { return fold(x) <=> fold(y); });
    if (order != 0) return order;
  }
  return i <=> j;
}

std::uint64_t hash_wire_name(std::span<const std::uint8_t> wire) {
  // Eight octets at a time, folded together: a letter's case is bit 5, and setting that bit in every octet
  // is cheaper than testing for letters. Octets that differ only there and are no letters collide, which
  // costs a comparison and never a wrong answer.
  constexpr std::uint64_t kCase = 0x2020202020202020ULL;
  constexpr std::uint64_t kMultiplier = 0x9E3779B97F4A7C15ULL;
  std::uint64_t state = wire.size() * kMultiplier;
  const std::uint8_t* at = wire.data();
  std::size_t left = wire.size();
  while (left >= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, 8);
    state = (state ^ (word | kCase)) * kMultiplier;
    state ^= state >> 32;
    at += 8;
    left -= 8;
  }
  if (left > 0) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, left);
    state = (state ^ (word | kCase)) * kMultiplier;
    state ^= state >> 32;
  }
  state *= 0xD6E8FEB86659FD93ULL;
  return state ^ (state >> 32);
}

}  // namespace weir
