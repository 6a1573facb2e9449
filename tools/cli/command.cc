#include "tools/cli/command.h"

#include <algorithm>
#include <cstdio>
#include <ostream>

#include "tools/support/table.h"
#include "zones/base/text.h"
#include "zones/lists/unicode_form.h"

namespace weir::cli {

namespace json = boost::json;

namespace {

// The first string that JSON cannot carry: the daemon could only say that it got no arguments.
const json::string* find_no_text(const json::array& values) {
  for (const auto& value : values) {
    if (value.is_string() && !is_utf8(value.get_string())) return &value.get_string();
  }
  return nullptr;
}

const json::string* find_no_text(const json::object& arguments) {
  for (const auto& member : arguments) {
    const json::value& value = member.value();
    if (value.is_string() && !is_utf8(value.get_string())) return &value.get_string();
    if (!value.is_array()) continue;
    if (const json::string* found = find_no_text(value.get_array())) return found;
  }
  return nullptr;
}

}  // namespace

ExitCode Command::fail(const Error& error) {
  return fail(error, exit_code_of(error.code));
}

ExitCode Command::fail(const Error& error, ExitCode code) {
  streams_.out.flush();
  if (is_json()) {
    const json::object body{{"code", to_text(error.code)}, {"message", error.message}};
    streams_.err << json::serialize(json::object{{"error", body}}) << '\n';
    return code;
  }
  // A message may have several lines, one a fault; each is escaped, the line ends stay.
  std::string_view rest = error.message;
  while (!rest.empty()) {
    const auto end = std::min(rest.find('\n'), rest.size());
    streams_.err << "weir: " << escape_for_display(rest.substr(0, end)) << '\n';
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return code;
}

ExitCode Command::usage(std::string_view message) {
  streams_.err << "weir: " << escape_for_display(message) << '\n';
  return ExitCode::usage;
}

// The daemons keep running on what they loaded, so a file that was broken since must not lock anybody out of them.
// A configuration that is not there is another matter: mostly --config was mistyped, and going on with the default
// would change another daemon than the one that was meant.
Result<std::filesystem::path> Command::run_path() {
  if (run_path_) return *run_path_;
  const auto config = Config::load(config_file_);
  if (config) {
    run_path_ = config->run.path;
  } else {
    std::error_code code;
    if (config.error().code == ErrorCode::not_found && !std::filesystem::exists(config_file_, code))
      return config.error();
    run_path_ = Config::load_run_path(config_file_);
    warn(config.error(), "going on with [run] path = \"" + run_path_->string() + "\"");
  }
  return *run_path_;
}

// One line, however many faults there are: 'weir check' is for reading them all.
void Command::warn(const Error& fault, const std::string& going_on) {
  const auto end = std::min(fault.message.find('\n'), fault.message.size());
  const auto more = std::count(fault.message.begin(), fault.message.end(), '\n');
  std::string text = fault.message.substr(0, end);
  if (more > 0) text += " (and " + std::to_string(more) + " more; see 'weir check')";
  text += "; " + going_on;
  streams_.out.flush();
  if (is_json()) {
    const json::object body{{"code", to_text(fault.code)}, {"message", text}};
    streams_.err << json::serialize(json::object{{"warning", body}}) << '\n';
  } else {
    streams_.err << "weir: warning: " << escape_for_display(text) << '\n';
  }
}

Command::Answer Command::try_ask(std::string_view verb, const json::object& arguments,
                                 const ControlClient::Progress& progress, std::chrono::milliseconds patience) {
  return request(Daemon::sidecar, verb, arguments, progress, patience);
}

Command::Answer Command::ask_resolver(std::string_view verb, const json::object& arguments,
                                      std::chrono::milliseconds patience) {
  Answer answer = request(Daemon::resolver, verb, arguments, {}, patience);
  if (!answer) fail(answer.error, answer.failure);
  return answer;
}

Command::Answer Command::request(Daemon daemon, std::string_view verb, const json::object& arguments,
                                 const ControlClient::Progress& progress, std::chrono::milliseconds patience) {
  const std::string name = daemon == Daemon::sidecar ? "weir-sidecar" : "weir-resolver";
  Answer answer;
  const auto failed = [&](const Error& error, ExitCode code) {
    answer.error = error;
    answer.failure = code;
    return std::move(answer);
  };
  if (const json::string* bad = find_no_text(arguments))
    return failed({ErrorCode::invalid, "\"" + escape_for_display(*bad) + "\" is not UTF-8 text"}, ExitCode::refused);
  const auto run = run_path();
  if (!run) return failed(run.error(), exit_code_of(run.error().code));
  auto client = ControlClient::connect(daemon == Daemon::sidecar ? sidecar_socket(*run) : resolver_socket(*run), name);
  if (!client) return failed(client.error(), exit_code_of(client.error().code));
  auto reply = client->request({std::string(verb), json::serialize(arguments), calling_user()}, progress, patience);
  if (!reply) {
    const ErrorCode code = reply.error().code;
    return failed(reply.error(), client->is_open() ? exit_code_of_answer(code) : exit_code_of(code));
  }
  json::error_code bad;
  answer.result = json::parse(*reply, bad);
  if (bad) return failed({ErrorCode::corrupt, name + " answered something that is no JSON"}, ExitCode::failed);
  return answer;
}

Command::Answer Command::ask(std::string_view verb, const json::object& arguments,
                             const ControlClient::Progress& progress, std::chrono::milliseconds patience) {
  Answer answer = try_ask(verb, arguments, progress, patience);
  if (!answer) fail(answer.error, answer.failure);
  return answer;
}

void Command::print(const json::value& value) {
  out() << json::serialize(value) << '\n';
}

void Command::say(std::string_view text) {
  if (!is_json()) out() << escape_for_display(text) << '\n';
}

namespace {

const json::value* find(const json::value& object, std::string_view key) {
  return object.is_object() ? object.get_object().if_contains(key) : nullptr;
}

}  // namespace

std::string text_at(const json::value& object, std::string_view key) {
  const json::value* value = find(object, key);
  if (value == nullptr || value->is_null()) return {};
  if (value->is_string()) return std::string(value->get_string());
  if (value->is_primitive()) return json::serialize(*value);
  return {};
}

std::string name_at(const json::value& object, std::string_view key) {
  return with_unicode(text_at(object, key));
}

std::uint64_t number_at(const json::value& object, std::string_view key) {
  const json::value* value = find(object, key);
  if (value == nullptr || !value->is_number()) return 0;
  json::error_code bad;
  const auto number = value->to_number<std::uint64_t>(bad);
  return bad ? 0 : number;
}

bool flag_at(const json::value& object, std::string_view key) {
  const json::value* value = find(object, key);
  return value != nullptr && value->is_bool() && value->get_bool();
}

const json::array& array_at(const json::value& object, std::string_view key) {
  static const json::array none;
  const json::value* value = find(object, key);
  return value != nullptr && value->is_array() ? value->get_array() : none;
}

const json::value* object_at(const json::value& object, std::string_view key) {
  const json::value* value = find(object, key);
  return value != nullptr && value->is_object() ? value : nullptr;
}

double decimal_at(const json::value& object, std::string_view key) {
  const json::value* value = find(object, key);
  return value != nullptr && value->is_number() ? value->to_number<double>() : 0;
}

std::string milliseconds_at(const json::value& object, std::string_view key) {
  const json::value* value = find(object, key);
  if (value == nullptr || !value->is_number()) return {};
  char text[32];
  std::snprintf(text, sizeof text, "%.1f ms", value->to_number<double>());
  return text;
}

std::string count_at(const json::value& object, std::string_view key) {
  const json::value* value = find(object, key);
  return value != nullptr && value->is_number() ? show_count(number_at(object, key)) : std::string();
}

std::string counted_at(const json::value& object, std::string_view key, std::string_view noun) {
  const std::string count = count_at(object, key);
  return count.empty() ? count : count + " " + std::string(noun) + (number_at(object, key) == 1 ? "" : "s");
}

std::string in_force(const json::value& reply) {
  const std::string generation = text_at(reply, "generation");
  return generation.empty() ? generation : "; generation " + generation + " is in force";
}

}  // namespace weir::cli
