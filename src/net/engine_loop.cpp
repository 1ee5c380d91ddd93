// Setting up, and the turn of the loop.
#include "net/engine_loop.h"

#include "sys/memory.h"
#include "sys/process.h"
#include "sys/tap.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace net {

namespace {
std::uint64_t monotonic_us() {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(sys::monotonic_now()).count());
}
}  // namespace

Engine::Engine(const EngineStart& start, std::span<std::uint8_t> memory) : core_(start.config, start.host, memory) {}

Result<std::unique_ptr<Engine>> Engine::make(const EngineStart& start) {
  const std::span<std::byte> memory = TRY(sys::map_memory(start.config.limits.buffer_bytes, "payload"));
  std::unique_ptr<Engine> made(new Engine(start, {reinterpret_cast<std::uint8_t*>(memory.data()), memory.size()}));
  TRY(made->make_parts(start));
  return made;
}

Result<> Engine::make_parts(const EngineStart& start) {
  TRY(sys::fill_random(std::as_writable_bytes(std::span(core_.key))));
  wall_offset_us_ = static_cast<std::uint64_t>(sys::unix_now_microseconds()) - monotonic_us();
  update_time();
  core_.timers = TRY(Timers::make(core_.numbers.count, core_.now));
  core_.report = TRY(Reporter::make(core_.key));
  core_.tap.attach(TRY(Capture::open(start.config.pcap)));
  core_.epoll = TRY(sys::make_epoll());
  for (HostNetwork* host : {&core_.host, &received_}) {
    host->addresses.reserve(std::max(most_host_addresses, host->addresses.size()));
    host->resolvers.reserve(std::max(most_resolvers, host->resolvers.size()));
    host->ranges.reserve(std::max(most_host_ranges, host->ranges.size()));
  }
  tcp_ = TRY(TcpFlows::make(core_));
  ping_ = TRY(PingFlows::make(core_));
  dns_ = TRY(DnsPort::make(core_, *tcp_));
  std::vector<Listener> udp_listeners = TRY(make_listeners(start.config.publish, true));
  udp_ = TRY(UdpFlows::make(core_, std::move(udp_listeners)));
  fragments_ = TRY(Fragments::make(start.config.limits.fragment_sets));
  tcp_listeners_ = TRY(make_listeners(start.config.publish, false));
  tcp_->set_time();
  return {};
}

std::vector<int> Engine::descriptors() const {
  std::vector<int> out{core_.epoll.get()};
  for (const Listener& listener : tcp_listeners_) out.push_back(listener.socket.get());
  for (const Listener& listener : udp_->listeners()) out.push_back(listener.socket.get());
  if (core_.tap.capturing()) out.push_back(core_.tap.capture_number());
  return out;
}

Result<> Engine::attach_tap(sys::Fd tap) {
  TRY(sys::make_non_blocking(tap, "the tap device"));
  const sys::TapOffload offload = TRY(sys::set_tap_offload(tap));
  core_.tap.attach(std::move(tap), offload.udp_segments);
  if (offload.big_tcp && !core_.tap.capturing()) tcp_->send_big();  // a capture shows what any program can read
  return {};
}

