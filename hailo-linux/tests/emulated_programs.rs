//! What becomes of buffers, descriptors and calls of emulated programs when their processes fork, end, run other programs
//! or give memory up.

#[path = "support/programs.rs"]
mod programs;
#[path = "support/mod.rs"]
mod support;

use programs::Program;

#[test]
fn pages_stay_the_devices() {
    let ran = Program::c("pinned").emulated(&[]);
    let said = "unmapped source\nunmapped destination\nreplaced destination\nforked\nended\nother program\n";
    assert_eq!((ran.status, ran.stdout.as_str()), (0, said), "{}", ran.stderr);
    assert!(!ran.stderr.contains("memory that is not there"), "{}", ran.stderr);
}

#[test]
fn descriptors_are_those_of_a_device_wherever_they_go() {
    let ran = Program::c("descriptors").emulated(&["--quiet"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (0, "exec\ndup2\nmessage\nblocking\n"), "{}", ran.stderr);
}

#[test]
fn many_threads_call_at_once_and_processes_end_in_the_middle() {
    let ran = Program::c("many").emulated(&[]);
    assert_eq!((ran.status, ran.stdout.as_str()), (0, "64 threads\nended\nkilled\n"), "{}", ran.stderr);
    assert_eq!(ran.stderr.matches("32 enabled channels").count(), 5, "{}", ran.stderr);
}

#[test]
fn files_of_the_system_are_read_and_written_as_their_modes_say() {
    // Whoever runs this: the mode of such a file binds root too.
    let line = "cd /sys/bus/pci; cat rescan || echo unreadable; (echo 1 <> rescan >&0) || echo not both; \
                (echo 0 > devices/0000:01:00.0/vendor) || echo not writable; cat devices/0000:01:00.0/vendor; \
                ls devices/0000:01:00.0/ | grep -c remove; (echo none > /sys/power/pm_test) && head -c 4 /sys/power/pm_test";
    let ran = Program::shell(line).emulated(&["--quiet"]);
    assert_eq!(ran.stdout, "unreadable\nnot both\nnot writable\n0x1e60\n1\nnone", "{}", ran.stderr);
    assert_eq!(ran.stderr.matches("ermission denied").count(), 3, "{}", ran.stderr);
}

#[test]
fn boards_are_taken_out_and_come_back() {
    let line = "cat /sys/bus/pci/devices/0000:01:00.0/vendor; echo 1 > /sys/bus/pci/devices/0000:01:00.0/remove; \
                ls /dev/hailo0 /sys/class/hailo_chardev; echo 1 > /sys/bus/pci/rescan; ls /sys/class/hailo_chardev";
    let ran = Program::shell(line).emulated(&["--quiet", "--device", "mock:boards=2"]);
    assert_eq!(ran.stdout, "0x1e60\n/sys/class/hailo_chardev:\nhailo1\nhailo0\nhailo1\n", "{}", ran.stderr);
}
