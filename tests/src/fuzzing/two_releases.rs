//! One command, or one answer, in the bytes of two releases: both mean the same, or the second says what it cannot express.
//!
//! Input: the two releases, the data models (bits 0 and 1) and whether it is an answer (bit 7), the number of a request of
//! the first release, then the argument, which is cut or filled up with zeros.

use hailo_abi::command::{ChannelInterrupt, Command, Progress, Reply, TransferBuffer};
use hailo_abi::enums::{BufferType, DataDirection};
use hailo_abi::interface::{EncodeError, MAX_ARGUMENT_LENGTH, RELEASES};
use hailo_abi::{DataModel, DriverRelease, Interface};

/// Runs one input. Panics on a violation.
///
/// # Panics
/// If a property does not hold.
pub fn run(data: &[u8]) {
    let Some((&[first, second, flags, number], bytes)) = data.split_first_chunk::<4>() else { return };
    let release = |index: u8| RELEASES[usize::from(index) % RELEASES.len()].1;
    let (one, other) = (release(first), release(second));
    let models = [flags & 1, flags >> 1 & 1].map(|model| DataModel::ALL[usize::from(model)]);
    let entry = &one.requests[usize::from(number) % one.requests.len()];
    let request = entry.codec(models[0]).request;
    let mut argument = bytes.to_vec();
    argument.resize(request.size(), 0);

    let mut buffer = vec![0xff; MAX_ARGUMENT_LENGTH];
    if flags & 0x80 == 0 {
        let command = one.decode(models[0], request, &argument).expect("bytes of its own length");
        match other.encode(models[1], &command, &mut buffer) {
            Ok((request, bytes)) => {
                let again = other.decode(models[1], request, bytes).expect("bytes that were written");
                let same = counting(&again, other) == counting(&command, other);
                assert!(same, "{} in {other:?} {:?}: {command:?} became {again:?}", entry.name, models[1]);
            }
            Err(error) => clear(&error, command.operation()),
        }
        return;
    }
    let reply = one.decode_reply(models[0], request, &argument).expect("bytes of its own length");
    let Some(same) = other.entry(entry.operation) else {
        let error = other.encode_reply(models[1], entry.operation, &reply, &mut []).expect_err("no such operation");
        clear(&error, entry.operation);
        return;
    };
    let request = same.codec(models[1]).request;
    let mut written = vec![0; request.size()];
    match other.encode_reply(models[1], entry.operation, &reply, &mut written) {
        Ok(()) => {
            let again = other.decode_reply(models[1], request, &written).expect("bytes that were written");
            let same = same_answer(&again, &reply, other);
            assert!(same, "answer to {} in {other:?} {:?}: {reply:?} became {again:?}", entry.name, models[1]);
        }
        Err(error) => clear(&error, entry.operation),
    }
}

const V4_21: DriverRelease = DriverRelease::new(4, 21, 0);
const V5_0_1: DriverRelease = DriverRelease::new(5, 0, 1);
const V5_1_1: DriverRelease = DriverRelease::new(5, 1, 1);

/// A command with what counts in an interface: one names the same thing in two ways, of which a release knows one, as the
/// fields' documentation says.
fn counting<'a>(command: &Command<'a>, interface: &Interface) -> Command<'a> {
    let mut command = command.clone();
    let by_address = interface.first_release >= V4_21;
    let buffer = |buffer: &mut TransferBuffer| {
        if by_address {
            (buffer.mapped_buffer_handle, buffer.offset) = (0, 0);
        } else {
            (buffer.buffer_type, buffer.address_or_fd) = (BufferType::USER_PTR, 0);
        }
    };
    match &mut command {
        Command::BufferUnmap(unmap) if interface.first_release >= V5_1_1 => unmap.mapped_handle = 0,
        Command::BufferUnmap(unmap) => {
            (unmap.address_or_fd, unmap.size) = (0, 0);
            (unmap.data_direction, unmap.buffer_type) = (DataDirection::BIDIRECTIONAL, BufferType::USER_PTR);
        }
        Command::LaunchTransfer(launch) => {
            launch.buffers.iter_mut().for_each(buffer);
            if interface.first_release >= V5_0_1 {
                launch.starting_desc = 0;
            }
        }
        Command::PrepareTransfer(prepare) => prepare.buffers.iter_mut().for_each(buffer),
        _ => {}
    }
    command
}

/// Whether two answers say the same in an interface. Since 4.21.0, one byte says how far a channel got, or that it does not
/// run, or that it failed.
fn same_answer(one: &Reply<'_>, other: &Reply<'_>, interface: &Interface) -> bool {
    let (Reply::InterruptsWait(one), Reply::InterruptsWait(other)) = (one, other) else { return one == other };
    let told = |interrupt: ChannelInterrupt| {
        if interface.first_release < V4_21 {
            return interrupt;
        }
        let failed = !interrupt.is_active || !interrupt.validation_success;
        ChannelInterrupt {
            progress: if failed { Progress::Transfers(0) } else { interrupt.progress },
            validation_success: interrupt.validation_success || !interrupt.is_active,
            host_error: 0,
            device_error: 0,
            ..interrupt
        }
    };
    one.channels_count() == other.channels_count() && one.iter().map(told).eq(other.iter().map(told))
}

/// A refusal names the operation and, where there is one, the parameter.
fn clear(error: &EncodeError, asked: hailo_abi::Operation) {
    match error {
        EncodeError::NoOperation { operation, .. } => assert_eq!(*operation, asked),
        EncodeError::Inexpressible { operation, parameter, .. } => {
            assert_eq!(*operation, asked);
            assert!(!parameter.is_empty(), "{error}");
        }
        error => panic!("{error}"),
    }
}
