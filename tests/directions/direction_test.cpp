// SPDX-License-Identifier: Apache-2.0
#include "gnomon/directions/direction.h"

#include <gtest/gtest.h>

#include <cmath>

#include "gnomon/base/error.h"

namespace gnomon::test {
namespace {

// A direction of one space and a stream or direction of another have no product: mixing them must
// not compile.
template <class A, class B>
concept Projectable = requires(const A& a, const B& b) {
  project(a, b);
};
template <class A, class B>
concept Comparable = requires(const A& a, const B& b) {
  cosine(a, b);
};
template <class A>
concept CanBeCentred = requires(const A& a) {
  centred(a);
};

using Raw = Direction<Space::raw>;
using Centred = Direction<Space::centred>;
using Folded = Direction<Space::folded>;
static_assert(Projectable<Raw, Stream<Space::raw>>);
static_assert(Projectable<Centred, Stream<Space::centred>>);
static_assert(Projectable<Folded, Stream<Space::folded>>);
static_assert(!Projectable<Raw, Stream<Space::centred>>);
static_assert(!Projectable<Raw, Stream<Space::folded>>);
static_assert(!Projectable<Centred, Stream<Space::raw>>);
static_assert(!Projectable<Folded, Stream<Space::raw>>);
static_assert(Comparable<Raw, Raw> && Comparable<Folded, Folded>);
static_assert(!Comparable<Raw, Centred> && !Comparable<Raw, Folded>);
static_assert(!Comparable<Centred, Folded>);
static_assert(CanBeCentred<Raw> && !CanBeCentred<Folded> && !CanBeCentred<Centred>);
static_assert(!std::is_convertible_v<Raw, Centred> && !std::is_convertible_v<Folded, Raw>);

const Site kMid = {HookKind::resid_mid, 1, std::nullopt};
const Site kPost = {HookKind::resid_post, 1, std::nullopt};

TEST(DirectionTest, ProjectIsTheDotProductOfEachRow) {
  const std::vector<double> rows = {1, 2, 3, -1, 0, 4};
  const Stream<Space::raw> stream{kMid, {rows.data(), 2, 3}};
  const Raw direction{"input", kMid, {2, -1, 0.5}, 100, "weights"};
  EXPECT_EQ(project(direction, stream), (std::vector<double>{1.5, 0}));  // without the bias
}

TEST(DirectionTest, ProjectingAtAnotherSiteIsAnErrorWithAHint) {
  const std::vector<double> rows = {1, 2, 3};
  const Stream<Space::raw> stream{kPost, {rows.data(), 1, 3}};
  const Raw direction{"input", kMid, {2, -1, 0.5}, 0, "weights"};
  try {
    project(direction, stream);
    FAIL() << "no error";
  } catch (const ArgumentError& error) {
    EXPECT_EQ(error.code(), ErrorCode::wrong_site);
    EXPECT_STREQ(error.what(),
                 "project: direction \"input\" belongs to \"blocks.1.hook_resid_mid\", the stream "
                 "is \"blocks.1.hook_resid_post\"");
    EXPECT_EQ(error.hint(), "capture \"blocks.1.hook_resid_mid\" and project there");
  }
  Raw other_layer = direction;
  other_layer.site = {HookKind::resid_post, 0, std::nullopt};
  EXPECT_THROW(project(other_layer, stream), ArgumentError);
}

TEST(DirectionTest, RawAndProcessedWeightsAreNotMixed) {
  const std::vector<double> rows = {1, 2, 3};
  const Stream<Space::raw> raw{kMid, {rows.data(), 1, 3}};
  const Stream<Space::raw> processed{kMid, {rows.data(), 1, 3}, "fold_ln"};
  const Raw of_raw{"input", kMid, {2, -1, 0.5}, 0, "weights"};
  const Raw of_processed{"output", kMid, {2, -1, 0.5}, 0, "weights", "fold_ln"};
  EXPECT_EQ(project(of_raw, raw), project(of_processed, processed));
  try {
    project(of_raw, processed);
    FAIL() << "no error";
  } catch (const ArgumentError& error) {
    EXPECT_EQ(error.code(), ErrorCode::wrong_site);
    EXPECT_STREQ(error.what(),
                 "project: direction \"input\" belongs to the weights \"raw\", the stream to "
                 "\"fold_ln\": products of the two mean nothing");
  }
  EXPECT_THROW(project(of_processed, raw), ArgumentError);
  EXPECT_THROW(cosine(of_raw, of_processed), ArgumentError);
  EXPECT_EQ(centred(of_processed).weights, "fold_ln");
}

TEST(DirectionTest, WidthsMustAgree) {
  const std::vector<double> rows = {1, 2, 3};
  const Stream<Space::raw> stream{kMid, {rows.data(), 1, 3}};
  EXPECT_THROW(project(Raw{"input", kMid, {2, -1}, 0, ""}, stream), ShapeError);
  EXPECT_THROW(cosine(Raw{"a", kMid, {2, -1}, 0, ""}, Raw{"b", kMid, {1}, 0, ""}), ShapeError);
}

TEST(DirectionTest, CosineIsScaleFreeAndZeroForZeros) {
  const Raw a{"a", kMid, {3, 4}, 0, ""};
  const Raw b{"b", kPost, {-40, 30}, 0, ""};
  const Raw c{"c", kPost, {30, 40}, 0, ""};
  const Raw zero{"0", kPost, {0, 0}, 0, ""};
  EXPECT_EQ(cosine(a, b), 0);
  EXPECT_DOUBLE_EQ(cosine(a, c), 1);
  EXPECT_EQ(cosine(a, zero), 0);
  EXPECT_EQ(norm(a.weight), 5);
}

TEST(DirectionTest, CentringTakesOutTheComponentAlongOnes) {
  const Raw raw{"a", kMid, {1, 2, 6}, 7, "weights"};
  const Centred result = centred(raw);
  EXPECT_EQ(result.weight, (std::vector<double>{-2, -1, 3}));
  EXPECT_EQ(result.name, "a");
  EXPECT_EQ(result.site, kMid);
  EXPECT_EQ(result.bias, 7);
  EXPECT_EQ(result.origin, "weights");
}

}  // namespace
}  // namespace gnomon::test
