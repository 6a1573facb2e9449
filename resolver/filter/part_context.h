// One part of an answer as decide() asks about it.
#pragma once

#include "resolver/filter/filter.h"

namespace weir {

inline DecideContext context_of(const PartMatches& part, const Asker& asker, RecordType type) {
  const bool is_qname = part.part == AnswerPart::qname;
  return {.policies = asker.policies(),
          .group = asker.group,
          .client = asker.client,
          .name = part.name,
          .type = type,
          .now = asker.now,
          .details = asker.generation,
          .is_qname = is_qname,
          .client_matches = is_qname ? asker.client_matches : nullptr,
          .instead = asker.instead};
}

}  // namespace weir
