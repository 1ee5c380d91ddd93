// The two files beside an upper are errors, or read again as they were written; no path in them leads out.
#include "store/journal.h"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  if (const auto journal = store::decode_journal(text)) {
    for (const std::string& path : journal->paths)
      if (!store::is_inner_path(path)) std::abort();
    const auto again = store::decode_journal(store::encode(*journal));
    if (!again || *again != *journal) std::abort();
  }
  if (const auto ledger = store::decode_ledger(text)) {
    const auto again = store::decode_ledger(store::encode(*ledger));
    if (!again || *again != *ledger) std::abort();
  }
  return 0;
}
