// The text that AnchorRoll is kept as: a line for each thing that is known, words with single spaces between.
//
//   zone NAME NEXT-LOOK LAST-GOOD-LOOK            times as RFC 3339 writes them, "-" for none
//   configured ds|dnskey RDATA                    what the administrator trusts; RDATA in hexadecimal digits
//   key STATE SINCE UNTIL RDATA                   a DNSKEY, its REVOKE bit clear
//
// What follows a semicolon is for people.
#include <algorithm>
#include <charconv>

#include "resolver/dnssec/anchor_roll.h"
#include "zones/base/hex.h"
#include "zones/base/text.h"

namespace weir {
namespace {

constexpr AnchorState kStates[] = {AnchorState::add_pend, AnchorState::valid, AnchorState::missing,
                                   AnchorState::revoked, AnchorState::removed};

std::string time_text(const std::optional<WallTime>& time) {
  return time ? format_time(*time) : "-";
}

// One line, word by word; the first fault stays.
class Words {
 public:
  Words(std::string_view line, std::string where) : line_(line.substr(0, line.find(';'))), where_(std::move(where)) {}

  bool at_end() {
    skip();
    return at_ >= line_.size();
  }
  std::string_view next(std::string_view expected) {
    skip();
    begun_ = at_;
    while (at_ < line_.size() && line_[at_] != ' ' && line_[at_] != '\t' && line_[at_] != '\r') ++at_;
    const std::string_view word = line_.substr(begun_, at_ - begun_);
    if (word.empty()) fail(expected);
    return word;
  }
  void fail(std::string_view expected) {
    if (error_) return;
    const std::string_view word = line_.substr(begun_, at_ - begun_);
    error_ = Error{ErrorCode::corrupt,
                   where_ + ':' + std::to_string(begun_ + 1) + ": expected " + std::string(expected) + ", not " +
                       (word.empty() ? "the end of the line" : "'" + escape_for_display(word.substr(0, 80)) + "'")};
  }
  std::optional<WallTime> time() {
    constexpr std::string_view kExpected = "a time such as 2026-12-01T00:00:00Z, or -";
    const std::string_view word = next(kExpected);
    if (word == "-") return std::nullopt;
    const auto parsed = parse_time(word);
    if (!parsed) fail(kExpected);
    return parsed ? std::optional(*parsed) : std::nullopt;
  }
  std::vector<std::uint8_t> octets() {
    constexpr std::string_view kExpected = "RDATA in hexadecimal digits";
    const std::string_view word = next(kExpected);
    std::vector<std::uint8_t> out;
    for (std::size_t i = 0; i + 1 < word.size(); i += 2) {
      std::uint8_t octet = 0;
      const auto [end, error] = std::from_chars(word.data() + i, word.data() + i + 2, octet, 16);
      if (error != std::errc() || end != word.data() + i + 2) break;
      out.push_back(octet);
    }
    if (out.size() * 2 != word.size() || out.size() < 5) fail(kExpected);
    return out;
  }
  const std::optional<Error>& error() const { return error_; }

 private:
  void skip() {
    while (at_ < line_.size() && (line_[at_] == ' ' || line_[at_] == '\t' || line_[at_] == '\r')) ++at_;
  }

