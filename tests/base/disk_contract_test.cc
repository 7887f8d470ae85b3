// What every Disk does, on the real one and on the simulated one. What a crash does can be tested
// on the simulated one only: tests/simulation/sim_disk_test.cc.
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/disk.h"
#include "base/posix_disk.h"
#include "tests/simulation/sim_disk.h"
#include <gtest/gtest.h>

namespace flotilla {
namespace {

using Strings = std::vector<std::string>;
using Code = absl::StatusCode;

struct DiskKind {
  std::string name;
  std::function<std::unique_ptr<Disk>()> make;
};

class DiskContractTest : public ::testing::TestWithParam<DiskKind> {
 protected:
  DiskContractTest() : disk_(GetParam().make()) {
    std::string pattern = ::testing::TempDir() + "/flotilla_disk_XXXXXX";
    root_ = ::mkdtemp(pattern.data());
    EXPECT_TRUE(disk_->CreateFolder(root_).ok());
  }
  ~DiskContractTest() override {
    EXPECT_TRUE(disk_->RemoveTree(root_).ok());
    EXPECT_TRUE(PosixDisk().RemoveTree(root_).ok());
  }

  std::string Path(std::string_view name) const { return JoinPath(root_, name); }

  std::unique_ptr<File> Open(std::string_view name, OpenMode mode = OpenMode::kCreateOrReuse) {
    auto file = disk_->Open(Path(name), mode);
    EXPECT_TRUE(file.ok()) << file.status();
    return *std::move(file);
  }

  void Put(std::string_view name, std::string_view contents) {
    const auto file = Open(name);
    EXPECT_TRUE(file->Truncate(0).ok());
    EXPECT_TRUE(file->Write(0, contents).ok());
  }

  std::string Get(std::string_view name) {
    return ReadWholeFile(*disk_, Path(name)).value_or("<missing>");
  }

