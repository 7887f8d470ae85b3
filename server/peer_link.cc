#include "server/peer_link.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace flotilla::server {

std::string_view ToString(node::PeerChannel channel) {
  switch (channel) {
    case node::PeerChannel::kUrgent:
      return "urgent";
    case node::PeerChannel::kAppend:
      return "append";
    case node::PeerChannel::kBulk:
      return "bulk";
  }
  return "unknown";
}

PeerLink::PeerLink(PeerEnvironment& environment, NodeId peer, node::PeerChannel channel,
                   std::string address, const PeerLinkMetrics& metrics)
    : environment_(environment),
      peer_(peer),
      channel_(channel),
      address_(std::move(address)),
      metrics_(metrics) {}

void PeerLink::Start() { Dial(); }

void PeerLink::Dial() {
  if (closed_) return;
  const std::weak_ptr<PeerLink> weak = weak_from_this();
  Executor& executor = environment_.executor;
  // The events name their stream, so that a late one of a former stream is told apart.
  const auto name = std::make_shared<const PeerStream*>(nullptr);
  PeerStream::Events events{.up =
                                [weak, name, &executor](NodeId node) {
                                  executor.Post([weak, name, node] {
                                    if (const auto link = weak.lock()) link->OnUp(*name, node);
                                  });
                                },
                            .down =
                                [weak, name, &executor](const absl::Status& why) {
                                  executor.Post([weak, name, why] {
                                    if (const auto link = weak.lock()) link->OnDown(*name, why);
                                  });
                                }};
  stream_ = PeerStream::Open(environment_, address_, channel_, environment_.events->LocalHello(),
                             std::move(events));
  *name = stream_.get();
  // A peer whose process hangs takes the connection but never answers the hello.
  const Duration patience = 2 * environment_.options.connect_timeout;
  timer_ = executor.PostAt(environment_.clock.Now() + patience, [weak] {
    const auto link = weak.lock();
    if (link != nullptr && !link->up_ && link->stream_ != nullptr) link->stream_->Close();
  });
}

void PeerLink::OnUp(const PeerStream* stream, NodeId node) {
  if (closed_ || stream != stream_.get()) return;
  if (node != peer_) {
    environment_.logger.Warning("peer_is_another_node",
                                {{"peer", peer_}, {"address", address_}, {"actual", node}});
    return stream_->Close();
  }
  environment_.executor.Cancel(timer_);
  up_ = true;
  failures_ = 0;
  last_complaint_.clear();
  metrics_.connects->Add();
  metrics_.connected->Set(1);
  if (channel_ != node::PeerChannel::kUrgent) return;
  environment_.events->OnPeerConnected(peer_);
}

void PeerLink::OnDown(const PeerStream* stream, const absl::Status& why) {
  if (closed_ || stream != stream_.get()) return;
  environment_.executor.Cancel(timer_);
  stream_.reset();
  LogChange(why);
  ReportLost();
  RedialLater();
}

void PeerLink::ReportLost() {
  metrics_.connected->Set(0);
  if (!std::exchange(up_, false) || channel_ != node::PeerChannel::kUrgent) return;
  if (environment_.events != nullptr) environment_.events->OnPeerLost(peer_);
}

// Once per reason, not once per attempt.
void PeerLink::LogChange(const absl::Status& why) {
  const std::string complaint = std::string(StdView(why.message()));
  if (channel_ != node::PeerChannel::kUrgent || complaint == last_complaint_) return;
  last_complaint_ = complaint;
  environment_.logger.Warning(up_ ? "peer_connection_broke" : "peer_unreachable",
                              {{"peer", peer_}, {"address", address_}, {"why", complaint}});
}

void PeerLink::RedialLater() {
  const PeerOptions& options = environment_.options;
  const Duration wait =
      std::min(options.redial_most, options.redial_least * (int64_t{1} << std::min(failures_, 8)));
  ++failures_;
  // Between half of it and all of it.
  const auto jitter = static_cast<int64_t>(environment_.random.Below(wait.count() / 2));
  timer_ = environment_.executor.PostAt(environment_.clock.Now() + wait - Duration(jitter),
                                        [weak = weak_from_this()] {
                                          if (const auto link = weak.lock()) link->Dial();
                                        });
}

void PeerLink::Close() {
  if (std::exchange(closed_, true)) return;
  environment_.executor.Cancel(timer_);
  if (stream_ != nullptr) stream_->Close();
  ReportLost();
}

void PeerLink::Send(std::string message) {
  const size_t bytes = message.size();
  if (stream_ != nullptr && stream_->Send(std::move(message))) {
    metrics_.sent_bytes->Add(bytes);
  } else {
    metrics_.dropped_messages->Add();
  }
}

}  // namespace flotilla::server
