// What init (pid 1 inside) and the launcher (outside) say to each other over one socket pair.
//
//   init                          launcher
//   namespaces_ready      ──►     writes the id maps, where init cannot do it itself
//                         ◄──     identity_ready
//   terminal {descriptor} ──►     takes the pty's master, sets its size
//                         ◄──     terminal_ready
//   running {descriptors} ──►     of a named sandbox, or one that joins another, only: the command's exec has happened;
//                                 with a name its namespaces in the plan's order, then its devpts, for those who come
//                                 later; at last its /etc/hosts to be written (pod.h), where the number is 1
//   stopped {signal}      ──►     gives the user's terminal back and stops too
//                         ◄──     resume
//                         ◄──     signal {number}: for the payload
//   ended {status, usage} ──►     nothing but init is left inside; the launcher need not wait for init itself,
//                                 whose namespaces take the kernel longer to take down than all the rest
//   mask_lost {path}      ──►     a mask is gone; init ends the sandbox
//   failed {Error}        ──►     at any point of the set-up: reported, nothing ran
//
// Between `sbx exec` and the attendant that the launcher forks for it (supervise/attendant.h) it is the same from
// `terminal` on: the attendant speaks as init does. That it has begun it says by a flag of the client's: a message would
// wake the client in between.
//
// Nothing is acknowledged that need not be: with one id and no terminal no message is waited for at all.
// The end of the socket is the guarantee both ways. Init polls its side for its whole life: when the
// launcher is gone, whatever killed it, init exits and the kernel ends the rest of the pid namespace.
// The payload never sees the socket: it is close-on-exec, and only the failed exec itself writes to it.
#pragma once

#include "base/enum_names.h"
#include "base/result.h"
#include "sys/fd.h"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace supervise {

enum class MessageKind : unsigned char {
  namespaces_ready, identity_ready, terminal, terminal_ready, running, stopped, resume, signal, ended, mask_lost, failed, count_
};

struct Message {
  MessageKind kind{};
  int number = 0;      // stopped, signal: the signal; ended: the wait status; terminal: an attendant's own pid
  std::string text;    // mask_lost: the path; ended: struct rusage of all that ran
  Error error;         // failed
  sys::Fd attached;    // terminal; the first of running
  std::vector<sys::Fd> further = {};  // received with the first
};

Result<> send(const sys::Fd& channel, const Message& message);
Result<> send(const sys::Fd& channel, const Message& message, std::span<const sys::Fd> attached);
// nullopt: the other side is gone.
Result<std::optional<Message>> receive(const sys::Fd& channel);
// Init's side, and an attendant's: the launcher's answer. Signals may come first: a new size of the window means nothing
// yet, and any other ends what has not begun.
Result<> receive_answer(const sys::Fd& channel, MessageKind wanted);

// The wire form, without the descriptor; pure, for the tests. Texts are cut at 4 KiB. A message from a damaged peer
// is an error.
std::string encode(const Message& message);
Result<Message> decode(std::string_view bytes);

}  // namespace supervise
