// What is mounted, as this process sees it.
#pragma once

#include "base/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace sys {

// Where: of the mount namespace all that lies below our root, and the root itself where it is a mount, in no order.
// By listmount(2) and statmount(2) (Linux 6.8), else from mountinfo, which takes the kernel twice as long.
Result<std::vector<std::string>> mounted_places();

// The same of the text of proc_pid_mountinfo(5); pure, for the tests.
std::vector<std::string> places_in(std::string_view mountinfo);

}  // namespace sys
