// SPDX-License-Identifier: Apache-2.0
#include "gnomon/train/trainer.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmath>
#include <cstdint>
#include <fstream>

#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/base/threads.h"
#include "gnomon/kernels/optimizer_step.h"
#include "gnomon/train/option_names.h"
#include "gnomon/train/train_checkpoint.h"
#include "support/temporary_folder.h"
#include "train/reporter_cases.h"

namespace gnomon {
namespace {

using test::TinyFamily;

TrainOptions small_options(TrainedPart part) {
  TrainOptions options;
  options.trained.part = part;
  options.epochs = 4;
  options.batch_rows = 8;
  options.optimizer.learning_rate = 1e-2;
  options.early_stopping.patience = 0;
  options.seed = 7;
  return options;
}

std::string digest(const ReportModel<float>& model) {
  std::string text = model.parameters().sha256();
  if (model.reporter().has_head()) {
    for (const ReportHead::Layer& layer : model.reporter().head().layers()) {
      text += sha256_hex(std::as_bytes(layer.weight.values()));
      text += sha256_hex(std::as_bytes(layer.bias.values()));
    }
  }
  return text;
}

struct Trained {
  std::string digest;
  TrainState state;
};

Trained train(const Model& base, const TrainOptions& options, bool reuse = true) {
  ReportModel<float> model(base, test::tiny_reporter_data(base), options, {},
                           reuse ? std::make_shared<UnchangedNumbers<float>>() : nullptr);
  Trainer<float> trainer(model);
  trainer.run({});
  return {digest(model), trainer.state()};
}

TEST(Trainer, LearnsAndSeesTheSameLossInTrainingAndEvaluation) {
  const Model& base = test::tiny_model(TinyFamily::gpt2);
  for (const TrainedPart part : {TrainedPart::none, TrainedPart::after_target, TrainedPart::all}) {
    TrainOptions options = small_options(part);
    options.epochs = 15;
    const Trained trained = train(base, options);
    EXPECT_EQ(trained.state.train_eval_gap, 0);
    ASSERT_EQ(trained.state.history.size(), 16U);
    EXPECT_LT(trained.state.history.back().train_loss, trained.state.history[1].train_loss / 2);
  }
}

// An update works on its texts together or in parts, an evaluation in batches of tokens.
TEST(Trainer, TheLossDoesNotDependOnBatches) {
  const Model& base = test::tiny_model(TinyFamily::llama);
  for (const Index accumulate : {Index{1}, Index{3}}) {
    TrainOptions options = small_options(TrainedPart::all);
    options.batch_rows = 24;
    options.accumulate = accumulate;
    RunOptions run;
    run.batch_tokens = 16;
    ReportModel<float> model(base, test::tiny_reporter_data(base), options, run);
    Trainer<float> trainer(model);
    trainer.run({});
    EXPECT_EQ(trainer.state().train_eval_gap, 0);
  }
}

TEST(Trainer, StoredFeaturesAndStreamsChangeNoBit) {
  for (const TinyFamily family : {TinyFamily::gpt2, TinyFamily::llama, TinyFamily::gpt_neox}) {
    const Model& base = test::tiny_model(family);
    for (const TrainedPart part : {TrainedPart::none, TrainedPart::after_target}) {
      EXPECT_EQ(train(base, small_options(part), true).digest,
                train(base, small_options(part), false).digest);
    }
  }
}

TEST(Trainer, SameBitsForAnyNumberOfThreads) {
  const Model& base = test::tiny_model(TinyFamily::llama);
  std::vector<std::string> digests;
  for (const int n_thread : {1, 2}) {
    set_threads(n_thread);
    digests.push_back(train(base, small_options(TrainedPart::all)).digest);
  }
  set_threads(0);
  EXPECT_EQ(digests[0], digests[1]);
}

// The same update in parts: the sums are in another order, nothing else.
TEST(Trainer, AccumulationGivesTheSameUpdate) {
  const Model& base = test::tiny_model(TinyFamily::gpt2);
  std::vector<ParameterSet<float>> results;
  for (const Index accumulate : {Index{1}, Index{3}}) {
    TrainOptions options = small_options(TrainedPart::all);
    options.accumulate = accumulate;
    options.epochs = 1;
    options.optimizer.kind = OptimizerKind::sgd;
    ReportModel<float> model(base, test::tiny_reporter_data(base), options, {});
    Trainer<float> trainer(model);
    trainer.run({});
    results.push_back(model.parameters());
  }
  for (const auto& [key, entry] : results[0].entries()) {
    for (Index i = 0; i < entry.values.size(); ++i) {
      ASSERT_NEAR(entry.values.data()[i], results[1].find(key)->data()[i],
                  1e-5 * (1 + std::abs(entry.values.data()[i])))
          << entry.row.name;
    }
  }
}

TEST(Trainer, ResumedTrainingHasTheSameBits) {
  const Model& base = test::tiny_model(TinyFamily::gpt2);
  for (const TrainedPart part : {TrainedPart::none, TrainedPart::all, TrainedPart::lora}) {
    SCOPED_TRACE(option_name(part));
    TrainOptions options = small_options(part);
    if (part == TrainedPart::lora) {
      options.trained.components = {Component::mlp};
      options.trained.lora_rank = 2;
    }
    const test::TemporaryFolder folder;
    ReportModel<float> first(base, test::tiny_reporter_data(base), options, {});
    Trainer<float> trainer(first);
    struct Killed {};
    Trainer<float>::Events events;
    events.epoch_end = [&](const Trainer<float>& at, bool best) {
      save_checkpoint(at, folder.path(), best);
      if (at.state().epoch == 2) throw Killed{};
    };
    EXPECT_THROW(trainer.run(events), Killed);

    ReportModel<float> second(base, test::tiny_reporter_data(base), options, {});
    Trainer<float> resumed(second);
    load_checkpoint(resumed, *find_checkpoint(folder.path(), "last"));
    EXPECT_EQ(resumed.state().epoch, 2);
    resumed.run({});
    const Trained whole = train(base, options);
    EXPECT_EQ(digest(second), whole.digest);
    EXPECT_EQ(resumed.state().history.size(), whole.state.history.size());
    EXPECT_EQ(resumed.state().history.back().val_loss, whole.state.history.back().val_loss);
  }
}

TEST(Trainer, CheckpointGivesTheSameReports) {
  const Model& base = test::tiny_model(TinyFamily::llama);
  for (const ReporterKind kind :
       {ReporterKind::regression, ReporterKind::classification, ReporterKind::digit}) {
    TrainOptions options = small_options(TrainedPart::after_target);
    options.reporter.kind = kind;
    options.reporter.n_bin = 4;
    const test::TemporaryFolder folder;
    ReportModel<float> model(base, test::tiny_reporter_data(base), options, {});
    Trainer<float> trainer(model);
    Trainer<float>::Events events;
    events.epoch_end = [&](const Trainer<float>& at, bool best) {
      save_checkpoint(at, folder.path(), best);
    };
    trainer.run(events);
    ReportModel<float> loaded(base, test::tiny_reporter_data(base), options, {});
    load_parameters(loaded, *find_checkpoint(folder.path(), "last"));
    const std::vector<Index> texts = model.texts_of(Part::test);
    const ReportPass a = model.run(texts, false);
    const ReportPass b = loaded.run(texts, false);
    const Tensor<double> stored = model.reporter().reports(a.outputs.matrix());
    const Tensor<double> again = loaded.reporter().reports(b.outputs.matrix());
    for (Index i = 0; i < stored.size(); ++i) EXPECT_EQ(stored.data()[i], again.data()[i]);
  }
}

TEST(Trainer, DamagedCheckpointsAreRefused) {
  const Model& base = test::tiny_model(TinyFamily::gpt2);
  const TrainOptions options = small_options(TrainedPart::after_target);
  const test::TemporaryFolder folder;
  ReportModel<float> model(base, test::tiny_reporter_data(base), options, {});
  Trainer<float> trainer(model);
  Trainer<float>::Events events;
  events.epoch_end = [&](const Trainer<float>& at, bool best) {
    save_checkpoint(at, folder.path(), best);
  };
  trainer.run(events);
  const auto last = *find_checkpoint(folder.path(), "last");
  EXPECT_FALSE(find_checkpoint(folder.path(), "worst").has_value());
  for (const char* name : {"parameters.safetensors", "optimizer.safetensors", "trainer_state.json",
                           "reporter.json", "head.safetensors"}) {
    const std::string whole = read_text_file(last / name);
    std::ofstream(last / name, std::ios::binary) << whole.substr(0, whole.size() / 2);
    EXPECT_THROW(load_checkpoint(trainer, last), Error) << name;
    std::ofstream(last / name, std::ios::binary) << whole;
  }
  load_checkpoint(trainer, last);
  write_file_atomic(folder.path() / "last.txt", "../elsewhere\n");
  EXPECT_THROW(find_checkpoint(folder.path(), "last"), FileError);
  TrainOptions other = options;
  other.seed = 8;
  ReportModel<float> other_model(base, test::tiny_reporter_data(base), other, {});
  Trainer<float> other_trainer(other_model);
  EXPECT_THROW(load_checkpoint(other_trainer, last), Error);
}

TEST(Trainer, StopsEarlyAtTheBestEpoch) {
  const Model& base = test::tiny_model(TinyFamily::gpt2);
  TrainOptions options = small_options(TrainedPart::all);
  options.epochs = 200;
  options.optimizer.learning_rate = 3e-2;
  options.early_stopping.patience = 2;
  const Trained trained = train(base, options);
  EXPECT_TRUE(trained.state.stopped_early);
  EXPECT_LT(trained.state.epoch, 200);
  EXPECT_EQ(trained.state.epoch, trained.state.best_epoch + 2);
  for (const EpochRecord& record : trained.state.history)
    EXPECT_GE(record.val_loss, trained.state.best_metric);
}

TEST(Trainer, DivergenceNamesUpdateAndTensor) {
  const Model& base = test::tiny_model(TinyFamily::gpt2);
  TrainOptions options = small_options(TrainedPart::all);
  options.optimizer.learning_rate = 1e30;
  options.clip_norm = 0;
  options.schedule.kind = ScheduleKind::constant;
  try {
    train(base, options);
    FAIL();
  } catch (const NumericError& error) {
    EXPECT_NE(std::string(error.what()).find("update"), std::string::npos) << error.what();
  }
}

// Lets this process have this much memory more than it has.
class LimitedMemory {
 public:
  explicit LimitedMemory(std::uint64_t more) {
    std::ifstream sizes("/proc/self/statm");
    std::uint64_t pages = 0;
    sizes >> pages;
    getrlimit(RLIMIT_AS, &before_);
    rlimit limit = before_;
    limit.rlim_cur = pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)) + more;
    setrlimit(RLIMIT_AS, &limit);
  }
  ~LimitedMemory() { setrlimit(RLIMIT_AS, &before_); }
  LimitedMemory(const LimitedMemory&) = delete;
  LimitedMemory& operator=(const LimitedMemory&) = delete;

