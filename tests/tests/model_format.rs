//! The messages of a model file against the table of the vendor's fields.

use std::collections::BTreeSet;

use hailo_linux::hef::{Architecture, proto, proto_layers};
use hailo_tests::golden::Table;
use prost::Message;

/// Encodes one field with a value that is not its default.
fn encoded(number: u32, kind: &str) -> Vec<u8> {
    let (wire_type, value): (u32, &[u8]) = match kind {
        "uint32" | "uint64" | "int32" | "bool" => (0, &[1]),
        "float" => (5, &[0, 0, 0x80, 0x3f]),
        "double" => (1, &[0, 0, 0, 0, 0, 0, 0xf0, 0x3f]),
        "string" | "bytes" => (2, b"\x01x"),
        // Enumerations travel as numbers, messages with their length.
        other if ENUMS.contains(&other) => (0, &[1]),
        _ => (2, &[0]),
    };
    let mut bytes = Vec::new();
    prost::encoding::encode_varint((number << 3 | wire_type).into(), &mut bytes);
    bytes.extend(value);
    bytes
}

const ENUMS: [&str; 9] = [
    "ProtoHEFDebugType",
    "ProtoHEFEPlanesFormat",
    "ProtoHEFEdgeConnectionType",
    "ProtoHEFEdgeLayerDirection",
    "ProtoHEFEdgeLayerType",
    "ProtoHEFHwArch",
    "ProtoHEFLogitsType",
    "ProtoHEFNmsBurstType",
    "ProtoHEFWriteDataType",
];

fn decode<M: Message + Default + std::fmt::Debug>(bytes: &[u8]) -> Result<String, prost::DecodeError> {
    M::decode(bytes).map(|message| format!("{message:?}"))
}

type Decode = fn(&[u8]) -> Result<String, prost::DecodeError>;

/// The messages that are read, by the vendor's names.
fn messages() -> Vec<(&'static str, Decode)> {
    vec![
        ("ProtoHEFHef", decode::<proto::Hef>),
        ("ProtoHEFHeader", decode::<proto::Header>),
        ("ProtoHEFExtension", decode::<proto::Extension>),
        ("ProtoHEFOptionalExtension", decode::<proto::Extension>),
        ("ProtoHEFNetworkGroup", decode::<proto::NetworkGroup>),
        ("ProtoHEFCoreOp", decode::<proto::CoreOp>),
        ("ProtoHEFPartialNetworkGroup", decode::<proto::PartialNetworkGroup>),
        ("ProtoHEFPartialCoreOp", decode::<proto::PartialCoreOp>),
        ("ProtoHEFPhysicalLayout", decode::<proto::PhysicalLayout>),
        ("ProtoHEFNetworkGroupMetadata", decode::<proto::NetworkGroupMetadata>),
        ("ProtoHEFFusedLayersMetadata", decode::<proto::FusedLayersMetadata>),
        ("ProtoHEFOp", decode::<proto::Op>),
        ("ProtoHEFNmsOp", decode::<proto::NmsOp>),
        ("ProtoHEFLogitsOp", decode::<proto::LogitsOp>),
        ("ProtoHEFPreliminaryConfig", decode::<proto::PreliminaryConfig>),
        ("ProtoHEFContext", decode::<proto::Context>),
        ("ProtoHEFContextMetadata", decode::<proto::ContextMetadata>),
        ("ProtoHEFOperation", decode::<proto::Operation>),
        ("ProtoHEFTrigger", decode::<proto::Trigger>),
        ("ProtoHEFTriggerLcu", decode::<proto::TriggerLcu>),
        ("ProtoHEFTriggerAllDataWasSentToHostPCIe", decode::<proto::ShmifoIndex>),
        ("ProtoHEFTriggerAllDataWasReceivedFromHostPCIe", decode::<proto::ShmifoIndex>),
        ("ProtoHEFWaitDmaIdleTrigger", decode::<proto::ShmifoIndex>),
        ("ProtoHEFTriggerNms", decode::<proto::TriggerNms>),
        ("ProtoHEFAction", decode::<proto::Action>),
        ("ProtoHEFActionWriteDataCcw", decode::<proto::WriteDataCcw>),
        ("ProtoHEFActionWriteDataCcwPtr", decode::<proto::WriteDataCcwPtr>),
        ("ProtoHEFActionEnableSequencer", decode::<proto::EnableSequencer>),
        ("InitialL3", decode::<proto::InitialL3>),
        ("ProtoHEFActionWaitForSequencer", decode::<proto::WaitForSequencer>),
        ("ProtoHEFActionDisableLcu", decode::<proto::DisableLcu>),
        ("ProtoHEFActionEnableLcu", decode::<proto::EnableLcu>),
        ("ProtoHEFActionSwitchLcuBatch", decode::<proto::SwitchLcuBatch>),
        ("ProtoHEFActionAllowInputDataflow", decode::<proto::AllowInputDataflow>),
        ("ProtoHEFActionWaitForModuleConfigDone", decode::<proto::WaitForModuleConfigDone>),
        ("ProtoHEFActionDebug", decode::<proto::Debug>),
        ("ProtoHEFActionDebugSleep", decode::<proto::DebugSleep>),
        ("ProtoHEFActionEnableNMS", decode::<proto::EnableNms>),
        ("ProtoHEFActionWriteDataByType", decode::<proto::WriteDataByType>),
        ("ProtoHEFEdgeLayer", decode::<proto_layers::EdgeLayer>),
        ("ProtoHEFContextSwitchInformation", decode::<proto_layers::ContextSwitchInformation>),
        ("ProtoHEFConnectedContextInfo", decode::<proto_layers::ConnectedContextInfo>),
        ("ProtoHEFEdgeLayerInfo", decode::<proto_layers::EdgeLayerInfo>),
        ("ProtoHEFEdgeLayerMux", decode::<proto_layers::EdgeLayerMux>),
        ("ProtoHEFEdgeLayerMuxData", decode::<proto_layers::EdgeLayerMuxData>),
        ("ProtoHEFEdgeLayerPlanes", decode::<proto_layers::EdgeLayerPlanes>),
        ("ProtoHefEdge", decode::<proto_layers::Edge>),
        ("ProtoHEFEdgeLayerBase", decode::<proto_layers::EdgeLayerBase>),
        ("ProtoHEFResourceIndices", decode::<proto_layers::ResourceIndices>),
        ("ProtoHEFAdditionalInfo", decode::<proto_layers::AdditionalInfo>),
        ("ProtoHEFNmsInfo", decode::<proto_layers::NmsInfo>),
        ("ProtoHEFNmsDefuseInfo", decode::<proto_layers::NmsDefuseInfo>),
        ("ProtoHEFEdgeLayerNumericInfo", decode::<proto_layers::EdgeLayerNumericInfo>),
    ]
}

