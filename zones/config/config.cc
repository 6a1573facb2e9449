#include "zones/config/config.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>

#include "zones/base/text.h"
#include "zones/config/document.h"
#include "zones/config/sections.h"

namespace weir {
namespace {

namespace fs = std::filesystem;
using config::Document;
using config::Faults;
using config::Origin;
using config::Origins;

constexpr std::size_t kMaxDropIns = 10000;
constexpr std::size_t kMaxShownFaults = 200;

Error system_error(const fs::path& file, int code) {
  const ErrorCode kind = code == ENOENT || code == ENOTDIR ? ErrorCode::not_found
                         : code == EACCES || code == EPERM ? ErrorCode::permission
                                                           : ErrorCode::io;
  return {kind, escape_for_display(file.string()) + ": " + std::strerror(code)};
}

Result<std::string> read_file(const fs::path& file) {
  std::error_code code;
  const auto status = fs::status(file, code);
  if (code) return system_error(file, code.value());
  if (!fs::exists(status)) return system_error(file, ENOENT);
  if (!fs::is_regular_file(status))
    return Error{ErrorCode::invalid, escape_for_display(file.string()) + " is not a file"};
  errno = 0;
  std::ifstream in(file, std::ios::binary);
  if (!in) return system_error(file, errno != 0 ? errno : EIO);
  std::string text(kMaxConfigFileBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) return system_error(file, EIO);
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > kMaxConfigFileBytes)
    return Error{ErrorCode::too_large, escape_for_display(file.string()) + " has more than " +
                                           std::to_string(kMaxConfigFileBytes) + " octets"};
  return text;
}

// weir.d/*.toml by name; hidden files are somebody's half-written ones.
Result<std::vector<fs::path>> drop_ins_of(const fs::path& file) {
  const fs::path folder = file.parent_path() / "weir.d";
  std::vector<fs::path> out;
  std::error_code code;
  fs::directory_iterator at(folder, code);
  if (code) {
    if (code.value() == ENOENT) return out;
    return system_error(folder, code.value());
  }
  for (; !code && at != fs::directory_iterator(); at.increment(code)) {
    const fs::path& entry = at->path();
    if (entry.extension() != ".toml" || entry.filename().string().front() == '.') continue;
    out.push_back(entry);
    if (out.size() > kMaxDropIns)
      return Error{ErrorCode::too_large,
                   escape_for_display(folder.string()) + " has more than " + std::to_string(kMaxDropIns) + " drop-ins"};
  }
  if (code) return system_error(folder, code.value());
  std::sort(out.begin(), out.end());
  return out;
}

constexpr std::string_view kSections[] = {
    "resolver", "resolution", "cache",    "answers",  "run",         "store",
    "fetch",    "transfer",   "api",      "tsig_key", "serve",       "list",
    "policy",   "group",      "schedule", "local",    "forward",     "negative_trust_anchor",
    "log",      "local_zone", "dns64",    "sink",     "self_service"};

bool is_repeated(std::string_view section) {
  return section == "list" || section == "policy" || section == "group" || section == "schedule" ||
         section == "local_zone" || section == "forward" || section == "negative_trust_anchor" ||
         section == "tsig_key" || section == "serve" || section == "sink";
}

std::string label_of(std::string_view section) {
  return is_repeated(section) ? "[[" + std::string(section) + "]]" : "[" + std::string(section) + "]";
}

class Loader {
 public:
  explicit Loader(std::vector<std::string>& faults) : faults_(faults) {}

