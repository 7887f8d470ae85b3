#include "tests/simulation/sweep.h"

#include <poll.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/coding.h"

namespace flotilla::simulation {

namespace {

// A seed takes less than a second, or some under a sanitizer: one that takes this long never ends.
// Of processor time, as the machine may be busy with other things.
constexpr time_t kSeedCpuSecondsMax = 120;
constexpr auto kProgressInterval = std::chrono::seconds(5);

// A result on its way from a child: length, then fields.
std::string Encode(const RunResult& result) {
  std::string body;
  PutFixed64(body, result.seed);
  PutFixed64(body, result.events);
  PutFixed64(body, result.faults);
  PutFixed64(body, static_cast<uint64_t>(result.virtual_time.count()));
  PutFixed64(body, result.ops);
  PutFixed64(body, result.acked);
  PutFixed64(body, uint64_t{result.replayed} | uint64_t{result.nondeterministic} << 1);
  PutString(body, result.failure);
  PutVarint(body, result.marks.size());
  for (const auto& [name, count] : result.marks) {
    PutString(body, name);
    PutVarint(body, count);
  }
  std::string out;
  PutFixed32(out, static_cast<uint32_t>(body.size()));
  return out + body;
}

RunResult Decode(std::string_view body) {
  Decoder in(body);
  RunResult result;
  result.seed = in.Fixed64();
  result.events = in.Fixed64();
  result.faults = in.Fixed64();
  result.virtual_time = Duration(static_cast<Duration::rep>(in.Fixed64()));
  result.ops = in.Fixed64();
  result.acked = in.Fixed64();
  const uint64_t flags = in.Fixed64();
  result.replayed = (flags & 1) != 0;
  result.nondeterministic = (flags & 2) != 0;
  result.failure = in.String();
  for (uint64_t left = in.Varint(); left > 0 && in.ok(); --left) {
    const std::string name(in.String());
    result.marks[name] = in.Varint();
  }
  FLOTILLA_CHECK(in.ok());
  return result;
}

RunResult RunOnceOrTwice(const RunSeed& run, uint64_t seed, bool twice) {
  RunResult result = run({.seed = seed});
  if (!twice || result.failed()) return result;
  const RunResult again = run({.seed = seed});
  result.replayed = true;
  if (again.hash != result.hash || again.events != result.events) {
    result.nondeterministic = true;
    result.failure = "not deterministic: two runs differ";
  }
  return result;
}

void WriteAll(int pipe, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(pipe, bytes.data(), bytes.size());
    FLOTILLA_CHECK_GT(put, 0);
    bytes.remove_prefix(static_cast<size_t>(put));
  }
}

std::string HowItDied(int status) {
  return WIFSIGNALED(status) ? std::string("aborted: ") + ::strsignal(WTERMSIG(status))
                             : "exited with " + std::to_string(WEXITSTATUS(status));
}

Duration CoreTimeOfChildren() {
  rusage usage{};
  ::getrusage(RUSAGE_CHILDREN, &usage);
  const auto time = [](const timeval& t) {
    return std::chrono::seconds(t.tv_sec) + std::chrono::microseconds(t.tv_usec);
  };
  return time(usage.ru_utime) + time(usage.ru_stime);
}

// A child and the seeds that are left to it: next, next + stride, ... below end.
struct Child {
  pid_t pid = 0;
  int pipe = -1;
  uint64_t next = 0;
  std::string received;
};

class Sweeper {
 public:
  Sweeper(const RunSeed& run, const SweepOptions& options, std::FILE* out)
      : run_(run), options_(options), out_(out) {}

  SweepSummary Run() {
    const Duration core_time_before = CoreTimeOfChildren();
    for (int i = 0; i < options_.jobs; ++i) {
      children_.push_back({.next = options_.first + static_cast<uint64_t>(i)});
      Fork(children_.back());
    }
    while (ReadSome()) ShowProgress();
    summary_.wall_time = std::chrono::steady_clock::now() - begin_;
    summary_.core_time = CoreTimeOfChildren() - core_time_before;
    return std::move(summary_);
  }

 private:
  uint64_t end() const { return options_.first + options_.seeds; }
  uint64_t stride() const { return static_cast<uint64_t>(options_.jobs); }

