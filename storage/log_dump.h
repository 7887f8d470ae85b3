// Prints what a log folder holds, for `flotilla debug wal dump FOLDER`: segments, batches, items
// and entries, and where something cannot be read. Changes nothing and needs no owner, so that it
// works on a damaged log, and on a copy of one. It shows what is there; what of it counts is
// recovery's judgement (log_recovery.h).
#ifndef FLOTILLA_STORAGE_LOG_DUMP_H_
#define FLOTILLA_STORAGE_LOG_DUMP_H_

#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "base/disk.h"

namespace flotilla::storage {

enum class DumpFormat {
  kText,  // indented lines
  kJson,  // one object a line
};

// Calls `print` with each line, without the newline. Errors: those of the disk; damage is printed
// and is no error.
absl::Status DumpLog(Disk& disk, const std::string& folder, DumpFormat format,
                     absl::FunctionRef<void(std::string_view line)> print);

}  // namespace flotilla::storage

#endif  // FLOTILLA_STORAGE_LOG_DUMP_H_
