// Other systems' configurations: each line becomes a row that says what became of it, and what is written of them is
// what weir itself takes.
#include <archive.h>
#include <archive_entry.h>

#include <array>
#include <fstream>
#include <vector>

#include "tests/fuzz/fuzz.h"
#include "tests/support/scratch_folder.h"
#include "tools/migrate/migration.h"
#include "tools/migrate/writer.h"
#include "zones/base/text.h"

namespace weir::fuzz {
namespace {

constexpr std::array<std::string_view, 16> kPiholeFiles = {"adlist.json",
                                                           "group.json",
                                                           "client.json",
                                                           "adlist_by_group.json",
                                                           "domainlist_by_group.json",
                                                           "client_by_group.json",
                                                           "whitelist.exact.json",
                                                           "blacklist.exact.json",
                                                           "whitelist.regex.json",
                                                           "blacklist.regex.json",
                                                           "setupVars.conf",
                                                           "custom.list",
                                                           "05-pihole-custom-cname.conf",
                                                           "etc/pihole/pihole.toml",
                                                           "etc/hosts",
                                                           "etc/pihole/gravity.db"};
constexpr std::array<std::string_view, 8> kTechnitiumFiles = {
    "dns.config",           "allowed.config", "blocked.config", "apps/Advanced Blocking/dnsApp.config",
    "zones/a.example.zone", "allowed.txt",    "stats/1.stat",   "x"};
// Where what is read depends on it.
constexpr std::array<std::string_view, 8> kFileNames = {"pihole.toml", "setupVars.conf", "allowed.txt", "blocked.txt",
                                                        "a.conf",      "a.json",         "a.yml",       "a.db"};

// A zip of entries that are not compressed: index of the name, block; and so on.
std::string make_archive(Input& in, std::span<const std::string_view> names) {
  std::vector<char> room(64 * 1024);
  std::size_t size = 0;
  archive* made = archive_write_new();
  archive_write_set_format_zip(made);
  archive_write_set_options(made, "zip:compression=store");
  archive_write_open_memory(made, room.data(), room.size(), &size);
  while (!in.empty()) {
    const std::string name(names[in.u8() % names.size()]);
    const Octets content = in.block();
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, name.c_str());
    archive_entry_set_size(entry, static_cast<la_int64_t>(content.size()));
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_write_header(made, entry);
    archive_write_data(made, content.data(), content.size());
    archive_entry_free(entry);
  }
  archive_write_close(made);
  archive_write_free(made);
  return {room.data(), size};
}

// Whether it asks for files beside its own: what lies on this machine is no part of the input.
bool leads_elsewhere(std::string_view text) {
  constexpr std::array<std::string_view, 6> kWords = {"include",      "conf-file", "conf-dir",
                                                      "servers-file", "hosts",     "file"};
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find_first_of("\r\n", at), text.size());
    const std::string line = to_lower_ascii(text.substr(at, end - at));
    const bool asks = std::any_of(kWords.begin(), kWords.end(),
                                  [&](std::string_view word) { return line.find(word) != std::string::npos; });
    if (asks && (line.find('/') != std::string::npos || line.find("..") != std::string::npos)) return true;
    at = end + 1;
  }
  return false;
}

void check(migrate::Migration& migration) {
  for (const migrate::Row& row : migration.rows) {
    require(row.outcome == migrate::Outcome::translated || !row.note.empty(), "a row that does not say why");
    require(!row.place.file.empty(), "a row without its place");
  }
  require(migration.in_order().size() == migration.rows.size(), "rows that are lost on the way to the report");
  (void)migrate::take_store_rules(migration);
  const auto files = migrate::render(migration, {});
  const auto good = migrate::verify(files);
  if (!good) std::fprintf(stderr, "%s\n", good.error().message.c_str());
  require(good.has_value(), "what is written is not what weir takes");
}

}  // namespace

// First octet: the system, and the name of the file; from 128 on an archive is made of the rest where the system has
// them.
WEIR_FUZZ_TARGET(migrate) {
  Input in(input);
  const std::uint8_t choices = in.u8();
  const migrate::System& system = migrate::systems()[choices % 8 % migrate::systems().size()];
  const bool archived = choices >= 128;
  std::string content;
  if (archived && system.name == "pihole") {
    content = make_archive(in, kPiholeFiles);
  } else if (archived && system.name == "technitium") {
    content = make_archive(in, kTechnitiumFiles);
  } else {
    content = text_of(in.rest());
  }
  if (leads_elsewhere(content) && (system.name == "unbound" || system.name == "dnsmasq")) return;

  static const test::ScratchFolder folder;
  const std::string file = folder / std::string(kFileNames[choices / 8 % kFileNames.size()]);
  std::ofstream(file, std::ios::binary | std::ios::trunc) << content;
  auto migration = system.read(file);
  std::filesystem::remove(file);
  if (migration) return check(*migration);
  require(!migration.error().message.empty() && is_utf8(migration.error().message), "an error that cannot be read");
}

}  // namespace weir::fuzz
