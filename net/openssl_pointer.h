// OpensslPointer: owns an object of OpenSSL's and gives it back by the function that is named.
//
//   using KeyPointer = OpensslPointer<EVP_PKEY, EVP_PKEY_free>;
//
// A std::unique_ptr in all else, of the size of a pointer.
#pragma once

#include <memory>

namespace pintle::net {

template <auto kFree>
struct OpensslFree {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};

template <typename T, auto kFree>
using OpensslPointer = std::unique_ptr<T, OpensslFree<kFree>>;

}  // namespace pintle::net
