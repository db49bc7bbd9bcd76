//! Every row of the firmware tables, for every release, against the real types.

use std::collections::{BTreeMap, BTreeSet};

use hailo_abi::firmware::actions::{self, ActionHeaderLayout, PackedLcuId, PackedVdmaChannelId, TIMESTAMP_INIT_VALUE};
use hailo_abi::firmware::control::{self, Opcode};
use hailo_abi::firmware::image::{self, FirmwareType};
use hailo_abi::firmware::layout::{FieldInfo, LayoutInfo};
use hailo_abi::firmware::network_group::MAX_NETWORKS;
use hailo_abi::firmware::notification::{self, Event, EventId};
use hailo_abi::firmware::{
    FirmwareInterface, FirmwareStatus, FirmwareVersion, RELEASES, constants, enumerations, layouts, log, user_config,
};
use hailo_tests::firmware::tables::{releases, releases_of, rows};

/// The layout of a structure in a generation; there must be one at most.
fn layout(c_name: &str, interface: FirmwareInterface) -> Option<&'static LayoutInfo> {
    let mut found = layouts().filter(|l| l.c_name == c_name && l.first <= interface && interface <= l.last);
    let layout = found.next();
    assert!(found.next().is_none(), "{c_name} has two layouts in {interface}");
    layout
}

/// Unions of all parameters or messages: their members are compared with the layouts of the members' types.
const UNIONS: [(&str, usize); 5] = [
    ("CONTROL_PROTOCOL__request_parameters_t", control::MAX_CONTROL_LENGTH),
    ("CONTROL_PROTOCOL__response_parameters_t", control::MAX_CONTROL_LENGTH),
    ("CONTROL_PROTOCOL__communication_config_prams_t", size_of::<control::MipiInputParametersLayout>()),
    ("CONTROL_PROTOCOL__config_core_top_params_t", size_of::<control::AhbToAxiParametersLayout>()),
    ("D2H_EVENT__message_parameters_t", notification::MAX_MESSAGE_SIZE),
];

#[test]
fn the_releases_are_those_of_the_tables() {
    assert_eq!(RELEASES.iter().map(|(release, _)| *release).collect::<Vec<_>>(), releases());
    for (release, interface) in RELEASES {
        assert_eq!(release.interface(), Some(*interface));
    }
    for (release, expected) in [
        ((4, 16, 9), None),
        ((4, 17, 9), Some(FirmwareInterface::V4_17)),
        ((4, 23, 7), Some(FirmwareInterface::V4_21)),
        ((4, 24, 0), None),
        ((5, 0, 7), Some(FirmwareInterface::V5_0_1)),
        ((5, 1, 7), Some(FirmwareInterface::V5_1_1)),
        ((5, 3, 0), None),
        ((6, 0, 0), None),
    ] {
        let (major, minor, revision) = release;
        assert_eq!(hailo_abi::firmware::FirmwareRelease::new(major, minor, revision).interface(), expected);
    }
}

#[test]
fn every_structure_has_its_size() {
    let headings = ["struct", "kind", "size", "first_version", "last_version"];
    let (mut compared, mut unions) = (0, 0);
    let mut seen = BTreeSet::new();
    for [name, kind, size, first, last] in rows("firmware-struct-sizes.tsv", headings) {
        let size: usize = size.parse().unwrap();
        if let Some((_, expected)) = UNIONS.iter().find(|(union, _)| *union == name) {
            assert_eq!((kind.as_str(), size), ("union", *expected), "{name}");
            unions += 1;
            continue;
        }
        for release in releases_of(&first, &last) {
            let layout = layout(&name, release.interface().unwrap()).unwrap_or_else(|| panic!("{name} in {release}"));
            assert_eq!(layout.size, size, "{name} in {release}");
            seen.insert((layout.c_name, layout.first));
        }
        compared += 1;
    }
    assert_eq!((compared, unions), (227, 21));
    let unknown: Vec<_> =
        layouts().filter(|l| !seen.contains(&(l.c_name, l.first))).map(|l| (l.c_name, l.first)).collect();
    assert!(unknown.is_empty(), "layouts that no table has: {unknown:?}");
}

