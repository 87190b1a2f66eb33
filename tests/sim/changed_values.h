// ChangedValues: values in one member's store that are not what the member wrote, with every
// checksum right, as memory that flips a bit or a disk that lies twice leaves them. Nothing but a
// comparison with the other members can find one.
//
// A write goes to the disk with another value in the place of one of its own. The value names the
// member, so that two who are hurt in the same place do not agree. What is served of it is known by
// it: Right() says what should have been served, so that every check of everything else goes on.
//
// Owner: SimMember; outlives the backends that it has wrapped. One thread.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>

#include "kv/backend.h"

namespace pintle::sim {

class ChangedValues {
 public:
  static constexpr size_t kMostMembers = 128;
  // `place`: below kMostMembers.
  explicit ChangedValues(size_t place);

  // Whatever is written to it may be changed on the way.
  std::unique_ptr<kv::Backend> Wrap(std::unique_ptr<kv::Backend> backend);
  // One of the values that are written next is changed, or none any more.
  void ChangeNext(bool change = true) { armed_ = change; }
  // Somebody has to find something, or soon will have to.
  bool any() const { return armed_ || !changes_.empty(); }
  // This is what the store holds now: of what is not there nothing has to be found.
  void LookAt(const kv::BackendReader& content);
  // `value`, as it was before anybody changed it. Also when the store holds it no more: a slow
  // watcher may be told of it yet.
  std::string Right(const std::string& value) const;

 private:
  class Door;
  struct Change {
    std::string record;  // its key
    std::string bytes;   // what lies there
  };
  // In the place of the first value of `batch`; false: there is none.
  bool ChangeOne(kv::BackendBatch& batch);

  const char mark_;
  bool armed_ = false;
  std::map<std::string, Change> changes_;     // by the value that is there
  std::map<std::string, std::string> right_;  // of all that were ever there
};

}  // namespace pintle::sim
