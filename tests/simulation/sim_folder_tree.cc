#include "tests/simulation/sim_folder_tree.h"

#include <set>
#include <utility>

namespace flotilla::simulation {

namespace {

using Ptr = SimFileNode::Ptr;

std::vector<std::string> Components(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    const size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (!part.empty() && part != ".") parts.emplace_back(part);
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
  }
  return parts;
}

Ptr Child(const SimFileNode& folder, const std::string& name) {
  const auto it = folder.names.find(name);
  return it == folder.names.end() ? nullptr : it->second;
}

absl::Status NoSuchFile(std::string_view path) {
  return absl::NotFoundError(std::string(path) + ": no such file or folder");
}

// Visits everything below a folder once, by name, parents first.
void Walk(const Ptr& node, SimFileNode::Names SimFileNode::*names, std::set<SimFileNode*>& seen,
          const std::function<void(const Ptr&)>& visit) {
  if (!seen.insert(node.get()).second) return;
  visit(node);
  for (const auto& [name, child] : (*node).*names) Walk(child, names, seen, visit);
}

}  // namespace

SimFolderTree::SimFolderTree() : root_(std::make_shared<SimFileNode>()) { root_->is_folder = true; }

Ptr SimFolderTree::Find(std::string_view path) const {
  Ptr node = root_;
  for (const std::string& part : Components(path)) {
    if (!node->is_folder) return nullptr;
    node = Child(*node, part);
    if (node == nullptr) return nullptr;
  }
  return node;
}

SimFolderTree::Place SimFolderTree::Locate(std::string_view path) const {
  std::vector<std::string> parts = Components(path);
  if (parts.empty()) return {};
  std::string name = std::move(parts.back());
  parts.pop_back();
  Ptr folder = root_;
  for (const std::string& part : parts) {
    folder = Child(*folder, part);
    if (folder == nullptr || !folder->is_folder) return {};
  }
  return {.folder = std::move(folder), .name = std::move(name)};
}

absl::Status SimFolderTree::Create(std::string_view path, Ptr node) {
  const Place place = Locate(path);
  if (place.folder == nullptr) return NoSuchFile(path);
  if (Child(*place.folder, place.name) != nullptr) {
    return absl::AlreadyExistsError(std::string(path) + ": exists");
  }
  if (all_.size() >= prune_at_) {
    std::erase_if(all_, [](const auto& weak) { return weak.expired(); });
    prune_at_ = 2 * all_.size() + 64;
  }
  all_.push_back(node);
  place.folder->names[place.name] = node;
  place.folder->unsynced.push_back({.put_name = place.name, .node = std::move(node)});
  return absl::OkStatus();
}

absl::Status SimFolderTree::Remove(std::string_view path) {
  const Place place = Locate(path);
  const Ptr node = place.folder == nullptr ? nullptr : Child(*place.folder, place.name);
  if (node == nullptr) return NoSuchFile(path);
  if (node->is_folder) return absl::InvalidArgumentError(std::string(path) + ": is a folder");
  place.folder->names.erase(place.name);
  place.folder->unsynced.push_back(
      {.erase_from = place.folder, .erase_name = place.name, .node = node});
  return absl::OkStatus();
}

absl::Status SimFolderTree::RemoveTree(std::string_view path) {
  const Place place = Locate(path);
  const Ptr node = place.folder == nullptr ? nullptr : Child(*place.folder, place.name);
  if (node == nullptr) return absl::OkStatus();
  if (node->is_folder) EmptyFolder(node);
  place.folder->names.erase(place.name);
  place.folder->unsynced.push_back(
      {.erase_from = place.folder, .erase_name = place.name, .node = node});
  return absl::OkStatus();
}

void SimFolderTree::EmptyFolder(const Ptr& folder) {
  for (const auto& [name, child] : folder->names) {
    if (child->is_folder) EmptyFolder(child);
    folder->unsynced.push_back({.erase_from = folder, .erase_name = name, .node = child});
  }
  folder->names.clear();
}

absl::Status SimFolderTree::Rename(std::string_view from, std::string_view to) {
  const Place source = Locate(from);
  const Ptr node = source.folder == nullptr ? nullptr : Child(*source.folder, source.name);
  if (node == nullptr) return NoSuchFile(from);
  const Place target = Locate(to);
  if (target.folder == nullptr) return NoSuchFile(to);
  const Ptr replaced = Child(*target.folder, target.name);
  if (replaced == node) return absl::OkStatus();
  if (replaced != nullptr && (replaced->is_folder != node->is_folder || !replaced->names.empty())) {
    return absl::AlreadyExistsError(std::string(to) + ": cannot be replaced");
  }
  source.folder->names.erase(source.name);
  target.folder->names[target.name] = node;
  target.folder->unsynced.push_back({.erase_from = source.folder,
                                     .erase_name = source.name,
                                     .put_name = target.name,
                                     .node = node});
  return absl::OkStatus();
}