Result<> Engine::listen(const sys::Fd& control) {
  control_ = &control;
  core_.report.attach(&control);
  bool all = sys::watch_edges(core_.epoll, core_.tap.descriptor().get(), EPOLLIN, to_number({Source::tap})) == 0 &&
             sys::watch_edges(core_.epoll, control.get(), EPOLLIN, to_number({Source::control})) == 0;
  for (std::uint32_t i = 0; i < tcp_listeners_.size(); ++i)
    all = all && core_.watch(tcp_listeners_[i].socket, {Source::tcp_listener, 0, i});
  for (std::uint32_t i = 0; i < udp_->listeners().size(); ++i)
    all = all && core_.watch(udp_->listeners()[i].socket, {Source::udp_listener, 0, i});
  if (!all) return fail("the kernel watches no more descriptors");
  core_.timers.set(core_.numbers.minute, core_.now + 60'000);
  tap_readable_ = true;
  return {};
}

void Engine::update_time() {
  core_.now_us = monotonic_us();
  core_.now = core_.now_us / 1000;
  core_.tap.set_time(core_.now_us + wall_offset_us_);
  if (tcp_) tcp_->set_time();
}

int Engine::timeout() const {
  if ((tap_readable_ && !out_of_memory_) || visitors_waiting_ || tcp_->has_ready() || udp_->has_ready()) return 0;
  const std::optional<Milliseconds> next = core_.timers.next();
  if (!next) return -1;
  return static_cast<int>(std::min<Milliseconds>(*next - std::min(*next, core_.now), 60'000));
}

// To wake a processor that sleeps takes the one that wakes it some time, and in a virtual machine up to 100 µs. So where
// waits are that short the engine looks for events before it sleeps, for longer each time they came soon and for less
// when they did not, down to not at all; not where others want the processor, and for at most half of each second.
std::size_t Engine::wait(std::span<epoll_event> events) {
  constexpr std::uint64_t first_look = 25, longest_look = 100, others_ran = 8, second = 1'000'000;
  const int limit = timeout();
  if (limit == 0) return sys::wait_edges(core_.epoll, events, 0);
  const std::uint64_t began = monotonic_us();
  if (began - looks_since_us_ >= second) looks_since_us_ = began, looks_left_us_ = second / 2;
  const std::uint64_t most = std::min(look_us_, looks_left_us_);
  std::uint64_t now = began;
  std::size_t count = 0;
  bool alone = true;
  while (alone && count == 0 && now - began < most) {
    sys::yield_processor();
    const std::uint64_t before = std::exchange(now, monotonic_us());
    alone = now - before < others_ran;
    count = sys::wait_edges(core_.epoll, events, 0);
  }
  looks_left_us_ -= std::min(looks_left_us_, now - began);
  if (count == 0) count = sys::wait_edges(core_.epoll, events, limit);
  const bool soon = count != 0 && monotonic_us() - began < longest_look;
  look_us_ = !alone ? 0 : soon ? std::clamp(2 * look_us_, first_look, longest_look) : look_us_ / 2;
  return count;
}

void Engine::run() {
  while (!stop_) turn();
  say_goodbye();
}

void Engine::turn() {
  std::array<epoll_event, events_per_turn> events;
  const std::size_t count = wait(events);
  update_time();
  accept_waiting();
  for (std::size_t i = 0; i < count; ++i) dispatch(to_name(events[i].data.u64), events[i].events);
  if (tap_readable_) read_tap();
  udp_->flush();
  tcp_->serve_ready();
  udp_->serve_ready();
  core_.timers.advance(core_.now, [this](std::uint32_t timer) { fire(timer); });
  tcp_->end_of_turn();
  udp_->end_of_turn();
  ping_->end_of_turn();
  dns_->end_of_turn();
}

void Engine::read_tap() {
  out_of_memory_ = false;
  for (std::size_t frames = 0; frames < frames_per_turn; ++frames) {
    const TapPort::Read got = core_.tap.read(core_.pool);
    if (got.what == TapPort::Read::nothing) tap_readable_ = false;
    if (got.what == TapPort::Read::no_memory) {
      out_of_memory_ = true;
      core_.retry_soon();
    }
    if (got.what != TapPort::Read::frame) return;
    frame(got.slice);
  }
}

void Engine::dispatch(EventName name, std::uint32_t events) {
  switch (name.source) {
    case Source::control: return read_control();
    case Source::tap: tap_readable_ = true; return;
    case Source::tcp: return tcp_->event(name.id, name.generation, events);
    case Source::tcp_listener: return accept(name.id);
    case Source::udp: return udp_->event(name.id, name.generation, events);
    case Source::udp_listener: return udp_->visitors(name.id);
    case Source::ping: return ping_->event(name.id, name.generation, events);
    case Source::dns: return dns_->event(name.id, name.generation, events);
  }
}

void Engine::fire(std::uint32_t timer) {
  const TimerNumbers& numbers = core_.numbers;
  if (timer < numbers.udp) return tcp_->expired(timer);
  if (timer < numbers.ping) return udp_->expired(timer - numbers.udp);
  if (timer < numbers.dns) return ping_->expired(timer - numbers.ping);
  if (timer == numbers.dns) return dns_->tick();
  if (timer == numbers.starved) return tcp_->retry_starved();
  if (timer == numbers.second) return every_second();
  if (timer == numbers.minute) {
    tcp_->keep_pins();
    udp_->keep_pins();
    core_.timers.set(numbers.minute, core_.now + 60'000);
  }
}

void Engine::every_second() {
  const bool more = core_.report.tick();
  const bool held = tcp_->check_held();
  for (std::uint32_t i = 0; i < tcp_listeners_.size(); ++i) accept(i);
  core_.tap.flush_capture();
  if (more || held || core_.tap.capturing()) core_.need_second();
}

void Engine::accept_waiting() {
  if (!std::exchange(visitors_waiting_, false)) return;
  for (std::uint32_t i = 0; i < tcp_listeners_.size(); ++i)
    if (std::exchange(tcp_listeners_[i].waiting, false)) accept(i);
}

// Until there is none left, since the edge comes once; a crowd has its share of each turn, and no more. Out of
// descriptors, visitors wait in the kernel's queue for a second.
void Engine::accept(std::uint32_t index) {
  Listener& listener = tcp_listeners_[index];
  for (std::size_t taken = 0; taken < visitors_per_turn; ++taken) {
    sys::InetAddress from;
    sys::NewSocket made = sys::accept_from(listener.socket, from);
    if (made.error == EMFILE || made.error == ENFILE) core_.need_second();
    if (made.error == ECONNABORTED) continue;
    if (made.error != 0) return;
    tcp_->visitor(std::move(made.fd), to_endpoint(from), from.is_v4(), listener.inside);
  }
  listener.waiting = visitors_waiting_ = true;
}

}  // namespace net
