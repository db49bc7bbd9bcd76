//! Commands that ask the firmware: text and JSON, on the emulator.
#![cfg(all(feature = "cli", feature = "emulator"))]

#[path = "support/mod.rs"]
mod support;

use hailo_abi::firmware::user_config::{UserConfigEntry, UserConfigHeader};
use serde_json::{Value, json};
use support::{command, hailo, run};

/// The value of a line `Name: value` of the vendor's layout.
fn line<'a>(text: &'a str, name: &str) -> &'a str {
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
    line.unwrap_or_else(|| panic!("{name} in\n{text}"))
}

fn number(value: &Value, key: &str) -> f64 {
    value[key].as_f64().unwrap_or_else(|| panic!("{key} in {value}"))
}

#[test]
fn identify_is_laid_out_like_the_vendors() {
    let text = hailo("identify --device mock:seed=7 --extended").ok().stdout;
    let json = hailo("identify --device mock:seed=7 --extended --json").ok().json();
    let value = |key: &str| json[key].as_str().unwrap_or_else(|| panic!("{key} in {json}"));
    // Line by line what the vendor's command prints on the emulated board of the recordings.
    let expected = [
        "Executing on device: 0000:01:00.0".to_owned(),
        "Identifying board".into(),
        "Control Protocol Version: 2".into(),
        "Firmware Version: 4.23.0 (release,app)".into(),
        "Logger Version: 0".into(),
        "Board Name: Hailo-8".into(),
        "Device Architecture: HAILO8".into(),
        "Serial Number: HLLWM2B000000007".into(),
        "Part Number: HM218B1C2FAE".into(),
        "Product Name: HAILO-8 AI ACC M.2 M KEY MODULE EXT TEMP".into(),
        "Boot source: PCIE".into(),
        "Neural Network Core Clock Rate: 400MHz".into(),
        "Device supported features: Current Monitoring, PCIE".into(),
        format!("LCS: 3SoC ID: {}", value("soc_id")),
        format!("ULT ID: {}", value("ult_id")),
        "PM Values: 404142434445464748494A4B4C4D4E4F5051525354555657".into(),
    ];
    assert_eq!(text.lines().collect::<Vec<_>>(), expected);
    assert_eq!((value("soc_id").len(), value("ult_id").len()), (64, 24));
    assert_eq!(value("firmware_release"), line(&text, "Firmware Version").split(' ').next().unwrap());
    assert_eq!(json["firmware_flags"], json!(["release", "app"]));
    for (key, name) in [
        ("board_name", "Board Name"),
        ("device_architecture", "Device Architecture"),
        ("serial_number", "Serial Number"),
        ("part_number", "Part Number"),
        ("product_name", "Product Name"),
        ("boot_source", "Boot source"),
        ("pm_values", "PM Values"),
    ] {
        assert_eq!(value(key), line(&text, name));
    }
    // Without --extended it is the first ten lines, and the JSON has no more either.
    let short = hailo("identify --device mock:seed=7").ok().stdout;
    assert_eq!(short.lines().collect::<Vec<_>>(), expected[..10]);
    assert_eq!(hailo("identify --device mock --json").ok().json().get("soc_id"), None);
}

#[test]
fn firmware_of_any_release_is_identified() {
    for (driver, firmware, board) in [
        ("4.17.0", "4.17.1", "HAILO8"),
        ("4.20.0", "4.20.0", "HAILO8"),
        ("5.2.0", "5.2.0", "PLUTO"),
        ("4.23.0", "9.9.9", "HAILO8"),
    ] {
        let device = format!("mock:driver={driver},firmware={firmware}");
        let json = hailo(&format!("identify --device {device} --json")).ok().json();
        assert_eq!((&json["firmware_release"], &json["device_architecture"]), (&firmware.into(), &board.into()));
    }
}

/// The releases that are known, in words.
const KNOWN: &str = "4.17 to 4.23, 5.0 to 5.2 are";

