// Requests, replies and errors to bytes and back, for requests that one node forwards to another.
#ifndef FLOTILLA_NODE_REQUEST_CODEC_H_
#define FLOTILLA_NODE_REQUEST_CODEC_H_

#include <string>

#include "base/clock.h"
#include "base/coding.h"
#include "node/request.h"

namespace flotilla::node {

// Clocks of two nodes are not comparable: a deadline travels as the time that is left at `now`.
void EncodeWriteRequest(const WriteRequest& request, MonoTime now, std::string& out);
void EncodeReadRequest(const ReadRequest& request, MonoTime now, std::string& out);
void EncodeWriteReply(const WriteReply& reply, std::string& out);
void EncodeReadReply(const ReadReply& reply, std::string& out);

// Each fails the decoder when malformed.
WriteRequest DecodeWriteRequest(Decoder& in, MonoTime now);
ReadRequest DecodeReadRequest(Decoder& in, MonoTime now);
WriteReply DecodeWriteReply(Decoder& in);
ReadReply DecodeReadReply(Decoder& in);

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_REQUEST_CODEC_H_
