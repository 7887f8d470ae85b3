// txn: a transaction, written as JSON.
//
//   {"if":   [{"key":"{a}lock","absent":true}],
//    "then": [{"put":"{a}lock","value":"me"},{"increment":"{a}n","by":2}],
//    "else": [{"append":"{a}log","value":"busy"},{"delete":"{a}x"}]}
//
// Conditions: "absent":true, "exists":true, "version":N, "value":"...". All bytes are strings or
// {"base64":"..."}.
#ifndef FLOTILLA_CLIENT_CLI_TXN_COMMAND_H_
#define FLOTILLA_CLIENT_CLI_TXN_COMMAND_H_

#include <optional>
#include <string>
#include <string_view>

#include "client/cli/context.h"
#include "flotilla/types.h"

namespace flotilla::client::cli {

// INVALID_ARGUMENT says what is wrong; an unknown field is.
StatusOr<Transaction> ParseTransaction(std::string_view json);

struct TxnArguments {
  std::optional<std::string> json;  // none: standard input
};
// Exit code 3 when the conditions did not hold, whatever the other side did.
ExitCode RunTxn(Context& context, const TxnArguments& arguments);

}  // namespace flotilla::client::cli

#endif  // FLOTILLA_CLIENT_CLI_TXN_COMMAND_H_
