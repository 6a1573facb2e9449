// weir_fuzz_seeds OUT PATH...: inputs for the fuzz targets out of scenario files, a folder for each target below OUT.
// make_corpus.py calls it, and keeps of its many files those that reach something new.
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/fuzz/support/bad_packets.h"
#include "tests/scenario/entry_message.h"
#include "tests/scenario/scenario_file.h"
#include "tests/scenario/suite.h"
#include "tools/log/block_builder.h"
#include "tools/log/block_codec.h"

namespace {

namespace fs = std::filesystem;
using namespace weir;
using Octets = std::vector<std::uint8_t>;

constexpr std::size_t kMaxScenario = 12'000;  // octets: longer ones hold nothing that shorter ones do not
constexpr std::size_t kMaxMessagesSaid = 6;

class Seeds {
 public:
  explicit Seeds(fs::path out) : out_(std::move(out)) {}
  void add(const char* target, const Octets& octets) {
    const fs::path folder = out_ / target;
    fs::create_directories(folder);
    std::ofstream file(folder / std::to_string(number_++), std::ios::binary);
    file.write(reinterpret_cast<const char*>(octets.data()), static_cast<std::streamsize>(octets.size()));
  }

 private:
  fs::path out_;
  unsigned number_ = 0;
};

void append_block(Octets& out, const Octets& block) {
  out.push_back(static_cast<std::uint8_t>(block.size() >> 8));
  out.push_back(static_cast<std::uint8_t>(block.size()));
  out.insert(out.end(), block.begin(), block.end());
}

// The query that `answer` is one to: its question, with RD, and an OPT with DO for every other one.
void add_query(Seeds& seeds, const Octets& answer) {
  const auto start = read_message_start(answer);
  if (!start || !start->has_question) return;
  Octets query{answer[0], answer[1], 1, 0, 0, 1, 0, 0, 0, 0, 0, 0};
  query.insert(query.end(), answer.begin() + 12, answer.begin() + static_cast<std::ptrdiff_t>(start->question_end));
  if (answer.size() % 2 != 0) {
    query[11] = 1;
    query.insert(query.end(), {0, 0, 41, 4, 0xD0, 0, 0, 0x80, 0, 0, 0});
  }
  for (const char* target : {"message", "name", "query"}) seeds.add(target, query);
  Octets cached{0, 30};
  append_block(cached, query);
  cached.insert(cached.end(), answer.begin(), answer.end());
  seeds.add("cached_answer", cached);
  Octets framed{0, 5};
  append_block(framed, query);
  append_block(framed, query);
  seeds.add("tcp", framed);
}

// What the servers of a scenario say, as what one server says.
void add_messages(Seeds& seeds, const scenario::Scenario& read, unsigned variant) {
  std::vector<Octets> said;
  const auto take = [&](const scenario::Entry& entry) {
    const Octets query = scenario::build_query_message(entry, 7, 1232);
    for (const Octets& answer : scenario::build_answer_messages(entry, query)) {
      for (const char* target : {"message", "name", "dnssec_records"}) seeds.add(target, answer);
      add_query(seeds, answer);
      said.push_back(answer);
    }
  };
  for (const auto& range : read.ranges) {
    for (const auto& entry : range.entries) take(entry);
  }
  for (std::size_t first = 0; first < said.size(); ++first) {
    Octets upstream{static_cast<std::uint8_t>(variant * 37), static_cast<std::uint8_t>(first)};
    for (std::size_t i = first; i < said.size() && i < first + kMaxMessagesSaid; ++i) append_block(upstream, said[i]);
    seeds.add("upstream", upstream);
  }
}

void add_text(Seeds& seeds, const char* target, std::string_view text) {
  seeds.add(target, Octets(text.begin(), text.end()));
}

// Blocks of a decision log as columns, and the records that they are made of.
void add_decisions(Seeds& seeds) {
  for (const unsigned rows : {1, 4, 40}) {
    log::BlockBuilder builder(DecisionClass::blocked);
    for (unsigned row = 0; row < rows; ++row) {
      Decision decision;
      decision.time = WallTime(std::chrono::seconds(1'790'000'000 + row * row));
      decision.qname = *Name::parse("host" + std::to_string(row % 7) + ".site" + std::to_string(row % 3) + ".example");
      decision.qtype = row % 2 == 0 ? RecordType::a : RecordType::aaaa;
      decision.latency_us = row * 300;
      const IpAddress client = IpAddress::ipv4(0x0A350100 + row % 5);
      const auto level = static_cast<Privacy>(row % 4);
      decision.client = identity_of(client, level, std::array<std::uint8_t, 16>{7});
      decision.winner = {.list = 16 + row % 2, .detail = row % 3, .kind = PatternKind::subtree, .labels = 2};
      decision.loser_count = static_cast<std::uint8_t>(row % 3);
      for (unsigned i = 0; i < decision.loser_count; ++i) decision.losers[i] = {.list = 20 + i, .labels = 1};
      if (row % 4 == 1) decision.link_name = *Name::parse("cdn.example");
      if (row % 4 == 2) decision.link_address = client;
      builder.add(decision);
      Octets record(kMaxRecordSize);
      record.resize(encode(decision, record));
      if (row < 8) seeds.add("decision", record);
    }
    log::FrameWriter frames;
    const log::EncodedBlock block = log::encode_block(builder.build(), frames);
    Octets columns;
    for (const std::string* value : {&block.summary, &block.names, &block.columns}) {
      const auto read = log::read_frames(*value);
      for (std::size_t i = 0; i < read->size(); ++i)
        append_block(columns, Octets((*read)[i].begin(), (*read)[i].end()));
    }
    seeds.add("log_block", columns);
  }
}

void add_hand_made(Seeds& seeds) {
  add_decisions(seeds);
  for (const auto& packet : fuzz::bad_packets()) {
    for (const char* target : {"message", "name", "query"}) seeds.add(target, packet.octets);
    if (!packet.what.starts_with("poison")) continue;
    for (const std::uint8_t depth : {0, 1, 2}) {
      Octets said{0xFF, depth};
      append_block(said, packet.octets);
      seeds.add("upstream", said);
    }
  }
  for (const char* text :
       {"\1{\"verb\": \"status\"}\n", "\1{\"verb\": \"metrics\", \"args\": {}, \"who\": \"a\"}\n\n{\"verb\":1}\n",
        "\1{\"verb\": \"cache.flush\", \"args\": {\"name\": \"example.org\", \"subtree\": true}}\n",
        "\1{\"verb\": \"generation.load\", \"args\": null}\n[]\n", "\1{\"ok\": true, \"result\": {}}\n",
        "\1{\"ok\": false, \"error\": {\"code\": \"invalid\", \"message\": \"m\"}}\n",
        "\1{\"progress\": {\"done\": 1}}\n", "\1[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\n"}) {
    add_text(seeds, "control", text);
  }
  for (const char* text :
       {". 3600 IN NS a.root-servers.net.\na.root-servers.net. 3600 IN A 198.41.0.4\n",
        "a.root. AAAA 2001:db8::1 ; comment\n", "\t300 A 192.0.2.1\n", "$TTL 300\n$ORIGIN example.\n",
        ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n",
        "example. 300 DNSKEY 257 3 13 "
        "GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA== ; key\n",
        "example. DS ( 1 13\n 2 ; over lines\n 00 )\n"}) {
    add_text(seeds, "hints_and_anchors", text);
  }
  for (const char* text :
       {"RWTdan+GHV5H9l2qQeLEExXKrukOj76IM+EfubxZgFSfW+1dZBWsLM6A",
        "untrusted comment: signature from minisign secret key\n"
        "RUTdan+GHV5H9lwTmiwutxdBaGOCHAltma7rDcw1DBLPS1UiE3jCWTZ+Flpe2piLkPL5uwXkmVXyLj0R4d6BM6ZLLuICN5rckwo=\n"
        "trusted comment: timestamp:1795654602\tfile:f\thashed\n"
        "wNB53gZtJUJGELDxV2Ym2wfqugM4NxgKij6eRNludBlpjoNCrNDb8WVMmXdBmugNPW45n+mUPPHBOEWPwoNEBA==\n",
        "untrusted comment:\r\n"
        "RWTdan+GHV5H9gmsnH5Yj1mIriVryYd924bvJw9D+i/s6OPN8pRoxXtIjfe4PAMvva+7xgri5RfAbyFjKKYsdlUK9MthJN5rLwo=\n"
        "trusted comment: timestamp:1795654602\tfile:f\n"
        "/195YkNyHt2k8vKu14/xTnEkY3oV9NI4VwKyNN0PEn5eYpBogqBPY4qfe+RsJoiLaLEbwr+x2jQNkWgCjw7+CQ==\n",
        "hello\n"}) {
    for (const std::uint8_t whose : {1, 2, 4}) {
      Octets one{whose};
      append_block(one, Octets(text, text + std::strlen(text)));
      seeds.add("minisign", one);
    }
  }
  for (std::uint8_t world = 0; world < 3; ++world) {
    for (std::uint8_t question = 0; question < 20; ++question) {
      for (std::uint8_t type = 0; type < 5; ++type) {
        seeds.add("signed_answer", {world, question, type});
        for (std::uint8_t what = 0; what < 10; ++what) {
          seeds.add("signed_answer", {world, question, type, what, 1, 0, 0, 3, 0x80, what, 1, 1});
        }
      }
    }
  }
  for (std::uint8_t kind = 0; kind < 3; ++kind) {
    Octets record(160, 0);
    record[0] = kind;
    seeds.add("decision", record);
    record.assign(200, 1);
    record[0] = kind;
    seeds.add("decision", record);
  }
}

}  // namespace

int main(int count, char** words) {
  if (count < 2) {
    std::fputs("weir_fuzz_seeds OUT PATH...: inputs for the fuzz targets out of scenario files\n", stderr);
    return 2;
  }
  Seeds seeds(words[1]);
  add_hand_made(seeds);
  const auto files = scenario::find_scenarios(std::vector<std::string>(words + 2, words + count));
  if (!files) {
    std::fprintf(stderr, "%s\n", files.error().message.c_str());
    return 1;
  }
  unsigned variant = 0;
  for (const auto& file : *files) {
    std::ifstream in(file.path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    if (text.size() <= kMaxScenario) add_text(seeds, "scenario", text);
    if (const auto read = scenario::parse_scenario(text, file.name)) add_messages(seeds, *read, variant++);
  }
  return 0;
}
