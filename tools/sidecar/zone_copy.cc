#include "tools/sidecar/zone_copy.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include "zones/base/prefix.h"
#include "zones/base/text.h"
#include "zones/dns/reader.h"
#include "zones/dns/rrset.h"

namespace weir::sidecar {
namespace {

constexpr std::size_t kCopyBufferBytes = 256 * 1024;
constexpr std::size_t kChangeOverhead = 200;  // octets of memory a change, beside its texts

Error cannot_write(const std::filesystem::path& file) {
  return {ErrorCode::io, "cannot write " + file.string() + ": " + std::strerror(errno)};
}

// Escaped but for what means nothing to a reader of zones wherever it stands.
void append_name(std::string& out, const Name& name) {
  const auto wire = name.wire();
  if (name.is_root()) out += '.';
  for (std::size_t at = 0; wire[at] != 0; at += wire[at] + 1U) {
    for (std::size_t i = at + 1; i <= at + wire[at]; ++i) {
      const std::uint8_t octet = fold(wire[i]);
      if ((octet >= 'a' && octet <= 'z') || (octet >= '0' && octet <= '9') || octet == '-' || octet == '_' ||
          octet == '*') {
        out += static_cast<char>(octet);
      } else {
        const std::array<char, 4> escaped = {'\\', static_cast<char>('0' + octet / 100),
                                             static_cast<char>('0' + octet / 10 % 10),
                                             static_cast<char>('0' + octet % 10)};
        out.append(escaped.data(), escaped.size());
      }
    }
    out += '.';
  }
}

// RFC 3597: for types whose own notation is not worth it, and for data that is not what its type says.
void append_octets(std::string& out, std::span<const std::uint8_t> rdata) {
  constexpr char kDigits[] = "0123456789abcdef";
  out += "\\# " + std::to_string(rdata.size());
  if (!rdata.empty()) out += ' ';
  for (const std::uint8_t octet : rdata) {
    out += kDigits[octet >> 4];
    out += kDigits[octet & 15];
  }
}

bool append_soa(std::string& out, std::span<const std::uint8_t> rdata) {
  Reader reader(rdata);
  const Name mname = reader.name();
  const Name rname = reader.name();
  std::array<std::uint32_t, 5> numbers{};
  for (std::uint32_t& number : numbers) number = reader.u32();
  if (!reader.ok() || reader.remaining() != 0) return false;
  append_name(out, mname);
  out += ' ';
  append_name(out, rname);
  for (const std::uint32_t number : numbers) out += ' ' + std::to_string(number);
  return true;
}

void append_data(std::string& out, RecordType type, std::span<const std::uint8_t> rdata) {
  switch (type) {
    case RecordType::cname:
    case RecordType::ns:
    case RecordType::ptr:
    case RecordType::dname:
      if (const auto name = rdata_name(rdata)) return append_name(out, *name);
      break;
    case RecordType::a:
    case RecordType::aaaa:
      if (rdata.size() == (type == RecordType::a ? 4U : 16U)) {
        out += IpAddress::from_octets(rdata).to_text();
        return;
      }
      break;
    case RecordType::soa: {
      const std::size_t size = out.size();
      if (append_soa(out, rdata)) return;
      out.resize(size);
      break;
    }
    default:
      break;
  }
  if (!has_folded_names(type)) return append_octets(out, rdata);
  std::vector<std::uint8_t> folded(rdata.begin(), rdata.end());
  fold_rdata_names(type, folded);
  append_octets(out, folded);
}

// The line without its TTL, which is no part of what makes a record another one.
std::string key_of(std::string_view line) {
  const std::size_t ttl = line.find(' ');
  const std::size_t type = ttl == std::string_view::npos ? ttl : line.find(' ', ttl + 1);
  if (type == std::string_view::npos) return std::string(line);
  std::string out(line.substr(0, ttl));
  out += line.substr(type);
  return out;
}

Error does_not_apply(const std::string& what) {
  return {ErrorCode::corrupt, "the changes do not belong to this zone: " + escape_for_display(what)};
}

}  // namespace

std::optional<SoaNumbers> read_soa(std::span<const std::uint8_t> rdata) {
  Reader reader(rdata);
  (void)reader.name();
  (void)reader.name();
  SoaNumbers out;
  out.serial = reader.u32();
  out.refresh_s = reader.u32();
  out.retry_s = reader.u32();
  out.expire_s = reader.u32();
  reader.skip(4);
  if (!reader.ok() || reader.remaining() != 0) return std::nullopt;
  return out;
}

std::string record_line(const ZoneRecord& record) {
  std::string out;
  append_name(out, record.owner);
  out += ' ' + std::to_string(record.ttl_seconds) + ' ' + to_text(record.type) + ' ';
  append_data(out, record.type, record.rdata);
  return out;
}

Result<SoaNumbers> soa_of_copy(const std::filesystem::path& copy) {
  std::ifstream in(copy, std::ios::binary);
  if (!in) return Error{ErrorCode::not_found, copy.string() + ": " + std::strerror(errno)};
  std::string owner;
  std::string ttl;
  std::string type;
  std::string mname;
  std::string rname;
  SoaNumbers out;
  in >> owner >> ttl >> type >> mname >> rname >> out.serial >> out.refresh_s >> out.retry_s >> out.expire_s;
  if (!in || type != "SOA") return Error{ErrorCode::corrupt, copy.string() + ": it does not begin with an SOA record"};
  return out;
}

Result<std::unique_ptr<ZoneCopyWriter>> ZoneCopyWriter::create(const std::filesystem::path& output,
                                                               std::uint64_t max_bytes) {
  std::error_code ignored;
  std::filesystem::create_directories(output.parent_path(), ignored);
  const std::filesystem::path part = output.string() + ".part";
  Descriptor descriptor(::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640));
  if (descriptor.get() < 0) return cannot_write(part);
  return std::unique_ptr<ZoneCopyWriter>(new ZoneCopyWriter(std::move(descriptor), output, max_bytes));
}

