//! `hailo abi`: its tables against those that were measured from the vendor's headers, its diffs and its decoder.
#![cfg(feature = "cli")]

#[path = "support/mod.rs"]
mod support;

use std::collections::BTreeSet;

use support::{command, hailo, run};

/// The rows of a golden table that hold for a release, as maps of columns.
struct Golden {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Golden {
    fn read(name: &str) -> Self {
        let path = format!("{}/../tests/golden/{name}", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let mut lines = text.lines().map(|line| line.split('\t').map(str::to_owned).collect::<Vec<_>>());
        Self { columns: lines.next().unwrap(), rows: lines.collect() }
    }

    fn cell<'a>(&self, row: &'a [String], column: &str) -> &'a str {
        &row[self.columns.iter().position(|name| name == column).unwrap()]
    }

    /// These columns of the rows of a release and data model, as lines.
    fn lines(&self, releases: &[String], release: &str, model: &str, columns: &[&str]) -> BTreeSet<String> {
        let order = |release: &str| releases.iter().position(|known| known == release).unwrap();
        let holds = |row: &&Vec<String>| {
            let (first, last) = (self.cell(row, "first_version"), self.cell(row, "last_version"));
            self.cell(row, "data_model") == model && (order(first)..=order(last)).contains(&order(release))
        };
        let line =
            |row: &Vec<String>| columns.iter().map(|column| self.cell(row, column)).collect::<Vec<_>>().join("\t");
        self.rows.iter().filter(holds).map(line).collect()
    }
}

fn releases() -> Vec<String> {
    Golden::read("driver-versions.tsv").rows.into_iter().map(|row| row[0].clone()).collect()
}

/// Compares what a subcommand prints with a table, for every release and data model; gives the number of rows.
fn compare(subcommand: &str, table: &str, columns: &[&str]) -> usize {
    let golden = Golden::read(table);
    let releases = releases();
    let mut count = 0;
    for release in &releases {
        for model in ["lp64", "ilp32"] {
            let ran = hailo(&format!("abi {subcommand} --release {release} --data-model {model}")).ok();
            let mut lines = ran.stdout.lines();
            assert_eq!(lines.next().unwrap().split('\t').collect::<Vec<_>>(), columns);
            let lines: Vec<String> = lines.map(str::to_owned).collect();
            let set: BTreeSet<String> = lines.iter().cloned().collect();
            assert_eq!(set.len(), lines.len(), "no row twice: {release} {model}");
            assert_eq!(set, golden.lines(&releases, release, model, columns), "{release} {model}");
            count += lines.len();
            // JSON has the same rows.
            let json = hailo(&format!("abi {subcommand} --release {release} --data-model {model} --json")).ok().json();
            let rows = json[if subcommand == "structs" { "fields" } else { "requests" }].as_array().unwrap();
            let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let rows: Vec<String> = rows
                .iter()
                .map(|row| columns.iter().map(|column| text(&row[column])).collect::<Vec<_>>().join("\t"))
                .collect();
            assert_eq!(rows, lines);
            assert_eq!((&json["release"], &json["data_model"]), (&release.as_str().into(), &model.into()));
        }
    }
    count
}

#[test]
fn structs_are_the_measured_ones() {
    let count = compare("structs", "driver-struct-fields.tsv", &["struct", "field", "offset", "size"]);
    assert!(count > 17 * 2 * 80, "{count} rows");
}

#[test]
fn requests_are_the_measured_ones() {
    let count = compare("requests", "driver-requests.tsv", &["name", "request", "size"]);
    assert!(count > 17 * 2 * 20, "{count} rows");
}

#[test]
fn what_changed_between_two_releases() {
    let ran = hailo("abi diff 4.20.0 4.23.0").ok();
    let json = hailo("abi diff 4.20.0 4.23.0 --json").ok().json();
    let golden = Golden::read("driver-struct-fields.tsv");
    let releases = releases();
    let fields = |release| golden.lines(&releases, release, "lp64", &["struct", "field", "offset", "size"]);
    let (old, new) = (fields("4.20.0"), fields("4.23.0"));
    // Every field that is there in one release only, or elsewhere, is named below its struct, and no other.
    let structs = json["structs"].as_array().unwrap();
    let mut changed = BTreeSet::new();
    for entry in structs {
        for part in entry["parts"].as_array().into_iter().flatten() {
            changed.insert(format!("{}\t{}", entry["name"].as_str().unwrap(), part["name"].as_str().unwrap()));
        }
    }
    let name = |line: &String| line.split('\t').take(2).collect::<Vec<_>>().join("\t");
    let both = |line: &&String| {
        let owner = format!("{}\t", line.split('\t').next().unwrap());
        old.iter().any(|line| line.starts_with(&owner)) && new.iter().any(|line| line.starts_with(&owner))
    };
    let expected: BTreeSet<_> = old.symmetric_difference(&new).filter(both).map(name).collect();
    assert!(!expected.is_empty());
    assert_eq!(changed, expected);
    for part in ["Requests\n", "Structs\n", "  ~ hailo_desc_list_program_params", "+ batch_size: 4 bytes at 24"] {
        assert!(ran.stdout.contains(part), "{part:?} in {}", ran.stdout);
    }
    // A release compared with itself, and with one that shares its interface.
    for same in ["4.20.0 4.20.0", "4.21.0 4.22.0"] {
        assert!(hailo(&format!("abi diff {same}")).ok().stdout.contains("are the same"), "{same}");
    }
    // The board types were renumbered in 5.0.1, and Hailo-8 left.
    let boards = hailo("abi diff 5.0.0 5.0.1").ok().stdout;
    assert!(
        boards.contains("- HAILO_BOARD_TYPE_HAILO8: 0") && boards.contains("HAILO_BOARD_TYPE_HAILO15: 1 -> 0"),
        "{boards}"
    );
}

