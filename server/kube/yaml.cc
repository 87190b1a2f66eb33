#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <sstream>

#include "server/kube/media.h"
#include "server/kube/text.h"

namespace pintle::server::kube {
namespace {

// A plain (unquoted) scalar's meaning in YAML 1.1, as Kubernetes' parser reads it.
Json PlainScalar(const std::string& text) {
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL")
    return nullptr;
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  int64_t integer = 0;
  const bool octal = text.size() > 1 && text[0] == '0';
  if (!octal && ParseInteger(text, integer)) return integer;
  const bool numeric = text.find_first_not_of("+-.0123456789eE") == std::string::npos &&
                       text.find_first_of("0123456789") != std::string::npos;
  double number = 0;
  if (numeric && !octal && ParseNumber(text, number)) return number;
  return text;
}

// Builds JSON out of the parser's events, so that aliases and depth are seen before memory is
// spent.
class JsonBuilder : public YAML::EventHandler {
 public:
  const std::string& problem() const { return problem_; }
  Json Take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override { Add(nullptr); }
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override { Fail("aliases are not supported"); }
  void OnScalar(const YAML::Mark&, const std::string& tag, YAML::anchor_t,
                const std::string& value) override {
    Add(tag == "?" || tag.empty() ? PlainScalar(value) : Json(value));
  }
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    Open(Json::array());
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    Open(Json::object());
  }
  void OnMapEnd() override { Close(); }

 private:
  struct Level {
    Json value;
    std::string key;
    bool has_key = false;
  };

  void Fail(std::string why) {
    if (problem_.empty()) problem_ = std::move(why);
  }

  void Open(Json value) {
    if (levels_.size() >= static_cast<size_t>(kMaxJsonDepth)) Fail("exceeded max depth");
    if (problem_.empty()) {
      levels_.push_back({std::move(value), {}, false});
    } else {
      ++ignored_;
    }
  }

  void Close() {
    if (ignored_ > 0) {
      --ignored_;
      return;
    }
    if (levels_.empty()) return;
    Json done = std::move(levels_.back().value);
    levels_.pop_back();
    Add(std::move(done));
  }

  void Add(Json value) {
    if (ignored_ > 0) return;
    if (levels_.empty()) {
      root_ = std::move(value);
      return;
    }
    Level& level = levels_.back();
    if (level.value.is_array()) {
      level.value.push_back(std::move(value));
    } else if (!level.has_key) {
      level.key = value.is_string() ? value.get<std::string>() : value.dump();
      level.has_key = true;
    } else {
      level.value[level.key] = std::move(value);
      level.has_key = false;
    }
  }

  Json root_;
  std::vector<Level> levels_;
  int ignored_ = 0;  // containers opened after a failure
  std::string problem_;
};

// yaml-cpp takes in all that is open before it tells of any of it: a body of brackets would cost
// seconds and hundreds of megabytes. Quotes are not looked at: text that nests that deep is none.
bool NestsTooDeep(std::string_view text) {
  int depth = 0;
  for (const char c : text) {
    if (c == '[' || c == '{') ++depth;
    if ((c == ']' || c == '}') && depth > 0) --depth;
    if (depth > kMaxJsonDepth) return true;
  }
  return false;
}

}  // namespace

Result<Json> ParseYaml(std::string_view text) {
  if (NestsTooDeep(text)) return BadRequest("error converting YAML to JSON: exceeded max depth");
  // yaml-cpp reports by throwing.
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    JsonBuilder builder;
    parser.HandleNextDocument(builder);
    if (!builder.problem().empty())
      return BadRequest(StrCat("error converting YAML to JSON: ", builder.problem()));
    return builder.Take();
  } catch (const YAML::Exception& error) {
    return BadRequest(StrCat("error converting YAML to JSON: ", error.what()));
  }
}

}  // namespace pintle::server::kube
