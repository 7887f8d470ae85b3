#include "node/load_meter.h"

#include "gtest/gtest.h"

namespace flotilla::node {
namespace {

using sharding::Slot;
using std::chrono::seconds;

constexpr Office kOffice{.term = Term(3), .shard_version = 2};

class LoadMeterTest : public ::testing::Test {
 protected:
  void Begin(const Office& office) { meter_.Tick(now_, office); }
  void Serve(uint16_t slot, int times) {
    for (int i = 0; i < times; ++i) meter_.Count([slot] { return Slot{slot}; });
  }
  LoadReading EndWindow(const Office& office) {
    now_ += RequestRate::kWindow;
    meter_.Tick(now_, office);
    return meter_.Read(office);
  }

  MonoTime now_;
  LoadMeter meter_{Random(1), true, now_};
};

TEST_F(LoadMeterTest, TellsTheLastWindowAndCountsWindows) {
  Begin(kOffice);
  Serve(7, 20);
  EXPECT_EQ(meter_.Read(kOffice).window, 0u) << "the window is not over";
  LoadReading reading = EndWindow(kOffice);
  EXPECT_EQ(reading.window, 1u);
  EXPECT_EQ(reading.per_second, 10u);
  EXPECT_EQ(reading.sample.picked, 20u);
  ASSERT_EQ(reading.sample.slots.size(), 1u);
  EXPECT_EQ(reading.sample.slots[0], (LoadSample::At{Slot{7}, 20}));
  reading = EndWindow(kOffice);
  EXPECT_EQ(reading.window, 2u);
  EXPECT_EQ(reading.per_second, 0u);
  EXPECT_EQ(reading.sample, LoadSample());
}

TEST_F(LoadMeterTest, BeginsAnewWithATermOrAnArc) {
  Begin(kOffice);
  Serve(7, 20);
  EndWindow(kOffice);
  Serve(7, 20);
  for (const Office& next : {Office{Term(4), 2}, Office{Term(4), 3}, Office{Term(), 3}}) {
    EXPECT_EQ(meter_.Read(next).window, 0u) << "before it is told";
    Begin(next);
    EXPECT_EQ(meter_.Read(next).window, 0u);
    Serve(9, 2);
    const LoadReading reading = EndWindow(next);
    EXPECT_EQ(reading.window, 1u);
    EXPECT_EQ(reading.per_second, 1u);
    EXPECT_EQ(reading.sample.slots.at(0).slot, Slot{9});
  }
}

TEST_F(LoadMeterTest, PicksEveryRequestWithTheSameProbability) {
  Begin(kOffice);
  uint64_t early = 0;
  uint64_t late = 0;
  uint64_t asked = 0;
  for (int window = 0; window < 200; ++window) {
    for (int i = 0; i < 3000; ++i) {
      meter_.Count([&, i]() -> std::optional<Slot> {
        ++asked;
        return i < 1000 ? Slot{1} : Slot{2};
      });
    }
    const LoadReading reading = EndWindow(kOffice);
    EXPECT_EQ(reading.sample.picked, LoadSample::kMaxPicked);
    for (const LoadSample::At& at : reading.sample.slots) {
      (at.slot == Slot{1} ? early : late) += at.requests;
    }
  }
  EXPECT_EQ(early + late, 200 * LoadSample::kMaxPicked);
  // A third, within four standard deviations of 6,400 draws.
  EXPECT_NEAR(static_cast<double>(early) / static_cast<double>(early + late), 1 / 3.0, 0.025);
  // Few are looked at: 32 and then one in more and more.
  EXPECT_LE(asked / 200, LoadSample::kMaxPicked * 6);
}

TEST_F(LoadMeterTest, WhatIsForNoSlotCountsAmongWhatWasPicked) {
  Begin(kOffice);
  Serve(7, 3);
  meter_.Count([] { return std::nullopt; });
  const LoadReading reading = EndWindow(kOffice);
  EXPECT_EQ(reading.sample.picked, 4u);
  EXPECT_EQ(reading.sample.slots, (std::vector<LoadSample::At>{{Slot{7}, 3}}));
}

TEST(LoadMeter, LooksAtNoRequestWhereNobodyAsks) {
  MonoTime now;
  LoadMeter meter(Random(1), false, now);
  meter.Tick(now, kOffice);
  for (int i = 0; i < 10; ++i) {
    meter.Count([]() -> std::optional<Slot> {
      ADD_FAILURE();
      return std::nullopt;
    });
  }
  meter.Tick(now + RequestRate::kWindow, kOffice);
  EXPECT_EQ(meter.Read(kOffice).per_second, 5u);
  EXPECT_EQ(meter.Read(kOffice).sample, LoadSample());
}

TEST(LoadSample, ComesBackOrIsRefused) {
  const LoadSample sample{.picked = 30, .slots = {{Slot{0}, 3}, {Slot{16383}, 20}}};
  std::string bytes;
  PutLoadSample(bytes, sample);
  Decoder in(bytes);
  EXPECT_EQ(TakeLoadSample(in), sample);
  EXPECT_TRUE(in.Finish("sample").ok());
  const std::vector<LoadSample> wrong{{.picked = LoadSample::kMaxPicked + 1, .slots = {}},
                                      {.picked = 3, .slots = {{Slot{1}, 2}, {Slot{2}, 2}}},
                                      {.picked = 3, .slots = {{Slot{2}, 1}, {Slot{2}, 1}}},
                                      {.picked = 3, .slots = {{Slot{2}, 1}, {Slot{1}, 1}}},
                                      {.picked = 1, .slots = {{Slot{1}, 0}, {Slot{2}, 0}}},
                                      {.picked = 3, .slots = {{Slot{sharding::kSlotCount}, 1}}}};
  for (const LoadSample& refused : wrong) {
    bytes.clear();
    PutLoadSample(bytes, refused);
    Decoder reader(bytes);
    EXPECT_EQ(TakeLoadSample(reader), LoadSample());
    EXPECT_FALSE(reader.ok());
  }
}

}  // namespace
}  // namespace flotilla::node
