# SPDX-License-Identifier: Apache-2.0
# Stands for Vivado where hw/vitis/package.tcl is checked without it: knows its commands and writes down what it is
# told. vitis_test.sh calls it as `vivado`: its own options, then -source SCRIPT -tclargs ARGUMENT...
set at [lsearch $argv -source]
set script [lindex $argv [expr {$at + 1}]]
set argv [lrange $argv [expr {[lsearch $argv -tclargs] + 1}] end]
set argc [llength $argv]
set files {}
set include_dirs {}
set packaged 0

proc option {arguments name} {
    set at [lsearch -exact $arguments $name]
    if {$at < 0} {
        error "option $name is missing in: $arguments"
    }
    return [lindex $arguments [expr {$at + 1}]]
}
proc create_project {args} {
    if {![regexp {^xcu} [option $args -part]]} {
        error "the part is no Alveo card's"
    }
}
proc add_files {args} {
    foreach file [lindex $args end] {
        if {![file readable $file]} {
            error "$file is added and not there"
        }
        lappend ::files $file
    }
}
proc set_property {name value args} {
    if {$name eq "include_dirs"} {
        set ::include_dirs $value
    }
}
foreach name {current_fileset update_compile_order close_project get_property} {
    proc $name {args} {return $args}
}
namespace eval ipx {
    proc package_project {args} {
        file mkdir [option $args -root_dir]
    }
    proc associate_bus_interfaces {args} {
        lappend ::interfaces [option $args -busif]
    }
    proc get_user_parameters {args} {return {X_BITS Y_BITS}}
    foreach name {current_core remove_user_parameter infer_bus_interface create_xgui_files update_checksums save_core} {
        proc $name {args} {return core}
    }
}
proc package_xo {args} {
    foreach name {-ip_directory -kernel_xml} {
        if {![file exists [option $args $name]]} {
            error "package_xo: [option $args $name] is not there"
        }
    }
    set out [open [option $args -xo_path] w]
    puts $out "kernel [option $args -kernel_name]"
    close $out
    set ::packaged 1
}
source $script
set ports {m_axi_gmem_in m_axi_gmem_out}
set header [open [lsearch -inline $files */mr_network.svh]]
if {[regexp {`define MR_MEMORIES (\d+)} [read $header] all memories]} {
    for {set m 0} {$m < $memories} {incr m} {
        lappend ports m_axi_memory$m
    }
}
close $header
if {!$packaged || [lsort $interfaces] ne [concat $ports s_axi_control]} {
    error "the kernel is not packaged with its ports: $interfaces"
}
set out [open files.txt w]
foreach folder $include_dirs {
    puts $out "-I$folder"
}
foreach file $files {
    if {[regexp {\.sv$} $file]} {
        puts $out $file
    }
}
close $out
