// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/csv.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "gnomon/base/error.h"

namespace gnomon {
namespace {

TEST(CsvTable, WritesEveryKindOfValue) {
  CsvTable table({"name", "r", "n", "exact_zero", "why"});
  table.add_row({std::string("input"), 0.1, std::int64_t{-3}, true, std::monostate{}});
  table.add_row({std::string("plain"), 1.0, std::int64_t{0}, false, std::string()});
  EXPECT_EQ(table.text(),
            "name,r,n,exact_zero,why\n"
            "input,0.1,-3,true,\n"
            "plain,1,0,false,\"\"\n");
}

TEST(CsvTable, QuotesWhatTheRfcQuotes) {
  CsvTable table({"a,b", "c"});
  table.add_row({std::string("say \"hi\""), std::string("two\nlines")});
  table.add_row({std::string("cr\r"), std::string(" spaces kept ")});
  EXPECT_EQ(table.text(), "\"a,b\",c\n\"say \"\"hi\"\"\",\"two\nlines\"\n\"cr\r\", spaces kept \n");
}

TEST(CsvTable, LeavesFormulaLikeTextAsItIs) {
  CsvTable table({"text"});
  table.add_row({std::string("=1+1")});
  table.add_row({std::string("@x")});
  EXPECT_EQ(table.text(), "text\n=1+1\n@x\n");
}

TEST(CsvTable, DoublesReadBackTheSame) {
  for (const double value :
       {1.0 / 3.0, 5e-324, 1.7976931348623157e308, -0.0, 123456789012345680.0}) {
    CsvTable table({"x"});
    table.add_row({value});
    const double read = std::strtod(table.text().c_str() + 2, nullptr);
    EXPECT_EQ(read, value);
    EXPECT_EQ(std::signbit(read), std::signbit(value));
  }
}

TEST(CsvTable, NonFiniteIsNull) {
  CsvTable table({"x", "y"});
  table.add_row({std::nan(""), std::numeric_limits<double>::infinity()});
  EXPECT_EQ(table.text(), "x,y\n,\n");
}

TEST(CsvTable, RefusesARowOfAnotherLength) {
  CsvTable table({"x", "y"});
  EXPECT_THROW(table.add_row({1.0}), InternalError);
  EXPECT_THROW(CsvTable({}), InternalError);
}

}  // namespace
}  // namespace gnomon
