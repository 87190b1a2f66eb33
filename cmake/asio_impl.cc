// The one translation unit that compiles Asio (ASIO_SEPARATE_COMPILATION): saves about two seconds
// in every file that includes it.
#include <asio/impl/src.hpp>
#include <asio/ssl/impl/src.hpp>
