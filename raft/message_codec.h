// Raft messages, configurations and snapshot marks to bytes and back. Used for the wire (inside
// node/'s peer envelopes) and for the log; docs/formats.md describes the layout.
#ifndef FLOTILLA_RAFT_MESSAGE_CODEC_H_
#define FLOTILLA_RAFT_MESSAGE_CODEC_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "base/coding.h"
#include "raft/messages.h"
#include "raft/types.h"

namespace flotilla::raft {

// Appends the encoded message. Entry payloads are copied as they are, never re-encoded.
void EncodeMessage(const Message& message, std::string& out);
// Takes one message from the front. kDataLoss when malformed, kUnimplemented when newer.
absl::StatusOr<Message> DecodeMessage(Decoder& in);

// The payload of an EntryKind::kConfiguration.
std::string EncodeConfiguration(const Configuration& configuration);
absl::StatusOr<Configuration> DecodeConfiguration(std::string_view bytes);

std::string EncodeSnapshotMeta(const SnapshotMeta& meta);
absl::StatusOr<SnapshotMeta> DecodeSnapshotMeta(std::string_view bytes);

// One entry in the layout that both the wire and the log use.
void EncodeEntry(const Entry& entry, std::string& out);
absl::StatusOr<Entry> DecodeEntry(Decoder& in);

}  // namespace flotilla::raft

#endif  // FLOTILLA_RAFT_MESSAGE_CODEC_H_
