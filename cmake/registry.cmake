# The tables of checks and probes, made from the file names: adding a check is adding checks/ID.cc.
# A file of checks/ with a header of its own is shared machinery, not a check.
function(write_if_changed path text)
  if(EXISTS ${path})
    file(READ ${path} old)
    if(old STREQUAL text)
      return()
    endif()
  endif()
  file(WRITE ${path} "${text}")
endfunction()

set(declared "")
set(listed "")
file(GLOB files CONFIGURE_DEPENDS checks/*.cc)
foreach(file ${files})
  cmake_path(GET file STEM id)
  if(NOT EXISTS ${CMAKE_SOURCE_DIR}/checks/${id}.h)
    string(APPEND declared "extern const Check ${id};\n")
    string(APPEND listed "      &${id},\n")
  endif()
endforeach()
write_if_changed(${CMAKE_BINARY_DIR}/registry/all_checks.cc
"// Made by cmake/registry.cmake from the names of checks/*.cc.
#include \"checks/check.h\"

namespace pgvigil {
${declared}
const std::vector<const Check*>& all_checks() {
  static const std::vector<const Check*> all{
${listed}  };
  return all;
}
}  // namespace pgvigil
")

set(included "")
set(listed "")
file(GLOB files CONFIGURE_DEPENDS checks/probes/*.cc)
foreach(file ${files})
  cmake_path(GET file STEM id)
  string(APPEND included "#include \"checks/probes/${id}.h\"\n")
  string(APPEND listed "      &${id},\n")
endforeach()
write_if_changed(${CMAKE_BINARY_DIR}/registry/all_probes.cc
"// Made by cmake/registry.cmake from the names of checks/probes/*.cc.
#include \"checks/probe.h\"
${included}
namespace pgvigil {
const std::vector<const AnyProbe*>& all_probes() {
  static const std::vector<const AnyProbe*> all{
${listed}  };
  return all;
}
}  // namespace pgvigil
")
set(PGVIGIL_REGISTRY_SOURCES ${CMAKE_BINARY_DIR}/registry/all_checks.cc ${CMAKE_BINARY_DIR}/registry/all_probes.cc)
