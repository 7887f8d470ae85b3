// A scan as a range: pages are fetched as the loop comes to them.
//
//   for (auto& entry : client.Scan(KeyRange::Prefix("user/"))) {
//     if (!entry.ok()) return entry.status();
//     Show(entry->key, entry->value);
//   }
#ifndef FLOTILLA_CLIENT_INCLUDE_FLOTILLA_SCAN_H_
#define FLOTILLA_CLIENT_INCLUDE_FLOTILLA_SCAN_H_

#include <cstddef>
#include <iterator>
#include <optional>
#include <string>

#include "flotilla/export.h"
#include "flotilla/status.h"
#include "flotilla/types.h"

namespace flotilla {
inline namespace client_v1 {

class KvClient;

// Each key is reported at most once, as it was at some moment between the scan's start and end;
// keys present all that time are never missed. Keys of one hash slot are of one state within a
// page; the whole scan is no snapshot.
//
// To be walked once, by one thread; the client must outlive it.
class FLOTILLA_EXPORT ScanRange {
 public:
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = StatusOr<Entry>;
    using difference_type = std::ptrdiff_t;
    using pointer = StatusOr<Entry>*;
    using reference = StatusOr<Entry>&;

    reference operator*() const { return *range_->current_; }
    pointer operator->() const { return &*range_->current_; }
    Iterator& operator++() {
      if (!range_->Advance()) range_ = nullptr;
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const Iterator& a, const Iterator& b) { return a.range_ == b.range_; }
    friend bool operator!=(const Iterator& a, const Iterator& b) { return !(a == b); }

   private:
    friend class ScanRange;
    explicit Iterator(ScanRange* range) : range_(range) {}
    ScanRange* range_;  // null: the end
  };

  ScanRange(KvClient& client, KeyRange range, ScanOptions options);

  // Fetches the first page. An error is the last element.
  Iterator begin() { return Iterator(Advance() ? this : nullptr); }
  Iterator end() { return Iterator(nullptr); }

  // Where a later scan of the same range goes on (ScanOptions::page_token): at the page that is
  // being read, so that it repeats some of the last entries rather than miss one.
  const std::string& page_token() const { return options_.page_token; }

 private:
  // Brings the next element into current_; false at the end.
  bool Advance();
  // False: it failed, and current_ is the error.
  bool FetchPage();

  KvClient* client_;
  KeyRange range_;
  ScanOptions options_;
  uint64_t left_;  // of the limit
  ScanPage page_;
  size_t position_ = 0;  // in page_
  bool done_ = false;    // no page follows
  bool failed_ = false;
  std::optional<StatusOr<Entry>> current_;
};

}  // namespace client_v1
}  // namespace flotilla

#endif  // FLOTILLA_CLIENT_INCLUDE_FLOTILLA_SCAN_H_
