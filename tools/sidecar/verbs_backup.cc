// backup.begin, backup.end: a copy of the store that `weir backup` makes its file from.
#include "tools/sidecar/backup_copies.h"
#include "tools/sidecar/verb_table.h"
#include "zones/store/keys.h"

namespace weir::sidecar {

VerbResult begin_backup(Call& call) {
  const bool with_log = call.arguments.flag("with_log");
  call.arguments.text("reason");  // record() takes it
  if (!call.arguments.ok()) return call.arguments.error();
  const Services& services = call.services;
  const std::filesystem::path store = services.config()->store.path;
  const auto id = begin_backup_copy(store);
  if (!id) return id.error();
  const std::filesystem::path copy = backup_copy(store, *id);
  std::string fingerprint;
  const auto number =
      services.writer.run<GenerationNumber>(Urgency::urgent, [&](PolicyStore& policy) -> Result<GenerationNumber> {
        // Before the copy, so that the backup knows of itself.
        if (auto done = record(call, "backup", {}, {{"log", with_log}}, policy.published()); !done) return done.error();
        const auto generations = policy.generations();
        if (!generations) return generations.error();
        if (!generations->empty()) fingerprint = generations->front().fingerprint;
        return copy_policy(policy, store, copy);
      });
  const auto rest =
      number ? copy_the_rest(store, copy, with_log ? &services.log : nullptr) : Result<void>(number.error());
  if (!rest) {
    remove_backup_copy(store, *id);
    return rest.error();
  }
  return boost::json::object{{"id", *id},
                             {"folder", copy.string()},
                             {"generation", number->value},
                             {"fingerprint", fingerprint},
                             {"store_format", store::kFormatVersion}};
}

VerbResult end_backup(Call& call) {
  const std::uint64_t id = call.arguments.number("id", 0);
  if (!call.arguments.ok()) return call.arguments.error();
  remove_backup_copy(call.services.config()->store.path, id);
  return boost::json::object{};
}

}  // namespace weir::sidecar
