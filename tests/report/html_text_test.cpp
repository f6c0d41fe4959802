// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/html_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "gnomon/base/error.h"

namespace gnomon {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(HtmlText, EscapesWhatHtmlReads) {
  EXPECT_EQ(html_text("a < b & \"c\" > 'd'"), "a &lt; b &amp; &quot;c&quot; &gt; &#39;d&#39;");
  EXPECT_EQ(html_text("</script><!-- &amp;"), "&lt;/script&gt;&lt;!-- &amp;amp;");
}

TEST(HtmlText, ShowsWhatWouldReorderOrIsNoText) {
  EXPECT_EQ(html_text("a\u202eb"), "a\\xE2\\x80\\xAEb");
  EXPECT_EQ(html_text("a\xff"), "a\\xFF");
  EXPECT_EQ(html_text("שלום 🌞"), "שלום 🌞");
}

TEST(HtmlJson, HoldsNothingThatEndsAScript) {
  const Json hostile = {{"</script>", "<!-- <script> ]]> &lt;"}, {"line", "a\u2028b\u2029c"}};
  const std::string text = html_json(hostile);
  EXPECT_THAT(text, Not(HasSubstr("<")));
  EXPECT_THAT(text, Not(HasSubstr(">")));
  EXPECT_THAT(text, Not(HasSubstr("&")));
  EXPECT_THAT(text, Not(HasSubstr("\u2028")));
  EXPECT_THAT(text, Not(HasSubstr("\u2029")));
  EXPECT_EQ(parse_json(text, "test"), hostile);
}

TEST(HtmlJson, RefusesWhatJsonDoesNotHave) {
  EXPECT_THROW(html_json(Json{{"a", std::numeric_limits<double>::infinity()}}), InternalError);
  EXPECT_THROW(html_json(Json{"a\xff"}), InternalError);
}

}  // namespace
}  // namespace gnomon
