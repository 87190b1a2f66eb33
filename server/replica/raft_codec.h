// raft::Message <-> bytes, for the peers' wire. Hand-written: entries' payloads are copied once and
// never re-encoded.
//
// Layout: fixed64 from, to, term; one byte that is the body's place in raft::MessageBody; the
// body's fields in order (fixed64 numbers, one byte per bool, fixed32 counts and lengths). A change
// needs a new peer protocol version. Decode checks every length; false for anything that Encode
// cannot have made.
#pragma once

#include <string>
#include <string_view>

#include "raft/message.h"

namespace pintle::server::replica {

void EncodeMessage(const raft::Message& message, std::string& out);
bool DecodeMessage(std::string_view bytes, raft::Message& message);

}  // namespace pintle::server::replica
