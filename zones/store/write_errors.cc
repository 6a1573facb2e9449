#include "zones/store/write_errors.h"

#include <rocksdb/listener.h>

#include <utility>

namespace weir::store {
namespace {

class Listener final : public rocksdb::EventListener {
 public:
  explicit Listener(std::shared_ptr<std::atomic<bool>> any) : any_(std::move(any)) {}

  void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status*) override {
    any_->store(true, std::memory_order_release);
  }
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status, bool* auto_recovery) override {
    *auto_recovery = false;
  }

 private:
  const std::shared_ptr<std::atomic<bool>> any_;
};

}  // namespace

WriteErrors::WriteErrors() : listener_(std::make_shared<Listener>(any_)) {}

}  // namespace weir::store
