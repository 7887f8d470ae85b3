#include "server/configuration.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "server/settings.h"

namespace flotilla::server {
namespace {

constexpr std::string_view kPrefix = "FLOTILLA_";
constexpr std::string_view kConfigVariable = "FLOTILLA_CONFIG";

absl::Status Unknown(std::string_view what, std::string_view name, std::string_view origin) {
  std::string message =
      absl::StrCat(AbslView(origin), ": there is no ", AbslView(what), " \"", AbslView(name), "\"");
  const Setting* nearest = NearestSetting(name);
  if (nearest != nullptr)
    absl::StrAppend(&message, "; did you mean ", AbslView(nearest->name), "?");
  return absl::InvalidArgumentError(message);
}

// The switches of the command line that are no settings.
bool TakeAction(std::string_view argument, CommandLine::Action* action) {
  const std::pair<std::string_view, CommandLine::Action> actions[] = {
      {"--help", CommandLine::Action::kHelp},
      {"-h", CommandLine::Action::kHelp},
      {"--version", CommandLine::Action::kVersion},
      {"--check-config", CommandLine::Action::kCheckConfig},
      {"--print-config", CommandLine::Action::kPrintConfig}};
  for (const auto& [name, meaning] : actions) {
    if (argument != name) continue;
    *action = meaning;
    return true;
  }
  return false;
}

// An environment variable that is spelt like a setting's, but not quite.
const Setting* MisspeltSetting(std::string_view variable) {
  std::string name(variable.substr(kPrefix.size()));
  std::ranges::transform(name, name.begin(), [](char c) {
    return c == '_' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  });
  return NearestSetting(name);
}

// So that the printed configuration reads back as YAML.
std::string Quoted(const std::string& value) {
  const bool plain = !value.empty() && value.find_first_of("[]{}#&*!|>'\"%@`") == std::string::npos;
  return plain ? value : absl::StrCat("\"", value, "\"");
}

}  // namespace

absl::StatusOr<CommandLine> ParseCommandLine(const std::vector<std::string>& arguments) {
  CommandLine command_line;
  std::set<std::string> given;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    if (TakeAction(argument, &command_line.action)) continue;
    if (!argument.starts_with("--")) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", AbslView(argument), "\" is no flag; flags begin with --"));
    }
    const size_t equals = std::min(argument.find('='), argument.size());
    const std::string flag(argument.substr(0, equals));
    const std::string name = flag.substr(2);
    const Setting* setting = FindSetting(name);
    if (setting == nullptr && name != "config") return Unknown("flag", name, "command line");

    std::string value;
    if (equals < argument.size()) {
      value = argument.substr(equals + 1);
    } else if (setting != nullptr && setting->is_switch) {
      value = "true";
    } else if (i + 1 < arguments.size()) {
      value = arguments[++i];
    } else {
      return absl::InvalidArgumentError(absl::StrCat(flag, " needs a value"));
    }
    if (!given.insert(name).second) {
      return absl::InvalidArgumentError(absl::StrCat(flag, " is given twice"));
    }
    if (name == "config") {
      command_line.config_file = value;
    } else {
      command_line.flags.push_back({name, value, absl::StrCat("flag ", flag)});
    }
  }
  return command_line;
}

absl::StatusOr<std::vector<Assignment>> ReadEnvironment(const std::vector<std::string>& variables) {
  std::map<std::string, const Setting*> settings;
  for (const Setting& setting : AllSettings()) settings[EnvironmentNameOf(setting)] = &setting;

  std::vector<Assignment> assignments;
  for (const std::string& variable : variables) {
    const size_t equals = variable.find('=');
    const std::string name = variable.substr(0, equals);
    if (!name.starts_with(kPrefix) || equals == std::string::npos || name == kConfigVariable) {
      continue;
    }
    const auto it = settings.find(name);
    if (it != settings.end()) {
      assignments.push_back({std::string(it->second->name), variable.substr(equals + 1),
                             absl::StrCat("environment ", name)});
    } else if (const Setting* nearest = MisspeltSetting(name); nearest != nullptr) {
      return absl::InvalidArgumentError(absl::StrCat("environment: there is no setting ", name,
                                                     "; did you mean ", EnvironmentNameOf(*nearest),
                                                     "?"));
    }
  }
  return assignments;
}

absl::StatusOr<Configuration> Merge(const std::vector<Assignment>& assignments) {
  Configuration configuration;
  for (const Assignment& assignment : assignments) {
    const Setting* setting = FindSetting(assignment.name);
    if (setting == nullptr) return Unknown("setting", assignment.name, assignment.origin);
    FLOTILLA_RETURN_IF_ERROR(
        Annotate(setting->parse(assignment.value, &configuration.options), assignment.origin));
    configuration.origins[assignment.name] = assignment.origin;
  }
  return configuration;
}

absl::StatusOr<Configuration> Configure(const CommandLine& command_line,
                                        const std::vector<std::string>& environment) {
  std::string file = command_line.config_file;
  for (const std::string& variable : environment) {
    const std::string prefix = absl::StrCat(AbslView(kConfigVariable), "=");
    if (file.empty() && variable.starts_with(prefix)) file = variable.substr(prefix.size());
  }

  std::vector<Assignment> all;
  if (!file.empty()) {
    FLOTILLA_ASSIGN_OR_RETURN(all, ReadConfigFile(file));
  }
  FLOTILLA_ASSIGN_OR_RETURN(const std::vector<Assignment> variables, ReadEnvironment(environment));
  all.insert(all.end(), variables.begin(), variables.end());
  all.insert(all.end(), command_line.flags.begin(), command_line.flags.end());
  FLOTILLA_ASSIGN_OR_RETURN(Configuration configuration, Merge(all));
  FLOTILLA_RETURN_IF_ERROR(Validate(configuration.options));
  return configuration;
}

std::string PrintConfiguration(const Configuration& configuration) {
  std::string text;
  for (const Setting& setting : AllSettings()) {
    const auto origin = configuration.origins.find(setting.name);
    const std::string value = setting.format(configuration.options);
    // One without a value is a comment: what reads settings takes none that is empty.
    absl::StrAppend(&text, value.empty() ? "# " : "", AbslView(setting.name), ": ", Quoted(value),
                    "  # ", origin == configuration.origins.end() ? "default" : origin->second,
                    "\n");
  }
  return text;
}

std::string Help() {
  std::string text =
      "flotillad: a node of a Flotilla cluster. The same command starts it the first time and "
      "every\n"
      "later time.\n\n"
      "  flotillad --node-id 1 --data-dir /var/lib/flotilla --join "
      "host1:6171,host2:6171,host3:6171\n"
      "\n"
      "Flags go before environment variables (FLOTILLA_NODE_ID for --node-id), before the file,\n"
      "before defaults. Sizes are written 64MiB, times 250ms.\n\n"
      "  --config FILE     reads settings from a YAML file; also FLOTILLA_CONFIG\n"
      "  --check-config    says whether the settings are valid, and does nothing else\n"
      "  --print-config    prints all settings and where each comes from\n"
      "  --version         prints the version\n"
      "  --help            prints this\n\nSettings:\n";
  const ServerOptions defaults;
  for (const Setting& setting : AllSettings()) {
    const std::string fallback = setting.format(defaults);
    absl::StrAppend(&text, "  --", AbslView(setting.name),
                    fallback.empty() || fallback == "0" ? "" : absl::StrCat(" (", fallback, ")"),
                    "\n      ", AbslView(setting.help), "\n");
  }
  return text;
}

}  // namespace flotilla::server
