// SPDX-License-Identifier: Apache-2.0
#include "gnomon/train/option_names.h"

#include <gtest/gtest.h>

namespace gnomon {
namespace {

// The expected names are the enumerators, spelled out: they are stored.
TEST(OptionNames, AreTheEnumerators) {
  EXPECT_EQ(option_name(ReporterKind::regression), "regression");
  EXPECT_EQ(option_name(ReporterKind::classification), "classification");
  EXPECT_EQ(option_name(ReporterKind::digit), "digit");
  EXPECT_EQ(option_name(ReporterKind::on_off), "on_off");
  EXPECT_EQ(option_name(Binning::equal_width), "equal_width");
  EXPECT_EQ(option_name(Binning::equal_count), "equal_count");
  EXPECT_EQ(option_name(TokenLoss::full_vocabulary), "full_vocabulary");
  EXPECT_EQ(option_name(TokenLoss::restricted), "restricted");
  EXPECT_EQ(option_name(HeadMode::trained), "trained");
  EXPECT_EQ(option_name(HeadMode::random), "random");
  EXPECT_EQ(option_name(HeadMode::ridge), "ridge");
  EXPECT_EQ(option_name(TrainedPart::none), "none");
  EXPECT_EQ(option_name(TrainedPart::all), "all");
  EXPECT_EQ(option_name(TrainedPart::after_target), "after_target");
  EXPECT_EQ(option_name(TrainedPart::from_layer), "from_layer");
  EXPECT_EQ(option_name(TrainedPart::selected), "selected");
  EXPECT_EQ(option_name(TrainedPart::lora), "lora");
  EXPECT_EQ(option_name(Component::attention), "attention");
  EXPECT_EQ(option_name(Component::mlp), "mlp");
  EXPECT_EQ(option_name(Component::embeddings), "embeddings");
  EXPECT_EQ(option_name(Component::norms), "norms");
  EXPECT_EQ(option_name(TargetMode::snapshot), "snapshot");
  EXPECT_EQ(option_name(TargetMode::live), "live");
  EXPECT_EQ(option_name(OptimizerKind::adamw), "adamw");
  EXPECT_EQ(option_name(OptimizerKind::sgd), "sgd");
  EXPECT_EQ(option_name(ScheduleKind::constant), "constant");
  EXPECT_EQ(option_name(ScheduleKind::linear), "linear");
  EXPECT_EQ(option_name(ScheduleKind::cosine), "cosine");
}

TEST(OptionNames, ReadBack) {
  EXPECT_EQ(option_of_name<ReporterKind>("on_off"), ReporterKind::on_off);
  EXPECT_EQ(option_names<ReporterKind>().size(), 4U);
  EXPECT_EQ(option_of_name<Binning>("equal_count"), Binning::equal_count);
  EXPECT_EQ(option_names<Binning>().size(), 2U);
  EXPECT_EQ(option_of_name<TokenLoss>("restricted"), TokenLoss::restricted);
  EXPECT_EQ(option_names<TokenLoss>().size(), 2U);
  EXPECT_EQ(option_of_name<HeadMode>("ridge"), HeadMode::ridge);
  EXPECT_EQ(option_names<HeadMode>().size(), 3U);
  EXPECT_EQ(option_of_name<TrainedPart>("lora"), TrainedPart::lora);
  EXPECT_EQ(option_names<TrainedPart>().size(), 6U);
  EXPECT_EQ(option_of_name<Component>("norms"), Component::norms);
  EXPECT_EQ(option_names<Component>().size(), 4U);
  EXPECT_EQ(option_of_name<TargetMode>("live"), TargetMode::live);
  EXPECT_EQ(option_names<TargetMode>().size(), 2U);
  EXPECT_EQ(option_of_name<OptimizerKind>("sgd"), OptimizerKind::sgd);
  EXPECT_EQ(option_names<OptimizerKind>().size(), 2U);
  EXPECT_EQ(option_of_name<ScheduleKind>("cosine"), ScheduleKind::cosine);
  EXPECT_EQ(option_names<ScheduleKind>().size(), 3U);
  EXPECT_EQ(option_of_name<TrainedPart>("After_target"), std::nullopt);
  EXPECT_EQ(option_of_name<TrainedPart>(""), std::nullopt);
}

}  // namespace
}  // namespace gnomon
