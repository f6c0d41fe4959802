// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/event_file.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <numeric>

#include "gnomon/base/error.h"
#include "gnomon/report/detail/crc32c.h"
#include "support/temporary_folder.h"

namespace gnomon {
namespace {

using test::file_content;
using test::TemporaryFolder;

// RFC 3720, appendix B.4, and the check value of the CRC catalogue.
TEST(Crc32c, PublishedValues) {
  EXPECT_EQ(detail::crc32c(std::string(32, '\0')), 0x8A9136AAU);
  EXPECT_EQ(detail::crc32c(std::string(32, '\xFF')), 0x62A8AB43U);
  std::string rising(32, '\0');
  std::iota(rising.begin(), rising.end(), '\0');
  EXPECT_EQ(detail::crc32c(rising), 0x46DD794EU);
  EXPECT_EQ(detail::crc32c(std::string(rising.rbegin(), rising.rend())), 0x113FDB5CU);
  EXPECT_EQ(detail::crc32c("123456789"), 0xE3069283U);
  EXPECT_EQ(detail::crc32c(""), 0U);
  // ((crc >> 15) | (crc << 17)) + 0xA282EAD8 of 0xE3069283, by hand: 0x2507C60D + 0xA282EAD8.
  EXPECT_EQ(detail::masked_crc32c("123456789"), 0xC78AB0E5U);
}

// 1700000000.5 seconds; exact in double.
const WallClock kNow{std::chrono::milliseconds{1700000000500}};

std::string hexadecimal(const std::string& bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    text += kDigits[static_cast<unsigned char>(c) >> 4];
    text += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return text;
}

// Bytes by TensorBoard 2.21.0 with protobuf 7.36.2: for each event
//   tensorboard.summary.writer.record_writer.RecordWriter(f).write(event.SerializeToString())
// where event is tensorboard.compat.proto.event_pb2.Event(wall_time=1700000000.5, ...) with
//   file_version="brain.Event:2"
//   step=300, session_log=SessionLog(status=SessionLog.START)
//   step=300, summary=Summary(value=[Value(tag="loss/train", simple_value=0.5),
//                                    Value(tag="größe", simple_value=-1e-3)])
//   summary=Summary(value=[Value(tag="r", simple_value=float("nan"))])
//   step=-1, summary=Summary(value=[Value(tag="r", simple_value=0.0)])
// The other way round, a file of this test was read with event_file_loader.EventFileLoader of the
// same version, which checks both checksums of every record.
const std::string kVersion =
    "1800000000000000a37f4b220900002040fc54d9411a0d627261696e2e4576656e743a322b353110";
const std::string kRestart = "100000000000000095fbfe180900002040fc54d94110ac023a020801b94512a3";
const std::string kTwoScalars =
    "31000000000000009d8383e90900002040fc54d94110ac022a230a110a0a6c6f73732f747261696e150000003f0a0e"
    "0a076772c3b6c39f65156f1283bac9ad78c3";
const std::string kNan =
    "1500000000000000d6ab6b2b0900002040fc54d9412a0a0a080a0172150000c07f544a231b";
const std::string kNegativeStep =
    "200000000000000029eda9500900002040fc54d94110ffffffffffffffffff012a0a0a080a0172150000000047632b"
    "1f";

TEST(EventFile, HasTheBytesThatTensorBoardWrites) {
  const TemporaryFolder folder;
  EventFile file(folder.path(), kNow);
  EXPECT_EQ(hexadecimal(file_content(file.path())), kVersion);
  const std::array<ScalarEvent, 2> two = {{{"loss/train", 0.5}, {"größe", -1e-3}}};
  file.add(kNow, 300, two);
  const std::array<ScalarEvent, 1> nan = {{{"r", std::nan("")}}};
  file.add(kNow, 0, nan);
  const std::array<ScalarEvent, 1> zero = {{{"r", 0.0}}};
  file.add(kNow, -1, zero);
  EXPECT_EQ(hexadecimal(file_content(file.path())), kVersion + kTwoScalars + kNan + kNegativeStep);
}

TEST(EventFile, SaysThatTrainingGoesOn) {
  const TemporaryFolder folder;
  const EventFile file(folder.path(), kNow, 300);
  EXPECT_EQ(hexadecimal(file_content(file.path())), kVersion + kRestart);
}

TEST(EventFile, GivesEachFileItsOwnName) {
  const TemporaryFolder folder;
  const EventFile first(folder.path(), kNow);
  const EventFile second(folder.path(), kNow);
  EXPECT_EQ(first.path().filename(), "events.out.tfevents.1700000000.gnomon");
  EXPECT_EQ(second.path().filename(), "events.out.tfevents.1700000000.gnomon-2");
}

TEST(EventFile, EveryStepIsOnDiskAtOnce) {
  const TemporaryFolder folder;
  EventFile file(folder / "logs", kNow);
  const std::size_t start = std::filesystem::file_size(file.path());
  const std::array<ScalarEvent, 1> scalars = {{{"loss", 1.0}}};
  file.add(kNow, 1, scalars);
  const std::size_t one = std::filesystem::file_size(file.path());
  file.add(kNow, 2, scalars);
  EXPECT_EQ(std::filesystem::file_size(file.path()), 2 * one - start);
}

TEST(EventFile, SaysWhatCannotBeWritten) {
  const TemporaryFolder folder;
  folder.write("file", "x");
  try {
    const EventFile file(folder / "file", kNow);
    FAIL();
  } catch (const FileError& error) {
    EXPECT_EQ(error.code(), ErrorCode::write_failed);
  }
}

}  // namespace
}  // namespace gnomon
