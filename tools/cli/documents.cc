// Man pages and shell completion, made by a walk over the tables of commands and keys, so that they cannot differ from
// what the programs take.
#include <CLI/CLI.hpp>

#include <functional>
#include <ostream>
#include <string_view>
#include <vector>

#include "tools/cli/verb_tree.h"
#include "tools/cli/verbs.h"
#include "zones/base/version.h"
#include "zones/config/config.h"

namespace weir::cli {
namespace {

// Text as roff shows it: no line of it is taken for a request, and hyphens are those of commands.
std::string roff(std::string_view text) {
  std::string out;
  bool line_begins = true;
  for (const char c : text) {
    if (line_begins && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
    line_begins = c == '\n';
  }
  return out;
}

std::string title(std::string_view page, std::string_view section) {
  std::string out = ".TH ";
  for (const char c : page) out += static_cast<char>(c >= 'a' && c <= 'z' ? c - ('a' - 'A') : c);
  return out + ' ' + std::string(section) + " \"\" \"weir " + std::string(version()) + "\" \"weir\"\n";
}

void each_verb(const CLI::App& app, const std::function<void(const CLI::App&)>& visit) {
  visit(app);
  for (const CLI::App* verb : verbs_of(app)) each_verb(*verb, visit);
}

bool is_shown(const CLI::Option& option) {
  return !option.get_group().empty();
}

std::string usage_of(const CLI::App& app) {
  std::string out = ".B " + roff(path_of(app)) + '\n';
  for (const CLI::Option* option : app.get_options()) {
    if (!option->get_positional() || !is_shown(*option)) continue;
    const bool required = option->get_required();
    out += ".RI " + std::string(required ? "" : "\"[\" ") + roff(option->get_name(true)) + (required ? "" : " \"]\"") +
           '\n';
  }
  return out;
}

std::string options_of(const CLI::App& app) {
  std::string out;
  for (const CLI::Option* option : app.get_options()) {
    const bool is_help = option == app.get_help_ptr() && app.get_parent() != nullptr;  // said once
    if (!is_shown(*option) || is_help || option->get_description().empty()) continue;
    std::string name;
    for (const std::string& part : option->get_snames()) name += (name.empty() ? "-" : ", -") + part;
    for (const std::string& part : option->get_lnames()) name += (name.empty() ? "--" : ", --") + part;
    if (name.empty()) name = option->get_name(true);
    const bool takes = option->get_items_expected_max() > 0 && !option->get_positional();
    out += ".TP\n\\fB" + roff(name) + "\\fR" + (takes ? " \\fI" + roff(option->get_type_name()) + "\\fR" : "") + '\n' +
           roff(option->get_description()) + '\n';
  }
  return out;
}

// weir(1), as roff: every verb with what it takes.
std::string command_page(const CLI::App& app) {
  std::string out = title("weir", "1");
  out += ".SH NAME\nweir \\- configures and questions the filtering DNS resolver weir\n";
  out += ".SH SYNOPSIS\n.B weir\n[\\fIoptions\\fR] \\fIverb\\fR ...\n";
  out += ".SH DESCRIPTION\n" + roff(app.get_description()) + "\n.SH OPTIONS\n" + options_of(app);
  out += ".SH VERBS\n";
  each_verb(app, [&](const CLI::App& verb) {
    if (&verb == &app || verb.get_require_subcommand_min() > 0) return;
    out += ".SS " + roff(path_of(verb)) + '\n' + usage_of(verb) + ".PP\n" + roff(verb.get_description()) + ".\n" +
           options_of(verb);
  });
  out += ".SH EXIT STATUS\n.nf\n" + roff(describe_exit_codes()) + "\n.fi\n";
  out += ".SH SEE ALSO\n.BR weir.toml (5)\n";
  return out;
}

// weir.toml(5): every section and key with what it expects and its default.
std::string configuration_page() {
  std::string out = title("weir.toml", "5");
  out += ".SH NAME\nweir.toml \\- configuration of weir\n.SH DESCRIPTION\n";
  out += "A file in TOML, and drop-ins in weir.d/*.toml beside it. A key that is absent has its default.\n";
  std::string section;
  for (const ConfigKey& key : config_keys()) {
    if (key.section != section) {
      section = key.section;
      out += ".SH " + roff(key.repeated ? "[[" + section + "]]" : '[' + section + ']') + '\n';
    }
    out += ".TP\n.B " + roff(key.key) + '\n' + roff(key.meaning) + ".\n.br\n" + roff(key.expected);
    out += key.default_value.empty() ? "; no default\n" : "; default: " + roff(key.default_value) + '\n';
  }
  out += ".SH SEE ALSO\n.BR weir (1)\n";
  return out;
}

// Completes verbs and the options of the verb that has been typed.
std::string bash_completion(const CLI::App& app) {
  std::string out =
      "# bash completion of weir\n_weir() {\n  local at=weir word words\n"
      "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n    case \"$at $word\" in\n";
  std::string known;
  std::string choices;
  each_verb(app, [&](const CLI::App& verb) {
    const std::string path = path_of(verb);
    if (&verb != &app) known += (known.empty() ? "" : "|") + ('"' + path + '"');
    std::string words;
    for (const CLI::App* below : verbs_of(verb)) words += below->get_name() + ' ';
    for (const CLI::Option* option : verb.get_options()) {
      for (const std::string& name : option->get_lnames()) words += "--" + name + ' ';
    }
    choices += "    \"" + path + "\") words=\"" + words + "\" ;;\n";
  });
  out += "      " + known + ") at=\"$at $word\" ;;\n    esac\n  done\n  case \"$at\" in\n" + choices +
         "  esac\n  COMPREPLY=($(compgen -W \"$words --config --json\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n}\n"
         "complete -o default -F _weir weir\n";
  return out;
}

}  // namespace

void add_print_verbs(CLI::App& app, Action& chosen) {
  CLI::App* verb = app.add_subcommand("print", "man pages and shell completion");
  verb->require_subcommand(1);
  const auto add = [&](const char* name, const char* meaning, std::function<std::string()> make) {
    verb->add_subcommand(name, meaning)->callback([&chosen, make = std::move(make)] {
      chosen = [make](Command& command) {
        command.out() << make();
        return ExitCode::done;
      };
    });
  };
  add("man", "the man page weir(1)", [&app] { return command_page(app); });
  add("man-config", "the man page weir.toml(5)", &configuration_page);
  add("bash-completion", "a script for bash that completes verbs and options", [&app] { return bash_completion(app); });
}

}  // namespace weir::cli
