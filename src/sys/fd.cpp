// Closing descriptors.
#include "sys/fd.h"

#include <unistd.h>

namespace sys {

void Fd::reset(int number) {
  if (number_ >= 0) ::close(number_);
  number_ = number;
}

}  // namespace sys
