//! The tables of the driver's header, row by row and in both directions: every row is in the types, and nothing is in the
//! types that is not in the tables.

use std::collections::BTreeMap;

use hailo_abi::interface::{MAX_ARGUMENT_LENGTH, RELEASES};
use hailo_abi::wire::{Kind, Layout};
use hailo_abi::{DataModel, DriverRelease, Interface};
use hailo_tests::golden::{Row, Table, releases};

/// The releases of the tables, with the interface that the version table gives them.
fn known() -> Vec<(String, DriverRelease, &'static Interface)> {
    releases("driver-versions.tsv")
        .into_iter()
        .map(|name| {
            let release: DriverRelease = name.parse().expect("a release");
            let interface = Interface::of(release).unwrap_or_else(|| panic!("{name} is not in the version table"));
            (name, release, interface)
        })
        .collect()
}

/// How many rows there are when every row is written once for each release that it holds for.
fn expanded(table: &Table) -> usize {
    let releases = releases("driver-versions.tsv");
    releases.iter().map(|release| table.rows_of(release, &releases).count()).sum()
}

/// Compares a table with what the types give for each release. Returns how many rows were compared.
fn compare(
    table: &str,
    expected: impl Fn(&Row) -> String,
    found: impl Fn(DriverRelease, &'static Interface) -> Vec<String>,
) -> usize {
    let table = Table::read(table);
    let names = releases("driver-versions.tsv");
    let mut compared = 0;
    for (name, release, interface) in known() {
        let mut expected: Vec<_> = table.rows_of(&name, &names).map(&expected).collect();
        let mut found = found(release, interface);
        expected.sort();
        found.sort();
        let missing: Vec<_> = expected.iter().filter(|row| !found.contains(row)).collect();
        let surplus: Vec<_> = found.iter().filter(|row| !expected.contains(row)).collect();
        assert_eq!(
            (missing, surplus),
            (vec![], vec![]),
            "{name}: rows only in {}, and only in the types",
            table.name()
        );
        assert_eq!(expected, found, "{name}: {}", table.name());
        compared += expected.len();
    }
    assert_eq!(compared, expanded(&table), "rows of {} that were compared", table.name());
    println!("{}: {compared} rows compared", table.name());
    compared
}

fn layouts(interface: &'static Interface) -> impl Iterator<Item = (DataModel, &'static Layout)> {
    DataModel::ALL
        .into_iter()
        .flat_map(move |model| interface.structs.iter().map(move |entry| (model, entry.layout(model))))
}

#[test]
fn the_version_table_is_that_of_the_facts() {
    let names: Vec<_> = RELEASES.iter().map(|(release, _)| release.to_string()).collect();
    assert_eq!(names, releases("driver-versions.tsv"));
    assert!(RELEASES.is_sorted_by_key(|(release, _)| *release));
    for (release, interface) in RELEASES {
        assert!(interface.first_release <= *release);
        assert!(std::ptr::eq(Interface::of(interface.first_release).expect("known"), *interface));
    }
}

#[test]
fn struct_sizes() {
    let compared = compare(
        "driver-struct-sizes.tsv",
        |row| format!("{}\t{}\t{}", row.get("struct"), row.get("data_model"), row.size("size")),
        |_, interface| {
            layouts(interface)
                .map(|(model, layout)| format!("{}\t{}\t{}", layout.c_name, model.name(), layout.size))
                .collect()
        },
    );
    assert!(compared > 1000);
}

#[test]
fn struct_fields() {
    let compared = compare(
        "driver-struct-fields.tsv",
        |row| {
            let [name, model, field] = ["struct", "data_model", "field"].map(|column| row.get(column));
            format!("{name}\t{model}\t{field}\t{}\t{}", row.size("offset"), row.size("size"))
        },
        |_, interface| {
            layouts(interface)
                .flat_map(|(model, layout)| {
                    layout.fields.iter().map(move |field| {
                        let (name, model) = (layout.c_name, model.name());
                        format!("{name}\t{model}\t{}\t{}\t{}", field.name, field.offset, field.size)
                    })
                })
                .collect()
        },
    );
    assert!(compared > 3000);
}

/// Whether a field's kind is what its C type says.
fn is_of_type(kind: &Kind, size: usize, model: DataModel, c_type: &str) -> bool {
    if let Some((element, count)) = c_type.strip_suffix(']').and_then(|array| array.split_once('[')) {
        let count: usize = count.parse().expect("a count");
        return match kind {
            Kind::Array { element: kind, count: found } => {
                *found == count && is_of_type(kind, size / count, model, element)
            }
            _ => false,
        };
    }
    let word = if model == DataModel::Lp64 { 8 } else { 4 };
    match c_type.split_once(' ').unwrap_or((c_type, "")) {
        ("struct", name) => matches!(kind, Kind::Struct(layout) if layout.c_name == name && layout.size == size),
        ("enum", name) => matches!(kind, Kind::Enum { c_name, .. } if *c_name == name) && size == 4,
        ("_Bool", "") => *kind == Kind::Bool && size == 1,
        ("uint8_t", "") => *kind == Kind::Number && size == 1,
        ("uint16_t", "") => *kind == Kind::Number && size == 2,
        ("uint32_t" | "int", "") => *kind == Kind::Number && size == 4,
        ("uint64_t", "") => *kind == Kind::Number && size == 8,
        ("size_t" | "uintptr_t" | "pointer", "") => *kind == Kind::Number && size == word,
        _ => false,
    }
}

#[test]
fn field_types() {
    let table = Table::read("driver-struct-fields.tsv");
    let names = releases("driver-versions.tsv");
    let mut compared = 0;
    for (name, _, interface) in known() {
        for row in table.rows_of(&name, &names) {
            let model =
                DataModel::ALL.into_iter().find(|model| model.name() == row.get("data_model")).expect("a model");
            let layout = interface.struct_named(row.get("struct")).expect("a known struct").layout(model);
            let field = layout.fields.iter().find(|field| field.name == row.get("field")).expect("a known field");
            let c_type = row.get("c_type");
            assert!(
                is_of_type(&field.kind, field.size, model, c_type),
                "{name}: {}.{} is {:?}, not {c_type}",
                layout.c_name,
                field.name,
                field.kind
            );
            compared += 1;
        }
    }
    assert_eq!(compared, expanded(&table));
}

#[test]
fn requests() {
    let compared = compare(
        "driver-requests.tsv",
        |row| {
            let [name, model, request, macro_name, magic, nr, size, argument] =
                ["name", "data_model", "request", "macro", "magic", "nr", "size", "struct"]
                    .map(|column| row.get(column));
            format!("{name}\t{model}\t{request}\t{macro_name}\t{magic}\t{nr}\t{size}\t{argument}")
        },
        |_, interface| {
            let both = |entry: &'static hailo_abi::interface::RequestEntry| {
                DataModel::ALL.map(|model| {
                    let codec = entry.codec(model);
                    let request = codec.request;
                    let argument = codec.layout.map_or("-", |layout| layout.c_name);
                    assert_eq!(request.size(), codec.layout.map_or(0, |layout| layout.size));
                    assert!(request.size() <= MAX_ARGUMENT_LENGTH);
                    format!(
                        "{}\t{}\t{request}\t{}\t{}\t{}\t{}\t{argument}",
                        entry.name,
                        model.name(),
                        request.direction().macro_name(),
                        char::from(request.group()),
                        request.number(),
                        request.size(),
                    )
                })
            };
            interface.requests.iter().flat_map(both).collect()
        },
    );
    assert!(compared > 800);
}