  void read(const Document& document) {
    Faults faults(document.file, faults_);
    for (const auto& member : document.root.members) {
      if (member.key == "resolver") {
        single(member, config::resolver_keys(), config_.resolver, faults);
      } else if (member.key == "resolution") {
        single(member, config::resolution_keys(), config_.resolution, faults);
      } else if (member.key == "cache") {
        single(member, config::cache_keys(), config_.cache, faults);
      } else if (member.key == "answers") {
        single(member, config::answer_keys(), config_.answers, faults);
      } else if (member.key == "run") {
        single(member, config::run_keys(), config_.run, faults);
      } else if (member.key == "store") {
        single(member, config::store_keys(), config_.store, faults);
      } else if (member.key == "fetch") {
        single(member, config::fetch_keys(), config_.fetch, faults);
      } else if (member.key == "transfer") {
        if (config::find_member(member.value, "listen_tls") != nullptr) origins_.transfer = {&document, &member.value};
        single(member, config::transfer_keys(), config_.transfer, faults);
      } else if (member.key == "api") {
        if (config::find_member(member.value, "listen") != nullptr) origins_.api = {&document, &member.value};
        single(member, config::api_keys(), config_.api, faults);
      } else if (member.key == "tsig_key") {
        repeated(document, member, config::tsig_key_keys(), config_.tsig_keys, origins_.tsig_keys, faults);
      } else if (member.key == "serve") {
        repeated(document, member, config::serve_keys(), config_.served, origins_.served, faults);
      } else if (member.key == "log") {
        single(member, config::log_keys(), config_.log, faults);
      } else if (member.key == "sink") {
        repeated(document, member, config::sink_keys(), config_.sinks, origins_.sinks, faults);
      } else if (member.key == "self_service") {
        single(member, config::self_service_keys(), config_.self_service, faults);
      } else if (member.key == "list") {
        repeated(document, member, config::list_keys(), config_.lists, origins_.lists, faults);
      } else if (member.key == "policy") {
        repeated(document, member, config::policy_keys(), config_.policies, origins_.policies, faults);
      } else if (member.key == "group") {
        repeated(document, member, config::group_keys(), config_.groups, origins_.groups, faults);
      } else if (member.key == "schedule") {
        repeated(document, member, config::schedule_keys(), config_.schedules, origins_.schedules, faults);
      } else if (member.key == "forward") {
        repeated(document, member, config::forward_keys(), config_.forwards, origins_.forwards, faults);
      } else if (member.key == "negative_trust_anchor") {
        repeated(document, member, config::negative_trust_anchor_keys(), config_.negative_trust_anchors,
                 origins_.negative_trust_anchors, faults);
      } else if (member.key == "local") {
        if (config::find_member(member.value, "records") != nullptr) origins_.local = {&document, &member.value};
        single(member, config::local_keys(), config_.local, faults);
      } else if (member.key == "dns64") {
        single(member, config::dns64_keys(), config_.dns64, faults);
      } else if (member.key == "local_zone") {
        repeated(document, member, config::local_zone_keys(), config_.local_zones, origins_.local_zones, faults);
      } else {
        unknown_section(member, faults);
      }
    }
  }

  // `complete`: every file could be parsed. With a file missing, names that lead nowhere mean nothing.
  Config finish(bool complete) {
    settle_lists();
    settle_policies();
    config::read_local_records(config_, origins_, faults_);
    if (complete) config::check_references(config_, origins_, faults_);
    return std::move(config_);
  }

 private:
  // A key at the top belongs to a section: say which, where only one has it.
  static void unknown_section(const ConfigValue::Member& member, Faults& faults) {
    const std::string shown = config::quote(member.key);
    const bool is_section =
        member.value.type == ConfigValue::Type::table ||
        (!member.value.items.empty() && member.value.items.front().type == ConfigValue::Type::table);
    for (const ConfigKey& key : config_keys()) {
      if (key.key != member.key || is_section) continue;
      return faults.add(member.position,
                        "the key " + shown + " stands in no section; it belongs below " + label_of(key.section));
    }
    const std::string_view near = nearest(member.key, kSections);
    faults.add(member.position,
               "unknown section " + shown + (near.empty() ? std::string() : "; did you mean " + label_of(near) + "?"));
  }

  template <class Section>
  void table(const ConfigValue& in, std::string_view name, const config::Keys<Section>& keys, Section& out,
             Faults& faults) {
    const std::string section = label_of(name);
    for (const auto& member : in.members) {
      const auto known =
          std::find_if(keys.begin(), keys.end(), [&](const auto& key) { return key.name == member.key; });
      if (known == keys.end()) {
        std::vector<std::string_view> names;
        for (const auto& key : keys) names.push_back(key.name);
        const std::string_view near = nearest(member.key, names);
        faults.add(member.position, "unknown key '" + member.key + "' in " + section +
                                        (near.empty() ? std::string() : "; did you mean '" + std::string(near) + "'?"));
        continue;
      }
      known->read(member.value, "'" + member.key + "' in " + section, out, faults);
    }
    for (const auto& key : keys) {
      if (key.need == config::Need::required && config::find_member(in, key.name) == nullptr)
        faults.add(in.position,
                   section + " needs the key '" + std::string(key.name) + "': " + std::string(key.meaning));
    }
  }

  // A section of one table may be spread over several files, but each key stands in one of them.
  template <class Section>
  void single(const ConfigValue::Member& member, const config::Keys<Section>& keys, Section& out, Faults& faults) {
    if (member.value.type != ConfigValue::Type::table)
      return faults.add(member.position, config::quote(member.key) + " is a section: write " + label_of(member.key));
    for (const auto& key : member.value.members) {
      const auto [first, fresh] = set_at_.emplace(member.key + '.' + key.key, faults.where(key.position));
      if (!fresh) {
        faults.add(key.position,
                   "'" + key.key + "' in " + label_of(member.key) + " is set at " + first->second + " already");
      }
    }
    table(member.value, member.key, keys, out, faults);
  }

