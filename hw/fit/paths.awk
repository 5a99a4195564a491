# SPDX-License-Identifier: Apache-2.0
# What decides over the clock, from the netlist that Yosys made (netlist.blif): how many loads a register drives,
# how many LUTs and carry cells lie between registers, multipliers and block RAMs without registers of their own.
# fit.sh calls it, with the generated .sv files in front, whose declarations name lines of the source. Each module is
# looked at once; what stands above it knows of each of its ports the loads and the depth behind it.
# What is above a limit is printed with its line, and makes the exit code 1.

# The limits of loads are hlsc's, from its report: most_loads of a net within a module (pins of LUTs, registers, DSPs and
# memories), most_instances of the modules that a net leads to. The others stand here.
function limits() {
    most["lut"] = 6    # LUTs in a row, which include the read of a LUT memory
    most["carry"] = 16 # CARRY4 in a row: 64 bits
}
function split_words(text, list) { return split(text, list, " ") }
function kind_of_name(name) { # the module's name without Yosys' marks of its parameters
    sub(/^\$paramod\$[0-9a-f]+\\/, "", name)
    if (sub(/^\$paramod\\/, "", name)) sub(/\\.*/, "", name)
    return name
}
# Where the value of a net was made: the line in the source that stands behind its declaration.
function line_of(m, net,    name) {
    name = net
    sub(/\[.*/, "", name)
    sub(/\..*/, "", name)
    if (!((kind_of_name(m), name) in line)) { # copies NAME_of_USER of NAME; those of a valid bit
        sub(/_of_.*/, "", name)
        if (!((kind_of_name(m), name) in line)) sub(/_s[0-9]+$/, "_q", name)
    }
    if ((kind_of_name(m), name) in line) return line[kind_of_name(m), name]
    return "hw/rtl"
}
# A net, and its line; one without a name of its own by a value that it leads to.
function told(m, net,    k, j, p, last, at, queue, seen, next_net) {
    if (net !~ /\$/) return kind_of_name(m) "." net " (" line_of(m, net) ")"
    queue[last = 1] = net
    for (at = 1; at <= last && last < 100; at++)
        for (k = 1; k <= load_count[queue[at]]; k++) {
            split(load[queue[at], k], p, " ")
            for (j = 1; j <= given_count[p[1]]; j++) {
                next_net = given[p[1], j]
                if (next_net !~ /\$/) return "what leads to " told(m, next_net)
                if (next_net in seen) continue
                seen[next_net] = 1
                queue[++last] = next_net
            }
        }
    return kind_of_name(m) "." net " (" line_of(m, net) ")"
}
# A memory by the name of its cell: "memory.0.0", or "i_NAME.mem.0.0" where it is an instance of hw/rtl.
function memory_told(m, i,    name, base) {
    name = base = cname[m, i]
    sub(/\..*/, "", base)
    if (!((kind_of_name(m), base) in line)) { sub(/^i_/, "", base); base = base "_data" }
    return kind_of_name(m) "." name " (" line_of(m, base) ")"
}
BEGIN {
    limits()
    n = split_words("O CO Q Q15 Q31 P PCOUT ACOUT BCOUT CARRYOUT CARRYCASCOUT MULTSIGNOUT OVERFLOW UNDERFLOW " \
        "PATTERNDETECT PATTERNBDETECT XOROUT DO DOA DOB DOC DOD DOE DOF DOG DOH SPO DPO DOUTADOUT DOUTBDOUT " \
        "DOUTPADOUTP DOUTPBDOUTP DOUT_A DOUT_B CASDOUTA CASDOUTB CASDOUTPA CASDOUTPB CAS_OUT_DOUT_A CAS_OUT_DOUT_B",
        list)
    for (i = 1; i <= n; i++) is_output[list[i]] = 1
    n = split_words("C CLK WCLK CLKARDCLK CLKBWRCLK", list)
    for (i = 1; i <= n; i++) is_clock[list[i]] = 1
}

# ---- the generated RTL: behind a comment "// file:line" stand the declarations that come of that line
FILENAME ~ /\.sv$/ && /^module / { module = $2; at = ""; next }
FILENAME ~ /\.sv$/ && /^  \/\/ [^ ]+:[0-9]+$/ { at = $2; next }
FILENAME ~ /\.sv$/ && /^  (assign|always|for|if) / { at = ""; next }
FILENAME ~ /\.sv$/ && at != "" && /^ *logic / {
    gsub(/\[[^]]*\]|;.*/, "")
    n = split($0, names, /[ ,]+/)
    for (i = 1; i <= n; i++)
        if (names[i] !~ /^(logic|signed|)$/) line[module, names[i]] = at
    next
}
FILENAME ~ /\.sv$/ { next }

