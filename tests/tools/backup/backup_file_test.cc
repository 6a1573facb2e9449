#include "tools/backup/backup_file.h"

#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/support/scratch_folder.h"
#include "tools/support/sha256.h"

namespace weir::backup::backup_file_test {

namespace fs = std::filesystem;

void write(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::string noise(std::size_t size) {
  std::string out;
  std::uint32_t state = 12345;
  while (out.size() < size) {
    state = state * 1664525 + 1013904223;
    out += static_cast<char>(state >> 24);
  }
  return out;
}

class BackupFile : public ::testing::Test {
 protected:
  void SetUp() override {
    write(folder_.path() / "weir.toml", "[log]\nprivacy = \"none\"\n");
    write(folder_.path() / "table", noise(300'000));
    write(folder_.path() / "empty", "");
    fs::create_hard_link(folder_.path() / "table", folder_.path() / "same");
    sources_ = {{"config/weir.toml", folder_.path() / "weir.toml"},
                {"store/policy/generations/1/000001.sst", folder_.path() / "table"},
                {"store/policy/live/000001.sst", folder_.path() / "same"},
                {"store/audit/records", folder_.path() / "empty"}};
    about_.weir = "1.2.3";
    about_.store_format = 1;
    about_.fingerprint = "f";
  }

  // Every member's octets, as a reader is given them.
  Result<std::map<std::string, std::string>> contents(const fs::path& file) {
    std::map<std::string, std::string> out;
    std::string* at = nullptr;
    std::vector<Member> links;
    BackupVisitor visitor;
    visitor.member = [&](const Member& member) -> Result<void> {
      at = &out[member.path];
      if (!member.same_as.empty()) *at = out.at(member.same_as);
      return {};
    };
    visitor.piece = [&](std::string_view octets) -> Result<void> {
      *at += octets;
      return {};
    };
    const auto about = read_backup(file, visitor);
    if (!about) return about.error();
    return out;
  }

  // A file that nobody's write_backup() made: `names` in the archive, whatever the manifest says.
  fs::path forge(const std::string& manifest, const std::vector<std::pair<std::string, std::string>>& members,
                 const std::function<void(archive_entry*)>& change = {}) {
    const fs::path file = folder_.path() / ("forged" + std::to_string(++forged_));
    archive* out = archive_write_new();
    archive_write_set_format_pax_restricted(out);
    archive_write_add_filter_zstd(out);
    EXPECT_EQ(archive_write_open_filename(out, file.c_str()), ARCHIVE_OK);
    const auto add = [&](const std::string& name, const std::string& text, bool is_changed) {
      archive_entry* entry = archive_entry_new();
      archive_entry_set_pathname(entry, name.c_str());
      archive_entry_set_size(entry, static_cast<la_int64_t>(text.size()));
      archive_entry_set_filetype(entry, AE_IFREG);
      archive_entry_set_perm(entry, 0600);
      if (is_changed && change) change(entry);
      archive_write_header(out, entry);
      archive_write_data(out, text.data(), text.size());
      archive_entry_free(entry);
    };
    add("MANIFEST", manifest, false);
    for (const auto& [name, text] : members) add(name, text, true);
    Sha256 hash;
    hash.update(manifest);
    add("MANIFEST.sha256", hash.finish_hex() + "\n", false);
    archive_write_close(out);
    archive_write_free(out);
    return file;
  }

  static std::string hash_of(const std::string& text) {
    Sha256 hash;
    hash.update(text);
    return hash.finish_hex();
  }

  test::ScratchFolder folder_;
  Manifest about_;
  std::vector<Source> sources_;
  int forged_ = 0;
};

TEST_F(BackupFile, ComesBackAsItWas) {
  const fs::path file = folder_.path() / "b.tar.zst";
  const auto bytes = write_backup(file, about_, sources_);
  ASSERT_TRUE(bytes) << bytes.error().message;
  EXPECT_EQ(*bytes, fs::file_size(file));
  EXPECT_LT(*bytes, 400'000U) << "files that are one file are stored once";
  EXPECT_EQ(fs::status(file).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  const auto found = contents(file);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->size(), 4U);
  for (const Source& source : sources_) EXPECT_EQ(found->at(source.member), read(source.file)) << source.member;
  const auto again = write_backup(file, about_, sources_);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::exists);
  EXPECT_FALSE(fs::exists(file.string() + ".part"));
}

TEST_F(BackupFile, IsRefusedWhereverItIsCutOrChanged) {
  const fs::path file = folder_.path() / "b.tar.zst";
  ASSERT_TRUE(write_backup(file, about_, sources_));
  const std::string whole = read(file);
  const fs::path bad = folder_.path() / "bad";
  for (std::size_t i = 0; i < 40; ++i) {
    write(bad, whole.substr(0, whole.size() * i / 40));
    const auto cut = contents(bad);
    ASSERT_FALSE(cut) << i;
    EXPECT_EQ(cut.error().code, ErrorCode::corrupt) << cut.error().message;
    std::string changed = whole;
    changed[whole.size() * i / 40] ^= 0x10;
    write(bad, changed);
    const auto flipped = contents(bad);
    ASSERT_FALSE(flipped) << i;
    EXPECT_EQ(flipped.error().code, ErrorCode::corrupt) << flipped.error().message;
  }
  write(bad, "not a backup\n");
  EXPECT_NE(contents(bad).error().message.find("no backup of weir"), std::string::npos);
  EXPECT_EQ(contents(folder_.path() / "nothing").error().code, ErrorCode::not_found);
}

TEST_F(BackupFile, OfANewerWeirNamesTheVersionThatItNeeds) {
  Manifest newer = about_;
  newer.weir = "9.8.7";
  newer.format = kBackupFormat + 1;
  EXPECT_EQ(contents(forge(encode(newer), {})).error().code, ErrorCode::incompatible);
  newer.format = kBackupFormat;
  newer.store_format = 4000;
  const auto refused = contents(forge(encode(newer), {}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::incompatible);
  EXPECT_NE(refused.error().message.find("4000"), std::string::npos) << refused.error().message;
  EXPECT_NE(refused.error().message.find("it needs weir 9.8.7 or newer"), std::string::npos);
}

TEST_F(BackupFile, HoldsNothingButWhatItsManifestSays) {
  const std::string text = "text";
  Manifest about = about_;
  about.members = {{"store/audit/records", text.size(), hash_of(text), ""}};
  const std::string manifest = encode(about);
  ASSERT_TRUE(contents(forge(manifest, {{"store/audit/records", text}})));
  const std::vector<std::vector<std::pair<std::string, std::string>>> others = {
      {},
      {{"store/audit/records", "TEXT"}},
      {{"store/audit/records", text + text}},
      {{"../records", text}},
      {{"/etc/passwd", text}},
      {{"store/audit/records", text}, {"store/audit/more", text}},
  };
  for (const auto& members : others) EXPECT_FALSE(contents(forge(manifest, members)));
  const fs::path linked = forge(manifest, {{"store/audit/records", ""}}, [](archive_entry* entry) {
    archive_entry_set_filetype(entry, AE_IFLNK);
    archive_entry_set_symlink(entry, "/etc/passwd");
  });
  EXPECT_FALSE(contents(linked));
}

TEST(Manifest, NamesNoPathThatLeadsAway) {
  const struct {
    std::string_view path;
    bool is_good;
  } rows[] = {
      {"config/weir.toml", true},
      {"config/weir.d/list-ads.toml", true},
      {"store/policy/live/CURRENT", true},
      {"store/policy/generations/12/000042.sst", true},
      {"store/sidecar-state.json", true},
      {"store/log/000001.log", true},
      {"", false},
      {"store", false},
      {"store/", false},
      {"store/tokens.json", false},
      {"store/other/file", false},
      {"store/policy//live", false},
      {"store/policy/./live", false},
      {"store/policy/../../etc/passwd", false},
      {"store/policy/a\nb", false},
      {"store/policy/a\\b", false},
      {"/store/policy/live", false},
      {"../store/policy/live", false},
      {"config/other.toml", false},
      {"config/weir.d/../weir.toml", false},
      {"config/weir.d/a/b.toml", false},
      {"config/weir.d/a.sh", false},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(is_member_path(row.path), row.is_good) << row.path;
    Manifest about;
    about.store_format = 1;
    about.members = {{std::string(row.path), 1, std::string(64, 'a'), ""}};
    EXPECT_EQ(decode_manifest(encode(about)).has_value(), row.is_good) << row.path;
  }
}

TEST(Manifest, IsRefusedWhereItContradictsItself) {
  const std::string hash(64, 'a');
  const std::vector<std::vector<Member>> rows = {
      {{"store/log/a", 1, hash, ""}, {"store/log/a", 1, hash, ""}},
      {{"store/log/a", 1, "", "store/log/b"}, {"store/log/b", 1, hash, ""}},
      {{"store/log/a", 1, "", "store/log/a"}},
      {{"store/log/a", 1, "", ""}},
      {{"store/log/a", 1, std::string(64, 'G'), ""}},
  };
  for (const auto& members : rows) {
    Manifest about;
    about.store_format = 1;
    about.members = members;
    EXPECT_FALSE(decode_manifest(encode(about)));
  }
  for (const char* text : {"", "{}", "[]", "{\"weir_backup\":0}", "{\"weir_backup\":1,\"store_format\":1}", "\xff"})
    EXPECT_FALSE(decode_manifest(text)) << text;
}

}  // namespace weir::backup::backup_file_test
