// Log lines as tools read them, rotation, and what systemd hears.
#include "server/logging.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "server/log_rotation.h"
#include "server/notify.h"

namespace pintle::server {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

class LogTest : public testing::Test {
 protected:
  LogTest() {
    std::string pattern = testing::TempDir() + "/pintle-log-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    config_.log_outputs = {folder_ + "/server.log"};
  }
  ~LogTest() override {
    OpenEarlyLog();
    std::filesystem::remove_all(folder_);
  }
  std::vector<std::string> Lines() const {
    std::ifstream file(config_.log_outputs[0]);
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
  }

  std::string folder_;
  Config config_;
};

TEST_F(LogTest, EveryLineIsJsonWithEtcdsFields) {
  ASSERT_TRUE(OpenLog(config_).ok());
  Log(spdlog::level::info, "ready \"now\"",
      {{"address", "127.0.0.1:2379"}, {"path", "a\\b\n"}, {"revision", 17}});
  spdlog::warn("plain {}", 1);
  Log(spdlog::level::debug, "not shown");
  const std::vector<std::string> lines = Lines();
  ASSERT_THAT(lines, SizeIs(2));
  const auto first = nlohmann::json::parse(lines[0]);
  EXPECT_EQ(first["level"], "info");
  EXPECT_EQ(first["msg"], "ready \"now\"");
  EXPECT_EQ(first["address"], "127.0.0.1:2379");
  EXPECT_EQ(first["path"], "a\\b\n");
  EXPECT_EQ(first["revision"], 17);
  EXPECT_THAT(first["caller"].get<std::string>(), HasSubstr("server/logging_test.cc:"));
  EXPECT_THAT(first["ts"].get<std::string>(), SizeIs(27));
  const auto second = nlohmann::json::parse(lines[1]);
  EXPECT_EQ(second["level"], "warn");
  EXPECT_EQ(second["msg"], "plain 1");
}

TEST_F(LogTest, ConsoleIsReadable) {
  config_.log_format = "console";
  ASSERT_TRUE(OpenLog(config_).ok());
  Log(spdlog::level::err, "no", {{"why", "because"}});
  EXPECT_THAT(Lines().at(0), HasSubstr("\terror\t"));
  EXPECT_THAT(Lines().at(0), HasSubstr("\tno\t{\"why\":\"because\"}"));
}

TEST_F(LogTest, RotatesAndKeepsSoManyFiles) {
  config_.enable_log_rotation = true;
  config_.log_rotation_config_json = R"({"maxsize": 1, "maxbackups": 2})";
  ASSERT_TRUE(OpenLog(config_).ok());
  const std::string text(100000, 'x');
  for (int i = 0; i < 50; ++i) {
    Log(spdlog::level::info, text);
    usleep(1000);  // names are made of milliseconds
  }
  spdlog::default_logger()->flush();
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
    ++files;
    EXPECT_LE(entry.file_size(), size_t{1} << 20);
  }
  EXPECT_EQ(files, 3u);
}

TEST_F(LogTest, BadRotationIsRefused) {
  for (const char* bad :
       {"x", "[]", R"({"maxsize": "1"})", R"({"size": 1})", R"({"maxage": -1})"}) {
    EXPECT_EQ(ParseLogRotation(bad).status().code(), absl::StatusCode::kInvalidArgument) << bad;
  }
  EXPECT_EQ(ParseLogRotation(R"({"compress": true})").status().code(),
            absl::StatusCode::kUnimplemented);
  EXPECT_EQ(ParseLogRotation(R"({"maxsize": 100, "maxage": 0, "maxbackups": 0, "localtime": false,
                                 "compress": false})")
                ->max_megabytes,
            100);
}

// As etcd: a folder is made for files that are rotated, and for no others.
TEST_F(LogTest, AMissingFolderIsAnError) {
  const std::string file = folder_ + "/none/server.log";
  config_.log_outputs = {file};
  EXPECT_THAT(
      std::string(OpenLog(config_).message()),
      HasSubstr("open sink \"" + file + "\": open " + file + ": no such file or directory"));
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/none"));
  config_.log_outputs = {folder_};
  EXPECT_THAT(std::string(OpenLog(config_).message()), HasSubstr(": is a directory"));
  config_.log_outputs = {file};
  config_.enable_log_rotation = true;
  EXPECT_TRUE(OpenLog(config_).ok());
  EXPECT_TRUE(std::filesystem::exists(file));
}

TEST_F(LogTest, SystemdHearsTheState) {
  const std::string path = folder_ + "/notify";
  const int file = socket(AF_UNIX, SOCK_DGRAM, 0);
  sockaddr_un address{.sun_family = AF_UNIX};
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(bind(file, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  setenv("NOTIFY_SOCKET", path.c_str(), 1);
  NotifyServiceManager("READY=1");
  char text[64];
  const ssize_t size = recv(file, text, sizeof text, MSG_DONTWAIT);
  EXPECT_EQ(std::string(text, size < 0 ? 0 : static_cast<size_t>(size)), "READY=1");
  close(file);
  NotifyServiceManager("STOPPING=1");  // nobody listens: nothing happens
  unsetenv("NOTIFY_SOCKET");
}

}  // namespace
}  // namespace pintle::server