  std::unique_ptr<Disk> disk_;
  std::string root_;
};

TEST_P(DiskContractTest, WritesReadBackAtTheirOffsets) {
  const auto file = Open("f");
  ASSERT_TRUE(file->Write(0, "hello").ok());
  ASSERT_TRUE(file->Write(3, "p me").ok());
  EXPECT_EQ(file->Read(0, 100).value(), "help me");
  EXPECT_EQ(file->Read(5, 2).value(), "me");
  EXPECT_EQ(file->Read(7, 5).value(), "");
  EXPECT_EQ(file->Size().value(), 7u);
}

TEST_P(DiskContractTest, AGapReadsAsZeros) {
  const auto file = Open("f");
  ASSERT_TRUE(file->Write(3, "x").ok());
  EXPECT_EQ(file->Read(0, 4).value(), std::string("\0\0\0x", 4));
}

TEST_P(DiskContractTest, TruncateCutsAndGrows) {
  const auto file = Open("f");
  ASSERT_TRUE(file->Write(0, "abcdef").ok());
  ASSERT_TRUE(file->Truncate(2).ok());
  ASSERT_TRUE(file->Truncate(4).ok());
  EXPECT_EQ(file->Read(0, 10).value(), std::string("ab\0\0", 4));
}

TEST_P(DiskContractTest, SyncAndCloseSucceed) {
  const auto file = Open("f");
  ASSERT_TRUE(file->Write(0, "x").ok());
  EXPECT_TRUE(file->Sync().ok());
  EXPECT_TRUE(file->Close().ok());
  EXPECT_FALSE(file->Write(0, "y").ok()) << "closed";
  EXPECT_TRUE(disk_->SyncDir(root_).ok());
}

TEST_P(DiskContractTest, OpenModesSayWhetherTheFileMustExist) {
  EXPECT_EQ(disk_->Open(Path("f"), OpenMode::kReadOnly).status().code(), Code::kNotFound);
  EXPECT_EQ(disk_->Open(Path("f"), OpenMode::kReadWrite).status().code(), Code::kNotFound);
  EXPECT_TRUE(disk_->Open(Path("f"), OpenMode::kCreate).ok());
  EXPECT_EQ(disk_->Open(Path("f"), OpenMode::kCreate).status().code(), Code::kAlreadyExists);
  EXPECT_TRUE(disk_->Open(Path("f"), OpenMode::kCreateOrReuse).ok());
  EXPECT_EQ(disk_->Open(Path("no/f"), OpenMode::kCreate).status().code(), Code::kNotFound);
  EXPECT_EQ(disk_->Open(root_, OpenMode::kReadOnly).status().code(), Code::kInvalidArgument);
}

TEST_P(DiskContractTest, AFileOpenedForReadingRefusesWrites) {
  Put("f", "x");
  const auto file = Open("f", OpenMode::kReadOnly);
  EXPECT_FALSE(file->Write(0, "y").ok());
  EXPECT_EQ(Get("f"), "x");
}

TEST_P(DiskContractTest, ListGivesSortedNamesOfOneFolder) {
  ASSERT_TRUE(disk_->CreateFolder(Path("b/deep")).ok());
  Put("c", "");
  Put("a", "");
  Put("b/x", "");
  EXPECT_EQ(disk_->List(root_).value(), (Strings{"a", "b", "c"}));
  EXPECT_EQ(disk_->List(Path("b")).value(), (Strings{"deep", "x"}));
  EXPECT_EQ(disk_->List(Path("none")).status().code(), Code::kNotFound);
}

TEST_P(DiskContractTest, RemoveRemovesFilesOnly) {
  Put("f", "x");
  EXPECT_TRUE(disk_->Remove(Path("f")).ok());
  EXPECT_FALSE(disk_->Exists(Path("f")).value());
  EXPECT_EQ(disk_->Remove(Path("f")).code(), Code::kNotFound);
  ASSERT_TRUE(disk_->CreateFolder(Path("d")).ok());
  EXPECT_EQ(disk_->Remove(Path("d")).code(), Code::kInvalidArgument);
}

TEST_P(DiskContractTest, RemoveTreeRemovesAllAndForgivesNothing) {
  ASSERT_TRUE(disk_->CreateFolder(Path("d/e")).ok());
  Put("d/e/f", "x");
  EXPECT_TRUE(disk_->RemoveTree(Path("d")).ok());
  EXPECT_FALSE(disk_->Exists(Path("d")).value());
  EXPECT_TRUE(disk_->RemoveTree(Path("d")).ok()) << "missing is fine";
}

TEST_P(DiskContractTest, RenameReplacesItsTarget) {
  Put("from", "new");
  Put("to", "old");
  ASSERT_TRUE(disk_->Rename(Path("from"), Path("to")).ok());
  EXPECT_EQ(Get("to"), "new");
  EXPECT_FALSE(disk_->Exists(Path("from")).value());
  EXPECT_EQ(disk_->Rename(Path("none"), Path("to")).code(), Code::kNotFound);
}

TEST_P(DiskContractTest, AFolderIsRenamedWithAllInIt) {
  ASSERT_TRUE(disk_->CreateFolder(Path("d/e")).ok());
  Put("d/e/f", "x");
  ASSERT_TRUE(disk_->Rename(Path("d"), Path("g")).ok());
  EXPECT_EQ(Get("g/e/f"), "x");
  ASSERT_TRUE(disk_->CreateFolder(Path("d")).ok());
  EXPECT_EQ(disk_->Rename(Path("d"), Path("g")).code(), Code::kAlreadyExists) << "not empty";
}

TEST_P(DiskContractTest, LinkedNamesShareContentsAndOutliveEachOther) {
  Put("f", "one");
  ASSERT_TRUE(disk_->Link(Path("f"), Path("g")).ok());
  ASSERT_TRUE(Open("f")->Write(0, "two").ok());
  EXPECT_EQ(Get("g"), "two");
  ASSERT_TRUE(disk_->Remove(Path("f")).ok());
  EXPECT_EQ(Get("g"), "two");
  EXPECT_EQ(disk_->Link(Path("g"), Path("g")).code(), Code::kAlreadyExists);
  EXPECT_EQ(disk_->Link(Path("f"), Path("h")).code(), Code::kNotFound);
}

TEST_P(DiskContractTest, AnOpenFileOutlivesItsName) {
  Put("f", "x");
  const auto file = Open("f");
  ASSERT_TRUE(disk_->Remove(Path("f")).ok());
  EXPECT_EQ(file->Read(0, 1).value(), "x");
}

TEST_P(DiskContractTest, CreateFolderMakesParentsAndAcceptsWhatIsThere) {
  EXPECT_TRUE(disk_->CreateFolder(Path("a/b/c")).ok());
  EXPECT_TRUE(disk_->CreateFolder(Path("a/b/c")).ok());
  EXPECT_EQ(disk_->List(Path("a/b")).value(), Strings{"c"});
  Put("f", "");
  EXPECT_FALSE(disk_->CreateFolder(Path("f")).ok()) << "a file is no folder";
  EXPECT_EQ(disk_->SyncDir(Path("none")).code(), Code::kNotFound);
}

TEST_P(DiskContractTest, ALockIsHeldOnceAndFreeAgainAfterwards) {
  auto lock = disk_->Lock(Path("lock"));
  ASSERT_TRUE(lock.ok());
  EXPECT_EQ(disk_->Lock(Path("lock")).status().code(), Code::kFailedPrecondition);
  lock->reset();
  EXPECT_TRUE(disk_->Lock(Path("lock")).ok());
}

TEST_P(DiskContractTest, ThereIsFreeSpace) { EXPECT_GT(disk_->FreeBytes(root_).value(), 0u); }

TEST_P(DiskContractTest, ReplaceFileDurablyReplacesAndLeavesNothingBehind) {
  ASSERT_TRUE(ReplaceFileDurably(*disk_, Path("f"), "one").ok());
  ASSERT_TRUE(ReplaceFileDurably(*disk_, Path("f"), "2").ok());
  EXPECT_EQ(Get("f"), "2");
  EXPECT_EQ(disk_->List(root_).value(), Strings{"f"});
}

INSTANTIATE_TEST_SUITE_P(
    Disks, DiskContractTest,
    ::testing::Values(DiskKind{"posix", [] { return std::make_unique<PosixDisk>(); }},
                      DiskKind{"simulated",
                               [] { return std::make_unique<simulation::SimDisk>(1); }}),
    [](const ::testing::TestParamInfo<DiskKind>& kind) { return kind.param.name; });

TEST(DiskPaths, JoinAndParentAreInverse) {
  EXPECT_EQ(JoinPath("a/b", "c"), "a/b/c");
  EXPECT_EQ(JoinPath("a/", "c"), "a/c");
  EXPECT_EQ(ParentFolder("a/b/c"), "a/b");
  EXPECT_EQ(ParentFolder("c"), ".");
  EXPECT_EQ(ParentFolder("/c"), "/");
}

TEST(PosixDisk, RunningOutOfDescriptorsSaysWhichLimitToRaise) {
  const absl::Status status = DiskError(EMFILE, "open x");
  EXPECT_EQ(status.code(), Code::kResourceExhausted);
  EXPECT_NE(std::string(status.message()).find("ulimit -n"), std::string::npos);
}

// Takes every descriptor that the process may still have.
class NoDescriptors {
 public:
  NoDescriptors() {
    EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &before_), 0);
    const rlimit few{.rlim_cur = 256, .rlim_max = before_.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
    while (true) {
      const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
      if (fd < 0) break;
      taken_.push_back(fd);
    }
  }
  ~NoDescriptors() {
    for (const int fd : taken_) ::close(fd);
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before_), 0);
  }

 private:
  rlimit before_{};
  std::vector<int> taken_;
};