#[test]
fn request_codes_are_those_of_nix() {
    let table = Table::read("driver-requests.tsv");
    for row in table.rows() {
        let magic = row.get("magic").as_bytes()[0];
        let nr = u8::try_from(row.number("nr")).expect("a byte");
        let size = row.size("size");
        let nix = match row.get("macro") {
            "IO" => nix::request_code_none!(magic, nr),
            "IOR" => nix::request_code_read!(magic, nr, size),
            "IOW" => nix::request_code_write!(magic, nr, size),
            "IOWR" => nix::request_code_readwrite!(magic, nr, size),
            other => panic!("line {}: an unknown macro {other}", row.line()),
        };
        let ours = match row.get("macro") {
            "IO" => hailo_abi::Request::io(magic, nr),
            "IOR" => hailo_abi::Request::ior(magic, nr, size),
            "IOW" => hailo_abi::Request::iow(magic, nr, size),
            _ => hailo_abi::Request::iowr(magic, nr, size),
        };
        assert_eq!(u64::from(ours.raw()), nix as u64, "line {}", row.line());
        assert_eq!(i64::from(ours.raw()), row.number("request"), "line {}", row.line());
    }
    assert_eq!(table.rows().len(), 162);
}

#[test]
fn enums() {
    let compared = compare(
        "driver-enums.tsv",
        |row| format!("{}\t{}\t{}", row.get("enum"), row.get("name"), row.number("value")),
        |_, interface| {
            let rows = interface.enums.iter().flat_map(|entry| {
                entry.enumerators.iter().map(|(name, value)| format!("{}\t{name}\t{value}", entry.c_name))
            });
            rows.collect()
        },
    );
    assert!(compared > 1000);
}

#[test]
fn constants() {
    let compared = compare(
        "driver-constants.tsv",
        |row| format!("{}\t{}", row.get("name"), row.number("value")),
        |release, interface| {
            let of_interface = interface.constants.iter().copied();
            of_interface.chain(release.constants()).map(|(name, value)| format!("{name}\t{value}")).collect()
        },
    );
    assert!(compared > 300);
}

/// The board that a vendor's name means.
fn board_named(name: &str) -> Option<hailo_abi::Board> {
    use hailo_abi::Board;
    Some(match name.strip_prefix("HAILO_BOARD_TYPE_").expect("a board") {
        "PLUTO" => Board::Hailo15L,
        "HAILO10H_LEGACY" => Board::Hailo15HAcceleratorMode,
        "COUNT" | "MAX_ENUM" => return None,
        name => *Board::ALL.iter().find(|board| board.name() == name).unwrap_or_else(|| panic!("no board {name}")),
    })
}

#[test]
fn board_numbers() {
    let table = Table::read("driver-enums.tsv");
    let names = releases("driver-versions.tsv");
    let mut compared = 0;
    for (name, _, interface) in known() {
        let rows = table.rows_of(&name, &names).filter(|row| row.get("enum") == "hailo_board_type");
        let mut boards = BTreeMap::new();
        for row in rows {
            let number = u32::try_from(row.number("value")).expect("a number");
            if let Some(board) = board_named(row.get("name")) {
                assert_eq!(interface.board(number), Some(board), "{name}");
                assert_eq!(interface.board_number(board), Some(number), "{name}");
                boards.insert(number, board);
                compared += 1;
            } else if !boards.contains_key(&number) {
                assert_eq!(interface.board(number), None, "{name}: {}", row.get("name"));
            }
        }
        assert_eq!(interface.boards.len(), boards.len(), "{name}");
    }
    assert_eq!(compared, 88);
}
