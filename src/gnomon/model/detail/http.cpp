// SPDX-License-Identifier: Apache-2.0
#include "gnomon/model/detail/http.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <array>
#include <exception>
#include <utility>

#include "gnomon/base/error.h"
#include "gnomon/base/interrupt.h"
#include "gnomon/base/quote.h"

namespace gnomon {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kMostRedirects = 10;
constexpr std::size_t kLargestBody = std::size_t{64} << 20;
constexpr std::size_t kMostHeaders = 200;

void start_curl() {
  static const bool started = [] {
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
      throw InternalError("libcurl cannot be started");
    return true;
  }();
  static_cast<void>(started);
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") + 1 - begin);
}

class Url {
 public:
  Url() : url_(curl_url(), &curl_url_cleanup) {}

  // An address, or one relative to what was set before; false where it is none of http and https.
  bool set(const std::string& text) {
    return curl_url_set(url_.get(), CURLUPART_URL, text.c_str(), 0) == CURLUE_OK &&
           (part(CURLUPART_SCHEME) == "http" || part(CURLUPART_SCHEME) == "https");
  }
  std::string part(CURLUPart which) const {
    char* text = nullptr;
    if (curl_url_get(url_.get(), which, &text, CURLU_DEFAULT_PORT) != CURLUE_OK) return {};
    std::string result(text);
    curl_free(text);
    return result;
  }
  std::string host() const { return lower(part(CURLUPART_HOST)); }
  std::string origin() const {
    return fmt::format("{}://{}:{}", part(CURLUPART_SCHEME), host(), part(CURLUPART_PORT));
  }
  std::string str() const { return part(CURLUPART_URL); }

 private:
  std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url_;
};

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

class HeaderList {
 public:
  ~HeaderList() { curl_slist_free_all(list_); }
  HeaderList() = default;
  HeaderList(const HeaderList&) = delete;
  HeaderList& operator=(const HeaderList&) = delete;
  void add(const std::string& line) {
    curl_slist* longer = curl_slist_append(list_, line.c_str());
    if (longer == nullptr) throw Error(ErrorCode::out_of_resources, "no memory for a request");
    list_ = longer;
  }
  curl_slist* get() const { return list_; }

 private:
  curl_slist* list_ = nullptr;
};

// One answer as it arrives. libcurl is C: what is thrown on the way is kept and thrown after it.
struct Reception {
  const HttpSink* sink = nullptr;
  HttpAnswer answer;
  bool begun = false;
  std::chrono::seconds silence{};
  Clock::time_point last_byte = Clock::now();
  std::exception_ptr thrown;

  // libcurl's own limit looks at the mean of some seconds, which a fast beginning keeps up.
  bool is_silent() const { return Clock::now() - last_byte >= silence; }
  bool takes_bytes() const {
    return sink != nullptr && (answer.status == 200 || answer.status == 206);
  }
  void begin() {
    if (!takes_bytes() || std::exchange(begun, true)) return;
    sink->begin(answer.status, answer.headers);
  }
  void take(std::span<const std::byte> bytes) {
    deliver(bytes);
    // After the sink: a slow disk is not a silent server.
    last_byte = Clock::now();
  }
  void deliver(std::span<const std::byte> bytes) {
    if (takes_bytes()) {
      begin();
      sink->bytes(bytes);
    } else if (answer.body.size() + bytes.size() <= kLargestBody) {
      answer.body.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    } else {
      throw FileError(fmt::format("\"{}\" sent more than {} MiB", answer.host, kLargestBody >> 20));
    }
  }
  void take_header(std::string_view line) {
    last_byte = Clock::now();
    if (line.starts_with("HTTP/")) {
      // Also after "100 Continue" and a proxy's own answer.
      answer.headers.clear();
      const std::size_t space = line.find(' ');
      answer.status = 0;
      for (std::size_t i = space + 1; space != std::string_view::npos && i < line.size(); ++i) {
        if (line[i] < '0' || line[i] > '9' || answer.status > 99) break;
        answer.status = 10 * answer.status + (line[i] - '0');
      }
      return;
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || answer.headers.size() >= kMostHeaders) return;
    answer.headers[lower(trimmed(line.substr(0, colon)))] = trimmed(line.substr(colon + 1));
  }
};

template <class Body>
std::size_t guarded(Reception& reception, std::size_t taken, Body body) {
  try {
    body();
    return taken;
  } catch (...) {
    reception.thrown = std::current_exception();
    return taken + 1;  // any other number than what was offered ends the transfer
  }
}

std::size_t on_bytes(char* data, std::size_t size, std::size_t n, void* reception) {
  auto& to = *static_cast<Reception*>(reception);
  return guarded(to, size * n, [&] { to.take(std::as_bytes(std::span(data, size * n))); });
}

std::size_t on_header(char* data, std::size_t size, std::size_t n, void* reception) {
  auto& to = *static_cast<Reception*>(reception);
  return guarded(to, size * n, [&] { to.take_header({data, size * n}); });
}

// Called once a second where nothing comes, and more often where something does.
int on_progress(void* reception, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  auto& to = *static_cast<Reception*>(reception);
  if (guarded(to, 0, [] { check_interrupted(); }) != 0) return 1;
  return to.is_silent() ? 1 : 0;
}

}  // namespace

