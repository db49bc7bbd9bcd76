//! Commands that need no more than a driver: `scan`, `info`, `infer`; and how a device is chosen.
#![cfg(all(feature = "cli", feature = "emulator"))]

#[path = "support/pty.rs"]
mod pty;
#[path = "support/mod.rs"]
mod support;

use hailo_abi::interface::RELEASES;
use pty::Terminal;
use support::{command, hailo, run};

#[test]
fn scan_lists_emulated_boards_as_the_vendor_does() {
    let text = hailo("scan --device mock:boards=2").ok().stdout;
    assert!(text.starts_with("Hailo Devices:\n[-] Device: 0000:01:00.0\n"), "{text}");
    let json = hailo("scan --device mock:boards=2 --json").ok().json();
    let devices = json["devices"].as_array().unwrap();
    assert_eq!(devices.len(), 2);
    for device in devices {
        assert!(text.contains(&format!("[-] Device: {}\n", device["address"].as_str().unwrap())), "{text}");
        assert!(text.contains(device["device"].as_str().unwrap()), "{text}");
        assert_eq!(device["pci_id"], "1e60:2864");
    }
    // The names are those of the release.
    assert_eq!(hailo("scan --device mock:driver=5.3.0 --json").ok().json()["devices"][0]["device"], "/dev/h1x-0");
}

#[test]
fn info_says_what_the_driver_says() {
    for (release, interface) in RELEASES {
        let device = format!("mock:driver={release}");
        let text = hailo(&format!("info --device {device}")).ok().stdout;
        let json = hailo(&format!("info --device {device} --json")).ok().json();
        assert_eq!(json["driver_release"], release.to_string());
        assert_eq!(json["interface"], interface.first_release.to_string());
        assert_eq!(json["is_fw_loaded"], true);
        assert_eq!(json["dma_type"], "PCIE");
        let board = json["board"].as_str().unwrap();
        assert_eq!(board == "HAILO8", *release < hailo_abi::DriverRelease::new(5, 0, 1), "{release}: {board}");
        for line in [
            format!("Device                   {device}"),
            format!("Driver release           {release}"),
            format!("Board                    {board} (number {})", json["board_type"]),
            format!("Largest descriptor page  {} bytes", json["desc_max_page_size"]),
            "Firmware loaded          yes".into(),
        ] {
            assert!(text.lines().any(|other| other == line), "{line:?} in\n{text}");
        }
    }
}

#[test]
fn infer_computes_every_frame_right() {
    let json = hailo("infer --device mock --frames 200 --json").ok().json();
    assert_eq!((&json["frames"], &json["mismatches"]), (&200.into(), &0.into()));
    let number = |key: &str| json[key].as_f64().unwrap_or_else(|| panic!("{key} in {json}"));
    assert!(number("frames_per_second") > 0.0 && number("seconds") > 0.0);
    assert!(number("bytes_to_device") > 0.0 && number("bytes_from_device") > 0.0);
    assert!((number("bytes") - number("bytes_to_device") - number("bytes_from_device")).abs() < 0.5);
    assert!((number("frames_per_second") * number("seconds") - 200.0).abs() < 0.01);
    let text = hailo("infer --device mock --frames 20").ok().stdout;
    assert!(text.contains("Frames       20 in ") && text.contains("Mismatches   0: every output is right\n"), "{text}");
}

#[test]
fn infer_speaks_every_release() {
    for (release, _) in RELEASES {
        let json = hailo(&format!("infer --device mock:driver={release} --frames 5 --json")).ok().json();
        assert_eq!((&json["frames"], &json["mismatches"]), (&5.into(), &0.into()), "{release}");
        assert_eq!(json["driver_release"], release.to_string());
    }
}

#[test]
fn infer_draws_its_bar_on_a_terminal_only() {
    let arguments = ["infer", "--device", "mock", "--frames", "400"];
    let (status, text) = Terminal::run(command().args(arguments), 80, 24).finish();
    assert_eq!(status, Some(0), "{text}");
    assert!(text.contains("/400 frames") && text.contains("Mismatches   0"), "{text}");
    // Elsewhere there is nothing but the result.
    run(command().args(arguments)).ok();
}

#[test]
fn the_device_is_that_of_the_option_or_the_variable() {
    let ran = run(command().args(["info", "--json"]).env("HAILO_DEVICE", "mock:driver=4.20.0")).ok();
    assert_eq!(ran.json()["driver_release"], "4.20.0");
    let both = run(command().args(["info", "--json", "--device", "mock:driver=4.21.0"]).env("HAILO_DEVICE", "mock"));
    assert_eq!(both.ok().json()["driver_release"], "4.21.0");
    let assumed = hailo("info --device mock:driver=4.22.0 --assume-release 4.21.1 --json").ok().json();
    assert_eq!((&assumed["driver_release"], &assumed["interface"]), (&"4.22.0".into(), &"4.21.0".into()));
}

#[test]
fn what_is_no_device_is_said_in_a_sentence() {
    for (arguments, parts) in [
        ("info --device /dev/hailo-none", ["/dev/hailo-none", "modprobe hailo_pci"]),
        ("info --device /dev/null", ["/dev/null", "not a Hailo driver"]),
        ("infer --device mock:driver=9.9.9", ["9.9.9 (the nearest known: 5.3.0;", "`hailo abi releases`"]),
        ("info --device mock:driver=4.22.5", ["(the nearest known: 4.22.0 and 4.23.0;", "`hailo abi releases`"]),
        ("scan --device /dev/hailo-none", ["no accelerator has the device node /dev/hailo-none", "hailo doctor"]),
        ("scan --device /dev/hailo-none --json", ["/dev/hailo-none", "hailo scan"]),
        ("identify --device mock:colour=red", ["colour", "driver"]),
        ("scan --device mock:boards=many", ["many", "boards"]),
        ("info --device mock --assume-release 9.9.9", ["9.9.9", "--assume-release 5.3.0"]),
    ] {
        let sentence = hailo(arguments).sentence();
        for part in parts {
            assert!(sentence.contains(part), "{part} in {sentence}");
        }
    }
    assert_eq!(hailo("infer --device mock --frames 0").status, 2);
}
