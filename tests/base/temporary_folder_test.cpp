// SPDX-License-Identifier: Apache-2.0
#include "gnomon/base/temporary_folder.h"

#include <gtest/gtest.h>

#include <fstream>

#include "gnomon/base/error.h"
#include "support/temporary_folder.h"

namespace gnomon {
namespace {

TEST(TemporaryFolder, IsRemovedWithItsContent) {
  const test::TemporaryFolder parent;
  std::filesystem::path path;
  {
    const TemporaryFolder folder(parent.path(), "work-");
    path = folder.path();
    EXPECT_TRUE(path.filename().string().starts_with("work-"));
    std::ofstream(path / "file") << "content";
    const TemporaryFolder other(parent.path(), "work-");
    EXPECT_NE(other.path(), path);
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(TemporaryFolder, ParentThatIsNotThere) {
  const test::TemporaryFolder parent;
  try {
    const TemporaryFolder folder(parent / "missing", "work-", "choose another");
    FAIL() << "made " << folder.path();
  } catch (const FileError& error) {
    EXPECT_EQ(error.code(), ErrorCode::write_failed);
    EXPECT_EQ(error.hint(), "choose another");
  }
}

}  // namespace
}  // namespace gnomon