#[test]
fn firmware_of_unknown_release_is_named_and_asked_what_all_have_in_common() {
    for (device, release) in [("mock:driver=5.3.0", "5.3.0"), ("mock:firmware=6.1.0", "6.1.0")] {
        let text = hailo(&format!("identify --device {device}")).ok().stdout;
        assert!(line(&text, "Firmware Version").starts_with(release), "{text}");
        assert_eq!(line(&text, "Note"), format!("firmware {release} is not known here ({KNOWN})"));
        let json = hailo(&format!("identify --extended --device {device} --json")).ok().json();
        assert_eq!((&json["firmware_release"], &json["firmware_known"]), (&release.into(), &false.into()));
        assert_eq!(json["neural_network_core_clock_rate"], 400_000_000);
        let text = hailo(&format!("info --device {device}")).ok().stdout;
        let row = format!("Firmware release         {release}, which is not known here ({KNOWN})");
        assert!(text.lines().any(|line| line == row), "{text}");
        let json = hailo(&format!("info --device {device} --json")).ok().json();
        assert_eq!((&json["firmware_release"], &json["firmware_known"]), (&release.into(), &false.into()));
        let diagnosed = hailo(&format!("doctor --listen 0 --device {device} --json")).json();
        let finding = &diagnosed["findings"].as_array().unwrap().last().unwrap();
        assert_eq!(finding["fault"], "unknown-firmware");
        assert!(finding["what"].as_str().unwrap().contains(release), "{finding}");
        assert!(finding["cause"].as_str().unwrap().contains("4.17 to 4.23, 5.0 to 5.2"), "{finding}");
        assert!(!diagnosed["answers"]["devices"][0]["temperatures"].is_null(), "{diagnosed}");
        // What is the same in all known releases is asked and answered.
        for command in ["temperature", "power", "health", "config read --board", "power --duration 0.05"] {
            hailo(&format!("{command} --device {device} --json")).ok().json();
        }
        hailo(&format!("reset --type nn-core --device {device}")).ok();
    }
    let sample = hailo("monitor --device mock:driver=5.3.0 --count 1 --json").ok().json();
    assert!(number(&sample, "power") > 1.0 && sample["network_groups"].is_null() && sample["problem"].is_null());
    // A driver of known release with other firmware: what differs is refused, with all that one needs to know.
    let library = hailo_linux::Device::open("mock:firmware=6.1.0").unwrap().firmware().unwrap();
    assert_eq!(
        library.hardware_constants().unwrap_err().to_string(),
        format!(
            "mock:firmware=6.1.0: cannot read the constants of the hardware: the firmware is of release 6.1.0, which is not \
             known here ({KNOWN}), and GET_HW_CONSTS is not the same in all known releases; install firmware of a known \
             release, and the driver that belongs to it"
        )
    );
    // Of notifications, too, what all have in common is read, and others are kept by their number.
    let ran = hailo("events --device mock:driver=5.3.0,notify=0.02 --count 8 --json").ok().stdout;
    let events: Vec<Value> = ran.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let texts = |name: &str| events.iter().find(|event| event["event"] == name).map(|event| event["text"].clone());
    assert_eq!(texts("CLOCK_CHANGED"), Some("the core's clock was changed from 400 MHz to 300 MHz".into()));
    assert_eq!(texts("unknown (4)"), Some("unknown notification 4 with 9 bytes".into()));
}

#[test]
fn the_firmware_is_named_by_info() {
    let text = hailo("info --device mock:firmware=4.23.7").ok().stdout;
    assert!(text.lines().any(|line| line == "Firmware release         4.23.7"), "{text}");
    let json = hailo("info --device mock:firmware=4.23.7 --json").ok().json();
    assert_eq!((&json["firmware_release"], &json["firmware_known"]), (&"4.23.7".into(), &true.into()));
    assert!(json["firmware_problem"].is_null());
}

#[test]
fn temperature_once_and_again_and_again() {
    let text = hailo("temperature --device mock:temperature=61").ok().stdout;
    let values: Vec<f64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    assert!(values.len() == 2 && values.iter().all(|value| (value - 61.0).abs() < 1.0), "{text}");
    let json = hailo("temperature --device mock:temperature=61 --json").ok().json();
    assert!(
        (number(&json, "ts0_temperature") - 61.0).abs() < 1.0 && (number(&json, "ts1_temperature") - 61.0).abs() < 1.0
    );
    let watched = hailo("temperature --device mock --watch --interval 0.01 --count 3 --json").ok().stdout;
    let samples: Vec<Value> = watched.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let counts: Vec<_> = samples.iter().map(|sample| sample["sample_count"].as_u64().unwrap()).collect();
    assert_eq!(counts, [1, 2, 3]);
    assert_eq!(hailo("temperature --device mock --interval 1").status, 2, "an interval needs --watch");
}

