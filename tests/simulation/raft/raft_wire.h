// What the raft world's machines send each other: raft messages in their real encoding, and
// snapshots, which raft/ leaves to its host, as one message each.
#ifndef FLOTILLA_TESTS_SIMULATION_RAFT_RAFT_WIRE_H_
#define FLOTILLA_TESTS_SIMULATION_RAFT_RAFT_WIRE_H_

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "raft/messages.h"
#include "raft/types.h"
#include "tests/simulation/raft/raft_oracle.h"

namespace flotilla::simulation {

struct SnapshotOffer {
  ShardId group;
  raft::Member from;
  raft::Member to;
  Term term;  // of the leader that was asked for it
  raft::SnapshotMeta meta;
  Link state = 0;  // what the state machine contains at meta.index
};

struct SnapshotAnswer {
  ShardId group;
  raft::Member from;
  raft::Member to;
  Term term;
  bool ok = false;
  LogIndex index;
};

using Packet = std::variant<std::vector<raft::Message>, SnapshotOffer, SnapshotAnswer>;

std::string EncodePacket(const Packet& packet);
absl::StatusOr<Packet> DecodePacket(std::string_view bytes);

// For traces, in a few words.
std::string Describe(const raft::Message& message);

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_RAFT_RAFT_WIRE_H_
