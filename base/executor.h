// Where deciding code runs: one task at a time, in order. A worker thread in the server, the event
// queue in the simulator. Everything that lives on an executor needs no lock.
#ifndef FLOTILLA_BASE_EXECUTOR_H_
#define FLOTILLA_BASE_EXECUTOR_H_

#include <cstdint>
#include <memory>

#include "absl/functional/any_invocable.h"
#include "base/clock.h"

namespace flotilla {

using Task = absl::AnyInvocable<void()>;

// Names a pending timer. 0 is never a timer.
using TimerId = uint64_t;

class Executor {
 public:
  virtual ~Executor() = default;

  // Runs `task` later on this executor, after every task posted before it. Thread-safe.
  virtual void Post(Task task) = 0;

  // Runs `task` on this executor at `when` or as soon as possible after it. Only to be called on
  // the executor itself.
  virtual TimerId PostAt(MonoTime when, Task task) = 0;

  // Forgets a timer; does nothing when it has run or never was. Only on the executor itself.
  virtual void Cancel(TimerId timer) = 0;
};

// Carries out blocking work (disk, LevelDB) away from the executor that decides.
//
// The jobs of one Sequence run one at a time, in order. `work` runs elsewhere, then `done` runs on
// the executor that the sequence was made for. Both run exactly once, unless the process (or
// simulated node) dies first. Destroying a sequence (on the home executor, or when that has
// stopped) waits for the running job and drops the rest: no `done` of it runs afterwards.
class Sequence {
 public:
  virtual ~Sequence() = default;
  // Only to be called on the home executor.
  virtual void Run(Task work, Task done) = 0;
};

// Makes sequences. Sequences of one source may run in parallel with each other.
class SequenceSource {
 public:
  virtual ~SequenceSource() = default;
  // What the sequence is for: the server gives log, apply and bulk work different threads.
  enum class Use { kLog, kApply, kRead, kBulk };
  virtual std::unique_ptr<Sequence> NewSequence(Use use, Executor& home) = 0;
};

}  // namespace flotilla

#endif  // FLOTILLA_BASE_EXECUTOR_H_
