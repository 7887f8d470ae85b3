#include "server/merged_scan.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/check.h"
#include "base/status_macros.h"
#include "flotilla/v1/kv.pb.h"
#include "server/reply_codec.h"
#include "sharding/page_token.h"

namespace flotilla::server {
namespace {

using sharding::Arc;
using sharding::ScanRow;
using sharding::Slot;

uint32_t FingerprintOf(const v1::ScanRequest& request) {
  return sharding::RangeFingerprint(request.start_key(), request.end_key(), request.reverse());
}

Arc ArcOf(const v1::SlotRange& slots) {
  return {Slot{static_cast<uint16_t>(slots.first_slot())},
          Slot{static_cast<uint16_t>(slots.last_slot())}};
}

ScanRow RowOf(v1::KeyValue& row) {
  return {.key = std::move(*row.mutable_key()),
          .value = std::move(*row.mutable_value()),
          .version = row.version(),
          .created_version = row.created_version()};
}

void EncodeRow(ScanRow row, v1::KeyValue* out) {
  out->set_key(std::move(row.key));
  out->set_value(std::move(row.value));
  out->set_version(row.version);
  out->set_created_version(row.created_version);
}

}  // namespace

MergedScan::MergedScan(const kv::Limits& limits)
    : limits_(limits),
      request_(std::make_unique<v1::ScanRequest>()),
      state_(std::make_unique<v1::ReadState>()) {}

MergedScan::~MergedScan() = default;

bool MergedScan::Serves(const v1::ScanRequest& request) {
  return request.header().shard_id() == 0 && !request.has_slots();
}

sharding::PageLimits MergedScan::LimitsOfPage() const {
  sharding::PageLimits page{.rows = limits_.max_page_rows, .bytes = limits_.max_page_bytes};
  if (request_->page_size() != 0) page.rows = std::min<uint64_t>(page.rows, request_->page_size());
  if (request_->limit() != 0) page.rows = std::min<uint64_t>(page.rows, request_->limit());
  if (request_->page_bytes() != 0) page.bytes = std::min(page.bytes, request_->page_bytes());
  return page;
}

absl::Status MergedScan::BeginPage(const v1::ScanRequest& request) {
  *request_ = request;
  sharding::ScanBounds range{request.start_key(), request.end_key(), request.reverse()};
  if (!request.page_token().empty()) {
    FLOTILLA_ASSIGN_OR_RETURN(
        std::string key, sharding::DecodePageToken(request.page_token(), FingerprintOf(request)));
    (range.reverse ? range.to : range.from) = std::move(key);
  }
  merge_.emplace(std::move(range), request.count_only(), LimitsOfPage());
  answers_ = 0;
  return absl::OkStatus();
}

std::vector<v1::PipelineOperation> MergedScan::Questions() {
  asked_ = sharding::CutAlong(merge_->Missing(), arcs_);
  asked_range_ = merge_->range();
  share_ = sharding::ShareOf(LimitsOfPage(), std::max(ShardsAbout(), asked_.size()));
  std::vector<v1::PipelineOperation> questions;
  questions.reserve(asked_.size());
  for (const Arc& slots : asked_) {
    questions.push_back(Question(slots));
    questions.back().set_id(questions.size() - 1);
  }
  return questions;
}

v1::PipelineOperation MergedScan::Question(const Arc& slots) const {
  v1::PipelineOperation operation;
  v1::ScanRequest& scan = *operation.mutable_scan();
  *scan.mutable_header() = request_->header();
  scan.set_start_key(asked_range_.from);
  scan.set_end_key(asked_range_.to);
  scan.set_consistency(request_->consistency());
  scan.set_reverse(request_->reverse());
  scan.set_keys_only(request_->keys_only());
  scan.set_count_only(request_->count_only());
  scan.set_page_size(static_cast<uint32_t>(share_.rows));
  scan.set_page_bytes(share_.bytes);
  EncodeArc(slots, scan.mutable_slots());
  return operation;
}

void MergedScan::Take(uint64_t id, v1::ScanResponse answer) {
  sharding::ScanMerge::ShardPage page;
  FLOTILLA_CHECK(answer.state().has_slots());
  page.arc = ArcOf(answer.state().slots());
  page.rows.reserve(static_cast<size_t>(answer.rows_size()));
  for (v1::KeyValue& row : *answer.mutable_rows()) page.rows.push_back(RowOf(row));
  page.count = answer.count();
  if (!answer.resume_key().empty()) page.resume_key = std::move(*answer.mutable_resume_key());
  LearnArc(page.arc);
  merge_->Take(asked_[id], asked_range_, std::move(page));
  const uint64_t lag = answers_ == 0 ? 0 : state_->lag_ms();
  // Several shards have nothing in common but how old it all may be.
  if (answers_++ == 0) *state_ = answer.state();
  if (answers_ > 1) state_->Clear();
  state_->set_lag_ms(std::max<uint64_t>(lag, answer.state().lag_ms()));
}

size_t MergedScan::ShardsAbout() const {
  size_t slots = 0;
  for (const Arc& arc : arcs_) slots += arc.last.value - arc.first.value + 1U;
  return slots == 0 ? 1 : sharding::kSlotCount * arcs_.size() / slots;
}

void MergedScan::LearnArc(const Arc& arc) {
  std::erase_if(arcs_, [&](const Arc& known) { return sharding::Overlap(known, arc).has_value(); });
  arcs_.insert(std::upper_bound(arcs_.begin(), arcs_.end(), arc,
                                [](const Arc& a, const Arc& b) { return a.first < b.first; }),
               arc);
}

void MergedScan::EndPage(v1::ScanResponse* page) {
  sharding::ScanMerge::Page merged = merge_->Merge();
  page->Clear();
  for (ScanRow& row : merged.rows) EncodeRow(std::move(row), page->add_rows());
  page->set_count(merged.count);
  if (merged.resume_key.has_value()) {
    page->set_next_page_token(
        sharding::EncodePageToken(FingerprintOf(*request_), *merged.resume_key));
    page->set_resume_key(*std::move(merged.resume_key));
  }
  *page->mutable_state() = *state_;
}

}  // namespace flotilla::server
