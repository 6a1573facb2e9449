#include "tools/log/block_codec.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>

#include "tools/log/front_coding.h"
#include "zones/dns/reversed_name.h"
#include "zones/store/codec.h"

namespace weir::log {
namespace {

using store::ByteReader;
using store::put_u8;
using store::put_varint;

constexpr std::uint8_t kEscape = 255;
constexpr std::size_t kLookBack = 12;  // rows in which a burst finds its first one; 0 says that there is none

const Error kDamaged{ErrorCode::corrupt, "decision log: a block is damaged"};

// Numbers of which most are below 255: an octet each, the others behind it in two planes.
class SmallNumbers {
 public:
  void add(std::uint32_t value) {
    if (value < kEscape) {
      put_u8(octets_, static_cast<std::uint8_t>(value));
      return;
    }
    put_u8(octets_, kEscape);
    put_varint(rest_, value - kEscape);
  }
  void write(FrameWriter& frames) const {
    frames.add(octets_);
    frames.add(rest_);
  }

 private:
  std::string octets_;
  std::string rest_;
};

// All of a column. False: damaged.
bool read_small_numbers(std::string_view octets, std::string_view rest, std::vector<std::uint32_t>& out) {
  out.resize(octets.size());
  // Apart from the few that are larger, so that it goes many at a time.
  for (std::size_t i = 0; i < octets.size(); ++i) out[i] = static_cast<std::uint8_t>(octets[i]);
  ByteReader larger(rest);
  const char escape = static_cast<char>(kEscape);
  for (std::size_t at = octets.find(escape); at != std::string_view::npos; at = octets.find(escape, at + 1))
    out[at] += larger.varint32();
  return larger.ok() && larger.at_end();
}

std::size_t sum_of_octets(std::string_view octets) {
  std::size_t sum = 0;
  for (const char octet : octets) sum += static_cast<std::uint8_t>(octet);
  return sum;
}

// Codes in the order of how often they come: rank -> code.
std::vector<std::uint16_t> by_frequency(const std::vector<std::uint32_t>& rows_of_code) {
  // One pass that counts and one that places: no code has more rows than a block.
  const std::uint32_t most = rows_of_code.empty() ? 0 : *std::max_element(rows_of_code.begin(), rows_of_code.end());
  std::vector<std::uint16_t> order(rows_of_code.size());
  if (most > kBlockRows) {  // a damaged block
    std::iota(order.begin(), order.end(), std::uint16_t{0});
    return order;
  }
  std::vector<std::uint32_t> starts(most + 2, 0);
  for (const std::uint32_t rows : rows_of_code) ++starts[most - rows + 1];
  for (std::size_t i = 1; i < starts.size(); ++i) starts[i] += starts[i - 1];
  for (std::size_t code = 0; code < rows_of_code.size(); ++code)
    order[starts[most - rows_of_code[code]]++] = static_cast<std::uint16_t>(code);
  return order;
}

std::vector<std::uint16_t> inverse(const std::vector<std::uint16_t>& order) {
  std::vector<std::uint16_t> out(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) out[order[i]] = static_cast<std::uint16_t>(i);
  return out;
}

std::vector<std::uint32_t> rows_of_subjects(const Block& block) {
  std::vector<std::uint32_t> rows(block.subjects.size());
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = block.subjects[i].rows;
  return rows;
}

void put_match(std::string& out, const Match& match) {
  put_varint(out, match.list);
  put_varint(out, match.detail);
  put_u8(out, static_cast<std::uint8_t>(match.kind));
  put_u8(out, static_cast<std::uint8_t>(match.action));
  put_u8(out, match.labels);
  put_u8(out, match.flags);
}

// An enumerator up to `last`.
template <class T>
T read_choice(ByteReader& in, T last) {
  const std::uint8_t value = in.u8();
  if (value > static_cast<std::uint8_t>(last)) in.fail();
  return in.ok() ? static_cast<T>(value) : T{};
}

Match read_match(ByteReader& in) {
  Match match;
  match.list = in.varint32();
  match.detail = in.varint32();
  match.kind = read_choice(in, PatternKind::client);
  match.action = read_choice(in, Action::answer);
  match.labels = in.u8();
  match.flags = in.u8();
  return match;
}

void put_address(std::string& out, const IpAddress& address) {
  put_u8(out, static_cast<std::uint8_t>(address.family));
  out.append(reinterpret_cast<const char*>(address.octets.data()), address.bits() / 8);
}

IpAddress read_address(ByteReader& in) {
  const std::uint8_t family = in.u8();
  if (family != 4 && family != 6) in.fail();
  const std::string_view octets = in.take(family == 4 ? 4 : 16);
  if (!in.ok()) return {};
  return IpAddress::from_octets({reinterpret_cast<const std::uint8_t*>(octets.data()), octets.size()});
}

std::string encode_shapes(const Block& block, const std::vector<std::uint16_t>& order) {
  std::string out;
  put_varint(out, order.size());
  for (const std::uint16_t code : order) {
    const DecisionShape& shape = block.shapes[code];
    put_u8(out, static_cast<std::uint8_t>(shape.link));
    put_u8(out, static_cast<std::uint8_t>(shape.transport));
    put_u8(out, static_cast<std::uint8_t>(shape.action));
    put_u8(out, static_cast<std::uint8_t>(shape.mode));
    put_varint(out, static_cast<std::uint16_t>(shape.qtype));
    put_varint(out, shape.group);
    put_varint(out, shape.generation.value);
  }
  return out;
}

bool decode_shapes(std::string_view octets, std::vector<DecisionShape>& shapes) {
  ByteReader in(octets);
  const std::uint64_t count = in.varint();
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    DecisionShape shape;
    shape.link = read_choice(in, LinkKind::name_server);
    shape.transport = read_choice(in, Transport::tcp);
    shape.action = read_choice(in, Action::answer);
    shape.mode = read_choice(in, BlockMode::cname);
    shape.qtype = static_cast<RecordType>(in.varint());
    shape.group = in.varint32();
    shape.generation.value = in.varint();
    shapes.push_back(shape);
  }
  return in.ok() && in.at_end() && shapes.size() <= kBlockRows;
}

std::string encode_clients(const Block& block, const std::vector<std::uint16_t>& order) {
  std::string out;
  put_varint(out, order.size());
  for (const std::uint16_t code : order) {
    const ClientIdentity& client = block.clients[code];
    put_u8(out, static_cast<std::uint8_t>(client.level));
    if (client.level == Privacy::full || client.level == Privacy::prefix) {
      put_u8(out, client.prefix_length);
      put_u8(out, static_cast<std::uint8_t>(client.address.family));
      out.append(reinterpret_cast<const char*>(client.address.octets.data()), (client.prefix_length + 7U) / 8);
    } else if (client.level == Privacy::pseudonym) {
      store::put_u64(out, client.pseudonym);
    }
    put_varint(out, block.rows_of_client[code]);
  }
  return out;
}

bool decode_clients(std::string_view octets, Block& block) {
  ByteReader in(octets);
  const std::uint64_t count = in.varint();
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    ClientIdentity client;
    client.level = read_choice(in, Privacy::none);
    if (client.level == Privacy::full || client.level == Privacy::prefix) {
      client.prefix_length = in.u8();
      const std::uint8_t family = in.u8();
      if ((family != 4 && family != 6) || client.prefix_length > (family == 4 ? 32 : 128)) in.fail();
      const std::string_view address = in.take((client.prefix_length + 7U) / 8);
      if (!in.ok()) break;
      client.address.family = static_cast<AddressFamily>(family);
      std::copy(address.begin(), address.end(), client.address.octets.begin());
    } else if (client.level == Privacy::pseudonym) {
      client.pseudonym = in.u64();
    }
    block.clients.push_back(client);
    block.rows_of_client.push_back(in.varint32());
  }
  return in.ok() && in.at_end() && block.clients.size() <= kBlockRows;
}

