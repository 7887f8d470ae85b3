#include "client/cli/admin_operation.h"

#include <array>
#include <cstdio>
#include <utility>

namespace flotilla::client::cli {

std::string InSeconds(double seconds) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f s", seconds);
  return text.data();
}

AdminOperation::AdminOperation(Context& context, std::string name, std::string overview)
    : context_(context),
      name_(std::move(name)),
      overview_(std::move(overview)),
      line_(context.environment()),
      started_(context.environment().now()) {}

Admin* AdminOperation::Connect() {
  AdminOptions options;
  options.timeout = context_.TimeoutOr(options.timeout);
  options.on_progress = [this](const AdminProgress& progress) {
    line_.Show(name_ + ": " + progress.what + ", " + InSeconds(seconds()));
  };
  auto admin = context_.environment().connect_admin(context_.options.endpoints, options);
  if (!admin.ok()) {
    (void)Report(admin.status());
    return nullptr;
  }
  admin_ = *std::move(admin);
  return admin_.get();
}

double AdminOperation::seconds() const {
  const auto elapsed = context_.environment().now() - started_;
  return std::chrono::duration<double>(elapsed).count();
}

ExitCode AdminOperation::Report(const Status& status) {
  line_.Clear();
  const bool misdirected =
      status.code() == StatusCode::kNotFound || status.code() == StatusCode::kFailedPrecondition;
  if (!misdirected) return context_.Report(name_, status);
  return ReportError(context_.environment().err, name_, status, overview_);
}

}  // namespace flotilla::client::cli
