#include "client/node_set.h"

#include <algorithm>

namespace flotilla::client {

NodeSet::NodeSet(const LinkLimits& limits, const Clock& clock, Random random, KvChannel& channel,
                 NodeLink::Owner& owner)
    : limits_(limits), clock_(clock), random_(random), channel_(channel), owner_(owner) {}

void NodeSet::Add(const std::string& endpoint) {
  for (const auto& link : links_) {
    if (link->endpoint() == endpoint) return;
  }
  links_.push_back(
      std::make_unique<NodeLink>(endpoint, limits_, clock_, random_.Split(), channel_, owner_));
}

NodeLink* NodeSet::Choose(std::string_view endpoint) {
  for (const auto& link : links_) {
    if (link->endpoint() != endpoint) continue;
    if (link->usable()) return link.get();
    link->ProbeIfDue();
  }
  for (size_t i = 0; i < links_.size(); ++i) {
    const size_t index = (favourite_ + i) % links_.size();
    if (!links_[index]->usable()) continue;
    favourite_ = index;
    return links_[index].get();
  }
  ProbeDue();
  return nullptr;
}

bool NodeSet::IsUsable(std::string_view endpoint) const {
  return std::any_of(links_.begin(), links_.end(), [&](const auto& link) {
    return link->endpoint() == endpoint && link->usable();
  });
}

void NodeSet::Disfavour(const NodeLink& link) {
  if (links_[favourite_].get() == &link) favourite_ = (favourite_ + 1) % links_.size();
  // It answers, but does not help; one that failed before may be back, and does.
  ProbeDue();
}

std::optional<MonoTime> NodeSet::next_probe_at() const {
  std::optional<MonoTime> next;
  for (const auto& link : links_) {
    if (!link->breaker().AwaitsProbe()) continue;
    const MonoTime at = link->breaker().retry_at();
    next = next.has_value() ? std::min(*next, at) : at;
  }
  return next;
}

void NodeSet::ProbeDue() {
  for (const auto& link : links_) link->ProbeIfDue();
}

void NodeSet::FlushAll(const RouteTable& routes) {
  for (const auto& link : links_) link->Flush(routes);
}

std::string NodeSet::Describe() const {
  std::string names;
  for (const auto& link : links_) {
    if (!names.empty()) names += ", ";
    names += link->endpoint();
  }
  return names;
}

}  // namespace flotilla::client