#[test]
fn power_once_and_over_a_time() {
    let json = hailo("power --device mock --json").ok().json();
    assert!((number(&json, "value") - 1.875).abs() < 0.1);
    assert_eq!(
        (&json["unit"], &json["measurement_type"], &json["dvm"]),
        (&"W".into(), &"POWER".into(), &"VDD_CORE".into())
    );
    let text = hailo("power --device mock --type current --dvm vdd-top").ok().stdout;
    assert!(text.ends_with(" mA (CURRENT, VDD_TOP)\n"), "{text}");
    let text = hailo("power --device mock --duration 0.2").ok().stdout;
    let json = hailo("power --device mock --duration 0.2 --json").ok().json();
    let names: Vec<_> = text.lines().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(
        names,
        [
            "Executing on device",
            "Measuring power consumption over 0.2 seconds",
            "Total samples",
            "Max value (W)",
            "Min value (W)",
            "Average value (W)",
            "Average time per sample (ms)"
        ]
    );
    for (name, key) in [
        ("Max value (W)", "max_value"),
        ("Min value (W)", "min_value"),
        ("Average value (W)", "average_value"),
        ("Average time per sample (ms)", "average_time_value_milliseconds"),
    ] {
        let printed: f64 = line(&text, name).parse().unwrap();
        assert!((printed - number(&json, key)).abs() < 1e-5, "{name}");
    }
    assert!(line(&text, "Total samples").parse::<u32>().unwrap() >= 70);
    assert_eq!(hailo("power --device mock --duration 1 --averaging-factor 3").status, 2);
}

#[test]
fn health_in_every_zone() {
    for (temperature, zone, level) in [(50, "green", None), (105, "orange", Some(0)), (121, "red", Some(3))] {
        let device = format!("mock:temperature={temperature}");
        let json = hailo(&format!("health --device {device} --json")).ok().json();
        assert_eq!(json["temperature_zone"], zone);
        assert_eq!(json["temperature_throttling_level"], json!(level));
        let text = hailo(&format!("health --device {device}")).ok().stdout;
        let now = level.map_or_else(|| "no".to_owned(), |level| format!("level {level}"));
        for row in [
            format!("Temperature zone             {zone}"),
            format!("Throttling now               {now}"),
            format!("Orange zone                  from {} °C", json["orange_temperature_threshold"]),
            format!("Red zone                     from {} °C", json["red_temperature_threshold"]),
            format!("Overcurrent threshold        {} mA", json["red_overcurrent_threshold_milliamperes"]),
        ] {
            assert!(text.lines().any(|line| line.starts_with(&row)), "{row:?} in\n{text}");
        }
        assert_eq!(json["temperature_throttling_levels"].as_array().unwrap().len(), 4);
    }
}

#[test]
fn resets() {
    for kind in ["nn-core", "soft", "forced-soft", "nn_core", "forced_soft"] {
        let ran = hailo(&format!("reset --device mock --type {kind}")).ok();
        assert_eq!(ran.stdout, "Board has been reset successfully\n");
    }
    let json = hailo("reset --device mock --type nn-core --json").ok().json();
    assert_eq!((&json["device"], &json["reset"]), (&"mock".into(), &"nn-core".into()));
    assert!(hailo("reset --device mock --type chip").sentence().contains("over PCI Express"));
    assert_eq!(hailo("reset --device mock").status, 2, "what is reset must be said");
}

#[test]
fn configurations() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("board.bin");
    let text = hailo("config read --board --device mock").ok().stdout;
    assert!(text.starts_with("board configuration: 500 bytes\n0000  "), "{text}");
    let json = hailo("config read --board --device mock --json").ok().json();
    let digits: String = text.lines().skip(1).map(|line| line.split("  ").nth(1).unwrap()).collect();
    assert_eq!((&json["bytes"], &json["size"]), (&digits.as_str().into(), &500.into()));
    run(command().args(["config", "read", "--board", "--device", "mock", "--output"]).arg(&file)).ok();
    let bytes: String = std::fs::read(&file).unwrap().iter().map(|byte| format!("{byte:02X}")).collect();
    assert_eq!(bytes, digits);
    // There is no user configuration, and it says so.
    let json = hailo("config read --device mock --json").ok().json();
    assert_eq!((&json["size"], &json["kind"], &json["entries"]), (&0.into(), &"user".into(), &json!([])));
    assert_eq!(json["problem"], "no user configuration is stored");
    let text = hailo("config read --device mock").ok().stdout;
    assert_eq!(text, "user configuration: 0 bytes\nno user configuration is stored\n");
    let unwritable = run(command().args(["config", "read", "--device", "mock", "--output", "/nowhere/at/all"]));
    assert!(unwritable.sentence().contains("/nowhere/at/all"));
}

