# SPDX-License-Identifier: Apache-2.0
# Stands for Vivado where a project's place.tcl is checked without it: the cells are those of the network's RTL as it
# stands, with registers named as Vivado names them. Usage: tclsh vitis_place.tcl PROJECT HW. Says for each process its
# die, for each channel that crosses how many registers are at borders; fails for a name that is no cell's.
lassign $argv project hw
proc read_file {name} {
    set file [open $name]
    set text [read $file]
    close $file
    return $text
}
set network [read_file $project/network.sv]
set crossing [read_file $hw/rtl/mr_crossing.sv]
set cells {}
foreach {all name} [regexp -all -inline {\n  \w+ (i_\w+) \(} $network] {
    lappend cells $name
}
foreach {all width stages name} [regexp -all -inline {mr_crossing #\(.WIDTH\((\d+)\), .DEPTH\(\d+\), .STAGES\((\d+)\)\) (x_\w+) \(} $network] {
    lappend cells $name
    lappend crossings $name
    # As in the module: two registers on each side, the rest on the way.
    array set depth [list near 2 far 2 way [expr {$stages - 4}]]
    foreach {all part} [regexp -all -inline {\) (u_\w+) \(} $crossing] {
        lappend cells $name/$part
        if {![regexp {u_(near|far|way)_(push|word|taken)} $part all side what]} {
            continue
        }
        for {set stage 0} {$stage < $depth($side)} {incr stage} {
            for {set bit 0} {$bit < ($what eq "word" ? $width : 1)} {incr bit} {
                lappend cells "$name/$part/g_registers.data_q_reg\[$stage\]\[$bit\]"
            }
        }
    }
}
# Of a process with lanes in several dies: tiles, a way to some of them for each value, and something of its own.
foreach body [split [string map [list \nendmodule \x01] $network] \x01] {
    if {[string first `MR_WAYS( $body] < 0} {
        continue
    }
    regexp {\nmodule (\w+) \(} $body all module
    lappend cells i_$module/busy_q_reg
    lappend spread i_$module
    foreach {all first end label} [regexp -all -inline {genvar t = (\d+); t < (\d+); t\+\+\) begin : (gen_tile\w*)} $body] {
        for {set tile $first} {$tile < $end} {incr tile} {
            lappend cells "i_$module/${label}\[$tile\].i_tile"
        }
    }
    foreach {all many count stages} [regexp -all -inline {`MR_WAYS\((\w+), (\d+), \d+, (\d+),} $body] {
        array set depth [list near 1 way [expr {$stages - 3}] far 2] ;# as in mr_way
        for {set way 0} {$way < $count} {incr way} {
            set name "i_$module/gen_$many\[$way\].i_way"
            lappend cells $name
            foreach part {near way far} {
                lappend cells $name/u_$part
                for {set stage 0} {$stage < $depth($part)} {incr stage} {
                    lappend cells "$name/u_$part/g_registers.data_q_reg\[$stage\]\[0\]" ;# and all other bits
                }
            }
        }
    }
}
proc get_cells {args} {
    set pattern [lindex [lindex $args end] 2]
    if {[lindex $args end-1] ne "-filter" || [lindex [lindex $args end] 1] ne "=~"} {
        error "get_cells: $args"
    }
    set found {}
    foreach cell $::cells {
        if {[string match $pattern top/u_network/$cell]} {
            lappend found $cell
        }
    }
    return $found
}
proc set_property {name value cells} {
    foreach cell $cells {
        # A die is a module's, a place at the border a register's.
        if {[string match *data_q_reg* $cell] != ($name eq "USER_SLL_REG")} {
            error "$name is given to $cell"
        }
        if {[info exists ::given($cell)]} {
            error "$cell is given twice"
        }
        set ::given($cell) $value
    }
}
rename puts put
proc puts {args} {
    if {[string match WARNING* [lindex $args end]]} {
        error [lindex $args end]
    }
    put {*}$args
}
source $project/place.tcl
foreach cell [lsort [array names given]] {
    if {[string match i_* $cell] && ![string match */* $cell]} {
        put "$cell $given($cell)"
    } elseif {[regexp {^(i_\w+)/gen_(tile)\w*\[(\d+)\]} $cell all process kind tile]} {
        put "$process tile $tile $given($cell)"
    }
}
foreach process [expr {[info exists spread] ? $spread : {}}] {
    # Of each value: registers of a way that is in its die, or that ends in another one and crosses borders.
    set ways [lsearch -all -inline -glob $cells $process/*.i_way]
    set away 0
    foreach way $ways {
        if {![info exists given($way)]} {
            incr away
            if {$given($way/u_near) ne $given($process/busy_q_reg) || $given($way/u_far) eq $given($way/u_near)} {
                error "$way is in $given($way/u_near) and $given($way/u_far)"
            }
        }
    }
    put "$process in $given($process/busy_q_reg): $away of [llength $ways] ways lead to other dies,\
        [llength [array names given $process/*data_q_reg*]] stages at borders"
}
foreach name [expr {[info exists crossings] ? $crossings : {}}] {
    set sides [list $given($name/u_near_push) $given($name/u_far_fifo)]
    foreach part {u_near_word u_near_taken u_far_push u_far_word u_far_taken} side {0 0 1 1 1} {
        if {$given($name/$part) ne [lindex $sides $side]} {
            error "$name/$part is in $given($name/$part)"
        }
    }
    put "$name $sides: [llength [array names given $name/*_reg*]] registers at borders"
}
