#include "tools/http/static_files.h"

#include <algorithm>
#include <array>
#include <utility>

namespace weir::http {
namespace {

constexpr std::string_view kPage = "/index.html";

// One page; what it shows is chosen by its path.
constexpr std::array<std::string_view, 10> kViews = {"/",         "/tail",     "/search", "/why",   "/lists",
                                                     "/overlays", "/policies", "/rules",  "/audit", "/requests"};

constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kTypes{{
    {".html", "text/html; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".svg", "image/svg+xml"},
    {".txt", "text/plain; charset=utf-8"},
}};

}  // namespace

const StaticFile* find_static(std::string_view path) {
  if (std::find(kViews.begin(), kViews.end(), path) != kViews.end()) path = kPage;
  const auto files = console_files();
  const auto at = std::find_if(files.begin(), files.end(), [&](const StaticFile& file) { return file.path == path; });
  return at == files.end() ? nullptr : &*at;
}

std::string_view type_of_file(std::string_view path) {
  for (const auto& [ending, type] : kTypes) {
    if (path.ends_with(ending)) return type;
  }
  return "application/octet-stream";
}

}  // namespace weir::http