#[test]
fn configurations_are_replaced_and_erased_if_that_is_confirmed() {
    let dir = tempfile::tempdir().unwrap();
    let header = UserConfigHeader { magic: 1, version: 7, entry_count: 1 };
    let entry = UserConfigEntry { category: 2, entry_id: 3, entry_size: 4 };
    let user = [&header.to_bytes().unwrap()[..], &entry.to_bytes().unwrap(), &[1, 2, 3, 4]].concat();
    let files = [("user", &user[..]), ("board", &[5; 500]), ("short", &user[..23]), ("odd", &[5; 499])];
    let path = |name: &str| dir.path().join(name);
    for (name, bytes) in files {
        std::fs::write(path(name), bytes).unwrap();
    }
    let write = |name: &str, options: &[&str]| {
        run(command().args(["config", "write", "--device", "mock"]).arg(path(name)).args(options))
    };
    assert_eq!(write("user", &["--yes"]).ok().stdout, "user configuration: 24 bytes written and read back\n");
    assert_eq!(
        write("board", &["--board", "--yes", "--json"]).ok().json(),
        json!({ "device": "mock", "kind": "board", "done": "written", "size": 500 })
    );
    assert_eq!(
        write("user", &[]).sentence(),
        "mock: this would replace the user configuration by the 24 bytes of the file; with --yes it is done"
    );
    for options in [&["--yes"][..], &[]] {
        let short = write("short", options).sentence();
        let wrong =
            format!("{}: entry 0 of the user configuration needs 12 bytes, 11 are left", path("short").display());
        assert_eq!(short, wrong);
    }
    let odd = write("odd", &["--board", "--yes"]).sentence();
    assert!(odd.ends_with("the board configuration has 500 bytes, not 499"), "{odd}");
    assert!(write("missing", &["--yes"]).sentence().contains("missing"));
    assert_eq!(hailo("config erase --device mock --yes").ok().stdout, "user configuration: erased\n");
    let erased = hailo("config erase --device mock --yes --json").ok().json();
    assert_eq!(erased, json!({ "device": "mock", "kind": "user", "done": "erased", "size": 0 }));
    assert!(hailo("config erase --device mock").sentence().contains("with --yes it is done"));
}

#[test]
fn log_of_the_firmware() {
    // Nothing was logged yet, which is no error.
    assert_eq!(hailo("log --device mock").ok().stdout, "");
    assert_eq!(hailo("log --device mock --json").ok().stdout, "");
    // One line when it starts, and the next one long after this test.
    let device = "mock:log=1000";
    for cpu in ["", "--cpu app", "--cpu both"] {
        let log = |options: &str| hailo(&format!("log {cpu} {options} --device {device}")).ok().stdout;
        assert_eq!(log(""), "app: emulated firmware: line 0\n");
        assert_eq!(log("--json"), "{\"cpu\":\"app\",\"line\":\"emulated firmware: line 0\"}\n");
    }
    assert_eq!(hailo(&format!("log --cpu core --device {device}")).ok().stdout, "");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("log");
    for times in 1..3 {
        let ran = run(command().args(["log", "--device", device, "--output"]).arg(&file)).ok();
        assert_eq!(ran.stdout, "");
        // It is appended to what is there.
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "emulated firmware: line 0\n".repeat(times));
    }
    assert_eq!(hailo("log --device mock --json --output x").status, 2);
}

/// What an emulated board that was asked to says in its n-th notification: name, whether critical, text.
fn said(number: u64) -> (&'static str, bool, &'static str) {
    const HOT: &str = "the temperature has entered the orange zone, says sensor 0 (105.5 °C and 104.2 °C)";
    const COOL: &str = "the temperature has entered the green zone, says sensor 0 (98.0 °C and 97.5 °C)";
    match number % 4 {
        0 => ("TEMPERATURE_ALARM", true, HOT),
        1 => ("CLOCK_CHANGED", false, "the core's clock was changed from 400 MHz to 300 MHz"),
        2 => ("TEMPERATURE_ALARM", true, COOL),
        _ => ("OVERCURRENT_ALERT", true, "the current has entered the red zone, threshold 2600 mA"),
    }
}

