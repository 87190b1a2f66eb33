// PeerFrameReader: takes frames off one stream, for both ends of a connection between members.
//
// Owner: a link or a session, which also owns the stream and keeps itself alive through `keep`.
// Thread: the transport's. Memory: grows with what has arrived, never with what a length claims,
// up to one frame; given back when a large frame is done.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "server/replica/peer_frame.h"
#include "server/replica/peer_stream.h"

namespace pintle::server::replica {

class PeerFrameReader {
 public:
  struct Callbacks {
    // False: nothing more is read. The callee has seen to the connection.
    std::function<bool(const Frame&)> on_frame;
    // The connection's first bytes, all of them, are HTTP's. True: more is wanted. Not given: that
    // is no frame.
    std::function<bool(std::string_view bytes)> on_http = nullptr;
    // The connection cannot be read any further; `reason` is for the log.
    std::function<void(const std::string& reason, bool damaged)> on_end;
  };

  explicit PeerFrameReader(PeerStream& stream) : stream_(stream) {}

  // `limit` bounds a frame's length and may be raised once the peer is known. `keep` is held as
  // long as a read is under way.
  void Start(std::shared_ptr<void> keep, size_t limit, Callbacks callbacks);
  void set_limit(size_t limit) { limit_ = limit; }

 private:
  void Read(std::shared_ptr<void> keep);
  bool TakeFrames();
  bool TakesHttp(std::string_view bytes) const;
  void MakeRoom(size_t frame_size);

  PeerStream& stream_;
  size_t limit_ = 0;
  Callbacks callbacks_;
  bool framed_ = false;  // a frame has come
  std::string buffer_;
  size_t begin_ = 0;  // of what is not taken yet
  size_t end_ = 0;    // of what has arrived
};

}  // namespace pintle::server::replica
