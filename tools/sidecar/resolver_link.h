// What the sidecar says to the resolver: look, there is a new generation. And what it asks: how are you?
//
// A resolver that is not running is nothing unusual (neither program needs the other to run); it finds
// the generation by itself when it starts.
#pragma once

#include <boost/json.hpp>

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "zones/base/ids.h"
#include "zones/base/result.h"
#include "zones/store/writer.h"

namespace weir::sidecar {

struct ResolverState {
  GenerationNumber generation;             // that it answers by; 0: none
  std::vector<std::string> needs_restart;  // keys that its last reload found changed, and that wait for its restart
};

// Any thread. Errors: unavailable (not running), timed_out, and what the resolver itself answered.
class ResolverLink {
 public:
  static std::unique_ptr<ResolverLink> connect(std::filesystem::path run_directory);
  virtual ~ResolverLink() = default;
  // Returns when the published generation is in force on every worker.
  virtual Result<GenerationNumber> load_generation() = 0;
  // It reads its configuration again, as far as that needs no restart; a faulty one changes nothing.
  // The keys that wait for its restart.
  virtual Result<std::vector<std::string>> reload() = 0;
  virtual Result<ResolverState> status() = 0;
  Result<GenerationNumber> generation_in_force();
  // Which names in its answer cache would be decided otherwise under `candidate`: the verb cache.compare.
  virtual Result<boost::json::object> compare_cache(const Candidate& candidate) = 0;
  // One of its verbs what_if.start, what_if.show, what_if.stop.
  virtual Result<boost::json::object> what_if(const std::string& verb, const boost::json::object& arguments) = 0;
  // Its figures as Prometheus reads them: its verb metrics.
  virtual Result<std::string> metrics() = 0;
  // What it would answer to a question, and every look on the way: its verb explain.
  virtual Result<boost::json::object> explain(const boost::json::object& question) = 0;
};

}  // namespace weir::sidecar
