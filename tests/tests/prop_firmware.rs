//! Laws of the firmware's messages: what is written is read, what is cut or changed is refused, nothing panics.

use hailo_abi::firmware::control::{
    CommonHeader, ControlStatus, EncodeError, Expected, Opcode, PROTOCOL_VERSION, ParameterError, Request,
    RequestError, Response, ResponseError, SetContextInfo, WriteMemory,
};
use hailo_abi::firmware::image::{FirmwareHeader, FirmwareImage, FirmwareType, ImageError, ImagePart, magic};
use hailo_abi::firmware::notification::{Event, EventId, Notification, NotificationError};
use hailo_abi::firmware::{FirmwareInterface, FirmwareRelease, FirmwareStatus, FirmwareVersion};
use hailo_tests::firmware::actions::interface;
use hailo_tests::firmware::messages::{self, Values};
use hailo_tests::fuzzing;
use proptest::collection::vec;
use proptest::prelude::*;

fn opcodes() -> impl Iterator<Item = Opcode> {
    (0..=100).chain([0xf001, 0xf00f, u32::MAX]).map(Opcode)
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..200)
}

#[test]
fn the_corpus_is_replayed() {
    let files = fuzzing::corpus("firmware_messages");
    assert!(files.len() > 50);
    for (_, data) in files {
        fuzzing::firmware_messages::run(&data);
        for cut in 0..data.len() {
            fuzzing::firmware_messages::run(&data[..cut]);
        }
        for generation in 0..10 {
            let mut data = data.clone();
            data[0] = generation;
            fuzzing::firmware_messages::run(&data);
        }
    }
}

#[test]
fn every_generation_has_its_messages() {
    let mut counts = Vec::new();
    for interface in FirmwareInterface::ALL {
        let known = |make: fn(FirmwareInterface, Opcode, u32, &mut Values) -> Option<Vec<u8>>| {
            let made = opcodes().filter(|opcode| opcode.exists_in(interface));
            made.filter(|&opcode| make(interface, opcode, 1, &mut Values::new(vec![1])).is_some()).count()
        };
        counts.push((known(messages::request), known(messages::response)));
    }
    // 4.17 has four controls less; those of the caches lose their parameters in 4.20.
    assert_eq!(
        counts,
        [(76, 76), (80, 80), (80, 80), (78, 79), (78, 79), (78, 79), (78, 79), (78, 79), (78, 79), (78, 79)]
    );
}

#[test]
fn an_answer_is_refused_for_the_right_reason() {
    let release = FirmwareInterface::V4_21;
    let request = Request::GetThrottlingState.encode(release, 5).unwrap();
    let (header, _) = Request::decode(release, request.as_slice()).unwrap();
    let opcode = Opcode::GET_THROTTLING_STATE;
    let good = messages::response(release, opcode, 5, &mut Values::new(vec![1])).unwrap();
    let expected = Expected::request(opcode, 5);
    let read = |bytes: &[u8]| Response::decode(release, expected, bytes).map(|_| ());
    let with = |offset: usize, word: u32| {
        let mut bytes = good.clone();
        bytes[offset..offset + 4].copy_from_slice(&word.to_be_bytes());
        bytes
    };
    assert_eq!(read(&good), Ok(()));
    assert_eq!(read(&good[..23]), Err(ResponseError::Header { available: 23 }));
    assert_eq!(read(&with(0, 3)), Err(ResponseError::Version { actual: 3 }));
    assert_eq!(read(&with(4, 2)), Err(ResponseError::NotAcknowledged { flags: 2 }));
    assert_eq!(read(&with(8, 4)), Err(ResponseError::Sequence { expected: 5, actual: 4 }));
    assert_eq!(read(&with(12, 0)), Err(ResponseError::Opcode { expected: opcode, actual: Opcode::IDENTIFY }));
    assert!(read(&with(12, 0)).unwrap_err().is_stale() && read(&with(8, 4)).unwrap_err().is_stale());
    let refused =
        ControlStatus { major_status: FirmwareStatus(0x4003_000f), minor_status: FirmwareStatus(0x4013_007a) };
    let message = Response::encode_failure(&header, refused).unwrap();
    let error = read(message.as_slice()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the firmware has refused GET_THROTTLING_STATE: HAILO_CONTROL_STATUS_UNSUPPORTED_OPCODE (0x4003000f, module \
         CONTROL), from CONTEXT_SWITCH_STATUS_SRAM_MEMORY_FULL (0x4013007a, module CONTEXT_SWITCH_TASK)"
    );
    // A request of another version of the protocol is answered in the one that there is.
    let other = Response::encode_failure(&CommonHeader { version: 3, ..header }, refused).unwrap();
    assert_eq!(CommonHeader::parse(other.as_slice()).unwrap().0.version, PROTOCOL_VERSION);
    // The minor status alone means nothing.
    assert_eq!(read(&with(20, 0x4013_007a)), Ok(()));
    // A short answer with a status is a refusal, whatever follows.
    assert!(matches!(read(&message.as_slice()[..24]), Err(ResponseError::Status { .. })));
}

