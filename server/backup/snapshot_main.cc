#include "server/backup/snapshot_main.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <random>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "server/backup/etcd_snapshot.h"
#include "server/backup/restore.h"
#include "server/backup/save.h"
#include "server/backup/status_text.h"
#include "server/config.h"
#include "server/membership.h"

namespace pintle::server::backup {
namespace {

constexpr int kExitUsage = 2;
constexpr char kAbout[] =
    "Backups: files that etcdctl and etcdutl read, too. Exit status: 0 done, 1 failed, 2 usage.";

struct Arguments {
  std::string file;
  // save
  std::vector<std::string> endpoints{"127.0.0.1:2379"};
  net::ClientTlsFlags tls;
  std::string user;
  std::string password;
  // status
  std::string write_out = "simple";
  // restore
  std::string data_dir;
  std::string wal_dir;
  std::string name = "default";
  std::string initial_cluster = "default=http://localhost:2380";
  std::string initial_cluster_token = "etcd-cluster";
  std::string initial_advertise_peer_urls = "http://localhost:2380";
  bool skip_hash_check = false;
  int64_t bump_revision = 0;
  bool mark_compacted = false;
  uint64_t memory_map_size = 0;
};

// On a terminal: one line that is overwritten, five times a second.
Progress TerminalProgress() {
  using Clock = std::chrono::steady_clock;
  return [last = Clock::time_point(), shown = isatty(STDERR_FILENO) != 0](
             const char* what, uint64_t done, uint64_t all) mutable {
    if (!shown) return;
    const Clock::time_point now = Clock::now();
    const bool end = done >= all;
    if (!end && now - last < std::chrono::milliseconds(200)) return;
    last = now;
    std::fprintf(stderr, "\r%s %s of %s\033[K%s", what, HumanBytes(done).c_str(),
                 HumanBytes(all).c_str(), end ? "\n" : "");
  };
}

absl::Status RunSave(const Arguments& arguments) {
  if (arguments.endpoints.size() != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("snapshot must be requested to one selected node, not multiple [",
                     absl::StrJoin(arguments.endpoints, " "), "]"));
  }
  PINTLE_ASSIGN_OR_RETURN(const std::vector<net::Endpoint> endpoints,
                          net::ParseEndpoints(arguments.endpoints.front(), arguments.tls));
  SaveOptions options{.member = endpoints.front(), .path = arguments.file};
  PINTLE_ASSIGN_OR_RETURN(options.credentials, CredentialsOf(arguments.user, arguments.password));
  const auto files = storage::MakePosixFileSystem();
  PINTLE_RETURN_IF_ERROR(Save(*files, options, TerminalProgress()));
  std::printf("Snapshot saved at %s\n", arguments.file.c_str());
  return absl::OkStatus();
}

absl::Status RunStatus(const Arguments& arguments) {
  const auto files = storage::MakePosixFileSystem();
  const Progress progress = TerminalProgress();
  PINTLE_ASSIGN_OR_RETURN(
      const std::unique_ptr<EtcdSnapshot> snapshot,
      EtcdSnapshot::Open(*files, arguments.file, HashCheck::kIfPresent, progress));
  PINTLE_ASSIGN_OR_RETURN(const SnapshotStatus status, StatusOf(*snapshot, progress));
  std::string text = SimpleText(status);
  if (arguments.write_out == "json") text = JsonText(status);
  if (arguments.write_out == "table") text = TableText(status);
  if (arguments.write_out == "fields") text = FieldsText(status);
  std::fputs(text.c_str(), stdout);
  return absl::OkStatus();
}

// The member's own checks of these flags.
absl::StatusOr<Config> ConfigOf(const Arguments& arguments) {
  PINTLE_ASSIGN_OR_RETURN(
      Invocation invocation,
      ParseCommandLine({"--name=" + arguments.name, "--data-dir=" + arguments.data_dir,
                        "--initial-cluster=" + arguments.initial_cluster,
                        "--initial-cluster-token=" + arguments.initial_cluster_token,
                        "--initial-advertise-peer-urls=" + arguments.initial_advertise_peer_urls},
                       {}));
  PINTLE_RETURN_IF_ERROR(CheckInitialCluster(invocation.config));
  return std::move(invocation.config);
}

absl::Status RunRestore(const Arguments& arguments) {
  if ((arguments.bump_revision > 0) != arguments.mark_compacted) {
    return absl::InvalidArgumentError("--mark-compacted required if --bump-revision > 0");
  }
  PINTLE_ASSIGN_OR_RETURN(const Config config, ConfigOf(arguments));
  Membership membership = InitialMembership(config);
  std::ranges::sort(membership.members, {}, &replica::ClusterMember::id);
  RestoreOptions options{.data_dir = arguments.data_dir,
                         .wal_dir = arguments.wal_dir,
                         .cluster_id = membership.cluster_id,
                         .member_id = membership.self,
                         .members = std::move(membership.members),
                         .bump_revision = arguments.bump_revision,
                         .mark_compacted = arguments.mark_compacted};
  std::random_device random;
  options.data_dir_id = {.high = uint64_t{random()} << 32 | random(),
                         .low = uint64_t{random()} << 32 | random()};
  const auto files = storage::MakePosixFileSystem();
  const Progress progress = TerminalProgress();
  PINTLE_ASSIGN_OR_RETURN(
      const std::unique_ptr<EtcdSnapshot> snapshot,
      EtcdSnapshot::Open(*files, arguments.file,
                         arguments.skip_hash_check ? HashCheck::kSkipped : HashCheck::kRequired,
                         progress));
  PINTLE_ASSIGN_OR_RETURN(const Restored restored, Restore(*files, *snapshot, options, progress));
  std::printf(
      "restored %s into %s: revision %ld, %ld records, %ld leases, %ld users, %ld roles\n"
      "Start the member with --name=%s --data-dir=%s%s and the same --initial-cluster%s, once "
      "every "
      "member of it has been restored from the same file.\n",
      arguments.file.c_str(), arguments.data_dir.c_str(), restored.revision, restored.records,
      restored.leases, restored.users, restored.roles, arguments.name.c_str(),
      arguments.data_dir.c_str(),
      arguments.wal_dir.empty() ? "" : (" --wal-dir=" + arguments.wal_dir).c_str(),
      arguments.initial_cluster_token == "etcd-cluster" ? "" : " and --initial-cluster-token");
  return absl::OkStatus();
}

void AddFile(CLI::App& verb, Arguments& arguments) {
  verb.add_option("filename", arguments.file, "the snapshot file")->required();
}

// etcdctl's, with its variables.
void AddSaveOptions(CLI::App& verb, Arguments& arguments) {
  net::ClientTlsFlags& tls = arguments.tls;
  verb.add_option("--endpoints", arguments.endpoints, "the member to ask, host:port or a URL")
      ->delimiter(',')
      ->envname("ETCDCTL_ENDPOINTS")
      ->capture_default_str();
  verb.add_option("--cacert", tls.ca_file, "CA bundle to verify the member's certificate with, PEM")
      ->envname("ETCDCTL_CACERT");
  verb.add_option("--cert", tls.cert_file, "certificate to show to the member, PEM")
      ->envname("ETCDCTL_CERT");
  verb.add_option("--key", tls.key_file, "its key, PEM")->envname("ETCDCTL_KEY");
  verb.add_flag("--insecure-skip-tls-verify", tls.skip_verify,
                "do not verify the member's certificate")
      ->envname("ETCDCTL_INSECURE_SKIP_TLS_VERIFY");
  verb.add_option("--user", arguments.user,
                  "username[:password] for authentication (prompt if password is not supplied)")
      ->envname("ETCDCTL_USER");
  verb.add_option("--password", arguments.password,
                  "password for authentication (if this option is used, --user option shouldn't "
                  "include password)")
      ->envname("ETCDCTL_PASSWORD");
}

void AddRestoreOptions(CLI::App& verb, Arguments& arguments) {
  verb.add_option("--data-dir", arguments.data_dir, "Path to the output data directory")
      ->required();
  verb.add_option("--name", arguments.name, "Human-readable name for this member")
      ->capture_default_str();
  verb.add_option("--initial-cluster", arguments.initial_cluster,
                  "Initial cluster configuration for restore bootstrap")
      ->capture_default_str();
  verb.add_option("--initial-cluster-token", arguments.initial_cluster_token,
                  "Initial cluster token for the cluster during restore bootstrap")
      ->capture_default_str();
  verb.add_option("--initial-advertise-peer-urls", arguments.initial_advertise_peer_urls,
                  "List of this member's peer URLs to advertise to the rest of the cluster")
      ->capture_default_str();
  verb.add_flag("--skip-hash-check", arguments.skip_hash_check,
                "Ignore snapshot integrity hash value (required if copied from data directory)");
  verb.add_option("--bump-revision", arguments.bump_revision,
                  "How much to increase the latest revision after restore")
      ->check(CLI::Range(int64_t{0}, int64_t{1} << 61));
  verb.add_flag("--mark-compacted", arguments.mark_compacted,
                "Mark the latest revision after restore as the point of scheduled compaction "
                "(required if --bump-revision > 0, disallowed otherwise)");
  verb.add_option("--wal-dir", arguments.wal_dir,
                  "Path to the WAL directory (use --data-dir if none given)");
  verb.add_option("--initial-memory-map-size", arguments.memory_map_size, "etcd's: ignored");
}

}  // namespace

int SnapshotMain(int argc, char** argv) {
  CLI::App app(kAbout, "pintle snapshot");
  app.require_subcommand(1);
  Arguments arguments;
  CLI::App* save = app.add_subcommand("save", "Stores a member's snapshot in a file");
  AddFile(*save, arguments);
  AddSaveOptions(*save, arguments);
  CLI::App* status = app.add_subcommand("status", "Tells what a snapshot file holds");
  AddFile(*status, arguments);
  status->add_option("-w,--write-out", arguments.write_out, "the form of the answer")
      ->check(CLI::IsMember({"simple", "json", "table", "fields"}))
      ->capture_default_str();
  CLI::App* restore = app.add_subcommand(
      "restore", "Makes a data-dir for a member of a new cluster, of our file or of etcd's");
  AddFile(*restore, arguments);
  AddRestoreOptions(*restore, arguments);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    app.exit(error);
    return kExitUsage;
  }
  const absl::Status done = save->parsed()     ? RunSave(arguments)
                            : status->parsed() ? RunStatus(arguments)
                                               : RunRestore(arguments);
  if (done.ok()) return 0;
  std::fprintf(stderr, "pintle: %s\n", std::string(done.message()).c_str());
  return 1;
}

}  // namespace pintle::server::backup
