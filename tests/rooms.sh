#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The rooms of docs/rooms.txt. `tests/rooms.sh make` prints, for the Makefile, the -iquote folders of each room: its own,
# those that it may include, and theirs. `tests/rooms.sh check [FOLDER]` tells every include that has no arrow there, and
# every room without a line.
set -eu
cd "${2:-.}"
case $1 in
make)
    awk -F: '
    /^#/ || !NF { next }
    { room[++n] = $1; direct[$1] = $2 }
    function add(name,   i, count, part) {
        if (seen[name]++) return
        list = list " -iquote" (name == "gen" ? "build/gen" : name)
        count = split(direct[name], part, " ")
        for (i = 1; i <= count; i++) add(part[i])
    }
    END { for (k = 1; k <= n; k++) { split("", seen); list = ""; add(room[k]); print "QUOTES_" room[k] " :=" list } }
    ' docs/rooms.txt
    ;;
check)
    git ls-files -- '*.c' '*.h' '*.cpp' '*.def' | awk -F: '
    FNR == NR {
        if ($0 !~ /^#/ && NF) {
            known[$1] = 1
            count = split($2, part, " ")
            for (i = 1; i <= count; i++) {
                arrow[$1, part[i]] = 1
                if (!(part[i] in known)) forward[++forwards] = $1 ": " part[i]
            }
        }
        next
    }
    { file[++files] = $0; name = folder = $0; sub(/.*\//, "", name); sub(/\/[^\/]*$/, "", folder)
      if (folder !~ /^tests/) { where[name] = where[name] " " folder } }
    END {
        for (f = 1; f <= files; f++) {
            room = file[f]; sub(/\/[^\/]*$/, "", room)
            if (room ~ /^tests/) continue
            if (!(room in known)) { print file[f] ": its folder has no line in docs/rooms.txt"; bad++; continue }
            line = 0
            while ((getline text < file[f]) > 0) {
                line++
                if (text !~ /^[ \t]*#[ \t]*include[ \t]*"/) continue
                sub(/^[^"]*"/, "", text); sub(/".*/, "", text); sub(/.*\//, "", text)
                if (text ~ /\.pb-c\.h$/) where[text] = " gen"
                if (!(text in where)) continue # made by a tool: kernel_ports.h, Vkernel.h
                there = where[text] " "
                ok = index(there, " " room " ") > 0
                count = split(there, part, " ")
                for (i = 1; i <= count; i++) ok = ok || ((room, part[i]) in arrow)
                if (!ok) {
                    printf "%s:%d: %s may not include %s of%s (docs/rooms.txt)\n", file[f], line, room, text, where[text]
                    bad++
                }
            }
            close(file[f])
        }
        for (i = 1; i <= forwards; i++) { print "docs/rooms.txt: " forward[i] " stands further down"; bad++ }
        exit bad > 0
    }' docs/rooms.txt -
    ;;
esac
