// traffic ROLE …: both ends of what tests/bench/net.py measures and iperf3 does not: round trips, connections and
// datagrams per second, idle flows, the first byte. Static, so that it runs in any sandbox; addresses are numeric.
// The server's ports: PORT echo, +1 one byte and close, +2 the sink's count, UDP: +3 echo, +4 sink, +5 blast.
#include <algorithm>
#include <arpa/inet.h>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <string>
#include <string_view>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

[[noreturn]] void die(const char* what) {
  std::fprintf(stderr, "traffic: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

// A numeric address of either family with a port.
struct Address {
  sockaddr_storage bytes{};
  socklen_t length = 0;

  Address(const char* text, int port) {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&bytes);
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&bytes);
    if (::inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
      v4->sin_family = AF_INET, v4->sin_port = htons(static_cast<std::uint16_t>(port)), length = sizeof *v4;
    } else if (::inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
      v6->sin6_family = AF_INET6, v6->sin6_port = htons(static_cast<std::uint16_t>(port)), length = sizeof *v6;
    } else {
      die(text);
    }
  }
  int family() const { return bytes.ss_family; }
  const sockaddr* raw() const { return reinterpret_cast<const sockaddr*>(&bytes); }
};

int connect_to(const Address& to, int type) {
  const int fd = ::socket(to.family(), type | SOCK_CLOEXEC, 0);
  if (fd < 0) die("socket");
  const int on = 1;
  if (type == SOCK_STREAM) ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(fd, to.raw(), to.length) != 0) die("connect");
  return fd;
}

int bound(int type, int port) {
  const int fd = ::socket(AF_INET6, type | SOCK_CLOEXEC, 0), on = 1, off = 0, bytes = 4 << 20;
  if (fd < 0) die("socket");
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  if (type == SOCK_DGRAM) ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  const Address any("::", port);
  if (::bind(fd, any.raw(), any.length) != 0) die("bind");
  if (type == SOCK_STREAM && ::listen(fd, 4096) != 0) die("listen");
  return fd;
}

// ---- the server -----------------------------------------------------------------------------------------------

void watch(int epoll, int fd) {
  epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
  if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll_ctl");
}

// Echoes on every connection, except those of `once`, which are closed after their first answer.
[[noreturn]] void serve_tcp(int port, const std::atomic<std::uint64_t>& received) {
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC), echo = bound(SOCK_STREAM, port);
  const int once = bound(SOCK_STREAM, port + 1), count = bound(SOCK_STREAM, port + 2), on = 1;
  std::vector<bool> closes(65536);
  for (const int fd : {echo, once, count}) watch(epoll, fd);
  epoll_event events[256];
  while (true) {
    const int ready = ::epoll_wait(epoll, events, 256, -1);
    for (int i = 0; i < ready; ++i) {
      const int fd = events[i].data.fd;
      if (fd == echo || fd == once || fd == count) {
        const int peer = ::accept4(fd, nullptr, nullptr, SOCK_CLOEXEC);
        if (peer < 0) continue;
        ::setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        closes.at(static_cast<std::size_t>(peer)) = fd == once;
        if (fd == count) ::dprintf(peer, "%llu\n", static_cast<unsigned long long>(received.load())), ::close(peer);
        else watch(epoll, peer);
        continue;
      }
      char block[4096];
      const ssize_t length = ::recv(fd, block, sizeof block, 0);
      if (length > 0 && ::send(fd, block, static_cast<std::size_t>(length), MSG_NOSIGNAL) == length &&
          !closes.at(static_cast<std::size_t>(fd))) continue;
      ::close(fd);
    }
  }
}

constexpr int batch = 64;
struct Batch {
  char block[batch][2048];
  iovec parts[batch];
  mmsghdr messages[batch] = {};
  explicit Batch(std::size_t size) {
    std::memset(block, 'x', sizeof block);
    for (int i = 0; i < batch; ++i) {
      parts[i] = {block[i], size};
      messages[i].msg_hdr.msg_iov = &parts[i], messages[i].msg_hdr.msg_iovlen = 1;
    }
  }
};

