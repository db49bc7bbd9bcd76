//! What the emulated firmware refuses of a network: a test for each refusal, beginning with a network that it takes.

use hailo_abi::DriverRelease;
use hailo_abi::command::FwControl;
use hailo_abi::driver::{Driver, FwControlBuffer};
use hailo_abi::firmware::actions::{
    Action, ActivateBoundaryInput, ActivateBoundaryOutput, ActivateCfgChannel, ChangeBoundaryInputBatch, ChunkEncoder,
    FetchCfgChannelDescriptors, HostBufferInfo, MAX_CHUNK_SIZE, OpenBoundaryInputChannel, OpenBoundaryOutputChannel,
};
use hailo_abi::firmware::control::{
    ChangeContextSwitchStatus, ContextSwitchStatus, ContextType, Expected, Request, Response, ResponseError,
    SetContextInfo, SetNetworkGroupHeader,
};
use hailo_abi::firmware::{BatchSizes, ConfigChannels, FirmwareInterface, FirmwareStatus, NetworkGroupHeader};
use hailo_mock::{Machine, MockTransport};
use md5::{Digest, Md5};

const INTERFACE: FirmwareInterface = FirmwareInterface::V4_21;
const KINDS: [ContextType; 4] =
    [ContextType::ACTIVATION, ContextType::BATCH_SWITCHING, ContextType::PRELIMINARY, ContextType::DYNAMIC];

/// What a control came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Done,
    Refused(FirmwareStatus),
    /// No answer.
    Silence,
}

use Outcome::{Done, Refused, Silence};

/// A status of the module of context switching.
fn refused(code: u16) -> Outcome {
    Refused(FirmwareStatus::new(0x13, code))
}

/// An emulated board with firmware 4.23.0.
struct Board(Driver<MockTransport>);

impl Board {
    fn new() -> Self {
        let release = DriverRelease::new(4, 23, 0);
        let machine = Machine::builder().driver(release).firmware_version(release).build().expect("a machine");
        let transport = MockTransport::open(&machine, 0).expect("a board");
        Self(Driver::with_release(transport, release).expect("a known release"))
    }

    fn send(&self, message: &[u8], expected: Expected) -> Outcome {
        let params = FwControl {
            expected_md5: Md5::digest(message).into(),
            buffer_len: message.len() as u32,
            buffer: message,
            timeout_ms: 100,
            cpu_id: hailo_abi::enums::CpuId::CPU1,
        };
        let mut buffer = FwControlBuffer::default();
        // SAFETY: the control is shorter than 1500 bytes, and the emulator's firmware reaches no memory of this process.
        let Ok(reply) = (unsafe { self.0.fw_control(&params, &mut buffer) }) else { return Silence };
        match Response::decode(INTERFACE, expected, reply.message().expect("a message")) {
            Ok(_) => Done,
            Err(ResponseError::Status { major, .. }) => Refused(major),
            Err(error) => panic!("{error}"),
        }
    }

    fn tell(&self, request: &Request<'_>) -> Outcome {
        let message = request.encode(INTERFACE, 1).expect("a request");
        self.send(message.as_slice(), Expected::request(request.opcode(), 1))
    }

    fn header(&self, application_header: NetworkGroupHeader) -> Outcome {
        self.tell(&Request::SetNetworkGroupHeader(SetNetworkGroupHeader { application_header }))
    }

    fn chunk(&self, context_type: ContextType, data: &[u8], first: bool, last: bool) -> Outcome {
        self.tell(&Request::SetContextInfo(SetContextInfo {
            is_first_chunk_per_context: first.into(),
            is_last_chunk_per_context: last.into(),
            context_type,
            context_network_data: data,
        }))
    }

    fn status(&self, status: ContextSwitchStatus, application_index: u8, dynamic_batch_size: u16) -> Outcome {
        self.tell(&Request::ChangeContextSwitchStatus(ChangeContextSwitchStatus {
            state_machine_status: status,
            application_index,
            dynamic_batch_size,
            batch_count: 0,
        }))
    }

    fn enable(&self) -> Outcome {
        self.status(ContextSwitchStatus::ENABLED, 0, 0)
    }

    /// Gives it a network.
    fn configure(&self, network: &Network) {
        assert_eq!(self.header(header()), Done);
        for (kind, actions) in KINDS.into_iter().zip(&network.0) {
            assert_eq!(self.chunk(kind, &bytes(actions), true, true), Done, "{kind}");
        }
    }
}

