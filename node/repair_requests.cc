#include "node/repair_requests.h"

#include <algorithm>
#include <utility>

#include "base/coding.h"
#include "base/crc32c.h"
#include "base/status_macros.h"

namespace flotilla::node {

namespace {

constexpr uint8_t kRepairsKind = 0x51;  // 'Q'
constexpr uint8_t kRepairsVersion = 1;
constexpr size_t kChecksumBytes = 4;

}  // namespace

std::string EncodeUnfitReplicas(const UnfitReplicas& unfit) {
  std::string out;
  PutFormatHeader(out, kRepairsKind, kRepairsVersion);
  PutVarint(out, unfit.size());
  for (const auto& [shard, replica] : unfit) {
    PutVarint(out, shard.value());
    PutVarint(out, replica.value());
  }
  PutFixed32(out, Crc32c(out));
  return out;
}

absl::StatusOr<UnfitReplicas> DecodeUnfitReplicas(std::string_view bytes) {
  Decoder header(bytes);
  FLOTILLA_RETURN_IF_ERROR(ReadFormatHeader(header, kRepairsKind, kRepairsVersion, "REPAIRS"));
  const size_t covered = bytes.size() - kChecksumBytes;
  if (header.rest().size() < kChecksumBytes ||
      LoadFixed32(bytes.data() + covered) != Crc32c(bytes.substr(0, covered))) {
    return absl::DataLossError("REPAIRS is damaged: checksum mismatch");
  }
  Decoder in(header.rest().substr(0, header.rest().size() - kChecksumBytes));
  UnfitReplicas unfit;
  const uint64_t count = in.Varint();
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    const ShardId shard(in.Varint());
    unfit[shard] = ReplicaId(in.Varint());
  }
  FLOTILLA_RETURN_IF_ERROR(in.Finish("REPAIRS"));
  return unfit;
}

RepairRequests::RepairRequests(Disk& disk, SequenceSource& sequences, Executor& home,
                               Logger& logger, std::string file)
    : disk_(disk),
      logger_(logger),
      file_(std::move(file)),
      sequence_(sequences.NewSequence(SequenceSource::Use::kBulk, home)) {}

absl::Status RepairRequests::Load() {
  FLOTILLA_ASSIGN_OR_RETURN(const bool exists, disk_.Exists(file_));
  if (!exists) return absl::OkStatus();
  FLOTILLA_ASSIGN_OR_RETURN(const std::string bytes, ReadWholeFile(disk_, file_));
  FLOTILLA_ASSIGN_OR_RETURN(on_disk_, DecodeUnfitReplicas(bytes));
  wanted_ = on_disk_;
  return absl::OkStatus();
}

void RepairRequests::Add(ShardId shard, ReplicaId replica) {
  ReplicaId& known = wanted_[shard];
  known = std::max(known, replica);
}

UnfitReplicas RepairRequests::Recorded() const {
  UnfitReplicas recorded;
  for (const auto& [shard, replica] : wanted_) {
    const auto it = on_disk_.find(shard);
    if (it != on_disk_.end() && it->second == replica) recorded.emplace(shard, replica);
  }
  return recorded;
}

void RepairRequests::Record() {
  if (writing_ || wanted_ == on_disk_) return;
  writing_ = true;
  auto status = std::make_shared<absl::Status>();
  sequence_->Run(
      [this, status, bytes = EncodeUnfitReplicas(wanted_)] {
        *status = ReplaceFileDurably(disk_, file_, bytes);
      },
      [this, status, written = wanted_] {
        writing_ = false;
        if (status->ok()) {
          on_disk_ = written;
        } else {
          logger_.Error("repairs_not_recorded",
                        {{"error", std::string(StdView(status->message()))}});
        }
      });
}

}  // namespace flotilla::node
