#include "tests/simulation/cluster/sim_stream.h"

#include <utility>

#include "base/coding.h"

namespace flotilla::simulation {

namespace {

// The smallest retransmission timeout of Linux.
constexpr Duration kSendAgainAfter = std::chrono::milliseconds(200);
// A peer that is silent for this long is talked to no more.
constexpr Duration kGiveUpAfter = std::chrono::seconds(10);

}  // namespace

std::string EncodeFrame(const StreamFrame& frame) {
  std::string bytes;
  bytes.reserve(frame.payload.size() + 24);
  PutFixed8(bytes, static_cast<uint8_t>(frame.kind));
  PutVarint(bytes, frame.caller);
  PutVarint(bytes, frame.callee);
  PutVarint(bytes, frame.sequence);
  PutVarint(bytes, frame.acknowledged);
  bytes += frame.payload;
  return bytes;
}

std::optional<StreamFrame> DecodeFrame(std::string_view bytes) {
  Decoder in(bytes);
  StreamFrame frame;
  frame.kind = static_cast<StreamFrame::Kind>(in.Fixed8());
  frame.caller = in.Varint();
  frame.callee = in.Varint();
  frame.sequence = in.Varint();
  frame.acknowledged = in.Varint();
  frame.payload = in.rest();
  return in.ok() ? std::optional(frame) : std::nullopt;
}

SimStream::SimStream(Clock& clock, Executor& executor, uint64_t caller, uint64_t callee,
                     Transmit transmit)
    : clock_(clock),
      executor_(executor),
      caller_(caller),
      callee_(callee),
      transmit_(std::move(transmit)) {}

SimStream::~SimStream() { executor_.Cancel(timer_); }

void SimStream::Send(std::string message) {
  sent_.push_back({next_sequence_++, clock_.Now(), std::move(message)});
  TransmitData(sent_.back());
  ArmTimer();
}

void SimStream::TransmitData(const Sent& sent) {
  transmit_(EncodeFrame({.kind = StreamFrame::Kind::kData,
                         .caller = caller_,
                         .callee = callee_,
                         .sequence = sent.sequence,
                         .acknowledged = arrived_,
                         .payload = sent.message}));
}

void SimStream::Take(const StreamFrame& frame) {
  while (!sent_.empty() && sent_.front().sequence <= frame.acknowledged) sent_.pop_front();
  if (frame.kind != StreamFrame::Kind::kData) return;
  if (frame.sequence <= arrived_) {
    // Sent again, so the acknowledgement is missed. What arrives in time is acknowledged by the
    // next message that goes the other way.
    transmit_(EncodeFrame({.kind = StreamFrame::Kind::kAcknowledge,
                           .caller = caller_,
                           .callee = callee_,
                           .acknowledged = arrived_}));
    return;
  }
  received_.emplace(frame.sequence, frame.payload);
  while (received_.contains(arrived_ + 1)) ++arrived_;
}

std::optional<std::string> SimStream::Next() {
  if (taken_ == arrived_) return std::nullopt;
  return std::move(received_.extract(++taken_).mapped());
}

void SimStream::ArmTimer() {
  if (timer_ != 0 || sent_.empty()) return;
  timer_ = executor_.PostAt(clock_.Now() + kSendAgainAfter, [this] { OnTimer(); });
}

void SimStream::OnTimer() {
  timer_ = 0;
  if (sent_.empty()) return;
  const Duration waited = clock_.Now() - sent_.front().first_sent;
  if (waited > kGiveUpAfter) return;
  // What is behind it may well have arrived.
  if (waited >= kSendAgainAfter) TransmitData(sent_.front());
  ArmTimer();
}

}  // namespace flotilla::simulation