std::string_view header(const HttpHeaders& headers, std::string_view name) {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

std::string url_origin(const std::string& url) {
  Url parsed;
  return parsed.set(url) ? parsed.origin() : std::string();
}

std::string url_encoded(std::string_view text, std::string_view kept) {
  std::string result;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~' ||
                       kept.find(c) != std::string_view::npos;
    if (plain) {
      result += c;
    } else {
      result += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return result;
}

struct HttpClient::Handle {
  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl{curl_easy_init(), &curl_easy_cleanup};

  template <class Value>
  void set(CURLoption option, Value value) const {
    if (curl_easy_setopt(curl.get(), option, value) != CURLE_OK)
      throw InternalError(fmt::format("libcurl refuses option {}", static_cast<int>(option)));
  }

  HttpAnswer send_once(const std::string& url, const HttpRequest& request, bool with_token,
                       const HttpSink* sink) const {
    curl_easy_reset(curl.get());
    Reception reception;
    reception.sink = sink;
    reception.silence = request.silence;
    HeaderList headers;
    // Compressed bytes are not those that the hub's hash is about.
    headers.add("Accept-Encoding: identity");
    if (with_token && request.token) headers.add("Authorization: Bearer " + *request.token);
    if (request.range_from) headers.add(fmt::format("Range: bytes={}-", *request.range_from));
    set(CURLOPT_URL, url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_NOBODY, request.head ? 1L : 0L);
    set(CURLOPT_USERAGENT, "gnomon");
    set(CURLOPT_HTTPHEADER, headers.get());
    set(CURLOPT_CONNECTTIMEOUT, static_cast<long>(request.silence.count()));
    set(CURLOPT_WRITEFUNCTION, &on_bytes);
    set(CURLOPT_WRITEDATA, &reception);
    set(CURLOPT_HEADERFUNCTION, &on_header);
    set(CURLOPT_HEADERDATA, &reception);
    set(CURLOPT_NOPROGRESS, 0L);
    set(CURLOPT_XFERINFOFUNCTION, &on_progress);
    set(CURLOPT_XFERINFODATA, &reception);
    std::array<char, CURL_ERROR_SIZE> detail{};
    set(CURLOPT_ERRORBUFFER, detail.data());
    const CURLcode code = curl_easy_perform(curl.get());
    if (reception.thrown) std::rethrow_exception(reception.thrown);
    HttpAnswer& answer = reception.answer;
    if (code == CURLE_OK) {
      reception.begin();
    } else if (code == CURLE_OPERATION_TIMEDOUT || reception.is_silent()) {
      answer.failure = fmt::format("nothing came for {} s", request.silence.count());
    } else {
      const std::string said = detail[0] != '\0' ? detail.data() : curl_easy_strerror(code);
      answer.failure = quote(said, 300);
      answer.is_lasting =
          code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE;
    }
    curl_off_t wait = 0;
    if (curl_easy_getinfo(curl.get(), CURLINFO_RETRY_AFTER, &wait) == CURLE_OK && wait > 0)
      answer.retry_after = std::chrono::seconds(wait);
    return std::move(answer);
  }
};

HttpClient::HttpClient() {
  start_curl();
  handle_ = std::make_unique<Handle>();
  if (!handle_->curl) throw InternalError("libcurl gives no handle");
}

HttpClient::~HttpClient() = default;

HttpAnswer HttpClient::send(const HttpRequest& request, const HttpSink* sink) {
  Url url;
  if (!url.set(request.url))
    throw ArgumentError(fmt::format("{}, expected an http or https address", quote(request.url)));
  const std::string origin = url.origin();
  bool at_origin = true;
  HttpHeaders origin_headers;
  for (int n_redirect = 0;; ++n_redirect) {
    HttpAnswer answer = handle_->send_once(url.str(), request, at_origin, sink);
    answer.host = url.host();
    if (at_origin) {
      for (const auto& [name, value] : answer.headers) origin_headers[name] = value;
    }
    answer.origin_headers = origin_headers;
    const std::string location(header(answer.headers, "location"));
    if (!answer.is_complete() || !is_redirect(answer.status) || location.empty()) return answer;
    const bool was_secure = url.str().starts_with("https:");
    if (!url.set(location) || (was_secure && !url.str().starts_with("https:"))) {
      answer.failure = "it redirects to an address that is not https";
      if (!was_secure) answer.failure = "it redirects to an address that is neither http nor https";
      answer.is_lasting = true;
      return answer;
    }
    at_origin = at_origin && url.origin() == origin;
    if (!at_origin && request.stay_at_origin) return answer;
    if (n_redirect == kMostRedirects) {
      answer.failure = fmt::format("it redirects more than {} times", kMostRedirects);
      answer.is_lasting = true;
      return answer;
    }
  }
}

}  // namespace gnomon
