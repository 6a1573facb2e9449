#include "tools/sidecar/recall.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "tools/sidecar/digest.h"
#include "tools/sidecar/licence.h"
#include "tools/sidecar/list_updater.h"

namespace weir::sidecar {
namespace {

namespace fs = std::filesystem;

bool is_file_of(const fs::path& file, const std::string& sha256) {
  const auto found = sha256_of_file(file);
  return found && *found == sha256;
}

// The bytes of that import may not have been given their name yet. Where they are not found, those of an earlier import
// must not stand for them: without a copy the next fetch is an unconditional one.
void put_good_copy_right(const fs::path& store, const std::string& list, const std::string& sha256) {
  const fs::path good = ListUpdater::good_copy(store, list);
  if (is_file_of(good, sha256)) return;
  std::error_code ignored;
  for (const fs::path& bytes : {ListUpdater::fresh_copy(store, list), ListUpdater::held_copy(store, list)}) {
    if (!is_file_of(bytes, sha256)) continue;
    fs::rename(bytes, good, ignored);
    return;
  }
  fs::remove(good, ignored);
}

}  // namespace

Result<void> recall_source(const PolicyRecords& records, GenerationNumber published, ListId id, const std::string& list,
                           const std::filesystem::path& store, ListStates& states) {
  const auto imports = records.history(id);
  if (!imports) return imports.error();
  const auto newest = std::find_if(imports->begin(), imports->end(), [&](const ImportRecord& record) {
    return record.note.empty() && record.first_generation <= published;
  });
  ListState state = states.get(list);
  if (newest == imports->end() || newest->import <= state.import) return {};
  const Provenance& provenance = newest->provenance;
  put_good_copy_right(store, list, provenance.sha256);
  if (state.held.sha256 == provenance.sha256) {
    state.held = {};
    std::error_code ignored;
    fs::remove(ListUpdater::held_copy(store, list), ignored);
  }
  state.source = provenance.source;
  state.sha256 = provenance.sha256;
  state.etag.clear();  // so that the next fetch asks for the bytes
  state.last_modified.clear();
  state.import = newest->import;
  state.rules = newest->outcome.rules;
  state.imported_s = std::chrono::duration_cast<std::chrono::seconds>(provenance.fetched_at.time_since_epoch()).count();
  state.loaded_s = std::max(state.loaded_s, state.imported_s);
  state.licence = licence_of(ListUpdater::good_copy(store, list));
  return states.put(list, state);
}

}  // namespace weir::sidecar
