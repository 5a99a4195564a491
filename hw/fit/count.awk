# SPDX-License-Identifier: Apache-2.0
# Adds up what Yosys counted per module (stat.txt), reads the registers of the multipliers (dsp.il) and checks
# both against hlsc's report.json; fit.sh calls it. Variables: device, top, json_file, json, blocks (only multipliers and
# memories are mapped).

function kind_of_name(name) { # the module's name without Yosys' marks of its parameters
    sub(/^\$paramod\$[0-9a-f]+\\/, "", name)
    if (sub(/^\$paramod\\/, "", name)) sub(/\\.*/, "", name)
    sub(/^\\/, "", name)
    return name
}
function ceil_div(a, b) { return int((a + b - 1) / b) }
function pieces(words, bits, w, b) { return ceil_div(words, w) * ceil_div(bits, b) }
function least(a, b) { return a < b ? a : b }
function block_halves(words, bits,    n) {
    n = least(pieces(words, bits, 512, 36), pieces(words, bits, 1024, 18))
    n = least(n, least(pieces(words, bits, 2048, 9), pieces(words, bits, 4096, 4)))
    return least(n, least(pieces(words, bits, 8192, 2), pieces(words, bits, 16384, 1)))
}
# UltraRAMs that at least hold it: words that do not fill columns of 72 bits lie side by side in places of 9 bits.
function ultra_least(words, bits) { return ceil_div(words * ceil_div(bits, 9), 8 * 4096) }
function total(module, what,    c, sum) { # of a module and all that is below it
    sum = own[module, what]
    for (c in is_module)
        if ((module, c) in inside) sum += inside[module, c] * total(c, what)
    return sum
}
function count_instances(module, times,    c) {
    instances[module] += times
    for (c in is_module)
        if ((module, c) in inside) count_instances(c, times * inside[module, c])
}
function number(text) { gsub(/[^0-9]/, "", text); return text + 0 }
function word(text) { sub(/^[^:]*: *"/, "", text); sub(/".*/, "", text); return text }
function beside(logic) { return logic > 0 ? " and " logic " products that are logic" : "" }
function differ(multipliers, dsp, small) { return dsp > multipliers || dsp + small < multipliers }
function wrong(sentence) { print "fit: " sentence > "/dev/stderr"; failed = 1 }
function row(name, used, of) {
    printf "%-9s %12s of %8d  %6.2f %%%s\n", name, used, of, 100 * used / of, (used > of) ? "  DOES NOT FIT" : ""
}

BEGIN {
    # LUTs that a memory or shift register takes, by cell, as UG574 counts them.
    split("RAM32M16 8 RAM64M8 8 RAM32M 4 RAM64M 4 RAM32X1D 2 RAM64X1D 2 RAM128X1D 4 RAM256X1D 8 " \
          "RAM32X1S 1 RAM64X1S 1 RAM128X1S 2 RAM256X1S 4 RAM512X1S 8 RAM32X16DR8 8 RAM64X8SW 8", w, " ")
    for (i = 1; i in w; i += 2) ram_luts[w[i]] = w[i + 1]
}

# ---- stat.txt: "=== module ===", then cells and their numbers; the sum at the end is made here instead.
part == "stat" && /^===/ { module = $2; cells = 0; if ($2 != "design") is_module[module] = 1; next }
part == "stat" && /Number of cells:/ { cells = module != "design"; next }
part == "stat" && cells && NF == 2 && $2 ~ /^[0-9]+$/ { cell_count[module, $1] = $2; next }

# ---- small.txt: products that fit 8 bits, MODULE/CELL; Yosys makes logic of them. Some are hlsc's, some indices.
part == "small" { sub(/\/.*/, ""); own[$0, "small"]++; next }

# ---- constant.txt: the module of each product by a constant that Yosys has mapped to nothing: a shift, or one of two that
# are the same where a table has one value.
part == "constant" { own[$1, "small"]++; next }

