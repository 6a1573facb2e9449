// A deleter for what a C library gives out: std::unique_ptr<BIGNUM, FreeWith<BN_free>>.
#pragma once

namespace weir {

template <auto free_it>
struct FreeWith {
  template <class T>
  void operator()(T* thing) const {
    free_it(thing);
  }
};

}  // namespace weir
