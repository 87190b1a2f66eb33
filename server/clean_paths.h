// CleanPaths: the path that is asked for, as Go's ServeMux reads it: decoded, and sent elsewhere
// (301) when it has a double slash or dots in it, as "//health" of a base URL that ends in a slash.
//
// Owner: Server. Thread: the connections'; immutable. The handler behind it outlives it.
// Source: net/http of Go, ServeMux; what etcd does.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "net/http.h"

namespace pintle::server {

class CleanPaths final : public net::HttpHandler {
 public:
  explicit CleanPaths(net::HttpHandler& inner) : inner_(inner) {}
  void Handle(net::HttpRequest request, std::shared_ptr<net::HttpExchange> exchange) override;

 private:
  net::HttpHandler& inner_;
};

// "//a/./b/../c/" → "/a/c/".
std::string CleanPath(std::string_view path);

}  // namespace pintle::server
