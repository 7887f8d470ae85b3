// Scans rows of which it knows that they are there, while others come and go between them: every
// scan must report each of these exactly once, and all it reports in key order.
#ifndef FLOTILLA_BENCH_SCAN_CHECK_H_
#define FLOTILLA_BENCH_SCAN_CHECK_H_

#include <cstdint>
#include <string>
#include <vector>

#include "base/random.h"
#include "flotilla/kv_client.h"

namespace flotilla::bench {

// Used by one thread.
class ScanCheck {
 public:
  // `client` must outlive this and all that it was asked for.
  explicit ScanCheck(KvClient& client);

  // Puts the rows that stay.
  Status Prepare();
  // Writes some other rows, then scans all, or in turn those of one hash tag.
  void ScanOnce();

  uint64_t scans() const { return scans_; }
  // Scans that failed, missed a row, or reported one twice or out of order.
  uint64_t errors() const { return errors_; }

 private:
  void WriteOthers();
  // Empty when it was as it should be.
  std::string Scan(const std::string& prefix);

  KvClient& client_;
  std::vector<std::string> keys_;  // of the rows that stay, in order
  std::vector<std::string> tags_;  // what the keys of each hash tag begin with
  Random random_{1};
  uint64_t scans_ = 0;
  uint64_t errors_ = 0;
};

}  // namespace flotilla::bench

#endif  // FLOTILLA_BENCH_SCAN_CHECK_H_
