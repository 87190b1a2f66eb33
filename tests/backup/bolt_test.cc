// bbolt files: what is written is read, and nothing that a file may say can hurt the reader. That
// bbolt itself takes them is tests/e2e/test_backup.py's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>

#include "server/backup/bolt_reader.h"
#include "server/backup/bolt_writer.h"
#include "tests/storage/memory_file_system.h"

namespace pintle::server::backup {
namespace {

using Bucket = std::map<std::string, std::string>;
using Database = std::map<std::string, Bucket>;

std::string Write(const Database& database) {
  BoltWriter writer;
  std::string pages;
  for (const auto& [name, bucket] : database) {
    writer.BeginBucket(name);
    for (const auto& [key, value] : bucket) {
      EXPECT_TRUE(writer.Put(key, value).ok());
      pages += writer.TakePages();
    }
    writer.EndBucket();
  }
  writer.Finish();
  pages += writer.TakePages();
  return BoltPreface(writer.meta()) + pages;
}

absl::StatusOr<Database> Read(const std::string& bytes) {
  storage::MemoryFileSystem files;
  EXPECT_TRUE(files.MakeFolder("/d").ok());
  const auto file = *files.OpenForWrite("/d/db");
  const std::string_view piece = bytes;
  EXPECT_TRUE(file->WriteAt(0, std::span(&piece, 1)).ok());
  const auto reader = BoltReader::Open(*file, bytes.size());
  if (!reader.ok()) return reader.status();
  Database database;
  for (const std::string& name : (*reader)->buckets()) {
    Bucket& bucket = database[name];
    const absl::Status read = (*reader)->ForEach(name, [&](auto key, auto value) {
      bucket.emplace(key, value);
      return absl::OkStatus();
    });
    if (!read.ok()) return read;
  }
  return database;
}

Database RandomDatabase(std::mt19937& random) {
  Database database;
  const size_t most[] = {0, 1, 10, 300, 5000};
  for (const char* name : {"a", "key", "lease", "meta"}) {
    Bucket& bucket = database[name];
    const size_t keys = most[random() % std::size(most)];
    for (size_t i = 0; i < keys; ++i) {
      const bool large = random() % 500 == 0;
      std::string key(1 + random() % (large ? 5000 : 40), '\0');
      for (char& byte : key) byte = static_cast<char>(random());
      bucket[key] = std::string(large ? random() % 50000 : random() % 60, 'v');
    }
  }
  return database;
}

TEST(BoltWriter, WritesWhatTheReaderReads) {
  for (unsigned seed = 1; seed <= 12; ++seed) {
    std::mt19937 random(seed);
    const Database database = RandomDatabase(random);
    const std::string bytes = Write(database);
    EXPECT_EQ(bytes.size() % kBoltPageBytes, 0U);
    const auto read = Read(bytes);
    ASSERT_TRUE(read.ok()) << "seed " << seed << ": " << read.status();
    EXPECT_EQ(*read, database) << "seed " << seed;
  }
}

TEST(BoltWriter, RefusesKeysThatBboltDoesNotTake) {
  BoltWriter writer;
  writer.BeginBucket("b");
  EXPECT_EQ(writer.Put("", "v").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(writer.Put(std::string(32769, 'k'), "v").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(writer.Put(std::string(32768, 'k'), "v").ok());
}

// Keys so large that a branch holds two of them at most.
TEST(BoltWriter, LargeKeysStillMakeATree) {
  Database database;
  for (int i = 0; i < 50; ++i)
    database["b"][std::to_string(100 + i) + std::string(9000, 'k')] = "v";
  const auto read = Read(Write(database));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, database);
}

TEST(BoltReader, TakesTheSecondMetaPageWhenTheFirstIsDamaged) {
  const Database database{{"b", {{"k", "v"}}}};
  std::string bytes = Write(database);
  bytes[20] = static_cast<char>(bytes[20] ^ 1);
  EXPECT_EQ(Read(bytes).value_or(Database()), database);
  bytes[kBoltPageBytes + 20] = static_cast<char>(bytes[kBoltPageBytes + 20] ^ 1);
  EXPECT_EQ(Read(bytes).status().code(), absl::StatusCode::kDataLoss);
}

TEST(BoltReader, SaysDataLossForEveryFileThatIsCutOff) {
  std::mt19937 random(7);
  const std::string bytes = Write(RandomDatabase(random));
  for (size_t size = 0; size < bytes.size(); size += 1 + random() % 300) {
    EXPECT_EQ(Read(bytes.substr(0, size)).status().code(), absl::StatusCode::kDataLoss) << size;
  }
}

// No byte of a file can make the reader crash, read elsewhere or go on for ever.
TEST(BoltReader, SurvivesEveryByteFlipped) {
  Database database;
  for (int i = 0; i < 200; ++i) {
    database["key"][std::to_string(1000 + i)] = std::string(static_cast<size_t>(i) % 50, 'v');
  }
  database["meta"]["term"] = std::string(5000, 'x');
  const std::string bytes = Write(database);
  std::mt19937 random(3);
  int refused = 0;
  for (size_t at = 0; at < bytes.size(); at += 1 + random() % 9) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(random());
    const auto read = Read(damaged);
    if (read.ok()) continue;
    ++refused;
    EXPECT_EQ(read.status().code(), absl::StatusCode::kDataLoss) << at << read.status();
  }
  EXPECT_GT(refused, 300);
}

// One page's head in a file that is otherwise right, with `change` made to it.
std::string WithPage(const std::string& bytes, uint64_t page, size_t offset,
                     std::string_view with) {
  std::string changed = bytes;
  changed.replace(page * kBoltPageBytes + offset, with.size(), with);
  return changed;
}

TEST(BoltReader, RefusesPagesThatPointInCircles) {
  Database database;
  for (int i = 0; i < 1000; ++i) database["key"][std::to_string(10000 + i)] = std::string(50, 'v');
  const std::string bytes = Write(database);
  // The root of "key" is the last page but one; its first element's page is at offset 24.
  const uint64_t root = bytes.size() / kBoltPageBytes - 2;
  std::string itself(8, '\0');
  itself[0] = static_cast<char>(root);
  EXPECT_THAT(std::string(Read(WithPage(bytes, root, 24, itself)).status().message()),
              testing::HasSubstr("is used twice"));
  // The second element says the first one's page.
  EXPECT_THAT(
      std::string(Read(WithPage(bytes, root, 40, bytes.substr(root * kBoltPageBytes + 24, 8)))
                      .status()
                      .message()),
      testing::HasSubstr("is used twice"));
}

// The bytes of a small file, so that a change of the layout is seen.
TEST(BoltWriter, Golden) {
  const std::string bytes = Write({{"b", {{"k", "v"}, {"l", "ww"}}}});
  ASSERT_EQ(bytes.size(), 5 * kBoltPageBytes);
  const std::string leaf = bytes.substr(3 * kBoltPageBytes, 54);
  EXPECT_EQ(leaf, std::string("\x03\0\0\0\0\0\0\0\x02\0\x02\0\0\0\0\0"
                              "\0\0\0\0\x20\0\0\0\x01\0\0\0\x01\0\0\0"
                              "\0\0\0\0\x12\0\0\0\x01\0\0\0\x02\0\0\0"
                              "kvlww",
                              53) +
                      std::string(1, '\0'));
  EXPECT_EQ(bytes.substr(16, 24), std::string("\xED\xDA\x0C\xED\x02\0\0\0\0\x10\0\0\0\0\0\0"
                                              "\x04\0\0\0\0\0\0\0",
                                              24));
}

}  // namespace
}  // namespace pintle::server::backup
