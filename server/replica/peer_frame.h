// The bytes that members exchange: frames and the small bodies in them. Pure encoding and decoding;
// the layout is docs/formats/peers.md. Raft messages have their own codec (raft_codec.h).
//
// Decoders return false for anything that the encoder cannot have made.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "raft/types.h"
#include "server/replica/peer_transport.h"

namespace pintle::server::replica {

// The numbers are on the wire: never reuse one.
enum class FrameKind : uint8_t {
  kHello = 1,
  kHelloOk = 2,
  kHelloRefused = 3,
  kMessage = 4,
  // 5 and 6 were questions about leases.
  kQuestion = 7,
  kAnswer = 8,
  kMembersQuestion = 9,  // instead of a hello, by somebody who wants to join
  kMembersAnswer = 10,   // then the connection is closed
};

// Length and checksum, before the byte of the kind.
inline constexpr size_t kFrameHeadBytes = 8;

// A frame is begun, its body appended to the same string, and finished: nothing is copied twice.
// BeginFrame returns what FinishFrame needs.
size_t BeginFrame(std::string& out, FrameKind kind);
void FinishFrame(std::string& out, size_t begun_at);
std::string MakeFrame(FrameKind kind, std::string_view body);

// What stands at the front of `bytes`.
struct Frame {
  FrameKind kind{};
  std::string_view body;
  size_t size = 0;  // of the whole frame
};
enum class FrameCheck { kWhole, kIncomplete, kTooLarge, kDamaged };
// kIncomplete: frame.size is what the whole frame will need, 0 when not known yet. `limit` bounds
// the length field (kind and body).
FrameCheck TakeFrame(std::string_view bytes, size_t limit, Frame& frame);

struct Hello {
  uint32_t lowest_version = kLowestPeerProtocol;
  uint32_t highest_version = kHighestPeerProtocol;
  uint64_t cluster_id = 0;
  raft::MemberId from;
  raft::MemberId to;
  PeerSelf self;
};
inline constexpr size_t kLargestHelloBytes = 4096;
std::string EncodeHello(const Hello& hello);
bool DecodeHello(std::string_view body, Hello& hello);

struct HelloOk {
  uint32_t version = 0;
  raft::MemberId member;
  storage::DataDirId data_dir{};
};
std::string EncodeHelloOk(const HelloOk& hello);
bool DecodeHelloOk(std::string_view body, HelloOk& hello);

struct HelloRefused {
  Refusal reason = Refusal::kOther;
  std::string text;
};
std::string EncodeHelloRefused(const HelloRefused& refused);
// What a later version may say is kOther here.
bool DecodeHelloRefused(std::string_view body, HelloRefused& refused);

// `number` is the asker's, and comes back with the answer.
std::string EncodeQuestion(uint64_t number, const PeerQuestion& question);
bool DecodeQuestion(std::string_view body, uint64_t& number, PeerQuestion& question);
std::string EncodeAnswer(uint64_t number, std::string_view answer);
bool DecodeAnswer(std::string_view body, uint64_t& number, std::string& answer);

}  // namespace pintle::server::replica
