#include "zones/store/store_copy.h"

#include "zones/store/checkpoint.h"
#include "zones/store/policy_store.h"

namespace weir {
namespace store {

Result<GenerationNumber> PolicyStoreImpl::copy_to(const std::filesystem::path& target) const {
  if (published_.value == 0) return Error{ErrorCode::not_found, "nothing was published yet"};
  if (auto made = make_directories(generations_path(target)); !made) return made.error();
  if (auto made = make_checkpoint(*database_, live_path(target)); !made) return made.error();
  const auto info = read_generation_info(generation_path(store_, published_));
  if (!info) return info.error();
  const std::filesystem::path generation = generation_path(target, published_);
  if (auto linked = link_directory(generation_path(store_, published_), generation); !linked) return linked.error();
  if (auto written = write_generation_info(generation, *info); !written) return written.error();
  const std::string number = std::to_string(published_.value) + "\n";
  if (auto written = replace_file(current_file_path(target), number); !written) return written.error();
  return published_;
}

}  // namespace store

Result<GenerationNumber> copy_store(const PolicyStore& store, const std::filesystem::path& target) {
  return static_cast<const store::PolicyStoreImpl&>(store).copy_to(target);
}

}  // namespace weir
