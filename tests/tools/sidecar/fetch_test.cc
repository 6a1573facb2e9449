#include "tools/sidecar/fetch.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <zlib.h>

#include <chrono>

#include "tests/support/scratch_folder.h"
#include "tests/tools/sidecar/files.h"
#include "tests/tools/sidecar/http_server.h"
#include "tools/sidecar/digest.h"

namespace weir::sidecar::fetch_test {
namespace {

std::string gzip(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string list_of(std::size_t names) {
  std::string text = "# a list\n";
  for (std::size_t i = 0; i < names; ++i) text += "host" + std::to_string(i * 7919) + ".example\n";
  return text;
}

class FetchTest : public ::testing::Test {
 protected:
  FetchTest() {
    limits_.allow_private = {"127.0.0.1"};
    limits_.timeout = std::chrono::seconds(10);
  }
  Result<FetchOutcome> get(const std::string& source, const std::string& etag = {}) {
    return fetch({source, etag, {}, scratch_ / "list.new"}, limits_, {}, stop_);
  }
  // What the fetch left on disk is all of it or nothing.
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(scratch_.path()), {}));
  }
  void expect_refused(const std::string& source, ErrorCode code, const std::string& said) {
    const auto outcome = get(source);
    ASSERT_FALSE(outcome) << source;
    EXPECT_EQ(outcome.error().code, code) << outcome.error().message;
    EXPECT_NE(outcome.error().message.find(said), std::string::npos) << outcome.error().message;
    EXPECT_EQ(files(), 0U) << outcome.error().message;
  }

  test::ScratchFolder scratch_;
  FetchConfig limits_;
  std::atomic<bool> stop_{false};
  HttpServer server_;
};

TEST_F(FetchTest, PlainBodyIsWrittenWithItsHash) {
  const std::string body = list_of(1000);
  server_.serve("/list", body, "ETag: \"v1\"\r\nLast-Modified: Mon, 06 Jul 2026 00:00:00 GMT\r\n");
  const auto outcome = get(server_.url("/list"));
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(read_file(scratch_ / "list.new"), body);
  EXPECT_EQ(outcome->sha256, *sha256_of_file(scratch_ / "list.new"));
  EXPECT_EQ(outcome->etag, "\"v1\"");
  EXPECT_EQ(outcome->last_modified, "Mon, 06 Jul 2026 00:00:00 GMT");
  EXPECT_EQ(outcome->size_bytes, body.size());
  EXPECT_FALSE(outcome->not_modified);
}

