// The child of a split as the applier sees it: a draft that goes along with what is applied, or a
// copy of what stands at the split.
#include <utility>

#include "base/check.h"
#include "base/status_macros.h"
#include "node/applier.h"

namespace flotilla::node {

// --- A draft. It is opened elsewhere, because that takes a while; what is applied meanwhile is
// kept for it. Closing one may take long as well, so that is bulk work, too.

Applier::~Applier() {
  if (drafts_.empty()) return;
  // Nobody else knows of them. Their engines are closed before their folders go.
  apply_.reset();
  read_.reset();
  bulk_.reset();
  holder_.reset();
  for (auto& [generation, drafting] : drafts_) {
    const std::string folder = drafting->folder;
    drafting.reset();
    remove_folder_(folder);
  }
}

void Applier::BeginDraft(Generation generation, uint64_t shard_version, std::string folder,
                         uint64_t kept_bytes_max, absl::AnyInvocable<void(LogIndex)> done) {
  FLOTILLA_CHECK(has_state());
  auto drafting = std::make_shared<Drafting>();
  drafting->folder = std::move(folder);
  drafting->kept_bytes_left = kept_bytes_max;
  drafts_[generation] = drafting;
  auto applied = std::make_shared<LogIndex>();
  apply_->Run(
      [holder = holder_, drafting = std::move(drafting), shard_version, applied] {
        const kv::AppliedState& state = holder->machine->applied();
        GiveUpDraft(*holder);
        holder->drafting = drafting;
        if (state.descriptor.version != shard_version) GiveUpDraft(*holder);
        *applied = state.index;
      },
      [weak = std::weak_ptr<Holder>(holder_), applied, done = std::move(done)]() mutable {
        if (!weak.expired()) done(*applied);
      });
}

void Applier::OpenDraft(Generation generation, Disk& disk, storage::EngineSource& engines,
                        Task on_durable, absl::AnyInvocable<void(absl::Status)> done) {
  // The engine calls from whatever thread proved it.
  auto listener = [&home = home_, call = std::make_shared<Task>(std::move(on_durable)),
                   weak = std::weak_ptr<Holder>(holder_)] {
    home.Post([call, weak] {
      if (!weak.expired()) (*call)();
    });
  };
  bulk_->Run(
      [engine = holder_->engine, shard = shard_, &disk, &engines, drafting = drafts_.at(generation),
       listener = std::move(listener)]() mutable {
        if (drafting->given_up) return;
        drafting->opened =
            ChildDraft::Open(*engine, shard, disk, engines, drafting->folder, std::move(listener));
      },
      [this, weak = std::weak_ptr<Holder>(holder_), generation, done = std::move(done)]() mutable {
        if (!weak.expired()) AdoptDraft(drafts_.at(generation), std::move(done));
      });
}

void Applier::AdoptDraft(std::shared_ptr<Drafting> drafting,
                         absl::AnyInvocable<void(absl::Status)> done) {
  auto result = std::make_shared<absl::Status>();
  apply_->Run([holder = holder_, drafting = std::move(drafting),
               result] { *result = AdoptDraftNow(*holder, drafting); },
              [weak = std::weak_ptr<Holder>(holder_), result, done = std::move(done)]() mutable {
                if (!weak.expired()) done(*result);
              });
}

// It is closed when it is dropped.
void Applier::GiveUpDraft(Holder& holder) {
  if (holder.drafting == nullptr) return;
  holder.drafting->given_up = true;
  holder.drafting->kept = {};
  holder.drafting.reset();
}

absl::Status Applier::AdoptDraftNow(Holder& holder, const std::shared_ptr<Drafting>& drafting) {
  if (drafting->given_up) return absl::AbortedError("the draft was given up");
  FLOTILLA_RETURN_IF_ERROR(drafting->opened.status());
  drafting->draft = *std::exchange(drafting->opened, absl::UnknownError("adopted"));
  absl::Status followed = drafting->draft->Follow(std::exchange(drafting->kept, {}));
  if (!followed.ok()) GiveUpDraft(holder);
  return followed;
}

// Whatever becomes of the draft, the state itself has applied these, and must not wait for it.
void Applier::FollowWithDraft(Holder& holder, std::span<const raft::Entry> entries) {
  if (holder.drafting == nullptr) return;
  Drafting& drafting = *holder.drafting;
  if (drafting.draft != nullptr) {
    if (drafting.draft->IsStalled() || !drafting.draft->Follow(entries).ok()) GiveUpDraft(holder);
    return;
  }
  for (const raft::Entry& entry : entries) {
    if (entry.ByteSize() > drafting.kept_bytes_left) {
      GiveUpDraft(holder);
      return;
    }
    drafting.kept_bytes_left -= entry.ByteSize();
    drafting.kept.push_back(entry);
  }
}

std::unique_ptr<ChildDraft> Applier::TakeDraftAtSplit(Holder& holder) {
  const std::shared_ptr<Drafting> drafting = holder.drafting;
  GiveUpDraft(holder);
  if (drafting == nullptr || drafting->draft == nullptr) return nullptr;
  if (!drafting->draft->BecomeChild(*holder.machine).ok()) return nullptr;
  return std::move(drafting->draft);
}

void Applier::CancelDraft(Generation generation) {
  const std::shared_ptr<Drafting>& drafting = drafts_.at(generation);
  drafting->given_up = true;
  apply_->Run(
      [holder = holder_, drafting] {
        if (holder->drafting == drafting) GiveUpDraft(*holder);
      },
      [] {});
}

void Applier::DropDraft(Generation generation, std::unique_ptr<ChildDraft> taken, Disk& disk) {
  CancelDraft(generation);
  auto stray = std::make_shared<std::unique_ptr<ChildDraft>>(std::move(taken));
  // Behind that, and behind its opening.
  apply_->Run([] {},
              [this, weak = std::weak_ptr<Holder>(holder_), generation, stray, &disk] {
                if (weak.expired()) return;
                bulk_->Run(
                    [drafting = drafts_.at(generation), stray, &disk] {
                      stray->reset();
                      drafting->draft.reset();
                      drafting->opened = absl::CancelledError();
                      // What is left goes at the next start.
                      (void)disk.RemoveTree(drafting->folder);
                    },
                    [this, weak, generation] {
                      if (!weak.expired()) drafts_.erase(generation);
                    });
              });
}

void Applier::CloseDraft(std::unique_ptr<ChildDraft> draft) {
  auto closed = std::make_shared<std::unique_ptr<ChildDraft>>(std::move(draft));
  bulk_->Run([closed] { closed->reset(); }, [] {});
}

// --- A copy at the split.

void Applier::PrepareChild(Disk& disk, std::string folder) {
  apply_->Run(
      [holder = holder_, &disk, folder = std::move(folder)] {
        const absl::Status made = MakeDurableFolder(disk, folder);
        holder->child_folder = made.ok() ? absl::StatusOr<std::string>(folder) : made;
      },
      [] {});
}

// Not among the bulk work, behind which the whole shard would wait.
void Applier::MakeChild(Disk& disk, storage::EngineSource& engines,
                        absl::AnyInvocable<void(absl::StatusOr<Child>)> done) {
  auto made = std::make_shared<absl::StatusOr<Child>>();
  apply_->Run(
      [holder = holder_, &disk, &engines, made] { *made = MakeChildNow(*holder, disk, engines); },
      [weak = std::weak_ptr<Holder>(holder_), made, done = std::move(done)]() mutable {
        if (!weak.expired()) done(std::move(*made));
      });
}

absl::StatusOr<Applier::Child> Applier::MakeChildNow(Holder& holder, Disk& disk,
                                                     storage::EngineSource& engines) {
  FLOTILLA_ASSIGN_OR_RETURN(const std::string folder, holder.child_folder);
  const auto make = [&]() -> absl::StatusOr<Child> {
    Child made;
    FLOTILLA_ASSIGN_OR_RETURN(made.note, holder.engine->Checkpoint(folder));
    FLOTILLA_ASSIGN_OR_RETURN(made.state.engine, engines.OpenCopy(folder, made.note));
    made.state.machine = holder.machine->MakeChild();
    return made;
  };
  absl::StatusOr<Child> made = make();
  // What was linked already would keep its space although the engine had moved on.
  if (!made.ok()) (void)disk.RemoveTree(folder);
  return made;
}

}  // namespace flotilla::node
