# Compiler, linker and warnings, the same for every target.
find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Paths below the checkout count from its root: a second checkout finds what the first has compiled.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${CMAKE_CXX_COMPILER_LAUNCHER})
endif()
find_program(MOLD mold)
if(MOLD AND NOT PGVIGIL_SANITIZE)
  add_link_options(-fuse-ld=mold)
endif()

# The agent waits for servers; what -O3 adds is build time.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")

add_compile_options(-Wall -Wextra -Wpedantic -Wconversion -Wshadow)
if(PGVIGIL_WERROR)
  add_compile_options(-Werror)
endif()
if(PGVIGIL_SANITIZE)
  set(CMAKE_CXX_FLAGS_DEBUG "-g1")  # the lines of a stack, nothing more: a sixth of the build time
  add_compile_options(-fsanitize=${PGVIGIL_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  # A third of the build time for what the address sanitizer sees too, or x86 forgives.
  add_compile_options(-fno-sanitize=null,alignment,vptr,object-size)
  add_link_options(-fsanitize=${PGVIGIL_SANITIZE})
  if(PGVIGIL_SANITIZE STREQUAL "thread")
    add_compile_options(-Wno-tsan)  # Asio's fences, which the sanitizer does not follow
  endif()
elseif(CMAKE_BUILD_TYPE STREQUAL "Release" OR CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
  add_compile_options(-fstack-protector-strong -D_FORTIFY_SOURCE=2 -D_GLIBCXX_ASSERTIONS)
  add_link_options(-pie -Wl,-z,relro,-z,now)
endif()
# GCC 12 sees dangling and uninitialised memory in its own std::optional, std::variant and regex at -O2.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-Wno-maybe-uninitialized -Wno-restrict)
endif()
