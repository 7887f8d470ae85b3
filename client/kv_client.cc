#include "flotilla/kv_client.h"

#include <algorithm>
#include <string>

#include "sharding/slot.h"

namespace flotilla {
inline namespace client_v1 {

uint16_t HashSlot(std::string_view key) { return sharding::SlotOf(key).value; }

KvClient::~KvClient() = default;

StatusOr<uint64_t> KvClient::Count(const KeyRange& range, ScanOptions options) {
  uint64_t count = 0;
  const uint64_t limit = options.limit;
  while (true) {
    if (limit != 0) options.limit = limit - count;
    StatusOr<ScanPage> page = DoScanPage(range, options, /*count_only=*/true).get();
    if (!page.ok()) return page.status();
    count += page->count;
    // A server may count to the end of its page.
    if (limit != 0 && count >= limit) return limit;
    if (page->next_page_token.empty()) return count;
    options.page_token = std::move(page->next_page_token);
  }
}

StatusOr<DeleteRangeResult> KvClient::DeleteRange(const KeyRange& range,
                                                  DeleteRangeOptions options) {
  DeleteRangeResult total;
  while (true) {
    StatusOr<DeleteRangeResult> page = DoDeleteRangePage(range, options).get();
    if (!page.ok()) {
      const Status& error = page.status();
      // "Not applied" would be a lie as soon as one page is gone, "applied" while one may be left.
      const bool nothing = total.deleted == 0 && error.outcome() == Outcome::kNotApplied;
      Status::Fields fields{error.code(),        error.message(),
                            error.reason(),      nothing ? Outcome::kNotApplied : Outcome::kUnknown,
                            error.retry_after(), error.details()};
      fields.details.emplace_back("deleted", std::to_string(total.deleted));
      return Status(std::move(fields));
    }
    total.deleted += page->deleted;
    if (page->next_page_token.empty()) return total;
    options.page_token = std::move(page->next_page_token);
  }
}

}  // namespace client_v1
}  // namespace flotilla
