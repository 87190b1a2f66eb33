// Raft on every connectivity graph of three members with one-way links (64) and of five with
// two-way links (34, up to isomorphism; made here, not typed in).
//
// A member is quorum-connected if it and those that it reaches and that reach it are a majority:
// it could lead. On every graph, with every member as the leader before and every other member (or
// none) lacking the last committed entry:
//
//   1. If a quorum-connected member's log is up to date (none of its neighbours holds more),
//      commits resume within kResume election timeouts.
//   2. Terms stay bounded: a member that cannot win does not raise them (pre-vote, stickiness).
//   3. When all links work again, commits resume within kResume election timeouts.
//   4. A leader that is quorum-connected stays, and no term begins, whoever does not hear it
//      (stickiness): also where nothing is proposed, and so everybody's log is up to date.
//
// Plain Raft cannot, and nothing is done about it but to wait for a link:
//   - where no member is quorum-connected: nobody can reach a majority, so nobody may lead;
//   - on the graphs of kHubMayLack, for some histories: the only quorum-connected member is a hub
//     that lacks an entry. Its neighbour that holds it refuses the hub its vote, and does not reach
//     a majority itself. Raft elects by logs only (thesis §3.6.1); with an election by reach, as in
//     Omni-Paxos, the hub would lead and fetch the entry. Here nothing is lost, terms stay as they
//     are, and one more link anywhere at the hub's neighbour, or the entry's arrival, ends it. A
//     leader before at such a neighbour still hands its entry to the hub by its own heartbeats.
//
// Source: Howard and Abraham, Raft does not guarantee liveness in the face of network faults
// (2020); Cloudflare's failure of 2 November 2020.
#include <algorithm>
#include <array>
#include <memory>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/raft/cluster.h"

namespace pintle::raft {
namespace {

constexpr uint32_t kElectionTicks = 10;
// An election timeout is up to twice election_ticks.
constexpr int kResume = 3;
constexpr int kResumeTicks = kResume * 2 * kElectionTicks;

// links[from][to]
class Graph {
 public:
  explicit Graph(size_t size) : size_(size) {}

  size_t size() const { return size_; }
  bool Has(size_t from, size_t to) const { return links_[from][to]; }
  void Set(size_t from, size_t to, bool on) { links_[from][to] = on; }
  bool Both(size_t a, size_t b) const { return Has(a, b) && Has(b, a); }

  // All links as bits, after renaming.
  uint32_t Bits(const std::vector<size_t>& names) const {
    uint32_t bits = 0;
    for (size_t from = 0; from < size_; ++from) {
      for (size_t to = 0; to < size_; ++to) {
        if (Has(from, to)) bits |= 1U << (names[from] * size_ + names[to]);
      }
    }
    return bits;
  }

  bool IsQuorumConnected(size_t member) const {
    size_t reached = 1;
    for (size_t other = 0; other < size_; ++other)
      reached += other != member && Both(member, other);
    return reached > size_ / 2;
  }

  bool HasQuorumConnected() const {
    for (size_t member = 0; member < size_; ++member) {
      if (IsQuorumConnected(member)) return true;
    }
    return false;
  }

  std::string Text() const {
    std::string text;
    for (size_t from = 0; from < size_; ++from) {
      for (size_t to = 0; to < size_; ++to) {
        if (!Has(from, to) || (Both(from, to) && to < from)) continue;
        absl::StrAppend(&text, text.empty() ? "" : " ", from + 1, Both(from, to) ? "-" : ">",
                        to + 1);
      }
    }
    return text.empty() ? "no links" : text;
  }

