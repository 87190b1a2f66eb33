// Names: what one side calls the things that both have and each names itself: ids of members, and
// tokens. Requests name them by stand-ins (kItself, "root"), answers are compared with the
// stand-ins put back.
//
// Thread: the program's main thread.
#pragma once

#include <google/protobuf/message.h>

#include <cstdint>
#include <map>
#include <string>

#include "proto/etcd/rpc.pb.h"
#include "tests/differential/generator.h"
#include "tests/differential/side.h"

namespace pintle::tests {

class Names {
 public:
  // Asks for it; while there is one member.
  void LearnItself(Side& side);
  // From everything that a side has answered.
  void Learn(const Request& request, const Answer& answer);

  // The request as this side is asked.
  std::string Bytes(const Request& request) const;
  std::string Token(const Request& request) const;
  // Puts the stand-ins into an answer.
  void Hide(google::protobuf::Message& answer) const;

 private:
  uint64_t IdOf(uint64_t stand_in) const;
  uint64_t StandInOf(uint64_t id) const;
  void Hide(etcdserverpb::Member& member) const;
  template <typename... Responses>
  void HideMembers(google::protobuf::Message& answer) const;

  uint64_t itself_ = 0;
  uint64_t learner_ = 0;
  std::map<std::string, std::string> urls_;    // its own, and what stands for them
  std::map<std::string, std::string> tokens_;  // by user
};

}  // namespace pintle::tests
