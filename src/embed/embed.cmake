# Embeds profiles/*.toml. They are parsed here, at build time, by the parser of src/profile: a launch with a shipped
# profile reads a table (a few µs) instead of TOML (0.2 ms in a fresh process), and a mistake in one fails the build.
get_target_property(sources profile SOURCES)
list(FILTER sources EXCLUDE REGEX "builtin.cpp$")
set_target_properties(profile PROPERTIES SOURCES "${sources}")

# By file, not by target: what links `profile` gets profile_builtin as well, which cannot exist before this has run.
add_executable(embed_profiles ${CMAKE_CURRENT_LIST_DIR}/profiles.cpp)
add_dependencies(embed_profiles profile net_config base)
target_link_libraries(embed_profiles PRIVATE $<TARGET_FILE:profile> $<TARGET_FILE:net_config> $<TARGET_FILE:base>)

file(GLOB shipped CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/profiles/*.toml)
set(table ${CMAKE_CURRENT_BINARY_DIR}/builtin_table.cpp)
add_custom_command(OUTPUT ${table} COMMAND embed_profiles ${table} ${shipped} DEPENDS embed_profiles ${shipped} VERBATIM)

add_library(profile_builtin STATIC ${PROJECT_SOURCE_DIR}/src/profile/builtin.cpp ${table})
target_compile_options(profile_builtin PRIVATE -fno-exceptions -fno-rtti)
target_link_libraries(profile_builtin PUBLIC profile base)
target_link_libraries(profile INTERFACE profile_builtin)