 private:
  rlimit before_{};
};

TEST(Trainer, ABatchThatDoesNotFitIsAnErrorThatSaysWhatToDo) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers need address space of their own";
#endif
  const Model& base = test::tiny_model(TinyFamily::gpt2);
  TrainOptions options = small_options(TrainedPart::all);
  options.epochs = 1;
  options.batch_rows = 3000;
  const auto data = test::tiny_reporter_data(base, 4000);
  constexpr std::uint64_t kMore = 4 << 20;
  {
    ReportModel<float> model(base, data, options, {});
    Trainer<float> trainer(model);
    const LimitedMemory limited(kMore);
    try {
      trainer.run({});
      ADD_FAILURE() << "a batch of 3000 texts fits into 4 MB";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::out_of_resources);
      EXPECT_NE(std::string(error.what()).find("at once in step 1"), std::string::npos);
      EXPECT_NE(error.hint().find("train.accumulate"), std::string::npos);
    }
  }
  options.accumulate = 100;
  options.recompute = true;
  ReportModel<float> model(base, data, options, {});
  Trainer<float> trainer(model);
  const LimitedMemory limited(kMore);
  trainer.run({});
  EXPECT_EQ(trainer.state().step, 1);
}

TEST(Trainer, RidgeHeadIsWhatDescentConvergesTo) {
  const Model& base = test::tiny_model(TinyFamily::gpt2);
  TrainOptions options = small_options(TrainedPart::after_target);
  options.reporter.head = HeadMode::ridge;
  ReportModel<float> model(base, test::tiny_reporter_data(base, 60), options, {});
  const std::vector<double> weight = model.reporter().head().linear_weight(0);
  Trainer<float> trainer(model);
  trainer.run({});
  EXPECT_EQ(weight, model.reporter().head().linear_weight(0));
  EXPECT_EQ(trainer.head_optimizer(), nullptr);
}

