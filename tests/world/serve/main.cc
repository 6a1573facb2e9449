// weir_world_servers SEED FOLDER [feel]: every server of a generated world, on real sockets.
//
// Writes root.hints, anchor, addresses, world (for people) and questions (with what the oracle allows) to FOLDER, says
// "written", and waits for a line on standard input: by then the addresses must be there (a namespace of one's own).
// Then it owns them all, port 53, UDP and TCP, and applies the same delays, losses and lies as in virtual time, in real
// time. It says "ready", answers each line with the queries so far, and ends with standard input.
//
// `feel`: the world of feel.h.
#include <boost/asio.hpp>

#include <algorithm>
#include <fstream>
#include <iostream>

#include "tests/world/feel.h"
#include "tests/world/oracle.h"

namespace weir::world {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using asio::ip::udp;

constexpr std::uint16_t kPort = 53;
constexpr std::size_t kLargestQuery = 4096;
constexpr std::size_t kMostConnections = 2000;

asio::ip::address boost_address(const IpAddress& address) {
  return asio::ip::make_address(address.to_text());
}

World make_world(std::uint64_t seed, bool feel) {
  WorldOptions options;
  options.wall_start = std::chrono::time_point_cast<WallTime::duration>(std::chrono::system_clock::now());
  options.changes = false;
  options.ipv6 = false;
  return feel ? World(feel_plan(seed, options)) : World::make(seed, options);
}

void write_outcome(std::ostream& out, const Outcome& outcome) {
  const char* const authentic[] = {"required", "either", "forbidden"};
  out << "O " << static_cast<unsigned>(outcome.rcode) << ' ' << authentic[static_cast<unsigned>(outcome.authentic)]
      << ' ' << (outcome.any_subset ? "part" : "whole") << ' ' << (outcome.bogus ? "bogus" : "good") << '\n';
  for (const Rrset& rrset : outcome.answer) {
    for (const auto rdata : rrset.records()) {
      out << "R " << rrset.owner.to_text() << ' ' << static_cast<unsigned>(rrset.type) << " .";
      for (const std::uint8_t octet : rdata) out << "0123456789abcdef"[octet >> 4] << "0123456789abcdef"[octet & 15];
      out << '\n';
    }
  }
}

void write_files(const World& world, const std::string& folder) {
  std::ofstream hints(folder + "/root.hints");
  for (const RootServer& root : world.root_hints()) {
    hints << ". 3600000 NS " << root.name.to_text() << ".\n";
    for (const IpAddress& address : root.addresses) {
      hints << root.name.to_text() << ". 3600000 A " << address.to_text() << '\n';
    }
  }
  std::ofstream(folder + "/anchor") << world.anchor_line() << '\n';
  std::ofstream addresses(folder + "/addresses");
  for (const IpAddress& address : world.addresses()) addresses << address.to_text() << '\n';
  std::ofstream(folder + "/world") << describe(world.plan());
  std::ofstream questions(folder + "/questions");
  const Oracle oracle(world);
  for (const Question& question : world.questions()) {
    const Expected expected = oracle.expected(question, Time(0));
    questions << "Q " << question.name.to_text() << ' ' << static_cast<unsigned>(question.type) << ' '
              << (expected.failure_allowed ? "failure_allowed" : "must_answer") << ' ' << expected.why << '\n';
    for (const Outcome& outcome : expected.outcomes) write_outcome(questions, outcome);
  }
}

class Servers {
 public:
  Servers(asio::io_context& io, World& world) : io_(io), world_(world), began_(std::chrono::steady_clock::now()) {
    for (const IpAddress& address : world.addresses()) {
      auto udp_server = std::make_shared<Udp>(Udp{udp::socket(io, {boost_address(address), kPort}), address, {}, {}});
      udp_server->socket.set_option(asio::socket_base::receive_buffer_size(1 << 20));
      receive(udp_server);
      auto tcp_server = std::make_shared<Tcp>(Tcp{tcp::acceptor(io, {boost_address(address), kPort}), address});
      accept(tcp_server);
    }
  }
  std::uint64_t over_udp = 0, over_tcp = 0;

 private:
  struct Udp {
    udp::socket socket;
    IpAddress address;
    udp::endpoint from;
    std::array<std::uint8_t, kLargestQuery> buffer;
  };
  struct Tcp {
    tcp::acceptor acceptor;
    IpAddress address;
  };
  struct Connection {
    tcp::socket socket;
    IpAddress address;
    std::array<std::uint8_t, 2> length{};
    Octets query{};
  };

