#include "tools/sidecar/list_state.h"

#include <boost/json.hpp>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "tools/support/json_members.h"
#include "zones/base/descriptor.h"

namespace weir::sidecar {
namespace {

namespace json = boost::json;

ListState read_state(const json::object& from) {
  ListState state;
  state.source = text_member(from, "source");
  state.tried = text_member(from, "tried");
  state.reading = text_member(from, "reading");
  state.etag = text_member(from, "etag");
  state.last_modified = text_member(from, "last_modified");
  state.sha256 = text_member(from, "sha256");
  state.import = {static_cast<std::uint64_t>(whole_member(from, "import"))};
  state.contents = text_member(from, "contents");
  state.rules = static_cast<std::uint64_t>(whole_member(from, "rules"));
  state.lines = static_cast<std::uint64_t>(whole_member(from, "lines"));
  state.buckets = text_member(from, "buckets", "{}");
  state.serial = text_member(from, "serial");
  state.licence = text_member(from, "licence");
  state.notes = text_member(from, "notes", "[]");
  state.imported_s = whole_member(from, "imported");
  state.checked_s = whole_member(from, "checked");
  state.loaded_s = whole_member(from, from.contains("loaded") ? "loaded" : "checked");
  state.first_tried_s = whole_member(from, "first_tried");
  state.next_fetch_s = whole_member(from, "next_fetch");
  state.failures = static_cast<unsigned>(whole_member(from, "failures"));
  state.refresh_s = whole_member(from, "refresh");
  state.retry_s = whole_member(from, "retry");
  state.expire_s = whole_member(from, "expire");
  state.last_error = text_member(from, "last_error");
  state.defined_by = text_member(from, "defined_by");
  state.held.sha256 = text_member(from, "held_sha256");
  state.held.source = text_member(from, "held_source");
  state.held.reading = text_member(from, "held_reading");
  state.held.etag = text_member(from, "held_etag");
  state.held.last_modified = text_member(from, "held_last_modified");
  state.held.why = text_member(from, "held_why", "[]");
  state.held.signer = text_member(from, "held_signer");
  state.held.since_s = whole_member(from, "held_since");
  return state;
}

json::object write_state(const ListState& state) {
  return {{"source", state.source},
          {"tried", state.tried},
          {"reading", state.reading},
          {"etag", state.etag},
          {"last_modified", state.last_modified},
          {"sha256", state.sha256},
          {"import", state.import.value},
          {"contents", state.contents},
          {"rules", state.rules},
          {"lines", state.lines},
          {"buckets", state.buckets},
          {"serial", state.serial},
          {"licence", state.licence},
          {"notes", state.notes},
          {"imported", state.imported_s},
          {"checked", state.checked_s},
          {"loaded", state.loaded_s},
          {"first_tried", state.first_tried_s},
          {"next_fetch", state.next_fetch_s},
          {"failures", state.failures},
          {"refresh", state.refresh_s},
          {"retry", state.retry_s},
          {"expire", state.expire_s},
          {"last_error", state.last_error},
          {"defined_by", state.defined_by},
          {"held_sha256", state.held.sha256},
          {"held_source", state.held.source},
          {"held_reading", state.held.reading},
          {"held_etag", state.held.etag},
          {"held_last_modified", state.held.last_modified},
          {"held_why", state.held.why},
          {"held_signer", state.held.signer},
          {"held_since", state.held.since_s}};
}

}  // namespace

ListStates::ListStates(std::filesystem::path file) : file_(std::move(file)) {
  std::ifstream in(file_, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  json::error_code error;
  const json::value parsed = json::parse(text, error);
  if (error || !parsed.is_object()) return;
  for (const auto& [name, value] : parsed.get_object()) {
    if (value.is_object()) states_[std::string(name)] = read_state(value.get_object());
  }
}

ListState ListStates::get(const std::string& list) const {
  const std::lock_guard lock(mutex_);
  const auto found = states_.find(list);
  return found == states_.end() ? ListState{} : found->second;
}

Result<void> ListStates::put(const std::string& list, const ListState& state) {
  const std::lock_guard lock(mutex_);
  states_[list] = state;
  return save();
}

Result<void> ListStates::forget_others(const std::map<std::string, bool>& wanted) {
  const std::lock_guard lock(mutex_);
  const std::size_t gone = std::erase_if(states_, [&](const auto& entry) { return !wanted.contains(entry.first); });
  return gone == 0 ? Result<void>() : save();
}

Result<void> ListStates::save() const {
  json::object all;
  for (const auto& [name, state] : states_) all[name] = write_state(state);
  const std::string text = json::serialize(all);
  const std::filesystem::path part = file_.string() + ".part";
  const Descriptor written(::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640));
  if (written.get() < 0 || !write_all(written, text) || ::fsync(written.get()) != 0 ||
      ::rename(part.c_str(), file_.c_str()) != 0) {
    return Error{ErrorCode::io, "cannot write " + file_.string() + ": " + std::strerror(errno)};
  }
  return {};
}

}  // namespace weir::sidecar