fn header() -> NetworkGroupHeader {
    NetworkGroupHeader {
        dynamic_contexts_count: 1,
        networks_count: 1,
        csm_buffer_size: 512,
        batch_size: BatchSizes::all(4),
        config_channels: ConfigChannels::new(&[0.into()]).expect("one"),
        ..NetworkGroupHeader::default()
    }
}

fn bytes(actions: &[Action]) -> Vec<u8> {
    let actions: Vec<_> = actions.iter().copied().map(Some).collect();
    let mut encoder = ChunkEncoder::new(INTERFACE, &actions);
    let mut chunk = [0; MAX_CHUNK_SIZE];
    let mut bytes = Vec::new();
    while let Some(length) = encoder.next_chunk(&mut chunk).expect("actions of the release") {
        bytes.extend(&chunk[..length]);
    }
    bytes
}

/// The actions of the four contexts.
struct Network([Vec<Action>; 4]);

const INPUT: u8 = 1;
const OUTPUT: u8 = 16;

fn list() -> HostBufferInfo {
    HostBufferInfo { desc_page_size: 512, total_desc_count: 64, bytes_in_pattern: 512, ..HostBufferInfo::default() }
}

fn open_input(channel: u8, host_buffer_info: HostBufferInfo) -> Action {
    Action::OpenBoundaryInputChannel(OpenBoundaryInputChannel {
        packed_vdma_channel_id: channel.into(),
        host_buffer_info,
        ..OpenBoundaryInputChannel::default()
    })
}

fn open_output(channel: u8) -> Action {
    let packed_vdma_channel_id = channel.into();
    Action::OpenBoundaryOutputChannel(OpenBoundaryOutputChannel { packed_vdma_channel_id, host_buffer_info: list() })
}

fn activate_config(config_stream_index: u8) -> Action {
    Action::ActivateCfgChannel(ActivateCfgChannel {
        packed_vdma_channel_id: 0.into(),
        config_stream_index,
        host_buffer_info: list(),
    })
}

fn fetch(channel: u8, descriptors_count: u16) -> Action {
    let packed_vdma_channel_id = channel.into();
    Action::FetchCfgChannelDescriptors(FetchCfgChannelDescriptors { descriptors_count, packed_vdma_channel_id })
}

fn activate_input(channel: u8) -> Action {
    let packed_vdma_channel_id = channel.into();
    Action::ActivateBoundaryInput(ActivateBoundaryInput { packed_vdma_channel_id, ..Default::default() })
}

fn activate_output(channel: u8) -> Action {
    let packed_vdma_channel_id = channel.into();
    Action::ActivateBoundaryOutput(ActivateBoundaryOutput { packed_vdma_channel_id, ..Default::default() })
}

fn batch(channel: u8) -> Action {
    Action::ChangeBoundaryInputBatch(ChangeBoundaryInputBatch { packed_vdma_channel_id: channel.into() })
}

/// A network with an input and an output.
fn network() -> Network {
    Network([
        vec![open_output(OUTPUT), open_input(INPUT, list())],
        vec![batch(INPUT), Action::BurstCreditsTaskStart],
        vec![activate_config(0), fetch(0, 64)],
        vec![activate_output(OUTPUT), activate_input(INPUT)],
    ])
}

/// What starting a network comes to, one of whose contexts is changed.
fn started(context: usize, change: impl FnOnce(&mut Vec<Action>)) -> Outcome {
    let mut network = network();
    change(&mut network.0[context]);
    let board = Board::new();
    board.configure(&network);
    board.enable()
}

#[test]
fn a_sound_network_starts() {
    assert_eq!(started(0, |_| ()), Done);
}

#[test]
fn a_header_of_another_length() {
    let board = Board::new();
    // Older headers name no configuration channels.
    let application_header = NetworkGroupHeader { config_channels: ConfigChannels::default(), ..header() };
    let request = Request::SetNetworkGroupHeader(SetNetworkGroupHeader { application_header });
    // That of firmware 4.20, which has 41 bytes, and that of 5.0, which has 52.
    for other in [FirmwareInterface::V4_20, FirmwareInterface::V5_0] {
        let message = request.encode(other, 1).expect("a request");
        let outcome = board.send(message.as_slice(), Expected::request(request.opcode(), 1));
        assert_eq!(outcome, Refused(FirmwareStatus::INVALID_NETWORK_GROUP_HEADER_LENGTH), "{other}");
    }
}

