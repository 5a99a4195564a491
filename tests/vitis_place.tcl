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
        if {[string match *_reg* $cell] != ($name eq "USER_SLL_REG")} {
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
    if {[string match i_* $cell]} {
        put "$cell $given($cell)"
    }
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
