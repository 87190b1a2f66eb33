// What a peer port says to somebody who speaks HTTP: etcd has a few pages there, which tools and
// scripts ask for (etcd-api 3.3). HTTP/1, a GET for each connection; members themselves speak
// frames (peer_frame.h).
//
// Pure: bytes in, bytes out. Owner of the pages: MemberOptions::peer_page. Errors are Go's: 404 and
// 405 in plain text.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace pintle::server::replica {

struct PeerPage {
  std::string headers;  // more of them, lines of HTTP
  std::string body;
};
// nullopt: there is no such page.
using PeerPageAt = std::function<std::optional<PeerPage>(std::string_view path)>;

// For the log: who speaks it, most likely.
inline constexpr char kHttpReason[] =
    "HTTP is spoken there, as etcd's members do: Pintle and etcd share no cluster";

// The first bytes of a connection are a request's, not a frame's.
bool IsHttpRequest(std::string_view bytes);
// The whole answer to that head, which is the last one on its connection. nullopt: it asks for no
// page of ours.
std::optional<std::string> AnswerHttp(std::string_view head, const PeerPageAt& pages);
std::string HttpNotFound();

}  // namespace pintle::server::replica