  template <class Section>
  void repeated(const Document& document, const ConfigValue::Member& member, const config::Keys<Section>& keys,
                std::vector<Section>& out, std::vector<Origin>& origins, Faults& faults) {
    const bool is_array = member.value.type == ConfigValue::Type::array;
    const bool all_tables =
        is_array && std::all_of(member.value.items.begin(), member.value.items.end(),
                                [](const auto& item) { return item.type == ConfigValue::Type::table; });
    if (!all_tables) {
      return faults.add(member.position, "there may be several " + member.key + " sections: write " +
                                             label_of(member.key) + " with two brackets");
    }
    for (const ConfigValue& item : member.value.items) {
      Section section{};
      section.where = faults.where(item.position);
      table(item, member.key, keys, section, faults);
      out.push_back(std::move(section));
      origins.push_back({&document, &item});
    }
  }

  // A transferred zone is a response policy zone; where it comes from is said as a source.
  static void settle_zone(ListConfig& list, const ConfigValue& in) {
    if (!list.zone) return;
    if (config::find_member(in, "kind") == nullptr) list.definition.kind = ListKind::rpz;
    if (config::find_member(in, "source") != nullptr) return;
    constexpr std::uint16_t kDnsPort = 53;
    constexpr std::uint16_t kTlsPort = 853;
    for (Endpoint& primary : list.primaries) {
      if (list.tls && primary.port == kDnsPort) primary.port = kTlsPort;  // nobody speaks TLS on 53
    }
    list.source = list.tls ? "axfr+tls://" : "axfr://";
    for (std::size_t i = 0; i < list.primaries.size(); ++i)
      list.source += (i == 0 ? "" : ",") + list.primaries[i].to_text();
    list.source += "/" + list.zone->folded().to_text();
  }

  // Defaults that depend on another key.
  void settle_lists() {
    int next_rpz = kRankRpz;  // each zone its own rank, in the order of the files
    for (std::size_t i = 0; i < config_.lists.size(); ++i) {
      ListDefinition& list = config_.lists[i].definition;
      const ConfigValue& in = *origins_.lists[i].table;
      settle_zone(config_.lists[i], in);
      const bool is_rpz = list.kind == ListKind::rpz;
      if (is_rpz && config::find_member(in, "order") == nullptr) list.order = Order::specific;
      if (config::find_member(in, "rank") != nullptr) continue;
      list.rank = list.kind == ListKind::allow ? kRankAllow : is_rpz ? std::min(next_rpz++, kMaxListRank) : kRankBlock;
    }
  }

  void settle_policies() {
    bool has_default = false;
    for (std::size_t i = 0; i < config_.policies.size(); ++i) {
      Policy& policy = config_.policies[i].policy;
      const ConfigValue& in = *origins_.policies[i].table;
      if (config::find_member(in, "privacy") == nullptr) policy.privacy = config_.log.privacy;
      if (config::find_member(in, "log_all") == nullptr) policy.log_all = config_.log.all;
      has_default = has_default || policy.name == "default";
    }
    if (has_default) return;
    PolicyConfig fallback;
    fallback.policy.name = "default";
    fallback.policy.privacy = config_.log.privacy;
    fallback.policy.log_all = config_.log.all;
    config_.policies.insert(config_.policies.begin(), std::move(fallback));
    origins_.policies.insert(origins_.policies.begin(), Origin{});
  }

  std::vector<std::string>& faults_;
  Config config_ = [] {
    Config fresh;
    fresh.resolver = config::default_resolver();
    return fresh;
  }();
  Origins origins_;
  std::map<std::string, std::string> set_at_;  // "resolver.listen" -> file:line
};

std::string join(const std::vector<std::string>& faults) {
  std::string out;
  for (std::size_t i = 0; i < faults.size() && i < kMaxShownFaults; ++i) out += (i == 0 ? "" : "\n") + faults[i];
  if (faults.size() > kMaxShownFaults)
    out += "\n... and " + std::to_string(faults.size() - kMaxShownFaults) + " more faults";
  return out;
}

template <class Section>
void describe_keys(std::string_view section, const config::Keys<Section>& keys, std::vector<ConfigKey>& out) {
  for (const auto& key : keys) {
    out.push_back({std::string(section), is_repeated(section), std::string(key.name), key.expected, key.default_value,
                   std::string(key.meaning)});
  }
}

}  // namespace

