// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/study.h"

#include <gtest/gtest.h>

#include <set>

#include "analyses/tiny_study.h"
#include "gnomon/base/error.h"

namespace gnomon::test {
namespace {

constexpr TinyFamily kFamilies[] = {TinyFamily::gpt2, TinyFamily::llama, TinyFamily::gpt_neox};

TextRecord record(const std::string& text, std::int64_t line) {
  return {text, "file.txt:" + std::to_string(line), line, ""};
}

TEST(PrepareTextsTest, EmptyAndOverlongTextsAreExcludedWithTheirReason) {
  const Model& model = tiny_model(TinyFamily::gpt2);
  const std::string fits(48, 'x');
  const StudyTexts texts = prepare_texts(model,
                                         {record("one", 1), record("", 2), record(fits + "x", 3),
                                          record(fits, 4), record("other", 5), record("stone", 6)},
                                         1);
  ASSERT_EQ(texts.records.size(), 4U);
  EXPECT_EQ(texts.records[1].text, fits);
  EXPECT_EQ(texts.ids[1].size(), 48U);
  ASSERT_EQ(texts.excluded.size(), 2U);
  EXPECT_EQ(texts.excluded[0].record, 1);
  EXPECT_EQ(texts.excluded[0].source, "file.txt:2");
  EXPECT_EQ(texts.excluded[0].why, "the text has no tokens");
  EXPECT_EQ(texts.excluded[1].record, 2);
  EXPECT_EQ(texts.excluded[1].why, "49 tokens, the context holds 48");
  EXPECT_EQ(texts.part.size(), 4U);
  EXPECT_EQ(texts.groups.group_of_row.size(), 4U);
}

TEST(PrepareTextsTest, TokensAreThoseOfTheTokenizer) {
  const Model& model = tiny_model(TinyFamily::llama);
  const StudyTexts texts =
      prepare_texts(model, {record("the rain", 1), record("in", 2), record("a b", 3)}, 1);
  for (std::size_t t = 0; t < texts.ids.size(); ++t)
    EXPECT_EQ(texts.ids[t], model.tokenizer().encode(texts.records[t].text));
  EXPECT_EQ(texts.ids[1].size(), 1U);  // a merge of the tiny tokenizer
}

TEST(PrepareTextsTest, TooFewTextsAreAnError) {
  const Model& model = tiny_model(TinyFamily::gpt2);
  const auto code_of = [&](const std::vector<TextRecord>& records) {
    try {
      prepare_texts(model, records, 1);
    } catch (const ArgumentError& error) {
      return error.code();
    }
    return ErrorCode::internal;
  };
  EXPECT_EQ(code_of({}), ErrorCode::bad_data);
  EXPECT_EQ(code_of({record("", 1)}), ErrorCode::bad_data);
  EXPECT_EQ(code_of({record("one text", 1)}), ErrorCode::bad_data);
  // Two groups: the first three are one text in three wordings.
  EXPECT_EQ(code_of({record("one", 1), record("One.", 2), record(" one", 3), record("two", 4)}),
            ErrorCode::bad_data);
}

TEST(PrepareTextsTest, WordingsOfOneTextAreOneGroupInOnePart) {
  const Model& model = tiny_model(TinyFamily::gpt2);
  std::vector<TextRecord> records = short_texts(30, 1);
  const auto n = static_cast<std::int64_t>(records.size());
  for (std::int64_t i = 0; i < n; ++i)
    records.push_back(record(records[static_cast<std::size_t>(i)].text + " .", 100 + i));
  const StudyTexts texts = prepare_texts(model, records, 4);
  for (std::size_t i = 0; i < 30; ++i) {
    EXPECT_EQ(texts.groups.group_of_row[i], texts.groups.group_of_row[i + 30]);
    EXPECT_EQ(texts.part[i], texts.part[i + 30]);
  }
  EXPECT_EQ(find_leakage(texts.groups.group_of_row, texts.part).n_rows, 0);
}

TEST(MeasureStudyTest, RowsCarryTheirTextTokenGroupAndPart) {
  for (const TinyFamily family : kFamilies) {
    const Model& model = tiny_model(family);
    const TinyStudy study = make_study(model, {.target = "blocks.1.mlp.hook_post[12]@all"});
    const StudyData& data = study.data;
    Index n_token = 0;
    for (const auto& ids : study.texts.ids) n_token += static_cast<Index>(ids.size());
    ASSERT_EQ(data.n_row(), n_token);
    for (std::size_t r = 0; r < data.text.size(); ++r) {
      const auto t = static_cast<std::size_t>(data.text[r]);
      EXPECT_EQ(data.n_token[r], static_cast<Index>(study.texts.ids[t].size()));
      EXPECT_EQ(data.token[r], study.texts.ids[t][static_cast<std::size_t>(data.position[r])]);
      EXPECT_EQ(data.group[r], study.texts.groups.group_of_row[t]);
      EXPECT_EQ(data.part[r], study.texts.part[t]);
    }
    std::set<Index> all;
    for (const Part part : kAllParts) {
      for (const Index row : data.rows_of(part)) EXPECT_TRUE(all.insert(row).second);
    }
    EXPECT_EQ(static_cast<Index>(all.size()), data.n_row());
    EXPECT_EQ(data.activation, data.post);
  }
}

TEST(MeasureStudyTest, HoldsTheStreamsOfTheTargetsBlock) {
  for (const TinyFamily family : kFamilies) {
    const Model& model = tiny_model(family);
    for (const std::string& target : every_target(model.config())) {
      SCOPED_TRACE(target);
      const TinyStudy study = make_study(model, {.target = target});
      const StudyData& data = study.data;
      const Index layer = data.target.layer();
      const auto same = [&](const Tensor<double>& held, HookKind kind, Index of_layer) {
        const Tensor<double> expected = captured(model, study, kind, of_layer);
        return std::equal(held.values().begin(), held.values().end(), expected.values().begin(),
                          expected.values().end());
      };
      EXPECT_TRUE(same(data.resid_pre, HookKind::resid_pre, layer));
      if (model.config().parallel_block) {
        EXPECT_TRUE(same(data.attn_out, HookKind::attn_out, layer));
        EXPECT_EQ(data.resid_mid.size(), 0);
      } else {
        EXPECT_TRUE(same(data.resid_mid, HookKind::resid_mid, layer));
        EXPECT_EQ(data.attn_out.size(), 0);
      }
      EXPECT_TRUE(same(data.mlp_stream(), mlp_stream(model.config()), layer));
      EXPECT_TRUE(same(data.resid_post, HookKind::resid_post, layer));
      EXPECT_TRUE(same(data.resid_final, HookKind::resid_post, model.config().n_layers - 1));
      EXPECT_EQ(data.activation, column(captured(model, study, data.target.at.site.kind, layer),
                                        data.target.index()));
      EXPECT_EQ(data.neuron.has_value(), data.target.is_neuron());
      if (!data.neuron) {
        std::vector<double> basis(24);
        basis[static_cast<std::size_t>(data.target.index())] = 1;
        EXPECT_EQ(data.write(), basis);
        continue;
      }
      const Index n = data.target.index();
      EXPECT_EQ(data.pre, column(captured(model, study, HookKind::mlp_pre, layer), n));
      EXPECT_EQ(data.post, column(captured(model, study, HookKind::mlp_post, layer), n));
      if (model.config().gated_mlp) {
        EXPECT_EQ(data.pre_linear,
                  column(captured(model, study, HookKind::mlp_pre_linear, layer), n));
      }
      EXPECT_EQ(data.write(), data.neuron->write);
    }
  }
}

TEST(MeasureStudyTest, TheWriteIsReadWhereItHasBeenAdded) {
  StudyData data;
  const auto site_of = [&](HookKind kind) {
    data.target.at.site = {kind, 1, 0};
    const Site site = data.write_site();
    EXPECT_EQ(site.layer, 1);
    EXPECT_FALSE(site.coordinate);
    return site.kind;
  };
  EXPECT_EQ(site_of(HookKind::resid_pre), HookKind::resid_pre);
  EXPECT_EQ(site_of(HookKind::attn_out), HookKind::resid_mid);
  EXPECT_EQ(site_of(HookKind::resid_mid), HookKind::resid_mid);
  EXPECT_EQ(site_of(HookKind::mlp_pre), HookKind::resid_post);
  EXPECT_EQ(site_of(HookKind::mlp_post), HookKind::resid_post);
  EXPECT_EQ(site_of(HookKind::mlp_out), HookKind::resid_post);
  EXPECT_EQ(site_of(HookKind::resid_post), HookKind::resid_post);
  data.config.parallel_block = true;
  EXPECT_EQ(site_of(HookKind::attn_out), HookKind::resid_post);
}

TEST(MeasureStudyTest, APositionThatATextLacksIsAnError) {
  const Model& model = tiny_model(TinyFamily::gpt2);
  const StudyTexts texts = prepare_texts(
      model, {record("xyz xyz", 1), record("xyzq", 2), record("the quiet bird", 3)}, 1);
  const Target target =
      make_target(parse_site("blocks.0.mlp.hook_post[5]@4", model.config()), model.config());
  try {
    measure_study(model, target, texts, Precision::float32, {});
    FAIL() << "no error";
  } catch (const ArgumentError& error) {
    EXPECT_EQ(error.code(), ErrorCode::out_of_range);
    EXPECT_NE(std::string(error.what()).find("text 1 has 4 tokens"), std::string::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace gnomon::test
