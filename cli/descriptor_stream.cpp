// SPDX-License-Identifier: Apache-2.0
#include "cli/descriptor_stream.h"

#include <unistd.h>

#include <cerrno>

namespace gnomon::cli {

DescriptorBuffer::DescriptorBuffer(int descriptor) : descriptor_(descriptor) {
  setp(buffer_.data(), buffer_.data() + buffer_.size());
}

DescriptorBuffer::~DescriptorBuffer() { write_out(); }

bool DescriptorBuffer::write_out() {
  const char* next = pbase();
  while (next < pptr() && error_number_ == 0) {
    const ssize_t n = ::write(descriptor_, next, static_cast<std::size_t>(pptr() - next));
    if (n >= 0) {
      next += n;
    } else if (errno != EINTR) {
      error_number_ = errno;
    }
  }
  setp(buffer_.data(), buffer_.data() + buffer_.size());
  return error_number_ == 0;
}

DescriptorBuffer::int_type DescriptorBuffer::overflow(int_type c) {
  if (!write_out()) return traits_type::eof();
  if (!traits_type::eq_int_type(c, traits_type::eof())) {
    *pptr() = traits_type::to_char_type(c);
    pbump(1);
  }
  return traits_type::not_eof(c);
}

int DescriptorBuffer::sync() { return write_out() ? 0 : -1; }

}  // namespace gnomon::cli
