// Guards against a thread that waits for itself.
#ifndef FLOTILLA_CLIENT_THREADS_BLOCKING_H_
#define FLOTILLA_CLIENT_THREADS_BLOCKING_H_

namespace flotilla::client {

// From now on this thread aborts, with a message, instead of waiting for a Future that is not
// ready: called by the thread that makes them ready.
void ForbidWaitingOnThisThread();

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_THREADS_BLOCKING_H_
