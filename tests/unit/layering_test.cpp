// Holds src to its own rules: the include table of src/README.md, errno only in src/sys and src/base, plan/ and
// profile/ without system headers, files of at most 400 lines and functions of at most 60, a comment atop each.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;
using Lines = std::vector<std::string>;
// A folder -> what it may include: folders, single files ("net/config.h"), or "all".
using Table = std::map<std::string, std::set<std::string>>;

Lines read_lines(const fs::path& file) {
  std::ifstream in(file);
  EXPECT_TRUE(in) << file;
  Lines lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::vector<std::string> words(const std::string& text) {
  static const std::regex word("[A-Za-z0-9_./]+");
  return {std::sregex_token_iterator(text.begin(), text.end(), word), {}};
}

// The fenced block after the line "May include:": "launch: base, sys", "oci, bwrap: base", "cli: all".
Table parse_table(const Lines& page) {
  Table table;
  auto line = std::find_if(page.begin(), page.end(), [](const auto& l) { return l.starts_with("May include:"); });
  line = std::find_if(line, page.end(), [](const auto& l) { return l.starts_with("```"); });
  for (line = line == page.end() ? line : line + 1; line != page.end() && !line->starts_with("```"); ++line) {
    const std::size_t colon = line->find(':');
    if (colon == std::string::npos) continue;
    std::set<std::string> allowed;
    for (const std::string& word : words(line->substr(colon + 1)))
      if (word != "nothing") allowed.insert(word);
    for (const std::string& folder : words(line->substr(0, colon))) table[folder] = allowed;
  }
  return table;
}

const Table& table() {
  static const Table parsed = parse_table(read_lines(fs::path(SBX_SOURCE_DIR) / "src/README.md"));
  return parsed;
}

bool may_include(const Table& rules, const std::string& folder, const std::string& header) {
  const std::string from = header.substr(0, header.find('/'));
  if (from == folder) return true;
  const auto row = rules.find(folder);
  if (row == rules.end()) return false;
  return row->second.contains("all") || row->second.contains(from) || row->second.contains(header);
}

struct Source {
  std::string name, folder;  // "launch/mounts.cpp", "launch"
  Lines lines;
};

const std::vector<Source>& sources() {
  static const std::vector<Source> all = [] {
    std::vector<Source> found;
    const fs::path src = fs::path(SBX_SOURCE_DIR) / "src";
    for (const auto& entry : fs::recursive_directory_iterator(src)) {
      if (entry.path().extension() != ".cpp" && entry.path().extension() != ".h") continue;
      const fs::path name = entry.path().lexically_relative(src);
      found.push_back({name.string(), name.begin()->string(), read_lines(entry.path())});
    }
    return found;
  }();
  return all;
}

// The line without its // comment and without what stands in quotes.
std::string code_of(const std::string& line) {
  static const std::regex quoted(R"("(\\.|[^"\\])*")"), comment("//.*");
  return std::regex_replace(std::regex_replace(line, quoted, "\"\""), comment, "");
}

// "file:line" of each line of code that the pattern matches, in sources that `where` accepts.
template <class Where>
Lines lines_matching(const std::string& pattern, const Where& where) {
  const std::regex wanted(pattern);
  Lines found;
  for (const Source& source : sources()) {
    if (!where(source)) continue;
    for (std::size_t i = 0; i < source.lines.size(); ++i)
      if (std::regex_search(code_of(source.lines[i]), wanted))
        found.push_back(source.name + ":" + std::to_string(i + 1) + ": " + source.lines[i]);
  }
  return found;
}

// embed/ runs when sbx is built; nothing of it is in sbx.
const auto shipped = [](const Source& source) { return source.folder != "embed"; };

// Headers that touch no kernel, though their names end in .h.
bool is_pure_header(const std::string& header) {
  return !header.ends_with(".h") || header.starts_with("toml++/");
}

// A function of a .cpp file: from a line that starts it at column 0 to the "}" at column 0.
bool starts_function(const std::string& line) {
  static const std::regex other("^(namespace|struct|class|enum|union|extern|using|template|#|//|\\}|\\s)");
  return line.ends_with("{") && !line.ends_with("({") && line.find('(') != std::string::npos && !std::regex_search(line, other);
}

}  // namespace

TEST(Layering, TheTableIsRead) {
  const Table rules = parse_table({"May include:", "```", "base: nothing", "sys: base", "plan: base, net/config.h",
                                   "oci, bwrap: base, sys", "cli: all", "```", "late: base"});
  EXPECT_EQ(rules.size(), 6U);
  EXPECT_TRUE(may_include(rules, "base", "base/text.h"));
  EXPECT_FALSE(may_include(rules, "base", "sys/fd.h"));
  EXPECT_TRUE(may_include(rules, "plan", "net/config.h"));
  EXPECT_FALSE(may_include(rules, "plan", "net/engine.h"));
  EXPECT_TRUE(may_include(rules, "bwrap", "sys/fd.h"));
  EXPECT_TRUE(may_include(rules, "cli", "launch/launch.h"));
  EXPECT_FALSE(may_include(rules, "late", "base/text.h"));
}

TEST(Layering, EveryFolderHasARow) {
  ASSERT_FALSE(sources().empty());
  for (const Source& source : sources())
    EXPECT_TRUE(table().contains(source.folder)) << source.name << ": no row in src/README.md";
}

TEST(Layering, IncludesFollowTheTable) {
  const std::regex include(R"re(^\s*#\s*include\s*"([^"]+)")re");
  std::size_t seen = 0;
  for (const Source& source : sources()) {
    for (std::size_t i = 0; i < source.lines.size(); ++i) {
      std::smatch match;
      if (!std::regex_search(source.lines[i], match, include)) continue;
      ++seen;
      EXPECT_TRUE(may_include(table(), source.folder, match[1]))
          << "src/" << source.name << ":" << i + 1 << ": " << source.folder << " may not include " << match[1];
    }
  }
  EXPECT_GT(seen, 10U);
}

TEST(Layering, ErrnoOnlyInSysAndBase) {
  EXPECT_EQ(lines_matching(R"(\berrno\b)", [](const Source& s) { return s.folder != "sys" && s.folder != "base"; }),
            Lines{});
}

TEST(Layering, NoExceptionsAndNoStreams) {
  EXPECT_EQ(lines_matching(R"(\bthrow\b|<(iostream|fstream|sstream|ostream|istream|iomanip|format)>)", shipped),
            Lines{});
}

TEST(Layering, PlanAndProfileIncludeNoSystemHeaders) {
  const std::regex include("#\\s*include\\s*<([^>]+)>");
  for (const Source& source : sources()) {
    if (source.folder != "plan" && source.folder != "profile") continue;
    for (const std::string& line : source.lines) {
      std::smatch match;
      const bool includes = std::regex_search(line, match, include);
      EXPECT_TRUE(!includes || is_pure_header(match[1])) << source.name << ": " << line;
    }
  }
}

TEST(Layering, FilesStartWithACommentAndStayShort) {
  for (const Source& source : sources()) {
    ASSERT_FALSE(source.lines.empty()) << source.name;
    EXPECT_TRUE(source.lines[0].starts_with("// ")) << source.name << " does not say what it is";
    EXPECT_LE(source.lines.size(), 400U) << source.name;
  }
}

TEST(Layering, FunctionsStayShort) {
  std::size_t seen = 0;
  for (const Source& source : sources()) {
    for (std::size_t start = 0; start < source.lines.size(); ++start) {
      if (!starts_function(source.lines[start])) continue;
      std::size_t end = start;
      while (end < source.lines.size() && source.lines[end] != "}") ++end;
      EXPECT_LE(end - start, 60U) << source.name << ":" << start + 1 << ": " << source.lines[start];
      ++seen;
    }
  }
  EXPECT_GT(seen, 10U);
}
