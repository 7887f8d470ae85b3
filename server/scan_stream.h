// The server's end of one Scan: page after page, each asked of the node when the one before has
// left, so that a slow reader holds one page and no more. A caller who names a shard gets the pages
// of that one, any other those of all shards (merged_scan.h).
#ifndef FLOTILLA_SERVER_SCAN_STREAM_H_
#define FLOTILLA_SERVER_SCAN_STREAM_H_

#include <memory>
#include <vector>

#include "grpcpp/support/server_callback.h"
#include "server/gateway.h"
#include "server/merged_scan.h"
#include "server/request_codec.h"

namespace flotilla::v1 {
class PipelineOperation;
class PipelineResult;
class ScanRequest;
class ScanResponse;
}  // namespace flotilla::v1

namespace flotilla::server {

// Owns itself from Start until the stream is done and its last page answered.
class ScanStream : public grpc::ServerWriteReactor<v1::ScanResponse>,
                   public AnswerSink,
                   public std::enable_shared_from_this<ScanStream> {
 public:
  static ScanStream* Start(Gateway& gateway, const RequestCodec& codec,
                           const v1::ScanRequest& request, CallInfo call);

  void OnAnswer(Answer answer) override;

 private:
  ScanStream(Gateway& gateway, const RequestCodec& codec, const v1::ScanRequest& request,
             CallInfo call);

  void AskForPage();
  // For what the page still lacks; writes it when that is nothing.
  void AskForMore();
  void Submit(std::vector<v1::PipelineOperation> questions);
  void TakePart(uint64_t id, v1::PipelineResult result);
  void WritePage();
  void Fail(const grpc::Status& why);
  // False when there is nothing to ask for after it.
  bool PrepareNext();

  void OnWriteDone(bool ok) override;
  void OnDone() override;

  Gateway& gateway_;
  const RequestCodec& codec_;
  CallInfo call_;
  std::shared_ptr<ScanStream> self_;  // from Start to OnDone

  // Of all shards; none: the caller named one.
  std::unique_ptr<MergedScan> merged_;
  size_t unanswered_ = 0;
  bool failed_ = false;

  // Used in turn: by the page being asked for, then by the page being written.
  const std::unique_ptr<v1::ScanRequest> request_;
  const std::unique_ptr<v1::ScanResponse> page_;
};

}  // namespace flotilla::server

#endif  // FLOTILLA_SERVER_SCAN_STREAM_H_
