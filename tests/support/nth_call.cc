// Attaches to a running process and lets the n-th of its system calls, counted over all its threads, be its last one or
// fail. strace -e inject does the same for one thread: its `when=` counts each thread apart.
//
//   nth_call PID kill N FOLDER CALL,CALL,...          SIGKILL at the entry of the N-th call that counts
//   nth_call PID fail N ERRNO once|on FOLDER CALL,... it fails with ERRNO and does nothing; "on": and all behind it
//   nth_call PID count 0 FOLDER CALL,...              only counts
//
// FOLDER: only calls count that name a file below it, or a descriptor of one; "-": all. CALL,...: as in the table
// below, or "all". Says "attached" when all threads are held, and at the end (of the process, or of standard input, at
// which it lets the process go on) one line: "calls N" with what counted, then "hit CALL PATH" where the N-th came.
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <set>
#include <string>
#include <thread>

#if !defined(__x86_64__)
#error "the registers that are changed here are those of x86-64"
#endif

namespace {

struct Call {
  const char* name;
  long number;
  int descriptor;  // index of the argument that is a descriptor; -1: none
  int path;        // likewise that is a path
};

constexpr Call kCalls[] = {{"write", SYS_write, 0, -1},
                           {"writev", SYS_writev, 0, -1},
                           {"pwrite64", SYS_pwrite64, 0, -1},
                           {"pwritev", SYS_pwritev, 0, -1},
                           {"fsync", SYS_fsync, 0, -1},
                           {"fdatasync", SYS_fdatasync, 0, -1},
                           {"sync_file_range", SYS_sync_file_range, 0, -1},
                           {"ftruncate", SYS_ftruncate, 0, -1},
                           {"fallocate", SYS_fallocate, 0, -1},
                           {"copy_file_range", SYS_copy_file_range, 2, -1},
                           {"sendfile", SYS_sendfile, 0, -1},
                           {"open", SYS_open, -1, 0},
                           {"openat", SYS_openat, -1, 1},
                           {"creat", SYS_creat, -1, 0},
                           {"mkdir", SYS_mkdir, -1, 0},
                           {"mkdirat", SYS_mkdirat, -1, 1},
                           {"link", SYS_link, -1, 1},
                           {"linkat", SYS_linkat, -1, 3},
                           {"rename", SYS_rename, -1, 1},
                           {"renameat", SYS_renameat, -1, 3},
                           {"renameat2", SYS_renameat2, -1, 3},
                           {"unlink", SYS_unlink, -1, 0},
                           {"unlinkat", SYS_unlinkat, -1, 1},
                           {"rmdir", SYS_rmdir, -1, 0},
                           {"chmod", SYS_chmod, -1, 0},
                           {"fchmod", SYS_fchmod, 0, -1},
                           {"read", SYS_read, 0, -1},
                           {"pread64", SYS_pread64, 0, -1}};

struct Plan {
  pid_t process = 0;
  enum class Deed { count, kill, fail } deed = Deed::count;
  std::uint64_t at = 0;
  int error = 0;
  bool goes_on = false;
  std::string folder;
  bool all = false;
  std::set<long> wanted;
};

std::string path_of(const Plan& plan, const Call& call, const std::uint64_t* arguments) {
  char text[PATH_MAX + 1] = {};
  if (call.descriptor >= 0) {
    const std::string link =
        "/proc/" + std::to_string(plan.process) + "/fd/" + std::to_string(static_cast<int>(arguments[call.descriptor]));
    return ::readlink(link.c_str(), text, PATH_MAX) > 0 ? text : "";
  }
  // Up to the end of its page at first: what lies behind need not be mapped.
  const std::uint64_t from = arguments[call.path];
  for (std::size_t size = 0; size < PATH_MAX;) {
    const std::size_t piece = std::min<std::size_t>(PATH_MAX - size, 4096 - (from + size) % 4096);
    iovec here{text + size, piece};
    iovec there{reinterpret_cast<void*>(from + size), piece};
    if (::process_vm_readv(plan.process, &here, 1, &there, 1, 0) <= 0) break;
    if (std::memchr(text + size, 0, piece) != nullptr) break;
    size += piece;
  }
  return text;
}

const Call* find(long number) {
  for (const Call& call : kCalls) {
    if (call.number == number) return &call;
  }
  return nullptr;
}

std::atomic<bool> input_ended{false};

// Ends the tracer's waiting when standard input ends. Again and again: the signal may come just before the wait.
void watch_input(pthread_t tracer) {
  char octet = 0;
  while (::read(STDIN_FILENO, &octet, 1) > 0) {
  }
  input_ended = true;
  for (;;) {
    ::pthread_kill(tracer, SIGUSR1);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

class Tracer {
 public:
  explicit Tracer(Plan plan) : plan_(std::move(plan)) {}

  bool attach() {
    // Threads may come while others are being taken; those of threads that are held come by themselves.
    for (bool found = true; found;) {
      found = false;
      const std::string tasks = "/proc/" + std::to_string(plan_.process) + "/task";
      DIR* const folder = ::opendir(tasks.c_str());
      if (folder == nullptr) return false;
      while (const dirent* entry = ::readdir(folder)) {
        const pid_t thread = std::atoi(entry->d_name);
        if (thread <= 0 || threads_.contains(thread)) continue;
        if (::ptrace(PTRACE_SEIZE, thread, nullptr, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE) != 0) continue;
        threads_.insert(thread);
        found = true;
        ::ptrace(PTRACE_INTERRUPT, thread, nullptr, nullptr);
      }
      ::closedir(folder);
    }
    return !threads_.empty();
  }

  // Until the process ends, or `ended` is set and a signal comes.
  void run(const std::atomic<bool>& ended) {
    while (!ended) {
      int status = 0;
      const pid_t thread = ::waitpid(-1, &status, __WALL);
      if (thread > 0) {
        handle(thread, status);
      } else if (errno != EINTR) {
        return;  // none is left
      }
    }
  }

  void tell() const {
    std::printf("calls %llu\n", static_cast<unsigned long long>(counted_));
    if (!hit_.empty()) std::printf("hit %s\n", hit_.c_str());
    std::fflush(stdout);
  }

 private:
  void handle(pid_t thread, int status) {
    if (WIFEXITED(status) || WIFSIGNALED(status)) {
      threads_.erase(thread);
      return;
    }
    const int signal = WSTOPSIG(status);
    const int event = status >> 16;
    if (signal == (SIGTRAP | 0x80)) {
      at_call(thread);
      ::ptrace(PTRACE_SYSCALL, thread, nullptr, nullptr);
    } else if (event != 0) {
      threads_.insert(thread);
      if (event == PTRACE_EVENT_STOP && (signal == SIGSTOP || signal == SIGTSTP)) {
        ::ptrace(PTRACE_LISTEN, thread, nullptr, nullptr);
      } else {
        ::ptrace(PTRACE_SYSCALL, thread, nullptr, nullptr);
      }
    } else {
      ::ptrace(PTRACE_SYSCALL, thread, nullptr, signal);
    }
  }

  void at_call(pid_t thread) {
    __ptrace_syscall_info info{};
    if (::ptrace(static_cast<__ptrace_request>(PTRACE_GET_SYSCALL_INFO), thread, sizeof info, &info) <= 0) return;
    if (info.op == PTRACE_SYSCALL_INFO_EXIT) {
      if (failing_.erase(thread) > 0) set_result(thread, -plan_.error);
      return;
    }
    if (info.op != PTRACE_SYSCALL_INFO_ENTRY) return;
    const long number = static_cast<long>(info.entry.nr);
    if (!plan_.all && !plan_.wanted.contains(number)) return;
    const Call* const call = find(number);
    std::string path;
    if (call != nullptr) path = path_of(plan_, *call, reinterpret_cast<const std::uint64_t*>(info.entry.args));
    if (!plan_.folder.empty() && !path.starts_with(plan_.folder)) return;
    ++counted_;
    if (plan_.deed == Plan::Deed::count) return;
    if (counted_ != plan_.at && !(plan_.goes_on && counted_ > plan_.at)) return;
    if (hit_.empty()) {
      hit_ = (call != nullptr ? call->name : "call-" + std::to_string(number)) + (path.empty() ? "" : " " + path);
    }
    if (plan_.deed == Plan::Deed::kill) {
      ::kill(plan_.process, SIGKILL);
      return;
    }
    skip(thread);
    failing_.insert(thread);
  }

  // The call does not happen.
  static void skip(pid_t thread) {
    user_regs_struct registers{};
    if (::ptrace(PTRACE_GETREGS, thread, nullptr, &registers) != 0) return;
    registers.orig_rax = static_cast<unsigned long long>(-1);
    ::ptrace(PTRACE_SETREGS, thread, nullptr, &registers);
  }

  static void set_result(pid_t thread, long result) {
    user_regs_struct registers{};
    if (::ptrace(PTRACE_GETREGS, thread, nullptr, &registers) != 0) return;
    registers.rax = static_cast<unsigned long long>(result);
    ::ptrace(PTRACE_SETREGS, thread, nullptr, &registers);
  }

  const Plan plan_;
  std::set<pid_t> threads_;
  std::set<pid_t> failing_;
  std::uint64_t counted_ = 0;
  std::string hit_;
};

bool read_plan(int count, char** words, Plan& plan) {
  if (count < 6) return false;
  plan.process = std::atoi(words[1]);
  const std::string deed = words[2];
  plan.at = std::strtoull(words[3], nullptr, 10);
  int at = 4;
  if (deed == "fail") {
    if (count != 8) return false;
    plan.deed = Plan::Deed::fail;
    plan.error = std::atoi(words[at++]);
    plan.goes_on = std::string(words[at++]) == "on";
  } else if (deed == "kill") {
    plan.deed = Plan::Deed::kill;
  } else if (deed != "count") {
    return false;
  }
  if (std::string(words[at]) != "-") plan.folder = words[at];
  std::string calls = words[at + 1];
  if (calls == "all") {
    plan.all = true;
    return true;
  }
  for (std::size_t begin = 0; begin <= calls.size();) {
    const std::size_t end = std::min(calls.find(',', begin), calls.size());
    const std::string name = calls.substr(begin, end - begin);
    bool known = false;
    for (const Call& call : kCalls) {
      if (name != call.name) continue;
      plan.wanted.insert(call.number);
      known = true;
    }
    if (!known) {
      std::fprintf(stderr, "no such call here: %s\n", name.c_str());
      return false;
    }
    begin = end + 1;
  }
  return true;
}

}  // namespace

int main(int count, char** words) {
  Plan plan;
  if (!read_plan(count, words, plan)) {
    std::fprintf(stderr, "usage: see the head of nth_call.cc\n");
    return 2;
  }
  Tracer tracer(std::move(plan));
  if (!tracer.attach()) {
    std::perror("cannot attach");
    return 1;
  }
  std::puts("attached");
  std::fflush(stdout);
  struct sigaction interrupt{};
  interrupt.sa_handler = [](int) {};
  ::sigaction(SIGUSR1, &interrupt, nullptr);
  std::thread(watch_input, ::pthread_self()).detach();
  tracer.run(input_ended);
  tracer.tell();
  std::_Exit(0);  // that thread goes with it; so does the hold on the process
}
