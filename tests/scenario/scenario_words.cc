#include "tests/scenario/scenario_words.h"

#include "zones/base/text.h"

namespace weir::scenario {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

std::string_view without_comment(std::string_view line) {
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\') {
      ++i;
    } else if (line[i] == '"') {
      quoted = !quoted;
    } else if (line[i] == ';' && !quoted) {
      return trim(line.substr(0, i));
    }
  }
  return trim(line);
}

Words words_of(std::string_view text) {
  Words words;
  for (std::size_t at = 0; at < text.size();) {
    if (is_blank(text[at])) {
      ++at;
      continue;
    }
    const std::size_t begin = at;
    while (at < text.size() && !is_blank(text[at])) ++at;
    words.push_back(text.substr(begin, at - begin));
  }
  return words;
}

namespace {

bool is_key(std::string_view word) {
  if (word.size() < 3 || word.back() != ':') return false;
  word.remove_suffix(1);
  return word.front() >= 'a' && word.front() <= 'z' && std::ranges::all_of(word, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
         });
}

}  // namespace

std::vector<ConfigWord> config_words(std::string_view line) {
  std::vector<ConfigWord> words;
  for (std::size_t at = 0; at < line.size();) {
    const char c = line[at];
    if (is_blank(c)) {
      ++at;
    } else if (c == '#' || c == ';') {
      break;
    } else if (c == '"' || c == '\'') {
      const std::size_t end = std::min(line.find(c, at + 1), line.size());
      words.push_back({std::string(line.substr(at + 1, end - at - 1)), false});
      at = end + 1;
    } else {
      const std::size_t begin = at;
      while (at < line.size() && !is_blank(line[at]) && line[at] != '#') ++at;
      std::string word(line.substr(begin, at - begin));
      const bool key = is_key(word);
      words.push_back({std::move(word), key});
    }
  }
  return words;
}

}  // namespace weir::scenario
