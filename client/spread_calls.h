// The spread calls that are under way: starts their parts, gathers the answers, and ends each call
// when none of its parts is under way any more, so that nothing of it happens after its answer.
#ifndef FLOTILLA_CLIENT_SPREAD_CALLS_H_
#define FLOTILLA_CLIENT_SPREAD_CALLS_H_

#include <cstddef>
#include <list>
#include <memory>

#include "client/operation.h"
#include "client/route_table.h"
#include "client/spread_call.h"
#include "flotilla/status.h"

namespace flotilla::client {

class SpreadCalls {
 public:
  class Host {
   public:
    virtual const RouteTable& Routes() const = 0;
    // Ends in time by the part's own deadline.
    virtual void StartPart(Call part) = 0;
    virtual void EndSpread(Call call, StatusOr<Result> result) = 0;

   protected:
    ~Host() = default;
  };

  // The host outlives this, and this all parts.
  explicit SpreadCalls(Host& host) : host_(host) {}

  // Of an operation that IsSpread.
  void Begin(Call call);

 private:
  struct Running {
    Call call;
    std::unique_ptr<SpreadCall> spread;
    size_t under_way = 0;
    Status failure;
  };
  using Place = std::list<Running>::iterator;

  void NextRound(Place running);
  void OnAnswer(Place running, size_t part, StatusOr<Result> answer);
  void End(Place running, StatusOr<Result> result);

  Host& host_;
  std::list<Running> running_;
};

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_SPREAD_CALLS_H_