#[test]
fn a_request_that_was_cut_says_what_is_missing() {
    let release = FirmwareInterface::V4_21;
    let request = Request::WriteMemory(WriteMemory { address: 64, data: &[7; 10] }).encode(release, 0).unwrap();
    let bytes = request.as_slice();
    // The data's length in 4 bytes, and 10 of data.
    for available in 4..14 {
        let error = Request::decode(release, &bytes[..bytes.len() - 14 + available]).unwrap_err();
        let truncated = ParameterError::Truncated { parameter: "data", needed: 14, available };
        assert_eq!(error, RequestError::Parameters { opcode: Opcode::WRITE_MEMORY, error: truncated });
    }
    assert!(Request::decode(release, bytes).is_ok());
}

#[test]
fn firmware_of_unknown_release_gets_only_common_controls() {
    let (mut allowed, mut refused) = (0, Vec::new());
    for opcode in opcodes().filter(|opcode| opcode.exists_in(FirmwareInterface::V5_2)) {
        type Make = fn(FirmwareInterface, Opcode, u32, &mut Values) -> Option<Vec<u8>>;
        // The message in every generation that has it.
        let all = |make: Make| -> Vec<Vec<u8>> {
            let made = FirmwareInterface::ALL.into_iter();
            made.filter_map(|interface| make(interface, opcode, 0, &mut Values::new(vec![3]))).collect()
        };
        let agree = |messages: &[Vec<u8>]| messages.len() == 10 && messages.windows(2).all(|pair| pair[0] == pair[1]);
        let (requests, responses) = (all(messages::request), all(messages::response));
        let Some(message) = requests.last() else { continue };
        let interface =
            FirmwareInterface::ALL.into_iter().rev().find(|&i| Request::decode(i, message).is_ok()).unwrap();
        let (_, request) = Request::decode(interface, message).unwrap();
        match request.encode_release_independent(0) {
            Ok(written) => {
                assert!(opcode.is_release_independent());
                assert!(agree(&requests) && agree(&responses), "{opcode}");
                assert_eq!(written.as_slice(), message);
                allowed += 1;
            }
            Err(error) => {
                assert_eq!(error, EncodeError::ReleaseDependent { opcode });
                assert!(!opcode.is_critical(), "{opcode} is sent to any firmware by the vendor");
                let undescribed = matches!(opcode, Opcode::GET_SOC_ID | Opcode::SWITCH_APPLICATION);
                // Of their own they have no more than a length; what they carry differs.
                let carries =
                    matches!(opcode, Opcode::CONTEXT_SWITCH_SET_CONTEXT_INFO | Opcode::GET_CONTEXT_SWITCH_MAIN_HEADER);
                assert!(!agree(&requests) || !agree(&responses) || undescribed || carries, "{opcode}");
                refused.push(opcode.name().unwrap());
            }
        }
    }
    let known = [
        "CONFIG_STREAM",
        "CONTEXT_SWITCH_SET_NETWORK_GROUP_HEADER",
        "CONTEXT_SWITCH_SET_CONTEXT_INFO",
        "DOWNLOAD_CONTEXT_ACTION_LIST",
        "SWITCH_APPLICATION",
        "GET_SOC_ID",
        "CONFIG_CONTEXT_SWITCH_BREAKPOINT",
        "GET_CONTEXT_SWITCH_MAIN_HEADER",
        "CONFIG_CONTEXT_SWITCH_TIMESTAMP",
        "GET_HW_CONSTS",
        "CHANGE_HW_INFER_STATUS",
        "CONTEXT_SWITCH_INIT_CACHE_INFO",
        "CONTEXT_SWITCH_GET_CACHE_INFO",
        "CONTEXT_SWITCH_UPDATE_CACHE_READ_OFFSET",
        "CONTEXT_SWITCH_SIGNAL_CACHE_UPDATED",
    ];
    assert_eq!((allowed, &refused[..]), (65, &known[..]));
    assert_eq!(FirmwareRelease::new(9, 1, 0).interface(), None);
}

