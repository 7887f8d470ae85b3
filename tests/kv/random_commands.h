// Commands as hostile and forgetful clients send them: few keys, so that they meet; retries, gaps,
// old and foreign sessions, values that are almost numbers.
#ifndef FLOTILLA_TESTS_KV_RANDOM_COMMANDS_H_
#define FLOTILLA_TESTS_KV_RANDOM_COMMANDS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "base/random.h"
#include "kv/command.h"
#include "kv/result.h"

namespace flotilla::kv {

class RandomCommands {
 public:
  explicit RandomCommands(uint64_t seed) : random_(seed) {}

  Command Next();
  // Any operation but those about sessions.
  Operation NextOperation();
  // Tells what became of a command, so that later ones can use the sessions it opened.
  void Learn(const CommandResult& result);

 private:
  struct Client {
    SessionToken session;
    uint64_t next_sequence = 1;
    uint64_t acknowledged_below = 0;
  };

  Command NextInSession(Client& client);
  SimpleOperation NextSimple();
  Condition NextCondition();
  std::string NextKey();
  std::string NextValue();

  Random random_;
  // Atomic commands draw all their keys from one slot.
  bool one_slot_ = false;
  std::vector<Client> clients_;
};

}  // namespace flotilla::kv

#endif  // FLOTILLA_TESTS_KV_RANDOM_COMMANDS_H_
