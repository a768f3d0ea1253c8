# Properties of the build and of components, as ESP-IDF's build API has them.

function(idf_build_set_property property value)
    cmake_parse_arguments(ARG "APPEND" "" "" ${ARGN})
    if(ARG_APPEND)
        set_property(GLOBAL APPEND PROPERTY __idf_${property} ${value})
    else()
        set_property(GLOBAL PROPERTY __idf_${property} ${value})
    endif()
endfunction()

function(idf_build_unset_property property)
    set_property(GLOBAL PROPERTY __idf_${property})
endfunction()

function(idf_build_get_property variable property)
    get_property(value GLOBAL PROPERTY __idf_${property})
    set(${variable} "${value}" PARENT_SCOPE)
endfunction()

idf_build_set_property(IDF_PATH "${IDF_PATH}")
idf_build_set_property(IDF_TARGET linux)
idf_build_set_property(IDF_TARGET_ARCH linux)
idf_build_set_property(IDF_VER "${IDF_VER}")
idf_build_set_property(PYTHON "${PYTHON}")

# A component is named as in REQUIRES, or by its target or alias.
function(__airlift_component_name component variable)
    string(REGEX REPLACE "^(idf::|_*__idf_)" "" name ${component})
    set(${variable} ${name} PARENT_SCOPE)
endfunction()

function(idf_component_set_property component property value)
    cmake_parse_arguments(ARG "APPEND" "" "" ${ARGN})
    __airlift_component_name(${component} name)
    if(ARG_APPEND)
        set_property(GLOBAL APPEND PROPERTY __idf_component_${name}_${property} ${value})
    else()
        set_property(GLOBAL PROPERTY __idf_component_${name}_${property} ${value})
    endif()
endfunction()

function(idf_component_get_property variable component property)
    __airlift_component_name(${component} name)
    get_property(value GLOBAL PROPERTY __idf_component_${name}_${property})
    set(${variable} "${value}" PARENT_SCOPE)
endfunction()
