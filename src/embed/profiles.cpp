// embed_profiles OUT.cpp PROFILE.toml…: writes the table of src/profile/builtin.h. Runs while sbx is built.
#include "profile/keys.h"
#include "profile/parse.h"

#include <cstdio>
#include <memory>
#include <string>

namespace {

// A C++ literal; octal escapes end by themselves.
std::string quoted(std::string_view in) {
  std::string out = "\"";
  for (const char c : in) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') out += '\\', out += c;
    else if (byte >= 0x20 && byte < 0x7F) out += c;
    else
      for (const int digit : {byte >> 6, byte >> 3 & 7, byte & 7}) {
        if (digit == byte >> 6) out += '\\';
        out += static_cast<char>('0' + digit);
      }
  }
  return out + "\"";
}

struct Table {
  std::string items, texts;

  void add(std::size_t key, std::string_view entry, const profile::Item& item) {
    items += text("    {", key, ", ", item.origin.line, ", ", item.origin.column, ", ", entry.size(), ", ",
                  item.value.size(), "},\n");
    texts += text("\n    ", quoted(entry), quoted(item.value));
  }
};

Table make_table(const profile::Profile& layer) {
  Table table;
  for (std::size_t i = 0; i < profile::keys().size(); ++i) {
    const profile::Member& member = profile::keys()[i].member;
    if (const auto* scalar = std::get_if<profile::Scalar profile::Profile::*>(&member)) {
      if (layer.**scalar) table.add(i, {}, *(layer.**scalar));
    } else if (const auto* list = std::get_if<profile::List profile::Profile::*>(&member)) {
      for (const profile::Item& item : layer.**list) table.add(i, {}, item);
    } else {
      for (const auto& [entry, item] : layer.*std::get<profile::Map profile::Profile::*>(member))
        table.add(i, entry, item);
    }
  }
  return table;
}

std::string stem(const std::string& file) {
  const std::size_t start = file.rfind('/') + 1;
  return file.substr(start, file.rfind('.') - start);
}

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

bool read_file(const char* name, std::string& text) {
  const File file(std::fopen(name, "rb"), std::fclose);
  if (!file) return false;
  for (int byte = std::fgetc(file.get()); byte != EOF; byte = std::fgetc(file.get())) text += static_cast<char>(byte);
  return std::ferror(file.get()) == 0;
}

bool write_file(const char* name, const std::string& text) {
  File file(std::fopen(name, "wb"), std::fclose);
  return file && std::fwrite(text.data(), 1, text.size(), file.get()) == text.size() && std::fclose(file.release()) == 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::string tables, rows;
  for (int i = 2; i < argc; ++i) {
    std::string toml;
    if (!read_file(argv[i], toml)) return std::perror(argv[i]), 1;
    const profile::Reading reading = profile::parse_all(toml, stem(argv[i]));
    for (const Error& error : reading.errors)
      std::fprintf(stderr, "%s: %s\n  hint: %s\n", argv[i], error.message.c_str(), error.hint.c_str());
    if (!reading.errors.empty()) return 1;
    const Table table = make_table(reading.layer);
    tables += text("constexpr BuiltinItem items_", i, "[] = {\n", table.items, "};\n");
    tables += text("constexpr std::string_view texts_", i, " =", table.texts, ";\n\n");
    rows += text("    {", quoted(stem(argv[i])), ", items_", i, ", texts_", i, "},\n");
  }
  const std::string out = text(
      "// Made by src/embed/profiles.cpp from profiles/*.toml.\n#include \"profile/builtin.h\"\n\nnamespace profile {\n"
      "namespace {\n\n", tables, "constexpr Builtin table[] = {\n", rows, "};\n\n}  // namespace\n\n"
      "std::span<const Builtin> builtins() { return table; }\n\n}  // namespace profile\n");
  if (!write_file(argv[1], out)) return std::perror(argv[1]), 1;
  return 0;
}
