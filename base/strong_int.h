// StrongInt: an integer with a type of its own, so that a term cannot be passed for an index.
//
//   using Term = base::StrongInt<struct TermTag, uint64_t>;
//   Term t{3};  ++t;  t.value() == 4;
//
// Compares, hashes (absl and std) and prints like its integer; converts from and to it only
// explicitly. Arithmetic with a plain integer is a distance; the difference of two is a plain
// integer.
#pragma once

#include <compare>
#include <cstddef>
#include <functional>
#include <ostream>
#include <string>
#include <utility>

namespace pintle::base {

template <typename Tag, typename Int>
class StrongInt {
 public:
  using Value = Int;

  constexpr StrongInt() = default;
  constexpr explicit StrongInt(Int value) : value_(value) {}

  constexpr Int value() const { return value_; }
  constexpr explicit operator bool() const { return value_ != 0; }

  friend constexpr auto operator<=>(StrongInt, StrongInt) = default;

  constexpr StrongInt& operator++() {
    ++value_;
    return *this;
  }
  constexpr StrongInt& operator--() {
    --value_;
    return *this;
  }
  friend constexpr StrongInt operator+(StrongInt a, Int distance) {
    return StrongInt(a.value_ + distance);
  }
  friend constexpr StrongInt operator-(StrongInt a, Int distance) {
    return StrongInt(a.value_ - distance);
  }
  friend constexpr Int operator-(StrongInt a, StrongInt b) { return a.value_ - b.value_; }

  template <typename H>
  friend H AbslHashValue(H h, StrongInt a) {
    return H::combine(std::move(h), a.value_);
  }
  friend std::ostream& operator<<(std::ostream& out, StrongInt a) { return out << a.value_; }
  friend std::string ToString(StrongInt a) { return std::to_string(a.value_); }

 private:
  Int value_ = 0;
};

}  // namespace pintle::base

template <typename Tag, typename Int>
struct std::hash<pintle::base::StrongInt<Tag, Int>> {
  size_t operator()(pintle::base::StrongInt<Tag, Int> a) const {
    return std::hash<Int>()(a.value());
  }
};
