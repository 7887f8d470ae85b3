// The threads on which gRPC runs our callbacks.
#ifndef FLOTILLA_SERVER_CALLBACK_THREADS_H_
#define FLOTILLA_SERVER_CALLBACK_THREADS_H_

namespace flotilla::server {

// Keeps them for as long as the process lives; cheap after the first call, from any thread.
//
// Without it gRPC 1.51 ends them, and starts them anew, whenever the last channel or server that
// had a callback goes. Whoever lets go of that last one joins them and frees their queue. When that
// happens in a callback, one of them joins itself, which fails, and goes on to wait on freed memory
// ("assertion failed: prior > 0"; grpc/grpc#40213 looks like it). A stream's channel goes with the
// stream, at the end of its last callback.
void KeepCallbackThreads();

}  // namespace flotilla::server

#endif  // FLOTILLA_SERVER_CALLBACK_THREADS_H_
