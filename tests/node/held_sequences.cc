#include "tests/node/held_sequences.h"

#include <utility>

namespace flotilla::node {

class HeldSequences::HeldSequence : public Sequence {
 public:
  HeldSequence(HeldSequences& source, Use use, Executor& home)
      : base_(source.base_.NewSequence(use, home)),
        use_(use),
        held_(source.held_),
        live_(source.live_) {
    live_->insert(this);
  }
  ~HeldSequence() override { live_->erase(this); }

  void Run(Task work, Task done) override {
    if (held_->contains(use_)) {
      waiting_.push_back({std::move(work), std::move(done)});
    } else {
      base_->Run(std::move(work), std::move(done));
    }
  }

  void Release(Use use) {
    if (use != use_) return;
    for (auto& [work, done] : std::exchange(waiting_, {})) {
      base_->Run(std::move(work), std::move(done));
    }
  }

 private:
  const std::unique_ptr<Sequence> base_;
  const Use use_;
  const std::shared_ptr<std::set<Use>> held_;
  const std::shared_ptr<std::set<HeldSequence*>> live_;
  std::vector<std::pair<Task, Task>> waiting_;
};

void HeldSequences::Release(Use use) {
  held_->erase(use);
  for (HeldSequence* sequence : *live_) sequence->Release(use);
}

std::unique_ptr<Sequence> HeldSequences::NewSequence(Use use, Executor& home) {
  return std::make_unique<HeldSequence>(*this, use, home);
}

}  // namespace flotilla::node