/// The fields of a message's own level in its debug output: `Name { field: …, … }`.
fn fields(debug: &str) -> Vec<(&str, &str)> {
    let Some((_, body)) = debug.split_once(" { ") else { return Vec::new() };
    let body = body.strip_suffix(" }").expect("a closing brace");
    let mut fields = Vec::new();
    let (mut depth, mut start) = (0, 0);
    for (index, byte) in body.bytes().enumerate() {
        match byte {
            b'{' | b'[' | b'(' => depth += 1,
            b'}' | b']' | b')' => depth -= 1,
            b',' if depth == 0 => {
                fields.push(&body[start..index]);
                start = index + 2;
            }
            _ => {}
        }
    }
    fields.push(&body[start..]);
    fields.into_iter().map(|field| field.split_once(": ").expect("a field")).collect()
}

fn camel_case(name: &str) -> String {
    name.split('_')
        .flat_map(|word| {
            let mut characters = word.chars();
            characters.next().into_iter().flat_map(char::to_uppercase).chain(characters)
        })
        .collect()
}

#[test]
fn every_field_that_is_read_has_the_vendors_number() {
    let table = Table::read("hef-fields.tsv");
    let (mut compared, mut left_out) = (0, 0);
    for (name, decode) in messages() {
        let empty = decode(&[]).expect("an empty message");
        let mut unnamed: BTreeSet<&str> = fields(&empty).into_iter().map(|(field, _)| field).collect();
        let rows: Vec<_> = table.rows().iter().filter(|row| row.get("message") == name).collect();
        assert!(!rows.is_empty(), "{name} is not in the table");
        for row in rows {
            let number = row.get("number").parse().expect("a number");
            let (field, oneof) = (row.get("field"), row.get("oneof"));
            let Ok(debug) = decode(&encoded(number, row.get("type"))) else {
                // Another field had this number in other releases of the format.
                assert_eq!(field, "sdk_version", "{name}.{field} has another type");
                left_out += 1;
                continue;
            };
            let changed: Vec<(&str, &str)> = fields(&debug)
                .into_iter()
                .zip(fields(&empty))
                .filter_map(|(now, before)| (now != before).then_some(now))
                .collect();
            match changed.as_slice() {
                [] => left_out += 1,
                [(found, _)] if *found == field => {
                    unnamed.remove(field);
                    compared += 1;
                }
                [(found, value)] if *found == oneof => {
                    let variant = format!("Some({}(", camel_case(field));
                    // One field was renamed when it got another type.
                    assert!(value.starts_with(&variant) || field == "debug_sleep", "{name}.{field} is read as {value}");
                    unnamed.remove(oneof);
                    compared += 1;
                }
                [("sdk_version", _)] if field == "sdk_version_str" => left_out += 1,
                other => panic!("{name}.{field} is read as {other:?}"),
            }
        }
        assert!(unnamed.is_empty(), "{name}: {unnamed:?} are not in the table");
    }
    println!("{compared} fields compared, {left_out} left out");
    assert_eq!((compared, left_out), (COMPARED, LEFT_OUT));
}

/// Counted in the table: fields of the messages above that are read, and that have no effect on a device.
const COMPARED: usize = 212;
const LEFT_OUT: usize = 41;

#[test]
fn architectures_have_the_vendors_numbers() {
    let table = Table::read("hef-enums.tsv");
    let known = [
        ("HAILO8", Architecture::HAILO8),
        ("HAILO8P", Architecture::HAILO8P),
        ("HAILO8R", Architecture::HAILO8R),
        ("HAILO8L", Architecture::HAILO8L),
        ("HAILO15M", Architecture::HAILO15M),
        ("HAILO10H", Architecture::HAILO10H),
        ("HAILO15L", Architecture::HAILO15L),
        ("HAILO15H", Architecture::HAILO15H),
    ];
    for (name, architecture) in known {
        let name = format!("PROTO__HW_ARCH__{name}");
        let row = table.rows().iter().find(|row| row.get("name") == name).expect("a row");
        assert_eq!(row.get("value"), architecture.code().to_string(), "{name}");
    }
}
