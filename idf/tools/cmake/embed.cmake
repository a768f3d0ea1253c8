# Files inside the program: EMBED_FILES, EMBED_TXTFILES, target_add_binary_data().
#
# A file becomes _binary_NAME_start, _binary_NAME_end and NAME_length, where NAME is its name with
# every character that C does not allow turned into _. Text gets a NUL behind it, which counts.

# target_add_binary_data(TARGET FILE BINARY|TEXT [RENAME_TO NAME] [DEPENDS ...])
function(target_add_binary_data target file type)
    cmake_parse_arguments(ARG "" "RENAME_TO" "DEPENDS" ${ARGN})
    get_filename_component(path "${file}" ABSOLUTE)
    get_filename_component(name "${path}" NAME)
    if(ARG_RENAME_TO)
        set(symbol "${ARG_RENAME_TO}")
    else()
        set(symbol "_binary_${name}")
    endif()
    string(MAKE_C_IDENTIFIER "${symbol}" symbol)
    string(REGEX REPLACE "^_binary_" "" plain "${symbol}")
    # MAKE_C_IDENTIFIER guards a leading digit, which needs no guard here.
    string(MAKE_C_IDENTIFIER "${plain}" plain)

    get_source_file_property(generated "${path}" GENERATED)
    if(NOT EXISTS "${path}" AND NOT generated AND NOT ARG_DEPENDS)
        message(FATAL_ERROR "File to embed does not exist: ${path}")
    endif()

    set(nul "")
    if(type STREQUAL TEXT)
        set(nul "\n    .byte 0")
    elseif(NOT type STREQUAL BINARY)
        message(FATAL_ERROR "target_add_binary_data: ${type} is neither BINARY nor TEXT")
    endif()
    string(REGEX REPLACE "([\\\\\"])" "\\\\\\1" quoted "${path}")
    file(CONFIGURE OUTPUT "${CMAKE_CURRENT_BINARY_DIR}/${name}.S" @ONLY CONTENT
"/* Generated. */
    .section .rodata.embedded, \"a\"
    .balign 4
    .global @symbol@
    .global @symbol@_start
@symbol@:
@symbol@_start:
    .incbin \"@quoted@\"@nul@
    .global @symbol@_end
@symbol@_end:
    .balign 4
    .global @plain@_length
@plain@_length:
    .long @symbol@_end - @symbol@_start
    .section .note.GNU-stack, \"\", %progbits
")
    set_source_files_properties("${CMAKE_CURRENT_BINARY_DIR}/${name}.S" PROPERTIES
        LANGUAGE ASM OBJECT_DEPENDS "${path};${ARG_DEPENDS}")
    target_sources(${target} PRIVATE "${CMAKE_CURRENT_BINARY_DIR}/${name}.S")
endfunction()