ZoneCopyWriter::ZoneCopyWriter(Descriptor descriptor, std::filesystem::path output, std::uint64_t max_bytes)
    : descriptor_(std::move(descriptor)),
      output_(std::move(output)),
      part_(output_.string() + ".part"),
      max_bytes_(max_bytes) {}

ZoneCopyWriter::~ZoneCopyWriter() {
  if (!committed_) ::unlink(part_.c_str());
}

Result<void> ZoneCopyWriter::add(std::string_view line) {
  size_bytes_ += line.size() + 1;
  if (size_bytes_ > max_bytes_) {
    return Error{ErrorCode::too_large,
                 "the zone has more than " + std::to_string(max_bytes_) + " bytes as text ([fetch] max_decoded_bytes)"};
  }
  buffer_ += line;
  buffer_ += '\n';
  return buffer_.size() >= kCopyBufferBytes ? flush() : Result<void>();
}

Result<void> ZoneCopyWriter::flush() {
  digest_.update({reinterpret_cast<const std::uint8_t*>(buffer_.data()), buffer_.size()});
  if (!write_all(descriptor_, buffer_)) return cannot_write(part_);
  buffer_.clear();
  return {};
}

Result<std::string> ZoneCopyWriter::commit() {
  if (auto flushed = flush(); !flushed) return flushed.error();
  if (::fsync(descriptor_.get()) != 0) return cannot_write(part_);
  if (::rename(part_.c_str(), output_.c_str()) != 0) return cannot_write(output_);
  committed_ = true;
  return digest_.finish_hex();
}

Result<void> ZoneChanges::change(const ZoneRecord& record, bool comes) {
  std::string line = record_line(record);
  std::string key = key_of(line);
  const auto [found, fresh] = records_.try_emplace(key, Change{!comes, comes, {}, {}});
  Change& change = found->second;
  if (fresh) {
    bytes_ += 2 * key.size() + 2 * line.size() + kChangeOverhead;
    if (bytes_ > max_bytes_) {
      return Error{ErrorCode::too_large,
                   "the changes take more than " + std::to_string(max_bytes_) + " bytes of memory"};
    }
    order_.push_back(std::move(key));
    if (!comes) change.before = line;
  } else if (change.is_there == comes) {
    return does_not_apply((comes ? "they add twice: " : "they take away twice: ") + line);
  }
  change.is_there = comes;
  change.line = comes ? std::move(line) : std::string();
  return {};
}

void ZoneChanges::for_each(const std::function<void(const std::string& gone, const std::string& come)>& each) const {
  for (const std::string& key : order_) {
    const Change& change = records_.at(key);
    if (change.was_there || change.is_there) each(change.before, change.line);
  }
}

Result<std::string> ZoneChanges::apply(const std::filesystem::path& before, const std::string& soa,
                                       ZoneCopyWriter& after) const {
  std::ifstream in(before, std::ios::binary);
  if (!in) return Error{ErrorCode::io, "cannot read " + before.string() + ": " + std::strerror(errno)};
  Sha256 digest;
  std::string line;
  const auto next_line = [&] {
    if (!std::getline(in, line)) return false;
    line += '\n';
    digest.update({reinterpret_cast<const std::uint8_t*>(line.data()), line.size()});
    line.pop_back();
    return true;
  };
  if (!next_line()) return Error{ErrorCode::corrupt, before.string() + " is empty"};
  if (auto added = after.add(soa); !added) return added.error();
  std::size_t met = 0;
  while (next_line()) {
    const auto found = records_.find(key_of(line));
    if (found != records_.end()) {
      if (!found->second.was_there) return does_not_apply("they add what is there: " + line);
      ++met;
      continue;
    }
    if (auto added = after.add(line); !added) return added.error();
  }
  if (in.bad()) return Error{ErrorCode::io, "cannot read " + before.string()};
  std::size_t expected = 0;
  for (const std::string& key : order_) {
    const Change& change = records_.at(key);
    expected += change.was_there ? 1 : 0;
    if (!change.is_there) continue;
    if (auto added = after.add(change.line); !added) return added.error();
  }
  if (met != expected) {
    return does_not_apply("they take away " + std::to_string(expected - std::min(met, expected)) +
                          " records that are not there");
  }
  return digest.finish_hex();
}

}  // namespace weir::sidecar
