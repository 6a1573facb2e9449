#include "tools/backup/backup_file.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <utility>

#include "tools/support/sha256.h"
#include "zones/base/descriptor.h"
#include "zones/base/text.h"

namespace weir::backup {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBlockBytes = 256 << 10;
constexpr mode_t kOwnerAlone = 0600;

Error system_fault(int number, const fs::path& path) {
  ErrorCode code = ErrorCode::io;
  if (number == ENOENT) code = ErrorCode::not_found;
  if (number == EEXIST) code = ErrorCode::exists;
  if (number == EACCES || number == EPERM || number == EROFS) code = ErrorCode::permission;
  return {code, path.string() + ": " + std::strerror(number)};
}

struct FreeWriter {
  void operator()(archive* handle) const { archive_write_free(handle); }
};
struct FreeReader {
  void operator()(archive* handle) const { archive_read_free(handle); }
};
struct FreeEntry {
  void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};

// Goes through a file's octets.
Result<void> read_file(const fs::path& path, const std::function<Result<void>(std::string_view)>& each) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (file.get() < 0) return system_fault(errno, path);
  std::string block(kBlockBytes, '\0');
  for (;;) {
    const ssize_t got = read_some(file, block.data(), block.size());
    if (got < 0) return system_fault(errno, path);
    if (got == 0) return {};
    if (auto taken = each(std::string_view(block).substr(0, static_cast<std::size_t>(got))); !taken) return taken;
  }
}

Result<std::vector<Member>> describe(const std::vector<Source>& sources) {
  std::vector<Member> out;
  std::map<std::pair<dev_t, ino_t>, std::string> known;
  for (const Source& source : sources) {
    if (!is_member_path(source.member))
      return Error{ErrorCode::invalid, source.file.string() + ": a file of this name cannot be in a backup"};
    struct stat status{};
    if (::stat(source.file.c_str(), &status) != 0) return system_fault(errno, source.file);
    Member member{source.member, static_cast<std::uint64_t>(status.st_size), {}, {}};
    const auto [same, is_new] = known.emplace(std::pair(status.st_dev, status.st_ino), source.member);
    if (is_new) {
      Sha256 hash;
      std::uint64_t bytes = 0;
      auto read = read_file(source.file, [&](std::string_view octets) -> Result<void> {
        hash.update(octets);
        bytes += octets.size();
        return {};
      });
      if (!read) return read.error();
      member.bytes = bytes;
      member.sha256 = hash.finish_hex();
    } else {
      member.same_as = same->second;
    }
    out.push_back(std::move(member));
  }
  return out;
}

// The archive behind a descriptor.
class Writer {
 public:
  explicit Writer(const fs::path& shown) : shown_(shown), handle_(archive_write_new()) {}

  Result<void> open(int descriptor) {
    archive* const handle = handle_.get();
    if (handle == nullptr || archive_write_set_format_pax_restricted(handle) != ARCHIVE_OK ||
        archive_write_add_filter_zstd(handle) != ARCHIVE_OK || archive_write_open_fd(handle, descriptor) != ARCHIVE_OK)
      return fault();
    return {};
  }
  Result<void> begin(std::string_view name, std::uint64_t bytes) {
    const std::unique_ptr<archive_entry, FreeEntry> entry(archive_entry_new());
    archive_entry_set_pathname(entry.get(), std::string(name).c_str());
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(bytes));
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), kOwnerAlone);
    return archive_write_header(handle_.get(), entry.get()) == ARCHIVE_OK ? Result<void>() : Result<void>(fault());
  }
  Result<void> add(std::string_view octets) {
    while (!octets.empty()) {
      const la_ssize_t done = archive_write_data(handle_.get(), octets.data(), octets.size());
      if (done <= 0) return done < 0 ? fault() : changed();
      octets.remove_prefix(static_cast<std::size_t>(done));
    }
    return {};
  }
  Result<void> add_whole(std::string_view name, std::string_view octets) {
    if (auto begun = begin(name, octets.size()); !begun) return begun;
    return add(octets);
  }
  Result<void> close() { return archive_write_close(handle_.get()) == ARCHIVE_OK ? Result<void>() : fault(); }

 private:
  Error changed() const { return {ErrorCode::io, shown_.string() + ": a file grew while it was copied"}; }
  Error fault() const {
    const char* why = handle_ == nullptr ? nullptr : archive_error_string(handle_.get());
    return {ErrorCode::io, shown_.string() + ": " + (why == nullptr ? "no memory" : why)};
  }

  const fs::path shown_;
  const std::unique_ptr<archive, FreeWriter> handle_;
};

Result<void> write_members(Writer& writer, const Manifest& about, const std::vector<Source>& sources) {
  const std::string manifest = encode(about);
  if (auto added = writer.add_whole(kManifestName, manifest); !added) return added;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    if (!about.members[i].same_as.empty()) continue;
    if (auto begun = writer.begin(sources[i].member, about.members[i].bytes); !begun) return begun;
    if (auto added = read_file(sources[i].file, [&](std::string_view octets) { return writer.add(octets); }); !added)
      return added;
  }
  Sha256 hash;
  hash.update(manifest);
  if (auto added = writer.add_whole(kEndName, hash.finish_hex() + "\n"); !added) return added;
  return writer.close();
}

class Reader {
 public:
  explicit Reader(const fs::path& file) : file_(file), handle_(archive_read_new()) {}