  std::string_view line_;
  std::string where_;
  std::size_t at_ = 0;
  std::size_t begun_ = 0;
  std::optional<Error> error_;
};

struct Saved {
  Name zone;
  WallTime next_look;
  std::optional<WallTime> last_good_look;
  Rrset ds;
  Rrset dnskeys;
  std::vector<AnchorKey> keys;
};

AnchorKey read_key(Words& words) {
  AnchorKey key;
  const std::string_view state = words.next("a state");
  const auto known = std::ranges::find(kStates, state, [](AnchorState each) { return to_text(each); });
  if (known == std::end(kStates)) words.fail("add-pend, valid, missing, revoked or removed");
  if (known != std::end(kStates)) key.state = *known;
  if (const auto since = words.time()) key.since = *since;
  key.until = words.time();
  const bool waits = key.state == AnchorState::add_pend || key.state == AnchorState::revoked;
  if (waits && !key.until) words.fail("when it ends");
  key.dnskey = words.octets();
  return key;
}

void read_line(Words& words, std::vector<Saved>& out) {
  const std::string_view kind = words.next("zone, configured or key");
  if (kind == "zone") {
    Saved zone;
    const auto name = Name::parse(words.next("a domain name"));
    if (!name) words.fail("a domain name");
    if (name) zone.zone = *name;
    zone.next_look = words.time().value_or(WallTime{});
    zone.last_good_look = words.time();
    out.push_back(std::move(zone));
  } else if (out.empty()) {
    words.fail("zone first");
  } else if (kind == "configured") {
    const std::string_view type = words.next("ds or dnskey");
    if (type != "ds" && type != "dnskey") words.fail("ds or dnskey");
    (type == "ds" ? out.back().ds : out.back().dnskeys).add(words.octets());
  } else if (kind == "key") {
    if (out.back().keys.size() >= kMaxAnchorKeys) words.fail("at most " + std::to_string(kMaxAnchorKeys) + " keys");
    out.back().keys.push_back(read_key(words));
  } else {
    words.fail("zone, configured or key");
  }
  if (!words.at_end()) {
    static_cast<void>(words.next(""));
    words.fail("the end of the line");
  }
}

bool same_records(const Rrset& a, const Rrset& b) {
  const auto sorted = [](const Rrset& rrset) {
    std::vector<std::vector<std::uint8_t>> out;
    for (const auto rdata : rrset.records()) out.emplace_back(rdata.begin(), rdata.end());
    std::ranges::sort(out);
    return out;
  };
  return sorted(a) == sorted(b);
}

}  // namespace

std::string AnchorRoll::save(const std::vector<AnchorRoll>& rolls) {
  std::string out =
      "; The trust anchors that weir-resolver follows (RFC 5011). It writes this file; change it only while it is\n"
      "; stopped. Without it everything begins anew from what is configured.\n";
  for (const AnchorRoll& roll : rolls) {
    out += "zone " + roll.zone().to_text() + ' ' + format_time(roll.next_look_) + ' ' +
           time_text(roll.last_good_look_) + '\n';
    for (const Rrset* configured : {&roll.configured_.ds, &roll.configured_.dnskeys}) {
      for (const auto rdata : configured->records())
        out += std::string("configured ") + (configured == &roll.configured_.ds ? "ds " : "dnskey ") + to_hex(rdata) +
               '\n';
    }
    for (const AnchorKey& key : roll.keys_) {
      out += "key " + std::string(to_text(key.state)) + ' ' + format_time(key.since) + ' ' + time_text(key.until) +
             ' ' + to_hex(key.dnskey) + " ; tag " + std::to_string(key.tag()) + '\n';
    }
  }
  return out;
}

Result<std::vector<AnchorRoll>> AnchorRoll::restore(std::string_view text, std::string_view file,
                                                    const std::vector<TrustAnchor>& configured, AnchorTimes times) {
  std::vector<Saved> saved;
  std::size_t number = 0;
  while (!text.empty()) {
    ++number;
    const std::size_t end = std::min(text.find('\n'), text.size());
    Words words(text.substr(0, end), std::string(file) + ':' + std::to_string(number));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (words.at_end()) continue;
    read_line(words, saved);
    if (words.error()) return *words.error();
  }
  std::vector<AnchorRoll> out;
  for (const TrustAnchor& anchor : configured) {
    AnchorRoll roll(anchor, times);
    for (Saved& known : saved) {
      if (known.zone != anchor.zone || !same_records(known.ds, anchor.ds) ||
          !same_records(known.dnskeys, anchor.dnskeys))
        continue;
      roll.keys_ = std::move(known.keys);
      roll.next_look_ = known.next_look;
      roll.last_good_look_ = known.last_good_look;
      break;
    }
    out.push_back(std::move(roll));
  }
  return out;
}

}  // namespace weir