# ---- the netlist
/^\.model / { model = $2; is_model[model] = 1; next }
/^\.inputs / { for (i = 2; i <= NF; i++) inputs[model, ++input_count[model]] = $i; next }
/^\.outputs / {
    for (i = 2; i <= NF; i++) {
        outputs[model, ++output_count[model]] = $i
        gives[model, $i] = 1
    }
    next
}
/^\.conn / { conns[model, ++conn_count[model]] = $2 " " $3; next }
/^\.(gate|subckt) / { cells[model, ++cell_count[model]] = substr($0, index($0, " ") + 1); next }
/^\.cname / { cname[model, cell_count[model]] = $2; next }
/^\.param (AREG|BREG|CREG|MREG|PREG|USE_MULT) / { param[model, cell_count[model], $2] = $3; next }

function resolve(net) {
    while (net in alias) net = alias[net]
    return net
}
function is_constant(net) { return net == "$true" || net == "$false" || net == "$undef" }
# What a cell's way from its inputs to its outputs counts; -1: it ends there, in a register.
function weight(type, metric) {
    if (type ~ /^LUT[1-6]$/ || type ~ /^RAM[0-9]/) return metric == "lut"
    if (type == "INV" || type ~ /^MUXF/) return 0
    if (type == "CARRY4") return metric == "carry"
    if (type == "CARRY8") return 2 * (metric == "carry")
    return -1
}
# Pins of a LUT memory that are looked at in the cycle of the read.
function passes(type, pin) { return type !~ /^RAM[0-9]/ || pin ~ /^(A[0-9]?|DPRA[0-9]*|ADDR[A-H]|RADR[0-9]*)(\[|$)/ }

# Gathers a model's pins: drivers and loads of nets.
function gather(m,    i, k, n, p, pin, net, type, eq, words, base) {
    delete alias; delete driver; delete load_count; delete load; delete pin_count; delete pins; delete type_of
    for (i = 1; i <= conn_count[m]; i++) {
        split(conns[m, i], p, " ")
        alias[p[2]] = p[1]
    }
    for (i = 1; i <= cell_count[m]; i++) {
        n = split_words(cells[m, i], words)
        type = type_of[i] = words[1]
        for (k = 2; k <= n; k++) {
            eq = index(words[k], "=")
            pin = substr(words[k], 1, eq - 1)
            net = resolve(substr(words[k], eq + 1))
            base = pin
            sub(/\[.*/, "", base)
            if (is_constant(net)) continue
            if ((type in is_model) ? (type, pin) in gives : base in is_output) {
                driver[net] = i
                driver_pin[net] = pin
                continue
            }
            if (base in is_clock || pin == "clk_i") continue
            pins[i, ++pin_count[i]] = pin " " net
            load[net, ++load_count[net]] = i " " pin
        }
    }
}

# Of the bits of a bus the worst one is told, at the end.
function too_many(sentence, count, limit) {
    if (count <= limit) return
    gsub(/\[[0-9]+\]/, "", sentence)
    if (count > excess[sentence]) excess[sentence] = count
    limit_of[sentence] = limit
}

# ---- loads
function look_at_loads(m,    net, k, p, own, inside, count, most_inside, per, i, seen, names, here, all) {
    for (net in load_count) {
        own = most_inside = count = all = 0
        split("", per)
        for (k = 1; k <= load_count[net]; k++) {
            split(load[net, k], p, " ")
            if (!(type_of[p[1]] in is_model)) { own++; continue }
            inside = in_loads[type_of[p[1]], p[2]]
            if (!inside) continue
            all += inside
            if (!(p[1] in per)) count++
            per[p[1]] += inside
            if (per[p[1]] > most_inside) most_inside = per[p[1]]
        }
        inside_of[net] = all + own
        if (!(net in driver)) continue # a port; it is looked at above
        if (type_of[driver[net]] in is_model) own += out_loads[type_of[driver[net]], driver_pin[net]]
        if (own > worst_loads) { worst_loads = own; worst_loads_at = told(m, net) }
        if (most_inside > worst_inside) { worst_inside = most_inside; worst_inside_at = told(m, net) }
        if (count > worst_count) { worst_count = count; worst_count_at = told(m, net) }
        too_many(told(m, net) " drives %d loads", own, most_loads)
        too_many(told(m, net) " drives %d loads in one of the modules that it leads to", most_inside, most_loads)
        too_many(told(m, net) " leads to %d modules", count, most_instances)
    }
    for (i = 1; i <= input_count[m]; i++) in_loads[m, inputs[m, i]] = inside_of[resolve(inputs[m, i])]
    for (i = 1; i <= output_count[m]; i++) out_loads[m, outputs[m, i]] = inside_of[resolve(outputs[m, i])]
    delete inside_of
}

# ---- depth
# The most from a register to `net`; -1: no register leads there.
function depth(m, net, metric,    i, k, p, d, w, best, type) {
    if ((net, metric) in found) return found[net, metric]
    found[net, metric] = -1 # where it comes back to itself
    if (!(net in driver)) return -1
    i = driver[net]
    type = type_of[i]
    best = -1
    if (type in is_model) {
        if ((type, driver_pin[net], metric) in out_depth) {
            best = out_depth[type, driver_pin[net], metric]
            from[net, metric] = out_from[type, driver_pin[net], metric]
        }
        for (k = 1; k <= pin_count[i]; k++) {
            split(pins[i, k], p, " ")
            if (!((type, p[1], driver_pin[net], metric) in arc)) continue
            d = depth(m, p[2], metric)
            if (d < 0 || d + arc[type, p[1], driver_pin[net], metric] <= best) continue
            best = d + arc[type, p[1], driver_pin[net], metric]
            from[net, metric] = from[p[2], metric]
        }
        return found[net, metric] = best
    }
    w = weight(type, metric)
    if (w < 0 || type ~ /^RAM[0-9]/) {
        best = w < 0 ? 0 : w
        from[net, metric] = told(m, net)
    }
    for (k = 1; w >= 0 && k <= pin_count[i]; k++) {
        split(pins[i, k], p, " ")
        if (!passes(type, p[1])) continue
        d = depth(m, p[2], metric)
        if (d < 0 || d + w <= best) continue
        best = d + w
        from[net, metric] = from[p[2], metric]
    }
    return found[net, metric] = best
}
# The most from `net` to a register.
function rest(m, net, metric,    k, p, i, q, j, d, w, best, type, o, n, words) {
    if ((net, metric) in rests) return rests[net, metric]
    rests[net, metric] = -1
    best = -1
    for (k = 1; k <= load_count[net]; k++) {
        split(load[net, k], p, " ")
        i = p[1]
        type = type_of[i]
        if (type in is_model) {
            if ((type, p[2], metric) in in_depth && in_depth[type, p[2], metric] > best) {
                best = in_depth[type, p[2], metric]
                to[net, metric] = in_to[type, p[2], metric]
            }
        } else if ((w = weight(type, metric)) < 0 || !passes(type, p[2])) {
            if (best < 0) { best = 0; to[net, metric] = end_of(m, i) }
            continue
        }
        for (j = 1; j <= given_count[i]; j++) {
            o = given[i, j]
            if (type in is_model) {
                if (!((type, p[2], driver_pin[o], metric) in arc)) continue
                w = arc[type, p[2], driver_pin[o], metric]
            }
            d = rest(m, o, metric)
            if (d < 0 || d + w <= best) continue
            best = d + w
            to[net, metric] = to[o, metric]
        }
    }
    return rests[net, metric] = best
}
# What a cell makes; a DSP has many outputs, of which P has the name.
function end_of(m, i,    j, best) {
    best = given_count[i] ? given[i, 1] : ""
    for (j = 1; j <= given_count[i] && type_of[i] == "DSP48E2"; j++)
        if (index(driver_pin[given[i, j]], "P[") == 1 && (best == "" || best ~ /\$/ || load_count[given[i, j]]))
            best = given[i, j]
    return best == "" ? kind_of_name(m) " " type_of[i] : told(m, best)
}
# All ways from ports to the port behind `net`, of cells that are no registers.
function find_arcs(m, output, net, metric, so_far,    i, k, p, w, type) {
    if ((net, metric) in reached && reached[net, metric] >= so_far) return
    reached[net, metric] = so_far
    if (net in is_input) {
        if (!((m, net, output, metric) in arc) || arc[m, net, output, metric] < so_far)
            arc[m, net, output, metric] = so_far
        return
    }
    if (!(net in driver)) return
    i = driver[net]
    type = type_of[i]
    w = type in is_model ? 0 : weight(type, metric)
    for (k = 1; w >= 0 && k <= pin_count[i]; k++) {
        split(pins[i, k], p, " ")
        if (type in is_model) {
            if (!((type, p[1], driver_pin[net], metric) in arc)) continue
            w = arc[type, p[1], driver_pin[net], metric]
        } else if (!passes(type, p[1])) {
            continue
        }
        find_arcs(m, output, p[2], metric, so_far + w)
    }
}
function look_at_depth(m, metric,    i, k, p, d, net, type) {
    for (i = 1; i <= cell_count[m]; i++) {
        type = type_of[i]
        for (k = 1; k <= pin_count[i]; k++) {
            split(pins[i, k], p, " ")
            if (type in is_model) {
                if (!((type, p[1], metric) in in_depth)) continue
                d = depth(m, p[2], metric)
                if (d >= 0) d += in_depth[type, p[1], metric]
            } else {
                if (weight(type, metric) >= 0 && passes(type, p[1])) continue
                d = depth(m, p[2], metric)
            }
            if (d > worst[metric]) {
                worst[metric] = d
                worst_way[metric] = from[p[2], metric] " to " \
                    (type in is_model ? in_to[type, p[1], metric] : end_of(m, i))
            }
            if (d > most[metric])
                too_many("%d " (metric == "lut" ? "LUTs" : "CARRY4") " are between " from[p[2], metric] " and " \
                    (type in is_model ? in_to[type, p[1], metric] : end_of(m, i)), d, most[metric])
        }
    }
    for (i = 1; i <= input_count[m]; i++) {
        net = inputs[m, i]
        d = rest(m, net, metric)
        if (d < 0) continue
        in_depth[m, net, metric] = d
        in_to[m, net, metric] = to[net, metric]
    }
    for (i = 1; i <= output_count[m]; i++) {
        net = resolve(outputs[m, i])
        d = depth(m, net, metric)
        if (d >= 0) {
            out_depth[m, outputs[m, i], metric] = d
            out_from[m, outputs[m, i], metric] = from[net, metric]
        }
        delete reached
        find_arcs(m, outputs[m, i], net, metric, 0)
    }
    delete found; delete rests; delete from; delete to
}

# ---- registers of multipliers and block RAMs
function registers(m, i, name) { return param[m, i, name] ~ /1$/ || param[m, i, name] ~ /10$/ }
# Do registers alone look at the outputs of cell i, all (pin: "") or those of one pin, without a LUT between?
function is_registered(m, i, pin,    j, k, net, p) {
    for (j = 1; j <= given_count[i]; j++) {
        net = given[i, j]
        if (pin != "" && index(driver_pin[net], pin "[") != 1) continue
        if (net in leaves) return 0
        for (k = 1; k <= load_count[net]; k++) {
            split(load[net, k], p, " ")
            if (type_of[p[1]] == "DSP48E2" && !registers(m, p[1], substr(p[2], 1, 1) "REG")) return 0
            if (type_of[p[1]] !~ /^(FD|DSP48|RAMB|URAM)/) return 0
        }
    }
    return 1
}
# Is an operand registered in the multiplier, or right in front? Yosys leaves the register of a LUT memory's read there.
function has_operand(m, i, pin,    k, p) {
    if (registers(m, i, pin "REG")) return 1
    for (k = 1; k <= pin_count[i]; k++) {
        split(pins[i, k], p, " ")
        if (index(p[1], pin "[") == 1 && !(p[2] in driver && type_of[driver[p[2]]] ~ /^FD/)) return 0
    }
    return 1
}
# Yosys gives the register between two multipliers to the second one (A, B or C), and a sum that goes on in a cascade
# has the next one's P.
function look_at_registers(m,    i, missing) {
    for (i = 1; i <= cell_count[m]; i++) {
        if (type_of[i] == "DSP48E2" && param[m, i, "USE_MULT"] !~ /NONE/) {
            missing = (has_operand(m, i, "A") ? "" : " A") (has_operand(m, i, "B") ? "" : " B") \
                (registers(m, i, "MREG") ? "" : " M") (registers(m, i, "PREG") || is_registered(m, i, "P") ? "" : " P")
            if (missing != "") too_many("the multiplier of " end_of(m, i) " lacks the registers" missing, 1, 0)
        }
        if (type_of[i] ~ /^(RAMB|URAM)/ && !is_registered(m, i, ""))
            too_many("the block RAM " memory_told(m, i) " is read in one cycle, without a register behind it", 1, 0)
    }
}

function look_at(m,    i, type, net, words) {
    if (m in looked) return
    looked[m] = 1
    for (i = 1; i <= cell_count[m]; i++) {
        type = cells[m, i]
        sub(/ .*/, "", type)
        if (type in is_model) look_at(type)
    }
    gather(m)
    delete given; delete given_count; delete is_input; delete leaves
    for (net in driver) given[driver[net], ++given_count[driver[net]]] = net
    for (i = 1; i <= input_count[m]; i++) is_input[inputs[m, i]] = 1
    for (i = 1; i <= output_count[m]; i++) leaves[resolve(outputs[m, i])] = 1
    look_at_loads(m)
    look_at_depth(m, "lut")
    look_at_depth(m, "carry")
    look_at_registers(m)
}

END {
    if (!(top in is_model)) { print "fit: the netlist has no module " top "."; exit 1 }
    look_at(top)
    for (sentence in excess) {
        failed = 1
        if (limit_of[sentence])
            printf "fit: " sentence "; %d should be the most.\n", excess[sentence], limit_of[sentence] | "sort"
        else
            printf "fit: %s.\n", sentence | "sort"
    }
    close("sort")
    printf "most loads in a module:   %5d of %5d, %s\n", worst_loads, most_loads, worst_loads_at
    printf "most loads in a tile:     %5d of %5d, %s\n", worst_inside, most_loads, worst_inside_at
    printf "most modules:             %5d of %5d, %s\n", worst_count, most_instances, worst_count_at
    printf "LUTs between registers:   %5d of %5d, %s\n", worst["lut"], most["lut"], worst_way["lut"]
    printf "CARRY4 between registers: %5d of %5d, %s\n", worst["carry"], most["carry"], worst_way["carry"]
    exit failed + 0
}