std::string encode_rulings(const Block& block) {
  std::string out;
  put_varint(out, block.rulings.size());
  for (const Ruling& ruling : block.rulings) {
    put_match(out, ruling.winner);
    put_u8(out, ruling.loser_count);
    for (unsigned i = 0; i < ruling.loser_count; ++i) put_match(out, ruling.losers[i]);
  }
  return out;
}

bool decode_rulings(std::string_view octets, std::vector<Ruling>& rulings) {
  ByteReader in(octets);
  const std::uint64_t count = in.varint();
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    Ruling ruling;
    ruling.winner = read_match(in);
    ruling.loser_count = in.u8();
    if (ruling.loser_count > ruling.losers.size()) in.fail();
    for (unsigned loser = 0; in.ok() && loser < ruling.loser_count; ++loser) ruling.losers[loser] = read_match(in);
    rulings.push_back(ruling);
  }
  return in.ok() && in.at_end() && rulings.size() <= kBlockRows;
}

std::string encode_parts(const Block& block) {
  std::string out;
  put_varint(out, block.parts.size());
  for (std::size_t i = 1; i < block.parts.size(); ++i) {
    const auto wire = block.parts[i].name.wire();
    store::put_bytes(out, {reinterpret_cast<const char*>(wire.data()), wire.size()});
    put_address(out, block.parts[i].address);
  }
  return out;
}

