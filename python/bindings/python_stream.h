// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nanobind/nanobind.h>

#include <ostream>
#include <streambuf>
#include <string>

namespace gnomon::python {

// An ostream into sys.stdout or sys.stderr as Python has it at the time of writing: a notebook's
// cell, pytest's capture, a terminal. Takes the interpreter's lock where it writes. What Python
// cannot write is dropped: progress must not end a run.
class PythonStream {
 public:
  explicit PythonStream(const char* name) : buffer_(name), stream_(&buffer_) {}

  std::ostream& stream() { return stream_; }
  bool is_terminal() const;

 private:
  class Buffer : public std::streambuf {
   public:
    explicit Buffer(const char* name) : name_(name) {}
    ~Buffer() override { sync(); }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    const char* name() const { return name_; }

   protected:
    int_type overflow(int_type c) override;
    std::streamsize xsputn(const char* text, std::streamsize n) override;
    int sync() override;

   private:
    const char* name_;
    std::string pending_;
  };

  Buffer buffer_;
  std::ostream stream_;
};

}  // namespace gnomon::python
