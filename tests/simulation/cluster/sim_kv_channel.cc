#include "tests/simulation/cluster/sim_kv_channel.h"

#include <span>
#include <utility>
#include <vector>

#include "client/wire_codec.h"
#include "flotilla/v1/cluster.pb.h"
#include "flotilla/v1/kv.pb.h"

namespace flotilla::simulation {

namespace {

// As of the library's channel.
constexpr Duration kConnectLimit = std::chrono::seconds(1);
constexpr Duration kConnectAgainAfter = std::chrono::milliseconds(200);
// Messages that a socket takes before its peer has acknowledged any.
constexpr size_t kSocketMessages = 8;

Status Unreachable(const std::string& endpoint, const char* why) {
  return Status(StatusCode::kUnavailable, endpoint + ": " + why, reason::kUnreachable);
}

}  // namespace

class SimKvConnection final : public client::KvConnection {
 public:
  SimKvConnection(SimKvChannel& channel, uint64_t number, std::string endpoint,
                  client::KvConnectionEvents& events)
      : channel_(channel),
        number_(number),
        endpoint_(std::move(endpoint)),
        node_(channel.directory_(endpoint_)),
        events_(events) {
    channel_.connections_[number_] = this;
    if (node_.has_value()) {
      Dial();
    } else {
      Later(&SimKvConnection::NoSuchNode);
    }
    channel_.PostAfter(kConnectLimit, number_, [](SimKvConnection& self) {
      if (self.stream_ == nullptr) self.Close("connect timeout");
    });
  }
  ~SimKvConnection() override {
    channel_.connections_.erase(number_);
    if (stream_ != nullptr && !closed_) SendControl(StreamFrame::Kind::kReset);
  }

  void Send(std::span<const client::OutgoingOperation> batch) override {
    NoteRetries(batch);
    TraceEvent("sends " + std::to_string(batch.size()));
    v1::PipelineRequest request;
    client::EncodeBatch(batch, request);
    SendMessage(ClientMessage::kPipeline, request.SerializeAsString());
    sending_ = true;
    Later(&SimKvConnection::MaybeSent);
  }

  void RequestShardMap(Duration timeout) override {
    TraceEvent("asks for the shard map");
    SendMessage(ClientMessage::kShardMap, v1::GetShardMapRequest().SerializeAsString());
    asks_for_map_ = true;
    const uint64_t request = ++map_requests_;
    channel_.PostAfter(timeout, number_, [request](SimKvConnection& self) {
      if (!self.asks_for_map_ || self.map_requests_ != request) return;
      self.asks_for_map_ = false;
      ++self.maps_missed_;
      self.events_.OnShardMap(Status(StatusCode::kDeadlineExceeded,
                                     self.endpoint_ + ": no shard map", "DEADLINE_EXCEEDED"));
    });
  }

  std::optional<NodeIndex> node() const { return node_; }

  // What comes in; the connection may be gone afterwards.
  void OnFrame(const StreamFrame& frame) {
    switch (frame.kind) {
      case StreamFrame::Kind::kAccept:
        return OnAccept(frame.callee);
      case StreamFrame::Kind::kReset:
        if (frame.callee == callee_) Close("connection reset");
        return;
      case StreamFrame::Kind::kData:
      case StreamFrame::Kind::kAcknowledge:
        if (stream_ != nullptr && frame.callee == callee_) OnData(frame);
        return;
      case StreamFrame::Kind::kConnect:
        return;
    }
  }

  void Close(const char* why) {
    if (std::exchange(closed_, true)) return;
    TraceEvent(why);
    stream_.reset();
    events_.OnClosed(Unreachable(endpoint_, why));
  }

 private:
  void Later(void (SimKvConnection::*what)()) {
    channel_.Post(number_, [what](SimKvConnection& self) { (self.*what)(); });
  }
  void NoSuchNode() { Close("no such host"); }

  void SendControl(StreamFrame::Kind kind) {
    channel_.Transmit(*node_, EncodeFrame({.kind = kind, .caller = number_, .callee = callee_}));
  }

  void Dial() {
    if (stream_ != nullptr || closed_) return;
    SendControl(StreamFrame::Kind::kConnect);
    channel_.PostAfter(kConnectAgainAfter, number_, [](SimKvConnection& self) { self.Dial(); });
  }

  void OnAccept(uint64_t callee) {
    if (stream_ != nullptr || closed_) return;
    callee_ = callee;
    stream_ = std::make_unique<SimStream>(
        channel_.clock_, channel_.executor_, number_, callee_,
        [this](std::string frame) { channel_.Transmit(*node_, std::move(frame)); });
    TraceEvent("connected");
    events_.OnOpen();
  }

  void TraceEvent(const std::string& what) {
    RunRecord& record = channel_.record_;
    if (!record.tracing()) return;
    record.Trace("client " + std::to_string(channel_.self_) + " at " + endpoint_ + ": " + what);
  }

  void SendMessage(ClientMessage kind, const std::string& bytes) {
    // OnClosed is on its way.
    if (stream_ == nullptr) return;
    stream_->Send(static_cast<char>(kind) + bytes);
  }

  void MaybeSent() {
    if (!sending_ || closed_ || stream_->unacknowledged() > kSocketMessages) return;
    sending_ = false;
    events_.OnSent();
  }

