//! `hailo doctor` on made-up systems, one for each fault, and on sound ones of every family of releases.
#![cfg(feature = "cli")]

#[path = "support/mod.rs"]
mod support;
#[path = "support/tree.rs"]
mod tree;

use serde_json::{Value, json};
use support::{Ran, command, run};
use tree::{RELEASES, Tree, release};

fn doctor(tree: &Tree, arguments: &[&str]) -> Ran {
    run(command().arg("doctor").arg("--root").arg(tree.root()).args(arguments))
}

/// The names of the faults, and the same run as text.
fn faults(tree: &Tree, arguments: &[&str]) -> (Vec<String>, String) {
    let ran = doctor(tree, &[arguments, &["--json"]].concat());
    let report = ran.json();
    let findings = report["findings"].as_array().expect("a list of findings");
    for finding in findings {
        for key in ["fault", "severity", "what", "cause", "remedy"] {
            assert!(finding[key].as_str().is_some_and(|text| !text.is_empty()), "{key} in {finding}");
        }
        for key in ["what", "cause", "remedy"] {
            let text = finding[key].as_str().unwrap();
            assert!(text.ends_with('.') && !text.contains("  ") && !text.contains(".."), "a sentence: {text}");
        }
    }
    let errors = findings.iter().filter(|finding| finding["severity"] == "error").count();
    assert_eq!(report["errors"], errors);
    assert_eq!(ran.status, i32::from(errors > 0));
    let text = doctor(tree, arguments);
    assert_eq!((text.status, text.stderr.as_str()), (ran.status, ""));
    for finding in findings {
        let line = format!(
            "{}: {} [{}]",
            finding["severity"].as_str().unwrap(),
            finding["what"].as_str().unwrap(),
            finding["fault"].as_str().unwrap()
        );
        assert!(text.stdout.contains(&line), "{line} in {}", text.stdout);
        assert!(text.stdout.contains(&format!("Cause:  {}", finding["cause"].as_str().unwrap())), "{}", text.stdout);
        assert!(text.stdout.contains(&format!("Remedy: {}", finding["remedy"].as_str().unwrap())), "{}", text.stdout);
    }
    let names = findings.iter().map(|finding| finding["fault"].as_str().unwrap().to_owned());
    (names.collect(), text.stdout)
}

/// That there is exactly this fault, and that the text says each of these things.
#[track_caller]
fn only(tree: &Tree, arguments: &[&str], fault: &str, says: &[&str]) {
    let (found, text) = faults(tree, arguments);
    assert_eq!(found, [fault], "{text}");
    for part in says {
        assert!(text.contains(part), "{part:?} in:\n{text}");
    }
}