TEST(PosixDisk, ConnectionsDoNotTakeItsDescriptors) {
  PosixDisk disk;
  const std::string folder = ::testing::TempDir() + "descriptors";
  ASSERT_TRUE(disk.CreateFolder(folder).ok());
  std::vector<std::unique_ptr<File>> open;
  const auto close_one = [&open] { open.pop_back(); };
  // Once with descriptors: UBSan looks at the first object of a type through a pipe.
  open.push_back(*disk.Open(folder + "/file", OpenMode::kCreateOrReuse));
  std::thread(close_one).join();
  for (int round = 0; round < 2; ++round) {
    // The reserve fills up again as soon as it can.
    ASSERT_TRUE(disk.SyncDir(folder).ok());
    const NoDescriptors none;
    for (int i = 0; i < 10; ++i) {
      auto file = disk.Open(folder + "/file", OpenMode::kCreateOrReuse);
      ASSERT_TRUE(file.ok()) << file.status();
      open.push_back(*std::move(file));
    }
    EXPECT_EQ(disk.List(folder)->size(), 1u);
    EXPECT_TRUE(disk.SyncDir(folder).ok());
    while (true) {
      auto file = disk.Open(folder + "/file", OpenMode::kReadOnly);
      if (file.ok()) {
        open.push_back(*std::move(file));
        continue;
      }
      EXPECT_EQ(file.status().code(), Code::kResourceExhausted);
      break;
    }
    // Whoever closes one gives it back.
    std::thread closer(close_one);
    EXPECT_TRUE(disk.SyncDir(folder).ok());
    closer.join();
    open.clear();
  }
  EXPECT_TRUE(disk.RemoveTree(folder).ok());
}

TEST(PosixDisk, ErrorsOfTheDeviceAndOfAFullDiskAreToldApart) {
  EXPECT_EQ(DiskError(EIO, "read x").code(), Code::kDataLoss);
  EXPECT_EQ(DiskError(ENOSPC, "write x").code(), Code::kResourceExhausted);
  EXPECT_EQ(DiskError(EACCES, "open x").code(), Code::kPermissionDenied);
}

}  // namespace
}  // namespace flotilla
