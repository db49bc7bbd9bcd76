//! The emulated firmware answers every control that it is sent, in the form of its release.

use hailo_abi::DriverRelease;
use hailo_abi::command::FwControl;
use hailo_abi::driver::{Driver, FwControlBuffer};
use hailo_abi::firmware::control::{
    CommonHeader, Expected, Opcode, Request, Response, ResponseError, SetNetworkGroupHeader,
};
use hailo_abi::firmware::{FirmwareInterface, FirmwareRelease, NetworkGroupHeader};
use hailo_mock::{Machine, MockTransport};
use md5::{Digest, Md5};

/// Sends a control to emulated firmware of a version and returns its answer.
fn ask(driver: &Driver<MockTransport>, request: &[u8], opcode: Opcode) -> Vec<u8> {
    let params = FwControl {
        expected_md5: Md5::digest(request).into(),
        buffer_len: request.len() as u32,
        buffer: request,
        timeout_ms: 1000,
        cpu_id: hailo_abi::enums::CpuId::from_raw(opcode.cpu().0.into()),
    };
    let mut buffer = FwControlBuffer::default();
    // SAFETY: the control is shorter than 1500 bytes, and the emulator's firmware reaches no memory of this process.
    let reply = unsafe { driver.fw_control(&params, &mut buffer) }.expect("an answer");
    let message = reply.message().expect("a length that fits");
    assert_eq!(<[u8; 16]>::from(Md5::digest(message)), reply.expected_md5, "the MD5 is that of the answer");
    message.to_vec()
}

fn driver(release: DriverRelease, firmware: DriverRelease) -> Driver<MockTransport> {
    let machine = Machine::builder().driver(release).firmware_version(firmware).build().expect("a machine");
    let transport = MockTransport::open(&machine, 0).expect("a board");
    Driver::with_release(transport, release).expect("a known release")
}

#[test]
fn every_recorded_request_is_answered_in_its_form() {
    let driver = driver(DriverRelease::new(4, 23, 0), DriverRelease::new(4, 23, 0));
    let interface = FirmwareInterface::V4_21;
    let text = hailo_tests::golden::text("firmware/control-requests-v4.23.0.jsonl");
    let (mut answered, mut refused, mut silent) = (0, 0, 0);
    for line in text.lines() {
        let row: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let Some(hex) = row["bytes"].as_str().filter(|hex| !hex.is_empty()) else { continue };
        let bytes: Vec<u8> =
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex")).collect();
        let (header, _) = CommonHeader::parse(&bytes).expect("a header");
        if header.opcode == Opcode::RESET {
            // A soft reset has no answer.
            silent += 1;
            continue;
        }
        let message = ask(&driver, &bytes, header.opcode);
        let expected = Expected::request(header.opcode, header.sequence);
        match Response::decode(interface, expected, &message) {
            Ok((answer, _)) => {
                assert_eq!(answer.common.sequence, header.sequence, "{line}");
                answered += 1;
            }
            Err(ResponseError::Status { .. }) => refused += 1,
            Err(error) => panic!("{line}: {error}"),
        }
    }
    println!("{answered} answered, {refused} refused with a status, {silent} without answer");
    assert!(answered > 40, "{answered} answered, {refused} refused");
}

#[test]
fn every_release_identifies_itself() {
    let mut releases = 0;
    for (release, _) in hailo_abi::interface::RELEASES {
        let firmware = FirmwareRelease::new(release.major, release.minor, release.revision);
        let driver = driver(*release, *release);
        let interface = firmware.interface().unwrap_or(FirmwareInterface::RELEASE_INDEPENDENT);
        let request = Request::Identify.encode(interface, 1).expect("a request");
        let message = ask(&driver, request.as_slice(), Opcode::IDENTIFY);
        match Response::decode(interface, Expected::request(Opcode::IDENTIFY, 1), &message) {
            Ok((_, Response::Identity(identity))) => assert_eq!(identity.fw_version.release(), firmware),
            other => panic!("{release}: {other:?}"),
        }
        releases += 1;
    }
    assert_eq!(releases, hailo_abi::interface::RELEASES.len());
}

#[test]
fn configured_network_groups_are_listed_until_they_are_cleared() {
    let opcode = Opcode::GET_CONTEXT_SWITCH_MAIN_HEADER;
    let mut releases = 0;
    for (release, _) in hailo_abi::interface::RELEASES {
        let firmware = FirmwareRelease::new(release.major, release.minor, release.revision);
        let Some(interface) = firmware.interface() else { continue };
        let driver = driver(*release, *release);
        let tell = |request: Request<'_>| {
            let message = ask(&driver, request.encode(interface, 1).expect("a request").as_slice(), request.opcode());
            let answer = Response::decode(interface, Expected::request(request.opcode(), 1), &message);
            assert!(matches!(answer, Ok((_, Response::Done))), "{release}: {answer:?}");
        };
        let listed = || {
            let request = Request::GetContextSwitchMainHeader.encode(interface, 1).expect("a request");
            let message = ask(&driver, request.as_slice(), opcode);
            match Response::decode(interface, Expected::request(opcode, 1), &message) {
                Ok((_, Response::MainHeaderAnswer(answer))) => (0..usize::from(answer.application_count()))
                    .map(|index| answer.header(interface, index).expect("a header").dynamic_contexts_count)
                    .collect::<Vec<_>>(),
                other => panic!("{release}: {other:?}"),
            }
        };
        assert_eq!(listed(), [0; 0], "{release}");
        for dynamic_contexts_count in [1, 3] {
            let application_header = NetworkGroupHeader { dynamic_contexts_count, ..NetworkGroupHeader::default() };
            tell(Request::SetNetworkGroupHeader(SetNetworkGroupHeader { application_header }));
        }
        assert_eq!(listed(), [1, 3], "{release}");
        tell(Request::ClearConfiguredApps);
        assert_eq!(listed(), [0; 0], "{release}");
        releases += 1;
    }
    assert_eq!(releases, 16, "all but 5.3.0, whose firmware is not known");
}
