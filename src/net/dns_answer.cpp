// Two readings of an answer: the first checks that it is whole and follows its aliases, the second writes what may
// stay.
#include "net/dns_answer.h"

#include "net/dns_reply.h"

#include <algorithm>

namespace net {

namespace {

constexpr std::size_t longest_chain = 16;
constexpr std::uint16_t nsec = 47, nsec3 = 50;

struct Chain {
  std::array<WireName, longest_chain> names;
  std::size_t size = 0;
  const WireName& end() const { return names[size - 1]; }
  bool has(const WireName& name) const {
    return std::any_of(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(size),
                       [&](const WireName& one) { return same_name(one, name); });
  }
};

// Follows the aliases in whatever order they stand. False: damaged, a loop, or too long.
bool follow(MessageReader from, unsigned records, Bytes message, Chain& chain) {
  for (bool moved = true; moved;) {
    moved = false;
    MessageReader in = from;
    for (unsigned i = 0; i < records; ++i) {
      const auto record = in.record();
      if (!record) return false;
      if (record->type != dns_type::cname || !same_name(record->owner, chain.end())) continue;
      std::size_t at = record->at;
      const auto target = MessageReader(message).name_at(at, record->at + record->size);
      if (!target || chain.size == longest_chain || chain.has(*target)) return false;
      chain.names[chain.size++] = *target;
      moved = true;
    }
  }
  return true;
}

class Filter {
 public:
  Filter(const Query& query, const Name& name, Bytes answer, Policy& policy, Milliseconds now, MessageWriter& out)
      : query_(query), name_(name), answer_(answer), policy_(policy), now_(now), out_(out) {}

  // The rule that denies an alias, if one does.
  std::optional<std::uint16_t> denied_alias(const Chain& chain) const;
  void keep(const Record& record, const Chain& chain);
  void keep_authority(const Record& record);
  std::optional<std::uint16_t> denied() const { return denied_; }

 private:
  bool is_allowed_address(const Record& record);
  bool write_content(const Record& record);
  bool write_names(const Record& record, std::size_t before, std::size_t names, std::size_t behind, bool compress);
  bool write_service(const Record& record);
  void write(const Record& record, MessageWriter::Section section);