absl::Status SimFolderTree::Link(std::string_view from, std::string_view to) {
  const Ptr node = Find(from);
  if (node == nullptr) return NoSuchFile(from);
  if (node->is_folder) return absl::PermissionDeniedError(std::string(from) + ": is a folder");
  const Place target = Locate(to);
  if (target.folder == nullptr) return NoSuchFile(to);
  if (Child(*target.folder, target.name) != nullptr) {
    return absl::AlreadyExistsError(std::string(to) + ": exists");
  }
  target.folder->names[target.name] = node;
  target.folder->unsynced.push_back({.put_name = target.name, .node = node});
  return absl::OkStatus();
}

absl::Status SimFolderTree::SyncFolder(std::string_view path) {
  const Ptr folder = Find(path);
  if (folder == nullptr || !folder->is_folder) return NoSuchFile(path);
  for (const SimFileNode::Change& change : folder->unsynced) MakeDurable(*folder, change);
  folder->unsynced.clear();
  return absl::OkStatus();
}

void SimFolderTree::MakeDurable(SimFileNode& folder, const SimFileNode::Change& change) {
  if (const Ptr source = change.erase_from.lock(); source != nullptr) {
    // The name may have been given to another file since, by a change that is durable already.
    const auto it = source->durable_names.find(change.erase_name);
    if (it != source->durable_names.end() && it->second == change.node) {
      source->durable_names.erase(it);
    }
  }
  if (!change.put_name.empty()) folder.durable_names[change.put_name] = change.node;
}

CrashLoss SimFolderTree::Crash(const CrashModel& model, Random& random) {
  CrashLoss loss;
  const std::vector<Ptr> nodes = Living();
  for (const Ptr& node : nodes) {
    for (const SimFileNode::Change& change : node->unsynced) {
      if (random.Chance(model.keep_name, 1000)) {
        MakeDurable(*node, change);
      } else {
        ++loss.names;
      }
    }
  }
  std::set<SimFileNode*> seen;
  Walk(root_, &SimFileNode::durable_names, seen, [&](const Ptr& node) {
    if (!node->is_folder) loss += node->image.Crash(model, random);
  });
  // What no name leads to is gone, also from the folders that are gone themselves.
  for (const Ptr& node : nodes) {
    node->unsynced.clear();
    if (!seen.contains(node.get())) node->durable_names.clear();
    node->names = node->durable_names;
  }
  return loss;
}

std::vector<Ptr> SimFolderTree::Living() const {
  std::vector<Ptr> nodes = {root_};
  for (const auto& weak : all_) {
    if (Ptr node = weak.lock(); node != nullptr) nodes.push_back(std::move(node));
  }
  return nodes;
}

SimFolderTree SimFolderTree::Clone() const {
  SimFolderTree copy;
  const std::vector<Ptr> nodes = Living();
  std::map<const SimFileNode*, Ptr> twins = {{root_.get(), copy.root_}};
  for (const Ptr& node : nodes) {
    if (node == root_) continue;
    const Ptr twin = std::make_shared<SimFileNode>(*node);
    copy.all_.push_back(twin);
    twins[node.get()] = twin;
  }
  *copy.root_ = *root_;
  // The twins still point to the originals.
  for (const auto& [node, twin] : twins) {
    for (auto& [name, child] : twin->names) child = twins.at(child.get());
    for (auto& [name, child] : twin->durable_names) child = twins.at(child.get());
    for (SimFileNode::Change& change : twin->unsynced) {
      change.node = twins.at(change.node.get());
      if (const Ptr from = change.erase_from.lock(); from != nullptr) {
        change.erase_from = twins.at(from.get());
      }
    }
  }
  return copy;
}

void SimFolderTree::ForEachFile(std::string_view folder,
                                const std::function<void(SimFileNode&)>& visit) const {
  const Ptr start = Find(folder);
  if (start == nullptr) return;
  std::set<SimFileNode*> seen;
  Walk(start, &SimFileNode::names, seen, [&](const Ptr& node) {
    if (!node->is_folder) visit(*node);
  });
}

}  // namespace flotilla::simulation
