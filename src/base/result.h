// Result<T>: a value or an Error. Every fallible function returns one; nothing in src throws.
// It is a struct, not an alias of std::expected: g++ 12 warns about a dropped struct marked
// [[nodiscard]], but not about a dropped alias, and a lost restriction must not compile.
#pragma once

#include "base/text.h"

#include <expected>
#include <string>
#include <utility>

// Exit statuses that are sbx's own (as docker's and env(1)'s).
namespace exit_status {
inline constexpr int timeout = 124;
inline constexpr int setup_failed = 125;
inline constexpr int not_executable = 126;
inline constexpr int not_found = 127;
inline constexpr int signal_base = 128;  // plus the signal's number
}  // namespace exit_status

struct [[nodiscard]] Error {
  int code = 0;         // errno of the refused call, or 0 for a refusal of our own
  std::string message;  // one sentence, lower case, names the object
  std::string hint;     // the way out; empty when there is none to give
  int status = exit_status::setup_failed;

  // These return the value, so that `return fail(…).…` stays one statement.
  Error&& with_hint(std::string text) && { hint = std::move(text); return std::move(*this); }
};

template <class T = void>
struct [[nodiscard]] Result : std::expected<T, Error> {
  using std::expected<T, Error>::expected;
};

// Cold, as all that makes an error: the compiler lays what leads there apart from what is run (GCC, function attributes).
[[gnu::cold, gnu::noinline]] inline std::unexpected<Error> pass_on(Error&& error) { return std::unexpected<Error>(std::move(error)); }

// A refusal of our own: fail("profile ", name, " not found").
template <class... Parts>
[[gnu::cold]] std::unexpected<Error> fail(const Parts&... parts) {
  return std::unexpected<Error>(Error{0, text(parts...), {}});
}

// The same with the way out: fail_hint("do this instead", "profile ", name, " not found").
template <class... Parts>
[[gnu::cold]] std::unexpected<Error> fail_hint(std::string hint, const Parts&... parts) {
  return std::unexpected<Error>(Error{0, text(parts...), std::move(hint)});
}

// The value of a Result, or return its error from the enclosing function. One per statement.
#define TRY(expression)                                                            \
  __extension__({                                                                  \
    auto result_ = (expression);                                                   \
    if (!result_) return pass_on(std::move(result_).error());                      \
    *std::move(result_);                                                           \
  })
