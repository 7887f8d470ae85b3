#include "tests/proto/api_snapshot.h"

#include <algorithm>
#include <iterator>

#include "google/protobuf/descriptor.h"

namespace flotilla::proto {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::MethodDescriptor;
using google::protobuf::ServiceDescriptor;

std::string TypeOf(const FieldDescriptor& field) {
  if (field.message_type() != nullptr) return field.message_type()->full_name();
  if (field.enum_type() != nullptr) return field.enum_type()->full_name();
  return field.type_name();
}

std::string LabelOf(const FieldDescriptor& field) {
  if (field.is_repeated()) return "repeated";
  if (field.real_containing_oneof() != nullptr) {
    return "oneof:" + field.real_containing_oneof()->name();
  }
  return field.has_presence() ? "optional" : "plain";
}

void AddEnum(const EnumDescriptor& type, Facts* facts) {
  for (int i = 0; i < type.value_count(); ++i) {
    facts->insert("value " + type.full_name() + " " + std::to_string(type.value(i)->number()) +
                  " " + type.value(i)->name());
  }
}

void AddMessage(const Descriptor& message, Facts* facts) {
  facts->insert("message " + message.full_name());
  for (int i = 0; i < message.field_count(); ++i) {
    const FieldDescriptor& field = *message.field(i);
    facts->insert("field " + message.full_name() + " " + std::to_string(field.number()) + " " +
                  field.name() + " " + TypeOf(field) + " " + LabelOf(field));
  }
  for (int i = 0; i < message.reserved_range_count(); ++i) {
    for (int n = message.reserved_range(i)->start; n < message.reserved_range(i)->end; ++n) {
      facts->insert("reserved " + message.full_name() + " " + std::to_string(n));
    }
  }
  for (int i = 0; i < message.nested_type_count(); ++i) AddMessage(*message.nested_type(i), facts);
  for (int i = 0; i < message.enum_type_count(); ++i) AddEnum(*message.enum_type(i), facts);
}

void AddService(const ServiceDescriptor& service, Facts* facts) {
  for (int i = 0; i < service.method_count(); ++i) {
    const MethodDescriptor& method = *service.method(i);
    facts->insert("call " + method.full_name() + (method.client_streaming() ? " stream " : " ") +
                  method.input_type()->full_name() +
                  (method.server_streaming() ? " -> stream " : " -> ") +
                  method.output_type()->full_name());
  }
}

// A reserved number may be taken by the feature that it was set aside for.
bool IsTaken(const std::string& reserved, const Facts& actual) {
  const std::string field = "field" + reserved.substr(reserved.find(' ')) + " ";
  const auto next = actual.lower_bound(field);
  return next != actual.end() && next->starts_with(field);
}

}  // namespace

void AddFacts(const google::protobuf::FileDescriptor& file, Facts* facts) {
  for (int i = 0; i < file.message_type_count(); ++i) AddMessage(*file.message_type(i), facts);
  for (int i = 0; i < file.enum_type_count(); ++i) AddEnum(*file.enum_type(i), facts);
  for (int i = 0; i < file.service_count(); ++i) AddService(*file.service(i), facts);
}

std::vector<std::string> BrokenPromises(const Facts& promised, const Facts& actual) {
  std::vector<std::string> broken;
  std::set_difference(promised.begin(), promised.end(), actual.begin(), actual.end(),
                      std::back_inserter(broken));
  std::erase_if(broken, [&](const std::string& fact) {
    return fact.starts_with("reserved ") && IsTaken(fact, actual);
  });
  return broken;
}

}  // namespace flotilla::proto
