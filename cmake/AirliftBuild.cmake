# Compiler settings for all of airlift, and the three ways a target is declared.

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()

# A broken invariant ends the program in every build.
foreach(type RELEASE RELWITHDEBINFO MINSIZEREL)
    string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_${type} "${CMAKE_C_FLAGS_${type}}")
endforeach()

option(AIRLIFT_WERROR "Treat warnings as errors" OFF)
option(AIRLIFT_FUZZ "Build the fuzz targets (needs clang)" OFF)
set(AIRLIFT_SANITIZE "" CACHE STRING "Sanitizers, for example address,undefined or thread")

add_compile_options(-Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes)
if(AIRLIFT_WERROR)
    add_compile_options(-Werror)
endif()
if(AIRLIFT_SANITIZE)
    add_compile_options(-fsanitize=${AIRLIFT_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${AIRLIFT_SANITIZE})
endif()
add_compile_definitions(AIRLIFT_VERSION="${PROJECT_VERSION}")

enable_testing()

# airlift_unit_test(NAME LIBS a b ...): tests/unit/NAME_test.c under cmocka and ctest.
function(airlift_unit_test name)
    cmake_parse_arguments(ARG "" "" "LIBS;SOURCES" ${ARGN})
    add_executable(${name}_test ${name}_test.c ${ARG_SOURCES})
    target_compile_definitions(${name}_test PRIVATE _GNU_SOURCE
        AIRLIFT_TEST_DATA="${CMAKE_SOURCE_DIR}/tests/data")
    target_link_libraries(${name}_test PRIVATE ${ARG_LIBS} cmocka)
    add_test(NAME unit.${name} COMMAND ${name}_test)
    set_tests_properties(unit.${name} PROPERTIES TIMEOUT 300)
endfunction()

# airlift_e2e_test(NAME [TIMEOUT s] [SHARES n] [ENVIRONMENT VARIABLE=VALUE...]): tests/e2e/NAME.py against the staged
# installation. SHARES: as n tests NAME.1 ... NAME.n, each with a part of the script's (tests/e2e/shares.py).
function(airlift_e2e_test name)
    cmake_parse_arguments(ARG "" "TIMEOUT;SHARES" "ENVIRONMENT" ${ARGN})
    if(NOT ARG_TIMEOUT)
        set(ARG_TIMEOUT 300)
    endif()
    if(NOT ARG_SHARES)
        set(ARG_SHARES 1)
    endif()
    foreach(k RANGE 1 ${ARG_SHARES})
        set(test e2e.${name})
        set(environment ${ARG_ENVIRONMENT})
        if(ARG_SHARES GREATER 1)
            string(APPEND test .${k})
            list(APPEND environment AIRLIFT_E2E_SHARE=${k}/${ARG_SHARES})
        endif()
        add_test(NAME ${test} COMMAND python3 -B ${CMAKE_CURRENT_SOURCE_DIR}/${name}.py ${AIRLIFT_STAGE})
        # They take longer than all others, mostly waiting: they begin first.
        set_tests_properties(${test} PROPERTIES TIMEOUT ${ARG_TIMEOUT} FIXTURES_REQUIRED stage
            ENVIRONMENT "${environment}" COST 100)
    endforeach()
endfunction()

# The staged installation: what a user gets from `make install`, inside the build tree.
set(AIRLIFT_STAGE ${CMAKE_BINARY_DIR}/stage)
