# SPDX-License-Identifier: Apache-2.0
# Which process of the network is in which die (SLR), and the channels that lead from die to die (mr_crossing). Vivado
# reads this before it optimises the linked design. They are wishes: the placer follows them where it can.

proc cells_of {name} {
    return [get_cells -quiet -hierarchical -filter "NAME =~ *u_network/$name"]
}

proc assign {name die} {
    set cells [cells_of $name]
    if {[llength $cells]} {
        set_property USER_SLR_ASSIGNMENT SLR$die $cells
    } else {
        puts "WARNING: place.tcl: there is no cell u_network/$name"
    }
}

# A process.
proc place {process die} {
    assign i_$process $die
}

# A register at a border: it may stand where the lines between the dies begin and end.
proc at_border {name} {
    set registers [get_cells -quiet -hierarchical -filter "NAME =~ *u_network/$name"]
    if {[llength $registers]} {
        set_property USER_SLL_REG TRUE $registers
    } else {
        puts "WARNING: place.tcl: there are no registers u_network/$name"
    }
}

# A channel. Of the two registers on each side (data_q of mr_stages), the first and the last of the way stand beside the
# logic, the others at the border; a FIFO is at the reader. Registers in dies between are at borders, too.
proc cross {channel from to} {
    foreach part {push word taken} {
        assign x_$channel/u_near_$part $from
        assign x_$channel/u_far_$part $to
        lassign [expr {$part eq "taken" ? {0 1} : {1 0}}] near far
        at_border x_$channel/u_near_$part/*data_q_reg?$near?*
        at_border x_$channel/u_far_$part/*data_q_reg?$far?*
        if {abs($from - $to) > 1} {
            at_border x_$channel/u_way_$part/*data_q_reg*
        }
    }
    assign x_$channel/u_far_fifo $to
}

# A process whose lane tiles lie in several dies; the rest of it is in die `home`. Each group of `tiles_of_way` tiles has
# a way of its own (mr_way) and is in one die, by the list `dies`. Of a way all registers but the last are at borders.
proc spread {process home tiles_of_way dies} {
    set here {}
    foreach cell [cells_of i_$process/*] {
        if {![regexp {(?:^|/)(i_[^/]+/[^/]+)$} $cell all name]} {
            continue
        }
        set name [string map {\[ ? \] ?} $name] ;# as a pattern, which has no brackets
        if {[regexp {\?(\d+)\?\.i_tile$} $name all tile]} {
            assign $name [lindex $dies [expr {$tile / $tiles_of_way}]]
        } elseif {[regexp {_of_tiles\?(\d+)\?\.i_way$} $name all way] && [lindex $dies $way] != $home} {
            assign $name/u_near $home
            assign $name/u_far [lindex $dies $way]
            at_border $name/u_near/*data_q_reg*
            at_border $name/u_far/*data_q_reg?0?*
            if {abs([lindex $dies $way] - $home) > 1} {
                at_border $name/u_way/*data_q_reg*
            }
        } else {
            lappend here $cell
        }
    }
    set_property USER_SLR_ASSIGNMENT SLR$home $here
}
