#include "tools/http/self_service_page.h"

#include "zones/base/text.h"

namespace weir::http {
namespace {

namespace json = boost::json;

std::string text_of_member(const json::value& from, std::string_view key) {
  const json::value* value = from.is_object() ? from.get_object().if_contains(key) : nullptr;
  if (value == nullptr || value->is_null()) return {};
  return value->is_string() ? std::string(value->get_string()) : json::serialize(*value);
}

std::string shown_member(const json::value& from, std::string_view key) {
  return escape_html(text_of_member(from, key));
}

const json::array& array_member(const json::object& from, std::string_view key) {
  static const json::array kNone;
  const json::value* value = from.if_contains(key);
  return value != nullptr && value->is_array() ? value->get_array() : kNone;
}

std::string frame(std::string_view title, const std::string& content) {
  return "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
         "<meta name=\"color-scheme\" content=\"light dark\">\n<title>" +
         escape_html(title) +
         "</title>\n<link rel=\"icon\" href=\"/icon.svg\" type=\"image/svg+xml\">\n"
         "<link rel=\"stylesheet\" href=\"/console.css\">\n</head>\n<body>\n"
         "<a class=\"skip\" href=\"#main\">Skip to the content</a>\n<main id=\"main\" tabindex=\"-1\">\n" +
         content + "</main>\n</body>\n</html>\n";
}

// "Now" is the reader's; seconds are precise enough.
std::string clock_of(const json::value& row, std::string_view key) {
  const std::string time = text_of_member(row, key);
  const std::string shown = time.size() >= 19 ? time.substr(11, 8) : time;
  return "<time datetime=\"" + escape_html(time) + "\">" + escape_html(shown) + "</time>";
}

std::string name_of(const json::value& row) {
  const std::string unicode = shown_member(row, "name_unicode");
  return "<span class=\"name\">" + shown_member(row, "name") + "</span>" +
         (unicode.empty() ? "" : " <span class=\"unicode\">(" + unicode + ")</span>");
}

std::string why_of(const json::value& row) {
  std::string out;
  const std::string list = shown_member(row, "list");
  if (!list.empty()) out += "List <b>" + list + "</b>";
  if (const std::string category = shown_member(row, "category"); !category.empty()) out += " (" + category + ")";
  if (const std::string rule = shown_member(row, "rule"); !rule.empty())
    out += (out.empty() ? "Rule " : ", rule ") + std::string("<code>") + rule + "</code>";
  if (const std::string because = shown_member(row, "because"); !because.empty())
    out += (out.empty() ? "" : "<br>") + std::string("<span class=\"quiet\">") + because + "</span>";
  return out;
}

// A line of text and a button: a form of its own in each row, so that it works without a script.
std::string form_of(const json::value& row) {
  if (text_of_member(row, "may_complain") != "true") return {};
  const std::string name = shown_member(row, "name");
  return "<details><summary>This is wrong</summary><form method=\"post\" action=\"/wrong\" class=\"fields\">"
         "<input type=\"hidden\" name=\"name\" value=\"" +
         name +
         "\"><label class=\"field\"><span>Why? (optional)</span><input name=\"remark\" maxlength=\"160\" "
         "autocomplete=\"off\"></label><button class=\"main\" aria-label=\"Say that the decision about " +
         name + " is wrong\">Send</button></form></details>";
}

std::string rows_of(const json::object& found) {
  const json::array& rows = array_member(found, "rows");
  if (rows.empty()) return "<p class=\"quiet\">Nothing was decided for you in this time.</p>\n";
  std::string out =
      "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Your decisions\"><table>\n<thead><tr>"
      "<th scope=\"col\">Time (UTC)</th><th scope=\"col\">Name</th><th scope=\"col\">What happened</th>"
      "<th scope=\"col\">Why</th><th scope=\"col\">Wrong?</th></tr></thead>\n<tbody>\n";
  for (const json::value& row : rows) {
    const std::string count = shown_member(row, "count");
    const bool is_bad = text_of_member(row, "is_blocked") == "true";
    out += "<tr><td class=\"tight\">" + clock_of(row, "time") + "</td><td>" + name_of(row) +
           (count.empty() || count == "1" ? "" : " <span class=\"quiet\">" + count + " times</span>") +
           "</td><td><span class=\"badge" + (is_bad ? " bad" : " good") + "\">" + shown_member(row, "outcome") +
           "</span></td><td>" + why_of(row) + "</td><td>" + form_of(row) + "</td></tr>\n";
  }
  return out + "</tbody>\n</table></div>\n";
}

std::string requests_of(const json::object& found) {
  const json::array& requests = array_member(found, "requests");
  if (requests.empty()) return {};
  std::string out = "<section class=\"panel\"><h2>Your requests</h2>\n<ul>\n";
  for (const json::value& request : requests) {
    const std::string answer = shown_member(request, "answer");
    out += "<li>" + name_of(request) + ": " + shown_member(request, "state") +
           (answer.empty() ? "" : " <span class=\"quiet\">(" + answer + ")</span>") + "</li>\n";
  }
  return out + "</ul></section>\n";
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string out;
  for (const char c : escape_for_display(text)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string write_self_service_page(const json::object& found, std::string_view said) {
  const json::value all(found);
  std::string out = "<h1>What was decided for you</h1>\n";
  if (!said.empty()) out += "<p class=\"notice\" role=\"status\">" + escape_html(said) + "</p>\n";
  out += "<p>Names that this device looked up in the last " + shown_member(all, "minutes") +
         " minutes and that the filter had something to say about. You ask from <code>" + shown_member(all, "client") +
         "</code>; nobody else’s decisions are shown. <a href=\"/\">Look again</a></p>\n";
  out += "<section class=\"panel\">\n" + rows_of(found) + "</section>\n" + requests_of(found);
  if (const std::string contact = shown_member(all, "contact"); !contact.empty())
    out += "<p>Questions: " + contact + "</p>\n";
  return frame("What was decided for you", out);
}

std::string write_refusal_page(std::string_view message) {
  return frame("Not shown", "<h1>Not shown</h1>\n<p class=\"notice\" role=\"status\">" + escape_html(message) +
                                "</p>\n<p><a href=\"/\">Back</a></p>\n");
}

}  // namespace weir::http
