# cmake -DFILE=schema.sql -DOUTPUT=FILE -P embed_schema.cmake: the schema as a C++ source (tools/sinks/clickhouse_writer.h).
file(READ ${FILE} text)
file(WRITE ${OUTPUT} "// Made of deploy/clickhouse/schema.sql at the build.
#include \"tools/sinks/clickhouse_writer.h\"

namespace weir::sinks {

std::string_view schema_text() {
  return R\"weir-schema(${text})weir-schema\";
}

}  // namespace weir::sinks
")
