// SPDX-License-Identifier: Apache-2.0
#include "gnomon/model/detail/hub_refusals.h"

#include <fmt/format.h>

#include "gnomon/base/quote.h"

namespace gnomon {
namespace {

std::string times(int n_attempt) {
  return n_attempt > 1 ? fmt::format(", {} times in a row", n_attempt) : "";
}

// Of the server's own words, which may be anything.
std::string said(const HttpAnswer& answer) {
  const std::string_view message = header(answer.headers, "x-error-message");
  return message.empty() ? "" : ": " + quote(message, 200);
}

std::string about_token(const HubQuestion& question) {
  const std::string terms = fmt::format("for a gated model, accept its terms at {}/{}",
                                        question.endpoint, question.id.repository());
  return question.has_token
             ? fmt::format("check the name; the token that was sent may not read it; {}", terms)
             : fmt::format(
                   "check the name; for a private or gated model set HF_TOKEN or write the "
                   "token to the file \"token\" in HF_HOME; {}",
                   terms);
}

FileError not_found(const std::string& answered, const HttpAnswer& answer,
                    const HubQuestion& question, const std::string& again) {
  const std::string_view code = header(answer.headers, "x-error-code");
  if (code == "RevisionNotFound")
    return {
        ErrorCode::not_found,
        fmt::format("{}: the repository has no revision {}", answered, quote(question.id.revision)),
        fmt::format("give a branch, tag or commit of {}/{}", question.endpoint,
                    question.id.repository())};
  if (code == "EntryNotFound" || (code.empty() && question.is_file))
    return {ErrorCode::not_found, answered + ": there is no such file", again};
  return {ErrorCode::not_found, answered + ": there is no such repository" + said(answer),
          about_token(question)};
}

}  // namespace

FileError hub_refusal(const HttpAnswer& answer, const HubQuestion& question) {
  const std::string again = fmt::format("gnomon model fetch {}", question.id.text());
  if (!answer.is_complete()) {
    return {ErrorCode::not_found,
            fmt::format("{}: {}: {}{}", question.subject, answer.host, answer.failure,
                        times(question.n_attempt)),
            fmt::format("check the network and HF_ENDPOINT ({}), then {}   (goes on where this "
                        "stopped; HF_HUB_ETAG_TIMEOUT and HF_HUB_DOWNLOAD_TIMEOUT give a slow "
                        "server more seconds)",
                        question.endpoint, again)};
  }
  const std::string answered = fmt::format("{}: {} answered {}{}", question.subject, answer.host,
                                           answer.status, times(question.n_attempt));
  switch (answer.status) {
    case 401:
      return {ErrorCode::unreadable,
              answered + ": there is no such repository, or it is private or gated" + said(answer),
              about_token(question)};
    case 403:
      return {ErrorCode::unreadable, answered + ": reading it is not allowed" + said(answer),
              about_token(question)};
    case 404:
      return not_found(answered, answer, question, again);
    case 429:
      return {ErrorCode::unreadable,
              answered + ": it limits how often it is asked" +
                  (answer.retry_after
                       ? fmt::format(", and wants {} s of silence", answer.retry_after->count())
                       : ""),
              fmt::format("wait, then {}   (goes on where this stopped{})", again,
                          question.has_token ? "" : "; with a token the limit is higher")};
    default:
      return {ErrorCode::unreadable, answered + said(answer),
              fmt::format("try later: {}   (goes on where this stopped)", again)};
  }
}

}  // namespace gnomon
