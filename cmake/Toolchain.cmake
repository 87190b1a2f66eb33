# Language level, warnings, sanitizers, and the two accelerators: ccache for compiling, mold for linking.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
endif()
find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()

if(PINTLE_CANARIES)
  add_compile_definitions(PINTLE_CANARIES)
endif()

if(PINTLE_SANITIZER STREQUAL "address")
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
elseif(PINTLE_SANITIZER STREQUAL "thread")
  # -Wno-tsan: Asio uses fences, which TSan does not model; the warning is gcc's, the code is correct.
  add_compile_options(-fsanitize=thread -Wno-tsan)
  add_link_options(-fsanitize=thread)
elseif(NOT PINTLE_SANITIZER STREQUAL "")
  message(FATAL_ERROR "PINTLE_SANITIZER is '${PINTLE_SANITIZER}': use address, thread or nothing")
endif()

if(PINTLE_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
    -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
endif()

# Put on our own targets only: generated and foreign sources are not ours to warn about.
set(PINTLE_WARNINGS -Wall -Wextra -Werror -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
    -Wno-missing-field-initializers)
# gcc's documentation says it: with sanitizers this warning sees ghosts (in std::variant, for one).
if(NOT PINTLE_SANITIZER STREQUAL "")
  list(APPEND PINTLE_WARNINGS -Wno-maybe-uninitialized)
endif()
# The compiler of the other presets has the say on warnings.
if(PINTLE_FUZZ)
  set(PINTLE_WARNINGS "")
endif()
