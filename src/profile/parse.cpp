// The only file that sees toml++, which is built without exceptions here and reports by value.
#include "profile/parse.h"

#include "profile/keys.h"

#include <algorithm>

// Two places of toml++ 3.3 where a text from outside would reach undefined behaviour. It asserts that a table header
// goes on with a key, and then handles that it does not ("[[["): no assertions. And its tests of characters do reach
// TOML_UNREACHABLE ("é" outside of quotes): there it means no.
#undef NDEBUG
#define TOML_ASSERT(expression) static_assert(true)
#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#define TOML_ENABLE_FORMATTERS 0
#define TOML_ENABLE_WINDOWS_COMPAT 0
#define TOML_FLOAT_CHARCONV 1  // not by streams, whose locales would be a fifth of the program
#include <toml++/impl/forward_declarations.h>
#undef TOML_UNREACHABLE
#define TOML_UNREACHABLE return false
#include <toml++/impl/unicode.h>
#undef TOML_UNREACHABLE
#define TOML_UNREACHABLE __builtin_unreachable()
#include <toml++/toml.h>

namespace profile {

namespace {

struct Placed {
  Origin at;
  Error error;
};

class Reader {
 public:
  explicit Reader(std::string_view source) : source_(source) {}

  void read(const toml::table& document) { read_table(document, ""); }
  void refuse(const toml::source_region& region, std::string message, std::string hint = {});
  Reading finish() &&;

 private:
  void read_table(const toml::table& table, const std::string& prefix);
  void read_node(const Key& key, const toml::node& node);
  void read_scalar(const Key& key, Scalar Profile::*member, const toml::node& node);
  void read_list(const Key& key, List Profile::*member, const toml::node& node);
  void read_map(const Key& key, Map Profile::*member, const toml::node& node);
  void refuse_type(const Key& key, std::string_view wanted, const toml::node& node);
  Origin origin(const toml::source_region& region) const;
  // False, with the error noted, when `checked` is one.
  bool accept(const Key& key, const toml::node& node, Result<> checked);

