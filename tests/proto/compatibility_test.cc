// The public API never changes under a client that is already out there. When this fails because
// something was added, run the test once with FLOTILLA_UPDATE_SNAPSHOT=1 and commit the snapshot.
// When it fails because something changed or went: add a new field or call instead, and leave the
// old one in place.
#include <cstdlib>
#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/descriptor.pb.h"
#include "gtest/gtest.h"
#include "tests/proto/api_snapshot.h"
#include "tests/support/source_path.h"

namespace flotilla::proto {
namespace {

using google::protobuf::DescriptorPool;
using google::protobuf::FileDescriptorProto;
using testing::ElementsAre;
using testing::IsEmpty;

Facts ActualFacts() {
  std::ifstream in(PUBLIC_API_DESCRIPTORS, std::ios::binary);
  google::protobuf::FileDescriptorSet set;
  EXPECT_TRUE(set.ParseFromIstream(&in));
  DescriptorPool pool;
  Facts facts;
  // Imports come before the files that import them.
  for (const FileDescriptorProto& proto : set.file()) {
    const auto* file = pool.BuildFile(proto);
    EXPECT_NE(file, nullptr) << proto.name();
    if (file != nullptr) AddFacts(*file, &facts);
  }
  return facts;
}

std::string SnapshotPath() { return tests::SourcePath("proto/snapshot/flotilla.v1.txt"); }

Facts PromisedFacts() {
  std::ifstream in(SnapshotPath());
  Facts facts;
  for (std::string line; std::getline(in, line);) facts.insert(line);
  return facts;
}

TEST(PublicApi, KeepsWhatItPromised) {
  EXPECT_THAT(BrokenPromises(PromisedFacts(), ActualFacts()), IsEmpty());
}

TEST(PublicApi, PromisesAllThatItOffers) {
  const Facts actual = ActualFacts();
  if (std::getenv("FLOTILLA_UPDATE_SNAPSHOT") != nullptr) {
    ASSERT_THAT(BrokenPromises(PromisedFacts(), actual), IsEmpty());
    std::ofstream out(SnapshotPath());
    for (const std::string& fact : actual) out << fact << "\n";
  }
  EXPECT_THAT(BrokenPromises(actual, PromisedFacts()), IsEmpty())
      << "New in the API: update the snapshot (see the head of this file).";
}

// A file with one message M of one field, one enum E and one service S, to be changed by the tests.
FileDescriptorProto SampleFile() {
  FileDescriptorProto file;
  file.set_name("sample.proto");
  file.set_package("p");
  file.set_syntax("proto3");
  auto* message = file.add_message_type();
  message->set_name("M");
  auto* field = message->add_field();
  field->set_name("f");
  field->set_number(1);
  field->set_type(google::protobuf::FieldDescriptorProto::TYPE_BYTES);
  field->set_label(google::protobuf::FieldDescriptorProto::LABEL_OPTIONAL);
  auto* reserved = message->add_reserved_range();
  reserved->set_start(7);
  reserved->set_end(8);
  auto* type = file.add_enum_type();
  type->set_name("E");
  auto* value = type->add_value();
  value->set_name("E_UNSPECIFIED");
  value->set_number(0);
  auto* method = file.add_service()->add_method();
  file.mutable_service(0)->set_name("S");
  method->set_name("Call");
  method->set_input_type(".p.M");
  method->set_output_type(".p.M");
  return file;
}

Facts FactsOf(const FileDescriptorProto& file) {
  DescriptorPool pool;
  Facts facts;
  const auto* built = pool.BuildFile(file);
  EXPECT_NE(built, nullptr);
  if (built != nullptr) AddFacts(*built, &facts);
  return facts;
}

TEST(ApiSnapshot, AllowsAdditions) {
  FileDescriptorProto changed = SampleFile();
  auto* field = changed.mutable_message_type(0)->add_field();
  *field = SampleFile().message_type(0).field(0);
  field->set_name("g");
  field->set_number(2);
  EXPECT_THAT(BrokenPromises(FactsOf(SampleFile()), FactsOf(changed)), IsEmpty());
}

TEST(ApiSnapshot, RefusesARenumberedField) {
  FileDescriptorProto changed = SampleFile();
  changed.mutable_message_type(0)->mutable_field(0)->set_number(2);
  EXPECT_THAT(BrokenPromises(FactsOf(SampleFile()), FactsOf(changed)),
              ElementsAre("field p.M 1 f bytes plain"));
}

TEST(ApiSnapshot, RefusesAnotherType) {
  FileDescriptorProto changed = SampleFile();
  changed.mutable_message_type(0)->mutable_field(0)->set_type(
      google::protobuf::FieldDescriptorProto::TYPE_STRING);
  EXPECT_THAT(BrokenPromises(FactsOf(SampleFile()), FactsOf(changed)),
              ElementsAre("field p.M 1 f bytes plain"));
}

TEST(ApiSnapshot, RefusesARemovedField) {
  FileDescriptorProto changed = SampleFile();
  changed.mutable_message_type(0)->clear_field();
  EXPECT_THAT(BrokenPromises(FactsOf(SampleFile()), FactsOf(changed)),
              ElementsAre("field p.M 1 f bytes plain"));
}

TEST(ApiSnapshot, RefusesARepeatedFieldInPlaceOfASingleOne) {
  FileDescriptorProto changed = SampleFile();
  changed.mutable_message_type(0)->mutable_field(0)->set_label(
      google::protobuf::FieldDescriptorProto::LABEL_REPEATED);
  EXPECT_THAT(BrokenPromises(FactsOf(SampleFile()), FactsOf(changed)),
              ElementsAre("field p.M 1 f bytes plain"));
}

TEST(ApiSnapshot, RefusesARenamedEnumValueAndACallThatStreams) {
  FileDescriptorProto changed = SampleFile();
  changed.mutable_enum_type(0)->mutable_value(0)->set_name("E_NONE");
  changed.mutable_service(0)->mutable_method(0)->set_server_streaming(true);
  EXPECT_THAT(BrokenPromises(FactsOf(SampleFile()), FactsOf(changed)),
              ElementsAre("call p.S.Call p.M -> p.M", "value p.E 0 E_UNSPECIFIED"));
}

TEST(ApiSnapshot, LetsAReservedNumberBeTakenButNotForgotten) {
  FileDescriptorProto taken = SampleFile();
  taken.mutable_message_type(0)->clear_reserved_range();
  EXPECT_THAT(BrokenPromises(FactsOf(SampleFile()), FactsOf(taken)), ElementsAre("reserved p.M 7"));
  auto* field = taken.mutable_message_type(0)->add_field();
  *field = SampleFile().message_type(0).field(0);
  field->set_name("ttl");
  field->set_number(7);
  EXPECT_THAT(BrokenPromises(FactsOf(SampleFile()), FactsOf(taken)), IsEmpty());
}

}  // namespace
}  // namespace flotilla::proto
