// embed_filters OUT.cpp: writes the filters of the shipped profiles, with and without nested user namespaces,
// as the table of src/launch/filters.h. Runs while sbx is built.
#include "launch/filters.h"
#include "launch/seccomp.h"
#include "profile/builtin.h"
#include "profile/merge.h"

#include <cstdio>
#include <set>
#include <string>

namespace {

struct Tables {
  std::string filters, index;
  std::set<std::uint64_t> keys;
};

Result<profile::Profile> load(const std::string& name) {
  const profile::Builtin* builtin = profile::find_builtin(name);
  if (builtin == nullptr) return fail("profile ", name, " is not shipped");
  return profile::layer_of(*builtin);
}

Result<> add(Tables& tables, const profile::Profile& profile) {
  const plan::Seccomp policy = TRY(plan::make_seccomp(profile));
  const std::uint64_t key = launch::filter_key(policy);
  if (!policy.enabled || !tables.keys.insert(key).second) return {};
  const launch::Filter filter = TRY(launch::compile_filter(policy));
  const std::string name = text("filter_", tables.keys.size());
  tables.filters += text("constexpr sock_filter ", name, "[] = {");
  for (const sock_filter& i : filter)
    tables.filters += text("\n    {", i.code, ", ", i.jt, ", ", i.jf, ", ", i.k, "u},");
  tables.filters += "\n};\n";
  tables.index += text("    {", key, "u, ", policy.rules.size(), ", ", name, "},\n");
  return {};
}

Result<std::string> make_source() {
  Tables tables;
  for (const profile::Builtin& builtin : profile::builtins()) {
    profile::Profile profile = TRY(profile::resolve({std::string(builtin.name)}, load));
    TRY(add(tables, profile));
    profile.nested_userns = profile::Item{"true", {}};
    TRY(add(tables, profile));
  }
  return text("#include \"launch/filters.h\"\n\nnamespace launch {\nnamespace {\n\n", tables.filters,
              "\nconstexpr EmbeddedFilter filters[] = {\n", tables.index,
              "};\n\n}  // namespace\n\nstd::span<const EmbeddedFilter> embedded_filters() { return filters; }\n\n"
              "}  // namespace launch\n");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const auto source = make_source();
  if (!source) return std::fprintf(stderr, "embed_filters: %s\n", source.error().message.c_str()), 1;
  std::FILE* out = std::fopen(argv[1], "w");
  if (out == nullptr || std::fputs(source->c_str(), out) < 0 || std::fclose(out) != 0) return std::perror(argv[1]), 1;
  return 0;
}
