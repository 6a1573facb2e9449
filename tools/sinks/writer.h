// What a kind of sink has to do: bring rows to where they belong.
#pragma once

#include <boost/json/object.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "tools/sinks/interrupt.h"
#include "tools/sinks/spool.h"
#include "zones/base/result.h"
#include "zones/config/config.h"
#include "zones/link/decision.h"

namespace weir::sinks {

// A decision as sinks write it.
struct Row {
  const Decision& decision;
  boost::json::object shown;  // as `weir log search --json` has it
  std::string category;       // of the list that decided
  BatchId batch;
  std::uint32_t number = 0;  // in its batch: with it the row's name, the same whenever it comes again
};

// Says what the numbers of decisions mean, for some batches; one thread.
struct ShownDecision {
  boost::json::object row;
  std::string category;
};
using ShowDecision = std::function<ShownDecision(const Decision& decision)>;
using ShowDecisionSource = std::function<ShowDecision()>;

// Rows on their way out; made one by one, so that a large batch does not lie in memory in its largest form.
class Rows {
 public:
  Rows(const std::vector<PackedBatch>& batches, ShowDecisionSource source)
      : batches_(batches), source_(std::move(source)) {}
  // In their order, until `visit` fails. A batch that is damaged is left out and counted.
  Result<void> for_each(const std::function<Result<void>(const Row& row)>& visit) const;
  std::uint64_t damaged() const { return damaged_; }

 private:
  const std::vector<PackedBatch>& batches_;
  const ShowDecisionSource source_;
  mutable std::uint64_t damaged_ = 0;
};

// How rows are best handed over: so many at once, and waiting so long for more of them.
struct Pace {
  std::uint64_t rows = 16384;
  std::chrono::milliseconds linger{0};
};

// One thread. A writer that waits for somebody ends with the interrupt.
class Writer {
 public:
  virtual ~Writer() = default;
  virtual Pace pace() const { return {}; }
  // All rows, or an error, and then they come again. `place`: where a file ended behind the rows before these; set to
  // where it ends now.
  virtual Result<void> write(const Rows& rows, Place& place) = 0;
};

// Opens nothing yet. `interrupt` outlives it.
std::unique_ptr<Writer> make_writer(const SinkConfig& config, const Interrupt& interrupt);

std::string_view to_text(SinkConfig::Kind kind);
// "4f1d2c3b00000001-1795725600000000-12": the same for the same row, whenever it comes.
std::string id_of(const Row& row);
// The row as one line of JSON, with its id, and the line end.
std::string json_line(const Row& row);
std::string host_name();

}  // namespace weir::sinks
