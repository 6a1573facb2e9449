// A web server of the test: a thread, plain sockets, answers that are written octet by octet, so that it can
// misbehave in every way that matters.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace weir::sidecar {

class HttpServer {
 public:
  static constexpr char kHang[] = "hang";  // sends nothing and waits until the client leaves
  // Writes the whole answer; false from send means that the client has left.
  using Send = std::function<bool(const std::string&)>;
  using Handler = std::function<void(const std::string& request, const Send& send)>;

  HttpServer() {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, 16) != 0) ::abort();
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    stop_ = ::eventfd(0, EFD_CLOEXEC);
    thread_ = std::thread([this] { loop(); });
  }
  ~HttpServer() {
    const std::uint64_t one = 1;
    if (::write(stop_, &one, sizeof one) != sizeof one) ::abort();
    thread_.join();
    ::close(listener_);
    ::close(stop_);
  }

  void on(const std::string& path, Handler handler) {
    const std::lock_guard lock(mutex_);
    handlers_[path] = std::move(handler);
  }
  // A plain good answer.
  void serve(const std::string& path, const std::string& body, const std::string& headers = {}) {
    on(path, [body, headers](const std::string&, const Send& send) {
      send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\nConnection: close\r\n" + headers +
           "\r\n" + body);
    });
  }
  std::string url(const std::string& path) const { return "http://127.0.0.1:" + std::to_string(port_) + path; }
  std::vector<std::string> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  bool wait(int socket, short events) const {
    pollfd waiting[2] = {{socket, events, 0}, {stop_, POLLIN, 0}};
    return ::poll(waiting, 2, 20'000) > 0 && waiting[1].revents == 0;
  }

  void loop() {
    for (;;) {
      if (!wait(listener_, POLLIN)) {
        pollfd stop{stop_, POLLIN, 0};
        if (::poll(&stop, 1, 0) > 0) return;
        continue;
      }
      const int socket = ::accept(listener_, nullptr, nullptr);
      if (socket < 0) continue;
      std::string request;
      char piece[4096];
      while (request.find("\r\n\r\n") == std::string::npos && wait(socket, POLLIN)) {
        const ssize_t got = ::recv(socket, piece, sizeof piece, 0);
        if (got <= 0) break;
        request.append(piece, static_cast<std::size_t>(got));
      }
      const std::size_t begin = request.find(' ') + 1;
      const std::string path = request.substr(begin, request.find(' ', begin) - begin);
      Handler handler;
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(request);
        if (handlers_.contains(path)) handler = handlers_[path];
      }
      const Send send = [&](const std::string& octets) {
        if (octets == kHang) {
          wait(socket, POLLRDHUP);
          return false;
        }
        std::size_t done = 0;
        while (done < octets.size()) {
          if (!wait(socket, POLLOUT)) return false;
          const ssize_t sent = ::send(socket, octets.data() + done, octets.size() - done, MSG_NOSIGNAL | MSG_DONTWAIT);
          if (sent < 0) return false;
          done += static_cast<std::size_t>(sent);
        }
        return true;
      };
      if (handler) {
        handler(request, send);
      } else {
        send("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\nConnection: close\r\n\r\nnope");
      }
      ::close(socket);
    }
  }

  int listener_ = -1;
  int stop_ = -1;
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::map<std::string, Handler> handlers_;
  std::vector<std::string> requests_;
  std::thread thread_;
};

}  // namespace weir::sidecar
