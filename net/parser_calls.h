// ParserCalls: from llhttp's C callbacks to the methods of the session that owns the parser.
//
// Used by both ends of HTTP/1.1. The parser's `data` points to the session; a method returns
// llhttp's error code, 0 to go on. Thread: the session's.
#pragma once

#include <llhttp.h>

#include <cstddef>
#include <string_view>

namespace pintle::net {

template <typename Session>
struct ParserCalls {
  static Session& Self(llhttp_t* parser) { return *static_cast<Session*>(parser->data); }

  template <int (Session::*kMethod)(std::string_view)>
  static int Data(llhttp_t* parser, const char* at, size_t size) {
    return (Self(parser).*kMethod)({at, size});
  }
  template <int (Session::*kMethod)()>
  static int Event(llhttp_t* parser) {
    return (Self(parser).*kMethod)();
  }
};

}  // namespace pintle::net
