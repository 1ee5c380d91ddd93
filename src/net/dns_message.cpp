// Reading takes every length as a claim; writing compresses names as RFC 1035 4.1.4 says, against what was written.
#include "net/dns_message.h"

#include <algorithm>

namespace net {

namespace {

constexpr std::size_t header_size = 12;
constexpr std::uint8_t pointer = 0xc0;

std::uint8_t lower(std::uint8_t c) { return c >= 'A' && c <= 'Z' ? static_cast<std::uint8_t>(c - 'A' + 'a') : c; }

std::uint16_t read16(Bytes in, std::size_t at) { return static_cast<std::uint16_t>(in[at] << 8 | in[at + 1]); }

std::uint32_t read32(Bytes in, std::size_t at) { return std::uint32_t{read16(in, at)} << 16 | read16(in, at + 2); }

bool same_bytes(Bytes one, Bytes other) {
  return std::ranges::equal(one, other, [](std::uint8_t a, std::uint8_t b) { return lower(a) == lower(b); });
}

}  // namespace

// Lengths of labels are below 64, so that lower() leaves them alone.
bool same_name(const WireName& one, const WireName& other) { return same_bytes(one.view(), other.view()); }

std::optional<Name> to_name(const WireName& name) {
  std::array<char, 255> out;
  std::size_t size = 0;
  for (std::size_t at = 0; at < name.size && name.bytes[at] != 0; at += 1u + name.bytes[at]) {
    if (size != 0) out[size++] = '.';
    for (std::size_t i = 1; i <= name.bytes[at]; ++i) {
      const std::uint8_t c = name.bytes[at + i];
      if (c == '.') return std::nullopt;
      out[size++] = static_cast<char>(c);
    }
  }
  return make_name({out.data(), size});
}

std::optional<WireName> to_wire(std::string_view name) {
  const auto made = make_name(name);
  if (!made) return std::nullopt;
  WireName out;
  for (std::string_view rest = made->view(); !rest.empty();) {
    const std::string_view label = rest.substr(0, rest.find('.'));
    out.bytes[out.size++] = static_cast<std::uint8_t>(label.size());
    for (const char c : label) out.bytes[out.size++] = static_cast<std::uint8_t>(c);
    rest.remove_prefix(std::min(rest.size(), label.size() + 1));
  }
  out.bytes[out.size++] = 0;
  return out;
}

std::optional<Header> MessageReader::header() {
  if (left() < header_size) return std::nullopt;
  Header out;
  for (std::uint16_t* field :
       {&out.id, &out.flags, &out.questions, &out.answers, &out.authorities, &out.additionals})
    *field = read16(message_, at_), at_ += 2;
  return out;
}

// A pointer leads to before the name it stands in, so that each one goes further back: no loop, and few steps.
std::optional<WireName> MessageReader::name_at(std::size_t& at, std::size_t end) const {
  WireName out;
  std::size_t from = at, limit = end, lowest = at;
  bool jumped = false;
  for (;;) {
    if (from >= limit) return std::nullopt;
    const std::uint8_t length = message_[from];
    if (length >= pointer) {
      if (limit - from < 2) return std::nullopt;
      const std::size_t to = read16(message_, from) & 0x3fff;
      if (!jumped) at = from + 2, jumped = true;
      if (to >= lowest || to < header_size) return std::nullopt;
      from = lowest = to, limit = message_.size();
      continue;
    }
    if (length >= 0x40 || limit - from < 1u + length || out.size + 1u + length > out.bytes.size()) return std::nullopt;
    std::ranges::copy(message_.subspan(from, 1u + length), out.bytes.begin() + out.size);
    out.size = static_cast<std::uint8_t>(out.size + 1 + length);
    from += 1u + length;
    if (length != 0) continue;
    if (!jumped) at = from;
    return out;
  }
}

std::optional<Question> MessageReader::question() {
  const auto name = name_at(at_, message_.size());
  if (!name || left() < 4) return std::nullopt;
  const Question out{*name, read16(message_, at_), read16(message_, at_ + 2)};
  at_ += 4;
  return out;
}

std::optional<Record> MessageReader::record() {
  const auto owner = name_at(at_, message_.size());
  if (!owner || left() < 10) return std::nullopt;
  Record out{*owner, read16(message_, at_), read16(message_, at_ + 2), read32(message_, at_ + 4), at_ + 10,
             read16(message_, at_ + 8)};
  if (out.ttl > 0x7fffffff) out.ttl = 0;  // RFC 2181 8
  if (left() - 10 < out.size) return std::nullopt;
  at_ = out.at + out.size;
  return out;
}

void MessageWriter::header(std::uint16_t id, std::uint16_t flags) {
  number16(id);
  number16(flags);
  for (int i = 0; i < 4; ++i) number16(0);
  overflowed_ = overflowed_ || failed_;
}

void MessageWriter::question(const Question& question) {
  record_ = size_;
  name(question.name, true);
  number16(question.type);
  number16(question.of_class);
  if (failed_) overflowed_ = true, size_ = record_, failed_ = false;
  else into_[5] = 1;
}

void MessageWriter::begin_record(const WireName& owner, std::uint16_t type, std::uint32_t ttl) {
  record_ = size_, failed_ = false;
  name(owner, true);
  number16(type);
  number16(dns_class_in);
  number32(ttl);
  length_at_ = size_;
  number16(0);
}

void MessageWriter::end_record(Section section) {
  if (failed_) {
    overflowed_ = true;
    return abandon_record();
  }
  const auto put16 = [&](std::size_t at, std::size_t value) {
    into_[at] = static_cast<std::uint8_t>(value >> 8), into_[at + 1] = static_cast<std::uint8_t>(value);
  };
  put16(length_at_, size_ - length_at_ - 2);
  const auto index = static_cast<std::size_t>(section);
  put16(6 + 2 * index, ++counts_[index]);
}

void MessageWriter::abandon_record() {
  size_ = record_, failed_ = false;
  while (name_count_ != 0 && names_[name_count_ - 1] >= size_) --name_count_;
}

// The longest tail that was written before becomes a pointer; the labels before it are remembered for later names.
void MessageWriter::name(const WireName& name, bool compress) {
  const MessageReader written(message());
  for (std::size_t at = 0; name.bytes[at] != 0; at += 1u + name.bytes[at]) {
    const Bytes tail = name.view().subspan(at);
    for (std::size_t i = 0; compress && i < name_count_; ++i) {
      std::size_t from = names_[i];
      const auto before = written.name_at(from, written.left());
      if (!before || !same_bytes(before->view(), tail)) continue;
      return number16(static_cast<std::uint16_t>(pointer << 8 | names_[i]));
    }
    if (compress && name_count_ < remembered && size_ < 0x3fff && !failed_)
      names_[name_count_++] = static_cast<std::uint16_t>(size_);
    bytes(name.view().subspan(at, 1u + name.bytes[at]));
  }
  number8(0);
}

void MessageWriter::number8(std::uint8_t value) { bytes({&value, 1}); }

void MessageWriter::number16(std::uint16_t value) {
  number8(static_cast<std::uint8_t>(value >> 8));
  number8(static_cast<std::uint8_t>(value));
}

void MessageWriter::number32(std::uint32_t value) {
  number16(static_cast<std::uint16_t>(value >> 16));
  number16(static_cast<std::uint16_t>(value));
}

void MessageWriter::bytes(Bytes in) {
  if (failed_ || into_.size() - size_ < in.size()) {
    failed_ = true;
    return;
  }
  std::ranges::copy(in, into_.begin() + static_cast<std::ptrdiff_t>(size_));
  size_ += in.size();
}

void MessageWriter::opt(std::uint16_t payload, bool dnssec_ok, std::optional<std::uint16_t> error) {
  WireName root;
  root.bytes[0] = 0, root.size = 1;
  begin_record(root, dns_type::opt, dnssec_ok ? 0x8000 : 0);
  if (!failed_) {  // the class is the size of UDP messages
    into_[length_at_ - 6] = static_cast<std::uint8_t>(payload >> 8);
    into_[length_at_ - 5] = static_cast<std::uint8_t>(payload);
  }
  if (error) {
    number16(15);
    number16(2);
    number16(*error);
  }
  end_record(Section::additional);
}

std::optional<Query> parse_query(Bytes message) {
  MessageReader in(message);
  const auto header = in.header();
  if (!header || (header->flags & dns_flag::response) != 0) return std::nullopt;
  Query out;
  out.id = header->id, out.flags = header->flags, out.rcode = Rcode::format_error;
  if ((header->flags & dns_flag::opcode) != 0) return out.rcode = Rcode::not_implemented, out;
  if (header->questions != 1) return out;
  const auto question = in.question();
  if (!question) return out;
  out.question = *question;
  // Nothing but EDNS may follow: a stray record is a place to hide data in.
  if (header->answers != 0 || header->authorities != 0) return out;
  for (unsigned i = 0; i < header->additionals; ++i) {
    const auto record = in.record();
    if (!record) return out;
    if (record->type != dns_type::opt) continue;
    if (out.edns || record->owner.size != 1) return out;
    out.edns = true;
    out.dnssec_ok = (record->ttl & 0x8000) != 0;
    out.payload = std::max<std::uint16_t>(512, record->of_class);
  }
  const std::uint16_t type = question->type;
  const bool refused = question->of_class != dns_class_in || type == dns_type::any || type == dns_type::axfr ||
                       type == dns_type::ixfr || type == dns_type::opt || type == 0 || (type >= 249 && type <= 254);
  out.rcode = refused ? Rcode::refused : Rcode::no_error;
  return out;
}

}  // namespace net
