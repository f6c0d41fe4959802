// SPDX-License-Identifier: Apache-2.0
// Requests are tested against servers by tests/tools/hub_fetch_test.py.
#include "gnomon/model/detail/http.h"

#include <gtest/gtest.h>

#include "gnomon/base/error.h"

namespace gnomon {
namespace {

TEST(Urls, HaveAnOrigin) {
  EXPECT_EQ(url_origin("https://Hub.Example/a/b?c#d"), "https://hub.example:443");
  EXPECT_EQ(url_origin("http://127.0.0.1:8080"), "http://127.0.0.1:8080");
  EXPECT_EQ(url_origin("https://hub.example:443/x"), url_origin("https://hub.example"));
  EXPECT_NE(url_origin("http://hub.example"), url_origin("https://hub.example"));
  EXPECT_NE(url_origin("https://hub.example:444"), url_origin("https://hub.example"));
  EXPECT_NE(url_origin("https://hub.example.evil"), url_origin("https://hub.example"));
  EXPECT_EQ(url_origin("https://hub.example@evil.example/"), "https://evil.example:443");
  for (const char* other : {"", "file:///etc/passwd", "ftp://host/x", "/relative", "gopher://h"})
    EXPECT_EQ(url_origin(other), "") << other;
}

TEST(Urls, AreEncoded) {
  EXPECT_EQ(url_encoded("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(url_encoded("refs/pr/1"), "refs%2Fpr%2F1");
  EXPECT_EQ(url_encoded("a b/ä?#%", "/"), "a%20b/%C3%A4%3F%23%25");
}

TEST(Http, RefusesAddressesOfOtherKinds) {
  HttpClient client;
  HttpRequest request;
  for (const char* other : {"file:///etc/passwd", "", "ftp://host/x"}) {
    request.url = other;
    EXPECT_THROW(client.send(request), ArgumentError) << other;
  }
}

TEST(Http, SaysWhyThereIsNoAnswer) {
  HttpClient client;
  HttpRequest request;
  request.url = "http://127.0.0.1:1/";  // a port that nothing listens on
  const HttpAnswer answer = client.send(request);
  EXPECT_FALSE(answer.is_complete());
  EXPECT_EQ(answer.status, 0);
  EXPECT_EQ(answer.host, "127.0.0.1");
}

}  // namespace
}  // namespace gnomon
