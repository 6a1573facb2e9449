# Writes COPY: SOURCE with the one occurrence of HONEST replaced by PLANTED. See weir_planted() in CMakeLists.txt.
file(READ ${SOURCE} text)
string(FIND "${text}" "${HONEST}" first)
string(FIND "${text}" "${HONEST}" last REVERSE)
if(first EQUAL -1 OR NOT first EQUAL last)
  message(FATAL_ERROR "${SOURCE} does not hold exactly once what the planted bug changes: ${HONEST}")
endif()
string(REPLACE "${HONEST}" "${PLANTED}" text "${text}")
file(WRITE ${COPY} "${text}")
