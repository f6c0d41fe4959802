// SPDX-License-Identifier: Apache-2.0
#include "gnomon/tensor/tensor.h"

#include <gtest/gtest.h>

#include "gnomon/base/error.h"
#include "gnomon/tensor/dtype.h"

namespace gnomon {
namespace {

TEST(Tensor, IsRowMajorAndZeroed) {
  Tensor<float> t({2, 3, 4});
  EXPECT_EQ(t.size(), 24);
  for (const float value : t.values()) EXPECT_EQ(value, 0.0F);
  const MatrixView<float> m = t.matrix();
  EXPECT_EQ(m.rows, 6);
  EXPECT_EQ(m.cols, 4);
  m(5, 3) = 7;
  EXPECT_EQ(t.data()[23], 7.0F);
}

TEST(Tensor, WithoutAxesIsOneByOne) {
  Tensor<double> t(std::vector<Index>{});
  EXPECT_EQ(t.size(), 1);
  EXPECT_EQ(t.matrix().rows, 1);
  EXPECT_EQ(t.matrix().cols, 1);
}

TEST(Tensor, OfNoElementsHasNoRowsWhereItsRowsAreEmpty) {
  EXPECT_EQ(Tensor<float>({3, 0}).matrix().rows, 0);
  EXPECT_EQ(Tensor<float>({0, 3}).matrix().rows, 0);
  EXPECT_EQ(Tensor<float>({0, 3}).matrix().cols, 3);
}

TEST(Tensor, RefusesShapesWithoutASize) {
  const std::vector<Index> negative{-1};
  const std::vector<Index> huge{Index{1} << 40, Index{1} << 40};
  EXPECT_THROW(Tensor<float>{negative}, ShapeError);
  EXPECT_THROW(Tensor<float>{huge}, ShapeError);
  EXPECT_THROW(Tensor<float>({2, 2}, {1, 2, 3}), ShapeError);
}

TEST(Tensor, ShapesReadAsText) {
  EXPECT_EQ(shape_text({3, 768}), "[3, 768]");
  EXPECT_EQ(shape_text({}), "[]");
}

TEST(View, SelectsColumnsAndRowsWithoutCopying) {
  std::vector<float> values = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  const MatrixView<float> m(values.data(), 3, 4);
  const MatrixView<const float> middle = m.columns(1, 2);
  EXPECT_EQ(middle(2, 1), 10.0F);
  EXPECT_EQ(middle.stride, 4);
  EXPECT_EQ(middle.row(1).size(), 2U);
  EXPECT_EQ(middle.row(1)[0], 5.0F);
  EXPECT_EQ(m.row_range(1, 2)(0, 0), 4.0F);
}

// Sizes of GGML's blocks: gguf.GGML_QUANT_SIZES of the Python package.
TEST(Dtype, HasGgmlsBlockSizes) {
  struct Row {
    Dtype dtype;
    Index size, bytes;
  };
  for (const Row& row :
       {Row{Dtype::f64, 1, 8}, Row{Dtype::bf16, 1, 2}, Row{Dtype::q4_0, 32, 18},
        Row{Dtype::q4_1, 32, 20}, Row{Dtype::q5_0, 32, 22}, Row{Dtype::q5_1, 32, 24},
        Row{Dtype::q8_0, 32, 34}, Row{Dtype::q4_k, 256, 144}, Row{Dtype::q5_k, 256, 176},
        Row{Dtype::q6_k, 256, 210}}) {
    EXPECT_EQ(dtype_info(row.dtype).block_size, row.size) << dtype_info(row.dtype).name;
    EXPECT_EQ(dtype_info(row.dtype).block_bytes, row.bytes) << dtype_info(row.dtype).name;
  }
}

}  // namespace
}  // namespace gnomon
