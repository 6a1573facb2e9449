// How the kernel ranks our threads: those that answer before those that prepare.
//
// A time slice is how long a running thread may go on while others wait, and who asks for a shorter one takes the core
// from others as soon as it wakes: so Linux from 6.12 on. Older kernels, and sandboxes that forbid it, leave things as
// they are.
#pragma once

namespace weir {

// The calling thread answers: the shortest slice that there is.
void rank_before_others();

// The calling thread, and those that it starts from now on, do other work: a short slice, longer than the shortest, and
// no higher rank than a process has that nobody ranked.
void rank_behind_others();

// One step of long work is done, at most some microseconds of it. Every 150 us of the calling thread the core is
// offered to who waits for it. Costs about a nanosecond a step.
void give_way();

}  // namespace weir
