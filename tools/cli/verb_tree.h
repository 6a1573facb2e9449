// The verbs of the command line as a tree.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace weir::cli {

std::vector<const CLI::App*> verbs_of(const CLI::App& app);  // directly below it
std::string path_of(const CLI::App& app);                    // as it is typed: "weir list add"

}  // namespace weir::cli
