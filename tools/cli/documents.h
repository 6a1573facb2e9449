// Man pages and shell completion, made by a walk over the tables of commands and keys, so that they cannot differ from
// what the programs take.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace weir::cli {

// weir(1), as roff: every verb with what it takes.
std::string command_page(const CLI::App& app);
// weir.toml(5): every section and key with what it expects and its default.
std::string configuration_page();
// For bash: completes verbs and the options of the verb that has been typed.
std::string bash_completion(const CLI::App& app);

}  // namespace weir::cli
