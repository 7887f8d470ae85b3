// A node as the directory knows it: registered when it first reports, kept while it is away, so
// that whoever plans knows what it held and whoever dials knows where it was.
#ifndef FLOTILLA_SHARDING_NODE_RECORD_H_
#define FLOTILLA_SHARDING_NODE_RECORD_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "base/ids.h"

namespace flotilla::sharding {

// What a node is meant to do. The values are part of the format.
enum class NodeDuty : uint8_t {
  kServe = 1,
  kDrain = 2,  // serves what it has, and is to be emptied
  kLeave = 3,  // is to be emptied, and then forgotten
};

struct NodeRecord {
  NodeId node;
  // Of its disk. Another one under the same id is another node.
  Incarnation incarnation;
  std::string peer_address;
  std::string client_address;
  // Nodes of one zone fail together. Empty: not labelled, and a zone of its own.
  std::string zone;
  // Capacity, relative to other nodes; with 0 a node is given nothing.
  uint32_t weight = 1;
  NodeDuty duty = NodeDuty::kServe;

  friend bool operator==(const NodeRecord&, const NodeRecord&) = default;
};

// docs/formats.md, "Directory".
std::string EncodeNodeRecord(const NodeRecord& record);
// kDataLoss, kUnimplemented for a newer format.
absl::StatusOr<NodeRecord> DecodeNodeRecord(std::string_view bytes);

}  // namespace flotilla::sharding

#endif  // FLOTILLA_SHARDING_NODE_RECORD_H_
