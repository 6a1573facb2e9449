// Signatures that minisign 0.11 made, over "hello\n".
#include "tools/sidecar/minisign.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/support/scratch_folder.h"
#include "tests/tools/sidecar/files.h"

namespace weir::sidecar::minisign_test {
namespace {

constexpr const char* kKey = "RWTdan+GHV5H9l2qQeLEExXKrukOj76IM+EfubxZgFSfW+1dZBWsLM6A";
constexpr const char* kHashed =
    "untrusted comment: signature from minisign secret key\n"
    "RUTdan+GHV5H9lwTmiwutxdBaGOCHAltma7rDcw1DBLPS1UiE3jCWTZ+Flpe2piLkPL5uwXkmVXyLj0R4d6BM6ZLLuICN5rckwo=\n"
    "trusted comment: timestamp:1795654602\tfile:f\thashed\n"
    "wNB53gZtJUJGELDxV2Ym2wfqugM4NxgKij6eRNludBlpjoNCrNDb8WVMmXdBmugNPW45n+mUPPHBOEWPwoNEBA==\n";
constexpr const char* kWhole =
    "untrusted comment: signature from minisign secret key\n"
    "RWTdan+GHV5H9gmsnH5Yj1mIriVryYd924bvJw9D+i/s6OPN8pRoxXtIjfe4PAMvva+7xgri5RfAbyFjKKYsdlUK9MthJN5rLwo=\n"
    "trusted comment: timestamp:1795654602\tfile:f\n"
    "/195YkNyHt2k8vKu14/xTnEkY3oV9NI4VwKyNN0PEn5eYpBogqBPY4qfe+RsJoiLaLEbwr+x2jQNkWgCjw7+CQ==\n";

std::string with(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

TEST(Minisign, BothFormsAndWhateverWasChanged) {
  const test::ScratchFolder scratch;
  const struct {
    const char* what;
    std::string file;
    std::string signature;
    std::string key;
    const char* fault;  // nullptr: good
  } rows[] = {
      {"hashed", "hello\n", kHashed, kKey, nullptr},
      {"whole", "hello\n", kWhole, kKey, nullptr},
      {"CRLF", "hello\n", with(with(kWhole, "key\n", "key\r\n"), "Lwo=\n", "Lwo=\r\n"), kKey, nullptr},
      {"untrusted comment", "hello\n", with(kHashed, "minisign secret", "whoever"), kKey, nullptr},
      {"other bytes", "hello!\n", kHashed, kKey, "it is not of these bytes"},
      {"other bytes, whole", "hello!\n", kWhole, kKey, "it is not of these bytes"},
      {"no bytes", "", kHashed, kKey, "it is not of these bytes"},
      {"trusted comment", "hello\n", with(kHashed, "file:f", "file:g"), kKey, "its trusted comment was changed"},
      {"hashed as whole", "hello\n", with(kHashed, "RUTd", "RWTd"), kKey, "it is not of these bytes"},
      {"signature", "hello\n", with(kHashed, "lwTmiw", "lwTmix"), kKey, "it is not of these bytes"},
      {"another key", "hello\n", kHashed, "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3",
       "it was made with another key"},
      {"no key", "hello\n", kHashed, "RW", "the key in the configuration is no minisign key"},
      {"a page", "hello\n", "<!doctype html>", kKey, "this is no file of minisign's"},
      {"nothing", "hello\n", "", kKey, "this is no file of minisign's"},
      {"cut short", "hello\n", std::string(kHashed).substr(0, 160), kKey, "its trusted comment is missing"},
      {"no base64", "hello\n", with(kHashed, "RUTd", "RU?d"), kKey, "its second line holds no signature"},
  };
  for (const auto& row : rows) {
    write_file(scratch / "f", row.file);
    const auto verified = verify_minisign(scratch / "f", row.signature, row.key);
    if (row.fault == nullptr) {
      ASSERT_TRUE(verified) << row.what << ": " << verified.error().message;
      EXPECT_TRUE(verified->starts_with("timestamp:1795654602\tfile:f")) << row.what << ": " << *verified;
    } else {
      ASSERT_FALSE(verified) << row.what;
      EXPECT_EQ(verified.error().code, ErrorCode::invalid) << row.what;
      EXPECT_NE(verified.error().message.find(row.fault), std::string::npos)
          << row.what << ": " << verified.error().message;
    }
  }
  EXPECT_EQ(verify_minisign(scratch / "absent", kHashed, kKey).error().code, ErrorCode::io);
}

// The signature says that all of the file is to be read into memory: the limit stands whoever wrote that.
TEST(Minisign, AWholeFileIsReadUpToALimitAndADigestMadeOfAny) {
  const test::ScratchFolder scratch;
  write_file(scratch / "f", "hello\n");
  const struct {
    const char* what;
    std::uint64_t size;
    const char* signature;
    const char* fault;
  } rows[] = {{"whole, at the limit", kMaxWholeFile, kWhole, "it is not of these bytes"},
              {"whole, above it", kMaxWholeFile + 1, kWhole, "the whole file is signed instead of its digest"},
              {"hashed, above it", kMaxWholeFile + 1, kHashed, "it is not of these bytes"}};
  for (const auto& row : rows) {
    std::filesystem::resize_file(scratch / "f", row.size);
    const auto verified = verify_minisign(scratch / "f", row.signature, kKey);
    ASSERT_FALSE(verified) << row.what;
    EXPECT_EQ(verified.error().code, ErrorCode::invalid) << row.what;
    EXPECT_NE(verified.error().message.find(row.fault), std::string::npos)
        << row.what << ": " << verified.error().message;
  }
}

TEST(Minisign, TheSignatureLiesBesideTheSource) {
  EXPECT_EQ(signature_source("/lists/a.txt"), "/lists/a.txt.minisig");
  EXPECT_EQ(signature_source("/lists/what?.txt"), "/lists/what?.txt.minisig");
  EXPECT_EQ(signature_source("https://lists.example/a.txt"), "https://lists.example/a.txt.minisig");
  EXPECT_EQ(signature_source("https://lists.example/a.txt?v=1#x"), "https://lists.example/a.txt.minisig?v=1#x");
}

}  // namespace
}  // namespace weir::sidecar::minisign_test