  void Fork(Child& child) {
    if (child.next >= end()) return;
    int ends[2];
    FLOTILLA_CHECK_EQ(::pipe(ends), 0);
    std::fflush(out_);
    child.pid = ::fork();
    FLOTILLA_CHECK_GE(child.pid, 0);
    if (child.pid == 0) {
      ::close(ends[0]);
      RunChild(child.next, ends[1]);
      ::_exit(0);
    }
    ::close(ends[1]);
    child.pipe = ends[0];
  }

  void RunChild(uint64_t seed, int pipe) {
    for (; seed < end(); seed += stride()) {
      const bool twice = (seed - options_.first) % options_.twice_one_in == 0;
      const itimerval limit{.it_interval = {}, .it_value = {.tv_sec = kSeedCpuSecondsMax}};
      ::setitimer(ITIMER_PROF, &limit, nullptr);
      WriteAll(pipe, Encode(RunOnceOrTwice(run_, seed, twice)));
    }
  }

  // Waits for something from any child. False when no child is left.
  bool ReadSome() {
    std::vector<pollfd> polls;
    std::vector<Child*> polled;
    for (Child& child : children_) {
      if (child.pipe < 0) continue;
      polls.push_back({.fd = child.pipe, .events = POLLIN, .revents = 0});
      polled.push_back(&child);
    }
    if (polls.empty()) return false;
    ::poll(polls.data(), polls.size(), -1);
    for (size_t i = 0; i < polls.size(); ++i) {
      if (polls[i].revents != 0) Read(*polled[i]);
    }
    return true;
  }

  void Read(Child& child) {
    char buffer[65536];
    const ssize_t got = ::read(child.pipe, buffer, sizeof(buffer));
    if (got <= 0) return Reap(child);
    child.received.append(buffer, static_cast<size_t>(got));
    while (child.received.size() >= 4) {
      const uint32_t size = LoadFixed32(child.received.data());
      if (child.received.size() < 4 + size) break;
      Take(Decode(std::string_view(child.received).substr(4, size)));
      child.received.erase(0, 4 + size);
      child.next += stride();
    }
  }

  void Reap(Child& child) {
    ::close(child.pipe);
    child.pipe = -1;
    child.received.clear();
    int status = 0;
    ::waitpid(child.pid, &status, 0);
    if (stopped_ || child.next >= end()) return;
    // It died in the seed that it had not reported.
    RunResult result{.seed = child.next};
    result.failure = HowItDied(status);
    Take(result);
    child.next += stride();
    Fork(child);
  }

  void Take(const RunResult& result) {
    summary_.Add(result);
    if (!result.failed()) return;
    if (options_.until_failure) StopAll();
    if (options_.quiet) return;
    std::fprintf(out_,
                 "FAILED seed %llu: %s\n  replay: %s SEED=%llu\n  shrink: %s SEED=%llu SHRINK=1\n",
                 static_cast<unsigned long long>(result.seed), result.failure.c_str(),
                 options_.replay_command.c_str(), static_cast<unsigned long long>(result.seed),
                 options_.replay_command.c_str(), static_cast<unsigned long long>(result.seed));
    std::fflush(out_);
  }

  void StopAll() {
    stopped_ = true;
    for (const Child& child : children_) {
      if (child.pipe >= 0) ::kill(child.pid, SIGKILL);
    }
  }

  void ShowProgress() {
    const auto now = std::chrono::steady_clock::now();
    if (options_.progress == nullptr || now - shown_ < kProgressInterval) return;
    shown_ = now;
    std::fprintf(options_.progress, "%llu of %llu seeds, %zu failed\n",
                 static_cast<unsigned long long>(summary_.seeds),
                 static_cast<unsigned long long>(options_.seeds), summary_.failures.size());
    std::fflush(options_.progress);
  }

  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point shown_ = begin_;
  bool stopped_ = false;
  const RunSeed& run_;
  const SweepOptions& options_;
  std::FILE* const out_;
  std::vector<Child> children_;
  SweepSummary summary_;
};

}  // namespace

SweepSummary Sweep(const RunSeed& run, const SweepOptions& options, std::FILE* out) {
  return Sweeper(run, options, out).Run();
}

}  // namespace flotilla::simulation
