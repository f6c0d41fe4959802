// SPDX-License-Identifier: Apache-2.0
// A study's tensors, written and read back; and files that only look like them.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

#include "analyses/tiny_study.h"
#include "gnomon/base/error.h"
#include "gnomon/report/study_files.h"
#include "gnomon/tensor/safetensors.h"
#include "support/hostile_bytes.h"

namespace gnomon::test {
namespace {

constexpr TinyFamily kFamilies[] = {TinyFamily::gpt2, TinyFamily::llama, TinyFamily::gpt_neox};

std::vector<double> values_of(const Tensor<double>& tensor) {
  return {tensor.values().begin(), tensor.values().end()};
}

void expect_same(const TinyStudy& study, const StoredStudy& stored) {
  const StudyData& a = study.data;
  const StudyData& b = stored.data;
  EXPECT_EQ(site_at_name(a.target.at, a.config), site_at_name(b.target.at, b.config));
  EXPECT_EQ(a.target.kind, b.target.kind);
  EXPECT_EQ(a.precision, b.precision);
  EXPECT_EQ(a.config.architecture, b.config.architecture);
  EXPECT_EQ(a.config.norm_eps, b.config.norm_eps);
  EXPECT_EQ(a.config.rotary_frequency, b.config.rotary_frequency);
  EXPECT_EQ(a.text, b.text);
  EXPECT_EQ(a.position, b.position);
  EXPECT_EQ(a.group, b.group);
  EXPECT_EQ(a.part, b.part);
  EXPECT_EQ(a.activation, b.activation);
  EXPECT_EQ(values_of(a.resid_pre), values_of(b.resid_pre));
  EXPECT_EQ(values_of(a.resid_mid), values_of(b.resid_mid));
  EXPECT_EQ(values_of(a.attn_out), values_of(b.attn_out));
  EXPECT_EQ(a.config.parallel_block, b.config.parallel_block);
  EXPECT_EQ(a.weights, b.weights);
  EXPECT_EQ(values_of(a.resid_post), values_of(b.resid_post));
  EXPECT_EQ(values_of(a.resid_final), values_of(b.resid_final));
  EXPECT_EQ(a.pre, b.pre);
  EXPECT_EQ(a.pre_linear, b.pre_linear);
  EXPECT_EQ(a.post, b.post);
  EXPECT_EQ(study.analysis.head.weight, stored.head.weight);
  EXPECT_EQ(study.analysis.head.bias, stored.head.bias);
  EXPECT_EQ(study.analysis.mean_gradient.gate, stored.mean_gradient.gate);
  EXPECT_EQ(study.analysis.mean_gradient.up, stored.mean_gradient.up);
  ASSERT_EQ(a.neuron.has_value(), b.neuron.has_value());
  if (!a.neuron) return;
  EXPECT_EQ(a.neuron->read, b.neuron->read);
  EXPECT_EQ(a.neuron->read_bias, b.neuron->read_bias);
  EXPECT_EQ(a.neuron->up_read, b.neuron->up_read);
  EXPECT_EQ(a.neuron->write, b.neuron->write);
  EXPECT_EQ(a.neuron->output_bias, b.neuron->output_bias);
  EXPECT_EQ(a.neuron->norm_weight, b.neuron->norm_weight);
  EXPECT_EQ(a.neuron->norm_bias, b.neuron->norm_bias);
}

TEST(StudyTensorsTest, RoundTripGivesTheSameStudyAndLadders) {
  for (const TinyFamily family : kFamilies) {
    const Model& model = tiny_model(family);
    for (const Precision precision : {Precision::float32, Precision::float64}) {
      for (const std::string& target : every_target(model.config())) {
        SCOPED_TRACE(target);
        const TinyStudy study = make_study(model, {.target = target, .precision = precision});
        const TemporaryFolder folder;
        const std::filesystem::path path = folder / "study.safetensors";
        write_study(path, study.data, study.analysis);
        const StoredStudy stored = read_study(path);
        expect_same(study, stored);

        const std::vector<Ladder> again = audit_ladders(
            stored.data, stored.head, stored.mean_gradient, stored.data.rows_of(Part::test),
            stored.data.rows_of(Part::train), {{200, 0.95, 7}});
        ASSERT_EQ(again.size(), study.ladders.size());
        for (std::size_t l = 0; l < again.size(); ++l) {
          ASSERT_EQ(again[l].rungs.size(), study.ladders[l].rungs.size());
          for (std::size_t k = 0; k < again[l].rungs.size(); ++k) {
            EXPECT_EQ(again[l].rungs[k].r, study.ladders[l].rungs[k].r);
            EXPECT_EQ(again[l].rungs[k].interval->ci_low,
                      study.ladders[l].rungs[k].interval->ci_low);
          }
        }
      }
    }
  }
}

// A study file taken apart, changed and put together again.
struct LooseFile {
  struct Part {
    Dtype dtype;
    std::vector<Index> shape;
    std::vector<std::byte> bytes;
  };
  std::map<std::string, Part> parts;
  std::map<std::string, std::string> metadata;

  explicit LooseFile(const std::filesystem::path& path) {
    const SafetensorsFile file(path);
    metadata = file.metadata();
    for (const StoredTensor& tensor : file.tensors()) {
      parts[tensor.name] = {tensor.dtype, tensor.shape, {tensor.bytes.begin(), tensor.bytes.end()}};
    }
  }
  void write(const std::filesystem::path& path) const {
    std::vector<StoredTensor> tensors;
    for (const auto& [name, part] : parts)
      tensors.push_back({name, part.dtype, part.shape, part.bytes});
    write_safetensors(path, tensors, metadata);
  }
};

class HostileStudyTest : public ::testing::Test {
 protected:
  HostileStudyTest() {
    const TinyStudy study = make_study(tiny_model(TinyFamily::llama), {.n_text = 30});
    write_study(path(), study.data, study.analysis);
  }
  std::filesystem::path path() const { return folder_ / "study.safetensors"; }

