// Sandboxes that share a network (sbx --join): the first, which has made it, and its members. Each has a launcher of
// its own; the members' keep a connection to the control socket of the first one's (control.h) for their whole life.
//
//   member                                first
//   join {0}                       ──►
//                                  ◄──    what the member's plan is made by
//   join {kinds; which, hostname,  ──►    another run of that name is refused
//         names; with pid, the
//         cgroup.kill of its group}
//                                  ◄──    the namespaces of those kinds; from here on it is a member
//   hosts {descriptor}             ──►    its /etc/hosts, open to be written: it names the fellows, whoever comes or goes
//                                  ◄──    done
//
// The connection's end says the end of either. A member whose first is gone ends too, as a sandbox without its engine
// does: nothing holds its network to rules or answers there any more, and who waits for an answer would wait for ever.
#pragma once

#include "base/result.h"
#include "sys/fd.h"

#include <functional>
#include <string>
#include <vector>

namespace supervise {

inline constexpr std::size_t most_members = 64;

struct Member {
  sys::Fd connection;              // none: the launcher's own sandbox
  std::string hostname;
  std::vector<std::string> names;  // by which the others know it
  sys::Fd hosts;                   // its /etc/hosts; none: it has one of the host's, or not yet any
  sys::Fd kill = {};               // its group's cgroup.kill, where its processes are in our pid namespace
  Result<> end_group() const;      // all in it; a group that is gone (ENODEV) is no error
};

struct Pod {
  // Of the first: its own entry, and the content of /etc/hosts.
  Member self;
  std::vector<Member> members;
  std::function<std::string(const std::string& hostname, const std::vector<std::string>& fellows)> hosts_text;
  // Of a member.
  sys::Fd first;
  std::string first_name;

  std::vector<std::string> names() const;             // of all, the first's before the others
  Result<> tell_names() const;                        // to everybody's /etc/hosts
};

// "which, hostname, names" of a request, which comes from another process.
Result<Member> decode_member(const std::vector<std::string>& words);

}  // namespace supervise
