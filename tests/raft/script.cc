#include "tests/raft/script.h"

#include <algorithm>
#include <cstdlib>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "raft/membership.h"
#include "tests/raft/describe.h"

namespace pintle::raft {
namespace {

// A script that is wrong is a mistake in this repository: it ends the test run loudly.
[[noreturn]] void BadScript(std::string_view what) {
  std::fprintf(stderr, "bad script: %.*s\n", static_cast<int>(what.size()), what.data());
  std::abort();
}

uint64_t Number(absl::string_view word) {
  uint64_t value = 0;
  if (!absl::SimpleAtoi(word, &value)) BadScript(absl::StrCat("not a number: ", word));
  return value;
}

MemberId Id(absl::string_view word) { return MemberId{Number(word)}; }

// The words[position] as a number, or `otherwise`.
uint64_t NumberAt(const std::vector<std::string>& words, size_t position, uint64_t otherwise) {
  return position < words.size() ? Number(words[position]) : otherwise;
}

std::string_view OutcomeText(ProposeOutcome outcome) {
  switch (outcome) {
    case ProposeOutcome::kAppended:
      return "appended";
    case ProposeOutcome::kForwarded:
      return "forwarded";
    case ProposeOutcome::kNoLeader:
      return "no leader";
    case ProposeOutcome::kTooMany:
      return "too many";
  }
  return "?";
}

std::string_view OutcomeText(ConfChangeOutcome outcome) {
  switch (outcome) {
    case ConfChangeOutcome::kAppended:
      return "appended";
    case ConfChangeOutcome::kNotLeader:
      return "not leader";
    case ConfChangeOutcome::kNotReady:
      return "not ready";
    case ConfChangeOutcome::kPending:
      return "pending";
    case ConfChangeOutcome::kInvalid:
      return "invalid";
  }
  return "?";
}

std::string_view OutcomeText(TransferOutcome outcome) {
  switch (outcome) {
    case TransferOutcome::kStarted:
      return "started";
    case TransferOutcome::kNotLeader:
      return "not leader";
    case TransferOutcome::kNoTarget:
      return "no target";
  }
  return "?";
}

}  // namespace

absl::Status Script::violation() const {
  return cluster_ ? cluster_->violation() : absl::OkStatus();
}

std::string Script::Run(std::string_view script) {
  std::string result;
  bool in_output = false;
  std::vector<std::string> lines = absl::StrSplit(std::string(script), '\n');
  if (!lines.empty() && lines.back().empty()) lines.pop_back();
  for (const std::string& line : lines) {
    if (line.starts_with("> ")) {
      absl::StrAppend(&result, line, "\n");
      output_.clear();
      Execute(absl::StrSplit(absl::string_view(line).substr(2), ' ', absl::SkipEmpty()));
      absl::StrAppend(&result, output_);
      in_output = true;
      continue;
    }
    if (line.empty() || line.starts_with("#")) in_output = false;
    if (!in_output) absl::StrAppend(&result, line, "\n");
  }
  return result;
}

void Script::Execute(const Words& words) {
  if (words.empty()) BadScript("an empty command");
  if (words[0] != "cluster" && cluster_ == nullptr) BadScript("the first command is not cluster");
  if (ExecuteSetup(words) || ExecuteInput(words) || ExecuteMembers(words) || ExecuteStore(words) ||
      ExecuteNetwork(words) || ExecuteFault(words) || ExecuteShow(words)) {
    return;
  }
  BadScript(absl::StrCat("unknown command: ", words[0]));
}

bool Script::ExecuteSetup(const Words& words) {
  if (words[0] == "cluster") {
    MakeCluster(words);
  } else if (words[0] == "disk") {
    SetDisk(words);
  } else {
    return false;
  }
  return true;
}

// The configuration of `node`, changed by the words from position 2 on.
ConfState Target(const RawNode& node, const std::vector<std::string>& words) {
  ConfState conf = node.conf_state();
  for (size_t i = 2; i < words.size();) {
    const std::string& verb = words[i];
    if (verb == "learner") {
      conf = WithLearner(conf, Id(words[i + 1]));
    } else if (verb == "voter") {
      conf = WithVoter(conf, Id(words[i + 1]));
    } else if (verb == "remove") {
      conf = Without(conf, Id(words[i + 1]));
    } else if (verb == "replace") {
      conf = WithReplacement(conf, Id(words[i + 1]), Id(words[i + 2]));
      ++i;
    } else {
      BadScript(absl::StrCat("unknown change: ", verb));
    }
    i += 2;
  }
  return conf;
}

bool Script::ExecuteMembers(const Words& words) {
  if (words[0] == "conf") {
    if (!cluster_->IsUp(Id(words[1]))) BadScript("a change at a member that is down");
    const ConfState target = Target(cluster_->node(Id(words[1])), words);
    Print(std::string(OutcomeText(cluster_->ProposeConf(Id(words[1]), target, "").outcome)));
  } else if (words[0] == "transfer") {
    const MemberId target{NumberAt(words, 2, 0)};
    Print(std::string(OutcomeText(cluster_->Transfer(Id(words[1]), target))));
  } else if (words[0] == "gone") {
    cluster_->LeaderGone(Id(words[1]), Id(words[2]));
  } else {
    return false;
  }
  return true;
}

bool Script::ExecuteStore(const Words& words) {
  if (words[0] == "flush") {
    cluster_->Flush(Id(words[1]));
  } else if (words[0] == "compact") {
    for (const MemberId id : Members(words[1])) {
      cluster_->Compact(id, Index{NumberAt(words, 2, UINT64_MAX)});
    }
  } else if (words[0] == "rewind") {
    cluster_->Rewind(Id(words[1]), Index{Number(words[2])});
  } else if (words[0] == "lose-store") {
    cluster_->LoseStore(Id(words[1]), words.size() > 2 && words[2] == "members-known");
  } else if (words[0] == "damage") {
    const bool unknown = words.size() > 3 && words[3] == "unknown";
    for (const MemberId id : Members(words[1])) cluster_->Damage(id, Number(words[2]), unknown);
  } else {
    return false;
  }
  return true;
}

void Script::MakeCluster(const Words& words) {
  size_t voters = 0;
  Config config{.election_ticks = 10, .heartbeat_ticks = 1};
  for (size_t i = 2; i < words.size(); ++i) {
    const std::pair<absl::string_view, absl::string_view> option = absl::StrSplit(words[i], '=');
    const uint64_t value = Number(option.second);
    if (option.first == "election_ticks") {
      config.election_ticks = static_cast<uint32_t>(value);
    } else if (option.first == "heartbeat_ticks") {
      config.heartbeat_ticks = static_cast<uint32_t>(value);
    } else if (option.first == "max_append_bytes") {
      config.max_append_bytes = value;
    } else if (option.first == "max_inflight_messages") {
      config.max_inflight_messages = value;
    } else if (option.first == "max_inflight_bytes") {
      config.max_inflight_bytes = value;
    } else if (option.first == "max_uncommitted_bytes") {
      config.max_uncommitted_bytes = value;
    } else if (option.first == "max_pending_reads") {
      config.max_pending_reads = value;
    } else if (option.first == "voters") {
      voters = value;
    } else {
      BadScript(absl::StrCat("unknown option: ", option.first));
    }
  }
  const auto make_random = [config](MemberId id) {
    return std::make_unique<ScriptRandom>(id, config.election_ticks);
  };
  cluster_ = std::make_unique<Cluster>(
      NumberAt(words, 1, 3), config, make_random,
      [this](const std::string& line) {
        const bool delivery = line.find("->") != std::string::npos;
        if (!quiet_ || !delivery) Print(line);
      },
      voters);
}

// disk <member> term=<t> vote=<m> commit=<i> log=<term>,<term>,…: the member is down until it is
// restarted.
void Script::SetDisk(const Words& words) {
  HardState hard_state;
  std::vector<Entry> log;
  for (size_t i = 2; i < words.size(); ++i) {
    const std::pair<absl::string_view, absl::string_view> option = absl::StrSplit(words[i], '=');
    if (option.first == "term") hard_state.term = Term{Number(option.second)};
    if (option.first == "vote") hard_state.vote = Id(option.second);
    if (option.first == "commit") hard_state.commit_index = Index{Number(option.second)};
    if (option.first != "log") continue;
    for (const absl::string_view term : absl::StrSplit(option.second, ',', absl::SkipEmpty())) {
      const EntryId id{Term{Number(term)}, Index{log.size() + 1}};
      log.push_back({id, EntryKind::kNormal, std::make_shared<const std::string>(Describe(id))});
    }
  }
  cluster_->Crash(Id(words[1]), 0);
  cluster_->SetDisk(Id(words[1]), hard_state, log);
}

bool Script::ExecuteInput(const Words& words) {
  if (words[0] == "tick") {
    for (uint64_t i = 0; i < NumberAt(words, 2, 1); ++i) {
      for (const MemberId id : Members(words[1])) cluster_->Tick(id);
    }
  } else if (words[0] == "run") {
    RunTicks(Number(words[1]));
  } else if (words[0] == "campaign") {
    cluster_->Campaign(Id(words[1]));
  } else if (words[0] == "elect") {
    quiet_ = true;
    cluster_->Campaign(Id(words[1]));
    cluster_->DeliverAll();
    quiet_ = false;
  } else if (words[0] == "propose") {
    // Several words are several proposals, made before anything is sent.
    std::vector<std::string> outcomes;
    cluster_->Input(Id(words[1]), [&](RawNode& node) {
      for (size_t i = 2; i < words.size(); ++i) {
        const auto payload = std::make_shared<const std::string>(std::string(words[i]));
        const std::string_view text = OutcomeText(node.Propose(payload).outcome);
        outcomes.emplace_back(text);
      }
      Print(absl::StrJoin(outcomes, ", "));
    });
  } else if (words[0] == "read") {
    cluster_->Read(Id(words[1]), ReadId{Number(words[2])});
  } else if (words[0] == "unreachable") {
    cluster_->ReportUnreachable(Id(words[1]), Id(words[2]));
  } else {
    return false;
  }
  return true;
}

void Script::RunTicks(size_t ticks) {
  quiet_ = true;
  for (size_t i = 0; i < ticks; ++i) {
    for (const MemberId id : cluster_->ids()) cluster_->Tick(id);
    cluster_->DeliverAll();
  }
  quiet_ = false;
}

bool Script::ExecuteNetwork(const Words& words) {
  std::vector<Message>& network = cluster_->network();
  if (words[0] == "stabilize") {
    cluster_->DeliverAll();
  } else if (words[0] == "deliver" || words[0] == "drop") {
    ForLink(words, words[0] == "deliver");
  } else if (words[0] == "repeat") {
    // Everything waiting will come twice.
    const std::vector<Message> copy = network;
    network.insert(network.end(), copy.begin(), copy.end());
  } else if (words[0] == "reverse") {
    std::ranges::reverse(network);
  } else if (words[0] == "partition") {
    Partition(words);
  } else if (words[0] == "one-way") {
    // Only from the first to the second any more.
    cluster_->CutOneWay(Id(words[2]), Id(words[1]));
  } else if (words[0] == "heal") {
    cluster_->Heal();
  } else {
    return false;
  }
  return true;
}

// deliver|drop <from> <to> [<count>]; "all" for any member. What arises meanwhile waits for the
// next command.
void Script::ForLink(const Words& words, bool deliver) {
  std::vector<Message>& network = cluster_->network();
  const std::vector<MemberId> from = Members(words[1]);
  const std::vector<MemberId> to = Members(words[2]);
  uint64_t count = NumberAt(words, 3, network.size());
  size_t end = network.size();
  for (size_t position = 0; position < end && count > 0;) {
    const Message& message = network[position];
    if (!std::ranges::count(from, message.from) || !std::ranges::count(to, message.to)) {
      ++position;
      continue;
    }
    if (deliver) {
      cluster_->Deliver(position);
    } else {
      Print(absl::StrCat(Describe(message), " (dropped)"));
      network.erase(network.begin() + static_cast<ptrdiff_t>(position));
    }
    --end;
    --count;
  }
}

// partition 1 2 | 3 4 5
void Script::Partition(const Words& words) {
  const auto bar = std::ranges::find(words, "|");
  if (bar == words.end()) BadScript("partition has two sides");
  for (auto left = words.begin() + 1; left != bar; ++left) {
    for (auto right = bar + 1; right != words.end(); ++right) cluster_->Cut(Id(*left), Id(*right));
  }
}

bool Script::ExecuteFault(const Words& words) {
  if (words[0] == "slow-disk" || words[0] == "fast-disk") {
    cluster_->SetSlowDisk(Id(words[1]), words[0] == "slow-disk");
  } else if (words[0] == "persist") {
    cluster_->Persist(Id(words[1]), NumberAt(words, 2, cluster_->PendingWrites(Id(words[1]))));
  } else if (words[0] == "crash") {
    for (const MemberId id : Members(words[1])) cluster_->Crash(id, NumberAt(words, 2, 0));
  } else if (words[0] == "restart") {
    for (const MemberId id : Members(words[1])) cluster_->Restart(id);
  } else {
    return false;
  }
  return true;
}

bool Script::ExecuteShow(const Words& words) {
  if (words[0] == "status") {
    for (const MemberId id : Members(words.size() > 1 ? words[1] : "all")) {
      Print(cluster_->IsUp(id) ? Describe(cluster_->node(id).GetStatus())
                               : absl::StrCat(id.value(), ": down"));
    }
  } else if (words[0] == "log") {
    for (const MemberId id : Members(words.size() > 1 ? words[1] : "all")) {
      if (!cluster_->IsUp(id)) continue;
      std::vector<Entry> entries;
      const RawNode& node = cluster_->node(id);
      node.ReadLog({node.first_index(), node.last_entry().index}, entries);
      std::string text = absl::StrCat(id.value(), ":");
      for (const Entry& entry : entries) absl::StrAppend(&text, " [", Describe(entry), "]");
      Print(text);
    }
  } else if (words[0] == "network") {
    for (const Message& message : cluster_->network()) Print(Describe(message));
  } else {
    return false;
  }
  return true;
}

std::vector<MemberId> Script::Members(const std::string& word) const {
  if (word == "all") return cluster_->ids();
  return {Id(word)};
}

}  // namespace pintle::raft
