// Sequences whose jobs wait for the test: a slow disk or engine, at will.
#ifndef FLOTILLA_TESTS_NODE_HELD_SEQUENCES_H_
#define FLOTILLA_TESTS_NODE_HELD_SEQUENCES_H_

#include <memory>
#include <set>
#include <vector>

#include "base/executor.h"

namespace flotilla::node {

class HeldSequences : public SequenceSource {
 public:
  // `base` outlives the sequences.
  explicit HeldSequences(SequenceSource& base) : base_(base) {}

  // Jobs of this use that come from now on wait for the release.
  void Hold(Use use) { held_->insert(use); }
  void Release(Use use);

  std::unique_ptr<Sequence> NewSequence(Use use, Executor& home) override;

 private:
  class HeldSequence;

  SequenceSource& base_;
  // Shared with the sequences.
  std::shared_ptr<std::set<Use>> held_ = std::make_shared<std::set<Use>>();
  std::shared_ptr<std::set<HeldSequence*>> live_ = std::make_shared<std::set<HeldSequence*>>();
};

}  // namespace flotilla::node

#endif  // FLOTILLA_TESTS_NODE_HELD_SEQUENCES_H_
