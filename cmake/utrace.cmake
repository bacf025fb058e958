# SPDX-License-Identifier: MIT
# One place for warnings, sanitizers and the shape of a layer's library.

add_library(utrace_options INTERFACE)
target_compile_options(utrace_options INTERFACE
  -Wall -Wextra -Wpedantic -Werror -Wshadow -fno-exceptions -fno-rtti)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # g++ 12 warns of overlaps that std::string's own checks exclude (GCC bug 105651, fixed in 13).
  target_compile_options(utrace_options INTERFACE -Wno-restrict)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_compile_options(utrace_options INTERFACE -Wno-gnu-zero-variadic-macro-arguments)
endif()
target_include_directories(utrace_options INTERFACE
  ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR}/src ${CMAKE_BINARY_DIR}/gen)
if(UTRACE_SANITIZE)
  target_compile_options(utrace_options INTERFACE
    -fsanitize=${UTRACE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(utrace_options INTERFACE -fsanitize=${UTRACE_SANITIZE})
endif()

# utrace_layer(NAME SOURCES a.cc … LINKS lower …): the static library of one folder under src/.
function(utrace_layer name)
  cmake_parse_arguments(L "" "" "SOURCES;LINKS" ${ARGN})
  add_library(utrace_${name} STATIC ${L_SOURCES})
  target_link_libraries(utrace_${name} PUBLIC utrace_options ${L_LINKS})
endfunction()

# utrace_unit_test(AREA SOURCES … LINKS …): the GoogleTest binary unit_AREA, each case a ctest.
function(utrace_unit_test area)
  cmake_parse_arguments(T "" "" "SOURCES;LINKS" ${ARGN})
  add_executable(unit_${area} ${T_SOURCES})
  target_link_libraries(unit_${area} PRIVATE ${T_LINKS} GTest::gtest GTest::gtest_main)
  gtest_discover_tests(unit_${area} TEST_PREFIX "unit.${area}." DISCOVERY_TIMEOUT 60
    PROPERTIES LABELS unit TIMEOUT 120)
endfunction()
