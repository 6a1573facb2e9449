#include "zones/dns/record_text.h"

#include <ldns/ldns.h>

#include <algorithm>
#include <memory>
#include <string>

#include "zones/base/text.h"

namespace weir {
namespace {

template <auto free_function>
struct Free {
  template <class T>
  void operator()(T* object) const {
    free_function(object);
  }
};
using LdnsRecord = std::unique_ptr<ldns_rr, Free<ldns_rr_free>>;
using LdnsName = std::unique_ptr<ldns_rdf, Free<ldns_rdf_deep_free>>;
using LdnsBuffer = std::unique_ptr<ldns_buffer, Free<ldns_buffer_free>>;

constexpr std::uint32_t kMaxTtl = 0x7FFFFFFF;  // RFC 2181 section 8

Error invalid(const std::string& why) {
  return {ErrorCode::invalid, why};
}

// What ldns reads wrongly without saying so.
Result<void> check_text(std::string_view text) {
  if (text.size() > kMaxRecordText) return invalid("it is too long for a record");
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 && c != '\t')
      return invalid("a record is one line without control characters");
  }
  const char first = text.empty() ? ';' : text.front();
  if (first == ';') return invalid("there is no record");
  if (first == ' ' || first == '\t') return invalid("it begins with white space: the owner's name is missing");
  if (first == '$') return invalid("directives such as $ORIGIN are not read here: names are whole names");
  return {};
}

}  // namespace

Result<ResourceRecord> parse_resource_record(std::string_view text, std::uint32_t default_ttl_seconds) {
  if (auto good = check_text(text); !good) return good.error();
  const std::string line(text);
  const LdnsName root(ldns_dname_new_frm_str("."));
  ldns_rdf* previous = nullptr;  // ldns replaces it
  ldns_rr* raw = nullptr;
  const ldns_status status = ldns_rr_new_frm_str(&raw, line.c_str(), default_ttl_seconds, root.get(), &previous);
  const LdnsName free_previous(previous);
  const LdnsRecord record(status == LDNS_STATUS_OK ? raw : nullptr);
  if (!record) return invalid(std::string(ldns_get_errorstr_by_id(status)));
  if (ldns_rr_get_class(record.get()) != LDNS_RR_CLASS_IN) return invalid("its class is not IN");
  const LdnsBuffer buffer(ldns_buffer_new(LDNS_MAX_PACKETLEN));
  if (!buffer || ldns_rr_rdata2buffer_wire(buffer.get(), record.get()) != LDNS_STATUS_OK)
    return invalid("its data does not fit into a message");
  const ldns_rdf* owner = ldns_rr_owner(record.get());
  const auto name = Name::from_wire({ldns_rdf_data(owner), ldns_rdf_size(owner)});
  if (!name) return invalid("its owner is not a domain name");
  ResourceRecord out;
  out.owner = *name;
  out.type = static_cast<RecordType>(ldns_rr_get_type(record.get()));
  out.ttl_seconds = std::min<std::uint32_t>(ldns_rr_ttl(record.get()), kMaxTtl);
  const std::uint8_t* begin = ldns_buffer_begin(buffer.get());
  out.rdata.assign(begin, begin + ldns_buffer_position(buffer.get()));
  return out;
}

}  // namespace weir
