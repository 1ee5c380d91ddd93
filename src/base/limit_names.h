// The names of resource limits, as ulimit and docker's --ulimit call them (setrlimit(2)).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <sys/resource.h>

struct LimitName { std::string_view name; int resource; };
inline constexpr std::array<LimitName, 16> limit_names{{
    {"as", RLIMIT_AS}, {"core", RLIMIT_CORE}, {"cpu", RLIMIT_CPU}, {"data", RLIMIT_DATA}, {"fsize", RLIMIT_FSIZE},
    {"locks", RLIMIT_LOCKS}, {"memlock", RLIMIT_MEMLOCK}, {"msgqueue", RLIMIT_MSGQUEUE}, {"nice", RLIMIT_NICE},
    {"nofile", RLIMIT_NOFILE}, {"nproc", RLIMIT_NPROC}, {"rss", RLIMIT_RSS}, {"rtprio", RLIMIT_RTPRIO},
    {"rttime", RLIMIT_RTTIME}, {"sigpending", RLIMIT_SIGPENDING}, {"stack", RLIMIT_STACK}}};

inline constexpr std::uint64_t unlimited = RLIM_INFINITY;
