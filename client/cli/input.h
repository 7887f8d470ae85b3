// All of standard input as one value, for commands that were given none.
#ifndef FLOTILLA_CLIENT_CLI_INPUT_H_
#define FLOTILLA_CLIENT_CLI_INPUT_H_

#include <cstddef>
#include <optional>
#include <string>

#include "client/cli/context.h"

namespace flotilla::client::cli {

// No cluster takes a longer value, whatever its settings.
inline constexpr size_t kMaxValueBytes = 8 << 20;
// Beyond what one call carries, even with every byte escaped.
inline constexpr size_t kMaxTransactionBytes = 64 << 20;

// None when it cannot be read or is longer than `limit`; the error has been reported then.
std::optional<std::string> ReadInput(Context& context, size_t limit);

}  // namespace flotilla::client::cli

#endif  // FLOTILLA_CLIENT_CLI_INPUT_H_
