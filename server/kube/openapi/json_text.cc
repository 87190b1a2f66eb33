#include <utility>
#include <vector>

#include "server/kube/openapi/decode.h"

namespace pintle::server::kube {
namespace {

using Json = nlohmann::json;

// Strict decoding stops collecting here, as upstream does.
constexpr size_t kMaxStrictProblems = 100;

// Builds the document while it is read, so that depth and duplicate keys are seen.
class Builder : public nlohmann::json_sax<Json> {
 public:
  explicit Builder(StrictProblems* problems) : problems_(problems) {}

  bool null() override { return Put(nullptr); }
  bool boolean(bool value) override { return Put(value); }
  bool number_integer(int64_t value) override { return Put(value); }
  bool number_unsigned(uint64_t value) override { return Put(value); }
  bool number_float(double value, const std::string&) override { return Put(value); }
  bool string(std::string& value) override { return Put(std::move(value)); }
  bool binary(Json::binary_t&) override { return false; }
  bool start_object(size_t) override { return Open(Json::object()); }
  bool start_array(size_t) override { return Open(Json::array()); }
  bool end_object() override { return Close(); }
  bool end_array() override { return Close(); }

  bool key(std::string& name) override {
    Json& object = *open_.back().value;
    open_.back().key = name;
    if (problems_ != nullptr && object.contains(name) &&
        problems_->messages.size() < kMaxStrictProblems) {
      problems_->messages.push_back("duplicate field \"" + Path() + "\"");
    }
    return true;
  }

  bool parse_error(size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    error_position_ = position;
    return false;
  }

  Json& root() { return root_; }
  bool too_deep() const { return too_deep_; }
  size_t error_position() const { return error_position_; }

 private:
  struct Level {
    Json* value;
    std::string key;  // of the member being read; objects only
  };

  Json* Place(Json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    Json& parent = *open_.back().value;
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    Json& slot = parent[open_.back().key];
    slot = std::move(value);
    return &slot;
  }

  bool Put(Json value) {
    Place(std::move(value));
    return true;
  }

  bool Open(Json empty) {
    if (open_.size() >= static_cast<size_t>(kMaxJsonDepth)) {
      too_deep_ = true;
      return false;
    }
    open_.push_back({Place(std::move(empty)), {}});
    return true;
  }

  bool Close() {
    open_.pop_back();
    return true;
  }

  std::string Path() const {
    std::string path;
    for (const Level& level : open_) {
      if (level.value->is_array()) {
        path += "[" + std::to_string(level.value->size() - 1) + "]";
      } else {
        if (!path.empty()) path += ".";
        path += level.key;
      }
    }
    return path;
  }

  StrictProblems* problems_;
  Json root_;
  std::vector<Level> open_;
  bool too_deep_ = false;
  size_t error_position_ = 0;
};

}  // namespace

std::string StrictProblems::StrictError() const {
  std::string text = "strict decoding error: ";
  for (size_t i = 0; i < messages.size(); ++i) {
    if (i > 0) text += ", ";
    text += messages[i];
  }
  return text;
}

absl::StatusOr<Json> ParseJsonBody(std::string_view text, StrictProblems* problems) {
  Builder builder(problems);
  if (Json::sax_parse(text.begin(), text.end(), &builder)) return std::move(builder.root());
  if (builder.too_deep()) return absl::InvalidArgumentError("exceeded max depth");
  const size_t at = builder.error_position();
  if (at == 0 || at > text.size()) {
    return absl::InvalidArgumentError("unexpected end of JSON input");
  }
  return absl::InvalidArgumentError("invalid character '" + std::string(1, text[at - 1]) +
                                    "' looking for beginning of value");
}

}  // namespace pintle::server::kube