bool decode_parts(std::string_view octets, std::vector<DecidingPart>& parts) {
  ByteReader in(octets);
  const std::uint64_t count = in.varint();
  parts.emplace_back();
  for (std::uint64_t i = 1; i < count && in.ok(); ++i) {
    const std::string_view wire = in.bytes();
    auto name = Name::from_wire({reinterpret_cast<const std::uint8_t*>(wire.data()), wire.size()});
    if (!name) in.fail();
    const IpAddress address = read_address(in);
    if (in.ok()) parts.push_back({std::move(*name), address});
  }
  return in.ok() && in.at_end() && count >= 1 && parts.size() <= kBlockRows;
}

void encode_rows(const Block& block, FrameWriter& frames, const std::vector<std::uint16_t>& shape_order,
                 const std::vector<std::uint16_t>& client_order) {
  const std::vector<std::uint16_t> shape_rank = inverse(shape_order);
  const std::vector<std::uint16_t> client_rank = inverse(client_order);
  const std::vector<std::uint16_t> subject_rank = inverse(by_frequency(rows_of_subjects(block)));
  const std::size_t rows = block.header.rows;
  SmallNumbers times;
  SmallNumbers shapes;
  SmallNumbers clients;
  SmallNumbers subjects;
  std::string back;
  for (std::size_t row = 0; row < rows; ++row) {
    times.add(row == 0 ? block.times[0] : block.times[row] - block.times[row - 1]);
    shapes.add(shape_rank[block.shape_of[row]]);
    std::size_t distance = 1;
    while (distance <= std::min(row, kLookBack) && (block.client_of[row - distance] != block.client_of[row] ||
                                                    block.subject_of[row - distance] != block.subject_of[row])) {
      ++distance;
    }
    const bool is_new = distance > std::min(row, kLookBack);
    put_u8(back, is_new ? 0 : static_cast<std::uint8_t>(distance));
    if (!is_new) continue;
    clients.add(client_rank[block.client_of[row]]);
    subjects.add(subject_rank[block.subject_of[row]]);
  }
  for (const SmallNumbers* column : {&times, &shapes, &clients, &subjects}) column->write(frames);
  frames.add(back);
  frames.add({reinterpret_cast<const char*>(block.latency_of.data()), block.latency_of.size()});
}

}  // namespace

std::string client_key(const ClientIdentity& client) {
  std::string out;
  put_u8(out, static_cast<std::uint8_t>(client.level));
  if (client.level == Privacy::full || client.level == Privacy::prefix) {
    put_u8(out, client.prefix_length);
    put_address(out, client.address);
  } else if (client.level == Privacy::pseudonym) {
    store::put_u64(out, client.pseudonym);
  }
  return out;
}

