// The names of a simulated disk: a tree of folders in which every change is seen at once and
// becomes durable when its folder is synced. A crash keeps some of the changes not covered by a
// sync and loses others, each whole: a rename is never half done.
#ifndef FLOTILLA_TESTS_SIMULATION_SIM_FOLDER_TREE_H_
#define FLOTILLA_TESTS_SIMULATION_SIM_FOLDER_TREE_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "base/random.h"
#include "tests/simulation/sim_file_image.h"

namespace flotilla::simulation {

// A file or a folder, whatever its names. Hard links are two names of one node.
struct SimFileNode {
  using Ptr = std::shared_ptr<SimFileNode>;
  using Names = std::map<std::string, Ptr>;

  // One change of one folder. Either name may be empty; a rename has both.
  struct Change {
    std::weak_ptr<SimFileNode> erase_from{};  // may be the folder itself
    std::string erase_name{};
    std::string put_name{};
    Ptr node{};  // what was erased, put or moved
  };

  bool is_folder = false;
  SimFileImage image;            // of a file
  Names names;                   // of a folder, as seen
  Names durable_names;           // as a crash would leave them without luck
  std::vector<Change> unsynced;  // in order
};

class SimFolderTree {
 public:
  SimFolderTree();

  // Null when there is none. "", "." and "/" are the root.
  SimFileNode::Ptr Find(std::string_view path) const;

  // All: kNotFound when a parent folder is missing.
  absl::Status Create(std::string_view path, SimFileNode::Ptr node);  // kAlreadyExists
  absl::Status Remove(std::string_view path);                         // kInvalidArgument: a folder
  absl::Status RemoveTree(std::string_view path);
  absl::Status Rename(std::string_view from, std::string_view to);
  absl::Status Link(std::string_view from, std::string_view to);
  absl::Status SyncFolder(std::string_view path);

  CrashLoss Crash(const CrashModel& model, Random& random);
  SimFolderTree Clone() const;

  // Every file below `folder` that can be opened now, once, in the order of the first path.
  void ForEachFile(std::string_view folder, const std::function<void(SimFileNode&)>& visit) const;

 private:
  struct Place {
    SimFileNode::Ptr folder;  // null when missing
    std::string name;
  };
  Place Locate(std::string_view path) const;
  std::vector<SimFileNode::Ptr> Living() const;
  static void EmptyFolder(const SimFileNode::Ptr& folder);
  static void MakeDurable(SimFileNode& folder, const SimFileNode::Change& change);

  SimFileNode::Ptr root_;
  // Every folder and file, in order of creation; those that nothing leads to any more (no name, no
  // durable name, no unsynced change, no open file) have expired.
  std::vector<std::weak_ptr<SimFileNode>> all_;
  size_t prune_at_ = 64;
};

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_SIM_FOLDER_TREE_H_
