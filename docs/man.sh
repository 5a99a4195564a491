#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Man pages, from what there is already, so that they say the same. Run from the repository's root:
#   docs/man.sh build/millrace "what it is" >millrace.1         a command, from its --help and that of its subcommands
#   docs/man.sh host/include/millrace.h "what it is" >libmillrace.3   the library, from its header
set -eu
source=$1 summary=$2
version=$(sed -n 's/^#define MR_VERSION "\(.*\)"/\1/p' base/millrace_error.h)

# A page's head: NAME, section, the other pages.
head_of() {
    printf '.TH %s %s "" "Millrace %s" "Millrace"\n.nh\n.ad l\n.SH NAME\n%s \\- %s\n' \
        "$(echo "$1" | tr '[:lower:]' '[:upper:]')" "$2" "$version" "$1" "$summary"
}

# --help as a page: paragraphs; lists of "  term  text", whose texts stand in one column; examples, which have none.
# `level` is the heading before it, "" for none.
help_to_man() {
    awk -v heading="$1" '
    function plain(text) { gsub(/\\/, "\\e", text); gsub(/-/, "\\-", text); sub(/^[.\x27]/, "\\\\\\&&", text); return text }
    function flush_block(   i, column, gap) {
        if (!lines) return
        for (i = 1; i <= lines && !column; i++)
            if (block[i] ~ /^  [^ ]/ && (gap = match(substr(block[i], 3), /[^ ]   *[^ ]/)))
                column = RSTART + RLENGTH + 1
        if (!column) {
            print ".PP\n.nf"
            for (i = 1; i <= lines; i++) print plain(block[i])
            print ".fi"
        }
        for (i = 1; i <= lines && column; i++) {
            if (block[i] ~ /^  [^ ]/) {
                term = substr(block[i], 3, column - 3); sub(/ +$/, "", term)
                # A term that is wider than its column.
                if (substr(block[i], column - 1, 1) != " ") { term = substr(block[i], 3); block[i] = "" }
                print ".TP\n.B " plain(term)
                if (length(block[i]) >= column) print plain(substr(block[i], column))
            } else { sub(/^ +/, "", block[i]); print plain(block[i]) }
        }
        if (column) print ".PP"
        lines = 0
    }
    /^Usage: / { if (heading) print heading; print ".nf"; usage = 1; sub(/^Usage: /, ""); print "\\fB" plain($0) "\\fP"; next }
    usage && /^       / { sub(/^ +/, ""); print "\\fB" plain($0) "\\fP"; next }
    usage { usage = 0; print ".fi"; if (!heading || heading ~ /SYNOPSIS/) print ".SH DESCRIPTION"; else print ".PP" }
    /^  / { block[++lines] = $0; next }
    { flush_block() }
    /^$/ { print ".PP"; next }
    { print plain($0) }
    END { flush_block() }' | awk '$0 == ".PP" { held = 1; next } held { if ($0 !~ /^\.(SH|SS|TP)/) print ".PP"; held = 0 } 1'
}

command_page() {
    name=$(basename "$source")
    head_of "$name" 1
    "$source" --help | help_to_man ".SH SYNOPSIS"
    # Its subcommands, if `--help` begins with a list of them.
    commands=$("$source" --help | awk '/^Usage: .* COMMAND/ { on = 1 } on && /^  / { print $1; seen = 1 } on && seen && /^$/ { exit }')
    [ -z "$commands" ] || echo ".SH COMMANDS"
    for command in $commands; do
        "$source" help "$command" | help_to_man ".SS $command"
    done
    printf '.SH SEE ALSO\n%s\n' "$(case $name in millrace) echo '.BR hlsc (1), libmillrace (3)' ;; *) echo '.BR millrace (1)' ;; esac)"
}

# Comments become text, indented lines of them and the code itself stay as they are.
header_page() {
    head_of libmillrace 3
    printf '.SH SYNOPSIS\n.nf\n\\fB#include <millrace.h>\\fP\n\\fBcc ... $(pkg\\-config \\-\\-cflags \\-\\-libs millrace)\\fP\n.fi\n.SH DESCRIPTION\n'
    awk '
    function plain(text) { gsub(/\\/, "\\e", text); gsub(/-/, "\\-", text); sub(/^[.\x27]/, "\\\\\\&&", text); return text }
    function code(text) { if (!fixed) print ".PP\n.nf"; fixed = 1; print plain(text) }
    function prose(text) { if (fixed) print ".fi\n.PP"; fixed = 0; if (text != "") print plain(text) }
    /SPDX-License/ { next }
    /^\/\/ ---- / { prose(""); sub(/^\/\/ ---- /, ""); sub(/ -+$/, ""); print ".SH " toupper($0); next }
    /^#if|^#endif|^#ifdef|^#include|^#define MILLRACE_H|extern "C"|^}$/ { if (/^#ifdef __cplusplus/) skip = 1; next }
    /^\/\/     / { sub(/^\/\/ /, ""); code($0); next }
    /^\/\/   [^ ]/ { prose(""); sub(/^\/\/ +/, ""); print ".br\n" plain($0); next }
    /^\/\/ / { if (!commented) print ".PP"; prose(substr($0, 4)); commented = 1; next }
    /^\/\/$/ { prose(""); print ".PP"; next }
    /^$/ { if (fixed) { print ".fi"; fixed = 0 } commented = 0; next }
    sub(/^MR_API /, "") { api = 1 }
    api { sub(/^       /, "") } # under the parenthesis again
    /;$/ { api = 0 }
    { code($0); commented = 0 }
    END { if (fixed) print ".fi" }' "$source" | awk '$0 == ".PP" { held = 1; next } held { if ($0 !~ /^\.(SH|SS|TP)/) print ".PP"; held = 0 } 1'
    echo ".SH ERRORS"
    sed -n 's/^    X(\(MR_ERROR[A-Z_]*\), \(-[0-9]*\), "\(.*\)").*/.TP\n.B \1 (\\\2)\n\3/p' base/millrace_error.h
    printf '.SH SEE ALSO\n.BR millrace (1)\n'
}

case $source in
*.h) header_page ;;
*) command_page ;;
esac
