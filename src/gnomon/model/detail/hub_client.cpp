// SPDX-License-Identifier: Apache-2.0
#include "gnomon/model/detail/hub_client.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <system_error>
#include <thread>
#include <utility>

#include "gnomon/base/error.h"
#include "gnomon/base/interrupt.h"
#include "gnomon/base/quote.h"
#include "gnomon/model/detail/hub_refusals.h"
#include "gnomon/model/hub_cache.h"

namespace gnomon {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kMostAttempts = 5;
constexpr milliseconds kFirstWait{500};  // doubled each time
constexpr seconds kLongestWait{120};

bool may_change(const HttpAnswer& answer) {
  const int status = answer.status;
  if (!answer.is_complete()) return !answer.is_lasting;
  return status == 408 || status == 429 || status >= 500;
}

void wait(milliseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < end) {
    check_interrupted();
    std::this_thread::sleep_for(milliseconds(50));
  }
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// W/"abc" is abc.
std::string normalised_etag(std::string_view etag) {
  if (etag.starts_with("W/")) etag.remove_prefix(2);
  while (etag.starts_with('"')) etag.remove_prefix(1);
  while (etag.ends_with('"')) etag.remove_suffix(1);
  return std::string(etag);
}

// Of `Content-Range: bytes 100-199/200`, 100.
std::optional<std::uint64_t> range_begin(std::string_view content_range) {
  constexpr std::string_view kUnit = "bytes ";
  if (!content_range.starts_with(kUnit)) return std::nullopt;
  content_range.remove_prefix(kUnit.size());
  return number(content_range.substr(0, content_range.find('-')));
}

}  // namespace

// A blob as far as it has arrived.
class HubClient::Part {
 public:
  Part(std::filesystem::path path, std::string hint)
      : path_(std::move(path)),
        hint_(std::move(hint)),
        descriptor_(::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666)) {
    if (descriptor_ < 0) fail();
    struct stat status {};
    if (::fstat(descriptor_, &status) != 0) {
      ::close(descriptor_);
      fail();
    }
    size_ = static_cast<std::uint64_t>(status.st_size);
  }
  ~Part() { ::close(descriptor_); }
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;

  std::uint64_t size() const { return size_; }

  // At its place in the file, not at the file's end: where another process writes the same part
  // because the file system gave both the lock, both write the same bytes to the same places.
  void append(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t n =
          ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(size_));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) fail();
      size_ += static_cast<std::uint64_t>(n);
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
  }
  void clear() {
    if (::ftruncate(descriptor_, 0) != 0) fail();
    size_ = 0;
  }
  void flush() const {
    if (::fsync(descriptor_) != 0 && errno != EINVAL) fail();
  }

 private:
  [[noreturn]] void fail() const {
    throw FileError(ErrorCode::write_failed,
                    fmt::format("\"{}\" cannot be written: {}", path_.string(),
                                std::generic_category().message(errno != 0 ? errno : EIO)),
                    hint_);
  }

  std::filesystem::path path_;
  std::string hint_;
  int descriptor_;
  std::uint64_t size_ = 0;
};

HubClient::HubClient(const HubId& id, const HubSettings& settings, std::optional<std::string> token,
                     Note note)
    : id_(id), settings_(settings), token_(std::move(token)), note_(std::move(note)) {}

std::string HubClient::subject(const std::string& file) const {
  const std::string text = fmt::format("fetch {}@{}", id_.repository(), id_.revision);
  return file.empty() ? text : fmt::format("{}: {}", text, quote(file));
}

HttpRequest HubClient::request(const std::string& path) const {
  HttpRequest request;
  request.url = settings_.endpoint + path;
  request.token = token_;
  request.silence = settings_.etag_timeout;
  return request;
}

std::string HubClient::file_path(const std::string& commit, const std::string& file) const {
  return fmt::format("/{}/resolve/{}/{}", id_.repository(), commit, url_encoded(file, "/"));
}

HubClient::Outcome HubClient::persist(const std::string& file,
                                      const std::function<HttpAnswer()>& attempt,
                                      const std::function<bool()>& progressed) {
  Outcome outcome;
  for (outcome.n_attempt = 1;; ++outcome.n_attempt) {
    check_interrupted();
    outcome.answer = attempt();
    const HttpAnswer& answer = outcome.answer;
    if (!may_change(answer)) return outcome;
    if (progressed()) outcome.n_attempt = 1;
    if (outcome.n_attempt == kMostAttempts) return outcome;
    const milliseconds pause = answer.retry_after ? milliseconds(*answer.retry_after)
                                                  : kFirstWait * (1 << (outcome.n_attempt - 1));
    if (pause > kLongestWait) return outcome;
    note_(fmt::format(
        "{}: {}: {}; again in {:.1f} s", subject(file), answer.host,
        answer.is_complete() ? fmt::format("answered {}", answer.status) : answer.failure,
        static_cast<double>(pause.count()) / 1000));
    wait(pause);
  }
}

