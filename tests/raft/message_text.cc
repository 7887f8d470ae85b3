#include "tests/raft/message_text.h"

#include <sstream>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "raft/message_codec.h"

namespace flotilla::raft {

namespace {

template <typename... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <typename... F>
Overloaded(F...) -> Overloaded<F...>;

std::string Members(std::string_view name, const std::vector<Member>& members) {
  if (members.empty()) return "";
  std::string text = std::string(name) + "=(";
  for (const Member& member : members) text += TextOf(member) + " ";
  text.back() = ')';
  return text;
}

}  // namespace

std::string TextOf(const Member& member) {
  if (member.replica.is_none()) return "none";
  if (member.node.value() == member.replica.value()) return ToString(member.node);
  return ToString(member.node) + "/" + ToString(member.replica);
}

std::string TextOf(const Configuration& configuration) {
  std::string text = Members("voters", configuration.voters);
  for (const auto& [name, members] : {std::pair("outgoing", &configuration.voters_outgoing),
                                      std::pair("learners", &configuration.learners),
                                      std::pair("learners_next", &configuration.learners_next)}) {
    if (!members->empty()) text += " " + Members(name, *members);
  }
  return text;
}

std::string TextOf(const Entry& entry) {
  std::string position = ToString(entry.index) + "@" + ToString(entry.term);
  switch (entry.kind) {
    case EntryKind::kNoop:
      return position;
    case EntryKind::kCommand:
      return position + " \"" + std::string(View(entry.payload)) + "\"";
    case EntryKind::kConfiguration:
      return position + " " + TextOf(DecodeConfiguration(View(entry.payload)).value());
  }
  return position;
}

std::string KindOf(const Message& message) {
  return std::visit(
      Overloaded{[](const VoteRequest& m) { return m.pre ? "pre-vote-request" : "vote-request"; },
                 [](const VoteResponse& m) { return m.pre ? "pre-vote" : "vote"; },
                 [](const AppendRequest&) { return "append"; },
                 [](const AppendResponse& m) { return m.rejected ? "rejection" : "ack"; },
                 [](const Heartbeat&) { return "heartbeat"; },
                 [](const HeartbeatResponse&) { return "heartbeat-ack"; },
                 [](const TimeoutNow&) { return "timeout-now"; },
                 [](const ReadIndexRequest&) { return "read-request"; },
                 [](const ReadIndexResponse&) { return "read-response"; }},
      message.body);
}

int MessageText::NumberOf(uint64_t context) {
  return contexts_.try_emplace(context, static_cast<int>(contexts_.size()) + 1).first->second;
}

std::string MessageText::Of(const Message& message) {
  std::ostringstream os;
  os << TextOf(message.from) << "->" << TextOf(message.to) << " " << KindOf(message)
     << " term=" << message.term;
  const auto counter = [&os](ReadCounter value) {
    if (value > 0) os << " round=" << value;
  };
  std::visit(
      Overloaded{[&](const VoteRequest& m) {
                   os << " last=" << m.last_index << "@" << m.last_term;
                   if (m.transfer) os << " transfer";
                 },
                 [&](const VoteResponse& m) { os << (m.granted ? " granted" : " refused"); },
                 [&](const AppendRequest& m) {
                   os << " prev=" << m.prev_index << "@" << m.prev_term << " commit=" << m.commit;
                   counter(m.read_counter);
                   for (size_t i = 0; i < m.entries.size(); ++i) {
                     os << (i == 0 ? " [" : ", ") << TextOf(m.entries[i]);
                   }
                   if (!m.entries.empty()) os << "]";
                 },
                 [&](const AppendResponse& m) {
                   os << " index=" << m.index;
                   if (m.rejected)
                     os << " hint=" << m.rejected->last_index << "@" << m.rejected->term;
                   counter(m.read_counter);
                 },
                 [&](const Heartbeat& m) {
                   os << " commit=" << m.commit;
                   counter(m.read_counter);
                 },
                 [&](const HeartbeatResponse& m) { counter(m.read_counter); },
                 [](const TimeoutNow&) {},
                 [&](const ReadIndexRequest& m) { os << " question=" << NumberOf(m.context); },
                 [&](const ReadIndexResponse& m) {
                   os << " question=" << NumberOf(m.context) << " index=" << m.index;
                 }},
      message.body);
  return os.str();
}

}  // namespace flotilla::raft
