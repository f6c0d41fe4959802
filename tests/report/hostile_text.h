// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <exception>
#include <functional>
#include <string>
#include <string_view>

#include "gnomon/base/error.h"
#include "gnomon/base/random.h"

namespace gnomon::test {

// How many of the beginnings of `text`, and of 3000 copies with one to three bytes changed, `read`
// refuses with an error of ours; anything else it does fails the test.
inline int refused_changes(std::string_view text,
                           const std::function<void(std::string_view)>& read) {
  constexpr std::string_view kBytes("\x00\x01\x7f\x80\xff\xc3{}[]\",:=.#\\-9 eu\n", 23);
  int n_refused = 0;
  const auto try_text = [&](std::string_view changed) {
    try {
      read(changed);
    } catch (const FileError&) {
      ++n_refused;
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what() << "\n" << changed;
    }
  };
  for (std::size_t n = 0; n < text.size(); ++n) try_text(text.substr(0, n));
  Random random(0, "hostile text");
  for (int i = 0; i < 3000; ++i) {
    std::string changed(text);
    const std::uint64_t n_changes = 1 + random.below(3);
    for (std::uint64_t j = 0; j < n_changes; ++j) {
      changed[random.below(changed.size())] = kBytes[random.below(kBytes.size())];
    }
    try_text(changed);
  }
  return n_refused;
}

}  // namespace gnomon::test
