// The table of all settings. Flags, environment variables, keys of the configuration file, --help,
// --print-config and the table in docs/operations.md come from it.
#ifndef FLOTILLA_SERVER_SETTINGS_H_
#define FLOTILLA_SERVER_SETTINGS_H_

#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "server/server_options.h"

namespace flotilla::server {

struct Setting {
  // "raft.tick": the flag --raft.tick, the variable FLOTILLA_RAFT_TICK, in the file `raft: tick:`.
  std::string_view name;
  std::string_view help;
  absl::Status (*parse)(std::string_view text, ServerOptions* options);
  std::string (*format)(const ServerOptions& options);
  // A flag alone, without a value, means true.
  bool is_switch;
};

// In the order in which people should meet them.
std::span<const Setting> AllSettings();

// Null when there is none.
const Setting* FindSetting(std::string_view name);

// The setting whose name is nearest, for "did you mean"; null when none is near.
const Setting* NearestSetting(std::string_view name);

// "raft.tick" -> "FLOTILLA_RAFT_TICK".
std::string EnvironmentNameOf(const Setting& setting);

}  // namespace flotilla::server

#endif  // FLOTILLA_SERVER_SETTINGS_H_