TEST(Trainer, ARidgeHeadAloneIsAReportWithoutUpdates) {
  const Model& base = test::tiny_model(TinyFamily::gpt2);
  TrainOptions options = small_options(TrainedPart::none);
  options.reporter.head = HeadMode::ridge;
  ReportModel<float> model(base, test::tiny_reporter_data(base, 60), options, {});
  Trainer<float> trainer(model);
  int n_stored = 0;
  Trainer<float>::Events events;
  events.epoch_end = [&](const Trainer<float>&, bool best) { n_stored += best ? 1 : 100; };
  trainer.run(events);
  EXPECT_EQ(trainer.state().step, 0);
  EXPECT_EQ(trainer.state().epoch, 0);
  EXPECT_EQ(trainer.state().best_epoch, 0);
  EXPECT_EQ(trainer.state().history.size(), 1u);
  EXPECT_EQ(n_stored, 1);

  options.reporter.head = HeadMode::random;
  EXPECT_THROW(ReportModel<float>(base, test::tiny_reporter_data(base, 60), options, {}),
               ArgumentError);
}

TEST(Trainer, DriftOfAModelThatCannotMoveItsTargetIsZero) {
  const Model& base = test::tiny_model(TinyFamily::gpt2);
  const Trained after = train(base, small_options(TrainedPart::after_target));
  EXPECT_EQ(after.state.drift.back().wasserstein, 0);
  const Trained all = train(base, small_options(TrainedPart::all));
  EXPECT_EQ(all.state.drift.front().wasserstein, 0);
  EXPECT_GT(all.state.drift.back().wasserstein, 0);
}

