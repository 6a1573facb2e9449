// A value or an error, for everything that input, disk or network can make fail.
//
// Member names are those of C++23 std::expected, so that it can become an alias.
// Exceptions of libraries are caught where the library is called and become an Error.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>

namespace weir {

// What kind of failure it was; the exit code of a command follows from it (zones/base/exit_code.h).
enum class ErrorCode : std::uint8_t {
  invalid,       // input or configuration refused
  not_found,     // what was named does not exist
  exists,        // what was to be made exists already
  corrupt,       // a checksum or a format that we wrote ourselves does not hold
  incompatible,  // written by another version of weir
  permission,    // the operating system or a role says no
  unavailable,   // a daemon or a server cannot be reached
  too_large,     // a bound on size, ratio or count was reached
  timed_out,     // a bound on time was reached
  busy,          // somebody else holds it (port, lock)
  io             // disk, store, operating system
};

// `message` is made once, for people: what, where (file:line:column), what was expected.
struct Error {
  ErrorCode code = ErrorCode::io;
  std::string message;
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT(google-explicit-constructor)
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }
  T& value() { return std::get<0>(state_); }
  const T& value() const { return std::get<0>(state_); }
  T& operator*() { return *std::get_if<0>(&state_); }
  const T& operator*() const { return *std::get_if<0>(&state_); }
  T* operator->() { return std::get_if<0>(&state_); }
  const T* operator->() const { return std::get_if<0>(&state_); }
  Error& error() { return std::get<1>(state_); }
  const Error& error() const { return std::get<1>(state_); }
  T value_or(T fallback) const { return has_value() ? **this : std::move(fallback); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : failed_(true), error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool has_value() const { return !failed_; }
  explicit operator bool() const { return !failed_; }
  Error& error() { return error_; }
  const Error& error() const { return error_; }

 private:
  bool failed_ = false;
  Error error_;
};

}  // namespace weir
