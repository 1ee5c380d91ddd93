// Runs a seccomp program as the kernel would: classic BPF, what seccomp_check_filter() accepts of it.
#pragma once

#include <cstring>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <span>

inline std::uint32_t run_bpf(std::span<const sock_filter> program, const seccomp_data& call) {
  std::uint32_t a = 0;
  for (std::size_t at = 0; at < program.size(); ++at) {
    const sock_filter& i = program[at];
    const auto branch = [&](bool yes) { at += yes ? i.jt : i.jf; };
    switch (i.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        if (i.k % 4 != 0 || i.k + 4 > sizeof call) { ADD_FAILURE() << "load at " << i.k; return 0; }
        std::memcpy(&a, reinterpret_cast<const char*>(&call) + i.k, 4);
        break;
      case BPF_ALU | BPF_AND | BPF_K: a &= i.k; break;
      case BPF_JMP | BPF_JA: at += i.k; break;
      case BPF_JMP | BPF_JEQ | BPF_K: branch(a == i.k); break;
      case BPF_JMP | BPF_JGE | BPF_K: branch(a >= i.k); break;
      case BPF_JMP | BPF_JGT | BPF_K: branch(a > i.k); break;
      case BPF_JMP | BPF_JSET | BPF_K: branch((a & i.k) != 0); break;
      case BPF_RET | BPF_K: return i.k;
      default: ADD_FAILURE() << "instruction " << i.code; return 0;
    }
  }
  ADD_FAILURE() << "the program runs off its end";
  return 0;
}
