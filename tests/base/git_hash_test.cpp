// SPDX-License-Identifier: Apache-2.0
#include "gnomon/base/git_hash.h"

#include <gtest/gtest.h>

#include "gnomon/base/error.h"
#include "support/temporary_folder.h"

namespace gnomon {
namespace {

// Expected values: git hash-object FILE.
TEST(GitBlobSha1, IsWhatGitSays) {
  const test::TemporaryFolder folder;
  EXPECT_EQ(git_blob_sha1(folder.write("empty", "")), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
  EXPECT_EQ(git_blob_sha1(folder.write("line", "hello\n")),
            "ce013625030ba8dba906f756967f9e9ca394464a");
  EXPECT_THROW(git_blob_sha1(folder / "absent"), FileError);
}

}  // namespace
}  // namespace gnomon