[[noreturn]] void serve_datagrams(int port) {
  const int fd = bound(SOCK_DGRAM, port);
  while (true) {
    char block[65536];
    sockaddr_storage from{};
    socklen_t length = sizeof from;
    const ssize_t size = ::recvfrom(fd, block, sizeof block, 0, reinterpret_cast<sockaddr*>(&from), &length);
    if (size >= 0) ::sendto(fd, block, static_cast<std::size_t>(size), 0, reinterpret_cast<sockaddr*>(&from), length);
  }
}

[[noreturn]] void serve_sink(int port, std::atomic<std::uint64_t>& received) {
  const int fd = bound(SOCK_DGRAM, port);
  Batch into(2048);
  while (true) {
    const int count = ::recvmmsg(fd, into.messages, batch, MSG_WAITFORONE, nullptr);
    if (count > 0) received += static_cast<std::uint64_t>(count);
  }
}

// A datagram "SIZE SECONDS" is answered with datagrams of that size for that time.
[[noreturn]] void serve_blast(int port) {
  const int fd = bound(SOCK_DGRAM, port);
  while (true) {
    char request[64] = {};
    sockaddr_storage from{};
    socklen_t length = sizeof from;
    if (::recvfrom(fd, request, sizeof request - 1, 0, reinterpret_cast<sockaddr*>(&from), &length) <= 0) continue;
    unsigned size = 64;
    double seconds = 1;
    std::sscanf(request, "%u %lf", &size, &seconds);
    Batch out(std::min(size, 2048U));
    for (auto& message : out.messages) message.msg_hdr.msg_name = &from, message.msg_hdr.msg_namelen = length;
    for (const auto start = Clock::now(); seconds_since(start) < seconds;) ::sendmmsg(fd, out.messages, batch, 0);
  }
}

int serve(int port) {
  void* shared = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  auto& received = *new (shared) std::atomic<std::uint64_t>(0);
  ::signal(SIGPIPE, SIG_IGN);
  for (int role = 0; role < 4; ++role) {
    if (::fork() != 0) continue;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (role == 0) serve_tcp(port, received);
    if (role == 1) serve_datagrams(port + 3);
    if (role == 2) serve_sink(port + 4, received);
    serve_blast(port + 5);
  }
  while (::wait(nullptr) > 0) {}
  return 1;  // a server ended: its port was taken
}

// ---- the clients ----------------------------------------------------------------------------------------------

void exchange(int fd) {
  char byte = 'x';
  if (::send(fd, &byte, 1, MSG_NOSIGNAL) != 1) die("send");
  if (::recv(fd, &byte, 1, 0) != 1) die("recv");
}

void print_latency(std::vector<double>& times) {
  if (times.empty()) die("no round trip");
  std::sort(times.begin(), times.end());
  double sum = 0;
  for (const double time : times) sum += time;
  std::printf("mean_us %.2f\np50_us %.2f\np99_us %.2f\n", 1e6 * sum / static_cast<double>(times.size()),
              1e6 * times[times.size() / 2], 1e6 * times[times.size() * 99 / 100]);
}

