#include "bench/write_record.h"

#include <charconv>
#include <utility>

namespace flotilla::bench {

namespace {

constexpr uint64_t kWritesPerIncrement = 4;

// 0 for what is no number: the counter is lost then.
uint64_t NumberIn(const std::string& text) {
  uint64_t number = 0;
  (void)std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

bool WriteRecord::NextIsIncrement() const {
  return writes_ % kWritesPerIncrement == kWritesPerIncrement - 1;
}

std::string WriteRecord::PutKey(uint64_t number) const {
  return prefixes_[number % prefixes_.size()] + std::to_string(number);
}

std::string WriteRecord::NextKey() const {
  if (NextIsIncrement()) return CounterKey();
  return PutKey(writes_ - writes_ / kWritesPerIncrement);
}

Future<bool> WriteRecord::WriteNext(KvClient& client) {
  Future<bool> sent = NextIsIncrement() ? Increment(client) : Put(client);
  ++writes_;
  return sent;
}

Future<bool> WriteRecord::Put(KvClient& client) {
  uint64_t number = 0;
  {
    MutexLock lock(mu_);
    number = puts_.size();
    puts_.push_back(Fate::kPending);
  }
  return client.PutAsync(PutKey(number), PutValue(number))
      .then([this, number](const StatusOr<PutResult>& put) {
        MutexLock lock(mu_);
        const bool unknown = put.status().outcome() == Outcome::kUnknown;
        puts_[number] = put.ok() ? Fate::kAcknowledged : unknown ? Fate::kUnknown : Fate::kRefused;
        return put.ok();
      });
}

Future<bool> WriteRecord::Increment(KvClient& client) {
  return client.IncrementAsync(CounterKey())
      .then([this](const StatusOr<IncrementResult>& increment) {
        MutexLock lock(mu_);
        if (increment.ok()) {
          ++increments_acknowledged_;
        } else if (increment.status().outcome() != Outcome::kNotApplied) {
          ++increments_unknown_;
        }
        return increment.ok();
      });
}

void WriteRecord::Verify(KvClient& client, CallWindow& window, WriteVerdict& verdict) {
  VerifyPuts(client, window);
  VerifyCounter(client, window);
  window.Drain();
  MutexLock lock(mu_);
  verdict.acked += verdict_.acked;
  verdict.unknown += verdict_.unknown;
  verdict.lost += verdict_.lost;
  verdict.repeated += verdict_.repeated;
}

void WriteRecord::VerifyPuts(KvClient& client, CallWindow& window) {
  std::vector<Fate> puts;
  {
    MutexLock lock(mu_);
    puts = puts_;
  }
  for (uint64_t number = 0; number < puts.size(); ++number) {
    if (puts[number] != Fate::kAcknowledged) {
      MutexLock lock(mu_);
      verdict_.unknown += puts[number] == Fate::kUnknown;
      continue;
    }
    window.Enter();
    (void)client.GetAsync(PutKey(number))
        .then([this, number, &window](const StatusOr<GetResult>& got) {
          {
            MutexLock lock(mu_);
            ++verdict_.acked;
            verdict_.lost +=
                IsNotFound(got.status()) || (got.ok() && got->value != PutValue(number));
          }
          window.Leave(IsNotFound(got.status()) ? Status() : got.status());
        });
  }
}

void WriteRecord::VerifyCounter(KvClient& client, CallWindow& window) {
  window.Enter();
  (void)client.GetAsync(CounterKey()).then([this, &window](const StatusOr<GetResult>& got) {
    {
      MutexLock lock(mu_);
      const uint64_t value = got.ok() ? NumberIn(got->value) : 0;
      const uint64_t most = increments_acknowledged_ + increments_unknown_;
      verdict_.acked += increments_acknowledged_;
      verdict_.unknown += increments_unknown_;
      if (value < increments_acknowledged_) verdict_.lost += increments_acknowledged_ - value;
      if (value > most) verdict_.repeated += value - most;
    }
    window.Leave(IsNotFound(got.status()) ? Status() : got.status());
  });
}

}  // namespace flotilla::bench
