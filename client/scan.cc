#include "flotilla/scan.h"

#include <algorithm>
#include <utility>

#include "flotilla/kv_client.h"

namespace flotilla {
inline namespace client_v1 {

ScanRange::ScanRange(KvClient& client, KeyRange range, ScanOptions options)
    : client_(&client),
      range_(std::move(range)),
      options_(std::move(options)),
      left_(options_.limit) {}

bool ScanRange::Advance() {
  if (failed_) return false;
  while (position_ == page_.entries.size()) {
    if (done_) return false;
    if (!FetchPage()) return true;
  }
  current_.emplace(std::move(page_.entries[position_++]));
  return true;
}

bool ScanRange::FetchPage() {
  // The rest of the page is behind us only now: until here a resumed scan would begin with it.
  if (!page_.next_page_token.empty()) options_.page_token = std::move(page_.next_page_token);
  options_.limit = left_;
  StatusOr<ScanPage> page = client_->ScanPageAsync(range_, options_).get();
  position_ = 0;
  if (!page.ok()) {
    failed_ = true;
    page_ = {};
    current_.emplace(page.status());
    return false;
  }
  page_ = *std::move(page);
  const bool limited = options_.limit != 0;
  if (limited) left_ -= std::min<uint64_t>(left_, page_.entries.size());
  done_ = page_.next_page_token.empty() || (limited && left_ == 0);
  return true;
}

}  // namespace client_v1
}  // namespace flotilla
