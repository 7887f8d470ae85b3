// SequenceSource on threads: every kLog sequence has a thread of its own, so that a sync waits for
// no other work; apply, read and bulk work have a small pool each, where the jobs of one sequence
// stay in order and those of different ones run in parallel.
//
// A pool's thread takes all queued jobs of a sequence under one lock and posts each job's `done` to
// the home executor as soon as its work is over.
#ifndef FLOTILLA_BASE_POSIX_SEQUENCE_H_
#define FLOTILLA_BASE_POSIX_SEQUENCE_H_

#include <memory>

#include "base/executor.h"

namespace flotilla {

// Thread-safe. Outlives nothing: sequences keep what they need of it alive.
class PosixSequenceSource : public SequenceSource {
 public:
  struct Options {
    int apply_threads = 2;
    int read_threads = 2;
    int bulk_threads = 1;
  };

  explicit PosixSequenceSource(const Options& options);
  ~PosixSequenceSource() override;

  std::unique_ptr<Sequence> NewSequence(Use use, Executor& home) override;

 private:
  class Pool;
  class PoolSequence;

  std::shared_ptr<Pool> apply_;
  std::shared_ptr<Pool> read_;
  std::shared_ptr<Pool> bulk_;
};

}  // namespace flotilla

#endif  // FLOTILLA_BASE_POSIX_SEQUENCE_H_