TEST(Trainer, SeveralTargetsShareOneHead) {
  const Model& base = test::tiny_model(TinyFamily::gpt2);
  ReportModel<float> model(base, test::tiny_reporter_data(base, 40, {3, 5, 11}),
                           small_options(TrainedPart::none), {});
  Trainer<float> trainer(model);
  trainer.run({});
  EXPECT_EQ(model.reporter().n_output(), 3);
  const ReportPass pass = model.run(model.texts_of(Part::test), false);
  EXPECT_EQ(model.reporter().reports(pass.outputs.matrix()).shape(),
            (std::vector<Index>{static_cast<Index>(pass.rows.size()), 3}));
}

TEST(Optimizer, ScheduleWarmsUpAndEndsAtItsFraction) {
  ScheduleOptions options{ScheduleKind::cosine, 10, 0.1};
  EXPECT_DOUBLE_EQ(scheduled_rate(options, 2, 0, 110), 0.2);
  EXPECT_DOUBLE_EQ(scheduled_rate(options, 2, 9, 110), 2);
  EXPECT_NEAR(scheduled_rate(options, 2, 109, 110), 0.2, 1e-12);
  options.kind = ScheduleKind::linear;
  EXPECT_NEAR(scheduled_rate(options, 2, 109, 110), 0.2, 1e-12);
  EXPECT_NEAR(scheduled_rate(options, 2, 10 + 33, 110), 2 * (0.1 + 0.9 * (1 - 33.0 / 99)), 1e-12);
  options.kind = ScheduleKind::constant;
  EXPECT_DOUBLE_EQ(scheduled_rate(options, 2, 109, 110), 2);
}

TEST(Optimizer, ClippingKeepsTheDirection) {
  EXPECT_DOUBLE_EQ(clip_factor(4, 1), 0.25);
  EXPECT_DOUBLE_EQ(clip_factor(0.5, 1), 1);
  EXPECT_DOUBLE_EQ(clip_factor(4, 0), 1);
}

TEST(Optimizer, SgdWithMomentumByHand) {
  std::vector<double> value = {1, -2}, buffer = {0.5, 0};
  const std::vector<double> grad = {2, 4};
  sgd_step<double>(value, grad, buffer, 0.1, 0.9, 0.01, 0.5);
  // g = 0.5 grad + 0.01 value; b = 0.9 b + g; value -= 0.1 b.
  EXPECT_DOUBLE_EQ(buffer[0], 0.45 + 1.01);
  EXPECT_DOUBLE_EQ(buffer[1], 1.98);
  EXPECT_DOUBLE_EQ(value[0], 1 - 0.146);
  EXPECT_DOUBLE_EQ(value[1], -2 - 0.198);
}

}  // namespace
}  // namespace gnomon
