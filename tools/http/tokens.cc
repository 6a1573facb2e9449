#include "tools/http/tokens.h"

#include <boost/json.hpp>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "tools/support/json_members.h"
#include "zones/base/descriptor.h"
#include "zones/base/hex.h"
#include "zones/base/text.h"
#include "zones/config/config.h"

namespace weir::http {
namespace {

namespace json = boost::json;

constexpr std::size_t kSecretOctets = 32;
constexpr std::size_t kTokenSize = kTokenPrefix.size() + 2 * kSecretOctets;

bool read_hex(std::string_view text, std::span<std::uint8_t> out) {
  if (text.size() != 2 * out.size()) return false;
  const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; };
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int high = digit(text[2 * i]);
    const int low = digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return true;
}

std::string day_of(WallTime now) {
  return format_time(now).substr(0, 10);
}

}  // namespace

std::string_view to_text(Role role) {
  return role == Role::admin ? "admin" : role == Role::analyst ? "analyst" : "none";
}

std::optional<Role> parse_role(std::string_view text) {
  if (text == "admin") return Role::admin;
  if (text == "analyst") return Role::analyst;
  return std::nullopt;
}

Tokens::Tokens(std::filesystem::path store) : file_(std::move(store) / "tokens.json") {
  if (const auto done = read(); !done) {
    entries_.clear();
    fault_ = done.error().message;
  }
}

Tokens::Hash Tokens::hash_of(std::string_view text) {
  Hash out;
  ::SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), out.data());
  return out;
}

Result<void> Tokens::read() {
  std::error_code code;
  if (!std::filesystem::exists(file_, code) && !code) return {};
  std::ifstream in(file_, std::ios::binary);
  if (!in) return Error{ErrorCode::io, "cannot read " + file_.string() + ": " + std::strerror(errno)};
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  json::error_code bad;
  const json::value parsed = json::parse(text, bad);
  const json::value* list = !bad && parsed.is_object() ? parsed.get_object().if_contains("tokens") : nullptr;
  const Error damaged{ErrorCode::corrupt,
                      file_.string() + " is damaged: no token opens anything until it is taken away"};
  if (list == nullptr || !list->is_array()) return damaged;
  for (const json::value& item : list->get_array()) {
    if (!item.is_object()) return damaged;
    const json::object& from = item.get_object();
    Entry entry;
    entry.token.name = text_member(from, "name");
    entry.token.last_used = text_member(from, "last_used");
    const auto role = parse_role(text_member(from, "role"));
    const auto created = parse_time(text_member(from, "created"));
    const std::string until = text_member(from, "until");
    const auto ends = parse_time(until);
    if (entry.token.name.empty() || !role || !created || (!until.empty() && !ends) ||
        !read_hex(text_member(from, "sha256"), entry.hash))
      return damaged;
    entry.token.role = *role;
    entry.token.created = *created;
    if (ends) entry.token.until = *ends;
    entries_.push_back(std::move(entry));
  }
  return {};
}

Result<void> Tokens::write(const std::vector<Entry>& entries) const {
  json::array list;
  for (const Entry& entry : entries) {
    json::object item{{"name", entry.token.name},
                      {"role", to_text(entry.token.role)},
                      {"sha256", to_hex(entry.hash)},
                      {"created", format_time(entry.token.created)},
                      {"last_used", entry.token.last_used}};
    if (entry.token.until) item["until"] = format_time(*entry.token.until);
    list.push_back(std::move(item));
  }
  const std::string text = json::serialize(json::object{{"tokens", std::move(list)}}) + '\n';
  const std::filesystem::path part = file_.string() + ".part";
  ::unlink(part.c_str());  // one that somebody else made keeps its mode
  const Descriptor written(::open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  const Descriptor folder(::open(file_.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (written.get() < 0 || !write_all(written, text) || ::fsync(written.get()) != 0 ||
      ::rename(part.c_str(), file_.c_str()) != 0 || folder.get() < 0 || ::fsync(folder.get()) != 0)
    return Error{ErrorCode::io, "cannot write " + file_.string() + ": " + std::strerror(errno)};
  return {};
}

Result<std::string> Tokens::add(const std::string& name, Role role, std::optional<WallTime> until, WallTime now) {
  if (auto good = check_config_name(name); !good)
    return Error{ErrorCode::invalid, "a token's name: " + good.error().message};
  if (role == Role::none) return Error{ErrorCode::invalid, "a token has the role analyst or admin"};
  if (until && *until <= now) return Error{ErrorCode::invalid, "a token that has ended already opens nothing"};
  std::array<std::uint8_t, kSecretOctets> secret{};
  if (::RAND_bytes(secret.data(), static_cast<int>(secret.size())) != 1)
    return Error{ErrorCode::io, "the system gives no random octets"};
  const std::string text = std::string(kTokenPrefix) + to_hex(secret);
  const std::lock_guard lock(mutex_);
  if (!fault_.empty()) return Error{ErrorCode::corrupt, fault_};
  const auto same = [&](const Entry& entry) { return entry.token.name == name; };
  if (std::any_of(entries_.begin(), entries_.end(), same))
    return Error{ErrorCode::exists, "there is a token \"" + name + "\" already; 'weir token remove' takes it back"};
  if (entries_.size() >= kMaxTokens)
    return Error{ErrorCode::too_large, "there are " + std::to_string(kMaxTokens) + " tokens, and may be no more"};
  std::vector<Entry> after = entries_;
  after.push_back({{name, role, now, until, {}}, hash_of(text)});
  if (auto written = write(after); !written) return written.error();
  entries_ = std::move(after);
  return text;
}

Result<Token> Tokens::remove(const std::string& name) {
  const std::lock_guard lock(mutex_);
  if (!fault_.empty()) return Error{ErrorCode::corrupt, fault_};
  std::vector<Entry> after = entries_;
  const auto at =
      std::find_if(after.begin(), after.end(), [&](const Entry& entry) { return entry.token.name == name; });
  if (at == after.end()) return Error{ErrorCode::not_found, "no token \"" + escape_for_display(name) + "\""};
  Token gone = at->token;
  after.erase(at);
  if (auto written = write(after); !written) return written.error();
  entries_ = std::move(after);
  return gone;
}

std::vector<Token> Tokens::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<Token> out;
  for (const Entry& entry : entries_) out.push_back(entry.token);
  return out;
}

std::optional<Token> Tokens::find(std::string_view text, WallTime now) {
  if (text.size() != kTokenSize) return std::nullopt;
  const Hash hash = hash_of(text);
  const std::lock_guard lock(mutex_);
  Entry* found = nullptr;
  for (Entry& entry : entries_) {
    if (::CRYPTO_memcmp(entry.hash.data(), hash.data(), hash.size()) == 0) found = &entry;
  }
  if (found == nullptr || found->token.has_ended(now)) return std::nullopt;
  const std::string today = day_of(now);
  if (found->token.last_used != today) {
    found->token.last_used = today;
    // Not to have it on the disk is no reason to refuse: it is told again tomorrow.
    static_cast<void>(write(entries_).has_value());
  }
  return found->token;
}

std::string Tokens::fault() const {
  const std::lock_guard lock(mutex_);
  return fault_;
}

}  // namespace weir::http