  Time now() const { return std::chrono::duration_cast<Time>(std::chrono::steady_clock::now() - began_); }

  template <class Action>
  void after(Time delay, Action action) {
    auto timer = std::make_shared<asio::steady_timer>(io_, delay);
    timer->async_wait([timer, action = std::move(action)](boost::system::error_code) mutable { action(); });
  }

  void receive(const std::shared_ptr<Udp>& server) {
    server->socket.async_receive_from(
        asio::buffer(server->buffer), server->from, [this, server](boost::system::error_code error, std::size_t size) {
          if (!error) {
            ++over_udp;
            const std::span<const std::uint8_t> query(server->buffer.data(), size);
            for (Delivery& delivery : world_.answer(server->address, UpstreamTransport::udp, query, now())) {
              after(delivery.delay, [server, to = server->from, octets = std::move(delivery.octets)] {
                boost::system::error_code ignored;
                server->socket.send_to(asio::buffer(octets), to, 0, ignored);
              });
            }
          }
          receive(server);
        });
  }

  void accept(const std::shared_ptr<Tcp>& server) {
    server->acceptor.async_accept([this, server](boost::system::error_code error, tcp::socket socket) {
      if (!error && connections_ < kMostConnections) {
        ++connections_;
        const std::shared_ptr<Connection> connection(new Connection{std::move(socket), server->address},
                                                     [this](Connection* old) {
                                                       --connections_;
                                                       delete old;
                                                     });
        read(connection);
      }
      accept(server);
    });
  }

  void read(const std::shared_ptr<Connection>& connection) {
    asio::async_read(
        connection->socket, asio::buffer(connection->length),
        [this, connection](boost::system::error_code error, std::size_t) {
          if (error) return;
          connection->query.resize(static_cast<std::size_t>(connection->length[0] << 8 | connection->length[1]));
          read_query(connection);
        });
  }

  void read_query(const std::shared_ptr<Connection>& connection) {
    asio::async_read(connection->socket, asio::buffer(connection->query),
                     [this, connection](boost::system::error_code error, std::size_t) {
                       if (error) return;
                       ++over_tcp;
                       answer(connection);
                       read(connection);
                     });
  }

  void answer(const std::shared_ptr<Connection>& connection) {
    for (Delivery& delivery : world_.answer(connection->address, UpstreamTransport::tcp, connection->query, now())) {
      after(delivery.delay, [connection, octets = std::move(delivery.octets)] {
        boost::system::error_code ignored;
        if (octets.empty()) {
          connection->socket.close(ignored);
          return;
        }
        const std::array<std::uint8_t, 2> length{static_cast<std::uint8_t>(octets.size() >> 8),
                                                 static_cast<std::uint8_t>(octets.size())};
        asio::write(connection->socket, std::array<asio::const_buffer, 2>{asio::buffer(length), asio::buffer(octets)},
                    ignored);
      });
    }
  }

  asio::io_context& io_;
  World& world_;
  std::chrono::steady_clock::time_point began_;
  std::size_t connections_ = 0;
};

// A line on standard input asks for the count; its end is ours.
void obey(asio::io_context& io, asio::posix::stream_descriptor& input, asio::streambuf& line, const Servers& servers) {
  asio::async_read_until(input, line, '\n', [&](boost::system::error_code error, std::size_t size) {
    if (error) {
      io.stop();
      return;
    }
    line.consume(size);
    std::cout << "udp " << servers.over_udp << " tcp " << servers.over_tcp << std::endl;
    obey(io, input, line, servers);
  });
}

int run(int argc, char** argv) {
  const std::string mode = argc > 3 ? argv[3] : "";
  if (argc < 3 || argc > 4 || (!mode.empty() && mode != "feel")) {
    std::cerr << "usage: weir_world_servers SEED FOLDER [feel]\n";
    return 2;
  }
  World world = make_world(std::strtoull(argv[1], nullptr, 10), mode == "feel");
  write_files(world, argv[2]);
  std::cout << "written" << std::endl;
  std::string go;
  if (!std::getline(std::cin, go)) return 0;  // who reads FOLDER adds the addresses before he says so
  asio::io_context io(1);
  Servers servers(io, world);
  asio::posix::stream_descriptor input(io, 0);
  asio::streambuf line;
  obey(io, input, line, servers);
  std::cout << "ready" << std::endl;
  io.run();
  return 0;
}

}  // namespace
}  // namespace weir::world

int main(int argc, char** argv) {
  try {
    return weir::world::run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "weir_world_servers: " << error.what() << '\n';
    return 1;
  }
}
