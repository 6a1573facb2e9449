// The console's files, which are part of the program: tools/console, made into one source at the build.
#pragma once

#include <span>
#include <string_view>

namespace weir::http {

struct StaticFile {
  std::string_view path;  // "/console.css"
  std::string_view text;
};

std::span<const StaticFile> console_files();

// The file for a path: those of the console, and its page for every path that is one of its views. nullptr: none.
const StaticFile* find_static(std::string_view path);
std::string_view type_of_file(std::string_view path);

}  // namespace weir::http
