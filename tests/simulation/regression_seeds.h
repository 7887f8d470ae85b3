// Seeds that failed once, of bugs that are fixed. A seed meets the same situation only until
// somebody changes what is drawn from it, so each of these bugs has a test of its own as well
// (docs/testing.md); the list costs little, and a seed that found one bug is as good as any other.
#ifndef FLOTILLA_TESTS_SIMULATION_REGRESSION_SEEDS_H_
#define FLOTILLA_TESTS_SIMULATION_REGRESSION_SEEDS_H_

#include <cstdint>
#include <string_view>

namespace flotilla::simulation {

struct RegressionSeed {
  uint64_t seed;
  std::string_view found;
};

inline constexpr RegressionSeed kClusterRegressions[] = {
    {31, "a replica that began again took entries on the move for lost"},
    {210, "a clean-up in the entry of a split deleted what the child was to be made of"},
    {62646, "a leader with an unreadable state tried for ever to send it"},
    {1795320956897, "log segments stayed although all in them had been overwritten"},
    {1795320958651, "half an exchange of replicas was begun and taken back for ever"},
    {1795320959543, "half an exchange of replicas was begun and taken back for ever"},
    {1795331251008, "a client asked a node with a full disk for a session without a pause"},
    {1795326111437, "a cancelled move waited for a node that was lost"},
    {1795344994213, "a delete of a range was repeated in one half after a split"},
    {1795344996430, "a group of which a damaged log had nothing left was founded again"},
    {1795346540298, "a group of which a damaged log had nothing left was founded again"},
    {1795346531579, "founders far from each other never formed a cluster"},
    {1795360094114, "two nodes that joined at the same moment never met"},
    {1795378044504, "the atlas relied on a replica that was one too many, and was taken away"},
};

inline constexpr RegressionSeed kRaftRegressions[] = {
    {1795247561326, "a snapshot that was refused because all of it was there was offered for ever"},
};

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_REGRESSION_SEEDS_H_
