# SPDX-License-Identifier: Apache-2.0
# Packages the kernel `millrace` around a network as an RTL kernel for Vitis. By hw/vitis/build.sh:
#   vivado -mode batch -source package.tcl -tclargs HW PROJECT PART
# HW is the folder hw/, PROJECT what `millrace build --platform hw` wrote; it gets millrace.xo.
if {$argc != 3} {
    error "package.tcl: give the folders hw and project, and the part"
}
lassign $argv hw project part
set core_folder "$project/ip"

# Packages first: files are compiled in this order.
set sources [concat \
    [lsort [glob "$hw/card/*_pkg.sv"]] \
    [lsort [glob "$hw/rtl/*.sv"]] \
    [lsort [glob "$hw/card/*.sv"]] \
    [list "$project/network.sv"]]
set unique {}
foreach file $sources {
    if {$file ni $unique} {
        lappend unique $file
    }
}
set headers [concat [lsort [glob "$hw/include/*.svh"]] [list "$project/mr_network.svh"]]

create_project -force millrace "$project/vivado" -part $part
add_files -norecurse [concat $unique $headers]
set_property include_dirs [list "$hw/include" $project] [current_fileset]
set_property top millrace [current_fileset]
update_compile_order -fileset sources_1

ipx::package_project -root_dir $core_folder -vendor millrace -library kernel -taxonomy /KernelIP \
    -import_files -set_current true
set core [ipx::current_core]
set_property name millrace $core
set_property version 1.0 $core
set_property core_revision 1 $core
# The shape is fixed in mr_network.svh; nothing is left to choose.
foreach parameter [ipx::get_user_parameters -of_objects $core] {
    ipx::remove_user_parameter [get_property NAME $parameter] $core
}
set_property sdx_kernel true $core
set_property sdx_kernel_type rtl $core
# The ports that kernel.xml names: control, memory, and that of each memory of the network.
set file [open "$project/kernel.xml"]
foreach {all interface} [regexp -all -inline {<port name="(\w+)"} [read $file]] {
    ipx::associate_bus_interfaces -busif $interface -clock ap_clk $core
}
close $file
ipx::infer_bus_interface interrupt xilinx.com:signal:interrupt_rtl:1.0 $core
set_property xpm_libraries {} $core
set_property supported_families {} $core
set_property auto_family_support_level level_2 $core
ipx::create_xgui_files $core
ipx::update_checksums $core
ipx::save_core $core
close_project

package_xo -force -xo_path "$project/millrace.xo" -kernel_name millrace -ip_directory $core_folder \
    -kernel_xml "$project/kernel.xml"
