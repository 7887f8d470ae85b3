// Where a page of a range begins, for the parts of a call that have no token of their own.
#ifndef FLOTILLA_CLIENT_PAGE_POSITION_H_
#define FLOTILLA_CLIENT_PAGE_POSITION_H_

#include <cstdint>
#include <string>

#include "flotilla/status.h"
#include "flotilla/types.h"

namespace flotilla::client {

// Cuts off what is behind the token; an empty one is the beginning. Returns what the tokens of the
// range are bound to. kInvalidArgument: the token is malformed or of another range.
StatusOr<uint32_t> ResumeAt(const std::string& page_token, bool reverse, KeyRange& range);

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_PAGE_POSITION_H_
