#include "tests/simulation/cluster/sim_front_door.h"

#include <optional>
#include <vector>

#include "flotilla/v1/cluster.pb.h"
#include "flotilla/v1/kv.pb.h"
#include "server/cluster_codec.h"
#include "server/reply_codec.h"

namespace flotilla::simulation {

// Shared with the operations that the node carries out for it; they may outlive it.
class SimFrontDoor::Connection final : public server::AnswerSink,
                                       public std::enable_shared_from_this<Connection> {
 public:
  Connection(SimFrontDoor& door, NodeIndex client, uint64_t caller, uint64_t callee)
      : AnswerSink(door.gateway_.budget()),
        door_(door),
        callee_(callee),
        stream_(std::make_unique<SimStream>(
            door.environment_.clock, door.environment_.executor, caller, callee,
            [&door, client](std::string frame) { door.Transmit(client, std::move(frame)); })) {}

  uint64_t callee() const { return callee_; }
  // Nobody will read answers.
  void Break() { stream_.reset(); }

  void Take(const StreamFrame& frame) {
    stream_->Take(frame);
    while (const std::optional<std::string> message = stream_->Next()) OnMessage(*message);
  }

  void OnAnswer(server::Answer answer) override {
    NoteAnswer(answer);
    // All that the node answers in this turn leaves as one message.
    if (turn_.empty())
      door_.environment_.executor.Post([self = shared_from_this()] { self->Flush(); });
    turn_.push_back(std::move(answer));
  }

 private:
  void OnMessage(std::string_view message) {
    const std::string bytes(message.substr(1));
    if (static_cast<ClientMessage>(message.front()) == ClientMessage::kShardMap) {
      v1::GetShardMapResponse response;
      server::EncodeShardMap(door_.node_.Status(), door_.node_.ShardMap(), &response);
      return Send(ClientMessage::kShardMap, response.SerializeAsString());
    }
    v1::PipelineRequest request;
    request.ParseFromString(bytes);
    server::CallInfo call;
    call.now = door_.environment_.clock.Now();
    door_.gateway_.Submit(door_.codec_.Decode(request, call), shared_from_this());
  }

  void Flush() {
    v1::PipelineResponse response;
    for (server::Answer& answer : turn_) EncodeAnswer(std::move(answer), response.add_results());
    turn_.clear();
    account().Release(account().held());
    Send(ClientMessage::kPipeline, response.SerializeAsString());
  }

  void Send(ClientMessage kind, const std::string& bytes) {
    if (stream_ != nullptr) stream_->Send(static_cast<char>(kind) + bytes);
  }

  // What the client's library does not tell its user.
  void NoteAnswer(const server::Answer& answer) {
    RunRecord& record = door_.environment_.record;
    if (const auto* write = std::get_if<node::WriteReply>(&answer.reply)) {
      if (write->result.replayed) record.Mark("client.answer_replayed");
      const bool unknown = !write->error.ok() && write->error.outcome == node::Outcome::kUnknown;
      if (unknown) record.Mark("client.outcome_unknown");
    } else if (const auto* refused = std::get_if<node::Error>(&answer.reply)) {
      record.Fail("the server refuses what the client library sends: " + refused->message);
    }
  }

  SimFrontDoor& door_;
  const uint64_t callee_;
  std::unique_ptr<SimStream> stream_;  // null: broken
  std::vector<server::Answer> turn_;
};

SimFrontDoor::SimFrontDoor(const Environment& environment, node::Node& node,
                           const kv::Limits& limits)
    : environment_(environment),
      node_(node),
      metrics_(registry_),
      gateway_(node, environment.executor, environment.clock, environment.logger, metrics_,
               server::Gateway::Options()),
      codec_({.limits = limits}),
      next_number_(static_cast<uint64_t>(environment.clock.Now().time_since_epoch().count())) {}

SimFrontDoor::~SimFrontDoor() = default;

void SimFrontDoor::OnFrame(NodeIndex from, std::string_view bytes) {
  const std::optional<StreamFrame> frame = DecodeFrame(bytes);
  if (!frame.has_value()) return;
  if (frame->kind == StreamFrame::Kind::kConnect) return OnConnect(from, frame->caller);
  const auto found = connections_.find({from, frame->caller});
  const bool known = found != connections_.end() && found->second->callee() == frame->callee;
  if (frame->kind == StreamFrame::Kind::kReset) {
    if (!known) return;
    found->second->Break();
    connections_.erase(found);
  } else if (known) {
    found->second->Take(*frame);
  } else {
    // The client talks to the process that was here before.
    Transmit(from, EncodeFrame({.kind = StreamFrame::Kind::kReset,
                                .caller = frame->caller,
                                .callee = frame->callee}));
  }
}

void SimFrontDoor::OnConnect(NodeIndex from, uint64_t caller) {
  const auto [place, added] = connections_.try_emplace({from, caller});
  if (added) {
    place->second = std::make_shared<Connection>(*this, from, caller, next_number_++);
  }
  Transmit(from, EncodeFrame({.kind = StreamFrame::Kind::kAccept,
                              .caller = caller,
                              .callee = place->second->callee()}));
}

void SimFrontDoor::OnPeerLost(NodeIndex client) {
  for (auto next = connections_.begin(); next != connections_.end();) {
    const auto connection = next++;
    if (connection->first.first != client) continue;
    connection->second->Break();
    connections_.erase(connection);
  }
}

void SimFrontDoor::Transmit(NodeIndex to, std::string frame) {
  environment_.network.Send(environment_.self, to, kClientChannel, std::move(frame));
}

}  // namespace flotilla::simulation
