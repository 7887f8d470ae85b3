// Where the values of settings come from: flags before the environment before the file before
// defaults. Merged here and not by a library (CLI11's own file handling outranks the environment).
#ifndef FLOTILLA_SERVER_CONFIGURATION_H_
#define FLOTILLA_SERVER_CONFIGURATION_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "server/server_options.h"

namespace flotilla::server {

// One value of one setting, and who said so: "flag --node-id", "file a.yaml, line 3".
struct Assignment {
  std::string name;
  std::string value;
  std::string origin;
};

struct CommandLine {
  enum class Action { kServe, kHelp, kVersion, kCheckConfig, kPrintConfig };
  Action action = Action::kServe;
  std::string config_file;
  std::vector<Assignment> flags;
};

struct Configuration {
  ServerOptions options;
  // By name of the setting; one that is absent has its default.
  std::map<std::string, std::string, std::less<>> origins;
};

// All errors are kInvalidArgument, name the place, and where a name is unknown the nearest known
// one.
absl::StatusOr<CommandLine> ParseCommandLine(const std::vector<std::string>& arguments);

// "NAME=value" as in environ. Variables that begin with FLOTILLA_ and are no settings are somebody
// else's (the client's, an orchestrator's), unless one looks like a misspelt setting.
absl::StatusOr<std::vector<Assignment>> ReadEnvironment(const std::vector<std::string>& variables);

// YAML: keys as the settings' names, `raft.tick` also as `raft: {tick: ...}`, lists as sequences.
absl::StatusOr<std::vector<Assignment>> ReadConfigText(const std::string& text,
                                                       const std::string& file_name);
absl::StatusOr<std::vector<Assignment>> ReadConfigFile(const std::string& file_name);

// Applies in order: later ones win.
absl::StatusOr<Configuration> Merge(const std::vector<Assignment>& assignments);

// All of the above, validated.
absl::StatusOr<Configuration> Configure(const CommandLine& command_line,
                                        const std::vector<std::string>& environment);

// Every setting with its value and origin, as a configuration file that says the same.
std::string PrintConfiguration(const Configuration& configuration);

// What --help prints.
std::string Help();

}  // namespace flotilla::server

#endif  // FLOTILLA_SERVER_CONFIGURATION_H_
