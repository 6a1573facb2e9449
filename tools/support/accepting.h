// What a thread that accepts connections does while there is no descriptor or memory for one more.
#pragma once

namespace weir {

// Behind a call of accept() that failed, with its `errno`. Where it is the machine that lacks something, the connection
// stays waiting and poll() would return at once, again and again: this waits a moment first, or until `stop` is
// readable.
void rest_after_failed_accept(int stop);

}  // namespace weir