#[test]
fn every_field_has_its_place() {
    let headings = ["struct", "field", "offset", "size", "c_type", "bits", "first_version", "last_version"];
    let (mut compared, mut members) = (0, 0);
    // Data of any length behind a structure, which is not part of it.
    let mut behind = BTreeSet::new();
    let mut fields: BTreeMap<(&str, FirmwareInterface), Vec<&FieldInfo>> = BTreeMap::new();
    for [name, field, offset, size, c_type, bits, first, last] in rows("firmware-struct-fields.tsv", headings) {
        let (offset, size): (usize, usize) = (offset.parse().unwrap(), size.parse().unwrap());
        let is_union = UNIONS.iter().any(|(union, _)| *union == name);
        for release in releases_of(&first, &last) {
            let interface = release.interface().unwrap();
            let place = format!("{name}.{field} in {release}");
            if is_union {
                assert_eq!(offset, 0, "{place}");
                match c_type.strip_prefix("struct ") {
                    Some(member) => {
                        let member = layout(member, interface).unwrap_or_else(|| panic!("{place}: no {member}"));
                        assert_eq!(member.size, size, "{place}");
                    }
                    None => assert_eq!((c_type.as_str(), size), ("uint8_t[1500]", 1500), "{place}"),
                }
                continue;
            }
            let layout = layout(&name, interface).unwrap_or_else(|| panic!("{place}"));
            if (offset, size) == (layout.size, 0) && !layout.fields.iter().any(|f| f.name == field) {
                behind.insert(format!("{name}.{field}"));
                continue;
            }
            let info = layout.fields.iter().find(|f| f.name == field).unwrap_or_else(|| panic!("{place}: no field"));
            assert_eq!((info.offset, info.size), (offset, size), "{place}");
            let stated = info.bits.map_or("-".to_owned(), |(lowest, count)| format!("{lowest}:{count}"));
            assert_eq!(stated, bits, "{place}");
            // A nested structure must be the one that the table names.
            if let Some(nested) = c_type.strip_prefix("struct ").filter(|nested| !nested.contains('[')) {
                let nested = self::layout(nested, interface).unwrap_or_else(|| panic!("{place}: no {nested}"));
                assert_eq!(nested.size, size, "{place}");
            }
            fields.entry((layout.c_name, layout.first)).or_default().push(info);
        }
        if is_union {
            members += 1;
        } else {
            compared += 1;
        }
    }
    assert_eq!((compared, members), (1048, 582));
    assert_eq!(
        behind.into_iter().collect::<Vec<_>>(),
        ["USER_CONFIG_ENTRY_t.value", "USER_CONFIG_header_t.entries", "secure_boot_certificate_t.certificates_data"]
    );
    for layout in layouts() {
        let found = fields.get(&(layout.c_name, layout.first)).map_or(&[][..], |f| f);
        for field in layout.fields {
            assert!(found.contains(&field), "{}.{} is in no table", layout.c_name, field.name);
        }
    }
}

#[test]
fn every_enumerator_has_its_value() {
    let headings = ["enum", "name", "value", "first_version", "last_version"];
    let (mut named, mut counts, mut statuses, mut modules) = (0, 0, 0, 0);
    let mut seen = BTreeSet::new();
    for [enumeration, name, value, first, last] in rows("firmware-enums.tsv", headings) {
        let value: u64 = value.parse().unwrap();
        let releases = releases_of(&first, &last);
        let interfaces: BTreeSet<_> = releases.iter().map(|release| release.interface().unwrap()).collect();
        if enumeration == "FIRMWARE_STATUS_t" {
            let status = FirmwareStatus(value.try_into().unwrap());
            for interface in FirmwareInterface::ALL {
                let expected = interfaces.contains(&interface).then_some(name.as_str());
                assert_eq!(status.name_in(interface), expected, "{status} in {interface}");
            }
            statuses += 1;
            continue;
        }
        if enumeration == "FIRMWARE_STATUS__modules_t" {
            for &interface in &interfaces {
                let mut modules = FirmwareStatus::modules(interface);
                match name.strip_prefix("FIRMWARE_MODULE__") {
                    Some(module) => assert_eq!(modules.nth(value as usize), Some(module), "{interface}"),
                    None => assert_eq!((name.as_str(), value), ("FIRMWARE_MODULE_COUNT", modules.count() as u64)),
                }
            }
            modules += 1;
            continue;
        }
        let mut found = enumerations().filter(|e| e.c_name == enumeration);
        let info = found.next().unwrap_or_else(|| panic!("no {enumeration}"));
        assert!(found.next().is_none(), "{enumeration} twice");
        if info.count_name == Some(&name) {
            for &interface in &interfaces {
                assert_eq!(info.count(interface), value, "{name} in {interface}");
            }
            counts += 1;
            continue;
        }
        let enumerator = info.enumerators.iter().find(|e| e.c_name == name).unwrap_or_else(|| panic!("no {name}"));
        assert_eq!(enumerator.value, value, "{name}");
        for interface in FirmwareInterface::ALL {
            assert_eq!(enumerator.exists_in(interface), interfaces.contains(&interface), "{name} in {interface}");
        }
        seen.insert((info.c_name, enumerator.c_name));
        named += 1;
    }
    assert_eq!((named, counts, statuses, modules), (381, 38, 1022, 60));
    for info in enumerations() {
        for enumerator in info.enumerators {
            assert!(seen.contains(&(info.c_name, enumerator.c_name)), "{} is in no table", enumerator.c_name);
        }
    }
    for interface in FirmwareInterface::ALL {
        for (status, name) in FirmwareStatus::all(interface) {
            assert_eq!(status.name_in(interface), Some(name));
        }
    }
    let newest = FirmwareStatus::all(FirmwareInterface::V5_2).count();
    assert_eq!(newest, statuses);
}