#[test]
fn notifications_of_unknown_release_are_read_as_far_as_all_agree() {
    let mut read = Vec::new();
    for event in (0..20).map(EventId) {
        let make = |interface| messages::notification(interface, event, &mut Values::new(vec![3]));
        let all: Vec<_> = FirmwareInterface::ALL.into_iter().map(make).collect();
        let newest = all.last().unwrap();
        let notification = Notification::decode_release_independent(newest).unwrap();
        assert_eq!(notification.event.id(), event);
        if Event::is_release_independent(event) {
            assert!(all.iter().all(|bytes| bytes == newest), "{event}");
            assert_eq!(Notification::decode(FirmwareInterface::V4_17, newest), Ok(notification));
            read.push(event.name().unwrap());
        } else {
            assert!(matches!(notification.event, Event::Unknown { .. }), "{event}");
        }
    }
    assert_eq!(
        read,
        [
            "RX_ERROR",
            "HOST_INFO",
            "TEMPERATURE_ALARM",
            "LCU_ECC_CORRECTABLE",
            "LCU_ECC_UNCORRECTABLE",
            "CPU_ECC_ERROR",
            "CPU_ECC_FATAL",
            "CLOCK_CHANGED",
            "INFER_DONE"
        ]
    );
}

#[test]
fn a_message_never_gets_longer_than_a_control() {
    let data = [0; 1462];
    let chunk = |data| Request::SetContextInfo(SetContextInfo { context_network_data: data, ..Default::default() });
    let longest = chunk(&data[..1461]).encode(FirmwareInterface::V4_21, 0).unwrap();
    assert_eq!(longest.len(), 1500);
    assert_eq!(
        chunk(&data).encode(FirmwareInterface::V4_21, 0),
        Err(EncodeError::TooLong { needed: 1501, maximum: 1500 })
    );
    let message = [&longest.as_slice()[..35], &1462_u32.to_be_bytes(), &data].concat();
    let error = Request::decode(FirmwareInterface::V4_21, &message).unwrap_err();
    assert!(matches!(error, RequestError::Parameters { .. }), "{error}");
}