fs::path ListConfig::file() const {
  return where.substr(0, where.rfind(':'));
}

fs::path TsigKeyConfig::file() const {
  return where.substr(0, where.rfind(':'));
}

Result<Config> Config::load(const fs::path& file) {
  std::error_code code;
  const fs::path whole = fs::absolute(file, code).lexically_normal();
  if (code) return system_error(file, code.value());
  auto drop_ins = drop_ins_of(whole);
  if (!drop_ins) return drop_ins.error();
  std::vector<fs::path> files{whole};
  files.insert(files.end(), drop_ins->begin(), drop_ins->end());

  std::vector<std::string> faults;
  std::vector<std::unique_ptr<Document>> documents;
  for (const fs::path& each : files) {
    auto text = read_file(each);
    if (!text && text.error().code != ErrorCode::invalid) return text.error();
    auto root = text ? parse_toml(*text, each.string()) : Result<ConfigValue>(text.error());
    if (!root) {
      faults.push_back(root.error().message);
      continue;
    }
    documents.push_back(std::make_unique<Document>(Document{each, std::move(*root)}));
  }
  Loader loader(faults);
  for (const auto& document : documents) loader.read(*document);
  Config config = loader.finish(documents.size() == files.size());
  if (!faults.empty()) return Error{ErrorCode::invalid, join(faults)};
  config.files = std::move(files);
  return config;
}

fs::path Config::load_run_path(const fs::path& file) {
  std::error_code code;
  const fs::path whole = fs::absolute(file, code).lexically_normal();
  std::vector<fs::path> files{whole};
  if (auto drop_ins = drop_ins_of(whole)) files.insert(files.end(), drop_ins->begin(), drop_ins->end());
  for (const fs::path& each : files) {
    const auto text = read_file(each);
    if (!text) continue;
    const auto root = parse_toml(*text, each.string());
    if (!root) continue;
    const auto* section = config::find_member(*root, "run");
    const auto* path = section != nullptr ? config::find_member(section->value, "path") : nullptr;
    if (path == nullptr) continue;
    std::vector<std::string> faults_found;
    Faults faults(each, faults_found);
    RunConfig run;
    for (const auto& key : config::run_keys()) {
      if (key.name == path->key) key.read(path->value, path->key, run, faults);
    }
    if (faults_found.empty()) return run.path;
  }
  return defaults().run.path;
}

Config Config::defaults() {
  std::vector<std::string> faults;
  return Loader(faults).finish(true);
}

std::vector<ConfigKey> config_keys() {
  std::vector<ConfigKey> out;
  describe_keys("resolver", config::resolver_keys(), out);
  describe_keys("resolution", config::resolution_keys(), out);
  describe_keys("cache", config::cache_keys(), out);
  describe_keys("answers", config::answer_keys(), out);
  describe_keys("run", config::run_keys(), out);
  describe_keys("store", config::store_keys(), out);
  describe_keys("fetch", config::fetch_keys(), out);
  describe_keys("transfer", config::transfer_keys(), out);
  describe_keys("api", config::api_keys(), out);
  describe_keys("tsig_key", config::tsig_key_keys(), out);
  describe_keys("serve", config::serve_keys(), out);
  describe_keys("list", config::list_keys(), out);
  describe_keys("policy", config::policy_keys(), out);
  describe_keys("group", config::group_keys(), out);
  describe_keys("schedule", config::schedule_keys(), out);
  describe_keys("forward", config::forward_keys(), out);
  describe_keys("negative_trust_anchor", config::negative_trust_anchor_keys(), out);
  describe_keys("local", config::local_keys(), out);
  describe_keys("dns64", config::dns64_keys(), out);
  describe_keys("local_zone", config::local_zone_keys(), out);
  describe_keys("log", config::log_keys(), out);
  describe_keys("sink", config::sink_keys(), out);
  describe_keys("self_service", config::self_service_keys(), out);
  return out;
}

Result<void> check_config_name(std::string_view name) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  const bool good =
      !name.empty() && name.size() <= 64 && is_plain(name[0]) &&
      std::all_of(name.begin(), name.end(), [&](char c) { return is_plain(c) || c == '.' || c == '_' || c == '-'; });
  if (good) return {};
  return Error{ErrorCode::invalid, config::quote(escape_for_display(name)) +
                                       " is not a name of 1 to 64 letters, digits, '.', '_', '-' that begins with a "
                                       "letter or a digit"};
}

}  // namespace weir
