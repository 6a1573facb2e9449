#include "tools/sidecar/rule_spool.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace weir::sidecar {
namespace {

// First octet of a record: what follows.
constexpr std::uint8_t kName = 1;    // kind, action, flags, line, size, name
constexpr std::uint8_t kPrefix = 2;  // kind, action, flags, line, family, length, 16 octets
constexpr std::uint8_t kRare = 3;    // nothing: the next one in memory

constexpr std::uint8_t kImportant = 1;
constexpr std::uint8_t kException = 2;
constexpr std::size_t kFileBuffer = 1 << 20;

struct Head {
  std::uint8_t type;
  std::uint8_t kind;
  std::uint8_t action;
  std::uint8_t flags;
  std::uint8_t size;    // of the name, or the prefix's length
  std::uint8_t family;  // of the prefix
  std::uint8_t reserved[2];
  std::uint64_t line;
};
static_assert(sizeof(Head) == 16);

Error unreadable() {
  return {ErrorCode::io, "the rules of the list cannot be read back from the disk"};
}

}  // namespace

Result<std::unique_ptr<RuleSpool>> RuleSpool::create(const std::filesystem::path& directory) {
  const int descriptor = ::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  std::FILE* file = descriptor < 0 ? nullptr : ::fdopen(descriptor, "w+");
  if (file == nullptr) {
    const Error error{ErrorCode::io, "cannot write into " + directory.string() + ": " + std::strerror(errno)};
    if (descriptor >= 0) ::close(descriptor);
    return error;
  }
  std::setvbuf(file, nullptr, _IOFBF, kFileBuffer);
  return std::unique_ptr<RuleSpool>(new RuleSpool(file));
}

void RuleSpool::add(const SourcedRule& sourced) {
  const Rule& rule = sourced.rule;
  const bool is_name =
      rule.kind == PatternKind::exact || rule.kind == PatternKind::subtree || rule.kind == PatternKind::below;
  Head head{};
  head.kind = static_cast<std::uint8_t>(rule.kind);
  head.action = static_cast<std::uint8_t>(rule.action);
  head.flags = static_cast<std::uint8_t>((rule.important ? kImportant : 0) | (rule.exception ? kException : 0));
  head.line = sourced.line;
  ++left_;
  if (!rule.detail.empty() || !rule.pattern.empty() || (!is_name && rule.kind != PatternKind::address)) {
    too_many_ = too_many_ || rare_.size() >= kMaxSpooledInMemory;
    if (too_many_) return;
    rare_.push_back(sourced);
    head.type = kRare;
    std::fwrite(&head, sizeof head, 1, file_.get());
  } else if (is_name) {
    head.type = kName;
    head.size = static_cast<std::uint8_t>(rule.name.size());
    std::fwrite(&head, sizeof head, 1, file_.get());
    std::fwrite(rule.name.wire().data(), 1, rule.name.size(), file_.get());
  } else {
    head.type = kPrefix;
    head.size = rule.prefix.length;
    head.family = static_cast<std::uint8_t>(rule.prefix.address.family);
    std::fwrite(&head, sizeof head, 1, file_.get());
    std::fwrite(rule.prefix.address.octets.data(), 1, rule.prefix.address.octets.size(), file_.get());
  }
}

Result<bool> RuleSpool::finish() {
  if (std::fflush(file_.get()) != 0 || std::ferror(file_.get()) != 0) {
    return Error{ErrorCode::io, std::string("cannot write the rules of the list to the disk: ") + std::strerror(errno)};
  }
  if (std::fseek(file_.get(), 0, SEEK_SET) != 0) return unreadable();
  return !too_many_;
}

Result<std::optional<SourcedRule>> RuleSpool::next() {
  if (left_ == 0) return std::optional<SourcedRule>();
  Head head;
  if (std::fread(&head, sizeof head, 1, file_.get()) != 1) return unreadable();
  --left_;
  if (head.type == kRare && next_rare_ < rare_.size()) return std::optional(std::move(rare_[next_rare_++]));
  SourcedRule sourced;
  Rule& rule = sourced.rule;
  sourced.line = head.line;
  rule.kind = static_cast<PatternKind>(head.kind);
  rule.action = static_cast<Action>(head.action);
  rule.important = (head.flags & kImportant) != 0;
  rule.exception = (head.flags & kException) != 0;
  std::array<std::uint8_t, kMaxNameSize> octets;
  const std::size_t size = head.type == kName ? head.size : 16;
  if (std::fread(octets.data(), 1, size, file_.get()) != size) return unreadable();
  if (head.type == kName) {
    auto name = Name::from_wire({octets.data(), size});
    if (!name) return unreadable();
    rule.name = std::move(*name);
  } else if (head.type == kPrefix) {
    rule.prefix.length = head.size;
    rule.prefix.address.family = static_cast<AddressFamily>(head.family);
    std::memcpy(rule.prefix.address.octets.data(), octets.data(), 16);
  } else {
    return unreadable();
  }
  return std::optional(std::move(sourced));
}

}  // namespace weir::sidecar