#[test]
fn a_header_without_contexts_or_with_too_many() {
    for dynamic_contexts_count in [0, 1022] {
        let header = NetworkGroupHeader { dynamic_contexts_count, ..header() };
        assert_eq!(Board::new().header(header), refused(0x6f), "{dynamic_contexts_count}");
    }
    assert_eq!(Board::new().header(NetworkGroupHeader { dynamic_contexts_count: 1021, ..header() }), Done);
}

#[test]
fn too_many_configuration_channels() {
    let config_channels = ConfigChannels::new(&[0.into(); 5]).expect("five");
    assert_eq!(Board::new().header(NetworkGroupHeader { config_channels, ..header() }), refused(0x65));
}

#[test]
fn more_networks_than_the_firmware_keeps() {
    let board = Board::new();
    for _ in 0..32 {
        assert_eq!(board.header(header()), Done);
    }
    assert_eq!(board.header(header()), Refused(FirmwareStatus::SRAM_MEMORY_FULL));
    assert_eq!(board.tell(&Request::ClearConfiguredApps), Done);
    assert_eq!(board.header(header()), Done);
}

#[test]
fn a_context_without_a_header() {
    assert_eq!(Board::new().chunk(ContextType::ACTIVATION, &[], true, true), refused(0x06));
}

#[test]
fn contexts_in_another_order() {
    for (sent, wrong) in [(0, 1), (0, 3), (1, 2), (2, 3), (3, 2)] {
        let board = Board::new();
        assert_eq!(board.header(header()), Done);
        for kind in &KINDS[..sent] {
            assert_eq!(board.chunk(*kind, &[], true, true), Done);
        }
        let outcome = board.chunk(KINDS[wrong], &[], true, true);
        assert_eq!(outcome, Refused(FirmwareStatus::UNEXPECTED_CONTEXT_ORDER), "{} after {sent}", KINDS[wrong]);
    }
}

#[test]
fn a_context_of_an_unknown_kind() {
    let board = Board::new();
    assert_eq!(board.header(header()), Done);
    assert_eq!(board.chunk(ContextType(9), &[], true, true), refused(0x6d));
}

#[test]
fn one_context_too_many() {
    let board = Board::new();
    board.configure(&network());
    assert_eq!(board.chunk(ContextType::DYNAMIC, &[], true, true), refused(0x07));
}

#[test]
fn chunks_that_do_not_follow_each_other() {
    let order = Refused(FirmwareStatus::UNEXPECTED_CONTEXT_ORDER);
    let board = Board::new();
    assert_eq!(board.header(header()), Done);
    assert_eq!(board.chunk(ContextType::ACTIVATION, &[], false, true), order, "no first one");
    assert_eq!(board.chunk(ContextType::ACTIVATION, &[], true, false), Done);
    assert_eq!(board.chunk(ContextType::ACTIVATION, &[], true, true), order, "two first ones");
}

#[test]
fn a_context_that_is_larger_than_its_memory() {
    let board = Board::new();
    assert_eq!(board.header(header()), Done);
    let halts = bytes(&vec![Action::Halt; 280]);
    assert_eq!(halts.len(), 1400);
    for first in [true, false] {
        assert_eq!(board.chunk(ContextType::ACTIVATION, &halts, first, false), Done);
    }
    assert_eq!(board.chunk(ContextType::ACTIVATION, &halts, false, true), refused(0x10), "4200 bytes of 4096");
}

#[test]
fn an_unknown_action() {
    let board = Board::new();
    assert_eq!(board.header(header()), Done);
    let unknown = [200, 0xff, 0xff, 0xff, 0xff];
    assert_eq!(board.chunk(ContextType::ACTIVATION, &unknown, true, true), refused(0x18));
}

#[test]
fn an_action_that_is_cut_off() {
    let board = Board::new();
    assert_eq!(board.header(header()), Done);
    let actions = bytes(&[open_output(OUTPUT)]);
    assert_eq!(board.chunk(ContextType::ACTIVATION, &actions[..actions.len() - 1], true, true), refused(0x16));
}

