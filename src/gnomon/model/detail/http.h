// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace gnomon {

// Of an answer, by name in lower case; of a name that stands several times, the last. Untrusted.
using HttpHeaders = std::map<std::string, std::string, std::less<>>;
std::string_view header(const HttpHeaders& headers, std::string_view name);

struct HttpRequest {
  std::string url;
  bool head = false;
  std::optional<std::string> token;         // sent as "Authorization: Bearer"
  std::optional<std::uint64_t> range_from;  // "Range: bytes=N-"
  // Without a byte for so long, or without a connection, the request is given up.
  std::chrono::seconds silence{10};
  // A redirect to another origin is the answer; else it is followed, without the token.
  bool stay_at_origin = false;
};

struct HttpAnswer {
  int status = 0;       // of the last answer; 0 where none came
  HttpHeaders headers;  // the last answer's
  // What the first origin's answers said on the way, the last of them: an answer that redirects to
  // a store of files names the file's hash, and the store need not be believed.
  HttpHeaders origin_headers;
  std::string host;  // that gave the last answer
  std::string body;  // where no sink was given; at most 64 MiB
  std::optional<std::chrono::seconds> retry_after;
  std::string failure;      // why it is not complete; empty where it is
  bool is_lasting = false;  // whether asking again would end the same way

  bool is_complete() const { return failure.empty(); }
};

// Takes the bytes of an answer of status 200 or 206. `begin` is called before the first of them,
// and for an empty body too. Either may throw, which ends the request.
struct HttpSink {
  std::function<void(int status, const HttpHeaders&)> begin;
  std::function<void(std::span<const std::byte>)> bytes;
};

// Scheme, host in lower case and port of an http or https address: the unit of trust of a token.
// Empty for any other text.
std::string url_origin(const std::string& url);
// All but A-Z a-z 0-9 - . _ ~ and the characters of `kept` as %XX (RFC 3986, section 2.3).
std::string url_encoded(std::string_view text, std::string_view kept = "");

// Makes requests over connections that it keeps. Not for several threads at once.
class HttpClient {
 public:
  HttpClient();
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // One request and, at most ten times, where it is redirected to. The token goes to the origin of
  // request.url only; after a redirect to another origin it is not sent again in this exchange.
  // From https to http nothing is followed. A server that cannot be reached, is silent too long or
  // closes early is a `failure` of the answer. Throws what the sink throws, and Error
  // (interrupted).
  HttpAnswer send(const HttpRequest& request, const HttpSink* sink = nullptr);

 private:
  struct Handle;
  std::unique_ptr<Handle> handle_;
};

}  // namespace gnomon
