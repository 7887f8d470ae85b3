#include "client/spread_calls.h"

#include <iterator>
#include <utility>
#include <vector>

namespace flotilla::client {

void SpreadCalls::Begin(Call call) {
  StatusOr<std::unique_ptr<SpreadCall>> spread = Spread(std::move(call.operation));
  if (!spread.ok()) return host_.EndSpread(std::move(call), std::move(spread).status());
  running_.push_back({.call = std::move(call), .spread = *std::move(spread), .failure = Status()});
  NextRound(std::prev(running_.end()));
}

void SpreadCalls::NextRound(Place running) {
  std::vector<SpreadCall::Part> parts = running->spread->NextParts(host_.Routes());
  if (parts.empty()) return End(running, running->spread->End());
  running->under_way = parts.size();
  for (size_t i = 0; i < parts.size(); ++i) {
    Call part;
    part.operation = std::move(parts[i].operation);
    part.level = running->call.level;
    part.deadline = running->call.deadline;
    part.traceparent = running->call.traceparent;
    part.slot = parts[i].slot;
    part.ends_at_wrong_shard = parts[i].ends_at_wrong_shard;
    part.done = [this, running, i](StatusOr<Result> answer) {
      OnAnswer(running, i, std::move(answer));
    };
    host_.StartPart(std::move(part));
  }
}

void SpreadCalls::OnAnswer(Place running, size_t part, StatusOr<Result> answer) {
  Status status = running->spread->Take(part, std::move(answer));
  if (running->failure.ok()) running->failure = std::move(status);
  if (--running->under_way > 0) return;
  if (running->failure.ok()) return NextRound(running);
  End(running, running->spread->Failure(running->failure));
}

void SpreadCalls::End(Place running, StatusOr<Result> result) {
  Call call = std::move(running->call);
  running_.erase(running);
  host_.EndSpread(std::move(call), std::move(result));
}

}  // namespace flotilla::client