  std::string source_;
  Profile layer_;
  std::vector<Placed> refused_;
};

std::string_view type_name(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table: return "a table";
    case toml::node_type::array: return "a list";
    case toml::node_type::string: return "a text";
    case toml::node_type::integer: return "a whole number";
    case toml::node_type::floating_point: return "a fraction";
    case toml::node_type::boolean: return "true or false";
    default: return "a date or time";
  }
}

// A scalar as text, where its TOML type is one the kind may be written in.
std::optional<std::string> scalar_text(Kind kind, const toml::node& node) {
  if (kind == Kind::boolean) {
    if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
    return std::nullopt;
  }
  if (const auto* string = node.as_string()) return string->get();
  if (kind != Kind::number && kind != Kind::duration) return std::nullopt;
  if (const auto* integer = node.as_integer()) return text(integer->get());
  const auto* fraction = node.as_floating_point();
  if (fraction == nullptr || kind != Kind::number || !(fraction->get() >= 0 && fraction->get() < 1e9)) return std::nullopt;
  // To five places, which is what is finest of all keys (cpus).
  const auto scaled = static_cast<std::uint64_t>(fraction->get() * 1e5 + 0.5);
  return text(scaled / 100'000, ".", text(100'000 + scaled % 100'000).substr(1));
}

std::string_view wanted_name(Kind kind) {
  if (kind == Kind::boolean) return "true or false";
  if (kind == Kind::number) return "a number or a text";
  if (kind == Kind::duration) return "a time";
  return "a text";
}

bool is_table_of_keys(const std::string& name) {
  return std::ranges::any_of(keys(), [&](const Key& key) { return key.name.starts_with(name + "."); });
}

Origin Reader::origin(const toml::source_region& region) const {
  return {source_, static_cast<int>(region.begin.line), static_cast<int>(region.begin.column)};
}

void Reader::refuse(const toml::source_region& region, std::string message, std::string hint) {
  const Origin at = origin(region);
  message = text(printable(source_), ':', at.line, ':', at.column, ": ", message);
  refused_.push_back({at, Error{0, std::move(message), std::move(hint)}});
}

void Reader::refuse_type(const Key& key, std::string_view wanted, const toml::node& node) {
  refuse(node.source(), text(key.name, " is ", wanted, ", not ", type_name(node)));
}

bool Reader::accept(const Key& key, const toml::node& node, Result<> checked) {
  if (checked) return true;
  refuse(node.source(), text(key.name, ": ", checked.error().message), checked.error().hint);
  return false;
}

void Reader::read_table(const toml::table& table, const std::string& prefix) {
  for (auto&& [name, node] : table) {
    const std::string full = prefix.empty() ? std::string(name.str()) : text(prefix, '.', name.str());
    if (const Key* key = find_key(full)) read_node(*key, node);
    else if (!is_table_of_keys(full))
      refuse(name.source(), text("unknown key '", printable(full), "'"), unknown_key_hint(full));
    else if (const toml::table* inner = node.as_table()) read_table(*inner, full);
    else refuse(node.source(), text(full, " is a table, not ", type_name(node)), text("begin it with [", full, "]"));
  }
}

void Reader::read_node(const Key& key, const toml::node& node) {
  if (const auto* scalar = std::get_if<Scalar Profile::*>(&key.member)) read_scalar(key, *scalar, node);
  else if (const auto* list = std::get_if<List Profile::*>(&key.member)) read_list(key, *list, node);
  else read_map(key, std::get<Map Profile::*>(key.member), node);
}

void Reader::read_scalar(const Key& key, Scalar Profile::*member, const toml::node& node) {
  std::optional<std::string> value = scalar_text(key.kind, node);
  if (!value) return refuse_type(key, wanted_name(key.kind), node);
  if (accept(key, node, check_value(key, *value))) layer_.*member = Item{std::move(*value), origin(node.source())};
}

void Reader::read_list(const Key& key, List Profile::*member, const toml::node& node) {
  const toml::array* array = node.as_array();
  if (array == nullptr) return refuse_type(key, "a list of texts", node);
  for (const toml::node& element : *array) {
    std::optional<std::string> item = scalar_text(key.kind, element);
    if (!item) refuse_type(key, "a list of texts", element);
    else if (accept(key, element, check_item(key, *item)))
      (layer_.*member).push_back(Item{*std::move(item), origin(element.source())});
  }
}

void Reader::read_map(const Key& key, Map Profile::*member, const toml::node& node) {
  const toml::table* table = node.as_table();
  if (table == nullptr) return refuse_type(key, "a table", node);
  for (auto&& [name, entry] : *table) {
    std::optional<std::string> value = scalar_text(key.kind, entry);
    if (!value)
      refuse(entry.source(), text(key.name, '.', printable(name.str()), " is ", wanted_name(key.kind), ", not ",
                                  type_name(entry)));
    else if (accept(key, entry, check_entry(key, name.str(), *value)))
      (layer_.*member).emplace_back(name.str(), Item{std::move(*value), origin(entry.source())});
  }
}

Reading Reader::finish() && {
  // toml++ keeps tables sorted by name; people read errors from top to bottom.
  const auto place = [](const Placed& placed) { return std::pair(placed.at.line, placed.at.column); };
  std::ranges::stable_sort(refused_, {}, place);
  Reading reading{std::move(layer_), {}};
  for (Placed& placed : refused_) reading.errors.push_back(std::move(placed.error));
  return reading;
}

// "Error while parsing …" → "error while parsing …", and what it quotes of the text made safe to print.
std::string syntax_message(const toml::parse_error& error) {
  std::string message = printable(error.description());
  if (message.starts_with('E')) message[0] = 'e';  // all of toml++'s begin with "Error" or "Encountered"
  return message;
}

// 1-based line and column of a byte; as toml++ does, columns count characters.
toml::source_region region_of(std::string_view in, std::size_t offset) {
  toml::source_position at{1, 1};
  for (const char byte : in.substr(0, offset)) {
    if (byte == '\n') ++at.line, at.column = 1;
    else if ((static_cast<unsigned char>(byte) & 0xC0) != 0x80) ++at.column;
  }
  return {at, at, {}};
}

}  // namespace

Reading parse_all(std::string_view in, std::string_view source) {
  Reader reader(source);
  const std::size_t nul = in.find('\0');
  if (nul != std::string_view::npos) {
    reader.refuse(region_of(in, nul), "a NUL byte: this is not a text file");
    return std::move(reader).finish();
  }
  const toml::parse_result document = toml::parse(in);
  if (document) reader.read(document.table());
  else reader.refuse(document.error().source(), syntax_message(document.error()), "the form is TOML: https://toml.io");
  return std::move(reader).finish();
}

Result<Profile> parse_profile(std::string_view in, std::string_view source) {
  Reading reading = parse_all(in, source);
  if (!reading.errors.empty()) return std::unexpected<Error>(std::move(reading.errors.front()));
  reading.layer.chain = {std::string(source)};
  return std::move(reading.layer);
}

std::optional<std::variant<std::string, SetList, SetTable>> parse_value(std::string_view in) {
  // A line break could end the value and begin another key.
  if (in.find('\n') != std::string_view::npos || in.find('\0') != std::string_view::npos) return std::nullopt;
  const toml::parse_result document = toml::parse(text("v = ", in));
  if (!document) return std::nullopt;
  const toml::node* node = document.table().get("v");
  if (const auto* string = node->as_string()) return string->get();
  if (const toml::array* array = node->as_array()) {
    SetList list;
    for (const toml::node& element : *array) {
      const auto* string = element.as_string();
      if (string == nullptr) return std::nullopt;
      list.push_back(string->get());
    }
    return list;
  }
  const toml::table* table = node->as_table();
  if (table == nullptr) return std::nullopt;
  SetTable entries;
  for (auto&& [name, entry] : *table) {
    const auto value = scalar_text(Kind::number, entry);
    if (!value) return std::nullopt;
    entries.emplace_back(name.str(), *value);
  }
  return entries;
}

}  // namespace profile
