#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# docs/rooms.svg from docs/rooms.txt, on standard output: the rooms as boxes, each above all that it may include, a
# column for each part of the house. Arrows that follow from others are left out. Run from the repository's root.
set -eu
awk -F: '
function label(room, column) { # without the name of the column
    return index(room, heading[column] "/") == 1 ? substr(room, length(heading[column]) + 2) : room
}
function text(s) { gsub(/&/, "\\&amp;", s); gsub(/</, "\\&lt;", s); return s }
function reaches(from, to,   i, count, part) { # by one arrow or several
    if ((from, to) in known) return known[from, to]
    known[from, to] = 0
    count = split(direct[from], part, " ")
    for (i = 1; i <= count; i++)
        if (part[i] == to || reaches(part[i], to)) return known[from, to] = 1
    return 0
}
BEGIN {
    columns = split("hls hls/compiler hw sim driver host", heading, " ")
    box = 98; high = 28; gap = 8; floor_high = 54; top = 46; left = 16
}
/^#/ || !NF { next }
{
    room[++n] = $1; direct[$1] = $2; why = $3
    for (i = 4; i <= NF; i++) why = why ":" $i
    sub(/^ /, "", why); purpose[$1] = why
    count = split($2, part, " ")
    level[$1] = 0
    for (i = 1; i <= count; i++)
        if (level[part[i]] >= level[$1]) level[$1] = level[part[i]] + 1
    if (level[$1] > levels) levels = level[$1]
    at = 0 # the ground floor
    for (c = 1; c <= columns; c++)
        if ($1 == heading[c] || index($1, heading[c] "/") == 1) at = c
    if ($1 ~ /^examples/) at = 6
    column[$1] = at
    place[$1] = floors[at, level[$1]]++
    if (floors[at, level[$1]] > wide[at]) wide[at] = floors[at, level[$1]]
}
END {
    x = left
    for (c = 1; c <= columns; c++) {
        start[c] = x
        width[c] = wide[c] * (box + gap) - gap
        x += width[c] + 26
    }
    start[0] = left; width[0] = x - 26 - left
    total = x - 26 + left; bottom = top + (levels + 1) * floor_high
    for (i = 1; i <= n; i++) {
        r = room[i]; c = column[r]; here = floors[c, level[r]]
        bx[r] = int(start[c] + (width[c] - here * (box + gap) + gap) / 2 + place[r] * (box + gap))
        by[r] = top + (levels - level[r]) * floor_high + 8
    }
    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\" font-family=\"sans-serif\">\n", total, bottom + 8
    print "<!-- Made by docs/rooms_picture.sh (make pictures). -->"
    print "<title>The rooms of the repository: each may include those that its arrows lead to</title>"
    print "<style>"
    print ".box{fill:#f4f7fa;stroke:#57606a}.ground{fill:#e6f0e4;stroke:#3d6b35}.name{font-size:13px;fill:#1f2328;text-anchor:middle}"
    print ".head{font-size:15px;font-weight:bold;fill:#57606a;text-anchor:middle}.way{fill:none;stroke:#8c959f;stroke-width:1.1}.tip{fill:#8c959f}"
    print "@media (prefers-color-scheme:dark){.box{fill:#21262d;stroke:#8b949e}.ground{fill:#1d2b1b;stroke:#7fb074}.name{fill:#e6edf3}"
    print ".head{fill:#9da7b1}.way{stroke:#6e7681}.tip{fill:#6e7681}}"
    print "</style>"
    print "<defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\"><path class=\"tip\" d=\"M0 0L8 4L0 8z\"/></marker></defs>"
    for (c = 1; c <= columns; c++)
        printf "<text class=\"head\" x=\"%d\" y=\"24\">%s</text>\n", start[c] + int(width[c] / 2), heading[c]
    for (i = 1; i <= n; i++) {
        r = room[i]; count = split(direct[r], part, " ")
        for (k = 1; k <= count; k++) {
            to = part[k]; needed = 1
            for (m = 1; m <= count; m++)
                if (m != k && reaches(part[m], to)) needed = 0
            if (!needed) continue
            x1 = bx[r] + int(box / 2); y1 = by[r] + high; x2 = bx[to] + int(box / 2); y2 = by[to] - 1
            bend = int((y2 - y1) / 2); if (bend > 60) bend = 60
            printf "<path class=\"way\" marker-end=\"url(#tip)\" d=\"M%d %dC%d %d %d %d %d %d\"><title>%s may include %s</title></path>\n",
                x1, y1, x1, y1 + bend, x2, y2 - bend, x2, y2, r, to
        }
    }
    for (i = 1; i <= n; i++) {
        r = room[i]
        printf "<g><title>%s: %s</title><rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"4\"/>", text(r), text(purpose[r]),
            column[r] ? "box" : "ground", bx[r], by[r], box, high
        printf "<text class=\"name\" x=\"%d\" y=\"%d\">%s</text></g>\n", bx[r] + int(box / 2), by[r] + 19, label(r, column[r])
    }
    print "</svg>"
}' docs/rooms.txt