/// Writes what the device said.
fn answers(tree: &Tree, device: Value) -> String {
    let mut device = device;
    device["node"] = tree.node().into();
    let path = tree.root().join("answers.json");
    std::fs::write(&path, json!({ "devices": [device] }).to_string()).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_sound_system_of_every_family() {
    for names in RELEASES {
        let tree = Tree::healthy(names);
        let (found, text) = faults(&tree, &[]);
        assert_eq!(found, [""; 0], "{}: {text}", names.release);
        assert!(
            text.contains("Nothing is wrong.") && text.contains(names.release) && text.contains(names.module),
            "{text}"
        );
        let report = doctor(&tree, &["--json"]).json();
        assert_eq!(report["page_size"], 4096);
        assert_eq!(report["boards"][0]["address"], tree::ADDRESS);
        assert_eq!(report["boards"][0]["driver"], names.driver);
        assert_eq!(report["nodes"][0]["path"], tree.node());
        assert_eq!(report["nodes"][0]["address"], tree::ADDRESS, "{}", names.release);
        assert_eq!(report["modules"][0]["release"], names.release);
    }
}

#[test]
fn no_pci_device() {
    for names in RELEASES {
        let tree = Tree::healthy(names);
        tree.remove(&format!("/sys/bus/pci/devices/{}", tree::ADDRESS));
        tree.remove("/sys/class");
        only(&tree, &[], "no-pci-device", &["vendor id 1e60", "lspci -d 1e60:"]);
    }
    let tree = Tree::bare(release("4.23.0"));
    tree.remove("/sys");
    only(&tree, &[], "no-pci-device", &["has no PCI bus"]);
}

#[test]
fn no_driver() {
    // The module is not installed.
    for names in RELEASES {
        let tree = Tree::bare(names);
        only(&tree, &[], "no-driver", &["is not installed", tree::ADDRESS]);
    }
    let names = release("4.23.0");
    // It is installed and not loaded.
    let tree = Tree::bare(names);
    let module = format!("/lib/modules/{}/updates/dkms/hailo_pci.ko.xz", tree::KERNEL);
    tree.write(&module, "");
    only(&tree, &[], "no-driver", &["installed", "not loaded", &module, "sudo modprobe hailo_pci"]);
    // What is said of it, and that another one may not be loaded, changes nothing.
    tree.write("/etc/modprobe.d/options.conf", "options hailo_pci no_power_mode=1\nblacklist other\n");
    only(&tree, &[], "no-driver", &["installed", "not loaded", "sudo modprobe hailo_pci"]);
    // It may not be loaded.
    tree.write("/etc/modprobe.d/no.conf", "# blacklist other\nblacklist hailo-pci\n");
    only(&tree, &[], "no-driver", &["/etc/modprobe.d/no.conf forbids"]);
    // It is there for another kernel.
    let tree = Tree::bare(names);
    tree.write("/lib/modules/6.1.0-old/extra/hailo_pci.ko", "");
    only(&tree, &[], "no-driver", &["installed for 6.1.0-old", tree::KERNEL, "dkms autoinstall"]);
    // Its source is there.
    let tree = Tree::bare(names);
    tree.write("/var/lib/dkms/hailo_pci/4.23.0/source/dkms.conf", "");
    only(&tree, &[], "no-driver", &["was not built for the kernel"]);
    // It is loaded, but the board did not start, and the kernel said why.
    let tree = Tree::bare(names);
    tree.load_module();
    tree.write("/var/log/kern.log", "kernel: hailo: probe of 0000:01:00.0 failed\nkernel: usb error\n");
    only(&tree, &[], "no-driver", &["did not take the board", "The kernel said \"kernel: hailo: probe"]);
    // It is loaded, but for other boards.
    let other = Tree::bare(release("5.2.0"));
    other.write("/sys/module/hailo_pci/version", "4.23.0");
    only(&other, &[], "no-driver", &["does not know this board", "5.0.0 to 5.3.0"]);
}

#[test]
fn another_driver() {
    let tree = Tree::bare(release("4.23.0"));
    tree.load_module();
    tree.link("../../../../bus/pci/drivers/vfio-pci", &tree.board("driver"));
    only(&tree, &[], "other-driver", &["vfio-pci", "unbind"]);
}

#[test]
fn both_modules() {
    let tree = Tree::healthy(release("4.23.0"));
    tree.write("/proc/modules", "hailo1x_pci 90112 0 - Live 0x0000000000000000 (O)\n");
    only(&tree, &[], "two-modules", &["hailo_pci and hailo1x_pci"]);
}

#[test]
fn driver_without_device() {
    for names in RELEASES {
        // Not even in sysfs.
        let tree = Tree::bound(names);
        only(&tree, &[], "no-device-node", &["made no device", names.driver]);
        // In sysfs, but not in /dev.
        let tree = Tree::healthy(names);
        tree.remove(&tree.node());
        let mknod = format!("mknod {} c 509 0", tree.node());
        only(&tree, &[], "no-device-node", &["there is no node", &mknod, &format!("--device {}", tree.node())]);
    }
}

#[test]
fn no_permission() {
    for names in RELEASES {
        let tree = Tree::healthy(names);
        tree.chmod(&tree.node(), 0o600);
        let rule = format!("SUBSYSTEM==\"{}\", MODE=\"0666\"", names.class);
        only(&tree, &[], "no-permission", &["An ordinary user may not open", "0600", "No udev rule", &rule]);
        only(&tree, &["--user", "bob"], "no-permission", &["The user bob may not open"]);
        // For root it works.
        only(&tree, &["--user", "root"], "no-permission", &["warning: An ordinary user"]);
        tree.write(
            "/usr/lib/udev/rules.d/51-hailo-udev.rules",
            format!("SUBSYSTEM==\"{}\", MODE=\"0666\"\n", names.class),
        );
        only(&tree, &[], "no-permission", &["rule in /usr/lib/udev/rules.d/51-hailo-udev.rules was not applied"]);
    }
    // The rule of the older releases is for another class.
    let tree = Tree::healthy(release("5.3.0"));
    tree.chmod(&tree.node(), 0o600);
    tree.write("/etc/udev/rules.d/51-hailo-udev.rules", "SUBSYSTEM==\"hailo_chardev\", MODE=\"0666\"\n");
    only(&tree, &[], "no-permission", &["older one is for another class", "SUBSYSTEM==\"hailo1x\""]);
}

#[test]
fn no_permission_but_a_group_that_has_it() {
    let tree = Tree::healthy(release("4.23.0"));
    tree.chmod(&tree.node(), 0o660);
    let owned = std::os::unix::fs::chown(tree.path(&tree.node()), None, Some(990));
    if owned.is_err() {
        eprintln!("only root can give a file to another group; not tested");
        return;
    }
    only(&tree, &["--user", "bob"], "no-permission", &["The group hailo may use it", "sudo usermod -aG hailo bob"]);
    let (found, text) = faults(&tree, &["--user", "alice"]);
    assert_eq!(found, [""; 0], "{text}");
}

#[test]
fn firmware_file_missing() {
    for names in RELEASES {
        let tree = Tree::healthy(names);
        tree.remove(&format!("/lib/firmware/{}", names.firmware));
        only(&tree, &[], "firmware-file-missing", &[names.firmware, "firmware package"]);
        // A compressed one will do, as will one for this kernel.
        tree.write(&format!("/lib/firmware/{}.zst", names.firmware), "compressed");
        assert_eq!(faults(&tree, &[]).0, [""; 0]);
        tree.remove(&format!("/lib/firmware/{}.zst", names.firmware));
        tree.write(&format!("/lib/firmware/updates/{}/{}.xz", tree::KERNEL, names.firmware), "compressed");
        assert_eq!(faults(&tree, &[]).0, [""; 0]);
    }
    // Nobody knows the release, and none of its files is there.
    let tree = Tree::healthy(release("5.2.0"));
    tree.remove("/sys/module/hailo1x_pci/version");
    tree.remove("/lib/firmware/hailo");
    only(&tree, &[], "firmware-file-missing", &["hailo/hailo15l_fw.bin"]);
    // The firmware that runs was loaded before.
    let file = answers(&tree, json!({ "is_fw_loaded": true }));
    only(&tree, &["--answers", &file], "firmware-file-missing", &["warning:", "the next start will fail"]);
}

#[test]
fn firmware_files_of_boards_with_their_own_linux() {
    let tree = Tree::healthy(release("5.2.0"));
    tree.write(&tree.board("device"), "0x26a2\n");
    only(&tree, &[], "firmware-file-missing", &["hailo/hailo12l/scu_fw.bin", "hailo/hailo12l/u-boot*.dtb.signed"]);
    for name in
        ["customer_certificate.bin", "u-boot-spl.bin", "fitImage", "image-fs", "u-boot-7.dtb.signed", "scu_fw.bin"]
    {
        tree.write(&format!("/lib/firmware/hailo/hailo12l/{name}"), 0x8639_aa42_u32.to_le_bytes());
    }
    only(&tree, &[], "firmware-file-damaged", &["scu_fw.bin", "ends after 4 bytes, within its header"]);
}

#[test]
fn firmware_file_damaged() {
    let tree = Tree::healthy(release("4.23.0"));
    tree.write("/lib/firmware/hailo/hailo8_fw.bin", "<html>404 not found</html>");
    only(&tree, &[], "firmware-file-damaged", &["0x6d74683c"]);
    tree.write("/lib/firmware/hailo/hailo8_fw.bin", "");
    only(&tree, &[], "firmware-file-damaged", &["empty"]);
    // Of another board, and one that was cut short.
    let word = |word: u32| word.to_le_bytes();
    let image = |magic: u32, code: u32| [magic, 0, 4, 23, 0, code].map(word).concat();
    tree.write("/lib/firmware/hailo/hailo8_fw.bin", image(0xe905_daab, 100));
    only(&tree, &[], "firmware-file-damaged", &["0xe905daab, which no firmware for this board does"]);
    tree.write("/lib/firmware/hailo/hailo8_fw.bin", [image(0x1dd8_9de0, 1000), vec![0; 999]].concat());
    only(&tree, &[], "firmware-file-damaged", &["was cut short", "1000 bytes, 999 are left"]);
}

#[test]
fn firmware_not_loaded() {
    for names in RELEASES {
        let tree = Tree::healthy(names);
        let file = answers(&tree, json!({ "driver_release": names.release, "is_fw_loaded": false }));
        only(&tree, &["--answers", &file], "firmware-not-loaded", &[&tree.node(), "Reload the module"]);
    }
}

#[test]
fn firmware_and_driver_of_different_releases() {
    for names in RELEASES {
        // The file.
        let tree = Tree::healthy(names);
        tree.write(&format!("/sys/module/{}/version", names.module), names.release);
        let mut image = std::fs::read(tree.path(&format!("/lib/firmware/{}", names.firmware))).unwrap();
        image[8] = 9;
        tree.write(&format!("/lib/firmware/{}", names.firmware), &image);
        only(&tree, &[], "firmware-mismatch", &[names.firmware, "release 9.", &format!("driver is {}", names.release)]);
        // What runs. A patch release makes no difference.
        let tree = Tree::healthy(names);
        let device = json!({ "driver_release": names.release, "firmware_release": "4.18.0" });
        let file = answers(&tree, device);
        only(&tree, &["--answers", &file], "firmware-mismatch", &["that runs on", "4.18.0"]);
        let patch = format!("{}.99", names.release.rsplit_once('.').unwrap().0);
        let file = answers(&tree, json!({ "driver_release": names.release, "firmware_release": patch }));
        // The protocol of firmware 5.3 is not known here.
        let expected: &[&str] = if patch == "5.3.99" { &["unknown-firmware"] } else { &[] };
        assert_eq!(faults(&tree, &["--answers", &file]).0, expected, "{patch}");
        // Firmware that is neither the driver's nor known at all.
        let file = answers(&tree, json!({ "driver_release": names.release, "firmware_release": "9.1.0" }));
        let (found, text) = faults(&tree, &["--answers", &file]);
        assert_eq!(found, ["firmware-mismatch", "unknown-firmware"], "{text}");
        assert!(text.contains("firmware 9.1.0 (not known here)"), "{text}");
    }
}

#[test]
fn device_in_use() {
    for names in RELEASES {
        let tree = Tree::healthy(names);
        tree.write("/proc/77/comm", "detector\n");
        tree.link("/dev/null", "/proc/77/fd/0");
        tree.link(&tree.node(), "/proc/77/fd/5");
        tree.link("/dev/hailo00", "/proc/1/fd/3");
        only(&tree, &[], "in-use", &[&format!("{} is open in detector (process 77)", tree.node())]);
    }
}

#[test]
fn large_pages() {
    for names in RELEASES {
        let tree = Tree::healthy(names);
        tree.write("/proc/1/smaps", "KernelPageSize:       16 kB\n");
        let option = format!("options {} force_desc_page_size=4096", names.module);
        only(&tree, &[], "page-size", &["16 KiB", &option, &format!("/etc/modprobe.d/{}.conf", names.module)]);
        // With the parameter set, large pages do no harm.
        let parameter = format!("/sys/module/{}/parameters/force_desc_page_size", names.module);
        tree.write(&parameter, "4096\n");
        assert_eq!(faults(&tree, &[]).0, [""; 0]);
        tree.write(&parameter, "16384\n");
        only(&tree, &[], "page-size", &["force_desc_page_size is 16384"]);
        // What the driver answers counts more.
        let file = answers(&tree, json!({ "driver_release": names.release, "desc_max_page_size": 4096 }));
        assert_eq!(faults(&tree, &["--answers", &file]).0, [""; 0]);
        let file = answers(&tree, json!({ "driver_release": names.release, "desc_max_page_size": 16384 }));
        only(&tree, &["--answers", &file], "page-size", &["allows descriptor pages of 16384 bytes"]);
    }
    // Other places that say how large pages are.
    let tree = Tree::healthy(release("4.23.0"));
    tree.remove("/proc/1/smaps");
    assert_eq!(doctor(&tree, &["--json"]).json()["page_size"], Value::Null);
    tree.write(&format!("/boot/config-{}", tree::KERNEL), "CONFIG_ARM64_16K_PAGES=y\n");
    only(&tree, &[], "page-size", &["16 KiB"]);
    let auxiliary: Vec<u8> = [6_u64, 4096, 0, 0].iter().flat_map(|number| number.to_le_bytes()).collect();
    tree.write("/proc/self/auxv", auxiliary);
    assert_eq!(faults(&tree, &[]).0, [""; 0]);
}

#[test]
fn no_message_interrupts() {
    for names in RELEASES {
        // The driver has the board, but with a shared line.
        let tree = Tree::healthy(names);
        tree.remove(&tree.board("msi_irqs"));
        only(&tree, &[], "no-msi", &["there is no msi_irqs"]);
        let line = format!(" 42:  10  20  IO-APIC  16-fasteoi  {}\n", names.driver);
        tree.write("/proc/interrupts", line);
        only(&tree, &[], "no-msi", &["IO-APIC"]);
        tree.write("/proc/interrupts", format!(" 42:  10  20  PCI-MSI 524288-edge  {}\n", names.driver));
        assert_eq!(faults(&tree, &[]).0, [""; 0]);
        // The kernel was told not to use any, so that the driver cannot take the board.
        let tree = Tree::bare(names);
        tree.load_module();
        tree.write("/proc/cmdline", "quiet pci=noaer,nomsi\n");
        let (found, text) = faults(&tree, &[]);
        assert_eq!(found, ["no-driver", "no-msi"], "{text}");
        assert!(text.contains("needs MSI") && text.contains("started with pci=nomsi"), "{text}");
        // The bridge above does not let them through.
        let tree = Tree::bare(names);
        tree.load_module();
        tree.write("/sys/devices/pci0000:00/0000:00:01.0/msi_bus", "0\n");
        let (found, text) = faults(&tree, &[]);
        assert_eq!(found, ["no-driver", "no-msi"], "{text}");
        assert!(text.contains("switched MSI off for 0000:00:01.0"), "{text}");
    }
}

#[test]
fn overheating() {
    for names in RELEASES {
        let tree = Tree::healthy(names);
        let release = names.release;
        let hot = json!({
            "driver_release": release, "temperatures": [101.5, 99.0], "orange_threshold": 104, "red_threshold": 120,
            "temperature_zone": 1, "temperature_throttling": true,
        });
        let file = answers(&tree, hot);
        let says = ["warning:", "is hot", "101.5 °C", "red zone starts at 120 °C", "in the orange zone and throttles"];
        only(&tree, &["--answers", &file], "overheating", &says);
        let red = json!({ "driver_release": release, "temperatures": [90.0, 121.0], "red_threshold": 120 });
        let file = answers(&tree, red);
        only(&tree, &["--answers", &file], "overheating", &["error:", "is overheating", "121.0 °C"]);
        // Where the firmware's thresholds are not known, its defaults count.
        let file = answers(&tree, json!({ "driver_release": release, "temperatures": [104.5, 99.0] }));
        only(&tree, &["--answers", &file], "overheating", &["warning:", "orange zone starts at 104 °C"]);
        let fine = json!({
            "driver_release": release, "temperatures": [45.0, 44.0], "orange_threshold": 104, "red_threshold": 120,
            "temperature_zone": 0, "temperature_throttling": false,
        });
        let file = answers(&tree, fine);
        assert_eq!(faults(&tree, &["--answers", &file]).0, [""; 0]);
        let events = json!({ "driver_release": release, "temperature_events": ["zone green", "zone orange, 105 °C"] });
        let file = answers(&tree, events);
        only(&tree, &["--answers", &file], "temperature-event", &["The last of 2 events: zone orange, 105 °C"]);
    }
}

#[test]
fn unsupported_driver() {
    let tree = Tree::healthy(release("4.23.0"));
    tree.write("/sys/module/hailo_pci/version", "4.99.3\n");
    let (found, text) = faults(&tree, &[]);
    assert!(found.contains(&"unsupported-driver".to_owned()), "{text}");
    for part in ["4.99.3", "4.23.0 and 5.0.0", "--assume-release 4.23.0"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    // Only the device knows.
    let tree = Tree::healthy(release("4.23.0"));
    tree.remove("/sys/module/hailo_pci/version");
    let file = answers(&tree, json!({ "driver_release": "4.16.2" }));
    let (found, text) = faults(&tree, &["--answers", &file]);
    assert!(found.contains(&"unsupported-driver".to_owned()) && text.contains("The driver of /dev/hailo0"), "{text}");
}

#[test]
fn no_answer() {
    let tree = Tree::healthy(release("4.23.0"));
    let file = answers(&tree, json!({ "problem": "the firmware did not answer within 1000 ms" }));
    only(&tree, &["--answers", &file], "no-answer", &["/dev/hailo0 does not answer", "1000 ms"]);
}

#[test]
fn slow_link() {
    let tree = Tree::healthy(release("4.23.0"));
    for (file, value) in [("current_link_speed", "5.0 GT/s PCIe"), ("max_link_speed", "8.0 GT/s PCIe")] {
        tree.write(&tree.board(file), value);
    }
    for file in ["current_link_width", "max_link_width"] {
        tree.write(&tree.board(file), "4\n");
    }
    let link = |tree: &Tree, speed: &str, width: &str| {
        tree.write(&tree.board("current_link_speed"), speed);
        tree.write(&tree.board("current_link_width"), width);
    };
    link(&tree, "8.0 GT/s PCIe", "4\n");
    assert_eq!(faults(&tree, &[]).0, [""; 0], "all that the board can do");
    link(&tree, "8.0 GT/s PCIe", "2\n");
    only(&tree, &[], "slow-link", &["note:", "2 lanes at 8 GT/s of 4 at 8 GT/s"]);
    link(&tree, "5.0 GT/s PCIe", "4\n");
    only(&tree, &[], "slow-link", &["note:", "4 lanes at 5 GT/s of 4 at 8 GT/s"]);
}

#[test]
fn answers_of_another_machine() {
    let tree = Tree::healthy(release("4.23.0"));
    let report = doctor(&tree, &["--json", "--answers", &answers(&tree, json!({ "is_fw_loaded": false }))]);
    // A whole report is taken for its answers.
    tree.write("/report.json", &report.stdout);
    let file = tree.path("/report.json");
    only(&tree, &["--answers", file.to_str().unwrap()], "firmware-not-loaded", &[]);
}

#[test]
fn what_cannot_be_looked_at() {
    let tree = Tree::healthy(release("4.23.0"));
    assert!(doctor(&tree, &["--user", "carol"]).sentence().contains("no user carol"));
    assert!(support::hailo("doctor --root /nowhere/at/all").sentence().contains("/nowhere/at/all"));
    assert!(doctor(&tree, &["--answers", "/nowhere.json"]).sentence().contains("cannot read /nowhere.json"));
    tree.write("/wrong.json", r#"{"devices": [{"node": "/dev/hailo0", "colour": "green"}]}"#);
    let wrong = doctor(&tree, &["--answers", tree.path("/wrong.json").to_str().unwrap()]).sentence();
    assert!(wrong.contains("colour") && wrong.contains("hailo doctor --json"), "{wrong}");
}

#[cfg(feature = "emulator")]
#[test]
fn the_default_device_of_this_system_is_not_one_of_another() {
    let tree = Tree::healthy(release("4.23.0"));
    let answers = |command: &mut std::process::Command| {
        let json = run(command.args(["doctor", "--listen", "0", "--json", "--root"]).arg(tree.root())).json();
        json["answers"]["devices"].clone()
    };
    assert_eq!(answers(command().env("HAILO_DEVICE", "mock:temperature=125")), json!([]));
    // It is asked if it is named, whatever the default is.
    let named = answers(command().env("HAILO_DEVICE", "mock").args(["--device", "mock:driver=4.22.0"]));
    assert_eq!((&named[0]["node"], &named[0]["driver_release"]), (&"/dev/hailo0".into(), &"4.22.0".into()));
    // Without --root the default counts.
    let json =
        run(command().env("HAILO_DEVICE", "mock:temperature=125").args(["doctor", "--listen", "0", "--json"])).json();
    assert_eq!(json["findings"][0]["fault"], "overheating");
}
