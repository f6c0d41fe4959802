// SPDX-License-Identifier: Apache-2.0
// REPLAY SEEDS N: gives a fuzz target the files of a folder, every beginning of the small ones, and
// N random changes of them; the same every time. It stands in for libFuzzer where there is only
// GCC: a finding ends the process.
#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "gnomon/base/random.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLongest = 1 << 16;
constexpr std::size_t kLongestForBeginnings = 512;
// What means something in one of the formats, or is at the edge of a type.
constexpr std::array<std::string_view, 26> kWords = {"{",
                                                     "}",
                                                     "[",
                                                     "]",
                                                     ",",
                                                     ":",
                                                     "\"",
                                                     "\\u0000",
                                                     "null",
                                                     "true",
                                                     "-1",
                                                     "1e999",
                                                     "-0.0",
                                                     "18446744073709551615",
                                                     "9223372036854775808",
                                                     "-9223372036854775808",
                                                     "0.5",
                                                     "\"\"",
                                                     "[]",
                                                     "{}",
                                                     "../",
                                                     "\xff\xff\xff\xff",
                                                     "\x80",
                                                     std::string_view("\0\0\0\0\0\0\0\0", 8),
                                                     std::string_view("\0\0\0\0\0\0\0\x80", 8),
                                                     "\xff\xff\xff\xff\xff\xff\xff\x7f"};

class Mutator {
 public:
  Mutator(const std::vector<std::string>& seeds, std::string_view name)
      : seeds_(seeds), random_(1, name) {}

  std::string next() {
    std::string input = seeds_[below(seeds_.size())];
    const std::size_t n_change = 1 + below(4);
    for (std::size_t i = 0; i < n_change; ++i) change(input);
    input.resize(std::min(input.size(), kLongest));
    return input;
  }

 private:
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(random_.below(n)); }
  std::size_t place(const std::string& input) { return below(input.size() + 1); }
  char byte() { return static_cast<char>(below(256)); }

  void change(std::string& input) {
    if (input.empty()) input += byte();
    const std::size_t at = below(input.size());
    const std::size_t n = 1 + below(std::min<std::size_t>(64, input.size() - at));
    switch (below(8)) {
      case 0:
        input[at] = static_cast<char>(input[at] ^ (1 << below(8)));
        return;
      case 1:
        input[at] = byte();
        return;
      case 2:
        input.erase(at, n);
        return;
      case 3:
        input.insert(place(input), input.substr(at, n));
        return;
      case 4:
        input.insert(place(input), kWords[below(kWords.size())]);
        return;
      case 5: {
        const std::string_view word = kWords[below(kWords.size())];
        input.replace(at, word.size(), word);
        return;
      }
      case 6:
        replace_number(input, at);
        return;
      default: {
        const std::string& other = seeds_[below(seeds_.size())];
        if (!other.empty()) input.replace(at, n, other.substr(below(other.size()), n));
        return;
      }
    }
  }

  // The digits at or after a place by another word: a number of the wrong size or type.
  void replace_number(std::string& input, std::size_t at) {
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    const auto first =
        std::find_if(input.begin() + static_cast<std::ptrdiff_t>(at), input.end(), is_digit);
    const auto last = std::find_if_not(first, input.end(), is_digit);
    const std::string_view word = kWords[8 + below(12)];
    if (first != last) input.replace(first, last, word.begin(), word.end());
  }

  const std::vector<std::string>& seeds_;
  gnomon::Random random_;
};

void run(std::string_view input) {
  // A copy of exactly this size, so that the sanitizer sees a read beyond it.
  const std::vector<std::uint8_t> bytes(input.begin(), input.end());
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

std::vector<std::string> read_seeds(const fs::path& folder) {
  std::vector<fs::path> paths;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder))
    paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> seeds;
  for (const fs::path& path : paths) {
    std::ifstream file(path, std::ios::binary);
    seeds.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return seeds;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> seeds =
      argc == 3 ? read_seeds(argv[1]) : std::vector<std::string>();
  if (seeds.empty()) {
    std::cerr << "usage: " << argv[0] << " FOLDER_OF_SEEDS NUMBER_OF_CHANGES\n";
    return 2;
  }
  std::size_t n_run = 0;
  for (const std::string& seed : seeds) {
    run(seed);
    const std::size_t n_beginning = std::min(seed.size(), kLongestForBeginnings);
    for (std::size_t n = 0; n < n_beginning; ++n) run(std::string_view(seed).substr(0, n));
    n_run += 1 + n_beginning;
  }
  Mutator mutator(seeds, fs::path(argv[1]).filename().string());
  const auto n_change = std::stoull(argv[2]);
  for (unsigned long long i = 0; i < n_change; ++i) run(mutator.next());
  std::cout << n_run + n_change << " inputs\n";
  return 0;
}