EncodedBlock encode_block(const Block& block, FrameWriter& frames) {
  EncodedBlock out;

  std::vector<std::uint64_t> hashes;
  hashes.reserve(2 * block.names.size());
  KeyWriter keys;
  for (std::size_t i = 0; i < block.names.size(); ++i) {
    const std::string_view key = block.names.at(i);
    const std::size_t shared = keys.add(key);
    // Each ancestor once: one that lies in what is shared was hashed with the name before.
    std::size_t end = 0;
    for (unsigned labels = 1; end < key.size(); ++labels) {
      end += 1 + static_cast<std::uint8_t>(key[end]);
      const bool is_whole = end >= key.size();
      if (is_whole || (labels >= kFilteredLabels && end > shared))
        hashes.push_back(BlockFilter::hash(key.substr(0, end)));
    }
  }
  BlockFilter names(hashes.size());
  for (const std::uint64_t hash : hashes) names.add(hash);
  BlockFilter clients(block.clients.size());
  for (const ClientIdentity& client : block.clients) clients.add(BlockFilter::hash(client_key(client)));
  std::string header;
  put_u8(header, static_cast<std::uint8_t>(block.header.decision_class));
  store::put_u32(header, block.header.rows);
  store::put_u64(header, static_cast<std::uint64_t>(block.header.first_ms));
  store::put_u64(header, static_cast<std::uint64_t>(block.header.last_ms));
  for (const std::string& column : {header, names.octets(), clients.octets()}) frames.add(column);
  out.summary = frames.finish();

  keys.write(frames);
  SmallNumbers subject_names;  // each as the difference to the one before
  SmallNumbers subject_rulings;
  SmallNumbers subject_parts;
  SmallNumbers subject_rows;
  std::uint32_t name_before = 0;
  for (const Subject& subject : block.subjects) {
    subject_names.add(subject.name - std::exchange(name_before, subject.name));
    subject_rulings.add(subject.ruling);
    subject_parts.add(subject.part);
    subject_rows.add(subject.rows);
  }
  for (const SmallNumbers* column : {&subject_names, &subject_rulings, &subject_parts, &subject_rows})
    column->write(frames);
  out.names = frames.finish();

  std::vector<std::uint32_t> rows_of_shape(block.shapes.size());
  for (const std::uint16_t shape : block.shape_of) ++rows_of_shape[shape];
  const std::vector<std::uint16_t> shape_order = by_frequency(rows_of_shape);
  const std::vector<std::uint16_t> client_order = by_frequency(block.rows_of_client);
  frames.add(header);
  frames.add(encode_shapes(block, shape_order));
  frames.add(encode_clients(block, client_order));
  frames.add(encode_rulings(block));
  frames.add(encode_parts(block));
  encode_rows(block, frames, shape_order, client_order);
  out.columns = frames.finish();
  return out;
}

namespace {

constexpr std::int64_t kFarthestMs = 9'000'000'000'000;  // in the year 2255: times in nanoseconds fit

bool decode_header(std::string_view octets, BlockHeader& header) {
  ByteReader in(octets);
  header.decision_class = read_choice(in, DecisionClass::blocked_upstream);
  header.rows = in.u32();
  header.first_ms = static_cast<std::int64_t>(in.u64());
  header.last_ms = static_cast<std::int64_t>(in.u64());
  return in.ok() && in.at_end() && header.rows >= 1 && header.rows <= kBlockRows && header.first_ms <= header.last_ms &&
         header.first_ms >= -kFarthestMs && header.last_ms <= kFarthestMs &&
         header.last_ms - header.first_ms <= INT32_MAX;
}

}  // namespace

Result<BlockSummary> decode_summary(std::string_view summary) {
  const auto frames = read_frames(summary);
  if (!frames) return frames.error();
  BlockSummary out;
  if (frames->size() != 3 || !decode_header((*frames)[0], out.header)) return kDamaged;
  out.names = BlockFilter::from_octets((*frames)[1]);
  out.clients = BlockFilter::from_octets((*frames)[2]);
  return out;
}