/// The number behind a constant's name in a generation.
fn constant(name: &str, interface: FirmwareInterface) -> Option<u64> {
    let event = |event| Event::parameter_count(interface, event).map(u64::from);
    let magic = |chip| image::magic(chip, interface).map(u64::from);
    let word = |value: u32| Some(u64::from(value));
    let size = |value: usize| Some(value as u64);
    let flag = |mask: u32, kind: &str| match kind {
        "MASK" => word(mask),
        "SHIFT" => word(mask.trailing_zeros()),
        "WIDTH" => word(mask.count_ones()),
        other => panic!("{other}"),
    };
    if let Some((flag_name, kind)) = name.strip_prefix("REVISION_").and_then(|rest| rest.rsplit_once('_')) {
        return match flag_name {
            "NUMBER" => flag(FirmwareVersion::REVISION_NUMBER_MASK, kind),
            "APP_CORE_FLAG_BIT" => flag(FirmwareVersion::CORE, kind),
            "EXTENDED_FW_CHECK_FLAG_BIT" | "RESERVED_0_FLAG_BIT" => flag(FirmwareVersion::EXTENDED_FW_CHECK, kind),
            "EXTENDED_CONTEXT_SWITCH_BUFFER_FLAG_BIT" => flag(FirmwareVersion::EXTENDED_CONTEXT_SWITCH_BUFFER, kind),
            "DEV_FLAG_BIT" => flag(FirmwareVersion::DEVELOPMENT, kind),
            "SECOND_STAGE_FLAG_BIT" => flag(FirmwareVersion::SECOND_STAGE, kind),
            other => panic!("{other}"),
        };
    }
    if let Some(feature) = name.strip_prefix("CONTROL_PROTOCOL__SUPPORTED_FEATURES_") {
        let (_, feature) = control::SupportedFeatures::all()
            .iter_names()
            .find(|(name, _)| Some(*name) == feature.strip_suffix("_BIT_OFFSET"))
            .expect(name);
        return word(feature.bits().trailing_zeros());
    }
    match name {
        "CHANGE_HW_INFER_REQUEST_PARAMETER_COUNT" => {
            let request = control::Request::ChangeHwInferStatus(Default::default()).encode(interface, 0).unwrap();
            word(u32::from_be_bytes(request.as_slice()[16..20].try_into().unwrap()))
        }
        "CONTEXT_SWITCH_DEFS__DDR_ADDRESS_MASK" => word(constants::DDR_ADDRESS_MASK),
        "CONTEXT_SWITCH_DEFS__ENABLE_LCU_DEFAULT_KERNEL_ADDRESS" => {
            Some(constants::ENABLE_LCU_DEFAULT_KERNEL_ADDRESS.into())
        }
        "CONTEXT_SWITCH_DEFS__ENABLE_LCU_DEFAULT_KERNEL_COUNT" => word(constants::ENABLE_LCU_DEFAULT_KERNEL_COUNT),
        "CONTEXT_SWITCH_DEFS__END_M4_MAPPED_DDR_ADDRESS" => word(constants::END_M4_MAPPED_DDR_ADDRESS),
        "CONTEXT_SWITCH_DEFS__START_M4_MAPPED_DDR_ADDRESS" => word(constants::START_M4_MAPPED_DDR_ADDRESS),
        "CONTEXT_SWITCH_DEFS__START_M4_MAPPED_DDR_ADDRESS_AFTER_LUT" => {
            word(constants::START_M4_MAPPED_DDR_ADDRESS_AFTER_LUT)
        }
        "CONTEXT_SWITCH_DEFS__INVALID_DDR_CONTEXTS_BUFFER_ADDRESS" => {
            word(constants::INVALID_DDR_CONTEXTS_BUFFER_ADDRESS)
        }
        "CONTEXT_SWITCH_DEFS__PACKED_LCU_ID_CLUSTER_INDEX_MASK" => Some(PackedLcuId::CLUSTER_MASK.into()),
        "CONTEXT_SWITCH_DEFS__PACKED_LCU_ID_CLUSTER_INDEX_SHIFT" => word(PackedLcuId::CLUSTER_SHIFT),
        "CONTEXT_SWITCH_DEFS__PACKED_LCU_ID_LCU_INDEX_MASK" => Some(PackedLcuId::LCU_MASK.into()),
        "CONTEXT_SWITCH_DEFS__PACKED_LCU_ID_LCU_INDEX_SHIFT" => word(PackedLcuId::LCU_MASK.trailing_zeros()),
        "CONTEXT_SWITCH_DEFS__PACKED_LCU_ID_LCU_INDEX_WIDTH" => word(PackedLcuId::LCU_MASK.count_ones()),
        "CONTEXT_SWITCH_DEFS__PACKED_VDMA_CHANNEL_ID__ENGINE_INDEX_MASK" => {
            Some(PackedVdmaChannelId::engine_mask(interface).into())
        }
        "CONTEXT_SWITCH_DEFS__PACKED_VDMA_CHANNEL_ID__ENGINE_INDEX_SHIFT" => {
            word(PackedVdmaChannelId::engine_shift(interface))
        }
        "CONTEXT_SWITCH_DEFS__PACKED_VDMA_CHANNEL_ID__VDMA_CHANNEL_INDEX_MASK" => {
            Some(PackedVdmaChannelId::channel_mask(interface).into())
        }
        "CONTEXT_SWITCH_DEFS__TIMESTAMP_INIT_VALUE" => word(TIMESTAMP_INIT_VALUE),
        // The field that takes the value is as wide as the largest one.
        "CONTEXT_SWITCH_DEFS__WRITE_ACTION_BY_TYPE_MAX_SIZE" => {
            let layout = layout("CONTEXT_SWITCH_DEFS__write_data_by_type_action_t", interface)?;
            size(layout.fields.iter().find(|field| field.name == "data")?.size)
        }
        "CONTROL_PROTOCOL_NUM_BIST_CLUSTER_STEPS" => size(constants::NUM_BIST_CLUSTER_STEPS),
        "CONTROL_PROTOCOL__ACTION_LIST_RESPONSE_MAX_SIZE" => size(interface.max_action_list_response()),
        "CONTROL_PROTOCOL__ALL_DATAFLOW_MANAGERS" => Some(control::ALL_DATAFLOW_MANAGERS.into()),
        "CONTROL_PROTOCOL__BIST_TOP_BYPASS_ALL_MASK" => word(constants::BIST_TOP_BYPASS_ALL_MASK),
        "CONTROL_PROTOCOL__BIST_TOP_WHITELIST" => word(constants::BIST_TOP_WHITELIST),
        "CONTROL_PROTOCOL__CONTEXT_NETWORK_DATA_SINGLE_CONTROL_MAX_SIZE" => size(actions::MAX_CHUNK_SIZE),
        "CONTROL_PROTOCOL__DEFAULT_INIT_AVERAGING_FACTOR" => Some(control::AveragingFactor::default().0.into()),
        "CONTROL_PROTOCOL__DEFAULT_INIT_SAMPLING_PERIOD_US" => Some(control::DEFAULT_SAMPLING_PERIOD.0.into()),
        "CONTROL_PROTOCOL__FW_MAX_LOGGER_INTERFACE" => Some(log::MAX_LOGGER_INTERFACE.into()),
        "CONTROL_PROTOCOL__FW_MAX_LOGGER_LEVEL" => Some(control::LoggerLevel::FATAL.0.into()),
        "CONTROL_PROTOCOL__IGNORE_DYNAMIC_BATCH_SIZE" => Some(constants::IGNORE_DYNAMIC_BATCH_SIZE.into()),
        "CONTROL_PROTOCOL__INIFINITE_BATCH_COUNT" => Some(constants::INFINITE_BATCH_COUNT.into()),
        "CONTROL_PROTOCOL__MAX_BOARD_NAME_LENGTH" => size(control::MAX_BOARD_NAME_LENGTH),
        "CONTROL_PROTOCOL__MAX_CFG_CHANNELS" => size(interface.max_config_channels()),
        "CONTROL_PROTOCOL__MAX_CONTEXTS_PER_NETWORK_GROUP" => size(constants::MAX_CONTEXTS_PER_NETWORK_GROUP),
        "CONTROL_PROTOCOL__MAX_CONTEXT_SIZE" => size(interface.max_context_size()),
        "CONTROL_PROTOCOL__MAX_CONTEXT_SWITCH_APPLICATIONS" => size(interface.max_applications()),
        "CONTROL_PROTOCOL__MAX_CONTROL_LENGTH" => size(control::MAX_CONTROL_LENGTH),
        "CONTROL_PROTOCOL__MAX_I2C_REGISTER_SIZE" => size(control::MAX_I2C_REGISTER_SIZE),
        "CONTROL_PROTOCOL__MAX_NETWORKS_PER_NETWORK_GROUP" => size(MAX_NETWORKS),
        "CONTROL_PROTOCOL__MAX_NUMBER_OF_CLUSTERS" => size(constants::MAX_NUMBER_OF_CLUSTERS),
        "CONTROL_PROTOCOL__MAX_NUMBER_OF_POWER_MEASUREMETS" => word(control::MAX_POWER_MEASUREMENTS),
        "CONTROL_PROTOCOL__MAX_PART_NUMBER_LENGTH" => size(control::Identity::default().part_number.0.len()),
        "CONTROL_PROTOCOL__MAX_SERIAL_NUMBER_LENGTH" => size(control::Identity::default().serial_number.0.len()),
        "CONTROL_PROTOCOL__MAX_PRODUCT_NAME_LENGTH" => size(control::MAX_PRODUCT_NAME_LENGTH),
        "CONTROL_PROTOCOL__MAX_READ_MEMORY_DATA_SIZE" => size(control::MAX_READ_MEMORY_DATA_SIZE),
        "CONTROL_PROTOCOL__MAX_REQUEST_PARAMETERS_LENGTH" => {
            size(control::MAX_CONTROL_LENGTH - control::REQUEST_BASE_SIZE)
        }
        "CONTROL_PROTOCOL__MAX_RESPONSE_PARAMETERS_LENGTH" => {
            size(control::MAX_CONTROL_LENGTH - control::RESPONSE_HEADER_SIZE - size_of::<u32>())
        }
        "CONTROL_PROTOCOL__MAX_REQUEST_PAYLOAD_SIZE" => size(constants::MAX_REQUEST_PAYLOAD_SIZE),
        "CONTROL_PROTOCOL__MAX_TOTAL_CHANNEL_COUNT" => size(interface.max_total_channels()),
        "CONTROL_PROTOCOL__MAX_VDMA_CHANNELS_PER_ENGINE" => Some(interface.max_channels_per_engine().into()),
        "CONTROL_PROTOCOL__MAX_VDMA_ENGINES_COUNT" => size(constants::MAX_VDMA_ENGINES_COUNT),
        "CONTROL_PROTOCOL__OPCODE_INVALID" => word(Opcode::INVALID.0),
        "CONTROL_PROTOCOL__PROTOCOL_VERSION" => word(control::PROTOCOL_VERSION),
        "CONTROL_PROTOCOL__REQUEST_BASE_SIZE" => size(control::REQUEST_BASE_SIZE),
        "CONTROL_PROTOCOL__SOC_ID_LENGTH" => size(control::SOC_ID_LENGTH),
        "D2H_EVENT_BUFFER_IN_USE" => Some(notification::BUFFER_IN_USE.into()),
        "D2H_EVENT_BUFFER_NOT_IN_USE" => Some(notification::BUFFER_NOT_IN_USE.into()),
        "D2H_EVENT_MAX_SIZE" => size(notification::MAX_NOTIFICATION_SIZE),
        "D2H_EVENT_RX_ERROR_EVENT_PARAMETER_COUNT" => event(EventId::RX_ERROR),
        "D2H_EVENT_HOST_INFO_EVENT_PARAMETER_COUNT" => event(EventId::HOST_INFO),
        "D2H_EVENT_HEALTH_MONITOR_TEMPERATURE_ALARM_EVENT_PARAMETER_COUNT" => event(EventId::TEMPERATURE_ALARM),
        "D2H_EVENT_HEALTH_MONITOR_CLOSED_STREAMS_EVENT_PARAMETER_COUNT" => event(EventId::CLOSED_STREAMS),
        "D2H_EVENT_HEALTH_MONITOR_OVERCURRENT_ALERT_EVENT_PARAMETER_COUNT" => event(EventId::OVERCURRENT_ALERT),
        "D2H_EVENT_HEALTH_MONITOR_LCU_ECC_ERROR_EVENT_PARAMETER_COUNT" => event(EventId::LCU_ECC_UNCORRECTABLE),
        "D2H_EVENT_HEALTH_MONITOR_CPU_ECC_EVENT_PARAMETER_COUNT" => event(EventId::CPU_ECC_ERROR),
        "D2H_EVENT_CONTEXT_SWITCH_BREAKPOINT_REACHED_EVENT_PARAMETER_COUNT" => event(EventId::BREAKPOINT_REACHED),
        "D2H_EVENT_HEALTH_MONITOR_CLOCK_CHANGED_EVENT_PARAMETER_COUNT" => event(EventId::CLOCK_CHANGED),
        "D2H_EVENT_HW_INFER_MANAGER_INFER_DONE_PARAMETER_COUNT" => event(EventId::INFER_DONE),
        "D2H_EVENT_CONTEXT_SWITCH_RUN_TIME_ERROR_EVENT_PARAMETER_COUNT" => event(EventId::RUN_TIME_ERROR),
        "D2H_EVENT_START_UPDATE_CACHE_OFFSET_PARAMETER_COUNT" => event(EventId::START_UPDATE_CACHE_OFFSET),
        "D2H_EVENT_THROTTLING_STATE_CHANGE_PARAMETER_COUNT" => event(EventId::THROTTLING_STATE_CHANGE),
        "FIRMWARE_HEADER_MAGIC_HAILO8" => magic(FirmwareType::HAILO8),
        "FIRMWARE_HEADER_MAGIC_HAILO15" => magic(FirmwareType::HAILO15),
        "FIRMWARE_HEADER_MAGIC_HAILO15L" => magic(FirmwareType::HAILO15L),
        "FIRMWARE_HEADER_MAGIC_PLUTO" => magic(FirmwareType::PLUTO),
        "FIRMWARE_HEADER_MAGIC_MARS" => magic(FirmwareType::MARS),
        "FIRMWARE_STATUS__COMPONENT_ID" => word(FirmwareStatus::COMPONENT_ID),
        "FIRMWARE_STATUS__COMPONENT_MASK" => word(u32::MAX << FirmwareStatus::COMPONENT_SHIFT),
        "FIRMWARE_STATUS__COMPONENT_MAX" => word(FirmwareStatus(u32::MAX).component()),
        "FIRMWARE_STATUS__COMPONENT_OFFSET_BITS" => word(FirmwareStatus::COMPONENT_SHIFT),
        "FIRMWARE_STATUS__COMPONENT_WIDTH_BITS" => word(u32::BITS - FirmwareStatus::COMPONENT_SHIFT),
        "FIRMWARE_STATUS__MODULE_INDEX_MASK" => word(FirmwareStatus::MODULE_MASK),
        "FIRMWARE_STATUS__MODULE_INDEX_MAX" => Some(FirmwareStatus(u32::MAX).module().into()),
        "FIRMWARE_STATUS__MODULE_INDEX_OFFSET_BITS" => word(FirmwareStatus::MODULE_SHIFT),
        "FIRMWARE_STATUS__MODULE_INDEX_WIDTH_BITS" => word(FirmwareStatus::MODULE_MASK.count_ones()),
        "FIRMWARE_STATUS__VALUE_MASK" => word(FirmwareStatus::VALUE_MASK),
        "FIRMWARE_STATUS__VALUE_MAX" => Some(FirmwareStatus(u32::MAX).value().into()),
        "FIRMWARE_STATUS__VALUE_OFFSET_BITS" => word(FirmwareStatus::VALUE_MASK.trailing_zeros()),
        "FIRMWARE_STATUS__VALUE_WIDTH_BITS" => word(FirmwareStatus::VALUE_MASK.count_ones()),
        "LOT_ID_BYTES_LEN" => size(constants::LOT_ID_LENGTH),
        "MAC_ADDR_BYTES_LEN" => size(constants::MAC_ADDRESS_LENGTH),
        "MAXIMUM_APP_FIRMWARE_CODE_SIZE" => word(image::MAXIMUM_APP_FIRMWARE_CODE_SIZE),
        "MAXIMUM_CORE_FIRMWARE_CODE_SIZE" => word(image::MAXIMUM_CORE_FIRMWARE_CODE_SIZE),
        "MAXIMUM_FIRMWARE_CERT_CONTENT_SIZE" => word(image::MAXIMUM_FIRMWARE_CERT_CONTENT_SIZE),
        "MAXIMUM_FIRMWARE_CERT_KEY_SIZE" => word(image::MAXIMUM_FIRMWARE_CERT_KEY_SIZE),
        "MAXIMUM_SECOND_STAGE_CODE_SIZE" => word(image::MAXIMUM_SECOND_STAGE_CODE_SIZE),
        "MINIMUM_FIRMWARE_CODE_SIZE" => word(image::MINIMUM_FIRMWARE_CODE_SIZE),
        "MAX_CONFIG_NAME_LEN" => size(control::MAX_CONFIG_NAME_LEN),
        "MAX_OVERCURRENT_THROTTLING_LEVELS_NUMBER" => size(user_config::MAX_OVERCURRENT_THROTTLING_LEVELS),
        "MAX_TEMPERATURE_THROTTLING_LEVELS_NUMBER" => size(control::MAX_TEMPERATURE_THROTTLING_LEVELS),
        "PM_RESULTS_LENGTH" => size(control::PM_RESULTS_LENGTH),
        "SENSOR_CONFIG__ISP_SECTIONS_BLOCK_COUNT" => size(control::ISP_SECTIONS),
        "SENSOR_CONFIG__ISP_SECTION_INDEX" => size(control::ISP_SECTION_INDEX),
        "SENSOR_CONFIG__SENSOR_SECTION_BLOCK_COUNT" => size(control::SENSOR_SECTIONS),
        "SENSOR_CONFIG__TOTAL_SECTIONS_BLOCK_COUNT" => size(control::TOTAL_SECTIONS),
        "SENSOR_SECTIONS_INFO_SIZE" => size(control::SENSOR_SECTIONS_INFO_LENGTH),
        "USER_CONFIG_OVERCURRENT_UNINITIALIZED_VALUE" => word(user_config::OVERCURRENT_UNINITIALIZED),
        "USER_CONFIG_TEMPERATURE_DEFAULT_ORANGE_ALARM_THRESHOLD" => {
            Some(user_config::DEFAULT_ORANGE_ALARM_THRESHOLD as u64)
        }
        "USER_CONFIG_TEMPERATURE_DEFAULT_ORANGE_HYSTERESIS_ALARM_THRESHOLD" => {
            Some(user_config::DEFAULT_ORANGE_HYSTERESIS_ALARM_THRESHOLD as u64)
        }
        "USER_CONFIG_TEMPERATURE_DEFAULT_RED_ALARM_THRESHOLD" => Some(user_config::DEFAULT_RED_ALARM_THRESHOLD as u64),
        "USER_CONFIG_TEMPERATURE_DEFAULT_RED_HYSTERESIS_ALARM_THRESHOLD" => {
            Some(user_config::DEFAULT_RED_HYSTERESIS_ALARM_THRESHOLD as u64)
        }
        other => panic!("no constant {other}"),
    }
}

#[test]
fn every_constant_has_its_value() {
    let mut compared = 0;
    for [name, value, first, last] in rows("firmware-constants.tsv", ["name", "value", "first_version", "last_version"])
    {
        let value: u64 = value.parse().unwrap();
        for release in releases_of(&first, &last) {
            assert_eq!(constant(&name, release.interface().unwrap()), Some(value), "{name} in {release}");
        }
        compared += 1;
    }
    assert_eq!(compared, 148);
    assert_eq!(size_of::<ActionHeaderLayout>(), 5);
}
