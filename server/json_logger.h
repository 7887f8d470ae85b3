// Log lines as JSON, one object a line: ts, level, node, event, then the event's own fields.
#ifndef FLOTILLA_SERVER_JSON_LOGGER_H_
#define FLOTILLA_SERVER_JSON_LOGGER_H_

#include <string>

#include "base/clock.h"
#include "base/ids.h"
#include "base/logger.h"

namespace flotilla::server {

// Each line is one write, so that lines of several threads never mix; nothing is buffered.
class JsonLogger : public Logger {
 public:
  // `clock` outlives the logger; `descriptor` stays open.
  JsonLogger(Clock& clock, NodeId node, LogLevel least, int descriptor);

  bool Enabled(LogLevel level) const override { return level >= least_; }
  void Write(LogLevel level, std::string_view event,
             std::initializer_list<LogField> fields) override;

 private:
  Clock& clock_;
  const NodeId node_;
  const LogLevel least_;
  const int descriptor_;
};

}  // namespace flotilla::server

#endif  // FLOTILLA_SERVER_JSON_LOGGER_H_
