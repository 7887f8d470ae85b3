#include "node/address_codec.h"

#include "base/status_macros.h"

namespace flotilla::node {

namespace {

constexpr uint8_t kHelloKind = 0x48;  // 'H'
constexpr uint8_t kHelloVersion = 1;

// More than any cluster lists; a larger count is a damaged message, not a reason to allocate.
constexpr uint64_t kMaxListed = 10'000;

void EncodeAddress(const NodeAddress& address, std::string& out) {
  PutVarint(out, address.node.value());
  PutFixed64(out, address.incarnation.value());
  PutString(out, address.peer_address);
  PutString(out, address.client_address);
}

NodeAddress DecodeAddress(Decoder& in) {
  NodeAddress address;
  address.node = NodeId(in.Varint());
  address.incarnation = Incarnation(in.Fixed64());
  address.peer_address = in.String();
  address.client_address = in.String();
  return address;
}

uint64_t DecodeCount(Decoder& in) {
  const uint64_t count = in.Varint();
  if (count <= kMaxListed) return count;
  in.Fail();
  return 0;
}

}  // namespace

void EncodeAddresses(const std::vector<NodeAddress>& addresses, std::string& out) {
  PutVarint(out, addresses.size());
  for (const NodeAddress& address : addresses) EncodeAddress(address, out);
}

std::vector<NodeAddress> DecodeAddresses(Decoder& in) {
  std::vector<NodeAddress> addresses;
  const uint64_t count = DecodeCount(in);
  for (uint64_t i = 0; i < count && in.ok(); ++i) addresses.push_back(DecodeAddress(in));
  return addresses;
}

std::string EncodeHello(const Hello& hello) {
  std::string out;
  PutFormatHeader(out, kHelloKind, kHelloVersion);
  PutVarint(out, hello.protocol_oldest);
  PutVarint(out, hello.protocol_newest);
  EncodeAddress(hello.self, out);
  PutFixed64(out, hello.cluster.value());
  PutVarint(out, hello.initial_nodes);
  PutFoundingPlan(out, hello.plan);
  PutVarint(out, hello.join.size());
  for (const std::string& address : hello.join) PutString(out, address);
  EncodeAddresses(hello.founders, out);
  PutVarint(out, hello.others.size());
  for (const std::string& address : hello.others) PutString(out, address);
  return out;
}

absl::StatusOr<Hello> DecodeHello(std::string_view bytes) {
  Decoder in(bytes);
  FLOTILLA_RETURN_IF_ERROR(ReadFormatHeader(in, kHelloKind, kHelloVersion, "peer hello"));
  Hello hello;
  hello.protocol_oldest = static_cast<uint32_t>(in.Varint());
  hello.protocol_newest = static_cast<uint32_t>(in.Varint());
  hello.self = DecodeAddress(in);
  hello.cluster = ClusterId(in.Fixed64());
  hello.initial_nodes = static_cast<uint32_t>(in.Varint());
  hello.plan = TakeFoundingPlan(in);
  const uint64_t joins = DecodeCount(in);
  for (uint64_t i = 0; i < joins && in.ok(); ++i) hello.join.emplace_back(in.String());
  hello.founders = DecodeAddresses(in);
  const uint64_t others = DecodeCount(in);
  for (uint64_t i = 0; i < others && in.ok(); ++i) hello.others.emplace_back(in.String());
  FLOTILLA_RETURN_IF_ERROR(in.Finish("peer hello"));
  return hello;
}

}  // namespace flotilla::node
