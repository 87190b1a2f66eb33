// pintle snapshot save|status|restore: backups, in the words of etcdctl and etcdutl.
#pragma once

namespace pintle::server::backup {

// The verb: argv[0] is "snapshot". Exit status: 0 done, 1 failed, 2 usage.
int SnapshotMain(int argc, char** argv);

}  // namespace pintle::server::backup
