// Readers of formats that more than one system has.
#pragma once

#include <string>
#include <string_view>

#include "tools/migrate/migration.h"

namespace weir::migrate {

// "192.0.2.1 name alias # comment": each name an address record. Lines that are none become rows that say so. `domain`
// is put behind names without a dot where it is not empty.
void read_hosts_text(Migration& out, const std::string& file, std::string_view text, const std::string& domain);

// dnsmasq.conf without what it includes. Errors (invalid): a line that is no option.
Result<void> read_dnsmasq_text(Migration& out, const std::string& file, std::string_view text);

// Pi-hole's two files of settings. Errors (invalid) with file:line:column.
Result<void> read_pihole_toml(Migration& out, const std::string& file, std::string_view text);
Result<void> read_setup_vars(Migration& out, const std::string& file, std::string_view text);

}  // namespace weir::migrate
