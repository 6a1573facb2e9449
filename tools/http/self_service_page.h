// The pages of self-service as HTML: with the console's style sheet, without a script, and whole without either.
#pragma once

#include <boost/json.hpp>

#include <string>
#include <string_view>

namespace weir::http {

// For text and for attributes in double quotes. Control characters and bidirectional overrides are shown as such.
std::string escape_html(std::string_view text);

// `found`: as SelfServiceBackend::decisions gives it. `said`: what became of the form before; may be empty.
std::string write_self_service_page(const boost::json::object& found, std::string_view said);
std::string write_refusal_page(std::string_view message);

}  // namespace weir::http
