// A change of type is a file that goes and another that comes, as git has it.
#include "store/patch.h"

#include "base/path.h"
#include "store/lines.h"
#include "sys/file.h"

#include <algorithm>
#include <fcntl.h>

namespace store {

namespace {

using sys::Entry;
using sys::EntryType;

bool is_patched(const std::optional<Entry>& entry) {
  return entry && (entry->type == EntryType::file || entry->type == EntryType::symlink);
}

// git knows of a file's mode only whether its owner may execute it.
std::string_view git_mode(const Entry& entry) {
  if (entry.type == EntryType::symlink) return "120000";
  return (entry.mode & 0100) != 0 ? "100755" : "100644";
}

std::string_view type_word(EntryType type) {
  switch (type) {
    case EntryType::file: return "file";
    case EntryType::directory: return "directory";
    case EntryType::symlink: return "symbolic link";
    case EntryType::fifo: return "fifo";
    case EntryType::socket: return "socket";
    case EntryType::character:
    case EntryType::block: return "device";
  }
  return "file";
}

void note(Patch& patch, const Change& change, std::string_view what) {
  patch.text += text("# not in this patch: ", printable(change.path), ": ", what, "\n");
}

// What of the change the patch cannot say.
void add_notes(Patch& patch, const Change& change) {
  const bool same_type = change.before && change.after && change.before->type == change.after->type;
  if (same_type && change.mode && (!is_patched(change.after) || git_mode(*change.before) == git_mode(*change.after)))
    note(patch, change, text("mode ", octal(change.before->mode), " becomes ", octal(change.after->mode)));
  if (change.owner) note(patch, change, "another owner");
  if (change.attributes) note(patch, change, "other extended attributes");
  if (same_type) return;
  if (change.before && !is_patched(change.before) && change.before->type != EntryType::directory)
    note(patch, change, text("a ", type_word(change.before->type), " is deleted"));
  if (change.after && !is_patched(change.after) && change.after->type != EntryType::directory)
    note(patch, change, text("a new ", type_word(change.after->type)));
}

std::string file_line(std::string_view mark, std::string_view prefix, const std::string& path, bool exists) {
  if (!exists) return text(mark, " /dev/null\n");
  const std::string name = quoted_path(prefix, path);
  // A tab ends a name with blanks in it.
  return text(mark, " ", name, name.find(' ') != std::string::npos && name.front() != '"' ? "\t" : "", "\n");
}

// git refuses to touch its own directory, in whatever letters.
bool is_of_git(std::string_view path) {
  return std::ranges::any_of(path::components(path), [](std::string part) {
    for (char& c : part) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return part == ".git";
  });
}

bool has_zero(std::string_view content) { return content.substr(0, 8000).find('\0') != std::string_view::npos; }

}  // namespace

std::string quoted_path(std::string_view prefix, std::string_view path) {
  const bool plain = is_utf8(path) && std::ranges::none_of(path, [](char c) { return (c >= 0 && c < ' ') || c == '"' || c == '\\' || c == 0x7f; });
  if (plain && printable(path) == path) return text(prefix, path);
  std::string out = text('"', prefix);
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') out += text('\\', c);
    else if (c == '\n') out += "\\n";
    else if (c == '\t') out += "\\t";
    else if (byte < ' ' || byte >= 0x7f) out += text('\\', byte >> 6, (byte >> 3) & 7, byte & 7);
    else out += c;
  }
  return out + '"';
}

Result<std::string> PatchMaker::content_of(bool is_new, const Change& change, bool& binary) {
  Cursor& cursor = is_new ? upper_ : lower_;
  const Entry& entry = is_new ? *change.after : *change.before;
  const std::string shown = path::join(overlay_.origin.outside, change.path), name = name_of(change.path);
  const sys::Fd* directory = TRY(cursor.at(parent_of(change.path)));
  if (entry.type == EntryType::symlink) return sys::read_link_at(*directory, name, shown);
  if (entry.size > most_patched) {
    binary = true;
    return std::string();
  }
  const sys::Fd file = TRY(sys::open_entry(*directory, name, O_RDONLY, shown));
  if (TRY(sys::entry_of(file, shown)).type != EntryType::file) return fail(printable(shown), " changed just now");
  std::string content = TRY(sys::read_fd(file, shown, most_patched * 2));
  binary |= has_zero(content);
  return content;
}

Result<> PatchMaker::add_file(Patch& patch, const Change& change, bool with_old, bool with_new) {
  bool binary = false;
  std::string before, after;
  const bool content = !(with_old && with_new) || change.kind == ChangeKind::modified || change.kind == ChangeKind::symlink;
  if (with_old && content) before = TRY(content_of(false, change, binary));
  if (with_new && content) after = TRY(content_of(true, change, binary));
  if (binary) {
    patch.binary = true;
    note(patch, change, text("binary file", with_old ? text(", ", change.before->size, " bytes") : ", new", with_new ? text(", now ", change.after->size, " bytes") : ", deleted"));
    return {};
  }
  const std::string a = quoted_path("a/", change.path), b = quoted_path("b/", change.path);
  std::string head = text("diff --git ", a, " ", b, "\n");
  const std::size_t bare = head.size();
  if (!with_old) head += text("new file mode ", git_mode(*change.after), "\n");
  else if (!with_new) head += text("deleted file mode ", git_mode(*change.before), "\n");
  else if (git_mode(*change.before) != git_mode(*change.after))
    head += text("old mode ", git_mode(*change.before), "\nnew mode ", git_mode(*change.after), "\n");
  const auto old_lines = lines_of(before), new_lines = lines_of(after);
  const LineDiff diff = diff_lines(old_lines, new_lines);
  const std::string hunks = unified_hunks(old_lines, new_lines, diff);
  patch.additions += diff.additions, patch.removals += diff.removals;
  if (!hunks.empty()) head += file_line("---", "a/", change.path, with_old) + file_line("+++", "b/", change.path, with_new) + hunks;
  if (head.size() > bare) patch.text += head;
  return {};
}

Result<Patch> PatchMaker::make(const Change& change) {
  Patch patch;
  if (is_of_git(change.path)) {
    if (!change.is_directory()) note(patch, change, "git takes no patch of its own directory");
    return patch;
  }
  add_notes(patch, change);
  const bool with_old = is_patched(change.before), with_new = is_patched(change.after);
  const bool same_type = with_old && with_new && change.before->type == change.after->type;
  if (same_type) TRY(add_file(patch, change, true, true));
  else {
    if (with_old) TRY(add_file(patch, change, true, false));
    if (with_new) TRY(add_file(patch, change, false, true));
  }
  return patch;
}

}  // namespace store
