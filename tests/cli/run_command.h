// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gnomon::test {

struct CommandResult {
  int exit_status = -1;  // 128 + n where signal n ended it
  std::string out;
  std::string err;
};

using EnvironmentEntries = std::vector<std::pair<std::string, std::string>>;

// Runs in the child between fork and exec. Colour and cache are as the test says, whatever the
// environment of the tests holds.
[[noreturn]] inline void become_gnomon(const std::vector<std::string>& arguments,
                                       const EnvironmentEntries& environment) {
  for (const char* name : {"NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "FORCE_COLOR", "TERM",
                           "JPY_PARENT_PID", "JPY_SESSION_NAME", "COLUMNS"}) {
    ::unsetenv(name);
  }
  ::setenv("TERM", "xterm", 1);
  ::setenv("LC_ALL", "C.UTF-8", 1);
  ::setenv("GNOMON_CACHE", "/nonexistent/gnomon-cache", 1);
  for (const auto& [name, value] : environment) ::setenv(name.c_str(), value.c_str(), 1);
  std::vector<char*> argv = {const_cast<char*>(GNOMON_COMMAND)};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  ::execv(GNOMON_COMMAND, argv.data());
  ::_exit(126);
}

inline int wait_for(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// Runs `gnomon arguments...` with `input` as its standard input.
inline CommandResult run_gnomon(const std::vector<std::string>& arguments,
                                const EnvironmentEntries& environment = {},
                                std::string_view input = {}) {
  std::array<int, 2> in = {};
  std::array<int, 2> out = {};
  std::array<int, 2> err = {};
  if (::pipe(in.data()) != 0 || ::pipe(out.data()) != 0 || ::pipe(err.data()) != 0) {
    throw std::runtime_error("no pipe");
  }
  const pid_t pid = ::fork();
  if (pid < 0) throw std::runtime_error("no process");
  if (pid == 0) {
    ::dup2(in[0], STDIN_FILENO);
    ::dup2(out[1], STDOUT_FILENO);
    ::dup2(err[1], STDERR_FILENO);
    for (const int fd : {in[0], in[1], out[0], out[1], err[0], err[1]}) ::close(fd);
    become_gnomon(arguments, environment);
  }
  for (const int fd : {in[0], out[1], err[1]}) ::close(fd);
  // Inputs of the tests fit into a pipe's buffer; a command that does not read them closes its end.
  std::signal(SIGPIPE, SIG_IGN);
  if (!input.empty() && ::write(in[1], input.data(), input.size()) < 0) input = {};
  ::close(in[1]);
  CommandResult result;
  std::array<pollfd, 2> wanted = {pollfd{out[0], POLLIN, 0}, pollfd{err[0], POLLIN, 0}};
  std::array<char, 65536> buffer = {};
  while (wanted[0].fd >= 0 || wanted[1].fd >= 0) {
    ::poll(wanted.data(), wanted.size(), -1);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      if (wanted[i].fd < 0 || wanted[i].revents == 0) continue;
      const ssize_t n = ::read(wanted[i].fd, buffer.data(), buffer.size());
      if (n <= 0) {
        ::close(wanted[i].fd);
        wanted[i].fd = -1;
        continue;
      }
      (i == 0 ? result.out : result.err).append(buffer.data(), static_cast<std::size_t>(n));
    }
  }
  result.exit_status = wait_for(pid);
  return result;
}

// The same on a terminal of `columns` columns: `out` is what the terminal shows, of both streams.
inline CommandResult run_gnomon_on_terminal(const std::vector<std::string>& arguments,
                                            const EnvironmentEntries& environment = {},
                                            unsigned short columns = 80) {
  winsize size = {};
  size.ws_row = 24;
  size.ws_col = columns;
  int terminal = -1;
  const pid_t pid = ::forkpty(&terminal, nullptr, nullptr, &size);
  if (pid < 0) throw std::runtime_error("no terminal");
  if (pid == 0) become_gnomon(arguments, environment);
  CommandResult result;
  std::array<char, 65536> buffer = {};
  for (ssize_t n = 0; (n = ::read(terminal, buffer.data(), buffer.size())) > 0;) {
    result.out.append(buffer.data(), static_cast<std::size_t>(n));
  }
  ::close(terminal);
  result.exit_status = wait_for(pid);
  return result;
}

inline std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

}  // namespace gnomon::test
