#include "server/replica/downgrade_codec.h"

#include "base/byte_codec.h"

namespace pintle::server::replica {
namespace {

constexpr size_t kLongestVersion = 64;

}  // namespace

std::string EncodeDowngrade(std::string_view target) {
  std::string out;
  base::AppendVarintField(out, 1, target.empty() ? 0 : 1);
  base::AppendBytesField(out, 2, target);
  return out;
}

bool DecodeDowngrade(std::string_view body, std::string& target) {
  base::ByteReader reader(body);
  base::WireField field;
  bool enabled = false;
  target.clear();
  while (base::NextField(reader, field)) {
    if (field.number == 1) enabled = field.integer != 0;
    if (field.number == 2) target = std::string(field.bytes);
  }
  if (!enabled) target.clear();
  return reader.ok() && target.size() <= kLongestVersion;
}

}  // namespace pintle::server::replica
