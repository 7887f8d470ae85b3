#include "node/forwarder.h"

#include <utility>
#include <vector>

#include "node/errors.h"

namespace flotilla::node {

namespace {

// Removes what `matches` accepts and returns the callbacks, so that they run on a settled map.
template <typename Map, typename Matches>
auto Extract(Map& sent, Matches matches) {
  std::vector<decltype(sent.begin()->second.done)> extracted;
  for (auto it = sent.begin(); it != sent.end();) {
    if (!matches(it->second)) {
      ++it;
      continue;
    }
    extracted.push_back(std::move(it->second.done));
    it = sent.erase(it);
  }
  return extracted;
}

template <typename Map, typename Reply>
void Complete(Map& sent, ForwardId id, Reply reply) {
  auto found = sent.extract(id);
  // Expired meanwhile.
  if (found.empty()) return;
  found.mapped().done(std::move(reply));
}

}  // namespace

void Forwarder::Write(NodeId to, WriteRequest request, WriteDone done) {
  const ForwardId id = next_id_++;
  writes_.emplace(id, Sent<WriteDone>{to, request.context.deadline, std::move(done)});
  outbox_.Add(to, ForwardedWrite{.id = id, .request = std::move(request)});
}

void Forwarder::Read(NodeId to, ReadRequest request, ReadDone done) {
  const ForwardId id = next_id_++;
  reads_.emplace(id, Sent<ReadDone>{to, request.context.deadline, std::move(done)});
  outbox_.Add(to, ForwardedRead{.id = id, .request = std::move(request)});
}

void Forwarder::OnAnswer(WriteAnswer answer) {
  Complete(writes_, answer.id, std::move(answer.reply));
}

void Forwarder::OnAnswer(ReadAnswer answer) {
  Complete(reads_, answer.id, std::move(answer.reply));
}

void Forwarder::OnPeerLost(NodeId node) {
  const auto sent_there = [&](const auto& sent) { return sent.to == node; };
  for (WriteDone& done : Extract(writes_, sent_there)) {
    done({.error = ForwardLost(node, Outcome::kUnknown), .result = {}});
  }
  for (ReadDone& done : Extract(reads_, sent_there)) {
    done({.error = ForwardLost(node, Outcome::kNotApplied), .result = {}, .lag = {}});
  }
}

void Forwarder::Expire(MonoTime now) {
  const auto is_late = [&](const auto& sent) { return sent.deadline <= now; };
  for (WriteDone& done : Extract(writes_, is_late)) {
    done({.error = DeadlineExceeded(Outcome::kUnknown), .result = {}});
  }
  for (ReadDone& done : Extract(reads_, is_late)) {
    done({.error = DeadlineExceeded(Outcome::kNotApplied), .result = {}, .lag = {}});
  }
}

void Forwarder::FailAll(const Error& error) {
  const auto all = [](const auto&) { return true; };
  Error unknown = error;
  unknown.outcome = Outcome::kUnknown;
  for (WriteDone& done : Extract(writes_, all)) done({.error = unknown, .result = {}});
  for (ReadDone& done : Extract(reads_, all)) done({.error = error, .result = {}, .lag = {}});
}

}  // namespace flotilla::node
