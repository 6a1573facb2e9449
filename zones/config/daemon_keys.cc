// The keys of [run], [store], [fetch], [transfer] and [api], and of what belongs to them.
#include "zones/base/text.h"
#include "zones/config/kinds.h"

namespace weir::config {
namespace {

using std::chrono::milliseconds;

}  // namespace

const Keys<RunConfig>& run_keys() {
  using C = RunConfig;
  static const Keys<C> keys = {
      key<C>(
          "path", path("a folder"), [](C& c) -> auto& { return c.path; },
          "sockets, decision rings and locks of the running programs"),
  };
  return keys;
}

const Keys<StoreConfig>& store_keys() {
  using C = StoreConfig;
  static const Keys<C> keys = {
      key<C>(
          "path", path("a folder"), [](C& c) -> auto& { return c.path; },
          "the policy store and the decision log; the sidecar alone writes there"),
      key<C>(
          "keep_generations", Whole<unsigned>{1, 10000}, [](C& c) -> auto& { return c.keep_generations; },
          "published versions kept on disk for a rollback, and one an hour for a day"),
  };
  return keys;
}

const Keys<FetchConfig>& fetch_keys() {
  using C = FetchConfig;
  static const Keys<C> keys = {
      key<C>(
          "max_bytes", size(1ULL << 10, 1ULL << 40), [](C& c) -> auto& { return c.max_bytes; },
          "largest list as it is sent"),
      key<C>(
          "max_decoded_bytes", size(1ULL << 10, 1ULL << 40), [](C& c) -> auto& { return c.max_decoded_bytes; },
          "largest list as it is unpacked"),
      key<C>(
          "max_ratio", Whole<unsigned>{1, 100000}, [](C& c) -> auto& { return c.max_ratio; },
          "most octets that one octet may unpack to"),
      key<C>(
          "timeout", duration(milliseconds(100), kDay), [](C& c) -> auto& { return c.timeout; },
          "time for the whole of one fetch"),
      key<C>(
          "max_redirects", Whole<unsigned>{0, 50}, [](C& c) -> auto& { return c.max_redirects; },
          "redirects that one fetch follows"),
      key<C>(
          "allow_private", ArrayOf<Parsed<std::string>>{text(255)}, [](C& c) -> auto& { return c.allow_private; },
          "hosts that may have private addresses; others may not, however they are redirected"),
      key<C>(
          "ca_file", path("a file of certificates"), [](C& c) -> auto& { return c.ca_file; },
          "certificates (PEM) of authorities that https is trusted of beside the system's"),
  };
  return keys;
}

const Keys<TransferConfig>& transfer_keys() {
  using C = TransferConfig;
  static const Keys<C> keys = {
      key<C>(
          "listen", ArrayOf<Parsed<Endpoint>>{endpoint(53), 0, 16}, [](C& c) -> auto& { return c.listen; },
          "where primaries may say that a zone changed (NOTIFY over UDP and TCP), and [[serve]] is asked for; empty: "
          "nowhere"),
      key<C>(
          "listen_tls", ArrayOf<Parsed<Endpoint>>{endpoint(853), 0, 16}, [](C& c) -> auto& { return c.listen_tls; },
          "where the zones of [[serve]] may be transferred over TLS (RFC 9103); empty: nowhere"),
      key<C>(
          "certificate", path("a file of certificates"), [](C& c) -> auto& { return c.certificate; },
          "chain of certificates (PEM) that listen_tls shows; read for each connection"),
      key<C>(
          "certificate_key", path("a file"), [](C& c) -> auto& { return c.certificate_key; },
          "the key of that certificate (PEM)"),
  };
  return keys;
}

namespace {

constexpr std::size_t kMaxHostName = 253;

// As it stands in the field Host, without a port.
Parsed<std::string> host_name() {
  return {"a host name such as \"weir.example.org\"",
          [](std::string_view text, const Faults&) -> Result<std::string> {
            std::string name = to_lower_ascii(text);
            if (!name.empty() && name.back() == '.') name.pop_back();
            const bool good = !name.empty() && name.size() <= kMaxHostName &&
                              name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-._") == std::string::npos;
            if (!good) return Error{ErrorCode::invalid, "it has letters, digits, '-' and '.' alone, and no port"};
            return name;
          },
          [](const std::string& name) { return name; }};
}

}  // namespace

const Keys<ApiConfig>& api_keys() {
  using C = ApiConfig;
  static const Keys<C> keys = {
      key<C>(
          "listen", ArrayOf<Parsed<Endpoint>>{endpoint(8053), 0, 16}, [](C& c) -> auto& { return c.listen; },
          "where the HTTP API and the console are: plain HTTP on loopback, TLS on any other address; empty: nowhere"),
      key<C>(
          "tls_certificate", path("a file of certificates"), [](C& c) -> auto& { return c.tls_certificate; },
          "chain of certificates (PEM) that addresses other than loopback show; read for each connection"),
      key<C>(
          "tls_key", path("a file"), [](C& c) -> auto& { return c.tls_key; }, "the key of that certificate (PEM)"),
      key<C>(
          "hosts", ArrayOf<Parsed<std::string>>{host_name(), 0, 64}, [](C& c) -> auto& { return c.hosts; },
          "names that browsers may ask it by, beside the addresses listened on and localhost; others are refused (DNS "
          "rebinding)"),
  };
  return keys;
}

namespace {

// No fault shows what it holds.
Key<TsigKeyConfig> secret_key() {
  const std::string expected = "a secret in base64, of at least 8 octets";
  Key<TsigKeyConfig> out{"secret", "what both sides know", expected, "\"\"", Need::optional, {}};
  out.read = [expected](const ConfigValue& in, std::string_view label, TsigKeyConfig& config, Faults& faults) {
    if (in.type != ConfigValue::Type::string || (!in.text.empty() && !parse_tsig_secret(in.text))) {
      return faults.wrong(in, label, expected, "what stands here is none, and is not shown");
    }
    config.secret = in.text;
  };
  return out;
}

}  // namespace

const Keys<TsigKeyConfig>& tsig_key_keys() {
  using C = TsigKeyConfig;
  static const Keys<C> keys = {
      required(key<C>(
          "name", domain_name(), [](C& c) -> auto& { return c.name; }, "what both sides call the key")),
      key<C>(
          "algorithm",
          Choice<TsigAlgorithm>{{{"hmac-sha1", TsigAlgorithm::hmac_sha1},
                                 {"hmac-sha256", TsigAlgorithm::hmac_sha256},
                                 {"hmac-sha384", TsigAlgorithm::hmac_sha384},
                                 {"hmac-sha512", TsigAlgorithm::hmac_sha512}}},
          [](C& c) -> auto& { return c.algorithm; }, "how messages are signed with it"),
      secret_key(),
      key<C>(
          "secret_file", path("a file"), [](C& c) -> auto& { return c.secret_file; },
          "a file that holds the secret instead, which others should not be able to read"),
  };
  return keys;
}

const Keys<ServeConfig>& serve_keys() {
  using C = ServeConfig;
  static const Keys<C> keys = {
      required(key<C>(
          "name", domain_name(), [](C& c) -> auto& { return c.name; },
          "the response policy zone that other resolvers transfer from [transfer] listen (AXFR, IXFR)")),
      key<C>(
          "list", text(64), [](C& c) -> auto& { return c.list; }, "the list whose rules it holds; or"),
      key<C>(
          "policy", text(64), [](C& c) -> auto& { return c.policy; }, "the policy whose decisions it holds"),
      optional_name_key<C>(
          "tsig_key", [](C& c) -> auto& { return c.tsig_key; },
          "the [[tsig_key]] that transfers and notifies are signed with; required unless allow is there"),
      key<C>(
          "allow", ArrayOf<Parsed<Prefix>>{prefix()}, [](C& c) -> auto& { return c.allow; },
          "who may transfer it, for resolvers that know no TSIG (Unbound); with tsig_key both must fit"),
      key<C>(
          "notify", ArrayOf<Parsed<Endpoint>>{endpoint(53), 0, 64}, [](C& c) -> auto& { return c.notify; },
          "who is told that it changed (NOTIFY)"),
  };
  return keys;
}

}  // namespace weir::config