  void OnData(const StreamFrame& frame) {
    stream_->Take(frame);
    if (sending_) Later(&SimKvConnection::MaybeSent);
    // An event may close the connection, and destroy it.
    SimKvChannel& channel = channel_;
    const uint64_t number = number_;
    while (channel.Find(number) == this && stream_ != nullptr) {
      const std::optional<std::string> message = stream_->Next();
      if (!message.has_value()) return;
      OnMessage(*message);
    }
  }

  void OnMessage(std::string_view message) {
    const std::string bytes(message.substr(1));
    if (static_cast<ClientMessage>(message.front()) == ClientMessage::kShardMap) {
      // One that comes after its time was answered already.
      if (maps_missed_ > 0) {
        --maps_missed_;
        return;
      }
      v1::GetShardMapResponse response;
      response.ParseFromString(bytes);
      asks_for_map_ = false;
      TraceEvent("shard map, " + response.ShortDebugString());
      events_.OnShardMap(client::DecodeShardMap(response));
      return;
    }
    v1::PipelineResponse response;
    response.ParseFromString(bytes);
    std::vector<client::Reply> replies;
    for (v1::PipelineResult& result : *response.mutable_results()) {
      if (result.has_error()) TraceEvent("refused, " + result.error().ShortDebugString());
      replies.push_back(client::DecodeReply(result));
    }
    events_.OnReplies(std::move(replies));
  }

  void NoteRetries(std::span<const client::OutgoingOperation> batch) {
    if (batch.size() > 1) channel_.record_.Mark("client.message_of_many");
    for (const client::OutgoingOperation& out : batch) {
      if (out.session_token.empty()) continue;
      const bool first = channel_.sequences_sent_.insert(out.sequence).second;
      if (!first) channel_.record_.Mark("client.retried");
    }
  }

  SimKvChannel& channel_;
  const uint64_t number_;
  const std::string endpoint_;
  const std::optional<NodeIndex> node_;
  client::KvConnectionEvents& events_;

  uint64_t callee_ = 0;
  std::unique_ptr<SimStream> stream_;  // from the node's accept on, until it is closed
  bool closed_ = false;
  bool sending_ = false;  // OnSent is to come
  bool asks_for_map_ = false;
  uint64_t map_requests_ = 0;
  uint64_t maps_missed_ = 0;  // answers that are to be ignored: they are late
};

SimKvChannel::SimKvChannel(SimNetwork& network, NodeIndex self, Clock& clock, Executor& executor,
                           Directory directory, RunRecord& record)
    : network_(network),
      self_(self),
      clock_(clock),
      executor_(executor),
      directory_(std::move(directory)),
      record_(record),
      next_number_(static_cast<uint64_t>(clock.Now().time_since_epoch().count())) {
  network_.Attach(
      self_,
      {.on_message =
           [this](NodeIndex from, Channel, std::string_view bytes) {
             executor_.Post([this, from, copy = std::string(bytes)] { OnFrame(from, copy); });
           },
       .on_peer_lost =
           [this](NodeIndex node) { executor_.Post([this, node] { OnPeerLost(node); }); }});
}

std::unique_ptr<client::KvConnection> SimKvChannel::Connect(const std::string& endpoint,
                                                            client::KvConnectionEvents& events) {
  return std::make_unique<SimKvConnection>(*this, next_number_++, endpoint, events);
}

void SimKvChannel::OnFrame(NodeIndex from, std::string_view bytes) {
  const std::optional<StreamFrame> frame = DecodeFrame(bytes);
  if (!frame.has_value()) return;
  SimKvConnection* const connection = Find(frame->caller);
  if (connection != nullptr && connection->node() == from) {
    connection->OnFrame(*frame);
  } else if (frame->kind != StreamFrame::Kind::kReset) {
    Transmit(from, EncodeFrame({.kind = StreamFrame::Kind::kReset,
                                .caller = frame->caller,
                                .callee = frame->callee}));
  }
}

void SimKvChannel::OnPeerLost(NodeIndex node) {
  std::vector<uint64_t> lost;
  for (const auto& [number, connection] : connections_) {
    if (connection->node() == node) lost.push_back(number);
  }
  for (const uint64_t number : lost) {
    if (SimKvConnection* const connection = Find(number)) connection->Close("connection reset");
  }
}

void SimKvChannel::Transmit(NodeIndex to, std::string frame) {
  if (!silent_) network_.Send(self_, to, kClientChannel, std::move(frame));
}

void SimKvChannel::Post(uint64_t number, std::function<void(SimKvConnection&)> task) {
  executor_.Post([this, number, task = std::move(task)] {
    if (SimKvConnection* const connection = Find(number)) task(*connection);
  });
}

TimerId SimKvChannel::PostAfter(Duration delay, uint64_t number,
                                std::function<void(SimKvConnection&)> task) {
  return executor_.PostAt(clock_.Now() + delay, [this, number, task = std::move(task)] {
    if (SimKvConnection* const connection = Find(number)) task(*connection);
  });
}

SimKvConnection* SimKvChannel::Find(uint64_t number) const {
  const auto found = connections_.find(number);
  return found == connections_.end() ? nullptr : found->second;
}

}  // namespace flotilla::simulation