  const Query& query_;
  const Name& name_;
  Bytes answer_;
  Policy& policy_;
  Milliseconds now_;
  MessageWriter& out_;
  std::optional<std::uint16_t> denied_;
};

std::optional<std::uint16_t> Filter::denied_alias(const Chain& chain) const {
  for (std::size_t i = 1; i < chain.size; ++i) {
    const auto name = to_name(chain.names[i]);
    if (!name) return policy_.builtin_rule(Builtin::dns);
    const Decision decision = policy_.decide_name(name->view());
    if (!decision.allowed() && !policy_.is_builtin(decision.rule)) return decision.rule;
  }
  return std::nullopt;
}

void Filter::keep(const Record& record, const Chain& chain) {
  const std::uint16_t asked = query_.question.type;
  const bool wanted = record.type == asked || record.type == dns_type::cname ||
                      (record.type == dns_type::rrsig && query_.dnssec_ok);
  if (!wanted || record.of_class != dns_class_in || !chain.has(record.owner)) return;
  const bool address = record.type == dns_type::a || record.type == dns_type::aaaa;
  if (address && (!same_name(record.owner, chain.end()) || !is_allowed_address(record))) return;
  write(record, MessageWriter::Section::answer);
}

void Filter::keep_authority(const Record& record) {
  const bool proof = record.type == dns_type::rrsig || record.type == nsec || record.type == nsec3;
  if (record.of_class != dns_class_in || (record.type != dns_type::soa && !(proof && query_.dnssec_ok))) return;
  write(record, MessageWriter::Section::authority);
}

bool Filter::is_allowed_address(const Record& record) {
  const bool v4 = record.type == dns_type::a;
  if (record.size != (v4 ? 4 : 16)) return false;
  Address address = Address::from_v4(0);
  std::ranges::copy(answer_.subspan(record.at, record.size), address.bytes.begin() + (v4 ? 12 : 0));
  const Decision pinned = policy_.pin(name_.view(), address, record.ttl, now_);
  if (!pinned.allowed()) denied_ = pinned.rule;
  return pinned.allowed();
}

void Filter::write(const Record& record, MessageWriter::Section section) {
  out_.begin_record(record.owner, record.type, std::min(record.ttl, Pins::longest_ttl));
  if (write_content(record)) out_.end_record(section);
  else out_.abandon_record();
}

// Names inside known types may be compressed (RFC 3597 4), and pointers would lead elsewhere in our message.
bool Filter::write_content(const Record& record) {
  switch (record.type) {
    case dns_type::ns:
    case dns_type::cname:
    case dns_type::ptr: return write_names(record, 0, 1, 0, true);
    case dns_type::dname: return write_names(record, 0, 1, 0, false);
    case dns_type::mx: return write_names(record, 2, 1, 0, true);
    case dns_type::afsdb:
    case dns_type::rt:
    case dns_type::kx: return write_names(record, 2, 1, 0, false);
    case dns_type::srv: return write_names(record, 6, 1, 0, false);
    case dns_type::rp: return write_names(record, 0, 2, 0, false);
    case dns_type::soa: return write_names(record, 0, 2, 20, true);
    case dns_type::svcb:
    case dns_type::https: return write_service(record);
    default: return out_.bytes(answer_.subspan(record.at, record.size)), true;
  }
}

bool Filter::write_names(const Record& record, std::size_t before, std::size_t names, std::size_t behind,
                         bool compress) {
  const std::size_t end = record.at + record.size;
  if (record.size < before) return false;
  out_.bytes(answer_.subspan(record.at, before));
  std::size_t at = record.at + before;
  for (std::size_t i = 0; i < names; ++i) {
    const auto name = MessageReader(answer_).name_at(at, end);
    if (!name) return false;
    out_.name(*name, compress);
  }
  if (end - at != behind) return false;
  out_.bytes(answer_.subspan(at, behind));
  return true;
}

// RFC 9460 2.2. Without the key for Encrypted ClientHello the name stays visible; without address hints what a client
// uses is what was pinned. A record that cannot do without them, or leads to a name that may not be asked, goes.
bool Filter::write_service(const Record& record) {
  constexpr std::uint16_t mandatory = 0, ipv4_hint = 4, ech = 5, ipv6_hint = 6;
  const auto dropped = [](std::uint16_t key) { return key == ech || key == ipv4_hint || key == ipv6_hint; };
  const auto number = [&](std::size_t at) { return static_cast<std::uint16_t>(answer_[at] << 8 | answer_[at + 1]); };
  const std::size_t end = record.at + record.size;
  if (record.size < 3) return false;
  std::size_t at = record.at + 2;
  const auto target = MessageReader(answer_).name_at(at, end);
  if (!target) return false;
  if (target->size != 1) {
    const auto name = to_name(*target);
    if (!name || !policy_.decide_name(name->view()).allowed()) return false;
  }
  out_.number16(number(record.at));
  out_.name(*target, false);
  for (int last = -1; at != end;) {
    if (end - at < 4 || end - at - 4 < number(at + 2) || number(at) <= last) return false;
    const std::uint16_t key = number(at), size = number(at + 2);
    const Bytes value = answer_.subspan(at + 4, size);
    if (key == mandatory && size % 2 != 0) return false;
    for (std::size_t i = 0; key == mandatory && i < size; i += 2)
      if (dropped(number(at + 4 + i))) return false;
    if (!dropped(key)) {
      out_.number16(key);
      out_.number16(size);
      out_.bytes(value);
    }
    last = key, at += 4u + size;
  }
  return true;
}

Answer write_blocked(MessageWriter& out, const Query& query, std::uint16_t rule) {
  write_no_name(out, query, blocked_error);
  return {Answer::State::written, Rcode::name_error, rule};
}

}  // namespace

Answer filter_answer(const Query& query, std::uint16_t id, Bytes answer, Policy& policy, Milliseconds now,
                     MessageWriter& out) {
  MessageReader in(answer);
  const auto header = in.header();
  if (!header || header->id != id || (header->flags & dns_flag::response) == 0 || header->questions != 1) return {};
  const auto question = in.question();
  const Question& asked = query.question;
  if (!question || question->type != asked.type || question->of_class != asked.of_class ||
      !same_name(question->name, asked.name))
    return {};
  const auto rcode = static_cast<Rcode>(header->flags & dns_flag::rcode);
  if ((header->flags & dns_flag::truncated) != 0) return {Answer::State::truncated, rcode, {}};
  if (rcode != Rcode::no_error && rcode != Rcode::name_error) return {Answer::State::failed, rcode, {}};
  const Answer damaged{Answer::State::failed, Rcode::server_failure, {}};
  const auto name = to_name(asked.name);
  Chain chain;
  chain.names[chain.size++] = asked.name;
  if (!name || !follow(in, header->answers, answer, chain)) return damaged;

  Filter filter(query, *name, answer, policy, now, out);
  if (const auto rule = filter.denied_alias(chain)) return write_blocked(out, query, *rule);
  begin_reply(out, query, rcode, header->flags & dns_flag::authentic);
  for (unsigned i = 0; i < header->answers; ++i) filter.keep(*in.record(), chain);
  for (unsigned i = 0; i < header->authorities; ++i) {
    const auto record = in.record();
    if (!record) break;
    filter.keep_authority(*record);
  }
  end_reply(out, query, filter.denied() ? std::optional(blocked_error) : std::nullopt);
  return {Answer::State::written, rcode, filter.denied()};
}

}  // namespace net