TEST_F(FetchTest, NotModifiedWritesNothing) {
  server_.on("/list", [](const std::string& request, const HttpServer::Send& send) {
    send(request.find("If-None-Match: \"v1\"") != std::string::npos
             ? "HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n"
             : "HTTP/1.1 500 Sorry\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  });
  const auto outcome = get(server_.url("/list"), "\"v1\"");
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_TRUE(outcome->not_modified);
  EXPECT_EQ(outcome->etag, "\"v1\"");
  EXPECT_EQ(files(), 0U);
  expect_refused(server_.url("/list"), ErrorCode::unavailable, "answered 500");
}

TEST_F(FetchTest, CompressedForTheTransferAndCompressedInItselfAreDecoded) {
  const std::string body = list_of(5000);
  server_.serve("/encoded", gzip(body), "Content-Encoding: gzip\r\n");
  server_.serve("/file.gz", gzip(body));
  server_.serve("/both", gzip(gzip(body)), "Content-Encoding: gzip\r\n");
  for (const char* path : {"/encoded", "/file.gz", "/both"}) {
    const auto outcome = get(server_.url(path));
    ASSERT_TRUE(outcome) << path << outcome.error().message;
    EXPECT_EQ(read_file(scratch_ / "list.new"), body) << path;
    EXPECT_LT(outcome->wire_bytes, outcome->size_bytes);
  }
  write_file(scratch_ / "local.gz", gzip(body));
  const auto local = get((scratch_ / "local.gz").string());
  ASSERT_TRUE(local) << local.error().message;
  EXPECT_EQ(read_file(scratch_ / "list.new"), body);
}

TEST_F(FetchTest, DecompressionBombIsStopped) {
  const std::string bomb = gzip(std::string(32 << 20, 'a'));  // about 1000 : 1
  server_.serve("/bomb.gz", bomb);
  expect_refused(server_.url("/bomb.gz"), ErrorCode::too_large, "100 times its size");
  server_.serve("/encoded", bomb, "Content-Encoding: gzip\r\n");
  expect_refused(server_.url("/encoded"), ErrorCode::too_large, "100 times its size");
  server_.serve("/twice", gzip(bomb), "Content-Encoding: gzip\r\n");
  expect_refused(server_.url("/twice"), ErrorCode::too_large, "100 times its size");
  limits_.max_ratio = 100000;
  limits_.max_decoded_bytes = 4 << 20;
  expect_refused(server_.url("/bomb.gz"), ErrorCode::too_large, "4194304 bytes after decompression");
}

TEST_F(FetchTest, CompressedDataThatEndsHalfWayOrIsDamagedIsRefused) {
  const std::string whole = gzip(list_of(5000));
  server_.serve("/half.gz", whole.substr(0, whole.size() / 2));
  expect_refused(server_.url("/half.gz"), ErrorCode::invalid, "ends half-way");
  std::string damaged = whole;
  damaged[whole.size() / 2] = static_cast<char>(damaged[whole.size() / 2] ^ 0x55);
  damaged[whole.size() / 2 + 1] = static_cast<char>(damaged[whole.size() / 2 + 1] ^ 0x55);
  server_.serve("/damaged.gz", damaged);
  expect_refused(server_.url("/damaged.gz"), ErrorCode::invalid, "compressed data");
}

TEST_F(FetchTest, TooLargeIsRefusedWhetherAnnouncedOrNot) {
  limits_.max_bytes = 10'000;
  server_.serve("/announced", std::string(20'000, 'x'));
  expect_refused(server_.url("/announced"), ErrorCode::too_large, "10000 bytes");
  server_.on("/endless", [](const std::string&, const HttpServer::Send& send) {
    send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
    while (send(std::string(4096, 'x'))) {
    }
  });
  expect_refused(server_.url("/endless"), ErrorCode::too_large, "10000 bytes");
  server_.on("/endless-error", [](const std::string&, const HttpServer::Send& send) {
    send("HTTP/1.1 404 Gone\r\nConnection: close\r\n\r\n");
    while (send(std::string(65536, 'x'))) {
    }
  });
  expect_refused(server_.url("/endless-error"), ErrorCode::unavailable, "endless page");
}

TEST_F(FetchTest, CutHalfWayIsAnError) {
  server_.on("/length", [](const std::string&, const HttpServer::Send& send) {
    send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nConnection: close\r\n\r\nfirst.example\n");
  });
  expect_refused(server_.url("/length"), ErrorCode::unavailable, "half-way");
  server_.on("/chunked", [](const std::string&, const HttpServer::Send& send) {
    send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n100\r\nfirst.example\n");
  });
  expect_refused(server_.url("/chunked"), ErrorCode::unavailable, server_.url("/chunked"));
  server_.serve("/empty", "");
  expect_refused(server_.url("/empty"), ErrorCode::invalid, "nothing in it");
}

TEST_F(FetchTest, SlowBodyEndsAtTheTimeOut) {
  limits_.timeout = std::chrono::milliseconds(300);
  server_.on("/slow", [](const std::string&, const HttpServer::Send& send) {
    send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nfirst.example\n");
    send(HttpServer::kHang);
  });
  const auto begin = std::chrono::steady_clock::now();
  expect_refused(server_.url("/slow"), ErrorCode::timed_out, "300 ms");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
}

TEST_F(FetchTest, RedirectsAreFollowedWithinTheirBound) {
  server_.serve("/list", "a.example\n");
  const auto redirect = [this](const std::string& from, const std::string& to) {
    server_.on(from, [to](const std::string&, const HttpServer::Send& send) {
      send("HTTP/1.1 302 Found\r\nLocation: " + to + "\r\nContent-Length: 5\r\nConnection: close\r\n\r\nmoved");
    });
  };
  redirect("/hop", "/list");
  const auto outcome = get(server_.url("/hop"));
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->final_source, server_.url("/list"));
  EXPECT_EQ(read_file(scratch_ / "list.new"), "a.example\n");
  std::filesystem::remove(scratch_ / "list.new");

  redirect("/loop", "/loop");
  const std::size_t before = server_.requests().size();
  expect_refused(server_.url("/loop"), ErrorCode::invalid, "more than 5 redirects");
  EXPECT_EQ(server_.requests().size() - before, 6U);
  redirect("/file", "file:///etc/passwd");
  expect_refused(server_.url("/file"), ErrorCode::invalid, "only http and https");
  redirect("/ftp", "ftp://127.0.0.1/list");
  expect_refused(server_.url("/ftp"), ErrorCode::invalid, "only http and https");
  redirect("/private", "http://10.0.0.1/list");
  expect_refused(server_.url("/private"), ErrorCode::permission, "10.0.0.1, a private address");
}

TEST_F(FetchTest, PrivateAddressesAreRefusedAfterResolution) {
  server_.serve("/list", "a.example\n");
  limits_.allow_private.clear();
  expect_refused(server_.url("/list"), ErrorCode::permission, "127.0.0.1, a loopback address");
  expect_refused("http://localhost/list", ErrorCode::permission, "allow_private");
  expect_refused("http://[::ffff:10.0.0.1]/list", ErrorCode::permission, "a private address");
  expect_refused("http://169.254.169.254/latest/meta-data", ErrorCode::permission, "link-local");
  EXPECT_TRUE(server_.requests().empty());
  limits_.allow_private = {"127.0.0.0/8"};
  EXPECT_TRUE(get(server_.url("/list")).has_value());
}

TEST_F(FetchTest, WhatIsNoSourceIsRefused) {
  expect_refused("ftp://lists.example/x", ErrorCode::invalid, "a source is http://");
  expect_refused("file:///etc/passwd", ErrorCode::invalid, "a source is http://");
  expect_refused((scratch_ / "absent").string(), ErrorCode::not_found, "absent");
  expect_refused("/dev/zero", ErrorCode::invalid, "not a regular file");
  const std::string pipe = (scratch_ / "pipe").string();
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const auto outcome = get(pipe);
  ASSERT_FALSE(outcome);
  EXPECT_NE(outcome.error().message.find("not a regular file"), std::string::npos);
}

TEST_F(FetchTest, StopEndsADownload) {
  server_.on("/hanging", [this](const std::string&, const HttpServer::Send& send) {
    send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nfirst.example\n");
    stop_ = true;
    send(HttpServer::kHang);
  });
  expect_refused(server_.url("/hanging"), ErrorCode::unavailable, "stopped");
}

TEST(ShownSource, HidesPasswordsAndEscapes) {
  EXPECT_EQ(shown_source("https://user:secret@lists.example/a@b"), "https://lists.example/a@b");
  EXPECT_EQ(shown_source("/etc/li\x1bst"), "/etc/li\\x1Bst");
}

}  // namespace
}  // namespace weir::sidecar::fetch_test
