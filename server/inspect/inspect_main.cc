#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>

#include "server/inspect/inspect.h"

namespace pintle::server::inspect {
namespace {

constexpr char kAbout[] =
    "Looks into the files of a member. Changes nothing and takes no lock; what a running member\n"
    "writes meanwhile can look like damage. Exit status: 0 all intact, 1 damaged or unreadable, 2\n"
    "usage.";
constexpr int kExitUsage = 2;

CLI::App* AddVerb(CLI::App& app, const char* name, const char* about, std::string& path,
                  const char* what) {
  CLI::App* verb = app.add_subcommand(name, about);
  verb->add_option("path", path, what)->required();
  return verb;
}

}  // namespace

int InspectMain(int argc, char** argv) {
  CLI::App app(kAbout, "pintle inspect");
  app.require_subcommand(1);
  std::string path;
  InspectOptions options;
  CLI::App* wal = AddVerb(app, "wal",
                          "The write-ahead log: segments, writes, hard state, and with --entries "
                          "every entry; damage by byte, and what it costs",
                          path, "a data-dir, a folder of segments, or one .wal file");
  wal->add_flag("--entries", options.entries, "show every entry: index, term, kind, size");
  CLI::App* store =
      AddVerb(app, "store", "The store: meta, counts, revision, raft index, keys; damage by key",
              path, "a data-dir, or a store-<n> folder");
  store->add_option("--limit", options.limit, "show that many keys; 0: all")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  store->add_option("--prefix", options.prefix, "show only keys that begin so");
  CLI::App* snapshot =
      AddVerb(app, "snapshot", "A snapshot file: buckets, records, leases, members; damage by page",
              path, "a file of snapshot save, of ours or etcd's, or an etcd's member/snap/db");
  snapshot->add_option("--limit", options.limit, "show that many of each bucket; 0: all")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    app.exit(error);
    return kExitUsage;
  }
  const auto files = storage::MakePosixFileSystem();
  const absl::StatusOr<bool> intact = wal->parsed() ? InspectWal(*files, path, options, std::cout)
                                      : store->parsed()
                                          ? InspectStore(*files, path, options, std::cout)
                                          : InspectSnapshot(*files, path, options, std::cout);
  if (!intact.ok()) {
    std::fprintf(stderr, "pintle: %s\n", std::string(intact.status().message()).c_str());
    return 1;
  }
  return *intact ? 0 : 1;
}

}  // namespace pintle::server::inspect