 private:
  size_t size_;
  std::array<std::array<bool, 5>, 5> links_{};
};

std::vector<Graph> DirectedGraphsOfThree() {
  std::vector<Graph> graphs;
  for (uint32_t bits = 0; bits < 64; ++bits) {
    Graph graph(3);
    uint32_t bit = 0;
    for (size_t from = 0; from < 3; ++from) {
      for (size_t to = 0; to < 3; ++to) {
        if (from != to) graph.Set(from, to, (bits >> bit++ & 1) != 0);
      }
    }
    graphs.push_back(graph);
  }
  return graphs;
}

uint32_t Canonical(const Graph& graph) {
  std::vector<size_t> names(graph.size());
  std::iota(names.begin(), names.end(), size_t{0});
  uint32_t least = graph.Bits(names);
  while (std::ranges::next_permutation(names).found) least = std::min(least, graph.Bits(names));
  return least;
}

std::vector<Graph> UndirectedGraphsOfFive() {
  std::vector<Graph> graphs;
  std::set<uint32_t> seen;
  for (uint32_t bits = 0; bits < 1024; ++bits) {
    Graph graph(5);
    uint32_t bit = 0;
    for (size_t a = 0; a < 5; ++a) {
      for (size_t b = a + 1; b < 5; ++b) {
        const bool on = (bits >> bit++ & 1) != 0;
        graph.Set(a, b, on);
        graph.Set(b, a, on);
      }
    }
    if (seen.insert(Canonical(graph)).second) graphs.push_back(graph);
  }
  return graphs;
}

// The links of a whole cluster become those of a graph while it works.
class GraphRun {
 public:
  // `first` leads; `without` (0: nobody) lacks the last committed entry.
  GraphRun(const Graph& graph, size_t first, size_t without) : graph_(graph) {
    const Config config{.election_ticks = kElectionTicks, .heartbeat_ticks = 1};
    cluster_ = std::make_unique<Cluster>(
        graph.size(), config,
        [](MemberId id) { return std::make_unique<SeededRandom>(id.value()); },
        [](const std::string&) {});
    cluster_->Campaign(Id(first));
    cluster_->DeliverAll();
    if (without > 0) CutOff(without - 1);
    (void)cluster_->Propose(Id(first), "before");
    Rounds(2);
    cluster_->Heal();
    term_before_ = HighestTerm();
    for (size_t from = 0; from < graph.size(); ++from) {
      for (size_t to = 0; to < graph.size(); ++to) {
        if (from != to && !graph.Has(from, to)) cluster_->CutOneWay(Id(from), Id(to));
      }
    }
  }

  // Whether rule 1 promises progress.
  bool Promised() {
    for (size_t member = 0; member < graph_.size(); ++member) {
      if (graph_.IsQuorumConnected(member) && IsUpToDate(member)) return true;
    }
    return false;
  }

  // Proposes at every leader until something new is applied.
  bool Resumes() {
    const size_t before = MostApplied();
    for (int tick = 0; tick < kResumeTicks; ++tick) {
      ProposeEverywhere();
      Rounds(1);
      if (MostApplied() > before + 1) return true;
    }
    return false;
  }

  // Long enough for terms to run away, if they do.
  uint64_t TermsRaised() {
    for (int tick = 0; tick < 2 * kResumeTicks; ++tick) {
      if (tick % 10 == 0) ProposeEverywhere();
      Rounds(1);
    }
    return HighestTerm() - term_before_;
  }

  uint64_t TermsRaisedWhileQuiet() {
    Rounds(kResumeTicks);
    return HighestTerm() - term_before_;
  }

  void Heal() { cluster_->Heal(); }
  const absl::Status& violation() const { return cluster_->violation(); }

 private:
  static MemberId Id(size_t member) { return MemberId{member + 1}; }

  bool IsUpToDate(size_t member) {
    const EntryId last = cluster_->node(Id(member)).last_entry();
    for (size_t other = 0; other < graph_.size(); ++other) {
      if (other == member || !graph_.Both(member, other)) continue;
      if (cluster_->node(Id(other)).last_entry() > last) return false;
    }
    return true;
  }

  void CutOff(size_t member) {
    for (size_t other = 0; other < graph_.size(); ++other) {
      if (other != member) cluster_->Cut(Id(member), Id(other));
    }
  }