#[test]
fn a_repetition_with_fewer_actions_than_it_says() {
    let board = Board::new();
    assert_eq!(board.header(header()), Done);
    let actions = bytes(&[fetch(0, 1), fetch(0, 2)]);
    assert_eq!(actions[0], 24, "REPEATED_ACTION");
    assert_eq!(board.chunk(ContextType::ACTIVATION, &actions[..actions.len() - 3], true, true), refused(0x5e));
}

#[test]
fn channels_of_the_other_direction_and_beyond_the_last() {
    let range = Refused(FirmwareStatus::INVALID_ENGINE_INDEX);
    for output in [15, 0, 32] {
        assert_eq!(started(0, |actions| actions[0] = open_output(output)), range, "output on {output}");
    }
    for input in [16, 31] {
        assert_eq!(started(0, |actions| actions[1] = open_input(input, list())), range, "input on {input}");
    }
    assert_eq!(started(3, |actions| actions[0] = activate_output(INPUT)), range);
    assert_eq!(started(3, |actions| actions[1] = activate_input(OUTPUT)), range);
    assert_eq!(started(2, |actions| actions[1] = fetch(OUTPUT, 1)), range);
}

#[test]
fn boundary_channels_that_were_not_opened() {
    assert_eq!(started(3, |actions| actions[0] = activate_output(OUTPUT + 1)), refused(0x1e));
    assert_eq!(started(3, |actions| actions[1] = activate_input(INPUT + 1)), refused(0x1e));
    assert_eq!(started(1, |actions| actions[0] = batch(INPUT + 1)), refused(0x1e));
}

#[test]
fn configuration_channels_that_are_not_active() {
    assert_eq!(started(2, |actions| *actions = vec![fetch(0, 64)]), refused(0x1e));
}

#[test]
fn a_configuration_stream_that_the_header_does_not_name() {
    assert_eq!(started(2, |actions| actions[0] = activate_config(1)), refused(0x69));
}

#[test]
fn more_descriptors_than_a_list_has() {
    assert_eq!(started(2, |actions| actions[1] = fetch(0, 65)), refused(0x34));
}

#[test]
fn lists_of_an_impossible_form() {
    for (desc_page_size, total_desc_count, code) in [(0, 64, 0x54), (500, 64, 0x54), (512, 1, 0x55), (512, 65537, 0x55)]
    {
        let list = HostBufferInfo { desc_page_size, total_desc_count, ..list() };
        assert_eq!(started(0, |actions| actions[1] = open_input(INPUT, list)), refused(code), "{list:?}");
    }
}

#[test]
fn bursts_without_a_batch_crash_the_firmware() {
    let mut network = network();
    network.0[1].remove(0);
    let board = Board::new();
    board.configure(&network);
    assert_eq!(board.enable(), Silence);
    assert_eq!(board.status(ContextSwitchStatus::RESET, 255, 0), Silence, "it is gone for good");
    assert_eq!(board.tell(&Request::ClearConfiguredApps), Silence);
}

#[test]
fn networks_that_cannot_be_started() {
    let board = Board::new();
    assert_eq!(board.enable(), refused(0x37), "there is none");
    assert_eq!(board.header(header()), Done);
    assert_eq!(board.enable(), Refused(FirmwareStatus::UNEXPECTED_CONTEXT_ORDER), "it has no contexts");
    let board = Board::new();
    board.configure(&network());
    assert_eq!(board.status(ContextSwitchStatus(7), 0, 0), refused(0x19));
    assert_eq!(board.status(ContextSwitchStatus::ENABLED, 0, 5), refused(0x3f), "a batch of 5, configured were 4");
    assert_eq!(board.status(ContextSwitchStatus::ENABLED, 0, 4), Done);
}

#[test]
fn what_is_not_done_while_a_network_runs() {
    let board = Board::new();
    board.configure(&network());
    board.configure(&network());
    assert_eq!(board.enable(), Done);
    assert_eq!(board.status(ContextSwitchStatus::ENABLED, 1, 0), refused(0x3e), "another one");
    assert_eq!(board.header(header()), refused(0x56));
    assert_eq!(board.chunk(ContextType::ACTIVATION, &[], true, true), refused(0x56));
    assert_eq!(board.tell(&Request::ClearConfiguredApps), refused(0x6c));
    assert_eq!(board.status(ContextSwitchStatus::RESET, 255, 0), Done);
    assert_eq!(board.tell(&Request::ClearConfiguredApps), Done);
}
