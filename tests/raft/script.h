// Script: runs the commands of a testdata/*.txt file against a Cluster and gives the file back with
// what happened.
//
// A line that begins with "> " is a command; the lines up to the next command, comment ("#") or
// empty line are what it printed. tests/raft/README.md lists the commands.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/string_view.h"
#include "tests/raft/cluster.h"

namespace pintle::raft {

class Script {
 public:
  // The text of `script` with every command's output as it is now.
  std::string Run(std::string_view script);
  // The first broken invariant.
  absl::Status violation() const;

 private:
  using Words = std::vector<std::string>;

  void Execute(const Words& words);
  // Each is one group of commands; false: none of them.
  bool ExecuteSetup(const Words& words);
  bool ExecuteInput(const Words& words);
  bool ExecuteMembers(const Words& words);
  bool ExecuteStore(const Words& words);
  bool ExecuteNetwork(const Words& words);
  bool ExecuteFault(const Words& words);
  bool ExecuteShow(const Words& words);

  void MakeCluster(const Words& words);
  void SetDisk(const Words& words);
  void RunTicks(size_t ticks);
  // Delivers (or drops) the messages waiting on a link, in order.
  void ForLink(const Words& words, bool deliver);
  void Partition(const Words& words);
  std::vector<MemberId> Members(const std::string& word) const;
  void Print(const std::string& line) { output_ += line + "\n"; }

  std::unique_ptr<Cluster> cluster_;
  bool quiet_ = false;  // deliveries are not printed
  std::string output_;
};

}  // namespace pintle::raft
