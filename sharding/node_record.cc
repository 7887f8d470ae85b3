#include "sharding/node_record.h"

#include <limits>

#include "base/coding.h"
#include "base/status_macros.h"

namespace flotilla::sharding {

namespace {

constexpr uint8_t kKind = 'N';
constexpr uint8_t kNewestVersion = 1;

}  // namespace

std::string EncodeNodeRecord(const NodeRecord& record) {
  std::string out;
  PutFormatHeader(out, kKind, kNewestVersion);
  PutVarint(out, record.node.value());
  PutFixed64(out, record.incarnation.value());
  PutString(out, record.peer_address);
  PutString(out, record.client_address);
  PutString(out, record.zone);
  PutVarint(out, record.weight);
  PutFixed8(out, static_cast<uint8_t>(record.duty));
  return out;
}

absl::StatusOr<NodeRecord> DecodeNodeRecord(std::string_view bytes) {
  Decoder in(bytes);
  FLOTILLA_RETURN_IF_ERROR(ReadFormatHeader(in, kKind, kNewestVersion, "node record"));
  NodeRecord record;
  record.node = NodeId(in.Varint());
  record.incarnation = Incarnation(in.Fixed64());
  record.peer_address = std::string(in.String());
  record.client_address = std::string(in.String());
  record.zone = std::string(in.String());
  const uint64_t weight = in.Varint();
  if (weight > std::numeric_limits<uint32_t>::max()) in.Fail();
  record.weight = static_cast<uint32_t>(weight);
  const uint8_t duty = in.Fixed8();
  if (duty < 1 || duty > 3 || record.node.is_none()) in.Fail();
  record.duty = static_cast<NodeDuty>(duty);
  FLOTILLA_RETURN_IF_ERROR(in.Finish("node record"));
  return record;
}

}  // namespace flotilla::sharding
