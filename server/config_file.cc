// The YAML half of configuration.h, the only file that knows yaml-cpp and its exceptions.
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "base/status_macros.h"
#include "server/configuration.h"
#include "yaml-cpp/yaml.h"

namespace flotilla::server {
namespace {

std::string Place(const std::string& file_name, const YAML::Mark& mark) {
  return absl::StrCat("file ", file_name, ", line ", mark.line + 1);
}

// Both spellings of a key are welcome: node-id and node_id.
std::string KeyOf(const YAML::Node& key) {
  return absl::StrReplaceAll(key.as<std::string>(), {{"_", "-"}});
}

absl::Status Flatten(const YAML::Node& node, const std::string& prefix,
                     const std::string& file_name, std::vector<Assignment>* assignments) {
  for (const auto& entry : node) {
    const std::string name = absl::StrCat(prefix, KeyOf(entry.first));
    const std::string place = Place(file_name, entry.first.Mark());
    const YAML::Node& value = entry.second;
    if (value.IsMap()) {
      FLOTILLA_RETURN_IF_ERROR(Flatten(value, absl::StrCat(name, "."), file_name, assignments));
    } else if (value.IsSequence()) {
      assignments->push_back(
          {name, absl::StrJoin(value.as<std::vector<std::string>>(), ","), place});
    } else if (value.IsScalar()) {
      assignments->push_back({name, value.as<std::string>(), place});
    } else {
      return absl::InvalidArgumentError(absl::StrCat(place, ": ", name, " has no value"));
    }
  }
  return absl::OkStatus();
}

// A key may come back in another spelling, as `raft: {tick: ...}` and `raft.tick: ...`.
absl::Status RefuseDuplicates(const std::vector<Assignment>& assignments) {
  std::map<std::string, std::string> places;
  for (const Assignment& one : assignments) {
    const auto [first, is_new] = places.emplace(one.name, one.origin);
    if (is_new) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(one.origin, ": ", one.name, " is given twice; first in ", first->second));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<Assignment>> ReadConfigText(const std::string& text,
                                                       const std::string& file_name) {
  std::vector<Assignment> assignments;
  try {
    const YAML::Node root = YAML::Load(text);
    if (root.IsNull()) return assignments;
    if (!root.IsMap()) {
      return absl::InvalidArgumentError(
          absl::StrCat("file ", file_name, ": settings are written `name: value`, one a line"));
    }
    FLOTILLA_RETURN_IF_ERROR(Flatten(root, "", file_name, &assignments));
    FLOTILLA_RETURN_IF_ERROR(RefuseDuplicates(assignments));
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(absl::StrCat(Place(file_name, error.mark), ": ", error.msg));
  }
  return assignments;
}

absl::StatusOr<std::vector<Assignment>> ReadConfigFile(const std::string& file_name) {
  struct stat info;
  if (::stat(file_name.c_str(), &info) != 0) {
    return absl::InvalidArgumentError(absl::StrCat("file ", file_name, ": ", std::strerror(errno)));
  }
  std::ifstream in(file_name);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in || S_ISDIR(info.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat("file ", file_name, ": cannot be read"));
  }
  return ReadConfigText(text.str(), file_name);
}

}  // namespace flotilla::server
