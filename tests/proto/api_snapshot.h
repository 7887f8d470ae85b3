// The public API as a list of facts, one per line: what a client compiled long ago relies on. The
// committed list (proto/snapshot/flotilla.v1.txt) is what has been promised; a fact may be added,
// none may go.
#ifndef FLOTILLA_TESTS_PROTO_API_SNAPSHOT_H_
#define FLOTILLA_TESTS_PROTO_API_SNAPSHOT_H_

#include <set>
#include <string>
#include <vector>

namespace google::protobuf {
class FileDescriptor;
}  // namespace google::protobuf

namespace flotilla::proto {

// Numbers, names, types and labels of fields, enum values, reserved numbers, calls and what they
// stream. Not the file that something stands in, nor the order.
using Facts = std::set<std::string>;

void AddFacts(const google::protobuf::FileDescriptor& file, Facts* facts);

// Facts that were promised and hold no longer.
std::vector<std::string> BrokenPromises(const Facts& promised, const Facts& actual);

}  // namespace flotilla::proto

#endif  // FLOTILLA_TESTS_PROTO_API_SNAPSHOT_H_