void HubClient::require(const Outcome& outcome, const std::string& file) const {
  const int status = outcome.answer.status;
  if (outcome.answer.is_complete() && (status == 200 || status == 206)) return;
  throw hub_refusal(outcome.answer, {id_, subject(file), !file.empty(), settings_.endpoint,
                                     token_.has_value(), outcome.n_attempt});
}

std::string HubClient::listing() {
  // The query asks for the sizes.
  const HttpRequest asked = request(fmt::format("/api/models/{}/revision/{}?blobs=true",
                                                id_.repository(), url_encoded(id_.revision)));
  Outcome outcome = persist(
      "", [&] { return http_.send(asked); }, [] { return false; });
  require(outcome, "");
  return std::move(outcome.answer.body);
}

HubFileFacts HubClient::facts(const std::string& commit, const std::string& file) {
  HttpRequest asked = request(file_path(commit, file));
  asked.head = true;
  asked.stay_at_origin = true;
  const Outcome outcome = persist(
      file, [&] { return http_.send(asked); }, [] { return false; });
  const HttpAnswer& answer = outcome.answer;
  const bool is_elsewhere = answer.is_complete() && answer.status >= 300 && answer.status < 400;
  if (!is_elsewhere) require(outcome, file);
  const HttpHeaders& headers = answer.origin_headers;
  if (const std::string_view found = header(headers, "x-repo-commit");
      !found.empty() && found != commit) {
    throw FileError(fmt::format("{}: {} gave it at commit {}, expected {}", subject(file),
                                answer.host, quote(found), commit));
  }
  const std::string_view linked = header(headers, "x-linked-etag");
  HubFileFacts facts;
  facts.etag = normalised_etag(linked.empty() ? header(headers, "etag") : linked);
  if (!is_content_hash(facts.etag)) {
    throw FileError(fmt::format("{}: {} gave the ETag {}, expected the SHA-256 or git SHA-1 of the "
                                "content: without it nothing that arrives can be checked",
                                subject(file), answer.host, quote(facts.etag)),
                    "fetch it from another HF_ENDPOINT");
  }
  facts.bytes = number(header(headers, "x-linked-size"));
  if (!facts.bytes && !is_elsewhere) facts.bytes = number(header(headers, "content-length"));
  return facts;
}

HttpAnswer HubClient::receive(const HttpRequest& asked, std::uint64_t bytes, Part& part,
                              const std::string& file, const Arrived& arrived) {
  HttpSink sink;
  sink.begin = [&](int status, const HttpHeaders& headers) {
    if (status == 200) {
      part.clear();
      arrived(0);
    } else if (range_begin(header(headers, "content-range")) != part.size()) {
      throw FileError(fmt::format("{}: the range is {}, expected one from byte {}", subject(file),
                                  quote(header(headers, "content-range")), part.size()));
    }
  };
  sink.bytes = [&](std::span<const std::byte> piece) {
    if (piece.size() > bytes - part.size()) {
      part.clear();
      throw FileError(
          fmt::format("{}: more than the {} bytes came that the hub stated; they were not kept",
                      subject(file), bytes));
    }
    part.append(piece);
    arrived(part.size());
  };
  HttpAnswer answer = http_.send(asked, &sink);
  if (answer.is_complete() && (answer.status == 200 || answer.status == 206) &&
      part.size() < bytes) {
    answer.failure = fmt::format("it ended after {} of {} bytes", part.size(), bytes);
  }
  return answer;
}

void HubClient::download(const std::string& commit, const std::string& file, std::uint64_t bytes,
                         const std::filesystem::path& path, const Arrived& arrived) {
  Part part(path, fmt::format("free some space, or set HF_HOME to a folder on another disk, then "
                              "gnomon model fetch {}   (goes on where this stopped)",
                              id_.text()));
  if (part.size() > bytes) part.clear();
  arrived(part.size());
  std::uint64_t before = 0;
  const auto attempt = [&] {
    before = part.size();
    HttpRequest asked = request(file_path(commit, file));
    asked.silence = settings_.download_timeout;
    if (part.size() > 0) asked.range_from = part.size();
    HttpAnswer answer = receive(asked, bytes, part, file, arrived);
    if (answer.status == 416 && part.size() > 0) {
      // What is there is not the beginning of the server's file.
      part.clear();
      arrived(0);
      before = 0;
      asked.range_from.reset();
      answer = receive(asked, bytes, part, file, arrived);
    }
    return answer;
  };
  if (part.size() < bytes)
    require(persist(file, attempt, [&] { return part.size() > before; }), file);
  part.flush();
}

}  // namespace gnomon