Result<void> decode_names(std::string_view names, Block& block) {
  const auto frames = read_frames(names);
  if (!frames) return frames.error();
  if (frames->size() != 11) return kDamaged;
  KeyReader keys((*frames)[0], (*frames)[1], (*frames)[2]);
  if (keys.size() > kBlockRows) return kDamaged;
  block.names.reserve(keys.size(), sum_of_octets((*frames)[0]) + sum_of_octets((*frames)[1]));
  while (!keys.at_end()) {
    const auto key = keys.next();
    if (!key || key->size() > kMaxNameSize - 1) return kDamaged;
    block.names.add(*key);
  }
  if (!keys.is_whole()) return kDamaged;
  const std::size_t subjects = (*frames)[3].size();
  if (subjects > kBlockRows) return kDamaged;
  std::array<std::vector<std::uint32_t>, 4> columns;  // names, rulings, parts, rows
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if ((*frames)[3 + 2 * i].size() != subjects ||
        !read_small_numbers((*frames)[3 + 2 * i], (*frames)[4 + 2 * i], columns[i]))
      return kDamaged;
  }
  block.subjects.reserve(subjects);
  std::uint32_t name = 0;
  for (std::size_t i = 0; i < subjects; ++i) {
    name += columns[0][i];
    const std::uint32_t ruling = columns[1][i];
    const std::uint32_t part = columns[2][i];
    if (name >= block.names.size() || ruling > UINT16_MAX || part > UINT16_MAX) return kDamaged;
    block.subjects.push_back({static_cast<std::uint16_t>(name), static_cast<std::uint16_t>(ruling),
                              static_cast<std::uint16_t>(part), columns[3][i]});
  }
  return {};
}

namespace {

// Times, shapes and latencies of the rows.
bool decode_moments(const Frames& frames, Block& block) {
  const std::size_t rows = block.header.rows;
  const std::string_view latencies = frames[14];
  if (frames[5].size() != rows || frames[7].size() != rows || latencies.size() != rows) return false;
  block.latency_of.assign(latencies.begin(), latencies.end());
  std::vector<std::uint32_t> shapes;
  if (!read_small_numbers(frames[5], frames[6], block.times) || !read_small_numbers(frames[7], frames[8], shapes))
    return false;
  std::uint64_t time = 0;
  for (std::uint32_t& each : block.times) {
    time += each;
    each = static_cast<std::uint32_t>(time);
  }
  if (time > INT32_MAX || *std::max_element(shapes.begin(), shapes.end()) >= block.shapes.size()) return false;
  block.shape_of.assign(shapes.begin(), shapes.end());
  return true;
}

// Who asked for what: said anew, or as some rows before.
bool decode_askers(const Frames& frames, Block& block) {
  const std::size_t rows = block.header.rows;
  const std::string_view back = frames[13];
  std::vector<std::uint32_t> clients;
  std::vector<std::uint32_t> subjects;
  if (back.size() != rows || frames[9].size() != frames[11].size() || frames[9].size() > rows ||
      !read_small_numbers(frames[9], frames[10], clients) || !read_small_numbers(frames[11], frames[12], subjects))
    return false;
  const std::vector<std::uint16_t> subject_order = by_frequency(rows_of_subjects(block));
  block.client_of.resize(rows);
  block.subject_of.resize(rows);
  std::uint16_t* const client_of = block.client_of.data();
  std::uint16_t* const subject_of = block.subject_of.data();
  std::size_t next = 0;
  for (std::size_t row = 0; row < rows; ++row) {
    const std::size_t distance = static_cast<std::uint8_t>(back[row]);
    if (distance > row) return false;
    if (distance > 0) {
      client_of[row] = client_of[row - distance];
      subject_of[row] = subject_of[row - distance];
      continue;
    }
    if (next == clients.size() || clients[next] >= block.clients.size() || subjects[next] >= subject_order.size())
      return false;
    client_of[row] = static_cast<std::uint16_t>(clients[next]);
    subject_of[row] = subject_order[subjects[next]];
    ++next;
  }
  return next == clients.size();
}

}  // namespace

Result<void> decode_columns(std::string_view columns, Block& block) {
  const auto frames = read_frames(columns);
  if (!frames) return frames.error();
  if (frames->size() != 15 || !decode_header((*frames)[0], block.header) ||
      !decode_shapes((*frames)[1], block.shapes) || !decode_clients((*frames)[2], block) ||
      !decode_rulings((*frames)[3], block.rulings) || !decode_parts((*frames)[4], block.parts)) {
    return kDamaged;
  }
  for (const Subject& subject : block.subjects) {
    if (subject.ruling >= block.rulings.size() || subject.part >= block.parts.size()) return kDamaged;
  }
  if (!decode_moments(*frames, block) || !decode_askers(*frames, block)) return kDamaged;
  return {};
}

}  // namespace weir::log