/// The time in front of a line, in UTC to the millisecond.
fn is_time(text: &str) -> bool {
    humantime::parse_rfc3339(text).is_ok() && text.len() == 24 && text.ends_with('Z')
}

#[test]
fn events_one_by_one() {
    let ran = hailo("events --device mock:notify=0.05 --count 5 --json").ok();
    let mut last = None;
    for line in ran.stdout.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        let sequence = event["sequence"].as_u64().unwrap();
        assert!(last.is_none_or(|last| last < sequence), "{}", ran.stdout);
        last = Some(sequence);
        let (name, critical, text) = said(sequence);
        let bytes = event["bytes"].as_str().unwrap();
        // A header of seven words: version, sequence number, priority, module, event, parameters, bytes that follow.
        let word = |index: usize| u32::from_str_radix(&bytes[8 * index..8 * index + 8], 16).unwrap().swap_bytes();
        assert_eq!((word(0), word(1), word(2)), (0, sequence as u32, critical.into()));
        assert_eq!(word(6) as usize, bytes.len() / 2 - 28);
        let (time, bytes) = (&event["time"], &event["bytes"]);
        let expected = json!({
            "time": time, "event": name, "critical": critical, "sequence": sequence, "text": text, "bytes": bytes,
        });
        assert_eq!(event, expected);
        assert!(is_time(time.as_str().unwrap()), "{time}");
    }
    assert_eq!(ran.stdout.lines().count(), 5);
    let text = hailo("events --device mock:notify=0.05 --count 5").ok().stdout;
    assert_eq!(text.lines().count(), 5);
    for line in text.lines() {
        let (time, rest) = line.split_once(' ').unwrap();
        let known = (0..4).map(said).any(|(name, critical, text)| {
            rest == format!("{name}:{} {text}", if critical { " critical:" } else { "" })
        });
        assert!(known && is_time(time), "{line}");
    }
    // None comes, and whoever waited for one is told.
    assert_eq!(
        hailo("events --device mock --count 1 --timeout 0.1").sentence(),
        "mock: 0 of 1 notifications came in time; wait longer with --timeout, or without end"
    );
    assert_eq!(hailo("events --device mock --timeout 0.1").ok().stdout, "");
}

#[test]
fn monitor_prints_json_where_there_is_no_terminal() {
    let ran = hailo("monitor --device mock:notify=0.05 --interval 0.3 --count 3 --json").ok();
    let lines: Vec<Value> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let samples: Vec<_> = lines.iter().filter(|line| line.get("temperatures").is_some()).collect();
    assert_eq!(samples.len(), 3);
    for sample in samples {
        // The notifications warm the board up and cool it down.
        assert!(["green", "orange"].contains(&sample["temperature_zone"].as_str().unwrap()), "{sample}");
        assert!(number(sample, "power") > 1.0 && sample["problem"].is_null(), "{sample}");
    }
    assert!(lines.iter().any(|line| line["event"] == "TEMPERATURE_ALARM"), "{lines:?}");
    assert!(hailo("monitor --device mock").sentence().contains("--json"));
}

#[test]
fn doctor_asks_emulated_devices() {
    let sound = hailo("doctor --device mock --listen 0").ok().stdout;
    assert!(sound.contains("Nothing is wrong.") && sound.contains("driver 4.23.0, firmware 4.23.0"), "{sound}");
    for (device, listen, fault, status) in [
        ("mock:temperature=125", 0.1, "overheating", 1),
        ("mock:temperature=106", 0.1, "overheating", 0),
        ("mock:firmware=4.20.0", 0.1, "firmware-mismatch", 1),
        ("mock:driver=5.3.0", 0.1, "unknown-firmware", 0),
        // It says that the board is hot, which it is from then on: after it was asked.
        ("mock:notify=2", 2.5, "temperature-event", 0),
    ] {
        let ran = hailo(&format!("doctor --device {device} --listen {listen} --json"));
        assert_eq!(ran.status, status, "{ran:?}");
        let json = ran.json();
        let faults: Vec<_> =
            json["findings"].as_array().unwrap().iter().map(|finding| finding["fault"].as_str().unwrap()).collect();
        assert_eq!(faults, [fault], "{device}");
    }
    // A firmware of another patch release is as good.
    assert_eq!(hailo("doctor --device mock:firmware=4.23.7 --listen 0").status, 0);
}
