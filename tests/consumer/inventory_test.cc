// A user's test of a user's code, on the fake: no cluster needed.
#include <flotilla/testing/fake_kv_client.h>

#include <cstdlib>
#include <iostream>

namespace {

// The user's code: takes one piece out of stock, if there is one.
flotilla::StatusOr<bool> Take(flotilla::KvClient& kv, const std::string& item) {
  while (true) {
    auto stock = kv.Get(item);
    if (flotilla::IsNotFound(stock.status())) return false;
    if (!stock.ok()) return stock.status();
    if (stock->value == "0") return false;
    const std::string left = std::to_string(std::stoi(stock->value) - 1);
    auto taken = kv.CompareAndSwap(flotilla::Condition::VersionIs(item, stock->version), left);
    if (!taken.ok()) return taken.status();
    if (taken->swapped) return true;
  }
}

void Expect(bool holds, const char* what) {
  if (holds) return;
  std::cerr << "failed: " << what << "\n";
  std::exit(1);
}

}  // namespace

int main() {
  flotilla::testing::FakeKvClient kv;
  Expect(!*Take(kv, "anchor"), "nothing is in stock");
  Expect(kv.Put("anchor", "2").ok(), "stock is taken in");
  Expect(*Take(kv, "anchor"), "the first");
  Expect(*Take(kv, "anchor"), "the second");
  Expect(!*Take(kv, "anchor"), "sold out");

  kv.FailNext(flotilla::Status(flotilla::StatusCode::kUnavailable, "no leader",
                               flotilla::reason::kNoLeader));
  Expect(Take(kv, "anchor").status().reason() == flotilla::reason::kNoLeader,
         "errors come through");
  std::cout << "ok\n";
}
