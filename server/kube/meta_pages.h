// MetaPages: what the façade answers outside of resources: discovery, version, health, OpenAPI,
// self reviews. Threads: any; the documents are made once.
#pragma once

#include <string_view>

#include "server/kube/bootstrap.h"
#include "server/kube/call.h"
#include "server/kube/openapi/document.h"

namespace pintle::server::kube {

class MetaPages {
 public:
  MetaPages(FaceContext& face, Bootstrap& bootstrap);

  // True when the path is one of these pages; the exchange is then answered, now or later.
  bool Handle(const net::HttpRequest& request, const Reply& reply);

 private:
  bool HandleDiscovery(const net::HttpRequest& request, const Reply& reply);
  bool HandleOpenApi(const net::HttpRequest& request, const Reply& reply);
  bool HandleHealth(const net::HttpRequest& request, const Reply& reply);
  bool HandleSelfReview(const net::HttpRequest& request, const Reply& reply);
  void SendDocument(const net::HttpRequest& request, const Reply& reply,
                    std::string_view content_type, const OpenApiDocuments::Body& body);

  FaceContext& face_;
  Bootstrap& bootstrap_;
  OpenApiDocuments documents_;
};

}  // namespace pintle::server::kube
