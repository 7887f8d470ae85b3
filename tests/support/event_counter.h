// A logger that counts: how often something was logged, and with which texts.
#ifndef FLOTILLA_TESTS_SUPPORT_EVENT_COUNTER_H_
#define FLOTILLA_TESTS_SUPPORT_EVENT_COUNTER_H_

#include <map>
#include <string>
#include <string_view>
#include <variant>

#include "base/logger.h"

namespace flotilla::tests {

// Not thread-safe.
class EventCounter : public Logger {
 public:
  bool Enabled(LogLevel level) const override { return level >= LogLevel::kInfo; }
  void Write(LogLevel, std::string_view event, std::initializer_list<LogField> fields) override {
    ++counts_[std::string(event)];
    for (const LogField& field : fields) {
      const auto* text = std::get_if<std::string>(&field.value);
      if (text == nullptr) continue;
      ++counts_[std::string(event) + " " + std::string(field.name) + "=" + *text];
    }
  }
  // "event", or "event name=text".
  int Count(const std::string& what) const {
    const auto count = counts_.find(what);
    return count == counts_.end() ? 0 : count->second;
  }

 private:
  std::map<std::string, int> counts_;
};

}  // namespace flotilla::tests

#endif  // FLOTILLA_TESTS_SUPPORT_EVENT_COUNTER_H_
