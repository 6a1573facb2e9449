// A file descriptor that has one owner and is closed at its end, and what is asked of one everywhere.
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <cstddef>
#include <string_view>
#include <utility>

namespace weir {

class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}  // negative: none
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int get() const { return number_; }

 private:
  int number_;
};

// read() until no signal interrupts it: octets read, 0 at the end, -1 with errno.
ssize_t read_some(const Descriptor& from, void* out, std::size_t size);
// write() until all is written, also after signals. False: errno says why.
bool write_all(const Descriptor& to, std::string_view octets);

}  // namespace weir
