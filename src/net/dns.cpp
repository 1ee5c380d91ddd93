// The forwarder's two halves: what happens to a question before it may leave, and what becomes of one that left.
#include "net/dns.h"

#include "net/dns_answer.h"

#include <algorithm>
#include <limits>

namespace net {

namespace {

constexpr std::uint8_t attempts = 3;  // 6 s in all, as long as libc waits for one server and its retry

// A name that cannot be a policy's: what is shown of it is visible.
Name shown(const WireName& name) {
  Name out;
  for (std::size_t at = 0; at < name.size && name.bytes[at] != 0; at += 1u + name.bytes[at]) {
    for (std::size_t i = 0; i <= name.bytes[at] && out.size < Name::longest; ++i) {
      if (i == 0 && out.size == 0) continue;
      const std::uint8_t c = i == 0 ? '.' : name.bytes[at + i];
      out.characters[out.size++] = c > ' ' && c <= '~' ? static_cast<char>(c) : '?';
    }
  }
  return out;
}

std::uint16_t length_at(std::span<const std::uint8_t> bytes) {
  return static_cast<std::uint16_t>(bytes[0] << 8 | bytes[1]);
}

}  // namespace

Dns::Dns(const Config& config, const HostNetwork& host, Policy& policy, RandomNumbers& random, DnsActions& actions)
    : policy_(policy),
      random_(random),
      actions_(actions),
      local_(config),
      // Headers of IPv6 and UDP; what is larger is asked for again over tcp.
      largest_datagram_(static_cast<std::uint16_t>(std::clamp<int>(config.addressing.mtu, 1280, 9000) - 48)),
      own_servers_(!config.dns.empty()),
      tables_(std::make_unique<Tables>()),
      buffers_(std::make_unique_for_overwrite<std::uint8_t[]>(large_answers * longest_answer)),
      out_(std::make_unique_for_overwrite<std::uint8_t[]>(longest_answer)) {
  const std::vector<Address>& given = own_servers_ ? config.dns : host.resolvers;
  server_count_ = std::min(servers, given.size());
  std::copy_n(given.begin(), server_count_, servers_.begin());
}

void Dns::set_resolvers(std::span<const Address> resolvers) {
  if (own_servers_) return;
  server_count_ = std::min(servers, resolvers.size());
  std::copy_n(resolvers.begin(), server_count_, servers_.begin());
  preferred_ = 0;
}

void Dns::query(const DnsClient& client, std::span<const std::uint8_t> datagram, Milliseconds now) {
  serve(client, datagram, now);
}

// The bytes of the client's connection are whole messages one after the other, each behind its length.
void Dns::stream_bytes(const DnsClient& client, std::span<const std::uint8_t> bytes, Milliseconds now) {
  Stream* const stream = stream_of(client.stream);
  const auto refuse = [&] {
    stream_closed(client.stream);
    actions_.close_stream(client.stream);
  };
  if (!stream) return refuse();
  while (!bytes.empty()) {
    const std::size_t wanted = stream->size < 2 ? 2 : 2u + length_at(stream->bytes);
    if (wanted > stream->bytes.size()) return refuse();
    const std::size_t taken = std::min(wanted - stream->size, bytes.size());
    std::copy_n(bytes.begin(), taken, stream->bytes.begin() + static_cast<std::ptrdiff_t>(stream->size));
    stream->size += taken;
    bytes = bytes.subspan(taken);
    if (stream->size < 2 || stream->size < 2u + length_at(stream->bytes)) continue;
    const std::size_t size = stream->size;
    stream->size = 0;
    serve(client, Bytes(stream->bytes).subspan(2, size - 2), now);
    if (!stream->used) return;  // the reply has closed it
  }
}

Dns::Stream* Dns::stream_of(std::uint32_t stream) {
  Stream* free = nullptr;
  for (Stream& one : tables_->clients) {
    if (one.used && one.stream == stream) return &one;
    if (!one.used && !free) free = &one;
  }
  if (free) free->used = true, free->stream = stream, free->size = 0;
  return free;
}

void Dns::stream_closed(std::uint32_t stream) {
  for (Stream& one : tables_->clients)
    if (one.used && one.stream == stream) one.used = false;
  for (std::uint16_t slot = 0; waiting_ != 0 && slot < slots; ++slot) {
    const Pending& pending = tables_->pending[slot];
    if (pending.used && pending.client.transport == Transport::tcp && pending.client.stream == stream) finish(slot);
  }
}

// Two bytes are kept for the length of a reply into a stream.
std::span<std::uint8_t> Dns::room_for(const DnsClient& client, const Query& query) const {
  const bool stream = client.transport == Transport::tcp;
  return {out_.get() + 2, stream ? longest_answer - 2 : std::min<std::size_t>(query.payload, largest_datagram_)};
}

void Dns::reply(const DnsClient& client, const Query& query, MessageWriter& message) {
  std::size_t size = message.message().size();
  if (message.overflowed()) {
    MessageWriter shorter(room_for(client, query));
    write_truncated(shorter, query);
    size = shorter.message().size();
  }
  const bool stream = client.transport == Transport::tcp;
  out_[0] = static_cast<std::uint8_t>(size >> 8), out_[1] = static_cast<std::uint8_t>(size);
  actions_.reply(client, Bytes(out_.get() + (stream ? 0 : 2), size + (stream ? 2 : 0)));
}

void Dns::serve(const DnsClient& client, Bytes message, Milliseconds now) {
  const auto query = parse_query(message);
  if (!query) return;
  MessageWriter out(room_for(client, *query));
  if (query->rcode != Rcode::no_error) {
    write_error(out, *query, query->rcode);
    return reply(client, *query, out);
  }
  const auto name = to_name(query->question.name);
  if (name && answered_here(client, *query, *name)) return;
  Decision decision{Verdict::deny, policy_.builtin_rule(Builtin::dns), false, {}};  // of what is no host name
  if (name) decision = decide(*name, now);
  if (decision.allowed()) return forward(client, *query, now);
  actions_.denied((name ? *name : shown(query->question.name)).view(), query->question.type, decision.rule);
  write_no_name(out, *query, blocked_error);
  reply(client, *query, out);
}

// Also the names by which programs look for a resolver that is not this one: Firefox asks the first, and others find
// encrypted ones by the second (RFC 9462).
bool Dns::answered_here(const DnsClient& client, const Query& query, const Name& name) {
  MessageWriter out(room_for(client, query));
  const std::string_view text = name.view();
  if (text == "use-application-dns.net" || text == "resolver.arpa" || is_below(text, "resolver.arpa"))
    write_no_name(out, query);
  else if (!local_.write(out, query, text))
    return false;
  reply(client, query, out);
  return true;
}

Decision Dns::decide(const Name& name, Milliseconds now) const {
  const auto address = reverse_address(name.view());
  return address ? policy_.decide_reverse(*address, now) : policy_.decide_name(name.view());
}

bool Dns::is_pending(const DnsClient& client, const Query& query) const {
  return std::ranges::any_of(tables_->pending, [&](const Pending& one) {
    return one.used && one.client == client && one.query.id == query.id &&
           one.query.question.type == query.question.type &&
           same_name(one.query.question.name, query.question.name);
  });
}

void Dns::forward(const DnsClient& client, const Query& query, Milliseconds now) {
  if (is_pending(client, query)) return;  // sent again because the answer takes long
  auto& pending = tables_->pending;
  const auto free = std::ranges::find_if(pending, [](const Pending& one) { return !one.used; });
  if (free == pending.end() || server_count_ == 0) {
    MessageWriter out(room_for(client, query));
    write_error(out, query, Rcode::server_failure);
    return reply(client, query, out);
  }
  *free = Pending{};
  ++waiting_;
  free->used = true, free->client = client, free->query = query;
  free->server = static_cast<std::uint8_t>(preferred_), free->tries = attempts;
  send(static_cast<std::uint16_t>(free - pending.begin()), now);
}

// To the server of the slot, or to the first after it that can be asked.
void Dns::send(std::uint16_t slot, Milliseconds now) {
  Pending& pending = tables_->pending[slot];
  while (!attempt(slot, now))
    if (!another_server(pending)) return fail(slot, Rcode::server_failure);
}

// The question is written anew: options and flags of the client's choice do not leave.
bool Dns::attempt(std::uint16_t slot, Milliseconds now) {
  Pending& pending = tables_->pending[slot];
  if (server_count_ == 0) return false;
  if (pending.server >= server_count_) pending.server = 0;
  pending.id = static_cast<std::uint16_t>(random_.next());
  pending.deadline = now + patience;
  pending.received = 0;
  std::array<std::uint8_t, 512> bytes;
  MessageWriter out(std::span<std::uint8_t>(bytes).subspan(2));
  const auto kept = pending.query.flags & dns_flag::checking_disabled;
  out.header(pending.id, static_cast<std::uint16_t>(dns_flag::recursion_desired | kept));
  out.question(pending.query.question);
  if (pending.edns) out.opt(our_payload, pending.query.dnssec_ok, std::nullopt);
  const std::size_t size = out.message().size();
  bytes[0] = static_cast<std::uint8_t>(size >> 8), bytes[1] = static_cast<std::uint8_t>(size);
  const bool tcp = pending.transport == Transport::tcp;
  return actions_.ask(slot, servers_[pending.server], pending.transport,
                      Bytes(bytes).subspan(tcp ? 0 : 2, size + (tcp ? 2 : 0)));
}

// The other questions go to the next server at once, too. False: enough has been tried.
bool Dns::another_server(Pending& pending) {
  if (--pending.tries == 0 || server_count_ == 0) return false;
  const std::size_t next = (pending.server + 1u) % server_count_;
  if (pending.server == preferred_) preferred_ = next;
  pending.server = static_cast<std::uint8_t>(next);
  return true;
}

void Dns::answer(std::uint16_t slot, std::span<const std::uint8_t> bytes, Milliseconds now) {
  if (slot >= slots || !tables_->pending[slot].used) return;
  if (tables_->pending[slot].transport == Transport::udp) return read_answer(slot, bytes, now);
  read_stream(slot, bytes, now);
}

void Dns::read_stream(std::uint16_t slot, Bytes bytes, Milliseconds now) {
  Pending& pending = tables_->pending[slot];
  std::uint8_t* const buffer = buffers_.get() + pending.buffer * longest_answer;
  const std::size_t taken = std::min(bytes.size(), longest_answer - pending.received);
  std::copy_n(bytes.begin(), taken, buffer + pending.received);
  pending.received += static_cast<std::uint32_t>(taken);
  const Bytes all(buffer, pending.received);
  if (all.size() >= 2 && all.size() >= 2u + length_at(all)) read_answer(slot, all.subspan(2, length_at(all)), now);
}

void Dns::read_answer(std::uint16_t slot, Bytes message, Milliseconds now) {
  Pending& pending = tables_->pending[slot];
  const Query& query = pending.query;
  MessageWriter out(room_for(pending.client, query));
  const Answer answer = filter_answer(query, pending.id, message, policy_, now, out);
  if (answer.denied) actions_.denied(shown(query.question.name).view(), query.question.type, *answer.denied);
  const bool stream = pending.transport == Transport::tcp;
  switch (answer.state) {
    case Answer::State::written:
      reply(pending.client, query, out);
      return finish(slot);
    case Answer::State::foreign:  // a datagram from elsewhere, or of an earlier attempt
      if (stream) upstream_failed(slot, now);
      return;
    case Answer::State::truncated:
      if (stream) return upstream_failed(slot, now);
      if (pending.client.transport == Transport::udp) {
        write_truncated(out, query);
        reply(pending.client, query, out);
        return finish(slot);
      }
      return ask_by_stream(slot, now);
    case Answer::State::failed:
      // A server of before EDNS says so (RFC 6891 7).
      if (pending.edns && (answer.rcode == Rcode::format_error || answer.rcode == Rcode::not_implemented)) {
        pending.edns = false;
        return send(slot, now);
      }
      if (server_count_ == 1 || !another_server(pending)) return fail(slot, answer.rcode);
      return send(slot, now);
  }
}

void Dns::ask_by_stream(std::uint16_t slot, Milliseconds now) {
  const auto free = std::ranges::find(buffer_used_, false);
  if (free == buffer_used_.end()) return fail(slot, Rcode::server_failure);
  *free = true;
  tables_->pending[slot].buffer = static_cast<std::uint8_t>(free - buffer_used_.begin());
  tables_->pending[slot].transport = Transport::tcp;
  send(slot, now);
}

void Dns::upstream_failed(std::uint16_t slot, Milliseconds now) {
  if (slot >= slots || !tables_->pending[slot].used) return;
  if (!another_server(tables_->pending[slot])) return fail(slot, Rcode::server_failure);
  send(slot, now);
}

void Dns::tick(Milliseconds now) {
  for (std::uint16_t slot = 0; slot < slots; ++slot)
    if (tables_->pending[slot].used && tables_->pending[slot].deadline <= now) upstream_failed(slot, now);
}

Milliseconds Dns::next_tick() const {
  Milliseconds out = std::numeric_limits<Milliseconds>::max();
  if (waiting_ == 0) return out;
  for (const Pending& pending : tables_->pending)
    if (pending.used) out = std::min(out, pending.deadline);
  return out;
}

void Dns::fail(std::uint16_t slot, Rcode rcode) {
  const Pending& pending = tables_->pending[slot];
  MessageWriter out(room_for(pending.client, pending.query));
  write_error(out, pending.query, rcode);
  reply(pending.client, pending.query, out);
  finish(slot);
}

void Dns::finish(std::uint16_t slot) {
  Pending& pending = tables_->pending[slot];
  if (!pending.used) return;  // the reply has closed its stream
  if (pending.buffer != no_buffer) buffer_used_[pending.buffer] = false;
  pending.buffer = no_buffer, pending.used = false;
  --waiting_;
  actions_.finish(slot);
}

}  // namespace net