  Result<void> open(int descriptor) {
    archive* const handle = handle_.get();
    if (handle == nullptr || archive_read_support_filter_zstd(handle) != ARCHIVE_OK ||
        archive_read_support_format_tar(handle) != ARCHIVE_OK ||
        archive_read_open_fd(handle, descriptor, kBlockBytes) != ARCHIVE_OK)
      return foreign();
    return {};
  }
  // The next member, which must be a plain file of this name; its octets.
  Result<std::uint64_t> begin(std::string_view name) {
    archive_entry* entry = nullptr;
    const int outcome = archive_read_next_header(handle_.get(), &entry);
    const bool is_first = std::exchange(is_first_, false);
    if (outcome == ARCHIVE_EOF && !is_first) return damaged("it ends before " + std::string(name));
    if (outcome != ARCHIVE_OK) return is_first ? foreign() : fault();
    const char* path = archive_entry_pathname(entry);
    if (path == nullptr || path != name || archive_entry_filetype(entry) != AE_IFREG ||
        archive_entry_hardlink(entry) != nullptr || archive_entry_symlink(entry) != nullptr ||
        archive_entry_size(entry) < 0) {
      return is_first ? foreign()
                      : damaged("there is '" + escape_for_display(path == nullptr ? "" : std::string(path)) +
                                "' where " + std::string(name) + " should be");
    }
    return static_cast<std::uint64_t>(archive_entry_size(entry));
  }
  Result<void> each(const std::function<Result<void>(std::string_view)>& visit) {
    std::string block(kBlockBytes, '\0');
    for (;;) {
      const la_ssize_t got = archive_read_data(handle_.get(), block.data(), block.size());
      if (got < 0) return fault();
      if (got == 0) return {};
      if (auto taken = visit(std::string_view(block).substr(0, static_cast<std::size_t>(got))); !taken) return taken;
    }
  }
  Result<std::string> whole(std::string_view name, std::size_t limit) {
    const auto bytes = begin(name);
    if (!bytes) return bytes.error();
    if (*bytes > limit) return damaged(std::string(name) + " is larger than it can be");
    std::string out;
    auto read = each([&](std::string_view octets) -> Result<void> {
      out += octets;
      return {};
    });
    if (!read) return read.error();
    return out;
  }
  Result<void> end() {
    archive_entry* entry = nullptr;
    if (archive_read_next_header(handle_.get(), &entry) != ARCHIVE_EOF) return damaged("something follows its end");
    return {};
  }
  Error damaged(const std::string& what) const {
    return {ErrorCode::corrupt, file_.string() + ": the backup is damaged: " + what};
  }

 private:
  Error foreign() const {
    return {ErrorCode::corrupt, file_.string() + ": this is no backup of weir, or a damaged one"};
  }
  Error fault() const {
    const char* why = archive_error_string(handle_.get());
    return damaged(why == nullptr ? "it cannot be read on" : escape_for_display(why));
  }

  const fs::path file_;
  const std::unique_ptr<archive, FreeReader> handle_;
  bool is_first_ = true;
};

Result<void> read_member(Reader& reader, const Member& member, const BackupVisitor& visitor) {
  const auto bytes = reader.begin(member.path);
  if (!bytes) return bytes.error();
  if (*bytes != member.bytes) return reader.damaged(member.path + " has another size");
  Sha256 hash;
  auto read = reader.each([&](std::string_view octets) -> Result<void> {
    hash.update(octets);
    return visitor.piece ? visitor.piece(octets) : Result<void>();
  });
  if (!read) return read;
  if (hash.finish_hex() != member.sha256) return reader.damaged(member.path + " was changed");
  return {};
}

}  // namespace

Result<std::uint64_t> write_backup(const fs::path& target, Manifest about, const std::vector<Source>& sources) {
  std::error_code ignored;
  if (fs::exists(fs::symlink_status(target, ignored)))
    return Error{ErrorCode::exists, target.string() + ": it is there already"};
  auto members = describe(sources);
  if (!members) return members.error();
  about.members = std::move(*members);
  const fs::path part = target.string() + ".part";
  fs::remove(part, ignored);
  const Descriptor file(::open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, kOwnerAlone));
  if (file.get() < 0) return system_fault(errno, part);
  Writer writer(target);
  auto written = writer.open(file.get());
  if (written) written = write_members(writer, about, sources);
  if (written && ::fsync(file.get()) != 0) written = system_fault(errno, part);
  struct stat status{};
  if (written && ::fstat(file.get(), &status) != 0) written = system_fault(errno, part);
  // A link instead of a rename: it never replaces what somebody has put there meanwhile.
  if (written && ::link(part.c_str(), target.c_str()) != 0) written = system_fault(errno, target);
  fs::remove(part, ignored);
  if (!written) return written.error();
  return static_cast<std::uint64_t>(status.st_size);
}

Result<Manifest> read_backup(const fs::path& file, const BackupVisitor& visitor) {
  const Descriptor opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (opened.get() < 0) return system_fault(errno, file);
  Reader reader(file);
  if (auto begun = reader.open(opened.get()); !begun) return begun.error();
  const auto text = reader.whole(kManifestName, kMaxManifestBytes);
  if (!text) return text.error();
  auto about = decode_manifest(*text);
  if (!about) return Error{about.error().code, file.string() + ": " + about.error().message};
  if (visitor.begin) {
    if (auto taken = visitor.begin(*about); !taken) return taken.error();
  }
  for (const Member& member : about->members) {
    if (visitor.member) {
      if (auto taken = visitor.member(member); !taken) return taken.error();
    }
    if (!member.same_as.empty()) continue;
    if (auto read = read_member(reader, member, visitor); !read) return read.error();
  }
  const auto end = reader.whole(kEndName, 100);
  if (!end) return end.error();
  Sha256 hash;
  hash.update(*text);
  if (*end != hash.finish_hex() + "\n") return reader.damaged("its MANIFEST was changed");
  if (auto ended = reader.end(); !ended) return ended.error();
  return about;
}

}  // namespace weir::backup
