// io_uring makes calls without making them: what it is asked for passes no filter (io_uring(7)).
#include "attack.h"

#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

namespace attack {

namespace {

struct Ring {
  int fd = -1;
  io_uring_params parameters{};
  char *submissions = nullptr, *completions = nullptr;
  io_uring_sqe* entries = nullptr;

  bool open() {
    fd = static_cast<int>(::syscall(SYS_io_uring_setup, 4, &parameters));
    if (fd < 0) return false;
    const auto map = [&](std::size_t size, off_t offset) { return static_cast<char*>(::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, offset)); };
    submissions = map(parameters.sq_off.array + parameters.sq_entries * sizeof(unsigned), IORING_OFF_SQ_RING);
    completions = map(parameters.cq_off.cqes + parameters.cq_entries * sizeof(io_uring_cqe), IORING_OFF_CQ_RING);
    entries = reinterpret_cast<io_uring_sqe*>(map(parameters.sq_entries * sizeof(io_uring_sqe), static_cast<off_t>(IORING_OFF_SQES)));
    return true;
  }
  unsigned& at(char* ring, unsigned offset) const { return *reinterpret_cast<unsigned*>(ring + offset); }

  // One operation to its end: its result, or -errno.
  long run(const io_uring_sqe& entry) {
    unsigned& tail = at(submissions, parameters.sq_off.tail);
    const unsigned index = tail & at(submissions, parameters.sq_off.ring_mask);
    entries[index] = entry;
    at(submissions, parameters.sq_off.array + index * static_cast<unsigned>(sizeof(unsigned))) = index;
    __atomic_store_n(&tail, tail + 1, __ATOMIC_RELEASE);
    if (::syscall(SYS_io_uring_enter, fd, 1, 1, IORING_ENTER_GETEVENTS, nullptr, 0) < 0) return -errno;
    unsigned& head = at(completions, parameters.cq_off.head);
    const auto* list = reinterpret_cast<const io_uring_cqe*>(completions + parameters.cq_off.cqes);
    const long result = list[head & at(completions, parameters.cq_off.ring_mask)].res;
    __atomic_store_n(&head, head + 1, __ATOMIC_RELEASE);
    return result;
  }
};

void report(const char* key, long result) {
  errno = result < 0 ? static_cast<int>(-result) : 0;
  print(key, result_of(result));
}

long connect_by(Ring& ring, int family, const void* address, std::size_t size) {
  io_uring_sqe made{};
  made.opcode = IORING_OP_SOCKET, made.fd = family, made.off = SOCK_STREAM, made.len = 0;
  const long socket = ring.run(made);
  if (socket < 0) return socket;
  io_uring_sqe connect{};
  connect.opcode = IORING_OP_CONNECT, connect.fd = static_cast<int>(socket);
  connect.addr = reinterpret_cast<std::uint64_t>(address), connect.off = size;
  return ring.run(connect);
}

// ring FILE PORT NAME: opens a file, connects to a port of 127.0.0.1 and to an abstract socket, all by io_uring.
void ring(const Words& words) {
  Ring own;
  if (!own.open()) return report("ring", -errno);
  print("ring", "0");
  open_how how{.flags = O_RDONLY, .mode = 0, .resolve = 0};
  io_uring_sqe open{};
  open.opcode = IORING_OP_OPENAT2, open.fd = AT_FDCWD, open.addr = reinterpret_cast<std::uint64_t>(words[1].c_str());
  open.off = reinterpret_cast<std::uint64_t>(&how), open.len = sizeof how;
  report("open", own.run(open));
  sockaddr_in inet{};
  inet.sin_family = AF_INET, inet.sin_port = htons(static_cast<std::uint16_t>(std::stoi(words[2])));
  inet.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  report("inet", connect_by(own, AF_INET, &inet, sizeof inet));
  sockaddr_un local{};
  local.sun_family = AF_UNIX;
  std::memcpy(local.sun_path + 1, words[3].data(), words[3].size());
  report("abstract", connect_by(own, AF_UNIX, &local, sizeof(sa_family_t) + 1 + words[3].size()));
}

}  // namespace

const std::vector<Row> ring_attacks{{"ring", ring, 4, "FILE PORT NAME"}};

}  // namespace attack
