// Two small files beside an upper. `journal` stands there while a commit is at work: its paths, and the name that its
// temporary files have in the host's directories. Nothing but the upper holds what is still to be done, so that to
// resume is to do the same again for those of its paths that still differ. `committed` says what a commit left on the
// host, so that the next one does not take its own work for somebody else's. Pure.
#pragma once

#include "base/instant.h"
#include "base/result.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace store {

struct Journal {
  std::string token;                // of the temporary files: ".sbx-TOKEN"
  bool force = false, privileged = false;
  std::vector<std::string> paths;   // relative, without . and .. in them
  std::string temporary() const { return text(".sbx-", token); }
  bool operator==(const Journal&) const = default;
};
std::string encode(const Journal& journal);
Result<Journal> decode_journal(std::string_view text);

// By path (empty: the directory itself): the ctime that the last commit left.
using Ledger = std::map<std::string, Instant, std::less<>>;
std::string encode(const Ledger& ledger);
Result<Ledger> decode_ledger(std::string_view text);

// A path below a directory as both files and the command line may name it: relative, no empty, . or .. component.
bool is_inner_path(std::string_view path);

}  // namespace store
