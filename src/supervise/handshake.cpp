// Encoding: kind, number, then the texts.
#include "supervise/handshake.h"

#include "supervise/wire.h"
#include "sys/process.h"
#include "sys/socket.h"

#include <csignal>

namespace supervise {

namespace {

// An error may quote a command line of megabytes, and a message has a size that is always sent.
constexpr std::size_t most_text = 4096;

std::string cut_to_size(const std::string& content) {
  constexpr std::string_view cut = " (cut)";
  return content.size() <= most_text ? content : text(std::string_view(content).substr(0, most_text - cut.size()), cut);
}

}  // namespace

std::string encode(const Message& message) {
  std::string out(1, static_cast<char>(message.kind));
  put_number(out, message.number);
  put_text(out, cut_to_size(message.text));
  Error error = message.error;
  error.message = cut_to_size(error.message), error.hint = cut_to_size(error.hint);
  put_error(out, error);
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
  message.error = reader.error();
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

Result<> receive_answer(const sys::Fd& channel, MessageKind wanted) {
  while (true) {
    const std::optional<Message> message = TRY(receive(channel));
    if (!message) return fail("the launcher is gone");
    if (message->kind == wanted) return {};
    if (message->kind != MessageKind::signal) return fail("unexpected message from the launcher");
    if (message->number == SIGWINCH || message->number == SIGCONT) continue;
    return std::unexpected<Error>(Error{0, text("ended by ", sys::signal_name(message->number), " before the command ran"), {},
                                        exit_status::signal_base + message->number});
  }
}

}  // namespace supervise
