#include "server/failure.h"

#include "absl/strings/str_cat.h"

namespace flotilla::server {

std::string Render(const Failure& failure) {
  return absl::StrCat("flotillad: ", failure.what, "\n  why: ", failure.why,
                      "\n  try: ", failure.remedy, "\n");
}

}  // namespace flotilla::server
