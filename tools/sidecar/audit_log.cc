#include "tools/sidecar/audit_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <mutex>
#include <optional>
#include <span>
#include <utility>

#include "tools/sidecar/digest.h"
#include "zones/base/descriptor.h"
#include "zones/base/text.h"
#include "zones/store/files.h"

namespace weir::sidecar {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr std::string_view kBeforeHash = ",\"hash\":\"";
constexpr std::size_t kHashDigits = 64;
constexpr std::size_t kHashSize = kBeforeHash.size() + kHashDigits + 2;  // with the closing quote and brace
const std::string kNoHash(kHashDigits, '0');                             // before the first record

std::string sha256_of(std::string_view text) {
  Sha256 hash;
  hash.update({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  return hash.finish_hex();
}

// What one line says, as far as the chain needs it.
struct Link {
  std::uint64_t number = 0;
  std::uint64_t generation = 0;
  std::string previous;
  std::string hash;
};

// Nothing where it is no record, or its hash is not that of its text.
std::optional<Link> read_link(std::string_view line) {
  if (line.size() < kHashSize + 2 || !line.ends_with("\"}")) return std::nullopt;
  const std::string_view end = line.substr(line.size() - kHashSize);
  if (!end.starts_with(kBeforeHash)) return std::nullopt;
  Link link;
  link.hash = end.substr(kBeforeHash.size(), kHashDigits);
  const std::string body = std::string(line.substr(0, line.size() - kHashSize)) + "}";
  if (sha256_of(body) != link.hash) return std::nullopt;
  json::error_code error;
  const json::value parsed = json::parse(body, error);
  if (error || !parsed.is_object()) return std::nullopt;
  const auto number = [&](std::string_view key) -> std::uint64_t {
    const json::value* value = parsed.get_object().if_contains(key);
    return value != nullptr && value->is_int64() && value->get_int64() > 0
               ? static_cast<std::uint64_t>(value->get_int64())
               : 0;
  };
  link.number = number("number");
  link.generation = number("generation");
  const json::value* previous = parsed.get_object().if_contains("previous");
  if (link.number == 0 || previous == nullptr || !previous->is_string()) return std::nullopt;
  link.previous = previous->get_string();
  return link;
}

std::string make_line(std::uint64_t number, const std::string& previous, const AuditEntry& entry,
                      GenerationNumber generation, WallTime now) {
  const auto text = [](const std::string& value) { return escape_for_display(value); };
  json::object record{{"number", static_cast<std::int64_t>(number)},
                      {"time", format_time(now)},
                      {"who", text(entry.who)},
                      {"what", text(entry.what)},
                      {"subject", text(entry.subject)},
                      {"why", text(entry.why)},
                      {"generation", static_cast<std::int64_t>(generation.value)},
                      {"details", entry.details},
                      {"previous", previous}};
  std::string body = json::serialize(record);
  if (body.size() > kMaxAuditRecord) {
    record["details"] = json::object{{"left_out", body.size()}};
    body = json::serialize(record);
  }
  const std::string hash = sha256_of(body);
  body.pop_back();
  return body.append(kBeforeHash).append(hash).append("\"}\n");
}

Result<std::string> read_whole(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) {
    if (errno == ENOENT) return std::string();
    return Error{errno == EACCES ? ErrorCode::permission : ErrorCode::io, file.string() + ": " + std::strerror(errno)};
  }
  std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (in.bad()) return Error{ErrorCode::io, file.string() + ": cannot be read"};
  return text;
}

// The chain of `text`, against the line that audit-head has (empty: none).
struct Chain {
  AuditCheck check;
  std::optional<Link> newest;  // of those that are whole
  std::size_t whole_size = 0;  // octets up to the last line end
};

Chain read_chain(std::string_view text, std::string_view head_line) {
  Chain chain;
  std::uint64_t line_number = 0;
  const auto fault = [&](const std::string& what) {
    if (chain.check.faults.size() < kMaxAuditFaults) {
      chain.check.faults.push_back("line " + std::to_string(line_number) + ": " + what);
    }
  };
  std::string previous = kNoHash;
  std::uint64_t number = 0;
  while (!text.empty()) {
    ++line_number;
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    const auto link = read_link(line);
    if (!link) {
      fault(end == std::string_view::npos ? "the record is cut short"
                                          : "the record was changed: its hash does not fit");
    } else {
      ++chain.check.records;
      if (link->number != number + 1) {
        fault("record " + std::to_string(link->number) + " where " + std::to_string(number + 1) +
              " was expected: records were removed or moved");
      } else if (link->previous != previous) {
        fault("record " + std::to_string(link->number) + " does not follow the record before it: that one was changed");
      }
      previous = link->hash;
      number = link->number;
      chain.newest = link;
    }
    if (end == std::string_view::npos) break;
    chain.whole_size += end + 1;
    text.remove_prefix(end + 1);
    if (!link) ++number;  // one that was changed counts as the one that stood there
  }
  chain.check.head = chain.newest ? chain.newest->hash : kNoHash;
  const auto head = read_link(head_line.substr(0, head_line.find('\n')));
  ++line_number;
  if (!head_line.empty() && !head) {
    fault("the copy of the newest record beside the policy store (audit-head) was changed");
  } else if (!head && chain.newest) {
    fault("the copy of the newest record beside the policy store (audit-head) is missing");
  } else if (head && head->number > number) {
    fault("the log ends before record " + std::to_string(head->number) +
          ", which audit-head names: its end was cut off");
  } else if (head && chain.newest && head->hash != chain.newest->hash) {
    fault("the newest record is not the one that audit-head names: records were replaced or added behind it");
  }
  return chain;
}

class FileAuditLog final : public AuditLog {
 public:
  explicit FileAuditLog(const fs::path& store)
      : records_(store / "audit" / "records"), head_(store::policy_path(store) / "audit-head") {}

  Result<void> open() {
    if (auto made = store::make_directories(records_.parent_path()); !made) return made;
    file_ = Descriptor(::open(records_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640));
    if (file_.get() < 0) return failure("cannot be opened");
    auto text = read_whole(records_);
    if (!text) return text.error();
    auto head_line = read_whole(head_);
    if (!head_line) return head_line.error();
    const auto head = read_link(std::string_view(*head_line).substr(0, head_line->find('\n')));
    const Chain chain = read_chain(std::string_view(*text).substr(0, text->rfind('\n') + 1), {});
    size_ = text->size();
    if (head && (!chain.newest || chain.newest->hash != head->hash)) {
      // Begun, and not all of it written: the rest follows. Anything else is no work of a crash.
      const std::string_view rest = std::string_view(*text).substr(chain.whole_size);
      const std::string before = chain.newest ? chain.newest->hash : kNoHash;
      if (head->previous == before && head_line->starts_with(rest)) {
        size_ = chain.whole_size;
        pending_ = *head_line;
        if (auto written = write_pending(); !written) return written;
      }
    }
    if (size_ > 0 && size_ == text->size() && text->back() != '\n') pending_ = "\n";
    const std::optional<Link>& newest = head ? head : chain.newest;
    if (newest) {
      number_ = newest->number;
      hash_ = newest->hash;
      generation_ = newest->generation;
    }
    return {};
  }

  Result<void> append(const AuditEntry& entry, GenerationNumber generation, WallTime now) override {
    const std::lock_guard lock(mutex_);
    return append_locked(entry, generation, now);
  }

  Result<void> catch_up(const PolicyRecords& records, GenerationNumber published, WallTime now) override {
    const std::lock_guard lock(mutex_);
    if (auto written = write_pending(); !written) return written;
    if (published.value <= generation_) return {};
    const auto generations = records.generations();
    if (!generations) return generations.error();
    const std::uint64_t known = generation_;
    for (auto generation = generations->rbegin(); generation != generations->rend(); ++generation) {
      if (generation->number.value <= known || generation->number > published) continue;
      AuditEntry entry{"unknown", "published", {}, {}, {}};
      entry.details = {{"reason", escape_for_display(generation->reason)},
                       {"published", format_time(generation->published_at)},
                       {"note", "its own record was never written: the sidecar ended, or the disk failed, in between"}};
      if (auto appended = append_locked(entry, generation->number, now); !appended) return appended;
    }
    return {};
  }

  Result<AuditCheck> check() override {
    // Both at one moment; the hashes of a long log are made while others go on writing.
    std::unique_lock lock(mutex_);
    static_cast<void>(write_pending().has_value());  // if not, the check says that the end is missing
    const auto text = read_whole(records_);
    if (!text) return text.error();
    const auto head_line = read_whole(head_);
    lock.unlock();
    if (!head_line) return head_line.error();
    return read_chain(*text, *head_line).check;
  }

  Result<void> read(const std::function<void(std::string_view)>& each) override {
    std::string text;
    {
      const std::lock_guard lock(mutex_);
      static_cast<void>(write_pending().has_value());
      auto whole = read_whole(records_);
      if (!whole) return whole.error();
      text = std::move(*whole);
    }
    std::string_view rest = text;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      each(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return {};
  }

 private:
  Error failure(const char* what) const {
    return {errno == EACCES ? ErrorCode::permission : ErrorCode::io,
            records_.string() + ": " + what + ": " + std::strerror(errno)};
  }

  Result<void> append_locked(const AuditEntry& entry, GenerationNumber generation, WallTime now) {
    if (auto written = write_pending(); !written) return written;
    const std::string line = make_line(number_ + 1, hash_, entry, generation, now);
    const auto replaced = store::replace_file(head_, line);
    if (!replaced) {
      // The name may stand for the new line all the same, and what failed is to make that last.
      const auto there = read_whole(head_);
      if (!there || *there != line) return replaced;
    }
    const auto link = read_link(std::string_view(line).substr(0, line.size() - 1));
    number_ = link->number;
    hash_ = link->hash;
    generation_ = std::max(generation_, generation.value);
    pending_ = line;
    return replaced ? write_pending() : replaced;
  }

  // What audit-head has already, to the end of the records. What an earlier attempt wrote by half goes.
  Result<void> write_pending() {
    if (pending_.empty()) return {};
    const int file = file_.get();
    if (::ftruncate(file, static_cast<off_t>(size_)) != 0) return failure("cannot be cut");
    std::size_t done = 0;
    while (done < pending_.size()) {
      const ssize_t wrote =
          ::pwrite(file, pending_.data() + done, pending_.size() - done, static_cast<off_t>(size_ + done));
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote <= 0) return failure("cannot be written");
      done += static_cast<std::size_t>(wrote);
    }
    if (::fdatasync(file) != 0) return failure("cannot be written");
    size_ += pending_.size();
    pending_.clear();
    return {};
  }

  const fs::path records_;
  const fs::path head_;
  std::mutex mutex_;
  Descriptor file_{-1};
  std::size_t size_ = 0;  // of what is known to be written
  std::string pending_;
  std::uint64_t number_ = 0;
  std::uint64_t generation_ = 0;
  std::string hash_ = kNoHash;
};

}  // namespace

Result<std::unique_ptr<AuditLog>> AuditLog::open(const fs::path& store) {
  auto log = std::make_unique<FileAuditLog>(store);
  if (auto opened = log->open(); !opened) return opened.error();
  return std::unique_ptr<AuditLog>(std::move(log));
}

}  // namespace weir::sidecar
