# The page inside the binary: every file of dashboards/web/dist, as it is and gzipped, with its hash as ETag.
# Included, it adds the generated sources to the http library; run as a script (cmake -P), it writes them.
set(dist ${CMAKE_CURRENT_LIST_DIR}/../dashboards/web/dist)

if(NOT CMAKE_SCRIPT_MODE_FILE)
  set(made ${CMAKE_BINARY_DIR}/assets)
  find_program(GZIP gzip REQUIRED)
  file(GLOB_RECURSE asset_files CONFIGURE_DEPENDS ${dist}/*.html ${dist}/assets/*)
  add_custom_command(
    OUTPUT ${made}/assets.cc ${made}/assets.S
    COMMAND ${CMAKE_COMMAND} -DMADE=${made} -DGZIP=${GZIP} -P ${CMAKE_CURRENT_LIST_FILE}
    DEPENDS ${asset_files} ${CMAKE_CURRENT_LIST_FILE}
    COMMENT "Embedding the page"
    VERBATIM)
  target_sources(http PRIVATE ${made}/assets.cc ${made}/assets.S)
  return()
endif()

set(mime_html "text/html; charset=utf-8")
set(mime_css "text/css; charset=utf-8")
set(mime_js "text/javascript; charset=utf-8")
set(mime_svg "image/svg+xml")

file(MAKE_DIRECTORY ${MADE})
file(GLOB_RECURSE files RELATIVE ${dist} ${dist}/*.html ${dist}/assets/*)
list(SORT files)
set(declared "")
set(listed "")
set(assembler ".section .rodata\n")
set(n 0)
foreach(file ${files})
  execute_process(COMMAND ${GZIP} -9nc ${dist}/${file} OUTPUT_FILE ${MADE}/${n}.gz COMMAND_ERROR_IS_FATAL ANY)
  file(SHA256 ${dist}/${file} hash)
  cmake_path(GET file EXTENSION LAST_ONLY extension)
  string(SUBSTRING ${extension} 1 -1 extension)
  if(NOT mime_${extension})
    message(FATAL_ERROR "no content type for ${file}: name it in cmake/assets.cmake")
  endif()
  foreach(form raw gz)
    set(from ${dist}/${file})
    if(form STREQUAL "gz")
      set(from ${MADE}/${n}.gz)
    endif()
    set(symbol pgvigil_asset_${n}_${form})
    string(APPEND assembler ".global ${symbol}, ${symbol}_end\n${symbol}:\n.incbin \"${from}\"\n${symbol}_end:\n.byte 0\n")
    string(APPEND declared "extern const char ${symbol}[], ${symbol}_end[];\n")
  endforeach()
  string(APPEND listed "      {\"/${file}\", \"${mime_${extension}}\", \"\\\"${hash}\\\"\",\n"
                       "       between(pgvigil_asset_${n}_raw, pgvigil_asset_${n}_raw_end),\n"
                       "       between(pgvigil_asset_${n}_gz, pgvigil_asset_${n}_gz_end)},\n")
  math(EXPR n "${n} + 1")
endforeach()
string(APPEND assembler ".section .note.GNU-stack,\"\",%progbits\n")
file(WRITE ${MADE}/assets.S "${assembler}")
file(WRITE ${MADE}/assets.cc
"// Made by cmake/assets.cmake from dashboards/web/dist.
#include \"agent/http/assets.h\"

extern \"C\" {
${declared}}

namespace pgvigil {
namespace {
std::string_view between(const char* from, const char* to) {
  return {from, static_cast<std::size_t>(to - from)};
}
}  // namespace

std::span<const Asset> assets() {
  static const Asset all[] = {
${listed}  };
  return all;
}

const Asset* find_asset(std::string_view path) {
  for (const Asset& a : assets())
    if (a.path == path) return &a;
  return nullptr;
}
}  // namespace pgvigil
")
