#include "tests/simulation/sim_file_image.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/check.h"

namespace flotilla::simulation {

namespace {

enum class Fate { kOld, kNew, kZero, kGarbage };

Fate DrawFate(const CrashModel& model, Random& random) {
  const uint64_t total = uint64_t{model.keep_old} + model.keep_new + model.zero + model.garbage;
  FLOTILLA_CHECK_GT(total, uint64_t{0});
  uint64_t draw = random.Below(total);
  if (draw < model.keep_old) return Fate::kOld;
  draw -= model.keep_old;
  if (draw < model.keep_new) return Fate::kNew;
  draw -= model.keep_new;
  return draw < model.zero ? Fate::kZero : Fate::kGarbage;
}

// `size` bytes of `from` at `offset`, zeros where it has none.
void CopyPadded(const std::string& from, uint64_t offset, size_t size, char* to) {
  const size_t have = offset >= from.size() ? 0 : std::min<size_t>(size, from.size() - offset);
  if (have > 0) std::memcpy(to, from.data() + offset, have);
  std::memset(to + have, 0, size - have);
}

}  // namespace

void SimFileImage::Write(uint64_t offset, std::string_view bytes) {
  const uint64_t old_size = data_.size();
  if (offset + bytes.size() > old_size) data_.resize(offset + bytes.size());
  std::copy(bytes.begin(), bytes.end(), data_.begin() + static_cast<ptrdiff_t>(offset));
  ForgetDamage(offset, bytes.size());
  // A gap before the write is new, too.
  MarkDirty(std::min(offset, old_size), offset + bytes.size());
}

void SimFileImage::Truncate(uint64_t size) {
  const uint64_t old_size = data_.size();
  data_.resize(size);
  if (size < old_size) ForgetDamage(size, old_size - size);
  MarkDirty(std::min(old_size, size), std::max(old_size, size));
}

void SimFileImage::Sync() {
  durable_.resize(data_.size());
  for (uint64_t word = 0; word < dirty_.size(); ++word) {
    for (uint64_t bits = dirty_[word]; bits != 0; bits &= bits - 1) {
      const uint64_t at =
          (word * 64 + static_cast<uint64_t>(std::countr_zero(bits))) * kSectorBytes;
      if (at >= data_.size()) break;
      std::memcpy(durable_.data() + at, data_.data() + at,
                  std::min<uint64_t>(kSectorBytes, data_.size() - at));
    }
  }
  dirty_.clear();
}

void SimFileImage::FlipBit(uint64_t offset, uint32_t bit) {
  const char mask = static_cast<char>(1u << (bit % 8));
  if (offset < data_.size()) {
    data_[offset] = static_cast<char>(data_[offset] ^ mask);
    MarkDamaged(offset, 1, Damage::kChanged);
  }
  if (offset < durable_.size()) durable_[offset] = static_cast<char>(durable_[offset] ^ mask);
}

void SimFileImage::LoseSector(uint64_t offset) {
  if (offset < data_.size()) MarkDamaged(offset, 1, Damage::kUnreadable);
}

void SimFileImage::WriteElsewhere(uint64_t offset, std::optional<uint64_t> landing,
                                  std::string_view bytes) {
  // The file has the size that its writer asked for.
  const uint64_t size = std::max<uint64_t>(data_.size(), offset + bytes.size());
  if (size > data_.size()) Truncate(size);
  if (landing.has_value()) {
    Write(*landing, bytes);
    MarkDamaged(*landing, bytes.size(), Damage::kChanged);
  }
  MarkDamaged(offset, bytes.size(), Damage::kChanged);
}

void SimFileImage::Restore(uint64_t offset, std::string_view bytes) {
  for (std::string* contents : {&data_, &durable_}) {
    if (contents->size() < offset + bytes.size()) contents->resize(offset + bytes.size());
    contents->replace(offset, bytes.size(), bytes);
  }
  ForgetDamage(offset, bytes.size());
}

std::optional<Damage> SimFileImage::DamageIn(uint64_t offset, uint64_t size) const {
  if (damage_.empty() || size == 0) return std::nullopt;
  std::optional<Damage> worst;
  const uint64_t last = (offset + size - 1) / kSectorBytes;
  for (auto it = damage_.lower_bound(offset / kSectorBytes);
       it != damage_.end() && it->first <= last; ++it) {
    worst = std::max(worst.value_or(it->second), it->second);
  }
  return worst;
}

void SimFileImage::MarkDamaged(uint64_t offset, uint64_t size, Damage damage) {
  for (uint64_t sector = offset / kSectorBytes; sector * kSectorBytes < offset + size; ++sector) {
    damage_[sector] = damage;
  }
}

void SimFileImage::ForgetDamage(uint64_t offset, uint64_t size) {
  if (damage_.empty() || size == 0) return;
  damage_.erase(damage_.lower_bound(offset / kSectorBytes),
                damage_.upper_bound((offset + size - 1) / kSectorBytes));
}

CrashLoss& CrashLoss::operator+=(const CrashLoss& other) {
  sectors += other.sectors;
  torn_files += other.torn_files;
  names += other.names;
  return *this;
}

CrashLoss SimFileImage::Crash(const CrashModel& model, Random& random) {
  CrashLoss loss;
  bool some_kept = false;
  const uint64_t size = SizeAfterCrash(model, random);
  std::string after = durable_;
  after.resize(size);
  for (uint64_t at = 0; at < size; at += kSectorBytes) {
    if (!IsDirty(at / kSectorBytes)) continue;
    const size_t length = std::min<uint64_t>(kSectorBytes, size - at);
    const std::string old = after.substr(at, length);
    switch (DrawFate(model, random)) {
      case Fate::kOld:
        break;
      case Fate::kNew:
        CopyPadded(data_, at, length, after.data() + at);
        break;
      case Fate::kZero:
        std::memset(after.data() + at, 0, length);
        break;
      case Fate::kGarbage:
        for (size_t i = 0; i < length; ++i) after[at + i] = static_cast<char>(random.Next());
        break;
    }
    // What was written is gone, kept, or was there before.
    if (data_.compare(at, length, after, at, length) != 0) {
      ++loss.sectors;
    } else if (after.compare(at, length, old) != 0) {
      some_kept = true;
    }
  }
  if (loss.sectors > 0 && some_kept) loss.torn_files = 1;
  durable_ = after;
  data_ = std::move(after);
  dirty_.clear();
  return loss;
}

uint64_t SimFileImage::SizeAfterCrash(const CrashModel& model, Random& random) const {
  if (data_.size() == durable_.size() || model.keep_new == 0) return durable_.size();
  if (model.keep_old == 0) return data_.size();
  const auto [low, high] = std::minmax({durable_.size(), data_.size()});
  switch (random.Below(3)) {
    case 0:
      return durable_.size();
    case 1:
      return data_.size();
    default:
      return random.Between(low, high);
  }
}

void SimFileImage::MarkDirty(uint64_t first_byte, uint64_t end_byte) {
  if (first_byte >= end_byte) return;
  const uint64_t first = first_byte / kSectorBytes;
  const uint64_t last = (end_byte - 1) / kSectorBytes;
  if (dirty_.size() <= last / 64) dirty_.resize(last / 64 + 1);
  for (uint64_t sector = first; sector <= last; ++sector) {
    dirty_[sector / 64] |= uint64_t{1} << (sector % 64);
  }
}

bool SimFileImage::IsDirty(uint64_t sector) const {
  return sector / 64 < dirty_.size() && (dirty_[sector / 64] >> (sector % 64) & 1) != 0;
}

}  // namespace flotilla::simulation
