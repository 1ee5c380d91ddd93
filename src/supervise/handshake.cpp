// Encoding: kind, number, then the texts.
#include "supervise/handshake.h"

#include "supervise/wire.h"
#include "sys/socket.h"

namespace supervise {

namespace {

// An error may quote a command line of megabytes, and a message has a size that is always sent.
constexpr std::size_t most_text = 4096;

void put_cut_text(std::string& out, std::string_view content) {
  constexpr std::string_view cut = " (cut)";
  if (content.size() <= most_text) return put_text(out, content);
  put_text(out, text(content.substr(0, most_text - cut.size()), cut));
}

}  // namespace

std::string encode(const Message& message) {
  std::string out(1, static_cast<char>(message.kind));
  put_number(out, message.number);
  put_cut_text(out, message.text);
  put_number(out, message.error.code);
  put_number(out, message.error.status);
  put_cut_text(out, message.error.message);
  put_cut_text(out, message.error.hint);
  return out;
}

Result<Message> decode(std::string_view bytes) {
  if (bytes.empty() || static_cast<unsigned char>(bytes[0]) >= static_cast<unsigned char>(MessageKind::count_))
    return fail("unknown message between launcher and init");
  Message message;
  message.kind = static_cast<MessageKind>(bytes[0]);
  WireReader reader{bytes.substr(1)};
  message.number = reader.number();
  message.text = reader.content();
  message.error.code = reader.number();
  message.error.status = reader.number();
  message.error.message = reader.content();
  message.error.hint = reader.content();
  if (reader.broken || !reader.rest.empty()) return fail("damaged message between launcher and init");
  return message;
}

Result<> send(const sys::Fd& channel, const Message& message) {
  return sys::send_message(channel, encode(message), message.attached.valid() ? &message.attached : nullptr);
}

Result<> send(const sys::Fd& channel, const Message& message, std::span<const sys::Fd> attached) {
  return sys::send_message(channel, encode(message), attached);
}

Result<std::optional<Message>> receive(const sys::Fd& channel) {
  std::optional<sys::Message> received = TRY(sys::receive_message(channel));
  if (!received) return std::optional<Message>{};
  Message message = TRY(decode(received->content));
  message.attached = std::move(received->attached), message.further = std::move(received->further);
  return std::optional<Message>(std::move(message));
}

}  // namespace supervise
