#include "zones/time_json.h"

#include <algorithm>

namespace weir {
namespace {

namespace json = boost::json;

std::int64_t to_seconds(WallTime moment) {
  return std::chrono::duration_cast<std::chrono::seconds>(moment.time_since_epoch()).count();
}

WallTime from_seconds(const json::value& value) {
  return WallTime(std::chrono::seconds(value.to_number<std::int64_t>()));
}

}  // namespace

json::array describe_schedules(const PolicySet& set, bool for_fingerprint) {
  json::array out;
  for (const Schedule& schedule : set.schedules) {
    json::object object{
        {"name", schedule.name},          {"days", schedule.hours.days},         {"from", schedule.hours.from_minute},
        {"to", schedule.hours.to_minute}, {"timezone", schedule.hours.timezone}, {"within", schedule.within}};
    json::array lists;
    if (for_fingerprint) {
      object["group"] = set.groups[schedule.group].name;
      std::vector<std::string> names;
      for (const ListId id : schedule.lists) {
        if (const ListDefinition* list = set.find_list(id)) names.push_back(list->name);
      }
      std::sort(names.begin(), names.end());
      for (const std::string& name : names) lists.push_back(json::string(name));
    } else {
      object["group"] = schedule.group;
      for (const ListId id : schedule.lists) lists.push_back(id.value);
      json::array edges;
      for (const WallTime edge : schedule.edges) edges.push_back(to_seconds(edge));
      object["edges"] = std::move(edges);
    }
    object["lists"] = std::move(lists);
    out.push_back(std::move(object));
  }
  return out;
}

json::array describe_pauses(const std::vector<Pause>& pauses) {
  json::array out;
  for (const Pause& pause : pauses) {
    json::array clients;
    for (const Prefix& prefix : pause.clients) clients.push_back(json::string(prefix.to_text()));
    out.push_back(json::object{{"id", pause.id},
                               {"author", pause.author},
                               {"reason", pause.reason},
                               {"clients", std::move(clients)},
                               {"groups", json::value_from(pause.groups)},
                               {"from", to_seconds(pause.from)},
                               {"until", to_seconds(pause.until)}});
  }
  return out;
}

std::vector<Schedule> parse_schedules(const json::value& value) {
  std::vector<Schedule> out;
  for (const json::value& entry : value.as_array()) {
    const json::object& object = entry.as_object();
    Schedule& schedule = out.emplace_back();
    schedule.name = std::string(object.at("name").as_string());
    schedule.group = object.at("group").to_number<std::uint32_t>();
    schedule.hours.days = object.at("days").to_number<std::uint8_t>();
    schedule.hours.from_minute = object.at("from").to_number<std::uint16_t>();
    schedule.hours.to_minute = object.at("to").to_number<std::uint16_t>();
    schedule.hours.timezone = std::string(object.at("timezone").as_string());
    schedule.within = object.at("within").as_bool();
    for (const json::value& id : object.at("lists").as_array()) {
      schedule.lists.push_back(ListId{id.to_number<std::uint32_t>()});
    }
    for (const json::value& edge : object.at("edges").as_array()) schedule.edges.push_back(from_seconds(edge));
    const bool sorted = std::is_sorted(schedule.edges.begin(), schedule.edges.end()) &&
                        std::is_sorted(schedule.lists.begin(), schedule.lists.end());
    if (!sorted) throw std::invalid_argument("a schedule is not in order");
  }
  return out;
}

std::vector<Pause> parse_pauses(const json::value& value) {
  std::vector<Pause> out;
  for (const json::value& entry : value.as_array()) {
    const json::object& object = entry.as_object();
    Pause& pause = out.emplace_back();
    pause.id = object.at("id").to_number<std::uint64_t>();
    pause.author = std::string(object.at("author").as_string());
    pause.reason = std::string(object.at("reason").as_string());
    for (const json::value& text : object.at("clients").as_array()) {
      const auto prefix = Prefix::parse(std::string_view(text.as_string()));
      if (!prefix) throw std::invalid_argument(prefix.error().message);
      pause.clients.push_back(*prefix);
    }
    pause.groups = json::value_to<std::vector<std::string>>(object.at("groups"));
    pause.from = from_seconds(object.at("from"));
    pause.until = from_seconds(object.at("until"));
  }
  return out;
}

}  // namespace weir