int round_trips(const Address& to, int type, double seconds) {
  const int fd = connect_to(to, type);
  const timeval limit{.tv_sec = 2, .tv_usec = 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  for (int warm = 0; warm < 50; ++warm) exchange(fd);
  std::vector<double> times;
  times.reserve(1'000'000);
  for (const auto start = Clock::now(); seconds_since(start) < seconds;) {
    const auto sent = Clock::now();
    exchange(fd);
    times.push_back(seconds_since(sent));
  }
  print_latency(times);
  return 0;
}

// Connect, one byte each way, the server's close; by `clients` processes at once.
int connections(const Address& to, double seconds, int clients) {
  void* shared = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  auto& total = *new (shared) std::atomic<std::uint64_t>(0);
  const auto start = Clock::now();
  for (int i = 0; i < clients; ++i) {
    if (::fork() != 0) continue;
    while (seconds_since(start) < seconds) {
      const int fd = connect_to(to, SOCK_STREAM);
      exchange(fd);
      char byte = 0;
      if (::recv(fd, &byte, 1, 0) != 0) die("end of file");
      ::close(fd);
      ++total;
    }
    std::_Exit(0);
  }
  int failed = 0;
  for (int status = 0; ::wait(&status) > 0;) failed += status != 0;
  std::printf("per_second %.1f\nfailed %d\n", static_cast<double>(total) / seconds_since(start), failed);
  return 0;
}

std::uint64_t sink_count(const char* host, int port) {
  const int fd = connect_to(Address(host, port), SOCK_STREAM);
  char text[64] = {};
  if (::recv(fd, text, sizeof text - 1, MSG_WAITALL) <= 0) die("count");
  ::close(fd);
  return std::strtoull(text, nullptr, 10);
}

int datagrams_up(const char* host, int port, std::size_t size, double seconds) {
  const int fd = connect_to(Address(host, port + 4), SOCK_DGRAM);
  const std::uint64_t before = sink_count(host, port + 2);
  Batch out(size);
  std::uint64_t sent = 0;
  const auto start = Clock::now();
  while (seconds_since(start) < seconds) {
    const int count = ::sendmmsg(fd, out.messages, batch, 0);
    if (count > 0) sent += static_cast<std::uint64_t>(count);
  }
  const double took = seconds_since(start);
  ::usleep(100'000);
  const std::uint64_t received = sink_count(host, port + 2) - before;
  std::printf("per_second %.0f\nsent %.0f\n", static_cast<double>(received) / took, static_cast<double>(sent) / took);
  return 0;
}

int datagrams_down(const char* host, int port, unsigned size, double seconds) {
  const int fd = connect_to(Address(host, port + 5), SOCK_DGRAM), bytes = 4 << 20;
  ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  const timeval limit{.tv_sec = 0, .tv_usec = 300'000};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  char request[64];
  const int length = std::snprintf(request, sizeof request, "%u %f", size, seconds);
  if (::send(fd, request, static_cast<std::size_t>(length), 0) != length) die("send");
  Batch into(2048);
  std::uint64_t received = 0;
  Clock::time_point first, last;
  while (true) {
    const int count = ::recvmmsg(fd, into.messages, batch, MSG_WAITFORONE, nullptr);
    if (count <= 0) break;
    last = Clock::now();
    if (received == 0) first = last;
    received += static_cast<std::uint64_t>(count);
  }
  const double took = std::chrono::duration<double>(last - first).count();
  std::printf("per_second %.0f\n", took > 0 ? static_cast<double>(received) / took : 0.0);
  return 0;
}

int idle(const Address& to, int wanted, double hold) {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  const auto start = Clock::now();
  for (int i = 0; i < wanted; ++i) exchange(connect_to(to, SOCK_STREAM));
  std::printf("opened %d\nseconds %.3f\n", wanted, seconds_since(start));
  std::fflush(stdout);
  ::usleep(static_cast<useconds_t>(hold * 1e6));
  return 0;
}

int first_byte(const Address& to, Clock::time_point start) {
  exchange(connect_to(to, SOCK_STREAM));
  std::printf("first_us %.1f\n", 1e6 * seconds_since(start));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const auto start = Clock::now();
  const std::string_view role = argc > 1 ? argv[1] : "";
  if (role == "serve" && argc == 3) return serve(std::atoi(argv[2]));
  if (argc < 4) return std::fprintf(stderr, "usage: traffic serve PORT | ROLE ADDRESS PORT [ARGUMENTS]\n"), 64;
  const char* host = argv[2];
  const int port = std::atoi(argv[3]);
  const auto number = [&](int at, double otherwise) { return argc > at ? std::atof(argv[at]) : otherwise; };
  if (role == "first") return first_byte(Address(host, port), start);
  if (role == "rr") return round_trips(Address(host, port), SOCK_STREAM, number(4, 1));
  if (role == "crr") return connections(Address(host, port + 1), number(4, 1), static_cast<int>(number(5, 1)));
  if (role == "udp-rr") return round_trips(Address(host, port + 3), SOCK_DGRAM, number(4, 1));
  if (role == "udp-up") return datagrams_up(host, port, static_cast<std::size_t>(number(4, 64)), number(5, 1));
  if (role == "udp-down") return datagrams_down(host, port, static_cast<unsigned>(number(4, 64)), number(5, 1));
  if (role == "idle") return idle(Address(host, port), static_cast<int>(number(4, 1000)), number(5, 5));
  return std::fprintf(stderr, "traffic: no such role: %s\n", argv[1]), 64;
}