  // The message of the error that reading the changed file gives; it must be a FileError or name
  // what the file says.
  std::string error_of(const std::function<void(LooseFile&)>& change) const {
    LooseFile loose(path());
    change(loose);
    const std::filesystem::path changed = folder_ / "changed.safetensors";
    loose.write(changed);
    try {
      read_study(changed);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }

 private:
  TemporaryFolder folder_;
};

TEST_F(HostileStudyTest, AWholeFileIsRead) {
  EXPECT_EQ(error_of([](LooseFile&) {}), "no error");
}

TEST_F(HostileStudyTest, AMissingTensorIsAnErrorOrAnOptionalOne) {
  for (const auto& [name, part] : LooseFile(path()).parts) {
    const std::string error =
        error_of([&, left_out = name](LooseFile& file) { file.parts.erase(left_out); });
    EXPECT_NE(error, "no error") << name;
    EXPECT_NE(error.find("changed.safetensors"), std::string::npos) << error;
  }
}

TEST_F(HostileStudyTest, OneRowMoreOrLessIsAnError) {
  for (const auto& [name, part] : LooseFile(path()).parts) {
    const auto with_rows = [&](Index n) {
      return error_of([&, changed = name](LooseFile& file) {
        LooseFile::Part& part_of_file = file.parts.at(changed);
        const std::size_t row =
            part_of_file.bytes.size() / static_cast<std::size_t>(part_of_file.shape[0]);
        part_of_file.shape[0] = n;
        part_of_file.bytes.resize(static_cast<std::size_t>(n) * row);
      });
    };
    const Index n = part.shape[0];
    for (const Index wrong : {n - 1, n + 1, Index{0}})
      EXPECT_NE(with_rows(wrong), "no error") << name << wrong;
  }
}

TEST_F(HostileStudyTest, AnotherTypeOrAxisIsAnError) {
  for (const auto& [name, part] : LooseFile(path()).parts) {
    EXPECT_NE(error_of([&, changed = name](LooseFile& file) {
                Dtype& dtype = file.parts.at(changed).dtype;
                dtype = dtype == Dtype::f64 ? Dtype::i64 : Dtype::f64;
              }),
              "no error")
        << name;
    EXPECT_NE(error_of([&, changed = name](LooseFile& file) {
                file.parts.at(changed).shape.push_back(1);
              }),
              "no error")
        << name;
  }
}

TEST_F(HostileStudyTest, MetadataMustDescribeTheStudy) {
  const auto with = [&](const std::string& key, const std::string& value) {
    return error_of([&](LooseFile& file) { file.metadata[key] = value; });
  };
  EXPECT_NE(with("precision", "float16").find("precision \"float16\""), std::string::npos);
  EXPECT_NE(with("target", "blocks.7.mlp.hook_post[5]@last").find("the model has 2 blocks"),
            std::string::npos);
  EXPECT_NE(with("target", "blocks.0.mlp.hook_post"), "no error");
  EXPECT_NE(with("target", ""), "no error");
  EXPECT_NE(with("model_config", ""), "no error");
  EXPECT_NE(with("model_config", "[]"), "no error");
  EXPECT_NE(with("model_config", "{\"n_layers\": -1}"), "no error");
  // Another width than that of the tensors.
  const std::string config = LooseFile(path()).metadata.at("model_config");
  std::string wider = config;
  wider.replace(wider.find("\"d_model\":24"), 12, "\"d_model\":28");
  EXPECT_NE(with("model_config", wider), "no error");
  for (const char* key : {"precision", "target", "model_config"}) {
    EXPECT_NE(error_of([&](LooseFile& file) {
                file.metadata.erase(key);
              }).find(std::string("metadata \"") + key + "\" is missing"),
              std::string::npos);
  }
}

TEST_F(HostileStudyTest, PartsBeyondTestAreAnError) {
  for (const Index wrong : {Index{3}, Index{-1}, std::numeric_limits<Index>::max()}) {
    EXPECT_NE(error_of([&](LooseFile& file) {
                std::memcpy(file.parts.at("part").bytes.data(), &wrong, sizeof(wrong));
              }).find("expected 0 to 2"),
              std::string::npos);
  }
}

TEST_F(HostileStudyTest, ANumberThatIsNotFiniteIsAnError) {
  for (const auto& [name, part] : LooseFile(path()).parts) {
    if (part.dtype != Dtype::f64) continue;
    for (const double bad :
         {std::numeric_limits<double>::quiet_NaN(), -std::numeric_limits<double>::infinity()}) {
      const std::string error = error_of([&, changed = name](LooseFile& file) {
        std::vector<std::byte>& bytes = file.parts.at(changed).bytes;
        std::memcpy(bytes.data() + bytes.size() - sizeof(bad), &bad, sizeof(bad));
      });
      EXPECT_NE(error.find("tensor \"" + name + "\" is not finite"), std::string::npos) << error;
    }
  }
}

TEST_F(HostileStudyTest, CutAnywhereItIsRefused) {
  const std::string content = file_content(path());
  MemoryFile file;
  HostileCounts counts;
  for (std::size_t n = 0; n < content.size(); n += n < 3000 ? 1 : 1009)
    try_content(
        file, std::string_view(content).substr(0, n), "cut", [](const auto& p) { read_study(p); },
        counts);
  EXPECT_EQ(counts.accepted, 0);
  EXPECT_GT(counts.refused, 3000);
}

}  // namespace
}  // namespace gnomon::test
