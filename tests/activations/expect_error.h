// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "gnomon/base/error.h"

namespace gnomon::test {

template <class Body>
void expect_error(ErrorCode code, const std::string& part, const Body& body) {
  try {
    body();
    ADD_FAILURE() << "no error, expected one that says: " << part;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos)
        << error.what() << "\nexpected: " << part;
  }
}

}  // namespace gnomon::test
