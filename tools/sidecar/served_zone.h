// A list or a policy of one generation as a response policy zone: which records it has, and which others a later
// generation has.
//
// Each name that rules are filed under is asked about as the resolver asks: what is decided for the name itself, and
// for a name below it that no rule knows. Where that is what the wildcard above says already, the name needs no record;
// where it is not, it gets one for itself and one for all below, so that resolvers whose wildcards end at the next
// existing name (RFC 4592 section 3.3.1) see the same. So ranks, exceptions and important rules become RPZ's own order.
// A pure function of a generation; what depends on who asks, or when, is left out and counted.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "zones/base/result.h"
#include "zones/config/config.h"
#include "zones/lists/rpz.h"
#include "zones/store/generation.h"

namespace weir::sidecar {

// Names that changed, and all below them, that are worth an incremental transfer; beyond, the zone goes as a whole.
inline constexpr std::size_t kMaxChangedNames = 100'000;
// Rules on addresses, clients and name servers that one zone holds; they are sorted in memory.
inline constexpr std::size_t kMaxTriggersServed = 500'000;

// What a policy zone cannot say, by reason; each counts rules.
struct Unsaid {
  std::uint64_t patterns = 0;    // globs and regular expressions
  std::uint64_t conditions = 0;  // $dnstype, $client, $denyallow, groups, moments
  std::uint64_t refused = 0;     // REFUSED; the zone says NXDOMAIN
  std::uint64_t too_long = 0;    // names that are too long below the zone's own; known once the zone was written
  std::uint64_t too_many = 0;    // beyond kMaxTriggersServed
  std::uint64_t exceptions = 0;  // for a while: allows and pauses
  std::uint64_t total() const { return patterns + conditions + refused + too_long + too_many + exceptions; }
};

class ServedZone {
 public:
  using Sink = std::function<Result<void>(const ZoneRecord&)>;

  // Errors: not_found (no such list or policy in that generation).
  static Result<ServedZone> make(const ServeConfig& config, std::shared_ptr<const Generation> generation);

  const Name& name() const { return name_; }
  std::uint32_t serial() const { return static_cast<std::uint32_t>(generation_->number().value); }
  // The SOA of a serial number; valid until the next call.
  ZoneRecord soa(std::uint32_t serial);

  // Every record but the SOA. Errors: those of the sink, corrupt, io.
  Result<void> whole(const Sink& sink);
  // What goes and what comes since the generation of that serial number. False: it cannot be said (that generation is
  // not known, definitions changed, too much changed), and neither sink was called.
  Result<bool> changes(std::uint32_t since, const Sink& removed, const Sink& added);
  // Counted over all rules: a pass over the lists.
  Result<Unsaid> unsaid() const;

 private:
  struct View;     // how one generation's rules are read
  struct Record {  // without the owner
    RecordType type = RecordType::cname;
    std::uint32_t ttl_seconds = 0;
    std::vector<std::uint8_t> rdata;
    auto operator<=>(const Record&) const = default;
  };
  using Records = std::vector<Record>;
  using Triggers = std::map<Name, Records, bool (*)(const Name&, const Name&)>;

  ServedZone(const ServeConfig& config, std::shared_ptr<const Generation> generation)
      : config_(config), name_(config.name.folded()), generation_(std::move(generation)) {}

  Result<View> view_of(const RulesInForce& rules) const;
  Records decide_name(const View& view, const Name& name) const;
  Records decide_below(const View& view, const Name& name) const;
  static Records passthru();
  // What the zone has for a name itself and for all below it.
  void records_of(const View& view, const Name& name, Records& itself, Records& below) const;
  Result<Triggers> triggers_of(const View& view, GenerationNumber at) const;
  std::optional<Name> owner_of(const Name& name, bool below) const;
  Result<void> send(const std::optional<Name>& owner, const Records& records, const Sink& sink) const;
  Result<bool> collect_changed(const View& view, GenerationNumber since, std::vector<Name>& changed) const;

  ServeConfig config_;
  Name name_;
  std::shared_ptr<const Generation> generation_;
  mutable std::uint64_t too_long_ = 0;
  mutable std::uint64_t too_many_ = 0;
  std::vector<std::uint8_t> soa_rdata_;
};

}  // namespace weir::sidecar
