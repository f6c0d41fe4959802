// SPDX-License-Identifier: Apache-2.0
// A data set, written and read back; and folders that only look like one.
#include "gnomon/report/data_set_files.h"

#include <gtest/gtest.h>

#include <fstream>

#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/report/data_set_text.h"
#include "support/temporary_folder.h"
#include "support/tiny_model.h"

namespace gnomon::test {
namespace {

struct Made {
  DataSet data;
  DataSetLeakage leakage;
};

Made make(std::uint64_t seed = 1, bool balanced = false) {
  const Model& model = tiny_model(TinyFamily::llama);
  std::vector<Target> targets;
  for (const char* name : {"blocks.1.mlp.hook_post[5]@last", "blocks.0.hook_mlp_out[3]@last"})
    targets.push_back(make_target(parse_site(name, model.config()), model.config()));
  std::vector<TextRecord> records = short_texts(80, 3);
  records.push_back({"", "short.txt:99", 99, ""});
  for (std::size_t i = 0; i < 10; ++i) records.push_back(records[i]);
  records[0].template_id = "a template";
  records[1].group = "chapter \"1\"";
  DataSetOptions options;
  options.seed = seed;
  if (balanced) options.balance = {5, 40};
  Made made{build_data_set(model, targets, records, options), {}};
  made.data.sources = {{"short.txt", std::string(64, 'a'), 91}};
  made.leakage = measure_leakage(made.data);
  return made;
}

const Json kTool = {{"version", "0"}};

std::string message_of_reading(const std::filesystem::path& folder, ErrorCode code) {
  try {
    read_data_set(folder);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    return error.what();
  }
  return "no error";
}

TEST(DataSetFilesTest, ReadsBackWhatWasWritten) {
  for (const bool balanced : {false, true}) {
    const TemporaryFolder folder;
    const Made made = make(2, balanced);
    const WrittenDataSet written =
        write_data_set(folder / "deep" / "set", made.data, made.leakage, kTool);
    EXPECT_FALSE(written.already_there);
    EXPECT_EQ(names_in(folder / "deep"), (std::vector<std::string>{"set"}));
    EXPECT_EQ(names_in(folder / "deep" / "set"),
              (std::vector<std::string>{"DATA_CARD.md", "activations.safetensors", "dataset.json",
                                        "prompts.jsonl"}));
    const DataSet& a = made.data;
    const DataSet b = read_data_set(folder / "deep" / "set");
    EXPECT_EQ(a.config.architecture, b.config.architecture);
    EXPECT_EQ(a.config.rotary_frequency, b.config.rotary_frequency);
    EXPECT_EQ(a.model_name, b.model_name);
    EXPECT_EQ(a.model_sha256, b.model_sha256);
    EXPECT_EQ(a.precision, b.precision);
    EXPECT_EQ(a.seed, b.seed);
    EXPECT_EQ(a.fractions.val, b.fractions.val);
    EXPECT_EQ(a.near->threshold, b.near->threshold);
    EXPECT_EQ(a.near->seed, b.near->seed);
    ASSERT_EQ(b.sources.size(), 1U);
    EXPECT_EQ(b.sources[0].name, "short.txt");
    EXPECT_EQ(b.sources[0].n_records, 91);
    ASSERT_EQ(b.n_target(), 2);
    for (Index k = 0; k < 2; ++k) {
      EXPECT_EQ(a.target_name(k), b.target_name(k));
      EXPECT_EQ(a.targets[static_cast<std::size_t>(k)].kind,
                b.targets[static_cast<std::size_t>(k)].kind);
      EXPECT_EQ(a.activation_of(k), b.activation_of(k));
    }
    EXPECT_EQ(a.text, b.text);
    EXPECT_EQ(a.position, b.position);
    EXPECT_EQ(a.texts.ids, b.texts.ids);
    EXPECT_EQ(a.texts.part, b.texts.part);
    EXPECT_EQ(a.texts.n_copies, b.texts.n_copies);
    EXPECT_EQ(a.texts.groups.group_of_row, b.texts.groups.group_of_row);
    EXPECT_EQ(a.texts.groups.n_groups, b.texts.groups.n_groups);
    EXPECT_EQ(a.texts.groups.largest_group, b.texts.groups.largest_group);
    ASSERT_EQ(b.texts.groups.rules.size(), 5U);
    EXPECT_EQ(a.texts.groups.rules[4].n_rows, b.texts.groups.rules[4].n_rows);
    ASSERT_EQ(b.texts.excluded.size(), 1U);
    EXPECT_EQ(b.texts.excluded[0].why, "the text is blank");
    for (std::size_t t = 0; t < a.texts.records.size(); ++t) {
      EXPECT_EQ(a.texts.records[t].text, b.texts.records[t].text);
      EXPECT_EQ(a.texts.records[t].source, b.texts.records[t].source);
      EXPECT_EQ(a.texts.records[t].template_id, b.texts.records[t].template_id);
      EXPECT_EQ(a.texts.records[t].group, b.texts.records[t].group);
    }
    EXPECT_EQ(a.counts.n_read, b.counts.n_read);
    EXPECT_EQ(a.counts.n_duplicates, b.counts.n_duplicates);
    EXPECT_EQ(a.counts.n_unused, b.counts.n_unused);
    EXPECT_EQ(a.counts.n_measured, b.counts.n_measured);
    ASSERT_EQ(b.balance.has_value(), balanced);
    if (balanced) {
      EXPECT_EQ(a.balance->cap, b.balance->cap);
      ASSERT_EQ(b.balance->bins.size(), 5U);
      EXPECT_EQ(a.balance->bins[3].low, b.balance->bins[3].low);
      EXPECT_EQ(a.balance->bins[3].n_before, b.balance->bins[3].n_before);
    }
    // What is computed from the files is what was computed from the texts.
    EXPECT_EQ(dump_json(data_set_json(b, measure_leakage(b))),
              dump_json(data_set_json(a, made.leakage)));
  }
}

TEST(DataSetFilesTest, TheSameDataSetHasTheSameBytes) {
  const TemporaryFolder folder;
  const Made made = make();
  write_data_set(folder / "a", made.data, made.leakage, kTool);
  write_data_set(folder / "b", make().data, made.leakage, kTool);
  for (const std::string& name : names_in(folder / "a"))
    EXPECT_EQ(file_content(folder / "a" / name), file_content(folder / "b" / name)) << name;
}

TEST(DataSetFilesTest, AnEqualDataSetIsLeftAndAnotherIsKept) {
  const TemporaryFolder folder;
  const Made made = make(1);
  const auto path = folder / "set";
  std::filesystem::create_directory(path);  // an empty folder is as good as none
  const std::string sha256 = write_data_set(path, made.data, made.leakage, kTool).sha256;
  const std::string card = file_content(path / "DATA_CARD.md");

  const WrittenDataSet again =
      write_data_set(path, made.data, made.leakage, {{"version", "another"}});
  EXPECT_TRUE(again.already_there);
  EXPECT_EQ(again.sha256, sha256);

  const Made other = make(2);
  EXPECT_THROW(write_data_set(path, other.data, other.leakage, kTool), ArgumentError);
  EXPECT_EQ(file_content(path / "DATA_CARD.md"), card);
  EXPECT_EQ(read_data_set(path).seed, 1U);

  std::ofstream(path / "DATA_CARD.md") << "changed";
  EXPECT_THROW(write_data_set(path, made.data, made.leakage, kTool), FileError);

  std::filesystem::create_directory(folder / "notes");
  folder.write("notes/mine.txt", "keep");
  EXPECT_THROW(write_data_set(folder / "notes", made.data, made.leakage, kTool), ArgumentError);
  EXPECT_EQ(file_content(folder / "notes" / "mine.txt"), "keep");
  EXPECT_THROW(write_data_set(folder / "notes" / "mine.txt", made.data, made.leakage, kTool),
               Error);
  EXPECT_EQ(file_content(folder / "notes" / "mine.txt"), "keep");
  EXPECT_EQ(names_in(folder.path()), (std::vector<std::string>{"notes", "set"}));
}

TEST(DataSetFilesTest, ChangedFilesAreRefused) {
  const TemporaryFolder folder;
  const Made made = make();
  write_data_set(folder / "set", made.data, made.leakage, kTool);
  for (const std::string& name : names_in(folder / "set")) {
    const std::string content = file_content(folder / "set" / name);
    // Changes that leave JSON what it is, and leave tensors finite.
    std::string changed = content;
    const std::size_t digit = changed.rfind(name == "dataset.json" ? "\"seed\": 1" : "1");
    ASSERT_NE(digit, std::string::npos) << name;
    changed[changed.find('1', digit)] = '2';
    folder.write("set/" + name, changed);
    EXPECT_NE(message_of_reading(folder / "set", ErrorCode::bad_file).find("was changed"),
              std::string::npos)
        << name;
    folder.write("set/" + name, content.substr(0, content.size() / 2));
    EXPECT_NE(message_of_reading(folder / "set", ErrorCode::bad_file), "no error") << name;
    std::filesystem::remove(folder / "set" / name);
    EXPECT_NE(message_of_reading(folder / "set", ErrorCode::not_found), "no error") << name;
    folder.write("set/" + name, content);
  }
  EXPECT_EQ(read_data_set(folder / "set").n_row(), made.data.n_row());
}

TEST(DataSetFilesTest, ForeignFoldersAreRefused) {
  const TemporaryFolder folder;
  EXPECT_NE(message_of_reading(folder / "absent", ErrorCode::not_found).find("is no data set"),
            std::string::npos);
  std::filesystem::create_directory(folder / "set");
  folder.write("set/dataset.json", "{\"title\": \"mine\"}");
  EXPECT_NE(message_of_reading(folder / "set", ErrorCode::bad_file).find("not of a data set"),
            std::string::npos);
  folder.write("set/dataset.json",
               "{\"$schema\": \"urn:gnomon:schema:data_set:2\", \"format\": 2}");
  EXPECT_NE(message_of_reading(folder / "set", ErrorCode::incompatible).find("format 2"),
            std::string::npos);
  folder.write("set/dataset.json", "not JSON");
  EXPECT_NE(message_of_reading(folder / "set", ErrorCode::bad_file), "no error");
  // Whole by its hash, and still not what this version writes.
  Json json = {{"$schema", "urn:gnomon:schema:data_set:1"}, {"format", 1}};
  json["sha256"] = sha256_hex(dump_json(json));
  folder.write("set/dataset.json", dump_json(json));
  EXPECT_NE(message_of_reading(folder / "set", ErrorCode::bad_file).find("not a data set as"),
            std::string::npos);
}

TEST(DataSetTextTest, FitsEightyColumnsAndSaysWhatWasDropped) {
  const Made made = make(2, true);
  for (const bool unicode : {true, false}) {
    TextStyle style;
    style.unicode = unicode;
    const std::string text = data_set_text(made.data, made.leakage, style);
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = text.find('\n', begin);
      EXPECT_LE(display_width(text.substr(begin, end - begin)), 80)
          << text.substr(begin, end - begin);
      begin = end + 1;
    }
    EXPECT_NE(text.find("91 read, 10 duplicates dropped, 1 left out"), std::string::npos) << text;
    EXPECT_NE(text.find("rows dropped; kept of each bin: "), std::string::npos);
    EXPECT_NE(text.find("0 validation rows, 0 test rows"), std::string::npos);
  }
}

TEST(DataSetTextTest, TheCardHasTheCountsAndTheTable) {
  const Made made = make(2, true);
  const std::string card = data_set_card(made.data, made.leakage);
  for (const char* part :
       {"## Texts", "| duplicates dropped | 10 |", "## Groups",
        "near-duplicates: Jaccard at least "
        "0.8 of 5-character shingles",
        "## Parts", "## Balance", "## Leakage", "0 of the validation rows, 0 of the test rows",
        "## `blocks.1.mlp.hook_post[5]@last`", "## `blocks.0.hook_mlp_out[3]@last`",
        "| lookup | – |", "| unigram |", "- short.txt:99: the text is blank"}) {
    EXPECT_NE(card.find(part), std::string::npos) << part;
  }
  // The histogram's counts add up to the rows.
  const std::size_t fence = card.find("```\n") + 4;
  std::istringstream histogram(card.substr(fence, card.find("```", fence) - fence));
  Index n = 0;
  for (std::string line; std::getline(histogram, line);)
    n += std::stoll(line.substr(line.rfind(' ')));
  EXPECT_EQ(n, made.data.n_row());
}

}  // namespace
}  // namespace gnomon::test
