#include <flotilla/client.h>

#include <iostream>

int main(int argc, char** argv) {
  auto connected = flotilla::Client::Connect(argc > 1 ? argv[1] : "localhost:6170");
  if (!connected.ok()) return std::cerr << connected.status() << "\n", 1;
  flotilla::Client& client = **connected;
  auto put = client.Put("ship/1", "Ada");
  if (!put.ok()) return std::cerr << put.status() << "\n", 1;
  auto ship = client.Get("ship/1");
  if (!ship.ok()) return std::cerr << ship.status() << "\n", 1;
  std::cout << ship->value << " at version " << ship->version << "\n";
  // Writes only if nobody else did since: exactly once, whatever the network does.
  auto cas =
      client.CompareAndSwap(flotilla::Condition::VersionIs("ship/1", ship->version), "Grace");
  if (cas.ok()) std::cout << (cas->swapped ? "renamed\n" : "somebody was faster\n");
  // Without waiting: the continuation runs when the answer is there.
  auto voyage = client.IncrementAsync("voyages").then(
      [](flotilla::StatusOr<flotilla::IncrementResult> n) { return n.ok() ? n->value : -1; });
  std::cout << "voyage number " << voyage.get() << "\n";
  for (const auto& entry : client.Scan(flotilla::KeyRange::Prefix("ship/"))) {
    if (entry.ok()) std::cout << entry->key << " = " << entry->value << "\n";
  }
}
