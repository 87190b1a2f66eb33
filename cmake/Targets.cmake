# pintle_library(<name> SOURCES … [DEPS …]): a static library with the repository root as include path and our warnings.
function(pintle_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;PRIVATE_DEPS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR})
  target_compile_options(${name} PRIVATE ${PINTLE_WARNINGS})
  target_link_libraries(${name} PUBLIC ${ARG_DEPS} PRIVATE ${ARG_PRIVATE_DEPS})
endfunction()

# pintle_program(<name> SOURCES … DEPS …): a program, built under build/<preset>/<name>.
function(pintle_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_compile_options(${name} PRIVATE ${PINTLE_WARNINGS})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
endfunction()

# Everything that the sanitizer rounds of tests/run build and run.
add_custom_target(unit_tests)
add_custom_target(threaded_tests)

# pintle_test(<name> SOURCES … DEPS … [ARGS …] [THREADED]): one GoogleTest program, one ctest entry named <name>,
# labelled unit; THREADED adds it to the ThreadSanitizer round. It runs in the repository's root, which it finds as
# PINTLE_SOURCE_DIR; the path is relative so that every clone's compilations are the same to ccache.
function(pintle_test name)
  cmake_parse_arguments(ARG "THREADED" "TIMEOUT" "SOURCES;DEPS;ARGS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_compile_options(${name} PRIVATE ${PINTLE_WARNINGS})
  target_compile_definitions(${name} PRIVATE PINTLE_SOURCE_DIR=".")
  # Instrumented and optimised, a test's own code takes twice as long to compile and saves nothing when it runs.
  if(PINTLE_SANITIZER)
    target_compile_options(${name} PRIVATE -O0)
  endif()
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} GTest::gmock GTest::gtest_main)
  add_test(NAME ${name} COMMAND ${name} ${ARG_ARGS} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set(labels unit)
  add_dependencies(unit_tests ${name})
  if(ARG_THREADED)
    list(APPEND labels threaded)
    add_dependencies(threaded_tests ${name})
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${labels}")
endfunction()

# pintle_microbench(<name> SOURCES … DEPS …): a google-benchmark program.
function(pintle_microbench name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_compile_options(${name} PRIVATE ${PINTLE_WARNINGS})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} benchmark::benchmark_main)
endfunction()