#[test]
fn an_image_is_refused_for_the_right_reason() {
    let release = FirmwareInterface::V4_21;
    let version = |flags| FirmwareVersion::new(FirmwareRelease::new(4, 23, 0), flags);
    let header = |flags, code_size| FirmwareHeader {
        magic: magic(FirmwareType::HAILO8, release).unwrap(),
        header_version: Default::default(),
        firmware_major: version(flags).firmware_major,
        firmware_minor: version(flags).firmware_minor,
        firmware_revision: version(flags).firmware_revision,
        code_size,
    };
    let image = FirmwareImage {
        app: header(0, 100),
        app_code: &[1; 100],
        certificate_key: &[2; 7],
        certificate_content: &[3; 9],
        core: header(FirmwareVersion::CORE, 80),
        core_code: &[4; 80],
    };
    let mut bytes = Vec::new();
    image.write(|part| bytes.extend_from_slice(part)).unwrap();
    let parse = |bytes: &[u8]| FirmwareImage::parse(release, FirmwareType::HAILO8, bytes).map(|_| ());
    let with = |offset: usize, word: u32| {
        let mut bytes = bytes.clone();
        bytes[offset..offset + 4].copy_from_slice(&word.to_le_bytes());
        parse(&bytes)
    };
    assert_eq!(FirmwareImage::parse(release, FirmwareType::HAILO8, &bytes), Ok(image));
    assert_eq!(image.app.version().release(), FirmwareRelease::new(4, 23, 0));
    for cut in 0..bytes.len() {
        parse(&bytes[..cut]).expect_err("a cut image");
    }
    assert_eq!(parse(&[&bytes[..], &[0]].concat()), Err(ImageError::Trailing { count: 1 }));
    assert!(matches!(
        FirmwareImage::parse(release, FirmwareType::HAILO15, &bytes),
        Err(ImageError::Magic { actual: 0x1dd8_9de0, .. })
    ));
    assert_eq!(with(4, 1), Err(ImageError::HeaderVersion { part: ImagePart::AppHeader, actual: 1 }));
    assert!(matches!(with(16, 1 << 27), Err(ImageError::Processor { part: ImagePart::AppHeader, .. })));
    for size in [79, 262_145, u32::MAX] {
        assert!(
            matches!(with(20, size), Err(ImageError::Size { part: ImagePart::AppCode, stated, .. }) if stated == size)
        );
    }
    assert!(matches!(with(124, 4097), Err(ImageError::Size { part: ImagePart::Certificate, stated: 4097, .. })));
    assert!(matches!(with(20, 200), Err(ImageError::Truncated { .. } | ImageError::Size { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..Default::default() })]

    #[test]
    fn requests_are_read_as_they_were_written(interface in interface(), values in bytes(), sequence: u32) {
        for opcode in opcodes() {
            let Some(message) = messages::request(interface, opcode, sequence, &mut Values::new(values.clone())) else {
                continue;
            };
            let (header, read) = Request::decode(interface, &message).unwrap();
            prop_assert_eq!((header.opcode, header.sequence, read.opcode()), (opcode, sequence, opcode));
            let written = read.encode(interface, sequence).unwrap();
            prop_assert_eq!(written.as_slice(), &message[..], "{}", opcode);
            if matches!(read, Request::Other { .. }) {
                continue;
            }
            for cut in 0..message.len() {
                prop_assert!(Request::decode(interface, &message[..cut]).is_err(), "{} cut to {}", opcode, cut);
            }
            let longer = [&message[..], &[0]].concat();
            prop_assert!(Request::decode(interface, &longer).is_err(), "{} with a byte more", opcode);
        }
    }

    #[test]
    fn responses_are_read_as_they_were_written(interface in interface(), values in bytes(), sequence: u32) {
        for opcode in opcodes() {
            let Some(message) = messages::response(interface, opcode, sequence, &mut Values::new(values.clone())) else {
                continue;
            };
            let expected = Expected::request(opcode, sequence);
            let (header, read) = Response::decode(interface, expected, &message).unwrap();
            let written = read.encode(interface, &header.common).unwrap();
            prop_assert_eq!(written.as_slice(), &message[..], "{}", opcode);
            if matches!(read, Response::Other(_)) {
                continue;
            }
            for cut in 0..message.len() {
                prop_assert!(Response::decode(interface, expected, &message[..cut]).is_err(), "{}", opcode);
            }
            let longer = [&message[..], &[0]].concat();
            prop_assert!(Response::decode(interface, expected, &longer).is_err(), "{}", opcode);
        }
    }

    #[test]
    fn notifications_are_read_as_they_were_written(interface in interface(), values in bytes()) {
        for event in (0..20).chain([u32::MAX]).map(EventId) {
            let message = messages::notification(interface, event, &mut Values::new(values.clone()));
            let read = Notification::decode(interface, &message).unwrap();
            let mut written = [0; 100];
            let length = read.encode(interface, &mut written).unwrap();
            // The unpacked messages of 4.17 have padding, which is not kept.
            if interface > FirmwareInterface::V4_17 {
                prop_assert_eq!(&written[..length], &message[..], "{}", event);
            }
            for cut in 0..length {
                prop_assert!(Notification::decode(interface, &message[..cut]).is_err());
                let error = read.encode(interface, &mut written[..cut]);
                let no_room = matches!(error, Err(NotificationError::NoRoom { .. }));
                prop_assert!(no_room, "{:?}", error);
            }
        }
    }

    #[test]
    fn any_bytes_do_no_harm(data in vec(any::<u8>(), 0..400)) {
        fuzzing::firmware_messages::run(&data);
    }

    #[test]
    fn changed_messages_do_no_harm(
        interface in interface(), opcode in 0_u32..80, values in bytes(), changes in vec((any::<usize>(), any::<u8>()), 1..4),
    ) {
        let choice = FirmwareInterface::ALL.iter().position(|&i| i == interface).unwrap() as u8;
        for make in [messages::request, messages::response] {
            let Some(mut message) = make(interface, Opcode(opcode), 0, &mut Values::new(values.clone())) else { continue };
            for &(place, value) in &changes {
                let length = message.len();
                message[place % length] = value;
            }
            fuzzing::firmware_messages::run(&[&[choice], &message[..]].concat());
        }
    }
}
