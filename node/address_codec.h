// Node addresses and Hellos to bytes and back; part of the IDENTITY file and of the peer protocol.
#ifndef FLOTILLA_NODE_ADDRESS_CODEC_H_
#define FLOTILLA_NODE_ADDRESS_CODEC_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "base/coding.h"
#include "node/peer_transport.h"

namespace flotilla::node {

void EncodeAddresses(const std::vector<NodeAddress>& addresses, std::string& out);
// Fails the decoder when malformed.
std::vector<NodeAddress> DecodeAddresses(Decoder& in);

std::string EncodeHello(const Hello& hello);
absl::StatusOr<Hello> DecodeHello(std::string_view bytes);

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_ADDRESS_CODEC_H_
