#include "resolver/cache/asked_lately.h"

#include <gtest/gtest.h>

#include "zones/dns/name.h"

namespace weir::asked_lately_test {
namespace {

// Made here, so that the name outlives the key.
class Question {
 public:
  explicit Question(const std::string& name) : name_(*Name::parse(name)) {}
  AnswerKey key() const { return {.qname = name_.wire(), .qname_hash = hash_wire_name(name_.wire())}; }

 private:
  Name name_;
};

TEST(AskedLately, KnowsWhatComesASecondTime) {
  AskedLately asked;
  const Question first("a.example"), second("b.example");
  EXPECT_FALSE(asked.note(first.key()));
  EXPECT_FALSE(asked.note(second.key()));
  EXPECT_TRUE(asked.note(first.key()));
  EXPECT_TRUE(asked.note(second.key()));
}

TEST(AskedLately, AnotherTypeOrAnotherFlagIsAnotherQuestion) {
  AskedLately asked;
  const Question question("a.example");
  EXPECT_FALSE(asked.note(question.key()));
  AnswerKey other = question.key();
  other.type = RecordType::aaaa;
  EXPECT_FALSE(asked.note(other));
  for (bool AnswerKey::* flag : {&AnswerKey::dnssec_ok, &AnswerKey::checking_disabled, &AnswerKey::translated}) {
    other = question.key();
    other.*flag = true;
    EXPECT_FALSE(asked.note(other));
    EXPECT_TRUE(asked.note(other));
  }
}

TEST(AskedLately, ForgetsWhatWasAskedLongAgo) {
  AskedLately asked;
  const Question first("first.example");
  asked.note(first.key());
  for (std::size_t i = 0; i < 20 * kAskedLatelySlots; ++i) {
    EXPECT_FALSE(asked.note(Question("n" + std::to_string(i) + ".example").key())) << i;
  }
  EXPECT_FALSE(asked.note(first.key()));
}

}  // namespace
}  // namespace weir::asked_lately_test
