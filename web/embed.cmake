# cmake -DOUT=table.c -DFILES=a.html,b.js,... -P embed.cmake: files as a C table, for table.h.

string(REPLACE "," ";" FILES "${FILES}")
set(type_html "text/html; charset=utf-8")
set(type_css "text/css; charset=utf-8")
set(type_js "text/javascript; charset=utf-8")
set(type_svg "image/svg+xml")

set(arrays "")
set(rows "")
set(n 0)
foreach(path ${FILES})
    get_filename_component(name ${path} NAME)
    string(REGEX REPLACE "^.*\\." "" ext ${name})
    if(NOT DEFINED type_${ext})
        message(FATAL_ERROR "${path}: no content type is known for .${ext}")
    endif()
    file(READ ${path} hex HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
    # Lines that an editor can show.
    string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)"
        "\\1\n" bytes "${bytes}")
    file(SHA256 ${path} sha256)
    string(SUBSTRING ${sha256} 0 32 etag)
    string(APPEND arrays "static const unsigned char file_${n}[] = {\n${bytes}\n};\n")
    string(APPEND rows
        "    {\"${name}\", \"${type_${ext}}\", \"\\\"${etag}\\\"\", file_${n}, sizeof file_${n}},\n")
    math(EXPR n "${n} + 1")
endforeach()

file(WRITE ${OUT} "/* Made by web/embed.cmake. */
#include \"table.h\"

${arrays}
const struct web_file web_files[] = {
${rows}};
const size_t web_n_files = ${n};
")
