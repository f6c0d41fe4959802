// SPDX-License-Identifier: Apache-2.0
#include "gnomon/base/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <string_view>
#include <system_error>

#include "gnomon/base/error.h"
#include "gnomon/base/interrupt.h"

namespace gnomon {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kKeptOutput = std::size_t{1} << 16;
constexpr int kPollMilliseconds = 50;
constexpr std::chrono::seconds kGrace{2};

FileError start_failure(const std::string& program, int error_number) {
  const std::string reason = std::generic_category().message(error_number);
  const std::string message = fmt::format("\"{}\" cannot be started: {}", program, reason);
  return {error_number == ENOENT ? ErrorCode::not_found : ErrorCode::unreadable, message};
}

class Pipe {
 public:
  explicit Pipe(const std::string& program) {
    if (::pipe2(ends_.data(), O_CLOEXEC) != 0) throw start_failure(program, errno);
    // What the child leaves open in children of its own must not make us wait.
    ::fcntl(ends_[0], F_SETFL, O_NONBLOCK);
  }
  ~Pipe() {
    for (const int end : ends_) {
      if (end >= 0) ::close(end);
    }
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  int read_end() const { return ends_[0]; }
  int write_end() const { return ends_[1]; }
  void close_write_end() {
    ::close(ends_[1]);
    ends_[1] = -1;
  }

 private:
  std::array<int, 2> ends_{-1, -1};
};

class SpawnSettings {
 public:
  // A group of its own, so that a signal reaches its children too.
  explicit SpawnSettings(int output) {
    set_up(POSIX_SPAWN_SETPGROUP);
    posix_spawn_file_actions_adddup2(&actions_, output, 1);
    posix_spawn_file_actions_adddup2(&actions_, output, 2);
  }
  // A session of its own, without output.
  SpawnSettings() {
    set_up(POSIX_SPAWN_SETSID);
    for (const int output : {1, 2})
      posix_spawn_file_actions_addopen(&actions_, output, "/dev/null", O_WRONLY, 0);
  }
  ~SpawnSettings() {
    posix_spawnattr_destroy(&attributes_);
    posix_spawn_file_actions_destroy(&actions_);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;

  const posix_spawn_file_actions_t* actions() const { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  void set_up(int apart) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_addopen(&actions_, 0, "/dev/null", O_RDONLY, 0);
    posix_spawnattr_init(&attributes_);
    posix_spawnattr_setpgroup(&attributes_, 0);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes_, &none);
    sigset_t reset;
    sigemptyset(&reset);
    for (const int signal : {SIGINT, SIGTERM, SIGPIPE}) sigaddset(&reset, signal);
    posix_spawnattr_setsigdefault(&attributes_, &reset);
    posix_spawnattr_setflags(
        &attributes_, static_cast<short>(apart | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF));
  }

  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

std::vector<std::string> child_environment(const std::vector<EnvironmentEntry>& extra) {
  const auto is_replaced = [&](std::string_view entry) {
    for (const EnvironmentEntry& e : extra) {
      if (entry.starts_with(e.name + "=")) return true;
    }
    return false;
  };
  std::vector<std::string> entries;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    if (!is_replaced(*entry)) entries.emplace_back(*entry);
  }
  for (const EnvironmentEntry& e : extra) entries.push_back(e.name + "=" + e.value);
  return entries;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

// A child that has been started and is waited for exactly once, whatever happens.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  ~Child() {
    if (!status_) stop();
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // Leaves it to be waited for: until then its number, which is its group's too, is not given away.
  bool has_ended() const {
    siginfo_t info{};
    const int failure =
        ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT);
    return failure != 0 || info.si_pid == pid_;
  }

  void stop() {
    if (!has_ended()) ::kill(-pid_, SIGINT);
    for (const auto give_up = Clock::now() + kGrace; !has_ended() && Clock::now() < give_up;) {
      ::poll(nullptr, 0, kPollMilliseconds);
    }
    ::kill(-pid_, SIGKILL);
    wait();
  }

  int wait() {
    if (status_) return *status_;
    int status = 0;
    pid_t ended = -1;
    while ((ended = ::waitpid(pid_, &status, 0)) < 0 && errno == EINTR) {
    }
    if (ended != pid_) {
      status_ = 128;  // a process that ignores SIGCHLD is never told the status of its children
    } else {
      status_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }
    return *status_;
  }

 private:
  pid_t pid_;
  std::optional<int> status_;
};

pid_t spawn(const SpawnSettings& settings, const std::vector<std::string>& argv,
            const std::vector<EnvironmentEntry>& extra) {
  std::vector<std::string> arguments = argv;
  std::vector<std::string> environment = child_environment(extra);
  pid_t pid = 0;
  const int failure =
      ::posix_spawnp(&pid, argv[0].c_str(), settings.actions(), settings.attributes(),
                     pointers(arguments).data(), pointers(environment).data());
  if (failure != 0) throw start_failure(argv[0], failure);
  return pid;
}

// Appends what is there; false once every writer has closed.
bool read_available(int fd, std::string& output) {
  std::array<char, 4096> piece{};
  while (true) {
    const ssize_t n = ::read(fd, piece.data(), piece.size());
    if (n > 0) {
      output.append(piece.data(), static_cast<std::size_t>(n));
      if (output.size() > 2 * kKeptOutput) output.erase(0, output.size() - kKeptOutput);
    } else if (n == 0) {
      return false;
    } else if (errno != EINTR) {
      return true;
    }
  }
}

}  // namespace

ProcessResult run_process(const std::vector<std::string>& argv,
                          const std::vector<EnvironmentEntry>& extra,
                          std::chrono::milliseconds timeout) {
  if (argv.empty()) throw InternalError("run_process: no program");
  check_interrupted();
  const auto give_up = Clock::now() + timeout;
  Pipe pipe(argv[0]);
  Child child(spawn(SpawnSettings(pipe.write_end()), argv, extra));
  pipe.close_write_end();

  ProcessResult result;
  bool is_open = true;
  while (!child.has_ended()) {
    check_interrupted();
    if (Clock::now() >= give_up) {
      result.timed_out = true;
      child.stop();
      break;
    }
    pollfd readable{pipe.read_end(), POLLIN, 0};
    ::poll(&readable, is_open ? 1 : 0, kPollMilliseconds);
    if (is_open) is_open = read_available(pipe.read_end(), result.output);
  }
  if (is_open) read_available(pipe.read_end(), result.output);
  if (result.output.size() > kKeptOutput) {
    result.output.erase(0, result.output.size() - kKeptOutput);
  }
  result.exit_status = child.wait();
  return result;
}

void start_process(const std::vector<std::string>& argv) {
  if (argv.empty()) throw InternalError("start_process: no program");
  spawn(SpawnSettings(), argv, {});
}

}  // namespace gnomon
