#include "tools/migrate/yaml.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <optional>

#include "tools/migrate/input.h"
#include "zones/base/text.h"

namespace weir::migrate {
namespace {

constexpr unsigned kMaxYamlDepth = 64;
constexpr std::size_t kMaxValues = 500'000;

class Converter {
 public:
  explicit Converter(std::string_view file) : file_(file) {}

  YamlValue convert(const YAML::Node& node, unsigned depth) {
    YamlValue out;
    out.line = static_cast<std::uint64_t>(node.Mark().line + 1);
    out.column = static_cast<std::uint64_t>(node.Mark().column + 1);
    if (depth > kMaxYamlDepth) return fail(out, "nested deeper than " + std::to_string(kMaxYamlDepth) + " levels");
    if (++values_ > kMaxValues) return fail(out, "more than " + std::to_string(kMaxValues) + " values");
    if (node.IsScalar()) {
      out.type = YamlValue::Type::scalar;
      out.text = node.Scalar();
    } else if (node.IsSequence()) {
      out.type = YamlValue::Type::sequence;
      for (const auto& item : node) {
        if (fault_) break;
        out.items.push_back(convert(item, depth + 1));
      }
    } else if (node.IsMap()) {
      out.type = YamlValue::Type::map;
      for (const auto& pair : node) {
        if (fault_) break;
        YamlValue::Member member;
        if (!pair.first.IsScalar()) return fail(out, "a key that is no word");
        member.key = pair.first.Scalar();
        member.line = static_cast<std::uint64_t>(pair.first.Mark().line + 1);
        member.column = static_cast<std::uint64_t>(pair.first.Mark().column + 1);
        member.value = convert(pair.second, depth + 1);
        out.members.push_back(std::move(member));
      }
    }
    return out;
  }

  const std::optional<Error>& fault() const { return fault_; }

 private:
  YamlValue fail(const YamlValue& at, const std::string& why) {
    if (!fault_) fault_ = fault_at(file_, at.line, at.column, why);
    return at;
  }

  std::string_view file_;
  std::size_t values_ = 0;
  std::optional<Error> fault_;
};

}  // namespace

const YamlValue* YamlValue::find(std::string_view key) const {
  const auto found =
      std::find_if(members.begin(), members.end(), [&](const Member& member) { return member.key == key; });
  return found != members.end() ? &found->value : nullptr;
}

const YamlValue* YamlValue::at(std::string_view path) const {
  const YamlValue* value = this;
  while (value != nullptr && !path.empty()) {
    const std::size_t dot = std::min(path.find('.'), path.size());
    value = value->find(path.substr(0, dot));
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  return value;
}

std::string YamlValue::text_at(std::string_view key) const {
  const YamlValue* value = find(key);
  return value != nullptr && value->type == Type::scalar ? value->text : std::string();
}

Result<YamlValue> parse_yaml(const std::string& text, std::string_view shown_name) {
  if (!is_utf8(text)) return fault_at(shown_name, 1, 1, "not UTF-8: YAML was expected");
  try {
    const YAML::Node root = YAML::Load(text);
    if (!root.IsMap()) return fault_at(shown_name, 1, 1, "a map of keys and values was expected");
    Converter converter(shown_name);
    YamlValue out = converter.convert(root, 0);
    if (converter.fault()) return *converter.fault();
    return out;
  } catch (const YAML::Exception& error) {
    const auto known = [](int number) { return number < 0 ? 1 : static_cast<std::uint64_t>(number) + 1; };
    return fault_at(shown_name, known(error.mark.line), known(error.mark.column), "not YAML: " + error.msg);
  }
}

}  // namespace weir::migrate
