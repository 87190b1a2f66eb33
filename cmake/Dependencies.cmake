# Everything comes from Debian 12's packages (docs/decisions/0002-dependencies.md says why each).
find_package(Threads REQUIRED)
find_package(absl REQUIRED CONFIG)
find_package(Protobuf REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(spdlog REQUIRED CONFIG)
find_package(yaml-cpp REQUIRED CONFIG)
find_package(nlohmann_json REQUIRED CONFIG)
find_package(simdjson REQUIRED CONFIG)
find_package(CLI11 REQUIRED CONFIG)
find_package(prometheus-cpp REQUIRED CONFIG COMPONENTS core)
find_package(PkgConfig REQUIRED)
pkg_check_modules(NGHTTP2 REQUIRED IMPORTED_TARGET libnghttp2)
pkg_check_modules(PROFILER REQUIRED IMPORTED_TARGET libprofiler)

# Debian's leveldb target names -lsnappy without depending on its -dev package: link the library itself.
find_library(LEVELDB_LIBRARY leveldb REQUIRED)
find_path(LEVELDB_INCLUDE leveldb/db.h REQUIRED)
add_library(pintle_leveldb INTERFACE)
target_link_libraries(pintle_leveldb INTERFACE ${LEVELDB_LIBRARY})

find_library(XXHASH_LIBRARY xxhash REQUIRED)
find_path(XXHASH_INCLUDE xxhash.h REQUIRED)
add_library(pintle_xxhash INTERFACE)
target_link_libraries(pintle_xxhash INTERFACE ${XXHASH_LIBRARY})

find_library(CRYPT_LIBRARY crypt REQUIRED)  # libxcrypt: bcrypt

# Standalone Asio, compiled once (base of net/ and the few files that own threads).
find_path(ASIO_INCLUDE asio.hpp REQUIRED)
add_library(pintle_asio STATIC cmake/asio_impl.cc)
# Asio looks for aligned_alloc before it has included anything, so files would disagree on who frees what: say no.
target_compile_definitions(pintle_asio PUBLIC ASIO_STANDALONE ASIO_SEPARATE_COMPILATION ASIO_NO_DEPRECATED
  ASIO_DISABLE_STD_ALIGNED_ALLOC)
target_link_libraries(pintle_asio PUBLIC OpenSSL::SSL Threads::Threads)

# llhttp has no library package: its generated C sources come with node-llhttp.
set(LLHTTP_SOURCES /usr/share/llhttp CACHE PATH "Folder of llhttp.c, api.c and http.c")
find_path(LLHTTP_INCLUDE llhttp.h PATHS /usr/share/include/llhttp NO_DEFAULT_PATH REQUIRED)
add_library(pintle_llhttp STATIC ${LLHTTP_SOURCES}/llhttp.c ${LLHTTP_SOURCES}/api.c ${LLHTTP_SOURCES}/http.c)
target_include_directories(pintle_llhttp SYSTEM PUBLIC ${LLHTTP_INCLUDE})

if(PINTLE_TESTS)
  find_package(GTest REQUIRED CONFIG)
endif()
if(PINTLE_BENCH)
  find_package(benchmark REQUIRED CONFIG)
endif()