# ---- dsp.il: the multipliers of each module with their parameters.
part == "dsp" && /^module / { module = $2; sub(/^\\/, "", module); next }
part == "dsp" && /^  cell / { delete p; next }
part == "dsp" && /^    parameter / { p[$(NF - 1)] = $NF; next }
part == "dsp" && /^  end/ {
    own[module, "a"] += p["\\AREG"] > 0 && p["\\BREG"] > 0
    own[module, "m"] += p["\\MREG"] > 0
    own[module, "p"] += p["\\PREG"] > 0
    own[module, "amp"] += p["\\AREG"] > 0 && p["\\BREG"] > 0 && p["\\MREG"] > 0 && p["\\PREG"] > 0
    next
}

# ---- report.json, one key a line: what each process should take.
part == "report" && /"name":/ { name = word($0) }
part == "report" && /"multipliers":/ { process = name; want[process, "dsp"] = number($0); processes[++process_count] = process }
part == "report" && /"direction":/ { direction = word($0) }
part == "report" && /"words":/ { words = number($0) }
part == "report" && /"bits":/ { bits = number($0) }
part == "report" && /"depth":/ && direction == "out" {
    direction = ""
    if (number($0) > 64) want[process, "fifo"] += block_halves(number($0), bits)
}
part == "report" && /"copies":/ { copies = number($0) }
part == "report" && /"impl":/ { impl = word($0) }
part == "report" && /"blocks":/ {
    if (impl != "lutram") want[process, impl] += number($0)
    else if (words >= 16) want[process, "ram"] += number($0) # fewer words may as well be registers
    if (impl == "uram") want[process, "uram_least"] += least(number($0), copies * ultra_least(words, bits))
}

