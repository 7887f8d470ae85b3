// Strong types for identities and log positions: no function takes two bare integers that could be
// swapped. All are 64-bit values, cheap to copy, totally ordered, hashable with absl, and 0 means
// "none" wherever a none is possible.
#ifndef FLOTILLA_BASE_IDS_H_
#define FLOTILLA_BASE_IDS_H_

#include <compare>
#include <cstdint>
#include <ostream>
#include <string>

namespace flotilla {

// An identity: comparable, but without arithmetic.
template <typename Tag>
class StrongId {
 public:
  constexpr StrongId() = default;
  constexpr explicit StrongId(uint64_t value) : value_(value) {}

  constexpr uint64_t value() const { return value_; }
  constexpr bool is_none() const { return value_ == 0; }

  friend constexpr auto operator<=>(StrongId, StrongId) = default;

  template <typename H>
  friend H AbslHashValue(H h, StrongId id) {
    return H::combine(std::move(h), id.value_);
  }
  friend std::ostream& operator<<(std::ostream& os, StrongId id) { return os << id.value_; }

 private:
  uint64_t value_ = 0;
};

// A position in a sequence: an identity that also counts.
template <typename Tag>
class StrongPosition {
 public:
  constexpr StrongPosition() = default;
  constexpr explicit StrongPosition(uint64_t value) : value_(value) {}

  constexpr uint64_t value() const { return value_; }
  constexpr bool is_none() const { return value_ == 0; }
  constexpr StrongPosition next() const { return StrongPosition(value_ + 1); }
  // The position before this one; the position before the first is none (0).
  constexpr StrongPosition prev() const { return StrongPosition(value_ == 0 ? 0 : value_ - 1); }

  constexpr StrongPosition& operator++() {
    ++value_;
    return *this;
  }
  constexpr StrongPosition& operator+=(uint64_t n) {
    value_ += n;
    return *this;
  }

  friend constexpr auto operator<=>(StrongPosition, StrongPosition) = default;
  friend constexpr StrongPosition operator+(StrongPosition p, uint64_t n) {
    return StrongPosition(p.value_ + n);
  }
  // Precondition: a >= b.
  friend constexpr uint64_t operator-(StrongPosition a, StrongPosition b) {
    return a.value_ - b.value_;
  }

  template <typename H>
  friend H AbslHashValue(H h, StrongPosition p) {
    return H::combine(std::move(h), p.value_);
  }
  friend std::ostream& operator<<(std::ostream& os, StrongPosition p) { return os << p.value_; }

 private:
  uint64_t value_ = 0;
};

// A process with a data folder. Chosen by the operator, from 1.
using NodeId = StrongId<struct NodeIdTag>;
// A member's identity inside one group. Assigned by the configuration entry that adds the member,
// never reused in that group (design: a replica that left and came back is another replica).
using ReplicaId = StrongId<struct ReplicaIdTag>;
// A shard and the Raft group that replicates it. From 1.
using ShardId = StrongId<struct ShardIdTag>;
// Drawn at random when a cluster is formed; peers of another cluster are refused.
using ClusterId = StrongId<struct ClusterIdTag>;
// Drawn at random when a data folder is formatted: tells a wiped disk from a restart.
using Incarnation = StrongId<struct IncarnationTag>;

// Raft's logical clock (Raft thesis 3.3).
using Term = StrongPosition<struct TermTag>;
// Position of an entry in a group's log, from 1.
using LogIndex = StrongPosition<struct LogIndexTag>;
// Position of a batch in one write-ahead log stream, from 1.
using Lsn = StrongPosition<struct LsnTag>;
// Names one installed state of a replica on its node; grows with every installed snapshot.
using Generation = StrongPosition<struct GenerationTag>;

template <typename Tag>
std::string ToString(StrongId<Tag> id) {
  return std::to_string(id.value());
}
template <typename Tag>
std::string ToString(StrongPosition<Tag> position) {
  return std::to_string(position.value());
}

}  // namespace flotilla

#endif  // FLOTILLA_BASE_IDS_H_
