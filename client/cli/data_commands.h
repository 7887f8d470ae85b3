// The commands on single keys: get, mget, put, del, cas, incr, append.
#ifndef FLOTILLA_CLIENT_CLI_DATA_COMMANDS_H_
#define FLOTILLA_CLIENT_CLI_DATA_COMMANDS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client/cli/context.h"
#include "flotilla/types.h"

namespace flotilla::client::cli {

struct GetArguments {
  std::vector<std::string> keys;
  bool stale = false;
};
ExitCode RunGet(Context& context, const GetArguments& arguments);
// Exit code 3 when any key is missing.
ExitCode RunMultiGet(Context& context, const GetArguments& arguments);

struct WriteArguments {
  std::string key;
  std::optional<std::string> value;  // none: all of standard input
};
ExitCode RunPut(Context& context, const WriteArguments& arguments);
ExitCode RunAppend(Context& context, const WriteArguments& arguments);

struct CasArguments {
  WriteArguments write;
  Condition condition;
};
ExitCode RunCas(Context& context, const CasArguments& arguments);

struct IncrementArguments {
  std::string key;
  int64_t delta = 1;
};
ExitCode RunIncrement(Context& context, const IncrementArguments& arguments);

struct DeleteArguments {
  std::optional<std::string> key;
  KeyRange range;  // without a key: all of this range
  bool all = false;
};
ExitCode RunDelete(Context& context, const DeleteArguments& arguments);

}  // namespace flotilla::client::cli

#endif  // FLOTILLA_CLIENT_CLI_DATA_COMMANDS_H_
