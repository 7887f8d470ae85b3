// Writes whose outcome is known from the record alone: puts of keys that nobody else writes, and
// increments of a counter of its own. Reading them back in the end shows every acknowledged put
// that is lost and every increment that was lost or happened twice.
#ifndef FLOTILLA_BENCH_WRITE_RECORD_H_
#define FLOTILLA_BENCH_WRITE_RECORD_H_

#include <cstdint>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "bench/call_window.h"
#include "flotilla/kv_client.h"

namespace flotilla::bench {

// What reading back has shown.
struct WriteVerdict {
  uint64_t acked = 0;     // writes that were acknowledged
  uint64_t unknown = 0;   // writes of which the client could not tell
  uint64_t lost = 0;      // acknowledged ones that are missing
  uint64_t repeated = 0;  // increments that happened more than once
};

// One thread writes; the answers come on any.
class WriteRecord {
 public:
  // The keys begin with these, in turn. No other record may have the same. Not empty.
  explicit WriteRecord(std::vector<std::string> prefixes) : prefixes_(std::move(prefixes)) {}

  // The key of the next write.
  std::string NextKey() const;
  // Sends it: a put, or every fourth time an increment. True when it was acknowledged. The record
  // must outlive the answer.
  Future<bool> WriteNext(KvClient& client);

  // Adds to `verdict` what the store holds of this. All writes must be answered. What `window`
  // says afterwards is whether all could be read.
  void Verify(KvClient& client, CallWindow& window, WriteVerdict& verdict);

 private:
  enum class Fate : uint8_t { kPending, kAcknowledged, kRefused, kUnknown };

  bool NextIsIncrement() const;
  std::string CounterKey() const { return prefixes_.front() + "count"; }
  std::string PutKey(uint64_t number) const;
  static std::string PutValue(uint64_t number) { return "written as " + std::to_string(number); }
  Future<bool> Put(KvClient& client);
  Future<bool> Increment(KvClient& client);
  void VerifyPuts(KvClient& client, CallWindow& window);
  void VerifyCounter(KvClient& client, CallWindow& window);

  const std::vector<std::string> prefixes_;
  uint64_t writes_ = 0;  // of the writing thread

  Mutex mu_;
  std::vector<Fate> puts_ ABSL_GUARDED_BY(mu_);
  uint64_t increments_acknowledged_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t increments_unknown_ ABSL_GUARDED_BY(mu_) = 0;
  WriteVerdict verdict_ ABSL_GUARDED_BY(mu_);
};

}  // namespace flotilla::bench

#endif  // FLOTILLA_BENCH_WRITE_RECORD_H_
