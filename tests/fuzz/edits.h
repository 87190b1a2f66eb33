// Edits: a good file with damage in it, so that the fuzzer gets behind magic numbers and checksums
// of what is far from the damage. The input is a list of edits.
//
// Each is six bytes: what, where (two bytes, as a part of the whole), how far, value, spare.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace pintle::fuzz {

inline std::string Edited(std::string file, std::string_view edits) {
  constexpr size_t kEditBytes = 6;
  for (; edits.size() >= kEditBytes && !file.empty(); edits.remove_prefix(kEditBytes)) {
    const auto byte = [&](size_t i) { return static_cast<unsigned char>(edits[i]); };
    const size_t at = (byte(1) * size_t{256} + byte(2)) * file.size() / 65536;
    const size_t length = std::min<size_t>(size_t{1} << (byte(3) % 13), file.size() - at);
    switch (byte(0) % 6) {
      case 0:
        file[at] = static_cast<char>(byte(4));
        break;
      case 1:
        file[at] = static_cast<char>(file[at] ^ (1 << (byte(4) % 8)));
        break;
      case 2:
        std::fill_n(file.begin() + static_cast<std::ptrdiff_t>(at), length, '\0');
        break;
      case 3:
        file.resize(at);
        break;
      case 4: {  // a write that went elsewhere
        const size_t from = byte(4) * file.size() / 256;
        const std::string moved = file.substr(from, length);
        file.replace(at, std::min(moved.size(), file.size() - at),
                     moved.substr(0, file.size() - at));
        break;
      }
      default:
        file.insert(at, length, static_cast<char>(byte(4)));
    }
    file.resize(std::min(file.size(), size_t{1} << 20));
  }
  return file;
}

}  // namespace pintle::fuzz