#[test]
fn an_argument_field_by_field() {
    let ran = hailo("abi decode --release 4.23.0 HAILO_QUERY_DRIVER_INFO 040000001700000000000000").ok();
    let expected = "HAILO_QUERY_DRIVER_INFO 0x400c6702, driver 4.23.0, lp64: struct hailo_driver_info, 12 bytes\n";
    assert!(ran.stdout.starts_with(expected), "{}", ran.stdout);
    assert!(ran.stdout.contains("     4     4  minor_version     23 (0x17)\n"), "{}", ran.stdout);
    // A nested struct, an enum, a flag and the places that are not used.
    let mut launch = [0_u8; 153];
    launch[1] = 16;
    launch[14] = 1;
    launch[15] = 1;
    launch[16] = 1;
    launch[20] = 7;
    launch[28..32].copy_from_slice(&4096_u32.to_le_bytes());
    launch[148] = 2;
    let hex: String = launch.iter().map(|byte| format!("{byte:02x}")).collect();
    let ran = run(command().args(["abi", "decode", "--release", "4.23.0", "0x8099760f", &hex, "--json"])).ok();
    let json = ran.json();
    let field = |name: &str| {
        let row = json["fields"].as_array().unwrap().iter().find(|row| row["field"] == name);
        row.unwrap_or_else(|| panic!("{name} in {json}"))["value"].as_str().unwrap().to_owned()
    };
    assert_eq!(field("channel_index"), "16 (0x10)");
    assert_eq!(field("should_bind"), "true");
    assert_eq!(field("buffers[0].buffer_type"), "1 (HAILO_DMA_DMABUF_BUFFER)");
    assert_eq!(field("buffers[0].addr_or_fd"), "7");
    assert_eq!(field("buffers[0].size"), "4096 (0x1000)");
    assert_eq!(field("buffers[1..8]"), "all zero");
    assert_eq!(field("last_interrupts_domain"), "2 (HAILO_VDMA_INTERRUPTS_DOMAIN_HOST)");
    // The code of a request depends on the release, and the message says where it exists.
    let sentence = hailo("abi decode --release 4.17.0 0x8099760f 00").sentence();
    assert!(sentence.contains("has no request 0x8099760f; that of 4.23.0"), "{sentence}");
    let cut = hailo("abi decode --release 4.23.0 LaunchTransfer 0002").sentence();
    assert!(cut.contains("153 bytes, not 2") && cut.contains("--pad"), "{cut}");
    assert!(hailo("abi decode --release 4.23.0 LaunchTransfer 0002 --pad").ok().stdout.contains("channel_index"));
    for wrong in ["0", "0g", "é"] {
        hailo(&format!("abi decode --release 4.23.0 LaunchTransfer {wrong}")).sentence();
    }
}

#[test]
fn every_request_of_every_release_decodes() {
    for release in releases() {
        for model in ["lp64", "ilp32"] {
            let requests = hailo(&format!("abi requests --release {release} --data-model {model}")).ok().stdout;
            let with_argument = |line: &&str| !line.ends_with("\t0");
            let row = requests.lines().skip(1).filter(with_argument).last().unwrap();
            let name = row.split('\t').next().unwrap();
            let ran = hailo(&format!("abi decode --release {release} --data-model {model} {name} 00 --pad")).ok();
            assert!(ran.stdout.starts_with(name), "{}", ran.stdout);
        }
    }
}

#[test]
fn every_release_is_listed_and_an_unknown_one_is_told_the_nearest() {
    let text = hailo("abi releases").ok().stdout;
    let listed: Vec<&str> = text.lines().skip(1).map(|line| line.split('\t').next().unwrap()).collect();
    assert!(releases().iter().all(|release| listed.contains(&release.as_str())), "{text}");
    assert_eq!(text.lines().next(), Some("release\tinterface"));
    assert!(text.contains("\n4.22.0\t4.21.0\n"), "{text}");
    let json = hailo("abi releases --json").ok().json();
    let rows: Vec<String> = json["releases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| format!("{}\t{}", row["release"].as_str().unwrap(), row["interface"].as_str().unwrap()))
        .collect();
    assert_eq!(rows, text.lines().skip(1).collect::<Vec<_>>());
    for (arguments, release, nearest) in [
        ("structs --release 4.16.0", "4.16.0", "4.17.0"),
        ("requests --release 4.99.0", "4.99.0", "4.23.0 and 5.0.0"),
        ("diff 4.20.0 9.9.9", "9.9.9", "5.3.0"),
    ] {
        assert_eq!(
            hailo(&format!("abi {arguments}")).sentence(),
            format!(
                "driver release {release} is not known (the nearest known: {nearest}; `hailo abi releases` lists all)"
            )
        );
    }
    assert_eq!(hailo("abi structs --release newest").status, 2);
}
