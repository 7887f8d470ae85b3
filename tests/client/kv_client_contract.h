// What every KvClient promises, whether it talks to a cluster, to a fake server, or keeps
// everything in memory: the fake that users test with must behave like the real thing. The tests
// are in the .cc; INSTANTIATE_TEST_SUITE_P says on what they run.
#ifndef FLOTILLA_TESTS_CLIENT_KV_CLIENT_CONTRACT_H_
#define FLOTILLA_TESTS_CLIENT_KV_CLIENT_CONTRACT_H_

#include <functional>
#include <initializer_list>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "flotilla/kv_client.h"
#include <gtest/gtest.h>

namespace flotilla::client {

// An empty store and a way to it.
class Way {
 public:
  virtual ~Way() = default;
  virtual KvClient& kv() = 0;
};

struct NamedWay {
  const char* name;
  std::function<std::unique_ptr<Way>()> make;
};
inline void PrintTo(const NamedWay& way, std::ostream* os) { *os << way.name; }

class KvClientContract : public ::testing::TestWithParam<NamedWay> {
 protected:
  KvClientContract() : way_(GetParam().make()) {}

  KvClient& kv() { return way_->kv(); }
  std::vector<std::string> KeysOf(ScanRange scan);
  void PutAll(std::initializer_list<const char*> keys);

 private:
  std::unique_ptr<Way> way_;
};

}  // namespace flotilla::client

#endif  // FLOTILLA_TESTS_CLIENT_KV_CLIENT_CONTRACT_H_