END {
    for (key in cell_count) {
        split(key, of, SUBSEP)
        m = of[1]; c = of[2]; k = cell_count[key]
        if (c in is_module) inside[m, c] = k
        else if (c ~ /^LUT[1-6]$/ || c == "INV") own[m, "logic"] += k
        else if (c in ram_luts) own[m, "ram"] += k * ram_luts[c]
        else if (c ~ /^SRL/) own[m, "srl"] += k
        else if (c ~ /^(FD[RSCP]E?(_1)?|LD[CP]E)$/) own[m, "ff"] += k
        else if (c == "DSP48E2") own[m, "dsp"] += k
        else if (c == "RAMB36E2") own[m, "half"] += 2 * k
        else if (c == "RAMB18E2") own[m, "half"] += k
        else if (c == "URAM288" || c == "URAM288_BASE") own[m, "uram"] += k
        else if (c == "CARRY4") own[m, "carry"] += k
        else if (c == "CARRY8") own[m, "carry"] += 2 * k
        else if (blocks && c ~ /^\$/ && c !~ /^\$__/) continue # logic and registers
        else if (c !~ /^(MUXF[789]|BUFG.*|GND|VCC|IBUF|OBUF)$/) other = other " " c
    }
    if (other != "") wrong("cells that were not mapped to the device:" other)
    if (!(top in is_module)) { wrong("Yosys' statistics have no module " top "."); exit 1 }
    count_instances(top, 1)

    split(device, d, " ")
    dsp = total(top, "dsp"); half = total(top, "half"); uram = total(top, "uram")
    memory = total(top, "ram") + total(top, "srl")
    lut = total(top, "logic") + memory; ff = total(top, "ff"); small = total(top, "small")
    for (m in instances) {
        if (m !~ /_tile(\\|$)/) continue
        lane += instances[m] * own[m, "dsp"]
        lane_amp += instances[m] * own[m, "amp"]
    }
    gates = blocks ? "" : sprintf("\"lut\": %d, \"ff\": %d, \"carry4\": %d, ", lut, ff, total(top, "carry"))
    printf "{\"top\": \"%s\", \"device\": \"%s\", \"part\": \"%s\", \"dsp\": %d, \"bram36\": %.1f, " \
           "\"uram\": %d, %s\"lut_memory\": %d, \"small_products\": %d, " \
           "\"dsp_ab_registered\": %d, \"dsp_m_registered\": %d, \"dsp_p_registered\": %d, " \
           "\"dsp_registered\": %d, \"lane_dsp\": %d, \"lane_dsp_registered\": %d, " \
           "\"device_dsp\": %d, \"device_bram36\": %d, \"device_uram\": %d, \"device_lut\": %d, " \
           "\"device_ff\": %d}\n", top, d[1], d[2], dsp, half / 2, uram, gates, memory, small,
           total(top, "a"), total(top, "m"), total(top, "p"), total(top, "amp"), lane, lane_amp,
           d[5], d[6], d[7], d[3], d[4] > json_file
    close(json_file)
    if (json) {
        while ((getline line < json_file) > 0) print line
    } else {
        printf "%s on %s (%s)\n", top, d[1], d[2]
        row("DSP48E2", dsp, d[5])
        row("RAMB36", half / 2, d[6])
        row("URAM288", uram, d[7])
        if (blocks) {
            row("LUT mem", memory, d[3])
            print "Other LUTs, shift registers and FFs are not counted."
        } else {
            row("LUT", lut, d[3])
            row("FF", ff, d[4])
            printf "LUT and FF are upper bounds; %d of the LUTs are memory, %d shift registers.\n",
                total(top, "ram"), total(top, "srl")
        }
        printf "%-28s %5s %6s %7s %7s %7s %7s %7s   %s\n", "module, and what one takes", "times", "DSP", "RAMB18", "URAM",
            "LUT", "LUT mem", "FF", "DSPs with registers A and B, M, P"
        sorted = "sort -k1,1nr | cut -f2-"
        for (m in instances) {
            l = own[m, "logic"] + own[m, "ram"] + own[m, "srl"]
            if (blocks && own[m, "dsp"] + own[m, "half"] + own[m, "uram"] + l == 0) continue
            registers = own[m, "dsp"] ? sprintf("   %d, %d, %d", own[m, "a"], own[m, "m"], own[m, "p"]) : ""
            printf "%d\t%-28s %5d %6d %7d %7d %7s %7d %7s%s\n", l * instances[m], kind_of_name(m), instances[m],
                own[m, "dsp"], own[m, "half"], own[m, "uram"], blocks ? "-" : l, own[m, "ram"] + own[m, "srl"],
                blocks ? "-" : own[m, "ff"], registers | sorted
        }
        close(sorted)
        printf "%d of %d multipliers have all of A, B, M and P registered in the DSP", total(top, "amp"), dsp
        if (lane) printf " (%d of %d in the lanes)", lane_amp, lane
        print "."
    }

    if (part != "report") exit failed + 0
    if (!process_count) { wrong("the report names no process."); exit 1 }
    for (i = 1; i <= process_count; i++) {
        m = processes[i]
        all += want[m, "dsp"]; least_half += want[m, "bram"] + ceil_div(want[m, "rom"], 2)
        most_half += want[m, "bram"] + want[m, "rom"] + want[m, "fifo"]; all_uram += want[m, "uram"]
        least_uram += want[m, "uram_least"]
        if (!(m in is_module)) continue # it is the same module as an earlier process
        checked++
        if (differ(want[m, "dsp"], total(m, "dsp"), total(m, "small")))
            wrong("process " m " has " want[m, "dsp"] " multipliers and takes " total(m, "dsp") " DSP48E2" \
                  beside(total(m, "small")) ".")
        if (total(m, "ram") < want[m, "ram"])
            wrong("the lutram memories of process " m " need " want[m, "ram"] " LUTs as memory, but only " \
                  total(m, "ram") " are; a memory has become registers or block RAM.")
    }
    if (differ(all, dsp, small))
        wrong("the report has " all " multipliers, and " dsp " DSP48E2" beside(small) " are taken; one should be the other.")
    if (half < least_half || half > most_half)
        wrong("the block RAMs and tables of the report take " least_half " to " most_half " RAMB18 (two read ports of a table may share one), but " half " are taken.")
    if (uram < least_uram || uram > all_uram)
        wrong("the report's URAM memories take " least_uram " to " all_uram " URAM288 (words may lie side by side), but " uram " are taken.")
    if (!failed && !json)
        printf "Checked against the report: %d multipliers are %d DSP48E2%s, %d RAMB18 where %d to %d are expected, " \
               "%d URAM288, and the LUT memories of %d process modules are LUT memories.\n",
               all, dsp, beside(all - dsp), half, least_half, most_half, uram, checked
    exit failed + 0
}
