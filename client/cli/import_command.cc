#include <chrono>
#include <deque>
#include <fstream>
#include <set>
#include <system_error>
#include <utility>

#include "client/cli/progress.h"
#include "client/cli/transfer_commands.h"

namespace flotilla::client::cli {

namespace {

// Rides out a failover or two; --timeout says otherwise.
constexpr std::chrono::milliseconds kImportTimeout = std::chrono::seconds(60);
constexpr size_t kBytesInFlightMax = 64 << 20;

// Keeps puts in flight, in the order of the records, and collects their ends in that order, up to
// the first that failed: every later call says what that one said.
class ImportWindow {
 public:
  ImportWindow(KvClient& client, size_t size, std::chrono::milliseconds timeout, Progress& progress)
      : client_(client), size_(size), progress_(progress) {
    options_.timeout = timeout;
  }

  // The error of an earlier record, if one has shown by now. `line_bytes` is what the record takes
  // in the input.
  Status Add(Record record, size_t line_bytes) {
    // Two puts of one key in flight could be applied in either order.
    while (keys_.contains(record.key)) {
      if (Status failed = AwaitOldest(); !failed.ok()) return failed;
    }
    while (puts_.size() >= size_ || (bytes_ > kBytesInFlightMax && !puts_.empty())) {
      if (Status failed = AwaitOldest(); !failed.ok()) return failed;
    }
    Pending& pending = puts_.emplace_back();
    pending.bytes = record.key.size() + record.value.size();
    bytes_ += pending.bytes;
    pending.line_bytes = line_bytes;
    pending.key = keys_.insert(record.key).first;
    pending.put = client_.PutAsync(std::move(record.key), std::move(record.value), options_);
    return Status();
  }
  Status Drain() {
    while (failed_.ok() && !puts_.empty()) {
      (void)AwaitOldest();
    }
    return failed_;
  }

 private:
  struct Pending {
    Future<StatusOr<PutResult>> put;
    std::set<std::string>::iterator key;
    size_t bytes = 0;
    size_t line_bytes = 0;
  };

  Status AwaitOldest() {
    if (!failed_.ok()) return failed_;
    Pending oldest = std::move(puts_.front());
    puts_.pop_front();
    bytes_ -= oldest.bytes;
    keys_.erase(oldest.key);
    failed_ = oldest.put.get().status();
    if (failed_.ok()) progress_.Add(oldest.line_bytes);
    return failed_;
  }

  KvClient& client_;
  const size_t size_;
  WriteOptions options_;
  Progress& progress_;
  std::deque<Pending> puts_;
  std::set<std::string> keys_;  // of puts_
  size_t bytes_ = 0;            // of puts_
  Status failed_;
};

class Importer {
 public:
  Importer(Context& context, const ImportArguments& arguments, KvClient& client, std::istream& in,
           std::optional<uint64_t> input_bytes)
      : context_(context),
        arguments_(arguments),
        in_(in),
        progress_(context.environment(), "import", input_bytes),
        window_(client, arguments.in_flight, context.TimeoutOr(kImportTimeout), progress_) {}

  ExitCode Run() {
    Status failed = ReadAll();
    // What was read before a malformed line is stored all the same.
    const Status drained = window_.Drain();
    if (failed.ok()) failed = drained;
    Environment& environment = context_.environment();
    if (!failed.ok()) {
      const uint64_t stored = arguments_.skip + progress_.records();
      const std::string place = malformed_line_ != 0 ? "line " + std::to_string(malformed_line_)
                                                     : "record " + std::to_string(stored + 1);
      const ExitCode code = context_.ReportWrite("import, " + place, failed);
      environment.err << "more:  --skip " << stored << " goes on behind what is stored\n";
      return code;
    }
    environment.err << "imported " << progress_.Summary() << "\n";
    if (context_.options.output == OutputFormat::kJson) {
      context_.MakePrinter().Print({{"imported", progress_.records(), Field::Use::kValue},
                                    {"bytes", progress_.bytes(), Field::Use::kDetail}});
    }
    return kExitOk;
  }

 private:
  Status ReadAll() {
    std::optional<RecordFormat> format = arguments_.format;
    uint64_t to_skip = arguments_.skip;
    std::string line;
    for (uint64_t number = 1; std::getline(in_, line); ++number) {
      if (line.empty()) continue;
      if (!format.has_value()) format = GuessFormat(line);
      if (to_skip > 0) {
        --to_skip;
        continue;
      }
      StatusOr<Record> record = ParseRecord(line, *format);
      if (!record.ok()) {
        malformed_line_ = number;
        return record.status();
      }
      if (Status failed = window_.Add(*std::move(record), line.size() + 1); !failed.ok()) {
        return failed;
      }
    }
    if (!in_.bad()) return Status();
    return Status(StatusCode::kInternal, "the input cannot be read");
  }

  Context& context_;
  const ImportArguments& arguments_;
  std::istream& in_;
  Progress progress_;
  ImportWindow window_;
  uint64_t malformed_line_ = 0;  // 0: none
};

std::optional<uint64_t> SizeOf(std::ifstream& file) {
  file.seekg(0, std::ios::end);
  const std::streamoff size = file.tellg();
  file.clear();
  file.seekg(0);
  return size > 0 ? std::optional<uint64_t>(static_cast<uint64_t>(size)) : std::nullopt;
}

}  // namespace

ExitCode RunImport(Context& context, const ImportArguments& arguments) {
  Environment& environment = context.environment();
  std::ifstream file;
  std::optional<uint64_t> size;
  const bool from_file = arguments.file.has_value() && *arguments.file != "-";
  if (from_file) {
    file.open(*arguments.file, std::ios::binary);
    if (!file) {
      return ReportUsageError(environment.err, "cannot read " + *arguments.file,
                              "name a file that exists, or pipe the records in");
    }
    size = SizeOf(file);
  }
  KvClient* client = context.Connect();
  if (client == nullptr) return kExitUsage;
  std::istream& in = from_file ? file : environment.in;
  return Importer(context, arguments, *client, in, size).Run();
}

}  // namespace flotilla::client::cli
