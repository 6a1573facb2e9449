#include "tools/sidecar/control_server.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <chrono>
#include <cstring>
#include <ctime>

#include "tests/support/scratch_folder.h"
#include "zones/base/descriptor.h"

namespace weir::sidecar::control_server_test {
namespace {

std::chrono::nanoseconds processor_time() {
  timespec used{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

bool is_readable(const Descriptor& socket, int milliseconds) {
  pollfd waiting{socket.get(), POLLIN, 0};
  return ::poll(&waiting, 1, milliseconds) > 0;
}

TEST(ControlServer, WithoutAFreeDescriptorItRestsAndThenAnswers) {
  const test::ScratchFolder scratch;
  const std::filesystem::path path = scratch / "control.sock";
  const auto server = ControlServer::start(
      path, [](const ControlRequest&, Responder&) { return encode_result(boost::json::object{}); });
  ASSERT_TRUE(server) << server.error().message;
  const Descriptor client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  none.rlim_cur = 3;  // all of them are taken
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const std::string line = encode_request({"anything", "{}", "tester"});
  const bool sent = ::connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
                    write_all(client, line);
  const auto begin = processor_time();
  const bool answered_early = is_readable(client, 500);
  const auto used = processor_time() - begin;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_TRUE(sent);
  EXPECT_FALSE(answered_early);
  EXPECT_LT(used, std::chrono::milliseconds(100)) << "of half a second";
  EXPECT_TRUE(is_readable(client, 20'000));
}

}  // namespace
}  // namespace weir::sidecar::control_server_test
