// SPDX-License-Identifier: Apache-2.0
#include "cli/progress.h"

#include <gtest/gtest.h>

#include <sstream>

#include "cli/number_text.h"
#include "gnomon/report/text_table.h"
#include "gnomon/report/wrapped_text.h"

namespace gnomon::cli {
namespace {

struct Desk {
  std::ostringstream stream;
  double now = 0;
  int columns = 80;

  ProgressOutput output(ProgressStyle style) {
    return {.stream = &stream,
            .style = style,
            .utf8 = true,
            .columns = [this] { return columns; },
            .seconds = [this] { return now; }};
  }
};

int count(const std::string& text, char c) {
  return static_cast<int>(std::count(text.begin(), text.end(), c));
}

TEST(Progress, ABarIsDrawnAtMostTenTimesASecond) {
  Desk desk;
  Progress progress(desk.output(ProgressStyle::bar), "Texts", 1000, "texts");
  for (Index i = 1; i <= 1000; ++i) {
    desk.now = static_cast<double>(i) / 1000 * 2;
    progress.update(i, 1000);
  }
  // 2 seconds: the first, one each 0.1 s, and the last.
  EXPECT_LE(count(desk.stream.str(), '\r'), 22);
  EXPECT_GE(count(desk.stream.str(), '\r'), 15);
  EXPECT_NE(desk.stream.str().find("500 texts/s"), std::string::npos) << desk.stream.str();
  EXPECT_NE(desk.stream.str().find("left ~0:01"), std::string::npos) << desk.stream.str();
  EXPECT_EQ(count(desk.stream.str(), '\n'), 0);
  progress.finish("r 0.87");
  EXPECT_NE(desk.stream.str().find("Texts      done in 0:02  1,000/1,000 texts  r 0.87\n"),
            std::string::npos)
      << desk.stream.str();
}

TEST(Progress, ABarKeepsToTheWidthOfTheTerminal) {
  for (const int columns : {1, 10, 24, 40, 60, 79, 80, 200}) {
    Desk desk;
    desk.columns = columns;
    Progress progress(desk.output(ProgressStyle::bar), "Activations", 12345678, "tokens");
    desk.now = 1;
    progress.update(1234567, 12345678);
    const std::string text = desk.stream.str();
    const std::string line = text.substr(1, text.find('\x1b') - 1);
    EXPECT_LT(display_width(line), columns) << line;
  }
}

TEST(Progress, ALogHasALineEachThirtySeconds) {
  Desk desk;
  Progress progress(desk.output(ProgressStyle::plain), "Texts", 100, "texts");
  for (Index i = 1; i <= 100; ++i) {
    desk.now = static_cast<double>(i);
    progress.update(i, 100);
  }
  progress.finish();
  EXPECT_EQ(desk.stream.str(),
            "Texts  30/100 texts  1.0 texts/s  left ~1:10\n"
            "Texts  60/100 texts  1.0 texts/s  left ~0:40\n"
            "Texts  90/100 texts  1.0 texts/s  left ~0:10\n"
            "Texts      done in 1:40  100/100 texts\n");
}

TEST(Progress, SilentSaysNothing) {
  Desk desk;
  Progress progress(desk.output(ProgressStyle::silent), "Texts", 10, "texts");
  desk.now = 100;
  progress.update(5, 10);
  progress.finish("done");
  EXPECT_EQ(desk.stream.str(), "");
}

TEST(Progress, AnUnfinishedBarEndsItsLine) {
  Desk desk;
  std::function<void(Index, Index)> callback;
  {
    const Progress progress(desk.output(ProgressStyle::bar), "Texts", 10, "texts");
    callback = progress.callback();
  }
  callback(3, 10);
  EXPECT_EQ(count(desk.stream.str(), '\n'), 0);
  callback = nullptr;
  EXPECT_EQ(desk.stream.str().back(), '\n');
}

TEST(Progress, AnUnknownTotalHasNoBar) {
  Desk desk;
  Progress progress(desk.output(ProgressStyle::bar), "Read", 0, "bytes");
  desk.now = 2;
  progress.update(10, 0);
  EXPECT_NE(desk.stream.str().find("10 bytes"), std::string::npos);
  EXPECT_EQ(desk.stream.str().find("█"), std::string::npos);
}

TEST(DurationText, Units) {
  EXPECT_EQ(duration_text(0), "0:00");
  EXPECT_EQ(duration_text(59.4), "0:59");
  EXPECT_EQ(duration_text(125), "2:05");
  EXPECT_EQ(duration_text(3725), "1:02:05");
  EXPECT_EQ(duration_text(-1), "0:00");
}

TEST(NumberText, GroupsAndSizes) {
  EXPECT_EQ(grouped_number(0), "0");
  EXPECT_EQ(grouped_number(999), "999");
  EXPECT_EQ(grouped_number(1000), "1,000");
  EXPECT_EQ(grouped_number(134515008), "134,515,008");
  EXPECT_EQ(grouped_number(-1234), "-1,234");
  EXPECT_EQ(size_text(999), "999 bytes");
  EXPECT_EQ(size_text(1000), "1.0 kB");
  EXPECT_EQ(size_text(98362432), "98.4 MB");
  EXPECT_EQ(size_text(999999999), "1.0 GB");
}

TEST(WrappedText, BreaksAtSpacesByColumns) {
  EXPECT_EQ(wrapped_lines("one two three", 7), (std::vector<std::string>{"one two", "three"}));
  EXPECT_EQ(wrapped_lines("ΣΣΣ ΣΣΣ", 7).size(), 1U);
  EXPECT_EQ(wrapped_lines("", 7), (std::vector<std::string>{""}));
  EXPECT_EQ(display_width("東京"), 4);
  EXPECT_EQ(cut_to_width("東京a", 3), "東");
  EXPECT_EQ(labelled_text("a", "b", 4), "a   b\n");
  EXPECT_EQ(labelled_text("long label", "b", 4), "long label\n    b\n");
}

}  // namespace
}  // namespace gnomon::cli
