// Files like /etc/hosts.
#include <algorithm>
#include <array>

#include "tools/migrate/input.h"
#include "tools/migrate/pieces.h"
#include "tools/migrate/text.h"
#include "zones/base/prefix.h"
#include "zones/base/text.h"

namespace weir::migrate {
namespace {

constexpr std::array<std::string_view, 10> kOwnNames = {
    "localhost",       "localhost.localdomain", "ip6-localhost",  "ip6-loopback", "ip6-localnet",
    "ip6-mcastprefix", "ip6-allnodes",          "ip6-allrouters", "ip6-allhosts", "broadcasthost"};

}  // namespace

void read_hosts_text(Migration& out, const std::string& file, std::string_view text, const std::string& domain) {
  for (const TextLine& line : lines_of(text)) {
    const std::string_view content = trim(line.text.substr(0, line.text.find('#')));
    if (content.empty()) continue;
    std::string spaced(content);
    std::replace(spaced.begin(), spaced.end(), '\t', ' ');
    const std::vector<std::string> words = split(spaced, ' ');
    const RowId row = out.add_row({file, line.number, 1}, content);
    if (!IpAddress::parse(words[0]) || words.size() < 2) {
      out.change(row, Outcome::none, "not an address followed by names");
      continue;
    }
    bool any = false;
    for (std::size_t i = 1; i < words.size(); ++i) {
      const std::string lower = to_lower_ascii(words[i]);
      if (std::find(kOwnNames.begin(), kOwnNames.end(), lower) != kOwnNames.end()) continue;
      any = true;
      std::vector<std::string> names = {words[i]};
      if (!domain.empty() && words[i].find('.') == std::string::npos) names.push_back(words[i] + '.' + domain);
      for (const std::string& name : names) {
        if (auto record = address_record(name, words[0], {})) {
          out.records.push_back({*record, row});
        } else {
          out.change(row, Outcome::none, "not a name: " + escape_for_display(words[i]));
        }
      }
    }
    if (!any) out.change(row, Outcome::idle, "weir answers localhost and its kind itself");
  }
}

}  // namespace weir::migrate
