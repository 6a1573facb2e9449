// What the two halves of the AskServers step share: asking (ask_servers.cc) and hearing (take_response.cc).
#pragma once

#include "resolver/engine/resolution.h"

namespace weir {

// The next name to ask the zone for: one label more, or several, or all of it (RFC 9156 section 2.3). What the cache
// knows to exist needs no question.
void choose_question(AskServers& step, const Lookup& lookup, Resolution& resolution, Context& context);
void ask_whole_name(AskServers& step, const Lookup& lookup);

// Nobody here waits for what it has asked any more.
void leave_outstanding(AskServers& step, WorkId work, Context& context);

// Whether a server that was asked beside others may still answer in time.
bool awaits_another(const AskServers& step, Context& context);
// The next server is asked. Where none is left: wait for what is outstanding, then look up another name server.
std::optional<Step> ask_next(AskServers& step, Lookup& lookup, Resolution& resolution, Context& context);
// The same server once more, in another way.
std::optional<Step> ask_again(AskServers& step, Candidate& candidate, Lookup& lookup, Resolution& resolution,
                              Context& context);
// This zone has more to say: ask it the question that was chosen. Servers that answered are as fresh as before.
std::optional<Step> ask_next_question(AskServers& step, Lookup& lookup, Resolution& resolution, Context& context);

}  // namespace weir
