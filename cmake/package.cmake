# SPDX-License-Identifier: MIT
# What is installed, the manual pages (target `man`), and the Debian package that `./dev package`
# makes of them. Without scdoc there are no pages; all else stays the same.
include(GNUInstallDirs)
option(UTRACE_MAN "build the manual pages with everything else, and install them" OFF)

set(maintainer "The utrace authors <authors@utrace.invalid>")
set(package_dir ${CMAKE_BINARY_DIR}/package)
file(MAKE_DIRECTORY ${package_dir})

find_program(SCDOC scdoc)
if(SCDOC)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/docs/man/*.1.scd)
  set(pages)
  foreach(source ${sources})
    cmake_path(GET source STEM LAST_ONLY page)
    add_custom_command(OUTPUT ${package_dir}/${page}.gz
      COMMAND ${SCDOC} < ${source} > ${package_dir}/${page}
      COMMAND gzip -9nf ${package_dir}/${page}
      DEPENDS ${source} VERBATIM)
    list(APPEND pages ${package_dir}/${page}.gz)
  endforeach()
  if(UTRACE_MAN)
    add_custom_target(man ALL DEPENDS ${pages})
    install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
  else()
    add_custom_target(man DEPENDS ${pages})
  endif()
endif()

install(TARGETS utrace)
install(FILES README.md NEWS.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright)

# Debian's policy asks for a changelog in its own form; what changed is in NEWS.md.
string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)
file(WRITE ${package_dir}/changelog
"utrace (${PROJECT_VERSION}) unstable; urgency=medium

  * See NEWS.md.

 -- ${maintainer}  ${date}
")
execute_process(COMMAND gzip -9nf ${package_dir}/changelog COMMAND_ERROR_IS_FATAL ANY)
install(FILES ${package_dir}/changelog.gz DESTINATION ${CMAKE_INSTALL_DOCDIR})

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME utrace)
set(CPACK_PACKAGE_VENDOR "The utrace authors")
set(CPACK_PACKAGE_CONTACT ${maintainer})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "trace system calls, any number of tools at a time")
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION utils)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"utrace lets any number of independent tools watch one unmodified process
at the same time. The tools are engines: 'log' prints system calls as strace
does, 'count' makes a table of calls, errors and time. They are started with a
command or attached to running processes, and come and go while it runs.")
include(CPack)
