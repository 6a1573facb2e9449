// One NSEC record (RFC 4034 section 4): which names and types do not exist from its owner to the next name.
#pragma once

#include <optional>

#include "resolver/dnssec/type_bitmap.h"
#include "zones/dns/rrset.h"

namespace weir {

// Points into the RRset that it was made from, which must outlive it.
struct Nsec {
  Name owner;
  Name next;
  bool is_last = false;  // next is the apex
  TypeBitmap types;

  // `name`, of the same zone, lies between owner and next in canonical order (RFC 4034 section 6.1): it does not exist,
  // or is an empty non-terminal (then next lies below it).
  bool covers(const Name& name) const;

  // The deepest name above a covered `name` that exists: of owner's and next's ancestors the longer (RFC 4035 section
  // 5.4).
  Name closest_encloser(const Name& name) const;
};

// Nothing where it is malformed, is not the only record of its name, or where owner or next lie outside `zone`, its
// signer: such a record would deny names of others.
std::optional<Nsec> parse_nsec(const Rrset& rrset, const Name& zone);

}  // namespace weir
