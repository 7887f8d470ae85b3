// One channel to one peer: keeps a connection up, redialling when it breaks.
#ifndef FLOTILLA_SERVER_PEER_LINK_H_
#define FLOTILLA_SERVER_PEER_LINK_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "base/executor.h"
#include "base/ids.h"
#include "base/metrics.h"
#include "node/peer_transport.h"
#include "server/peer_environment.h"
#include "server/peer_stream.h"

namespace flotilla::server {

// Series of one link; they outlive changes of its address.
struct PeerLinkMetrics {
  Counter* sent_bytes = nullptr;
  Counter* dropped_messages = nullptr;
  Counter* connects = nullptr;
  Gauge* connected = nullptr;
};

// Lives on the executor.
class PeerLink : public std::enable_shared_from_this<PeerLink> {
 public:
  PeerLink(PeerEnvironment& environment, NodeId peer, node::PeerChannel channel,
           std::string address, const PeerLinkMetrics& metrics);

  // Begins to dial. Once.
  void Start();
  // For good. Reports the loss of a connection that was up.
  void Close();

  void Send(std::string message);

 private:
  void Dial();
  void OnUp(const PeerStream* stream, NodeId node);
  void OnDown(const PeerStream* stream, const absl::Status& why);
  void ReportLost();
  void RedialLater();
  void LogChange(const absl::Status& why);

  PeerEnvironment& environment_;
  const NodeId peer_;
  const node::PeerChannel channel_;
  const std::string address_;
  const PeerLinkMetrics metrics_;

  std::shared_ptr<PeerStream> stream_;  // null between attempts
  bool up_ = false;
  bool closed_ = false;
  int failures_ = 0;  // in a row
  std::string last_complaint_;
  TimerId timer_ = 0;  // to redial, or to give up a handshake
};

}  // namespace flotilla::server

#endif  // FLOTILLA_SERVER_PEER_LINK_H_
