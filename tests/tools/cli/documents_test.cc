#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tools/cli/app.h"
#include "zones/config/config.h"

namespace weir::cli::documents_test {
namespace {

namespace fs = std::filesystem;

std::string printed(const std::string& what) {
  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  Streams streams{in, out, err, false};
  EXPECT_EQ(run({"print", what}, streams), ExitCode::done) << err.str();
  return out.str();
}

// No line is a request that nobody meant: those that begin with a dot are ours.
void expect_good_roff(const std::string& page) {
  std::istringstream in(page);
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] != '.') continue;
    const std::string request = line.substr(0, line.find(' '));
    EXPECT_TRUE(std::string(".TH .SH .SS .TP .B .RI .BR .PP .br .nf .fi ").find(request + ' ') != std::string::npos)
        << line;
  }
}

TEST(Documents, TheManPageHasEveryVerb) {
  const std::string page = printed("man");
  expect_good_roff(page);
  for (const char* verb :
       {"check", "status", "reload", "resolve", "cache show", "cache flush", "anchors", "anchors nta add", "list add",
        "rule add", "explain", "generation rollback", "log search", "migrate pihole", "print man"}) {
    EXPECT_NE(page.find(std::string("\n.SS weir ") + verb + '\n'), std::string::npos) << verb;
  }
  EXPECT_NE(page.find("\\fB\\-\\-batch\\fR"), std::string::npos);
}

TEST(Documents, TheConfigurationPageHasEveryKey) {
  const std::string page = printed("man-config");
  expect_good_roff(page);
  for (const ConfigKey& key : config_keys()) {
    EXPECT_NE(page.find("\n.B " + key.key + '\n'), std::string::npos) << key.section << ' ' << key.key;
  }
}

TEST(Documents, BashCompletesVerbsAndOptions) {
  const fs::path script = fs::temp_directory_path() / ("weir-completion-" + std::to_string(::getpid()));
  std::ofstream(script) << printed("bash-completion");
  const auto completed = [&](const std::string& words, int at) {
    const std::string command = "bash -c '. " + script.string() + "; COMP_WORDS=(" + words +
                                "); COMP_CWORD=" + std::to_string(at) + "; _weir; echo ${COMPREPLY[@]}' 2>&1";
    std::string out;
    FILE* pipe = popen(command.c_str(), "r");
    if (pipe == nullptr) return out;
    std::array<char, 512> chunk;
    while (fgets(chunk.data(), chunk.size(), pipe) != nullptr) out += chunk.data();
    pclose(pipe);
    return out;
  };
  EXPECT_EQ(completed("weir ex", 1), "explain\n");
  EXPECT_EQ(completed("weir list upd", 2), "update\n");
  EXPECT_EQ(completed("weir --json cache sh", 3), "show\n");
  EXPECT_EQ(completed("weir explain --ba", 2), "--batch\n");
  EXPECT_EQ(completed("weir nonsense", 1), "\n");
  fs::remove(script);
}

}  // namespace
}  // namespace weir::cli::documents_test
