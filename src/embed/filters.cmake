# Embeds the filters of the shipped profiles: compiled here, at build time, by the same code that compiles any other.
# seccomp.cpp by file: what links `launch` gets the table as well, which cannot exist before this has run.
add_executable(embed_filters ${CMAKE_CURRENT_LIST_DIR}/filters.cpp ${PROJECT_SOURCE_DIR}/src/launch/seccomp.cpp)
target_compile_options(embed_filters PRIVATE -fno-exceptions -fno-rtti)
target_link_libraries(embed_filters PRIVATE plan profile base seccomp)

set(filters ${CMAKE_CURRENT_BINARY_DIR}/embedded_filters.cpp)
add_custom_command(OUTPUT ${filters} COMMAND embed_filters ${filters} DEPENDS embed_filters VERBATIM)
add_library(embedded_filters STATIC ${filters})
target_compile_options(embedded_filters PRIVATE -fno-exceptions -fno-rtti)
