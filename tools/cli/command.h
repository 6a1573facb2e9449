// What every command of `weir` is given: its streams, the configuration file, and the way to the daemons.
#pragma once

#include <boost/json.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>

#include "tools/support/control_client.h"
#include "zones/base/exit_code.h"
#include "zones/base/result.h"
#include "zones/config/config.h"

namespace weir::cli {

struct Streams {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  bool err_is_terminal = false;  // then progress is shown there
};

enum class Output : std::uint8_t { text, json };

class Command {
 public:
  Command(Streams& streams, std::filesystem::path config_file, Output output)
      : streams_(streams), config_file_(std::move(config_file)), output_(output) {}

  std::istream& in() { return streams_.in; }
  std::ostream& out() { return streams_.out; }
  std::ostream& err() { return streams_.err; }
  bool shows_progress() const { return streams_.err_is_terminal && output_ == Output::text; }
  bool is_json() const { return output_ == Output::json; }
  const std::filesystem::path& config_file() const { return config_file_; }

  // Says `error` on the error stream; the exit code that belongs to it.
  ExitCode fail(const Error& error);
  ExitCode fail(const Error& error, ExitCode code);
  ExitCode usage(std::string_view message);

  // One request to the sidecar named by the configuration. On failure the error was shown and `failure` is set.
  // Only [run] path matters here: what else is wrong with the configuration is a warning, shown once.
  struct Answer {
    boost::json::value result;
    Error error;
    ExitCode failure = ExitCode::done;
    explicit operator bool() const { return failure == ExitCode::done; }
  };
  Answer ask(std::string_view verb, const boost::json::object& arguments, const ControlClient::Progress& progress = {},
             std::chrono::milliseconds patience = std::chrono::minutes(10));
  // The same, but says nothing of a failure.
  Answer try_ask(std::string_view verb, const boost::json::object& arguments,
                 const ControlClient::Progress& progress = {},
                 std::chrono::milliseconds patience = std::chrono::minutes(10));

  // One request to weir-resolver.
  Answer ask_resolver(std::string_view verb, const boost::json::object& arguments, std::chrono::milliseconds patience);

  // One line of JSON.
  void print(const boost::json::value& value);
  // A sentence for people; nothing with --json. Escaped.
  void say(std::string_view text);

 private:
  enum class Daemon : std::uint8_t { sidecar, resolver };
  Answer request(Daemon daemon, std::string_view verb, const boost::json::object& arguments,
                 const ControlClient::Progress& progress, std::chrono::milliseconds patience);
  Result<std::filesystem::path> run_path();
  void warn(const Error& fault, const std::string& going_on);

  Streams& streams_;
  std::filesystem::path config_file_;
  Output output_;
  std::optional<std::filesystem::path> run_path_;  // once it is known
};

// What parsing the arguments chose.
using Action = std::function<ExitCode(Command&)>;

// Members of replies, for showing: "" or 0 where absent or of another type; numbers also as text.
std::string text_at(const boost::json::value& object, std::string_view key);
std::uint64_t number_at(const boost::json::value& object, std::string_view key);
// A name or a pattern, with its U-labels beside it where they may be shown (zones/lists/unicode_form.h).
std::string name_at(const boost::json::value& object, std::string_view key);
bool flag_at(const boost::json::value& object, std::string_view key);
const boost::json::array& array_at(const boost::json::value& object, std::string_view key);
const boost::json::value* object_at(const boost::json::value& object, std::string_view key);  // nullptr: no object

double decimal_at(const boost::json::value& object, std::string_view key);
// "0.2 ms" where the member is a number, "" where it is not there.
std::string milliseconds_at(const boost::json::value& object, std::string_view key);

// "1,234" where the member is a number, "" where it is not there.
std::string count_at(const boost::json::value& object, std::string_view key);
// "1 rule" or "1,234 rules".
std::string counted_at(const boost::json::value& object, std::string_view key, std::string_view noun);

// "; generation 12 is in force", "" where the reply names none.
std::string in_force(const boost::json::value& reply);

}  // namespace weir::cli
