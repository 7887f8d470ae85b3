// The nodes that the client knows, and which of them a call goes to.
#ifndef FLOTILLA_CLIENT_NODE_SET_H_
#define FLOTILLA_CLIENT_NODE_SET_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "client/kv_channel.h"
#include "client/node_link.h"
#include "client/route_table.h"

namespace flotilla::client {

class NodeSet {
 public:
  // All references outlive the set.
  NodeSet(const LinkLimits& limits, const Clock& clock, Random random, KvChannel& channel,
          NodeLink::Owner& owner);

  // Nodes once known stay known: an address may be the only one that is reachable from here.
  void Add(const std::string& endpoint);

  // The node at `endpoint` if it is usable; else the favourite, or the first usable one behind it.
  // Null when all fail: those whose time has come are then probed.
  NodeLink* Choose(std::string_view endpoint);
  bool IsUsable(std::string_view endpoint) const;
  // `link` was of no use: another node becomes the favourite, if `link` was it, and those whose
  // time has come are probed.
  void Disfavour(const NodeLink& link);
  // When a failing node can next be probed; nullopt when none waits for that.
  std::optional<MonoTime> next_probe_at() const;

  void ProbeDue();
  void FlushAll(const RouteTable& routes);
  // "a:1, b:2".
  std::string Describe() const;

 private:
  const LinkLimits limits_;
  const Clock& clock_;
  Random random_;
  KvChannel& channel_;
  NodeLink::Owner& owner_;
  std::vector<std::unique_ptr<NodeLink>> links_;
  // Where calls go that may go anywhere: one node, so that they share messages.
  size_t favourite_ = 0;
};

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_NODE_SET_H_