  void Rounds(int count) {
    for (; count > 0; --count) {
      for (const MemberId id : cluster_->ids()) cluster_->Tick(id);
      cluster_->DeliverAll();
    }
  }

  void ProposeEverywhere() {
    for (const MemberId id : cluster_->ids()) {
      if (cluster_->node(id).soft_state().role != Role::kLeader) continue;
      (void)cluster_->Propose(id, absl::StrCat("p", ++proposals_));
    }
  }

  size_t MostApplied() {
    size_t most = 0;
    for (const MemberId id : cluster_->ids()) most = std::max(most, cluster_->applied(id).size());
    return most;
  }

  uint64_t HighestTerm() {
    Term highest;
    for (const MemberId id : cluster_->ids())
      highest = std::max(highest, cluster_->node(id).term());
    return highest.value();
  }

  const Graph graph_;
  std::unique_ptr<Cluster> cluster_;
  uint64_t term_before_ = 0;
  uint64_t proposals_ = 0;
};

// What plain Raft cannot do, with its reason at the top.
const std::set<std::string> kHubMayLack = {"1-2 1-3", "1-2 1-3 1-4", "1-4 1-5 2-3"};

struct Found {
  std::set<std::string> without_quorum;  // graphs where nobody is quorum-connected
  std::set<std::string> hub_lacks;       // … somebody is, and nothing commits
  int promised = 0;
};

void RunHistory(const Graph& graph, size_t first, size_t without, Found& found) {
  GraphRun run(graph, first, without);
  const bool promised = run.Promised();
  const bool resumes = run.Resumes();
  found.promised += promised;
  EXPECT_TRUE(resumes || !promised);
  if (!graph.HasQuorumConnected()) {
    found.without_quorum.insert(graph.Text());
    EXPECT_FALSE(resumes) << "without a quorum";
  } else if (!resumes) {
    found.hub_lacks.insert(graph.Text());
  }
  // A leader may change once, when one hears a majority that the one before does not.
  EXPECT_LE(run.TermsRaised(), 3U);
  run.Heal();
  EXPECT_TRUE(run.Resumes()) << "after healing";
  ASSERT_TRUE(run.violation().ok()) << run.violation().message();
}

Found RunAll(const std::vector<Graph>& graphs) {
  Found found;
  for (const Graph& graph : graphs) {
    for (size_t first = 0; first < graph.size(); ++first) {
      for (size_t without = 0; without <= graph.size(); ++without) {
        if (without == first + 1) continue;
        SCOPED_TRACE(absl::StrCat(graph.Text(), ", leader ", first + 1, ", lacking ", without));
        RunHistory(graph, first, without, found);
      }
      if (!graph.IsQuorumConnected(first)) continue;
      GraphRun quiet(graph, first, 0);
      EXPECT_EQ(quiet.TermsRaisedWhileQuiet(), 0U) << graph.Text() << ", leader " << first + 1;
    }
  }
  return found;
}

TEST(GraphsTest, AllDirectedGraphsOfThree) {
  const std::vector<Graph> graphs = DirectedGraphsOfThree();
  ASSERT_EQ(graphs.size(), 64U);
  const Found found = RunAll(graphs);
  // Without a two-way link: each of the three pairs is linked in one direction or not at all.
  EXPECT_EQ(found.without_quorum.size(), 27U);
  EXPECT_TRUE(found.hub_lacks.empty());
  EXPECT_EQ(found.promised, (64 - 27) * 9);
}

TEST(GraphsTest, AllUndirectedGraphsOfFive) {
  const std::vector<Graph> graphs = UndirectedGraphsOfFive();
  ASSERT_EQ(graphs.size(), 34U);
  const Found found = RunAll(graphs);
  // No link, one link, two links without a common member.
  EXPECT_EQ(found.without_quorum, (std::set<std::string>{"no links", "1-2", "1-4 2-3"}));
  EXPECT_EQ(found.hub_lacks, kHubMayLack);
}

}  // namespace
}  // namespace pintle::raft
