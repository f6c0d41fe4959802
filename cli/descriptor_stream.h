// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <streambuf>

namespace gnomon::cli {

// Writes to a file descriptor and remembers why it could not: a closed pipe is no failure of the
// command, a full disk is.
class DescriptorBuffer : public std::streambuf {
 public:
  explicit DescriptorBuffer(int descriptor);
  ~DescriptorBuffer() override;
  DescriptorBuffer(const DescriptorBuffer&) = delete;
  DescriptorBuffer& operator=(const DescriptorBuffer&) = delete;

  int error_number() const { return error_number_; }  // 0 where all was written

 protected:
  int_type overflow(int_type c) override;
  int sync() override;

 private:
  bool write_out();

  int descriptor_;
  int error_number_ = 0;
  std::array<char, 8192> buffer_ = {};
};

}  // namespace gnomon::cli
